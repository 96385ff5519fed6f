"""Base nodes hold what the tree puts there: the planner's table is what the charts are told, and it fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from components.eks import sizing
from components.eks.sizing import BaseNodes, Room
from tests.gitops.tree import Tree

# Where a chart is told what a pod asks for: one path for each of its containers.
_PATHS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "karpenter": ("karpenter", ("controller",)),
    "aws-load-balancer-controller": ("aws-load-balancer-controller", ("",)),
    "efs-csi-controller": (
        "aws-efs-csi-driver",
        ("controller", "sidecars.csiProvisioner", "sidecars.livenessProbe"),
    ),
    "efs-csi-node": ("aws-efs-csi-driver", ("node", "sidecars.nodeDriverRegistrar", "sidecars.livenessProbe")),
    "external-secrets": ("external-secrets", ("",)),
    "external-secrets-webhook": ("external-secrets", ("webhook",)),
    "external-secrets-cert-controller": ("external-secrets", ("certController",)),
    "external-dns": ("external-dns", ("",)),
    "metrics-server": ("metrics-server", ("",)),
    "argo-rollouts": ("argo-rollouts", ("controller",)),
    "kube-prometheus-stack-operator": ("kube-prometheus-stack", ("prometheusOperator",)),
    "kube-prometheus-stack-kube-state-metrics": ("kube-prometheus-stack", ("kube-state-metrics",)),
    "kube-prometheus-stack-grafana": ("kube-prometheus-stack", ("grafana", "grafana.sidecar", "grafana.sidecar")),
    "prometheus": (
        "kube-prometheus-stack",
        ("prometheus.prometheusSpec", "prometheusOperator.prometheusConfigReloader"),
    ),
    "alertmanager": (
        "kube-prometheus-stack",
        ("alertmanager.alertmanagerSpec", "prometheusOperator.prometheusConfigReloader"),
    ),
    "node-exporter": ("kube-prometheus-stack", ("prometheus-node-exporter",)),
}
# Where a chart is told how many: none asks for one.
_REPLICAS: Final = {
    "karpenter": "replicas",
    "aws-load-balancer-controller": "replicaCount",
    "efs-csi-controller": "controller.replicaCount",
    "external-secrets": "replicaCount",
    "external-secrets-webhook": "webhook.replicaCount",
    "external-secrets-cert-controller": "certController.replicaCount",
    "metrics-server": "replicas",
    "argo-rollouts": "controller.replicas",
    "kube-prometheus-stack-grafana": "grafana.replicas",
    "kube-prometheus-stack-kube-state-metrics": "kube-state-metrics.replicas",
    "prometheus": "prometheus.prometheusSpec.replicas",
    "alertmanager": "alertmanager.alertmanagerSpec.replicas",
}
# EKS's own add-ons; Argo CD, whose values tests/unit/test_sizing.py looks at.
_ELSEWHERE: Final = frozenset(
    {
        *("aws-node", "coredns", "ebs-csi-controller", "ebs-csi-node", "eks-pod-identity-agent", "kube-proxy"),
        *("argocd-application-controller", "argocd-applicationset-controller", "argocd-notifications-controller"),
        *("argocd-redis", "argocd-repo-server", "argocd-server"),
    }
)
_ROWS: Final = {row.name: row for row in (*sizing.DAEMONS, *sizing.workloads(karpenter_replicas=2))}


def _at(values: Any, path: str, default: Any = None) -> Any:
    for key in filter(None, path.split(".")):
        values = values.get(key, {})
    return values or default


def _room(values: Any, paths: tuple[str, ...]) -> Room:
    """Add up what containers ask for. Raises `KeyError` where one asks for nothing."""
    cpu = memory = 0
    for path in paths:
        requests = _at(values, path)["resources"]["requests"]
        cpu += int(requests["cpu"].removesuffix("m"))
        text = requests["memory"]
        memory += int(text[:-2]) * {"Mi": 1, "Gi": 1024}[text[-2:]]
    return Room(cpu, memory)


def test_the_table_has_all_that_runs_on_base_nodes() -> None:
    """A row is either the tree's, and compared below, or has its numbers from elsewhere."""
    assert _PATHS.keys() | _ELSEWHERE == _ROWS.keys()
    assert _PATHS.keys().isdisjoint(_ELSEWHERE)


@pytest.mark.parametrize("name", _PATHS)
def test_the_planner_reckons_with_what_the_chart_is_told(tree: Tree, name: str) -> None:
    """Requests of all containers, and the number of pods, are the row's."""
    chart, paths = _PATHS[name]
    values = tree.values(chart)
    assert _room(values, paths) == _ROWS[name].request
    assert _at(values, _REPLICAS.get(name, "none"), 1) == _ROWS[name].replicas


@pytest.mark.parametrize(
    ("max_pods", "all_replicas"),
    [pytest.param(58, False, id="dev"), pytest.param(35, True, id="prod")],
)
def test_three_small_nodes_hold_the_platform_with_one_lost(max_pods: int, all_replicas: bool) -> None:
    """Requirements K-02 and K-03: the documents' base group, with all that they put on it, monitoring included."""
    nodes = BaseNodes(
        vcpus=2,
        memory_gib=4,
        max_pods=max_pods,
        count=3,
        zones=3,
        karpenter_replicas=2,
        all_replicas=all_replicas,
    )
    assert sizing.shortage(nodes) is None


def test_a_larger_prometheus_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above sees what is put on the nodes: with a gibibyte more for Prometheus it complains."""
    prometheus = _ROWS["prometheus"]
    larger = prometheus._replace(request=prometheus.request._replace(memory=prometheus.request.memory + 1024))
    rows = tuple(larger if row.name == "prometheus" else row for row in sizing.CONTROLLERS)
    monkeypatch.setattr(sizing, "CONTROLLERS", rows)
    nodes = BaseNodes(vcpus=2, memory_gib=4, max_pods=35, count=3, zones=3, karpenter_replicas=2, all_replicas=True)
    assert "no node holds" in str(sizing.shortage(nodes))

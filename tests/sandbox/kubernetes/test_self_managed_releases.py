"""The charts of a self-managed cluster on a real API server: their objects are taken, and their pods find nodes."""

from __future__ import annotations

from typing import Any

import pytest

from components.argocd.charts import charts
from components.self_managed.addon_values import calico_values, cloud_controller_values, csr_approver_values
from tests.gitops.tree import SELF_MANAGED, render
from tests.sandbox.kubernetes.conftest import Cluster
from tests.self_managed import VPC, nodes14

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_RELEASE = "kubernetes:helm.sh/v3:Release"


def _inputs(cluster: Cluster, chart: str, values: Any, namespace: str = "kube-system") -> dict[str, Any]:
    return {
        "name": chart,
        "namespace": namespace,
        "createNamespace": True,
        "chart": chart,
        "version": charts(None)[chart].version,
        "repositoryOpts": {"repo": cluster.mirror.url},
        "values": values,
        "timeout": 120,
    }


def test_the_first_addons_install(cluster: Cluster) -> None:
    """CRDs, then Calico's operator with its Installation; the approver's pod becomes ready as any pod does."""
    provider = cluster.provider()
    wanted = {
        "crd.projectcalico.org.v1": ({}, "tigera-operator"),
        "tigera-operator": (calico_values(nodes14()), "tigera-operator"),
        "aws-cloud-controller-manager": (cloud_controller_values(nodes14()), "kube-system"),
        "kubelet-csr-approver": (csr_approver_values(nodes14(), VPC), "kube-system"),
    }
    made = {}
    for chart, (values, namespace) in wanted.items():
        made[chart] = provider.create(_RELEASE, chart, _inputs(cluster, chart, values, namespace))[0]
    installation = cluster.get("installations.operator.tigera.io", "default")
    assert installation["spec"]["calicoNetwork"]["ipPools"][0]["cidr"] == str(nodes14().pod_cidr)
    for namespace, name in (("tigera-operator", "tigera-operator"), ("kube-system", "kubelet-csr-approver")):
        assert cluster.get("deployment", name, namespace)["status"]["readyReplicas"] == 1
    # No node here is a control plane.
    daemons = cluster.get("daemonset", "aws-cloud-controller-manager", "kube-system")
    assert daemons["status"]["desiredNumberScheduled"] == 0
    for chart in reversed(wanted):
        provider.delete(_RELEASE, chart, made[chart])


# Those that the others need: of kube-system, with nothing that has to be there before.
_CONTROLLERS = ("aws-ebs-csi-driver", "metrics-server", "aws-load-balancer-controller")


def test_the_controllers_of_the_tree_install(cluster: Cluster) -> None:
    """With the tree's own values the API server takes every object, and the EBS driver is on every node."""
    provider = cluster.provider()
    tree = render(cluster.tools.__getitem__, SELF_MANAGED)
    made = {}
    sources = [
        source
        for application in tree.applications
        for source in application["spec"].get("sources") or [application["spec"]["source"]]
    ]
    for source in sources:
        if source.get("chart") in _CONTROLLERS:
            inputs = _inputs(cluster, source["chart"], source["helm"]["valuesObject"])
            made[source["chart"]] = provider.create(_RELEASE, source["chart"], inputs)[0]
    assert cluster.get("daemonset", "ebs-csi-node", "kube-system")["status"]["numberReady"] == 3
    assert made.keys() == set(_CONTROLLERS)
    for name in ("ebs-csi-controller", "metrics-server", "aws-load-balancer-controller"):
        assert cluster.get("deployment", name, "kube-system")["status"]["readyReplicas"] == 2
    group = {"group": {"name": SELF_MANAGED["cluster"]["name"]}}
    assert (
        cluster.get("ingressclassparams.elbv2.k8s.aws", "alb")["spec"] == group | SELF_MANAGED["edge"]["loadBalancer"]
    )
    account = cluster.get("serviceaccount", "ebs-csi-controller-sa", "kube-system")
    assert account["metadata"]["annotations"].items() >= SELF_MANAGED["identity"]["aws-ebs-csi-driver"].items()
    for chart, rid in made.items():
        provider.delete(_RELEASE, chart, rid)

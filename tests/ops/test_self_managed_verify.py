"""`platform verify`: each row passes for the cluster that was asked for, and fails for any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.self_managed.spec import ClusterSpec, NodeSpec
from ops.cli import app
from ops.errors import OpsError
from ops.verify import observed
from ops.verify.checks import Row, report
from ops.verify.observed import Observed, SeenNode, SeenPod, SeenWorkload
from tests.bad_inputs import ROOT
from tests.self_managed import nodes14

SPEC = nodes14()
SHOWN = {"api": "api", "worker": "worker", "control-plane": "control-plane"}


def _seen_node(node: NodeSpec) -> SeenNode:
    role = {f"node-role.kubernetes.io/{SHOWN[node.role]}": ""} if node.role in SHOWN else {}
    placed = {"node.kubernetes.io/instance-type": node.instance_type, "topology.kubernetes.io/zone": node.zone}
    return SeenNode(
        name=node.name,
        ready=True,
        version=f"v{SPEC.version}",
        provider_id=f"aws:///{node.zone}/i-0123456789abcdef0",
        labels={**node.labels, **role, **placed},
        taints=frozenset(f"{taint.key}={taint.value}:{taint.effect}" for taint in node.taints),
    )


def _workload(kind: str, name: str, ready: int, **labels: str) -> SeenWorkload:
    return SeenWorkload(kind=kind, namespace="kube-system", name=name, ready=ready, wanted=ready, labels=labels)


def _pod(domain: str, node: str | None, phase: str = "Running", **selector: str) -> SeenPod:
    return SeenPod(
        namespace="api", name=f"{domain}-api-0", node=node, phase=phase, selector={"domain": domain, **selector}
    )


def whole(spec: ClusterSpec = SPEC) -> Observed:
    """Return what a cluster says that is what was asked for."""
    count = len(spec.nodes)
    return Observed(
        nodes=tuple(_seen_node(node) for node in spec.nodes),
        pods=(_pod("auth", "k8s-api-auth"), _pod("scan", "k8s-api-scan", workload="api")),
        workloads=(
            _workload("DaemonSet", "calico-node", count),
            _workload("DaemonSet", "node-exporter", count, **{"app.kubernetes.io/name": "prometheus-node-exporter"}),
            _workload("DaemonSet", "ebs-csi-node", count),
            _workload("Deployment", "ebs-csi-controller", 2),
            _workload("Deployment", "coredns", 2),
            _workload("Deployment", "metrics-server", 2),
        ),
        namespaces=frozenset({"argocd", "default"}),
        service=f"{spec.service_cidr.network_address + 1}:443",
        applications=frozenset({"aws-ebs-csi-driver", "metrics-server", "monitoring"}),
        crds=frozenset({"applications.argoproj.io"}),
    )


def _changed(seen: Observed, node_name: str, /, **changes: Any) -> Observed:
    nodes = tuple(replace(node, **changes) if node.name == node_name else node for node in seen.nodes)
    return replace(seen, nodes=nodes)


def _without(seen: Observed, *names: str) -> Observed:
    return replace(seen, workloads=tuple(one for one in seen.workloads if one.name not in names))


def _failed(seen: Observed) -> set[str]:
    return {row.id for row in report(SPEC, seen) if row.state == "fail"}


def test_every_row_passes() -> None:
    """The cluster of the documents passes every row, and each requirement of the report has one."""
    rows = report(SPEC, whole())
    assert {row.state for row in rows} == {"pass"}
    assert {row.id for row in rows} == {
        *("V-01", "V-02", "V-03", "V-04", "V-05", "V-06", "V-07", "V-08", "V-09", "V-10", "V-12", "V-33"),
        *("D-04", "D-08", "D-09", "D-10", "D-11"),
    }


@pytest.mark.parametrize(
    ("change", "ids"),
    [
        (lambda seen: replace(seen, nodes=seen.nodes[:-1]), {"V-01", "V-02", "V-03", "V-08", "V-09"}),
        (lambda seen: _changed(seen, "k8s-redis", name="k8s-cache"), {"V-02", "V-08", "V-09"}),
        (lambda seen: _changed(seen, "k8s-redis", ready=False), {"V-03"}),
        (lambda seen: _changed(seen, "k8s-redis", version="v1.28.4"), {"D-08"}),
        (lambda seen: _changed(seen, "k8s-redis", provider_id=""), {"D-04"}),
        (lambda seen: _changed(seen, "k8s-redis", provider_id="aws:///ap-northeast-2z/i-0"), {"D-04"}),
        (lambda seen: _changed(seen, "k8s-api-auth", labels={}), {"V-03", "V-04", "D-04"}),
        (lambda seen: _changed(seen, "k8s-api-scan", labels={}), {"V-03", "V-05", "D-04"}),
        (lambda seen: _changed(seen, "k8s-api-chat", labels={}), {"V-03", "V-06", "D-04"}),
        (lambda seen: _changed(seen, "k8s-worker-ai", labels={}), {"V-03", "V-07", "D-04"}),
        (lambda seen: _changed(seen, "k8s-rabbitmq", labels={}), {"V-08", "D-04"}),
        (lambda seen: _changed(seen, "k8s-master", labels={}), {"V-03", "D-04"}),
        (lambda seen: _changed(seen, "k8s-api-auth", taints=frozenset()), {"V-09"}),
        (lambda seen: _changed(seen, "k8s-api-auth", taints=frozenset({"workload=auth:NoSchedule"})), {"V-09"}),
        (lambda seen: _changed(seen, "k8s-master", taints=frozenset()), {"V-09"}),
        (lambda seen: replace(seen, pods=(_pod("auth", "k8s-api-my"),)), {"V-10"}),
        (lambda seen: replace(seen, pods=(_pod("scan", "k8s-worker-storage"),)), {"V-10"}),
        (lambda seen: replace(seen, pods=(_pod("auth", None, "Pending"),)), {"V-10"}),
        (lambda seen: replace(seen, pods=(_pod("auth", "k8s-api-auth", "Pending"),)), {"V-10"}),
        (lambda seen: _without(seen, "calico-node"), {"V-12"}),
        (lambda seen: _without(seen, "node-exporter"), {"V-33"}),
        (lambda seen: _without(seen, "coredns"), {"D-09"}),
        (lambda seen: _without(seen, "ebs-csi-node"), {"D-09"}),
        (lambda seen: _without(seen, "metrics-server"), {"D-09"}),
        (lambda seen: replace(seen, namespaces=frozenset({"cert-manager"})), {"D-10"}),
        (lambda seen: replace(seen, crds=frozenset({"certificates.cert-manager.io"})), {"D-10"}),
        (lambda seen: replace(seen, service="10.0.0.1:443"), {"D-11"}),
    ],
)
def test_each_difference_fails_in_its_rows(change: Callable[[Observed], Observed], ids: set[str]) -> None:
    """A cluster that differs in one thing fails exactly the rows that are about it."""
    assert _failed(change(whole())) == ids


def test_a_pod_of_the_storage_worker_is_no_api_pod() -> None:
    """The worker that serves the domain `scan` keeps its pods: they say so by `workload`."""
    pods = (_pod("scan", "k8s-worker-storage", workload="worker-storage"), _pod("scan", "k8s-api-scan"))
    assert _failed(replace(whole(), pods=pods)) == set()


def test_what_the_tree_does_not_bring_is_absent() -> None:
    """What no Application asks for is told, and is neither passed nor failed; what one asks for has to be there."""
    bare = replace(_without(whole(), "node-exporter", "ebs-csi-node", "ebs-csi-controller", "metrics-server"), pods=())
    nobody = replace(bare, applications=frozenset())
    assert [row.id for row in report(SPEC, nobody) if row.state == "absent"] == ["V-10", "V-33", "D-09", "D-09"]
    assert _failed(nobody) == set()
    assert _failed(bare) == {"V-33", "D-09"}


def test_a_long_list_of_faults_is_cut() -> None:
    """A report line names the first few and counts the rest."""
    seen = replace(whole(), nodes=tuple(replace(node, version="v1.28.4") for node in whole().nodes))
    row = next(row for row in report(SPEC, seen) if row.id == "D-08")
    assert row.found.endswith("and 10 more")


def _verify(monkeypatch: pytest.MonkeyPatch, seen: Observed | OpsError, *arguments: str) -> Any:
    def observe(kubeconfig: Path | None, context: str | None) -> Observed:
        if isinstance(seen, OpsError):
            raise seen
        return seen

    monkeypatch.setattr(observed, "observe", observe)
    command = ["verify", "--stack", "nodes14", "--cwd", str(ROOT), *arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def _of_the_stack(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    result = _verify(monkeypatch, Observed(nodes=()), "--json")
    assert result.exit_code == 1
    rows: list[Row] = [Row(**row) for row in json.loads(result.stdout)["rows"]]
    return rows


def test_command_ends_with_one_when_a_row_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cluster fails in JSON and as a table; the stack's own file says what is expected."""
    rows = {row.id: row for row in _of_the_stack(monkeypatch)}
    assert (rows["V-01"].expected, rows["V-01"].found) == ("14", "0")
    assert rows["D-11"].expected == "10.96.0.1:443"
    result = _verify(monkeypatch, Observed(nodes=()))
    assert result.exit_code == 1
    assert "V-01" in result.stdout


def test_command_ends_with_two_when_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is no verdict."""
    result = _verify(monkeypatch, OpsError("the cluster does not answer"))
    assert (result.exit_code, result.stderr) == (2, "error: the cluster does not answer\n")


def test_command_refuses_a_stack_on_eks() -> None:
    """The report is of machines; on EKS there is nothing of it to verify."""
    result = CliRunner().invoke(app, ["verify", "--stack", "dev", "--cwd", str(ROOT)])
    assert result.exit_code == 2
    assert "is on EKS" in result.stderr

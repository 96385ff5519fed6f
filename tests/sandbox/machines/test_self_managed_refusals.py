"""Machines that must not join, and what their consoles say."""

from __future__ import annotations

import pytest

from tests.sandbox.machines import Lab, Wanted, ready, until

pytestmark = pytest.mark.cluster

_FORGED = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Lab:
    """A cluster of one control plane."""
    lab.wait_for_console(lab.run(Wanted(name="master", control_plane=True)), "phase=done", timeout=180)
    return lab


def test_reason_is_told_and_no_node_comes(cluster: Lab) -> None:
    """Without right, pin, token, allowed label, route or open port a machine does not join and says why."""
    expected = {
        cluster.run(Wanted(name="no-right"), role="nothing"): "not authorized to perform ssm:GetParameter",
        cluster.run(Wanted(name="wrong-pin", pin=_FORGED)): "not one of sha256:000000",
        cluster.run(Wanted(name="wrong-token", token="abcdef.ffffffffffffffff")): "not signed by this token's secret",
        cluster.run(Wanted(name="no-token", token="zzzzzz.ffffffffffffffff")): "no signature for token 'zzzzzz'",
        cluster.run(
            Wanted(name="bad-label", labels={"node-role.kubernetes.io/api": ""})
        ): "is not allowed to set the following labels: node-role.kubernetes.io/api",
        cluster.run(Wanted(name="no-route"), subnet=cluster.subnet_without_route()): "has no active route to 0.0.0.0/0",
        cluster.run(Wanted(name="stranger"), group=cluster.stranger()): "lets TCP 6443 in from",
        cluster.run(Wanted(name="bad-flag", flags={"max-pods": "500"})): "max-pods: not emulated",
        cluster.run(Wanted(name="two words")): "kubeadm config validate",
    }
    for identity, reason in expected.items():
        cluster.wait_for_console(identity, reason)
    nodes = cluster.api.request("GET", "/api/v1/nodes")["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["master"]
    cluster.terminate(*expected)


def test_machine_joins_once_what_was_missing_comes(cluster: Lab) -> None:
    """A closed port is tried again, as a real boot does, and the machine joins when it opens."""
    cluster.open(False)
    identity = cluster.run(Wanted(name="late"))
    cluster.wait_for_console(identity, "lets TCP 6443 in from")
    assert cluster.node("late") is None
    cluster.open(True)
    cluster.wait_for_console(identity, "phase=done")
    assert cluster.node("late") is not None


def test_second_machine_of_a_name_stays_out(cluster: Lab) -> None:
    """While the node of its name is Ready a machine does not join, and afterwards only once that Node is deleted."""
    cluster.install("installations.operator.tigera.io", "tigera-operator")
    first = cluster.run(Wanted(name="twin"))
    until(lambda: ready(cluster.node("twin")), 90, lambda: cluster.console(first))
    second = cluster.run(Wanted(name="twin"))
    cluster.wait_for_console(second, 'a Node with name "twin" and status "Ready" already exists')
    cluster.terminate(first)
    cluster.wait_for_console(second, "which cannot be changed to", timeout=120)
    cluster.api.request("DELETE", "/api/v1/nodes/twin")
    cluster.wait_for_console(second, "phase=done")
    assert (cluster.node("twin") or {})["spec"]["providerID"].endswith(second)


def test_unknown_instance_type_does_not_boot(cluster: Lab) -> None:
    """What the sandbox does not know of a machine it says on its console."""
    identity = cluster.run(Wanted(name="giant", instance_type="x1e.32xlarge"))
    cluster.wait_for_console(identity, "instance type 'x1e.32xlarge' is unknown here")

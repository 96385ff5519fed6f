"""Machines become a cluster: one control plane and two workers, from their user data alone."""

from __future__ import annotations

import pytest

from tests.sandbox.machines import Lab, Wanted

pytestmark = pytest.mark.cluster

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
MASTER = Wanted(
    name="master", control_plane=True, taints=({"key": _CONTROL_PLANE, "effect": "NoSchedule"},), labels={"phase": "0"}
)
WORKERS = (
    Wanted(name="one", labels={"domain": "one"}, taints=({"key": "domain", "value": "one", "effect": "NoSchedule"},)),
    Wanted(name="two", labels={"domain": "two"}, instance_type="t3.small"),
)


@pytest.fixture(scope="module")
def ids(lab: Lab) -> dict[str, str]:
    """Instances by name, all started at once, workers first."""
    found = {wanted.name: lab.run(wanted) for wanted in (*WORKERS, MASTER)}
    for identity in found.values():
        lab.wait_for_console(identity, "phase=done", timeout=120)
    return found


def test_nodes_join_with_what_their_files_say(lab: Lab, ids: dict[str, str]) -> None:
    """Each node has its labels, taints, provider id and address, and waits for network and cloud controller."""
    node = lab.node("one")
    assert node is not None
    assert node["metadata"]["labels"] == {
        "domain": "one",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "one",
        "kubernetes.io/os": "linux",
    }
    assert node["spec"]["providerID"] == f"aws:///eu-west-1a/{ids['one']}"
    assert {(one["key"], one["effect"]) for one in node["spec"]["taints"]} >= {
        ("domain", "NoSchedule"),
        ("node.cloudprovider.kubernetes.io/uninitialized", "NoSchedule"),
        ("node.kubernetes.io/not-ready", "NoSchedule"),
    }

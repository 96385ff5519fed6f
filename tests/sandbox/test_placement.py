"""Where pods are, and the rules about it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sandbox.kubernetes.api import Api
from sandbox.placement import PlacementError, placement, read_rules

_NODES = {"base-1": {"node-type": "base"}, "general-1": {"pool": "general"}, "auth-1": {"domain": "auth", "use": "api"}}


class FakeApi:
    """An API with nodes and pods."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = pods

    def request(self, method: str, path: str) -> dict[str, Any]:
        if path.endswith("pods"):
            return {"items": self.pods}
        return {"items": [{"metadata": {"name": name, "labels": labels}} for name, labels in _NODES.items()]}


def pod(namespace: str, node: str | None, owner: str = "ReplicaSet", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": namespace, "ownerReferences": [{"kind": owner}]},
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]} | status,
    }


def faults(rules: list[dict[str, Any]], *pods: dict[str, Any]) -> list[str]:
    return placement(cast(Api, FakeApi(*pods)), read_rules(rules), seconds=0).faults


SHOP = {"namespaces": ["shop"], "nodes": {"pool": "*"}, "only": True}
APIS = {"namespaces": ["auth", "my"], "nodes": {"domain": "{namespace}", "use": "api"}, "only": True}


def test_pods_at_their_places_are_no_fault() -> None:
    """Labels of any value, and those of the pod's own namespace; DaemonSets are everywhere."""
    pods = (pod("shop", "general-1"), pod("auth", "auth-1"), pod("kube-system", "base-1"))
    everywhere = (pod("kube-system", name, owner="DaemonSet") for name in _NODES)
    assert faults([SHOP, APIS], *pods, *everywhere) == []


@pytest.mark.parametrize(
    ("pods", "fault"),
    [
        ([pod("shop", "base-1")], "shop/web is on base-1; pods of shop alone on nodes with pool=*"),
        ([pod("shop", "general-1"), pod("other", "general-1")], "other/web is on general-1, which is not for it"),
        ([], "there is no such pod"),
    ],
    ids=["wrong node", "somebody else", "nobody"],
)
def test_a_pod_where_it_must_not_be_is_named(pods: list[dict[str, Any]], fault: str) -> None:
    """As are rules that speak of no pod: they would hold for ever."""
    assert [fault in one for one in faults([SHOP], *pods)] == [True]


def test_a_domains_node_takes_its_own_pods_only() -> None:
    """Neither another domain's nor anybody else's."""
    found = faults([APIS], pod("auth", "auth-1"), pod("my", "auth-1"), pod("other", "auth-1"))
    assert len(found) == 2
    assert "my/web" in found[0]
    assert "other/web" in found[1]


def test_some_may_be_beside_them() -> None:
    """Those that tolerate every taint, because all others need them."""
    pods = (pod("auth", "auth-1"), pod("network", "auth-1"))
    assert len(faults([APIS], *pods)) == 1
    assert faults([APIS | {"beside": ["net*"]}], *pods) == []


@pytest.mark.parametrize(
    ("status", "node", "fault"),
    [
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]},
            None,
            "shop/web is Pending on no node: 0/3 nodes",
        ),
        ({"conditions": [{"type": "Ready", "status": "False", "message": "starts"}]}, "base-1", "is Running on base-1"),
    ],
    ids=["pending", "not ready"],
)
def test_a_pod_that_does_not_run_is_named(status: dict[str, Any], node: str | None, fault: str) -> None:
    """With what is said of it."""
    (found,) = faults([], pod("shop", node, **status))
    assert fault in found


def test_what_has_ended_or_goes_is_left_out() -> None:
    """Pods of Jobs that are done, and those that are being deleted."""
    going = pod("shop", "base-1", phase="Pending")
    going["metadata"]["deletionTimestamp"] = "now"
    assert faults([], pod("shop", "base-1", phase="Succeeded"), going) == []


def test_the_table_counts_by_namespace_and_node() -> None:
    """One line per namespace."""
    pods = (pod("shop", "general-1"), pod("shop", "general-1"), pod("auth", "auth-1"))
    found = placement(cast(Api, FakeApi(*pods)), [], seconds=0)
    assert found.table == [("auth", 1, "auth-1 1"), ("shop", 2, "general-1 2")]


@pytest.mark.parametrize(
    ("rule", "error"), [({"nodes": {}}, "names no nodes"), ({"nodes": {"a": "b"}, "pods": "x"}, "unknown key pods")]
)
def test_what_is_no_rule_is_refused(rule: dict[str, Any], error: str) -> None:
    """A mistyped rule would hold for everything."""
    with pytest.raises(PlacementError, match=error):
        read_rules([rule])

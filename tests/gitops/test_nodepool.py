"""The NodePool: which machines, how many of them, and how they are replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.gitops.tree import HANDOVER, WAVE, Break, Object, Rule, Tool, Tree, assert_noticed, edit, helm

_ASKED: Mapping[str, Any] = HANDOVER["karpenter"]
# Labels that Karpenter's CRD lets a requirement use; any other label of its two groups is refused.
_LABELS = {
    "karpenter.sh/capacity-type",
    "karpenter.k8s.aws/instance-family",
    "karpenter.k8s.aws/instance-size",
    "kubernetes.io/arch",
    "kubernetes.io/os",
}
_HOUR = {"s": 1 / 3600, "m": 1 / 60, "h": 1.0}


def _pool(tree: Tree) -> Object:
    spec: Object = tree.get("NodePool/general")["spec"]
    return spec


def _hours(duration: str) -> float:
    return sum(int(number) * _HOUR[unit] for number, unit in re.findall(r"(\d+)([smh])", duration))


def pool_uses_the_class(tree: Tree) -> Iterator[str]:
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
    if _pool(tree)["template"]["spec"]["nodeClassRef"] != reference:
        yield "nodeClassRef names the class by group, kind and name"
    pool, class_ = (tree.get(name)["metadata"] for name in ("NodePool/general", "EC2NodeClass/default"))
    if not _object_wave(class_) < _object_wave(pool):
        yield "the class is there before the pool, and goes after it"


def _object_wave(metadata: Object) -> int:
    return int(metadata.get("annotations", {}).get(WAVE, "0"))


def requirements_are_what_was_asked(tree: Tree) -> Iterator[str]:
    requirements = {row["key"]: row for row in _pool(tree)["template"]["spec"]["requirements"]}
    expected = {
        "karpenter.sh/capacity-type": _ASKED["capacityTypes"],
        "karpenter.k8s.aws/instance-family": _ASKED["instanceFamilies"],
        "karpenter.k8s.aws/instance-size": _ASKED["instanceSizes"],
        # Family t alone would bring t4g, which is arm64.
        "kubernetes.io/arch": ["amd64"],
        "kubernetes.io/os": ["linux"],
    }
    for key, values in expected.items():
        row = requirements.get(key, {})
        if (row.get("operator"), row.get("values")) != ("In", values):
            yield f"{key} is not one of {values}"
    yield from (f"Karpenter refuses a requirement on {key}" for key in requirements.keys() - _LABELS)


def pool_is_bounded(tree: Tree) -> Iterator[str]:
    if _pool(tree).get("limits") != _ASKED["limits"]:
        yield "limits of cpu, memory and nodes as handed over"
    if "weight" not in _pool(tree):
        yield "a weight tells this pool from the next"


def nodes_are_replaced_in_time(tree: Tree) -> Iterator[str]:
    template = _pool(tree)["template"]["spec"]
    if not 0 < _hours(template.get("expireAfter", "")) <= 720:
        yield "a node lives 30 days at most"
    if not 0 < _hours(template.get("terminationGracePeriod", "")) <= 24:
        yield "pods delay a node's end for a day at most"


def disruption_is_measured(tree: Tree) -> Iterator[str]:
    disruption = _pool(tree).get("disruption", {})
    if disruption.get("consolidationPolicy") != "WhenEmptyOrUnderutilized":
        yield "empty and underused nodes go"
    if disruption.get("consolidateAfter") != _ASKED["consolidateAfter"]:
        yield "after the time handed over"
    always, *frozen = disruption.get("budgets", [{}])
    if always != {"nodes": _ASKED["disruptionBudget"]}:
        yield "no more at a time than handed over, whenever and why ever"
    if frozen != [{"nodes": "0", **freeze} for freeze in _ASKED["freezes"]]:
        yield "nothing goes in the times handed over"


def no_taint_keeps_pods_away(tree: Tree) -> Iterator[str]:
    template = _pool(tree)["template"]
    if template["spec"].get("taints") or template["spec"].get("startupTaints"):
        yield "this pool is for every pod"
    if template["metadata"].get("labels", {}).get("node-type") == "base":
        yield "what belongs on base nodes would come onto nodes that Karpenter takes away"
    for label in template["metadata"].get("labels", {}):
        if re.search(r"(^|\.)(kubernetes\.io|k8s\.io|karpenter\.sh|karpenter\.k8s\.aws)/", label):
            yield f"label {label} is not ours to set"


_POOL = "NodePool/general"
_TEMPLATE = ["spec", "template", "spec"]


def _requirement(of: str, **changes: Any) -> Break:
    def change(tree: Tree) -> None:
        rows = _pool(tree)["template"]["spec"]["requirements"]
        next(row for row in rows if row["key"] == of).update(changes)

    return change


_BREAKS: dict[Rule, list[Break]] = {
    pool_uses_the_class: [
        edit(_POOL, *_TEMPLATE, "nodeClassRef", "name", to="general"),
        edit(_POOL, *_TEMPLATE, "nodeClassRef", "group"),
        edit(_POOL, "metadata", "annotations"),
    ],
    requirements_are_what_was_asked: [
        _requirement("karpenter.sh/capacity-type", values=["spot"]),
        _requirement("karpenter.k8s.aws/instance-family", operator="NotIn"),
        _requirement("kubernetes.io/arch", values=["amd64", "arm64"]),
        _requirement("kubernetes.io/os", key="karpenter.sh/nodepool"),
    ],
    pool_is_bounded: [
        edit(_POOL, "spec", "limits"),
        edit(_POOL, "spec", "limits", "memory"),
        edit(_POOL, "spec", "limits", "nodes"),
        edit(_POOL, "spec", "weight"),
    ],
    nodes_are_replaced_in_time: [
        edit(_POOL, *_TEMPLATE, "expireAfter", to="Never"),
        edit(_POOL, *_TEMPLATE, "expireAfter", to="721h"),
        edit(_POOL, *_TEMPLATE, "terminationGracePeriod"),
    ],
    disruption_is_measured: [
        edit(_POOL, "spec", "disruption", "consolidationPolicy", to="WhenEmpty"),
        edit(_POOL, "spec", "disruption", "consolidateAfter", to="0s"),
        edit(_POOL, "spec", "disruption", "budgets"),
        edit(_POOL, "spec", "disruption", "budgets", 0, "nodes", to="100%"),
        edit(_POOL, "spec", "disruption", "budgets", 0, "reasons", to=["Empty"]),
        edit(_POOL, "spec", "disruption", "budgets", 1, "nodes", to="10%"),
        edit(_POOL, "spec", "disruption", "budgets", 1, "reasons"),
        edit(_POOL, "spec", "disruption", "budgets", 1),
    ],
    no_taint_keeps_pods_away: [
        edit(_POOL, *_TEMPLATE, "taints", to=[{"key": "karpenter.sh/spot", "effect": "NoSchedule"}]),
        edit(_POOL, "spec", "template", "metadata", "labels", "karpenter.sh/nodepool", to="general"),
        edit(_POOL, "spec", "template", "metadata", "labels", "node-type", to="base"),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_nodepool(rule: Rule, tree: Tree) -> None:
    """The NodePool keeps the rule."""
    assert list(rule(tree)) == []


@pytest.mark.parametrize(("rule", "break_"), [(rule, break_) for rule, breaks in _BREAKS.items() for break_ in breaks])
def test_broken_nodepool_is_noticed(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about a NodePool that breaks it."""
    assert_noticed(rule, break_, tree)


def test_limits_stay_text(tool: Tool) -> None:
    """A quantity that looks like a number is not turned into one on its way through two charts."""
    class_, pool = _rendered(tool, tags={"CostCenter": "0000"}, limits={"cpu": "20", "memory": "40Gi", "nodes": "10"})
    assert pool["spec"]["limits"] == {"cpu": "20", "memory": "40Gi", "nodes": "10"}
    assert class_["spec"]["tags"]["CostCenter"] == "0000"


def test_number_of_nodes_may_be_free(tool: Tool) -> None:
    """Without a number of nodes the quantities alone bound the pool: an empty one is no limit of zero."""
    _, pool = _rendered(tool, limits={"cpu": "20", "memory": "40Gi", "nodes": ""})
    assert pool["spec"]["limits"] == {"cpu": "20", "memory": "40Gi"}


def test_freeze_without_reasons_is_for_all(tool: Tool) -> None:
    """No reason named means every reason; an empty list would mean none to Karpenter's CRD."""
    frozen = [{"schedule": "@daily", "duration": "8h", "reasons": []}]
    _, pool = _rendered(tool, freezes=frozen)
    assert pool["spec"]["disruption"]["budgets"][1:] == [{"nodes": "0", "schedule": "@daily", "duration": "8h"}]


def _rendered(tool: Tool, **changes: Any) -> list[Object]:
    values = {key: value for key, value in _ASKED.items() if key not in ("queueName", "replicas", "isolated")}
    values |= {"clusterName": "example", "tags": {}, **changes}
    return helm(tool, "gitops/platform/karpenter-config", "karpenter-config", "kube-system", values)

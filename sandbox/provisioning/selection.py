"""Whether labels fit: selectors of nodes and pods, taints and tolerations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Labels = Mapping[str, str]
Expression = Mapping[str, Any]

# Taints that a node loses by itself once it works: https://karpenter.sh/docs/concepts/nodepools/#spectemplatespecstartuptaints
_PASSING: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "karpenter.sh/unregistered")


def matches(labels: Labels, expression: Expression) -> bool:
    """Say whether labels fulfil one `matchExpressions` entry or one requirement of a NodePool."""
    found = labels.get(expression["key"])
    values = [str(value) for value in expression.get("values") or []]
    match expression["operator"]:
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case operator:
            return found is not None and found.isdigit() and _compare(operator, int(found), int(values[0]))


def _compare(operator: str, found: int, limit: int) -> bool:
    compared = {"Gt": found > limit, "Lt": found < limit, "Gte": found >= limit, "Lte": found <= limit}
    return compared[operator]


def all_match(labels: Labels, expressions: Iterable[Expression]) -> bool:
    """Say whether labels fulfil all of them."""
    return all(matches(labels, expression) for expression in expressions)


def selects(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """Say whether a label selector selects labels; none selects nothing, an empty one everything."""
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    return wanted.items() <= labels.items() and all_match(labels, selector.get("matchExpressions") or [])


def tolerated(taints: Sequence[Mapping[str, Any]], tolerations: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a pod with these tolerations may be put on a node with these taints."""
    return all(
        any(_tolerates(toleration, taint) for toleration in tolerations)
        for taint in taints
        if taint.get("effect") != "PreferNoSchedule"
    )


def lasting(taints: Iterable[Mapping[str, Any]], starting: Iterable[Mapping[str, Any]] = ()) -> list[Mapping[str, Any]]:
    """Return the taints that a node does not lose by itself.

    Args:
        taints: Of the node.
        starting: Those that its NodePool says somebody takes off.
    """
    passing = {(taint["key"], taint.get("effect")) for taint in starting}
    return [
        taint for taint in taints if taint["key"] not in _PASSING and (taint["key"], taint.get("effect")) not in passing
    ]


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return (toleration.get("key"), toleration.get("value") or "") == (taint["key"], taint.get("value") or "")

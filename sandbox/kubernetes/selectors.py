"""Label selectors as Kubernetes reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["matches"]


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether labels match `matchLabels` and `matchExpressions`; an empty selector matches everything."""
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()) and all(
        _holds(one, labels) for one in selector.get("matchExpressions") or []
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return bool((key in labels) == (operator == "Exists"))
    inside = bool(labels.get(key) in expression["values"])
    # A label that is not there is in no list: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
    return inside if operator == "In" else not inside

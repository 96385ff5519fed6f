"""What tests of controls share: a control says what is wrong with a capture, a mutation is what it has to catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tests.captures import Capture

Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]

# Private mode: no way out, AWS reached inside the VPC, pods in a range of their own.
CLOSED: Final[dict[str, Any]] = {"nat": "none", "private_endpoints": True, "pod_cidr": "100.64.0.0/16"}
REGIONAL: Final[dict[str, Any]] = {"nat": "regional"}


def changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    """Change inputs or fields of one registration, as `Capture.changed` does."""
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def without(type_: str, name: str) -> Mutation:
    """Take one registration out."""

    def mutate(captured: Capture) -> Capture:
        dropped = captured.one(type_, name)
        return replace(captured, resources=[r for r in captured.resources if r is not dropped])

    return mutate


def shown(item: object) -> str:
    """Name a parameter of a test: a network by its NAT, a function by its name."""
    return str(item.get("nat", "")) if isinstance(item, dict) else getattr(item, "__name__", "")

"""An estimate for machines."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from components.prices.assumptions import MEANINGS, Assumptions
from components.prices.line import Line
from components.prices.price import HOURS, Price
from ops.cost.estimate import StackCost


def document(stacks: Sequence[StackCost], assumed: Assumptions) -> dict[str, Any]:
    """Return the estimate as plain values: amounts in USD with two decimals, null for what has no price."""
    return {
        "currency": "USD",
        "hoursPerMonth": HOURS,
        "assumptions": {
            name: {"value": _number(getattr(assumed, name)), "meaning": meaning} for name, meaning in MEANINGS.items()
        },
        "stacks": [_stack(stack) for stack in stacks],
    }


def _stack(stack: StackCost) -> dict[str, Any]:
    limits = stack.at_limits
    return {
        "stack": stack.stack,
        "region": stack.region,
        "monthlyBudgetUsd": stack.budget,
        "total": _totals(stack),
        "components": [{"component": name, **_totals(stack, name)} for name in stack.components],
        "karpenter": None
        if "karpenter" not in stack.components
        else {
            "withoutSpot": _number(stack.on_demand),
            "atLimits": None
            if limits is None
            else {"instanceType": limits.instance_type, "nodes": limits.nodes, "amount": _number(limits.amount)},
            "unpricedTypes": list(stack.unpriced_types),
        },
        "lines": [_line(line) for line in stack.lines],
    }


def _totals(stack: StackCost, component: str | None = None) -> dict[str, Any]:
    return {
        "fixed": _number(stack.total(component, "fixed")),
        "usage": _number(stack.total(component, "usage")),
        "sum": _number(stack.total(component)),
        "unpriced": list(dict.fromkeys(str(line.item) for line in stack.unpriced(component))),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "component": line.component,
        "item": str(line.item),
        "kind": line.kind,
        "quantity": _number(round(line.quantity, 4)),
        "unit": line.unit,
        "price": None if line.price is None else _price(line.price),
        "amount": None if line.amount is None else _number(line.amount),
        "assumption": line.assumption,
    }


def _price(price: Price) -> dict[str, Any]:
    return {
        "usd": _number(price.usd),
        "seen": price.seen or None,
        "inferred": price.inferred,
        "sources": [{"name": source.name, "seen": source.seen, "url": source.url} for source in price.sources],
    }


def _number(value: Decimal) -> float:
    return float(value)

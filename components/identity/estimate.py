"""What identities cost: nothing."""

from __future__ import annotations

from components.prices.items import Item
from components.prices.line import Line, Sheet


def lines(region: str) -> tuple[Line, ...]:
    """Return the one line that says so."""
    return (Sheet(component="identity", region=region).fixed(Item.IAM, 1, "roles, policies, associations"),)

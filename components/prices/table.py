"""Looking a price up: of this item or type in this region, or none."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from components.prices.instances import INSTANCES
from components.prices.items import EVERYWHERE, PRICES, Item
from components.prices.price import Price

# China and GovCloud have accounts, and China a currency, of their own.
_APART: Final = ("cn-", "us-gov-")


def price(item: Item, region: str) -> Price | None:
    """Return what the item costs in the region; none when no source says it."""
    row = PRICES[item].by_region
    if region in row:
        return row[region]
    return None if region.startswith(_APART) else row.get(EVERYWHERE)


def instance_price(instance_type: str, region: str) -> Price | None:
    """Return what an hour of the type costs on demand; none when no source says it."""
    return INSTANCES.get(region, {}).get(instance_type)


def spot(on_demand: Price, discount: Decimal) -> Price:
    """Return what a spot instance costs at a discount.

    Args:
        on_demand: The type's price.
        discount: 0 to below 1. No source says it for Seoul or Tokyo.
    """
    if not 0 <= discount < 1:
        raise ValueError(f"discount={discount}: not from 0 to below 1")
    return replace(
        on_demand, usd=on_demand.usd * (1 - discount), inferred=f"on demand less {discount:.0%}, an assumption"
    )

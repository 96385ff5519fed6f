"""The lines of an estimate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from components.prices.items import PRICES, Item
from components.prices.price import HOURS, Price, Unit
from components.prices.table import price as price_of

Kind = Literal["fixed", "usage"]
_DAYS: Final = Decimal(HOURS) / 24  # of a month


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that is paid for every month.

    Attributes:
        component: The room that registers it or makes it necessary.
        quantity: Things that are there all month, or units in a month.
        unit: What the price is for.
        price: None when no source says it of the region.
        amount: USD a month in whole cents; None without a price.
        kind: `fixed` for what stands there whatever happens, `usage` for what rests on an assumption.
        assumption: Where the quantity comes from.
    """

    component: str
    item: str
    quantity: Decimal
    unit: Unit
    price: Price | None
    amount: Decimal | None
    kind: Kind
    assumption: str

    def __post_init__(self) -> None:
        """Refuse less than nothing."""
        if self.quantity < 0:
            raise ValueError(f"{self.item}: quantity={self.quantity} is below zero")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """Writes the lines of one component in one region."""

    component: str
    region: str

    def fixed(self, item: Item, quantity: int, assumption: str) -> Line:
        """Return the line of what stands there."""
        return self._of(item, Decimal(quantity), "fixed", assumption)

    def usage(self, item: Item, quantity: Decimal, assumption: str) -> Line:
        """Return the line of what rests on an assumption."""
        return self._of(item, quantity, "usage", assumption)

    def logs(self, gb: Decimal, retention_days: int, what: str) -> tuple[Line, Line]:
        """Return the lines of a log group that is as full as its retention lets it be.

        What is kept is billed compressed; no source says how much smaller that is, so this is the most it can be.

        Args:
            gb: Taken in every month.
            retention_days: How long it is kept.
            what: Whose logs.
        """
        kept = gb * retention_days / _DAYS
        return (
            self.usage(Item.LOG_INGEST, gb, what),
            self.usage(Item.LOG_STORE, kept, f"{what}: {gb} GB a month for {retention_days} days, uncompressed"),
        )

    def instances(self, item: str, quantity: Decimal, price: Price | None, kind: Kind, assumption: str) -> Line:
        """Return the line of instances, whose price depends on type and capacity.

        Args:
            item: Type and capacity.
            quantity: Instances, on average.
            price: Of an hour.
            kind: As in a line.
            assumption: As in a line.
        """
        return self._priced(item, quantity, "h", price, kind, assumption)

    def _of(self, item: Item, quantity: Decimal, kind: Kind, assumption: str) -> Line:
        return self._priced(item, quantity, PRICES[item].unit, price_of(item, self.region), kind, assumption)

    def _priced(
        self, item: str, quantity: Decimal, unit: Unit, price: Price | None, kind: Kind, assumption: str
    ) -> Line:
        return Line(
            component=self.component,
            item=item,
            quantity=quantity,
            unit=unit,
            price=price,
            amount=None if price is None else price.monthly(quantity),
            kind=kind,
            assumption=assumption,
        )


def there(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return the lines that are of something."""
    return tuple(line for line in lines if line.quantity > 0)

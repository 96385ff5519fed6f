"""A price: what one unit costs, who says so, and when it was seen."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

HOURS: Final = 730
CENT: Final = Decimal("0.01")

Unit = Literal["h", "month", "GB", "GB-month", "10k requests", "million"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a price was read.

    Attributes:
        seen: Year and month, or the year alone where no more is known; none for what bears no date.
        url: Public address; none for a bill or a price list that has none: it counts and cannot be looked up.
    """

    name: str
    seen: str | None
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The list price of one unit in USD: on demand, Linux, first tier, before free tier, discounts and tax.

    Attributes:
        unit: `h` is an hour of one thing that is there; all others are what is counted.
        sources: Who says it; none when it is inferred.
        inferred: Why it is taken to be so where no source says it of this region.
    """

    usd: Decimal
    unit: Unit
    sources: tuple[Source, ...] = ()
    inferred: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would be a price without a reason."""
        if self.usd < 0 or not (self.sources or self.inferred):
            raise ValueError(f"usd={self.usd}: a price is not negative and has a source or a reason")

    @property
    def seen(self) -> str:
        """Month of the newest source; empty when none has a date."""
        return max((source.seen for source in self.sources if source.seen), default="")

    def monthly(self, quantity: Decimal) -> Decimal:
        """Return USD a month, in whole cents.

        Args:
            quantity: Things that are there all month for a price by the hour, otherwise units in a month.
        """
        hours = HOURS if self.unit == "h" else 1
        return (self.usd * quantity * hours).quantize(CENT, ROUND_HALF_UP)

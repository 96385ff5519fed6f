"""What secrets cost a month."""

from __future__ import annotations

from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there
from components.prices.price import HOURS


def lines(region: str, secrets: int, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what that many entries of Secrets Manager cost a month."""
    sheet = Sheet(component="secrets", region=region)
    reads = secrets * HOURS * assumed.secret_reads_per_hour / 10_000
    return there(
        (
            sheet.fixed(Item.SECRET, secrets, "secrets.entries, and argocd/oidc with edge.login"),
            sheet.fixed(Item.KEY, 1, "all of them"),
            sheet.usage(Item.SECRET_CALLS, reads, "secret_reads_per_hour"),
        )
    )

"""What the network costs a month, and what each choice of NAT would: list prices in USD, before discounts and tax.

https://aws.amazon.com/vpc/pricing/ has the last word. A region without a price of NAT gateways and endpoints gets no
menu, rather than a neighbour's.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple, get_args

from components.network.plan import ENDPOINT_SERVICES, Nat
from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there
from components.prices.price import HOURS, Price
from components.prices.table import price

# An assumption, for nobody knows before the first bill; what another amount costs follows from the price per GB.
ASSUMED_GB: Final = int(Assumptions().traffic_gb)


class _Prices(NamedTuple):
    """List prices of one region.

    Attributes:
        nat: One gateway, without its public address. A regional one is taken to cost the same per zone that it is
            active in: no price list or bill of one was at hand.
        crossing_gb: Each GB that crosses a zone's border, both sides.
    """

    nat: Price
    nat_gb: Price
    address: Price
    endpoint: Price
    endpoint_gb: Price
    crossing_gb: Price

    @classmethod
    def of(cls, region: str) -> _Prices | None:
        """Return the region's, or none when one of them is missing."""
        items = (Item.NAT, Item.NAT_GB, Item.IPV4, Item.ENDPOINT, Item.ENDPOINT_GB, Item.CROSSING)
        found = [known for item in items if (known := price(item, region)) is not None]
        return cls(*found) if len(found) == len(items) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """One choice of NAT.

    Attributes:
        gateways: NAT gateways, or zones of a regional one; each has a public address.
        endpoints: Interface endpoints, each in all zones.
        fixed: USD a month for standing there.
        per_gb: USD for each GB that leaves, what crosses zones on its way included.
    """

    nat: Nat
    gateways: int
    endpoints: int
    fixed: float
    per_gb: float

    @property
    def total(self) -> float:
        """USD a month with the assumed traffic."""
        return self.fixed + self.per_gb * ASSUMED_GB


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkShape:
    """A network, as far as it costs something.

    Attributes:
        zones: How many it has.
        endpoints: Interface endpoints, each in all zones.
    """

    zones: int
    nat: Nat
    endpoints: int
    flow_log_retention_days: int


def gateways(nat: Nat, zones: int) -> int:
    """Return how many NAT gateways there are, or zones of a regional one; each has a public address."""
    return {"none": 0, "single": 1, "per-az": zones, "regional": zones}[nat]


def lines(region: str, shape: NetworkShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what the network costs a month."""
    sheet = Sheet(component="network", region=region)
    count, zones = gateways(shape.nat, shape.zones), shape.zones
    note = ", price of a regional one assumed to be the zonal one's" if shape.nat == "regional" else ""
    path = Item.NAT_GB if count else Item.ENDPOINT_GB
    crossing = assumed.traffic_gb * _crossing_share(shape.nat, zones)
    return there(
        (
            sheet.fixed(Item.NAT, count, f"network.nat: {shape.nat}{note}"),
            sheet.fixed(Item.IPV4, count, "one for each NAT gateway"),
            sheet.fixed(Item.ENDPOINT, shape.endpoints * zones, f"{shape.endpoints} services x {zones} zones"),
            sheet.fixed(Item.GATEWAY_ENDPOINT, 1, "S3"),
            sheet.fixed(Item.KEY, 1, "flow logs"),
            sheet.usage(path, assumed.traffic_gb, "traffic_gb"),
            sheet.usage(Item.CROSSING, crossing, "traffic_gb on its way to the only NAT gateway"),
            sheet.usage(Item.CROSSING, assumed.crossing_gb if zones > 1 else Decimal(0), "crossing_gb"),
            sheet.usage(Item.EGRESS, assumed.egress_gb, "egress_gb"),
            *sheet.logs(assumed.flow_log_gb, shape.flow_log_retention_days, "flow_log_gb"),
        )
    )


def estimate(region: str, zones: int, nat: Nat, endpoints: int) -> Estimate | None:
    """Price one choice; none for a region without prices.

    Args:
        region: Where the network is.
        zones: How many it has.
        nat: The choice.
        endpoints: Interface endpoints that the network has. Without NAT it has all of them.
    """
    prices = _Prices.of(region)
    if prices is None:
        return None
    count = gateways(nat, zones)
    endpoints = endpoints if count else len(ENDPOINT_SERVICES)
    hourly = count * (prices.nat.usd + prices.address.usd) + endpoints * zones * prices.endpoint.usd
    crossing = prices.crossing_gb.usd * _crossing_share(nat, zones)
    per_gb = prices.nat_gb.usd + crossing if count else prices.endpoint_gb.usd
    return Estimate(nat=nat, gateways=count, endpoints=endpoints, fixed=float(hourly * HOURS), per_gb=float(per_gb))


def _crossing_share(nat: Nat, zones: int) -> Decimal:
    """Return how much of the traffic crosses zones: with one gateway, what the other zones send does."""
    return Decimal(zones - 1) / zones if nat == "single" else Decimal(0)


def nat_menu(region: str, zones: int, chosen: Nat, endpoints: int) -> list[str]:
    """Return the lines that show what each choice of NAT costs; the chosen one is marked.

    Args:
        region: Where the network is; without prices there is one line that says so.
        zones: How many it has.
        chosen: What the stack's configuration says.
        endpoints: Interface endpoints that the network has.
    """
    title = f"NAT for {zones} zone{'' if zones == 1 else 's'} of {region}"
    prices = _Prices.of(region)
    if prices is None:
        return [f"{title}: {chosen}; no estimate, for no price of this region is in the table"]
    offers = (estimate(region, zones, nat, endpoints) for nat in get_args(Nat))
    return [
        f"{title}, USD a month ({HOURS} h, list prices seen in {prices.nat.seen}, {ASSUMED_GB} GB assumed):",
        *(f"{'>' if offer.nat == chosen else ' '} {_line(offer)}" for offer in offers if offer is not None),
    ]


def _line(offer: Estimate) -> str:
    what = [f"{offer.gateways} NAT with IPv4"] if offer.gateways else []
    what += [f"{offer.endpoints} endpoints"] if offer.endpoints else []
    note = {
        "none": "reaches AWS only",
        "single": "its zone's loss cuts all off",
        "per-az": "",
        "regional": "price assumed to be per-az's",
    }[offer.nat]
    described = f"{' + '.join(what)}{f'; {note}' if note else ''}"
    return (
        f"{offer.nat:<8} {offer.total:>8.2f} = {offer.fixed:>7.2f} + {ASSUMED_GB} GB x {offer.per_gb:.4f}  {described}"
    )

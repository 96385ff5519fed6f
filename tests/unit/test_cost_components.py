"""Estimates of single components: never negative, never less for more, nothing for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.edge import estimate as edge
from components.eks import estimate as eks
from components.identity import estimate as identity
from components.karpenter import estimate as karpenter
from components.network import estimate as network
from components.network.plan import Nat
from components.observability import estimate as observability
from components.prices.assumptions import MEANINGS, Assumptions
from components.prices.items import PRICES, Item
from components.prices.line import Line, Sheet
from components.secrets import estimate as secrets
from components.storage import estimate as storage

SEOUL, VIRGINIA = "ap-northeast-2", "us-east-1"
REGIONS = st.sampled_from([SEOUL, VIRGINIA, "ap-northeast-1", "eu-west-1"])
SHARES = ("karpenter_share", "spot_share")
NETWORK = network.NetworkShape(zones=3, nat="single", endpoints=0, flow_log_retention_days=30)
CLUSTER = eks.ClusterShape(instance_type="t3.medium", nodes=3, disk_gib=20, log_retention_days=30)
KARPENTER = karpenter.KarpenterShape(
    usual_type="t3.medium",
    types={
        "t3.medium": karpenter.Size(2, 4),
        "t3.large": karpenter.Size(2, 8),
        "t3a.medium": karpenter.Size(2, 4),
        "c5.large": karpenter.Size(2, 4),
    },
    max_cpu=20,
    max_memory_gib=40,
    max_nodes=10,
    capacity_types=("spot", "on-demand"),
    volume_gib=50,
)
STORAGE = storage.StorageShape(file_system=True, repositories=3)
EDGE = edge.EdgeShape(
    domain=True, own_zone=True, images=True, login=True, firewall=True, log_retention_days=30, zones=3
)
OBSERVED = observability.ObservabilityShape(
    nat_gateways=1, subnets=3, certificates=1, global_certificates=1, log_retention_days=30
)


def amount(name: str) -> st.SearchStrategy[Decimal]:
    """Draw a value of an assumption."""
    most = "0.99" if name == "spot_discount" else "1" if name in SHARES else "10000"
    return st.decimals(min_value=0, max_value=most, places=2)


ASSUMED = st.builds(Assumptions, **{name: amount(name) for name in MEANINGS})


def total(lines: Iterable[Line]) -> Decimal:
    return sum((line.amount for line in lines if line.amount is not None), Decimal(0))


def everything(region: str, assumed: Assumptions) -> tuple[Line, ...]:
    """Return the lines of a stack in which everything is on."""
    return (
        *network.lines(region, NETWORK, assumed),
        *eks.lines(region, CLUSTER, assumed),
        *karpenter.lines(region, KARPENTER, assumed),
        *storage.lines(region, STORAGE, assumed),
        *edge.lines(region, EDGE, assumed),
        *secrets.lines(region, 4, assumed),
        *observability.lines(region, OBSERVED, assumed),
        *identity.lines(region),
    )


@given(region=REGIONS, assumed=ASSUMED)
def test_nothing_is_negative(region: str, assumed: Assumptions) -> None:
    """Quantities are above zero, amounts at least zero, and an amount is there exactly when a price is."""
    for line in everything(region, assumed):
        assert line.quantity > 0
        assert (line.amount is None) == (line.price is None)
        assert line.amount is None or line.amount >= 0


@given(assumed=ASSUMED, name=st.sampled_from(sorted({*MEANINGS} - {"spot_share", "spot_discount"})), data=st.data())
def test_more_costs_no_less(assumed: Assumptions, name: str, data: st.DataObject) -> None:
    """Whatever is assumed more of does not make the sum smaller; spot is the only saving."""
    more = max(data.draw(amount(name)), getattr(assumed, name))
    assert total(everything(SEOUL, replace(assumed, **{name: more}))) >= total(everything(SEOUL, assumed))


@given(assumed=ASSUMED, share=amount("spot_share"), discount=amount("spot_discount"))
def test_spot_never_costs_more(assumed: Assumptions, share: Decimal, discount: Decimal) -> None:
    """With any share on spot at any discount, Karpenter's nodes cost at most what they do on demand."""
    dear = replace(assumed, spot_share=Decimal(0))
    cheap = replace(assumed, spot_share=share, spot_discount=discount)
    # Two lines are rounded to cents where one was.
    cent = Decimal("0.01")
    assert total(karpenter.lines(SEOUL, KARPENTER, cheap)) <= total(karpenter.lines(SEOUL, KARPENTER, dear)) + cent


@given(nodes=st.integers(0, 400), more=st.integers(0, 50))
def test_more_nodes_cost_more(nodes: int, more: int) -> None:
    """Each base node costs its price and its disk."""
    few, many = (
        total(eks.lines(SEOUL, replace(CLUSTER, nodes=count), Assumptions())) for count in (nodes, nodes + more)
    )
    # 730 x 0.052 + 20 x 0.0912; each line is rounded by itself.
    assert many - few == pytest.approx(more * Decimal("39.784"), abs=Decimal("0.02"))


@given(zones=st.integers(1, 6), nat=st.sampled_from(get_args(Nat)), endpoints=st.integers(0, 12))
def test_more_zones_cost_no_less(zones: int, nat: Nat, endpoints: int) -> None:
    """A further zone never makes network or edge cheaper."""
    shape = replace(NETWORK, zones=zones, nat=nat, endpoints=endpoints)
    wider = replace(shape, zones=zones + 1)
    assumed = Assumptions()
    assert total(network.lines(SEOUL, wider, assumed)) >= total(network.lines(SEOUL, shape, assumed))
    narrow, wide = (total(edge.lines(SEOUL, replace(EDGE, zones=count), assumed)) for count in (zones, zones + 1))
    assert wide > narrow


@pytest.mark.parametrize("nat", get_args(Nat))
@pytest.mark.parametrize(("zones", "endpoints"), [(2, 0), (3, 10)])
def test_network_agrees_with_the_menu(nat: Nat, zones: int, endpoints: int) -> None:
    """Gateways, addresses and endpoints cost what the menu of NAT shows, and so does their traffic."""
    # A network without NAT has endpoints.
    endpoints = 10 if nat == "none" else endpoints
    shape = replace(NETWORK, nat=nat, zones=zones, endpoints=endpoints)
    offer = network.estimate(SEOUL, zones, nat, endpoints)
    assert offer is not None
    lines = network.lines(SEOUL, shape, Assumptions())
    ways = {Item.NAT, Item.IPV4, Item.ENDPOINT, Item.NAT_GB, Item.ENDPOINT_GB}
    found = total(line for line in lines if line.item in ways or "only NAT gateway" in line.assumption)
    assert float(found) == pytest.approx(offer.total, abs=0.03)


def test_nothing_costs_nothing() -> None:
    """Without a domain, nodes, secrets or use, only what stands there anyway is left."""
    nothing = Assumptions(**dict.fromkeys(MEANINGS, Decimal(0)))
    assert edge.lines(SEOUL, replace(EDGE, domain=False), Assumptions()) == ()
    assert total(karpenter.lines(SEOUL, KARPENTER, nothing)) == 0
    assert [line.item for line in secrets.lines(SEOUL, 0, nothing)] == [Item.KEY]
    assert {line.kind for line in everything(SEOUL, nothing) if line.component != "observability"} == {"fixed"}
    assert total(identity.lines(SEOUL)) == 0


def test_limits_are_filled_with_the_dearest_type() -> None:
    """The upper end is the type whose nodes, as many as the limits allow, cost most; each limit counts."""
    assert [KARPENTER.most(name) for name in ("t3.medium", "t3.large")] == [10, 5]
    # Ten t3.medium and five t3.large cost the same; ten have more disks: 379.60 + 500 GB x 0.0912.
    assert karpenter.at_limits(SEOUL, KARPENTER) == ("t3.medium", 10, Decimal("425.20"))
    assert karpenter.at_limits(SEOUL, replace(KARPENTER, max_nodes=2)) == ("t3.large", 2, Decimal("160.96"))
    assert karpenter.at_limits("eu-west-1", KARPENTER) is None


@given(share=amount("karpenter_share"), spot_share=amount("spot_share"), discount=amount("spot_discount"))
def test_average_is_within_the_limits(share: Decimal, spot_share: Decimal, discount: Decimal) -> None:
    """Whatever is assumed of the nodes, they cost no more than at the limits."""
    assumed = Assumptions(karpenter_share=share, spot_share=spot_share, spot_discount=discount)
    most = karpenter.at_limits(SEOUL, KARPENTER)
    assert most is not None
    assert total(karpenter.lines(SEOUL, KARPENTER, assumed)) <= most.amount + Decimal("0.02")


def test_nodes_are_reckoned_as_the_usual_type() -> None:
    """The base nodes' type where Karpenter may make it; else the cheapest with a price; else none."""
    assert karpenter.reckoned_type(SEOUL, KARPENTER) == "t3.medium"
    assert karpenter.reckoned_type(SEOUL, replace(KARPENTER, usual_type="m5.large")) == "t3a.medium"
    assert karpenter.reckoned_type("eu-west-1", KARPENTER) is None
    assert karpenter.unpriced(SEOUL, KARPENTER) == ("c5.large",)


@pytest.mark.parametrize(("types", "items"), [(("spot",), {"spot"}), (("on-demand",), {"demand"})])
def test_capacity_types_decide_the_spot_share(types: tuple[str, ...], items: set[str]) -> None:
    """Where Karpenter has no choice, neither has the assumption."""
    lines = karpenter.lines(SEOUL, replace(KARPENTER, capacity_types=types), Assumptions())
    assert {line.item.rsplit(maxsplit=1)[-1] for line in lines if line.item.startswith("t3")} == items


def test_nodes_without_a_price_are_listed() -> None:
    """In a region without prices the nodes are lines without an amount, and not nothing."""
    lines = karpenter.lines("eu-west-1", KARPENTER, Assumptions())
    assert {line.item: line.amount for line in lines if "nodes" in line.item} == {
        "nodes on demand": None,
        "nodes on spot": None,
    }


def test_cdn_has_a_firewall_of_its_own() -> None:
    """With images there are two web ACLs, one of them in us-east-1; without, one."""
    both, one = (edge.lines(SEOUL, replace(EDGE, images=images), Assumptions()) for images in (True, False))
    assert [sum(line.item == Item.FIREWALL for line in lines) for lines in (both, one)] == [2, 1]
    # Logs of us-east-1 have that region's price.
    assert {line.price.usd for line in both if line.item == Item.LOG_INGEST and line.price} == {
        Decimal("0.76"),
        Decimal("0.50"),
    }


def test_stack_in_us_east_1_has_one_topic() -> None:
    """There the certificates' alarms go to the same topic, with the same key."""
    keys = {
        region: sum(
            line.quantity for line in observability.lines(region, OBSERVED, Assumptions()) if line.item == Item.KEY
        )
        for region in (SEOUL, VIRGINIA)
    }
    assert keys == {SEOUL: 3, VIRGINIA: 2}


def test_watching_is_counted_where_and_as_often_as_it_is() -> None:
    """Alarms on the CDN's certificates have us-east-1's price; the function runs every five minutes of the month."""
    lines = observability.lines("eu-west-1", OBSERVED, Assumptions())
    assert [line.amount is None for line in lines if line.item == Item.ALARM] == [True, False]
    assert [line.quantity * 1_000_000 for line in lines if line.item == Item.FUNCTION] == [12 * 730]


def test_what_is_counted_has_the_unit_of_its_price() -> None:
    """Every load balancer uses its units, and a million requests to CloudFront are a hundred times ten thousand."""
    assumed = Assumptions(load_balancers=Decimal(2), lcus=Decimal(3), requests_million=Decimal(5))
    counted = {line.item: line.quantity for line in edge.lines(SEOUL, replace(EDGE, images=True), assumed)}
    assert [counted[item] for item in (Item.LCU, Item.CDN_REQUESTS, Item.FIREWALL_REQUESTS)] == [6, 500, 5]
    assert [PRICES[item].unit for item in (Item.CDN_REQUESTS, Item.SECRET_CALLS)] == ["10k requests"] * 2
    reads = secrets.lines(SEOUL, 2, Assumptions(secret_reads_per_hour=Decimal(1000)))
    assert [line.quantity for line in reads if line.item == Item.SECRET_CALLS] == [146]
    disks = storage.lines(SEOUL, STORAGE, Assumptions(volume_gb=Decimal(10), backup_factor=Decimal(3)))
    assert [line.quantity for line in disks if line.item == Item.BACKUP_DISKS] == [30]
    # A year of one GB a month is twelve GB.
    assert Sheet(component="eks", region=SEOUL).logs(Decimal(1), 365, "logs")[1].quantity == 12


def test_a_line_is_of_something() -> None:
    """Less than nothing is refused."""
    with pytest.raises(ValueError, match="quantity=-1 is below zero"):
        Sheet(component="network", region=SEOUL).fixed(Item.NAT, -1, "a test")


@pytest.mark.parametrize(
    ("name", "value"), [("traffic_gb", "-1"), ("spot_share", "1.1"), ("spot_discount", "1"), ("users", "NaN")]
)
def test_assumptions_are_amounts(name: str, value: str) -> None:
    """Less than nothing, more than all and no number at all are refused by name."""
    with pytest.raises(ValueError, match=f"^{name}={value}: not "):
        Assumptions(**{name: Decimal(value)})

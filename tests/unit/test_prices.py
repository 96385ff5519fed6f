"""The price table: dated, with sources, and silent where nothing is known."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.prices.instances import INSTANCES
from components.prices.items import EVERYWHERE, PRICES, Item
from components.prices.price import Price, Source
from components.prices.table import instance_price, price, spot
from rules.instance_types import INSTANCE_TYPES
from rules.regions import PARTITION_OF_REGION

SEOUL, TOKYO, VIRGINIA = "ap-northeast-2", "ap-northeast-1", "us-east-1"
SOURCE = Source("a bill", "2026-04")


def every_price() -> Iterator[Price]:
    """Yield all prices of the table."""
    for row in PRICES.values():
        yield from row.by_region.values()
    for types in INSTANCES.values():
        yield from types.values()


def test_each_price_has_a_reason() -> None:
    """A price is never negative, and a source or the reason of an inference stands beside it."""
    for known in every_price():
        assert known.usd >= 0
        assert known.sources or known.inferred
        assert known.sources == tuple(dict.fromkeys(known.sources))


def test_sources_can_be_looked_up_or_say_that_they_cannot() -> None:
    """Addresses are public ones, by HTTPS; dates are a year or a month of it."""
    for source in {source for known in every_price() for source in known.sources}:
        assert source.url is None or source.url.startswith("https://")
        assert source.seen is None or source.seen[:2] == "20"
    assert {known.seen for known in every_price() if not known.sources} == {""}


@pytest.mark.parametrize("item", Item)
def test_each_item_has_one_unit(item: Item) -> None:
    """Every item has a row, in which all prices are of the row's unit and in known regions."""
    row = PRICES[item]
    assert {known.unit for known in row.by_region.values()} <= {row.unit}
    assert row.by_region.keys() <= {*PARTITION_OF_REGION, EVERYWHERE}


@pytest.mark.parametrize("region", sorted(INSTANCES))
def test_instance_types_are_known_to_the_settings(region: str) -> None:
    """A type with a price is one that nodes may have, priced by the hour."""
    assert INSTANCES[region].keys() <= INSTANCE_TYPES.keys()
    assert {known.unit for known in INSTANCES[region].values()} == {"h"}


def test_no_price_is_a_neighbours() -> None:
    """What no source says of a region has no price there, although others have one."""
    assert price(Item.NAT, "ap-northeast-3") is None
    assert price(Item.FILE_SYSTEM, VIRGINIA) is not None
    assert price(Item.FILE_SYSTEM, SEOUL) is None
    assert price(Item.DASHBOARD, SEOUL) is None
    assert price(Item.LOG_INGEST, TOKYO) is None
    assert price(Item.LOGIN, VIRGINIA) is None
    assert instance_price("m6i.large", TOKYO) is None
    assert instance_price("c5.large", SEOUL) is None
    assert instance_price("t3.medium", "eu-west-1") is None


def test_what_is_the_same_everywhere_is_not_china_s() -> None:
    """A price for the world holds in a region without a row of its own, but in no other partition."""
    assert price(Item.ZONE, "eu-west-1") == price(Item.ZONE, SEOUL)
    assert [price(Item.ZONE, region) for region in ("cn-north-1", "us-gov-west-1")] == [None, None]


@pytest.mark.parametrize(
    ("item", "region", "usd"),
    [
        (Item.CONTROL_PLANE, SEOUL, "0.10"),
        (Item.NAT, SEOUL, "0.059"),
        (Item.NAT, TOKYO, "0.062"),
        (Item.DISK, SEOUL, "0.0912"),
        (Item.LOG_INGEST, SEOUL, "0.76"),
        (Item.SECRET, SEOUL, "0.40"),
        (Item.FIREWALL, SEOUL, "5"),
    ],
)
def test_prices_are_those_of_the_sources(item: Item, region: str, usd: str) -> None:
    """Figures that the sources agree upon."""
    found = price(item, region)
    assert found is not None
    assert found.usd == Decimal(usd)


def test_inferred_prices_say_so() -> None:
    """A price without a source of its own is marked, and bears no date."""
    found = instance_price("t3a.medium", TOKYO)
    assert found is not None
    assert found.inferred is not None
    assert found.seen == ""


def test_amd_types_are_what_the_inference_says() -> None:
    """A type of t3a costs nine tenths of t3's within a percent, as the prices without a source claim."""
    for types in INSTANCES.values():
        for name, known in types.items():
            if name.startswith("t3a."):
                assert known.usd == pytest.approx(
                    types[name.replace("t3a", "t3")].usd * Decimal("0.9"), rel=Decimal("0.01")
                )


def test_a_price_wants_a_reason() -> None:
    """Neither a price out of nowhere nor one below zero can be made."""
    with pytest.raises(ValueError, match="has a source or a reason"):
        Price(usd=Decimal(1), unit="h")
    with pytest.raises(ValueError, match="not negative"):
        Price(usd=Decimal(-1), unit="h", sources=(SOURCE,))


def test_hours_count_all_month() -> None:
    """What is there costs 730 hours, what is counted its number, in whole cents, half a cent up."""
    assert Price(usd=Decimal("0.0225"), unit="h", sources=(SOURCE,)).monthly(Decimal(1)) == Decimal("16.43")
    assert Price(usd=Decimal("0.0225"), unit="GB", sources=(SOURCE,)).monthly(Decimal(100)) == Decimal("2.25")


@given(discount=st.decimals(min_value=0, max_value="0.99", places=2))
def test_spot_is_never_dearer(discount: Decimal) -> None:
    """A spot instance costs at most what one on demand does, and its price is marked as an assumption."""
    on_demand = instance_price("t3.medium", SEOUL)
    assert on_demand is not None
    cheaper = spot(on_demand, discount)
    assert cheaper.usd <= on_demand.usd
    assert cheaper.inferred is not None


@pytest.mark.parametrize("discount", ["-0.1", "1"])
def test_a_discount_leaves_something(discount: str) -> None:
    """Nothing is free on spot, and nothing dearer."""
    with pytest.raises(ValueError, match="not from 0 to below 1"):
        spot(Price(usd=Decimal(1), unit="h", sources=(SOURCE,)), Decimal(discount))

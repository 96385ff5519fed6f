"""What each choice of NAT costs, by hand from the list prices."""

from __future__ import annotations

from typing import get_args

import pytest

from components.network.estimate import ASSUMED_GB, estimate, nat_menu
from components.network.plan import ENDPOINT_SERVICES, Nat
from components.prices.price import HOURS

SEOUL = "ap-northeast-2"
# Seoul: a NAT gateway 0.059 and its public address 0.005 an hour, an endpoint 0.013 an hour and zone.
NAT = 730 * (0.059 + 0.005)
ENDPOINT = 730 * 0.013


@pytest.mark.parametrize(
    ("nat", "zones", "endpoints", "fixed", "per_gb"),
    [
        ("none", 3, 10, 10 * 3 * ENDPOINT, 0.01),
        # Without NAT there are endpoints, whatever the network has now.
        ("none", 2, 0, 10 * 2 * ENDPOINT, 0.01),
        ("single", 2, 0, NAT, 0.059 + 0.02 / 2),
        ("single", 3, 10, NAT + 10 * 3 * ENDPOINT, 0.059 + 0.02 * 2 / 3),
        ("per-az", 3, 0, 3 * NAT, 0.059),
        ("per-az", 2, 10, 2 * NAT + 10 * 2 * ENDPOINT, 0.059),
        ("regional", 3, 0, 3 * NAT, 0.059),
    ],
)
def test_choice_is_priced(nat: Nat, zones: int, endpoints: int, fixed: float, per_gb: float) -> None:
    """Gateways with their addresses, endpoints in every zone, and traffic that crosses zones to a single gateway."""
    offer = estimate(SEOUL, zones, nat, endpoints)
    assert offer is not None
    assert offer.fixed == pytest.approx(fixed)
    assert offer.per_gb == pytest.approx(per_gb)
    assert offer.total == pytest.approx(fixed + 100 * per_gb)


@pytest.mark.parametrize(
    ("region", "seen"), [("us-east-1", "2025-07"), ("ap-northeast-1", "2026-09"), (SEOUL, "2026-04")]
)
def test_a_menu_has_all_choices(region: str, seen: str) -> None:
    """One line says what the figures are, then one each; only the chosen one is marked."""
    title, *lines = nat_menu(region, 3, "regional", 0)
    assert f"{HOURS} h" in title
    assert f"{ASSUMED_GB} GB assumed" in title
    assert f"list prices seen in {seen}" in title
    assert [line[2:].split()[0] for line in lines] == list(get_args(Nat))
    assert [line[0] for line in lines] == [" ", " ", " ", ">"]
    assert "price assumed" in lines[-1]


def test_a_line_shows_its_sum() -> None:
    """Total, what stands there, and the price of a GB with which to reckon another amount."""
    lines = nat_menu(SEOUL, 3, "per-az", 0)
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "none 285.70 = 284.70 + 100 GB x 0.0100 10 endpoints; reaches AWS only",
        "single 53.95 = 46.72 + 100 GB x 0.0723 1 NAT with IPv4; its zone's loss cuts all off",
        "> per-az 146.06 = 140.16 + 100 GB x 0.0590 3 NAT with IPv4",
        "regional 146.06 = 140.16 + 100 GB x 0.0590 3 NAT with IPv4; price assumed to be per-az's",
    ]
    assert max(map(len, lines)) <= 120


def test_no_price_is_invented() -> None:
    """A region that is not in the table gets one line that says so."""
    assert estimate("eu-west-1", 3, "single", 0) is None
    assert nat_menu("eu-west-1", 1, "single", 0) == [
        "NAT for 1 zone of eu-west-1: single; no estimate, for no price of this region is in the table"
    ]


def test_endpoints_are_those_of_the_network() -> None:
    """Ten services, as control N8 lists them beside S3."""
    assert len(ENDPOINT_SERVICES) == 10

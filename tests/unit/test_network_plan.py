"""The VPC plan: sizes, disjointness, stability, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from itertools import combinations
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.network.plan import ENDPOINT_SERVICES, Nat, NetworkPlan, ZonePlan, plan_network, service_name

REGION = "ap-northeast-2"
EXAMPLE = IPv4Network("10.0.0.0/16")
PODS = IPv4Network("100.64.0.0/16")


@st.composite
def cidrs(draw: st.DrawFn) -> IPv4Network:
    """Any range of a size that the plan takes."""
    prefix = draw(st.integers(16, 20))
    return IPv4Network((draw(st.integers(0, 2**prefix - 1)) << (32 - prefix), prefix))


@st.composite
def zone_slots(draw: st.DrawFn) -> dict[str, int]:
    """One to six zones of one region, in any order, on any slots."""
    letters = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True))
    slots = draw(st.permutations(range(6)))
    return {f"{REGION}{letter}": slot for letter, slot in zip(letters, slots, strict=False)}


@st.composite
def pod_cidrs(draw: st.DrawFn) -> IPv4Network | None:
    """Any range that pods may have of their own, or none."""
    prefix = draw(st.integers(16, 20))
    blocks = IPv4Network("100.64.0.0/10").subnets(new_prefix=prefix)
    return draw(st.none() | st.sampled_from(list(blocks)))


def subnets(plan: NetworkPlan) -> list[IPv4Network]:
    found = [subnet for zone in plan.zones for subnet in (zone.private, zone.public, zone.cluster)]
    return found + [zone.pods for zone in plan.zones if zone.pods is not None]


def disjoint(cidr: IPv4Network, pods: IPv4Network | None) -> bool:
    return pods is None or not pods.overlaps(cidr)


def by_name(plan: NetworkPlan) -> Mapping[str, ZonePlan]:
    return {zone.name: zone for zone in plan.zones}


@given(cidrs(), zone_slots(), pod_cidrs())
def test_no_two_subnets_overlap(cidr: IPv4Network, zones: dict[str, int], pods: IPv4Network | None) -> None:
    """Every pair of subnets is disjoint."""
    assume(disjoint(cidr, pods))
    found = subnets(plan_network(cidr, zones, pods))
    assert not [pair for pair in combinations(found, 2) if pair[0].overlaps(pair[1])]


@given(cidrs(), zone_slots(), pod_cidrs())
def test_every_subnet_lies_inside_its_range(cidr: IPv4Network, zones: dict[str, int], pods: IPv4Network | None) -> None:
    """Pod subnets lie in the pods' range, all others in the VPC's first one."""
    assume(disjoint(cidr, pods))
    for zone in plan_network(cidr, zones, pods).zones:
        assert all(subnet.subnet_of(cidr) for subnet in (zone.private, zone.public, zone.cluster))
        assert (zone.pods is None) == (pods is None)
        assert zone.pods is None or pods is None or zone.pods.subnet_of(pods)


@given(cidrs(), zone_slots(), pod_cidrs())
def test_prefixes_have_three_quarters_of_their_own(
    cidr: IPv4Network, zones: dict[str, int], pods: IPv4Network | None
) -> None:
    """Reservations lie in the subnet that pods use, do not overlap, and leave the first quarter alone."""
    assume(disjoint(cidr, pods))
    for zone in plan_network(cidr, zones, pods).zones:
        subnet = zone.pods or zone.private
        quarter, half = zone.prefixes
        assert quarter.subnet_of(subnet)
        assert half.subnet_of(subnet)
        assert not quarter.overlaps(half)
        assert 4 * (quarter.num_addresses + half.num_addresses) == 3 * subnet.num_addresses
        assert not any(part.overlaps(next(subnet.subnets(prefixlen_diff=2))) for part in zone.prefixes)
        assert max(quarter.prefixlen, half.prefixlen) <= 28


@given(cidrs(), zone_slots())
def test_each_role_has_its_size(cidr: IPv4Network, zones: dict[str, int]) -> None:
    """Private subnets take an eighth each, public and cluster ones are small, and none is smaller than AWS allows."""
    for zone in plan_network(cidr, zones).zones:
        sizes = (zone.private.prefixlen, zone.public.prefixlen, zone.cluster.prefixlen)
        assert sizes == (cidr.prefixlen + 3, cidr.prefixlen + 6, cidr.prefixlen + 8)
        assert max(sizes) <= 28


@given(cidrs(), zone_slots(), pod_cidrs(), st.data())
def test_adding_or_removing_a_zone_moves_no_other(
    cidr: IPv4Network, zones: dict[str, int], pods: IPv4Network | None, data: st.DataObject
) -> None:
    """The remaining zones keep exactly their subnets, whichever zone comes or goes."""
    kept = data.draw(st.lists(st.sampled_from(sorted(zones)), min_size=1, unique=True))
    assume(disjoint(cidr, pods))
    before = by_name(plan_network(cidr, zones, pods))
    after = by_name(plan_network(cidr, {name: zones[name] for name in kept}, pods))
    assert after == {name: before[name] for name in kept}


@given(cidrs(), zone_slots(), st.randoms())
def test_order_of_the_zones_does_not_matter(cidr: IPv4Network, zones: dict[str, int], random: Random) -> None:
    """Zones written in another order give the same plan."""
    shuffled = list(zones.items())
    random.shuffle(shuffled)
    assert plan_network(cidr, dict(shuffled)) == plan_network(cidr, zones)


def test_layout_of_the_documented_example() -> None:
    """A /16 is cut as the plan's first lines say; these ranges never change."""
    plan = plan_network(EXAMPLE, {f"{REGION}c": 2, f"{REGION}a": 0}, PODS)
    assert [(z.key, z.slot, str(z.private), str(z.public), str(z.cluster), str(z.pods)) for z in plan.zones] == [
        ("a", 0, "10.0.0.0/19", "10.0.192.0/22", "10.0.224.0/24", "100.64.0.0/19"),
        ("c", 2, "10.0.64.0/19", "10.0.200.0/22", "10.0.226.0/24", "100.64.64.0/19"),
    ]
    assert [str(part) for part in plan.zones[1].prefixes] == ["100.64.72.0/21", "100.64.80.0/20"]
    assert plan.region == REGION


@pytest.mark.parametrize(
    ("nat", "expected"),
    [
        ("none", {}),
        ("single", {"a": "a", "b": "a", "c": "a"}),
        ("per-az", {"a": "a", "b": "b", "c": "c"}),
        ("regional", {"a": "regional", "b": "regional", "c": "regional"}),
    ],
)
def test_zones_leave_by_the_chosen_nat(nat: Nat, expected: Mapping[str, str]) -> None:
    """With one NAT gateway everyone leaves by the zone with the lowest slot, whatever its letter or place."""
    plan = plan_network(EXAMPLE, {f"{REGION}c": 5, f"{REGION}b": 3, f"{REGION}a": 1})
    assert plan.nat_gateways(nat) == expected


def test_single_nat_follows_the_slot_and_not_the_letter() -> None:
    """The lowest slot decides where a single NAT gateway stands."""
    assert plan_network(EXAMPLE, {f"{REGION}a": 4, f"{REGION}d": 1}).nat_gateways("single") == {"a": "d", "d": "d"}


@pytest.mark.parametrize(
    ("name", "region"),
    [("us-gov-west-1b", "us-gov-west-1"), ("cn-northwest-1a", "cn-northwest-1"), ("eusc-de-east-1c", "eusc-de-east-1")],
)
def test_zone_names_of_every_partition_are_read(name: str, region: str) -> None:
    """The region of a zone is what stands before its letter."""
    assert plan_network(EXAMPLE, {name: 0}).region == region


@pytest.mark.parametrize(
    ("cidr", "zones", "message"),
    [
        ("10.0.0.0/8", {f"{REGION}a": 0}, r"^cidr=10\.0\.0\.0/8: .* /16 to /20; use for example 10\.0\.0\.0/16$"),
        ("10.1.2.0/24", {f"{REGION}a": 0}, r"^cidr=10\.1\.2\.0/24: .* /16 to /20; use for example 10\.1\.0\.0/16$"),
        ("10.0.0.0/16", {}, r"^zones=\{\}: .* at least one availability zone; add one"),
        ("10.0.0.0/16", {"apne2-az1": 0}, r"^zones='apne2-az1': not the name of an availability zone.*; use a name"),
        ("10.0.0.0/16", {"us-west-2-lax-1a": 0}, r"^zones='us-west-2-lax-1a': .*Local Zones.*; use a name"),
        ("10.0.0.0/16", {"us-east-1-wl1-bos-wlz-1": 0}, r"^zones='us-east-1-wl1-bos-wlz-1': .*; use a name"),
        ("10.0.0.0/16", {f"{REGION}a": 0, "us-east-1b": 1}, r"^zones=.*one region, .*us-east-1; keep one region's$"),
        ("10.0.0.0/16", {f"{REGION}a": 6}, r"^zones\.ap-northeast-2a=6: .*from 0 to 5; take a free one$"),
        ("10.0.0.0/16", {f"{REGION}a": -1}, r"^zones\.ap-northeast-2a=-1: .*from 0 to 5; take a free one$"),
        ("10.0.0.0/16", {f"{REGION}a": True}, r"^zones\.ap-northeast-2a=True: .*whole number"),
        (
            "10.0.0.0/16",
            {f"{REGION}a": 0, f"{REGION}c": 0},
            r"^zones\.ap-northeast-2c=0: ap-northeast-2a has .*; use 1 or",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(cidr: str, zones: dict[str, int], message: str) -> None:
    """The error names key, value, rule and fix, and is one line long."""
    with pytest.raises(ValueError, match=message) as caught:
        plan_network(IPv4Network(cidr), zones)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pods", "message"),
    [
        ("10.0.128.0/20", "pod_cidr=10.0.128.0/20: overlaps the VPC's 10.0.0.0/16; use a range outside it"),
        (
            "100.64.0.0/10",
            "pod_cidr=100.64.0.0/10: AWS and the subnets need a range from /16 to /20; use for example 100.64.0.0/16",
        ),
    ],
)
def test_a_range_for_pods_has_its_own_rules(pods: str, message: str) -> None:
    """It is as large as a VPC's range may be, and lies beside it."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        plan_network(EXAMPLE, {f"{REGION}a": 0}, IPv4Network(pods))


@pytest.mark.parametrize(
    ("partition", "region", "prefix", "chinese"),
    [
        ("aws", "ap-northeast-2", "com.amazonaws.ap-northeast-2", set()),
        ("aws-us-gov", "us-gov-west-1", "com.amazonaws.us-gov-west-1", set()),
        (
            "aws-cn",
            "cn-north-1",
            "com.amazonaws.cn-north-1",
            {"ec2", "ecr.api", "ecr.dkr", "sts", "sqs", "eks", "eks-auth"},
        ),
    ],
)
def test_services_have_the_names_of_their_partition(
    partition: str, region: str, prefix: str, chinese: set[str]
) -> None:
    """In China most services, and not all, have a prefix of their own."""
    names = {service: service_name(partition, region, service) for service in ENDPOINT_SERVICES}
    assert names == {service: f"{'cn.' if service in chinese else ''}{prefix}.{service}" for service in names}

"""Whether a network is large enough: the arithmetic by hand, and what must hold for any network and demand."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.network.capacity import Capacity, Demand, plan_capacity, resized
from components.network.plan import NetworkPlan, plan_network
from rules import addresses, combinations
from rules.sections import Cluster, Karpenter, Network, Nodes
from settings import EksSettings, Settings
from tests.bad_inputs import TODAY, changed, sections

REGION = "ap-northeast-2"
EXAMPLE = Demand(nodes=13, pods=110, slots=5, load_balancers=4, endpoints=10)


def network(prefix: int = 16, *, zones: int = 3, pod_prefix: int | None = None) -> NetworkPlan:
    slots = {f"{REGION}{letter}": slot for slot, letter in enumerate("abcdef"[:zones])}
    pods = None if pod_prefix is None else IPv4Network(f"100.64.0.0/{pod_prefix}")
    return plan_network(IPv4Network(f"10.0.0.0/{prefix}"), slots, pods)


def rows(capacity: Capacity, letter: str = "a") -> dict[str, tuple[int, int]]:
    return {f"{row.role} {row.unit}": (row.need, row.free) for row in capacity.rows if row.zone == f"{REGION}{letter}"}


demands = st.builds(
    Demand,
    nodes=st.integers(1, 3000),
    pods=st.integers(1, 250),
    slots=st.integers(1, 63),
    load_balancers=st.integers(0, 200),
    endpoints=st.sampled_from([0, 10]),
    prefixes=st.booleans(),
)
networks = st.builds(network, st.integers(16, 20), zones=st.integers(1, 6), pod_prefix=st.none() | st.integers(16, 20))


class TestByHand:
    def test_pods_share_the_subnets_of_nodes(self) -> None:
        """Of three zones two are left: 7 nodes each, 8 prefixes and 2 interfaces a node."""
        assert rows(plan_capacity(network(18), EXAMPLE)) == {
            # /21: 3/4 of 2048 addresses are 96 prefixes, one of which holds the address that AWS keeps.
            "private prefixes": (7 * 8, 95),
            "private addresses": (7 * 2 + 4 * 8 + 10, 2048 // 4 - 4),
            "public addresses": (4 * 8 + 1, 256 - 5),
            "cluster addresses": (6, 64 - 5),
        }

    def test_pods_have_a_range_of_their_own(self) -> None:
        """A node's first interface then stands in its own subnet and carries no pods."""
        assert rows(plan_capacity(network(20, pod_prefix=17), EXAMPLE)) == {
            "private addresses": (7 * 1 + 4 * 8 + 10, 512 - 5),
            "pod prefixes": (7 * 8, 4096 * 3 // 4 // 16 - 1),
            "pod addresses": (7 * 2, 1024 - 4),
            "public addresses": (4 * 8 + 1, 64 - 5),
            "cluster addresses": (6, 16 - 5),
        }

    def test_single_addresses_come_by_the_interface(self) -> None:
        """110 pods fill 22 interfaces of 5, one more is warm, and each has an address of its own."""
        single = rows(plan_capacity(network(17), replace(EXAMPLE, prefixes=False)))
        assert single["private addresses"] == (7 * 23 * 6 + 4 * 8 + 10, 4096 - 5)
        assert "private prefixes" not in single

    def test_every_zone_has_its_rows(self) -> None:
        """Any zone may be the one that is lost, so that each must be able to take over."""
        capacity = plan_capacity(network(zones=6), EXAMPLE)
        assert all(rows(capacity, letter) == rows(capacity) for letter in "abcdef")
        assert {row.zone[-1] for row in capacity.rows} == set("abcdef")

    def test_one_zone_carries_all(self) -> None:
        """Where there is nothing left to lose, the one zone has to do."""
        assert rows(plan_capacity(network(zones=1), EXAMPLE))["private prefixes"][0] == 13 * 8
        assert rows(plan_capacity(network(zones=2), EXAMPLE))["private prefixes"][0] == 13 * 8

    def test_the_last_prefix_may_be_used(self) -> None:
        """A /23 has 23 prefixes: a node that takes all of them fits, one that takes another one does not."""
        whole = replace(EXAMPLE, nodes=1, pods=22 * 16, slots=63)
        assert plan_capacity(network(20, zones=2), whole).fits
        assert not plan_capacity(network(20, zones=2), replace(whole, pods=22 * 16 + 1)).fits

    def test_a_row_says_its_arithmetic(self) -> None:
        """What is needed, what for, and what there is."""
        capacity = plan_capacity(network(20, zones=2), EXAMPLE)
        assert [str(row) for row in capacity.short][:1] == [
            "private subnet 10.0.0.0/23 has 23 /28 prefixes for 13 nodes x 8 = 104"
        ]
        assert capacity.headroom("private", "prefixes") == 23 - 104
        assert capacity.headroom("public", "addresses") == 64 - 5 - 33
        assert (capacity.vpc_prefix, capacity.pod_prefix) == (17, None)

    def test_the_ranges_are_sized_each_for_itself(self) -> None:
        """A small VPC does when the pods have a range that is large enough, and the other way round."""
        capacity = plan_capacity(network(20, zones=2, pod_prefix=20), EXAMPLE)
        assert {row.role for row in capacity.short} == {"pod"}
        assert (capacity.vpc_prefix, capacity.pod_prefix) == (20, 17)

    def test_some_demands_fit_nowhere(self) -> None:
        """Then no length is proposed."""
        assert plan_capacity(network(), replace(EXAMPLE, nodes=3000)).vpc_prefix is None
        assert plan_capacity(network(pod_prefix=16), replace(EXAMPLE, nodes=3000)).pod_prefix is None

    def test_resized_keeps_the_place(self) -> None:
        """The range that is proposed holds the one that was too small."""
        assert resized(IPv4Network("10.3.64.0/20"), 17) == IPv4Network("10.3.0.0/17")


@given(networks, demands, demands)
def test_more_never_fits_where_less_does_not(plan: NetworkPlan, one: Demand, other: Demand) -> None:
    """What takes at least as much of everything fits only where the other does."""
    more = Demand(
        nodes=max(one.nodes, other.nodes),
        pods=max(one.pods, other.pods),
        slots=one.slots,
        load_balancers=max(one.load_balancers, other.load_balancers),
        endpoints=max(one.endpoints, other.endpoints),
        prefixes=one.prefixes,
    )
    assert plan_capacity(plan, one).fits or not plan_capacity(plan, more).fits
    small, large = plan_capacity(plan, one), plan_capacity(plan, more)
    assert (large.vpc_prefix or 0) <= (small.vpc_prefix or 0)
    assert (large.pod_prefix or 0) <= (small.pod_prefix or 0)


@given(demands, st.integers(1, 6), st.none() | st.integers(16, 20))
def test_the_proposal_fits_and_nothing_smaller_does(demand: Demand, zones: int, pod_prefix: int | None) -> None:
    """The proposed lengths fit together; one bit longer, each of them is too small."""
    capacity = plan_capacity(network(zones=zones, pod_prefix=pod_prefix), demand)

    def short(prefix: int, pods: int | None) -> set[str]:
        return {row.role for row in plan_capacity(network(prefix, zones=zones, pod_prefix=pods), demand).short}

    if capacity.vpc_prefix is None:
        assert short(16, pod_prefix) - {"pod"}
    elif pod_prefix is not None and capacity.pod_prefix is None:
        assert short(16, 16) >= {"pod"}
    else:
        assert short(capacity.vpc_prefix, capacity.pod_prefix) == set()
    if capacity.vpc_prefix is not None and capacity.vpc_prefix < 20:
        assert short(capacity.vpc_prefix + 1, pod_prefix) - {"pod"}
    if capacity.pod_prefix is not None and capacity.pod_prefix < 20:
        assert "pod" in short(16, capacity.pod_prefix + 1)


@given(networks, demands)
def test_another_zone_never_takes_room_away(plan: NetworkPlan, demand: Demand) -> None:
    """What fits two zones or more fits one zone more: subnets stay, and each has fewer nodes."""
    free = [slot for slot in range(6) if slot not in {zone.slot for zone in plan.zones}]
    if len(plan.zones) < 2 or not free:
        return
    slots = {zone.name: zone.slot for zone in plan.zones}
    larger = plan_network(plan.cidr, {**slots, f"{REGION}f": free[-1]}, plan.pod_cidr)
    assert plan_capacity(larger, demand).fits or not plan_capacity(plan, demand).fits


def _parse(changes: dict[str, Any], stack: str = "dev") -> EksSettings:
    settings = Settings.parse(changed(sections(stack), changes), today=TODAY)
    assert isinstance(settings, EksSettings)
    return settings


class TestStacks:
    @pytest.mark.parametrize(
        ("stack", "prefix", "prefixes", "singles"), [("dev", 19, 348, 2005), ("prod", 18, 318, 1999)]
    )
    def test_both_have_room(self, stack: str, prefix: int, prefixes: int, singles: int) -> None:
        """Each stack file fits; the figures are what is left in each private subnet with a zone lost."""
        settings = _parse({}, stack)
        capacity = addresses.capacity(settings.network, settings.nodes, settings.karpenter)
        assert capacity is not None
        assert capacity.fits
        left = (capacity.headroom("private", "prefixes"), capacity.headroom("private", "addresses"))
        assert (capacity.vpc_prefix, *left) == (prefix, prefixes, singles)

    @pytest.mark.parametrize(
        ("changes", "need"),
        [
            ({}, 7 * 5),
            ({"nodes/count/max": 5}, 8 * 5),
            # 13 vCPUs are six nodes of two and one more.
            ({"karpenter/limits/cpu": "13"}, 6 * 5),
            ({"karpenter/limits/nodes": 5}, 5 * 5),
            ({"karpenter/instanceSizes": ["xlarge"]}, 5 * 5),
            ({"karpenter/maxPods": 100, "nodes/maxPods": 40}, 7 * 8),
            ({"karpenter/maxPods": 40, "nodes/maxPods": 100}, 7 * 8),
        ],
        ids=str,
    )
    def test_the_most_nodes_are_counted(self, changes: dict[str, Any], need: int) -> None:
        """Base nodes at most, and as many of Karpenter's as its limits allow, each with the most pods."""
        capacity = self._capacity(changes)
        assert rows(capacity)["private prefixes"][0] == need

    def test_endpoints_and_the_smallest_interface_are_counted(self) -> None:
        """Ten addresses go to endpoints, and an interface with one place for prefixes makes it five interfaces."""
        closed = self._capacity({"network/privateEndpoints": True})
        small = self._capacity({"karpenter/instanceSizes": ["nano", "medium"]})
        usual = rows(self._capacity({}))["private addresses"][0]
        assert rows(closed)["private addresses"][0] == usual + 10
        assert rows(small)["private addresses"][0] == usual + 7 * (5 - 1)

    def test_other_rules_come_first(self) -> None:
        """Where another rule refuses zones or types, this one is silent."""
        settings = _parse({})
        nowhere = settings.network.model_copy(update={"zones": {}})
        without = settings.karpenter.model_copy(update={"instance_sizes": ("metal",)})
        assert list(addresses.fit(nowhere, settings.nodes, settings.karpenter)) == []
        assert list(addresses.fit(settings.network, settings.nodes, without)) == []

    def test_services_and_pods_must_not_share_a_range(self) -> None:
        """The fields allow them different ranges; should that change, the rule still holds."""
        network = Network.model_construct(cidr=IPv4Network("10.0.0.0/16"), pod_cidr=IPv4Network("100.64.0.0/16"))
        cluster = Cluster.model_construct(service_cidr=IPv4Network("100.64.0.0/20"))
        (fault,) = combinations._disjoint(cluster, network)
        assert fault.line("platform") == (
            'platform:network.podCidr = "100.64.0.0/16": overlaps the 100.64.0.0/20 of the services; '
            "take another range such as 100.65.0.0/16"
        )

    @staticmethod
    def _capacity(changes: dict[str, Any]) -> Capacity:
        adapted = changed(sections("dev"), changes)
        network = Network.model_validate(adapted["network"])
        nodes, karpenter = Nodes.model_validate(adapted["nodes"]), Karpenter.model_validate(adapted["karpenter"])
        capacity = addresses.capacity(network, nodes, karpenter)
        assert capacity is not None
        return capacity

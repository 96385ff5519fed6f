"""The port table as data: what it says of a cluster of any shape."""

from __future__ import annotations

from itertools import product

import pytest

from components.self_managed.ports import Flow, flows, groups

SHAPES = [*product((1, 3), ((), ("203.0.113.0/24", "198.51.100.4/32")))]


@pytest.mark.parametrize(("planes", "cidrs"), SHAPES)
def test_both_ends_of_a_flow_are_there(planes: int, cidrs: tuple[str, ...]) -> None:
    """A flow names a group that the cluster has, or a range; and one of its ends is a group."""
    there = groups(control_planes=planes, public=bool(cidrs))
    for flow in flows(control_planes=planes, public_access_cidrs=cidrs):
        ends = {flow.source, flow.target}
        assert ends & set(there), flow
        assert all("/" in end for end in ends - set(there)), flow


@pytest.mark.parametrize(("planes", "cidrs"), SHAPES)
def test_every_flow_has_a_name_of_its_own(planes: int, cidrs: tuple[str, ...]) -> None:
    """Resources are named by key, source and target: no two flows share them."""
    table = flows(control_planes=planes, public_access_cidrs=cidrs, outbound_ports=(22, 443, 22))
    assert len({(flow.key, flow.source, flow.target) for flow in table}) == len(table)


@pytest.mark.parametrize(("planes", "cidrs"), SHAPES)
def test_a_growing_cluster_only_opens(planes: int, cidrs: tuple[str, ...]) -> None:
    """Three control planes have all flows of one, and a public way in takes none away."""
    small = set(flows(control_planes=1))
    assert small <= set(flows(control_planes=planes, public_access_cidrs=cidrs))


def test_node_ports_are_nobodys() -> None:
    """The load balancer controller opens what it needs: no flow between machines has such a port."""
    table = flows(control_planes=3, public_access_cidrs=("203.0.113.0/24",))
    assert not [flow for flow in table if flow.ports[1] >= 30000]
    assert not [flow for flow in table if flow.ports[1] - flow.ports[0] > 1]


def test_the_documents_ports() -> None:
    """The whole table of three control planes that the internet reaches from one range."""

    def row(flow: Flow) -> str:
        first, last = flow.ports
        return f"{flow.source} > {flow.target} {flow.protocol} {first if first == last else f'{first}-{last}'}"

    assert sorted(row(flow) for flow in flows(control_planes=3, public_access_cidrs=("203.0.113.0/24",))) == [
        "203.0.113.0/24 > public-balancer tcp 6443",
        "control-planes > control-planes tcp 2379-2380",
        "internal-balancer > control-planes tcp 6443",
        "nodes > 0.0.0.0/0 tcp 443",
        "nodes > 0.0.0.0/0 tcp 80",
        "nodes > control-planes tcp 6443",
        "nodes > internal-balancer tcp 6443",
        "nodes > nodes tcp 10250",
        "nodes > nodes tcp 5473",
        "nodes > nodes tcp 9100",
        "nodes > nodes udp 4789",
        "public-balancer > control-planes tcp 6443",
    ]

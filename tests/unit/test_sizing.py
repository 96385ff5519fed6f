"""The base nodes' planner: its table against what is installed, its packing, and what the rule says of a misfit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.argocd.chart_values import argocd_values
from components.eks import sizing
from components.eks.sizing import BaseNodes, Room, Workload
from rules import base_nodes
from rules.sections import adapters
from tests.bad_inputs import SIZING, BadInput, changed, sections

# Three t3.medium, one per zone: production's.
PROD = BaseNodes(vcpus=2, memory_gib=4, max_pods=35, count=3, zones=3, karpenter_replicas=2, all_replicas=True)
ARGOCD = {
    "controller": "argocd-application-controller",
    "server": "argocd-server",
    "repoServer": "argocd-repo-server",
    "applicationSet": "argocd-applicationset-controller",
    "redis": "argocd-redis",
    "notifications": "argocd-notifications-controller",
}


def _room(requests: dict[str, str]) -> Room:
    memory = requests["memory"]
    mebibytes = int(memory.removesuffix("Gi")) * 1024 if memory.endswith("Gi") else int(memory.removesuffix("Mi"))
    return Room(int(requests["cpu"].removesuffix("m")), mebibytes)


def test_argocds_requests_are_those_of_its_chart_values() -> None:
    """The table repeats what the chart gets."""
    table = {kind.name: kind.request for kind in sizing.CONTROLLERS}
    values = argocd_values()
    assert {part: table[name] for part, name in ARGOCD.items()} == {
        part: _room(values[part]["resources"]["requests"]) for part in ARGOCD
    }


def test_karpenters_pods_refuse_to_share_a_node() -> None:
    """As its chart has it; what all of the tree asks for is compared in tests/gitops/test_base_capacity.py."""
    karpenter = next(kind for kind in sizing.workloads(2) if kind.name == "karpenter")
    assert (karpenter.replicas, karpenter.apart) == (2, True)


def test_every_row_has_a_source() -> None:
    """No number is there for an unknown reason."""
    assert all(kind.source for kind in (*sizing.DAEMONS, *sizing.CONTROLLERS))


def test_allocatable_is_what_is_left_of_a_node() -> None:
    """A t3.medium: 3788 MiB real, less 640 for kubelet and runtime, 200 for the system, 5 % kept from eviction."""
    room = sizing.allocatable(vcpus=2, memory_gib=4, max_pods=35)
    assert room == Room(cpu=2000 - 70 - 200, memory=2759, pods=35)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({}, None),
        ({"max_pods": 110}, "with a zone lost, 2 x 1662 MiB"),
        ({"count": 2, "zones": 2}, "with a zone lost, 1 x 2487 MiB"),
        ({"count": 4, "zones": 2}, None),
        ({"count": 3, "zones": 2}, "with a zone lost, 1 x 2487 MiB"),
        ({"memory_gib": 8, "count": 2, "zones": 2, "max_pods": 110}, None),
        ({"memory_gib": 2}, "no node holds argocd-application-controller"),
        ({"vcpus": 1}, "and no node holds"),
    ],
)
def test_shortage_has_its_arithmetic(change: dict[str, Any], part: str | None) -> None:
    """What fits passes; what does not is refused with the numbers."""
    shortage = sizing.shortage(replace(PROD, **change))
    assert shortage is None if part is None else part in (shortage or "")


def test_development_needs_one_replica_of_each_only() -> None:
    """With a zone lost, production runs every replica and development one."""
    tight = replace(PROD, max_pods=58)
    assert sizing.shortage(tight) is not None
    assert sizing.shortage(replace(tight, all_replicas=False)) is None


def test_replicas_apart_need_a_node_each() -> None:
    """Two that refuse to share a node do not fit on one, however large."""
    pair = Workload("pair", 2, Room(1, 1), "test", apart=True)
    assert sizing.unplaced([pair], [Room(100, 100, 100)]) == ["pair"]
    assert sizing.unplaced([pair], [Room(100, 100, 100)] * 2) == []


def test_pods_run_out_as_well() -> None:
    """A node with memory left takes no more pods than it announces."""
    assert sizing.unplaced([Workload("small", 3, Room(1, 1), "test")], [Room(100, 100, 2)]) == ["small"]


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(1, 1500), st.integers(1, 3), st.booleans()), max_size=12),
    st.integers(1, 5),
)
def test_nothing_is_placed_twice_or_beyond_the_room(pods: list[tuple[int, int, int, bool]], count: int) -> None:
    """What is placed never sums up to more than the nodes have."""
    kinds = [Workload(str(i), n, Room(cpu, mem), "test", apart) for i, (cpu, mem, n, apart) in enumerate(pods)]
    over = sizing.unplaced(kinds, [Room(1000, 2000, 10)] * count)
    placed = [kind._replace(replicas=kind.replicas - over.count(kind.name)) for kind in kinds]
    assert all(kind.replicas >= 0 for kind in placed)
    assert Room(1000 * count, 2000 * count, 10 * count).holds(sizing.total(placed))
    assert all(kind.replicas <= count for kind in placed if kind.apart)


def _faults(content: dict[str, object]) -> list[str]:
    names = ("network", "nodes", "karpenter", "policy")
    found = base_nodes.fit(*(adapters("eks")[name].validate_python(content[name]) for name in names))
    return [fault.line("platform") for fault in found]


@pytest.mark.parametrize("row", SIZING, ids=lambda row: row.id)
def test_a_misfit_is_refused_in_one_line(row: BadInput) -> None:
    """The line has the arithmetic and the least changes that would do."""
    assert _faults(row.sections) == [row.line]


@pytest.mark.parametrize(
    ("stack", "changes"), [("dev", {"nodes/instanceType": "t3.large"}), ("prod", {"nodes/maxPods": 35})]
)
def test_what_the_planner_asks_for_fits(stack: str, changes: dict[str, object]) -> None:
    """Two t3.large in two zones, or three t3.medium in three with fewer pods each."""
    assert _faults(changed(sections(stack), changes)) == []

"""A schedule with few hands: never shorter than with enough of them, never longer than one step after the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.durations.crowd import crowded
from sandbox.durations.graph import Edge, schedule
from tests.unit.test_durations_graph import Graph, graphs


def last(graph: Graph) -> float:
    return max(span.end for span in schedule(*graph).values())


@given(graphs(plain=True))
def test_with_enough_hands_nobody_waits_for_one(graph: Graph) -> None:
    """As many as there are steps are enough."""
    assert crowded(*graph, hands=len(graph[0])) == last(graph)


@given(graphs(plain=True), st.integers(1, 4))
def test_few_hands_take_longer_but_no_longer_than_one(graph: Graph, hands: int) -> None:
    """One hand takes the sum of all steps."""
    taken = crowded(*graph, hands=hands)
    assert last(graph) <= taken <= sum(graph[0].values())
    assert crowded(*graph, hands=1) == sum(graph[0].values())


@given(graphs(), st.integers(1, 3))
def test_waits_for_a_beginning_do_not_block(graph: Graph, hands: int) -> None:
    """A step takes a hand only when what it waits for has begun, so something always goes on."""
    assert crowded(*graph, hands=hands) >= max(graph[0].values())


def test_a_release_holds_a_hand_while_its_pods_are_pending() -> None:
    """Two hands are taken by nodes and release; what comes besides has to wait for one of them."""
    seconds = {"nodes": 100.0, "release": 70.0, "other": 10.0}
    edges = {"release": [Edge(("nodes",), 90.0)]}
    assert crowded(seconds, edges, hands=3) == 160
    late = {"nodes": 100.0, "first": 5.0, "release": 70.0, "other": 80.0}
    assert crowded(late, {**edges, "other": [Edge(("first",))]}, hands=2) == 180

"""The longest way through a graph: against sums, bounds and every way there is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.durations.graph import Edge, GraphError, layers, path, schedule

Graph = tuple[dict[str, float], dict[str, list[Edge]]]
SECONDS = st.integers(0, 600).map(float)


@st.composite
def graphs(draw: st.DrawFn, *, plain: bool = False) -> Graph:
    """Up to seven steps, each waiting for any of those before it: for its end, or for a while after its beginning."""
    names = [f"s{index}" for index in range(draw(st.integers(1, 7)))]
    edges: dict[str, list[Edge]] = {}
    for index, name in enumerate(names):
        earlier = names[:index]
        if plain:
            found = draw(st.sets(st.sampled_from(earlier))) if earlier else set()
            edges[name] = [Edge((need,)) for need in sorted(found)]
        elif earlier:
            needs = st.sets(st.sampled_from(earlier), min_size=1, max_size=3).map(lambda found: tuple(sorted(found)))
            edges[name] = draw(st.lists(st.builds(Edge, needs, st.none() | SECONDS), max_size=3))
    return {name: draw(SECONDS) for name in names}, edges


def end(graph: Graph, step: str) -> float:
    """Say it again by the definition, without a schedule."""
    seconds, edges = graph
    begins = [0.0]
    for edge in edges.get(step, []):
        lags = {need: seconds[need] if edge.lag is None else edge.lag for need in edge.needs}
        begins.append(min(end(graph, need) - seconds[need] + lags[need] for need in edge.needs))
    return max(begins) + seconds[step]


def ways(graph: Graph, step: str) -> list[float]:
    """Return the length of every way to the end of a step of a plain graph."""
    seconds, edges = graph
    before = [length for edge in edges.get(step, []) for length in ways(graph, edge.needs[0])]
    return [length + seconds[step] for length in before or [0.0]]


@given(graphs(plain=True))
def test_the_path_is_the_longest_of_all_ways(graph: Graph) -> None:
    """No other way through the graph takes longer, and no more than all steps one after the other."""
    legs = path(schedule(*graph))
    assert legs[-1].end == max(length for step in graph[0] for length in ways(graph, step))
    assert max(graph[0].values()) <= legs[-1].end <= sum(graph[0].values())


@given(graphs())
def test_each_step_ends_when_the_definition_says(graph: Graph) -> None:
    """With waits for a beginning, and for the earliest of several, too."""
    assert {step: span.end for step, span in schedule(*graph).items()} == {step: end(graph, step) for step in graph[0]}


@given(graphs())
def test_the_parts_of_a_path_add_up(graph: Graph) -> None:
    """To every step: each leg begins where the one before stops, and waits for it."""
    spans = schedule(*graph)
    for step, span in spans.items():
        legs = path(spans, step)
        assert legs[-1].step == step
        assert sum(leg.seconds for leg in legs) == pytest.approx(span.end)
        for before, leg in pairwise(legs):
            assert leg.edge in graph[1][leg.step]
            assert leg.edge is not None
            assert before.step in leg.edge.needs
        assert legs[0].edge is None


@given(graphs(), st.data())
def test_one_wait_more_never_makes_it_shorter(graph: Graph, data: st.DataObject) -> None:
    """Whatever a step waits for besides, everything ends then or later."""
    seconds, edges = graph
    names = list(seconds)
    late = data.draw(st.integers(0, len(names) - 1))
    if not late:
        return
    need = data.draw(st.sampled_from(names[:late]))
    more = {**edges, names[late]: [*edges.get(names[late], []), Edge((need,), data.draw(st.none() | SECONDS))]}
    before, after = schedule(seconds, edges), schedule(seconds, more)
    assert all(after[step].end >= before[step].end for step in names)


@given(graphs(), st.data())
def test_a_longer_step_never_makes_it_shorter(graph: Graph, data: st.DataObject) -> None:
    """So the least of everything gives the least in all, and the most the most."""
    seconds, edges = graph
    longer = {step: taken + data.draw(SECONDS) for step, taken in seconds.items()}
    before, after = schedule(seconds, edges), schedule(longer, edges)
    assert all(after[step].end >= before[step].end for step in seconds)


def test_steps_that_wait_for_each_other_are_named() -> None:
    """Instead of a number."""
    with pytest.raises(GraphError, match=r"these wait for each other: .*a.*b"):
        schedule({"a": 1, "b": 1}, {"a": [Edge(("b",))], "b": [Edge(("a",))]})


def test_of_equally_late_waits_the_first_is_told() -> None:
    """The caller names first what says most by itself."""
    spans = schedule({"a": 5, "b": 5, "c": 1}, {"c": [Edge(("b",)), Edge(("a",))]})
    assert [leg.step for leg in path(spans)] == ["b", "c"]


@given(graphs(plain=True))
def test_layers_hold_all_steps_and_each_after_what_it_needs(graph: Graph) -> None:
    """One layer after the last of what it needs: neither earlier nor later."""
    needs: Mapping[str, tuple[str, ...]] = {
        step: tuple(need for edge in graph[1].get(step, []) for need in edge.needs) for step in graph[0]
    }
    found = layers(needs)
    depth = {step: index for index, layer in enumerate(found) for step in layer}
    assert sorted(depth) == sorted(needs)
    for step, needed in needs.items():
        assert depth[step] == max((depth[need] + 1 for need in needed), default=0)


def test_nothing_takes_no_time() -> None:
    """A stack without resources has a path without parts."""
    assert path(schedule({}, {})) == []
    assert layers({}) == []

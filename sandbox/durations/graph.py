"""The longest way through a graph of steps: what nobody can begin before what it waits for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter


class GraphError(Exception):
    """The steps wait for each other."""


@dataclass(frozen=True)
class Edge:
    """Something that a step waits for.

    Attributes:
        needs: Steps of which the earliest is enough; mostly there is one.
        lag: Seconds after the beginning of what is needed. Without it the wait is for its end.
    """

    needs: tuple[str, ...]
    lag: float | None = None


@dataclass(frozen=True)
class Span:
    """When a step begins and ends, and which of its edges it waited for longest, with the step at its other end.

    What begins at once has waited for nothing.
    """

    begin: float
    end: float
    waited: tuple[Edge, str] | None


@dataclass(frozen=True)
class Leg:
    """One step of a path.

    Attributes:
        seconds: How much of the path it takes: its duration, or what the next step has to wait of it.
        edge: What the step waited for; none for the first.
    """

    step: str
    seconds: float
    end: float
    edge: Edge | None


def schedule(seconds: Mapping[str, float], edges: Mapping[str, Sequence[Edge]]) -> dict[str, Span]:
    """Return when each step begins and ends if each begins as soon as all that it waits for allows.

    Raises:
        GraphError: Steps wait for each other.
    """
    order = TopologicalSorter({step: {need for edge in edges.get(step, ()) for need in edge.needs} for step in seconds})
    spans: dict[str, Span] = {}
    try:
        for step in order.static_order():
            # Of equally late ones the edge named first counts.
            waits = [(*_over(edge, spans), edge) for edge in edges.get(step, ())]
            begin, by, edge = max(waits, key=lambda wait: wait[0], default=(0.0, "", None))
            waited = None if edge is None or not begin else (edge, by)
            spans[step] = Span(begin=begin, end=begin + seconds[step], waited=waited)
    except CycleError as error:
        raise GraphError(f"these wait for each other: {' -> '.join(error.args[1])}") from error
    return spans


def _over(edge: Edge, spans: Mapping[str, Span]) -> tuple[float, str]:
    """Return when an edge's wait is over, and by which step."""
    over = {need: spans[need].end if edge.lag is None else spans[need].begin + edge.lag for need in edge.needs}
    by = min(over, key=lambda need: over[need])
    return over[by], by


def path(spans: Mapping[str, Span], last: str | None = None) -> list[Leg]:
    """Return the steps that `last` (by default what ends last) waited for, in their order, and itself."""
    if not spans:
        return []
    step = last or max(spans, key=lambda name: spans[name].end)
    over = spans[step].end
    legs: list[Leg] = []
    while True:
        span = spans[step]
        legs.append(Leg(step=step, seconds=over - span.begin, end=over, edge=span.waited[0] if span.waited else None))
        if span.waited is None:
            return legs[::-1]
        step, over = span.waited[1], span.begin


def layers(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the steps in layers: each as many layers after the first as the longest chain of what it needs is long."""
    depth: dict[str, int] = {}
    for step in TopologicalSorter(needs).static_order():
        depth[step] = max((depth[need] + 1 for need in needs.get(step, ())), default=0)
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for step in needs:
        found[depth[step]].append(step)
    return found

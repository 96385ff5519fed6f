"""A schedule for an engine that does only so many steps at once. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from sandbox.durations.graph import Edge


def crowded(seconds: Mapping[str, float], edges: Mapping[str, Sequence[Edge]], hands: int) -> float:
    """Return when the last step ends if at most `hands` of those that take time run at once.

    Steps begin in the order in which they are free to, and of those that become free together in the mapping's. One
    that waits for the beginning of another holds a hand while it waits, as a release does whose pods are pending.
    """
    began: dict[str, float] = {}
    ended: set[str] = set()
    free: list[str] = []
    waiting = list(seconds)
    running: list[tuple[float, str]] = []
    now = 0.0
    while len(ended) < len(seconds):
        fresh = [step for step in waiting if all(_over(edge, began, ended) for edge in edges.get(step, ()))]
        free += fresh
        waiting = [step for step in waiting if step not in fresh]
        taken = sum(seconds[step] > 0 for _, step in running)
        begins = [step for step in free if not seconds[step]]
        begins += [step for step in free if seconds[step]][: hands - taken]
        for step in begins:
            free.remove(step)
            began[step] = now
            heapq.heappush(running, (_end(seconds[step], edges.get(step, ()), now, began), step))
        # What has just begun may be what others wait for.
        if not begins:
            now, step = heapq.heappop(running)
            ended.add(step)
    return now


def _end(seconds: float, edges: Sequence[Edge], now: float, began: Mapping[str, float]) -> float:
    over = [
        min(began[need] for need in edge.needs if need in began) + edge.lag for edge in edges if edge.lag is not None
    ]
    return max([now, *over]) + seconds


def _over(edge: Edge, began: Mapping[str, float], ended: set[str]) -> bool:
    """Say whether a step may begin as far as this edge goes."""
    return any(need in (ended if edge.lag is None else began) for need in edge.needs)

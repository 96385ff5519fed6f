"""The modelled course of `up` and of destroy: the table's seconds on the graph that the engine built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from sandbox.durations.crowd import crowded
from sandbox.durations.graph import Edge, Leg, Span, layers, path, schedule
from sandbox.durations.stack import Need, Resource, Stack
from sandbox.durations.table import Duration, DurationsError, Readiness, Table, holds

READINGS: Final = ("model", "least", "most")
_NO_TIME: Final = Duration(model=0, least=0, most=0, evidence="I", note="a component is not made by anybody")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One line of a path.

    Attributes:
        seconds: What it adds.
        sum: With all before it.
        reason: What it waits for, and why.
        duration: Where the seconds come from.
        until: How far the next part waits for it, where that is not to its end.
    """

    resource: Resource
    seconds: float
    sum: float
    reason: str
    duration: Duration
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class Course:
    """A path with its range: all that it takes if everything takes its least, or its most."""

    parts: Sequence[Part]
    least: float
    most: float

    @property
    def seconds(self) -> float:
        """What it takes in all."""
        return self.parts[-1].sum if self.parts else 0.0

    @property
    def weakest(self) -> Part | None:
        """The part, of those that take time, about whose seconds least is known; the longest of several."""
        taking = [part for part in self.parts if part.seconds]
        return min(taking, key=lambda part: (part.duration.strength, -part.seconds), default=None)


class Model:
    """How long a stack would take.

    Args:
        stack: What the engine built.
        table: Durations.
        reasons: Why something comes after something else, by `<awaited type> -> <waiting type>`; `*` stands for any
            text. An order that the program sets without a value must have one.

    Raises:
        DurationsError: The table has no row for one of the resources.
    """

    def __init__(self, stack: Stack, table: Table, reasons: Mapping[str, str]) -> None:
        self._stack = stack
        self._reasons = reasons
        self._rows = {urn: table.row(one.type, one.inputs) for urn, one in stack.resources.items() if one.custom}
        self._implied = {urn: self._implied_edges(one, table.ready) for urn, one in stack.resources.items()}
        self._ups = {reading: self._schedule_up(reading) for reading in READINGS}

    # Up ------------------------------------------------------------------------------------------------------------

    def up(self, last: str | None = None) -> Course:
        """Return the path to a resource, by default to the one that is done last."""
        spans = self._ups["model"]
        legs = path(spans, last)
        end = legs[-1].step if legs else ""
        parts = [self._up_part(*three) for three in zip([None, *legs], legs, [*legs[1:], None], strict=False)]
        least, most = (self._end(self._ups[reading], last and end) for reading in ("least", "most"))
        return Course(parts=_without_moments(parts), least=least, most=most)

    def up_seconds(self, urn: str) -> float:
        """Return when a resource is there."""
        return self._ups["model"][urn].end

    def up_with(self, hands: int) -> float:
        """Return what `up` takes if the engine does at most so many steps at once."""
        return crowded(*self._steps("model"), hands=hands)

    def _schedule_up(self, reading: str) -> dict[str, Span]:
        return schedule(*self._steps(reading))

    def _steps(self, reading: str) -> tuple[dict[str, float], dict[str, list[Edge]]]:
        seconds = {urn: self._seconds(one, "create", reading) for urn, one in self._stack.resources.items()}
        edges = {
            urn: [
                *(Edge((need,)) for need, _ in sorted(needs.items(), key=lambda item: item[1].rank)),
                *(Edge(groups, None if row.after is None else row.after.reading(reading)) for groups, row in implied),
            ]
            for urn, needs, implied in ((urn, self._stack.needs[urn], self._implied[urn]) for urn in seconds)
        }
        return seconds, edges

    def _implied_edges(self, resource: Resource, ready: Iterable[Readiness]) -> list[tuple[tuple[str, ...], Readiness]]:
        """Return what a resource waits for although nothing says so, except what waits for the resource itself."""
        found = []
        for row in ready:
            if resource.type not in row.waits or not holds(row.when_waits, resource.inputs):
                continue
            if resource.inputs.get("skipAwait"):
                continue
            needed = [one.urn for one in self._stack.resources.values() if one.type == row.needs]
            # Whose value it takes is the one that it waits for; else any of them will do.
            own = [urn for urn in needed if self._stack.needs[resource.urn].get(urn, Need()).properties]
            needed = own or needed
            if free := tuple(urn for urn in needed if resource.urn not in self._all_needs(urn)):
                found.append((free, row))
        return found

    def _all_needs(self, urn: str) -> set[str]:
        found: set[str] = set()
        queue = [urn]
        while queue:
            new = self._stack.needs[queue.pop()].keys() - found
            found |= new
            queue += new
        return found

    def _up_part(self, before: Leg | None, leg: Leg, after: Leg | None) -> Part:
        one = self._stack.resources[leg.step]
        reason = "" if before is None else self._why_after(before, leg)
        duration, until = self._duration(one, "create"), ""
        if after is not None and after.edge is not None and after.edge.lag is not None:
            row = self._implied_row(after)
            duration, until = row.after or duration, row.until
        return Part(resource=one, seconds=leg.seconds, sum=leg.end, reason=reason, duration=duration, until=until)

    def _why_after(self, before: Leg, leg: Leg) -> str:
        awaited = self._stack.resources[before.step]
        need = self._stack.needs[leg.step].get(before.step)
        if need is None or (leg.edge is not None and leg.edge.lag is not None):
            return f"{awaited.name}: {self._implied_row(leg).reason}"
        return self._why(self._stack.resources[leg.step], awaited, need)

    def _implied_row(self, leg: Leg) -> Readiness:
        return next(row for needs, row in self._implied[leg.step] if leg.edge is not None and leg.edge.needs == needs)

    # Destroy -------------------------------------------------------------------------------------------------------

    def destroy(self) -> Course:
        """Return the course of a destroy, wave by wave, each with its slowest deletion.

        The engine deletes in waves and begins none before the last one is done. A resource's wave is the later, the
        shorter the longest chain of what it needs: `ScheduleDeletes` in
        https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/resource/deploy/step_generator.go.
        """
        depth = layers({urn: tuple(needs) for urn, needs in self._stack.needs.items()})
        parts, total = [], 0.0
        for wave, before in zip(depth[::-1], [*depth[-2::-1], []], strict=False):
            slowest = self._stack.resources[max(wave, key=lambda urn: self._delete_seconds(urn, "model"))]
            if seconds := self._delete_seconds(slowest.urn, "model"):
                total += seconds
                reason = self._why_before(slowest, len(wave), before)
                duration = self._duration(slowest, "delete")
                parts.append(Part(resource=slowest, seconds=seconds, sum=total, reason=reason, duration=duration))
        least, most = (
            sum(max(self._delete_seconds(urn, reading) for urn in wave) for wave in depth)
            for reading in ("least", "most")
        )
        return Course(parts=parts, least=least, most=most)

    def destroy_without_waves(self) -> float:
        """Return what a destroy would take if each resource went as soon as nothing needs it any more."""
        edges: dict[str, list[Edge]] = {urn: [] for urn in self._stack.resources}
        for urn, needs in self._stack.needs.items():
            for need in needs:
                edges[need].append(Edge((urn,)))
        return self._end(schedule({urn: self._delete_seconds(urn, "model") for urn in edges}, edges), None)

    def _delete_seconds(self, urn: str, reading: str) -> float:
        return self._seconds(self._stack.resources[urn], "delete", reading)

    def _why_before(self, one: Resource, count: int, following: Sequence[str]) -> str:
        """Return how many go with a resource, and which of the next wave it has to go before."""
        beside = f"slowest of {count}" if count > 1 else "alone"
        needs = {urn: need for urn, need in self._stack.needs[one.urn].items() if urn in following}
        if not needs:
            return beside
        urn = min(needs, key=lambda urn: (needs[urn].rank, -self._delete_seconds(urn, "model")))
        return f"{beside}; before {self._why(one, self._stack.resources[urn], needs[urn])}"

    # Both ----------------------------------------------------------------------------------------------------------

    def _end(self, spans: Mapping[str, Span], last: str | None) -> float:
        return spans[last].end if last else max((span.end for span in spans.values()), default=0.0)

    def _seconds(self, one: Resource, kind: str, reading: str) -> float:
        if not one.custom or one.read or (kind == "delete" and one.kept):
            return 0.0
        return self._duration(one, kind).reading(reading)

    def _duration(self, one: Resource, kind: str) -> Duration:
        row = self._rows.get(one.urn)
        return _NO_TIME if row is None else row.create if kind == "create" else row.delete

    def _why(self, one: Resource, awaited: Resource, need: Need) -> str:
        """Return whom a resource waits for and why. Raise `DurationsError` for an order that nobody gives a reason."""
        order = f"{awaited.type} -> {one.type}"
        said = next((said for pattern, said in self._reasons.items() if fnmatchcase(order, pattern)), "")
        if need.properties:
            by = f"`{', '.join(need.properties)}`"
        elif need.provider:
            by = "its provider"
        elif need.parent:
            by = "its parent"
        elif need.deleted_with or said:
            by = "goes with it" if need.deleted_with else ""
        else:
            raise DurationsError(
                f"{one.name} comes after {awaited.name} by depends_on: say why in pyproject.toml, "
                f'[tool.sandbox.reasons]: "{order}" = "…"'
            )
        return f"{awaited.name}: " + ", ".join(filter(None, (by, said)))


def _without_moments(parts: Iterable[Part]) -> list[Part]:
    """Leave out what takes no time; why it was waited for is said by what waits for it."""
    found: list[Part] = []
    said: list[str] = []
    for part in parts:
        if part.reason:
            said.append(part.reason)
        if part.seconds:
            found.append(replace(part, reason="; ".join(said)))
            said = []
    return found

"""Tells people the modelled course of `up` and of destroy, and holds it to what is promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Grid

from sandbox.durations.model import Course, Model
from sandbox.durations.stack import Stack
from sandbox.durations.table import DurationsError, load_table

# Four for each core, unless `--parallel` says otherwise:
# https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/cmd/pulumi/operations/up.go
_HANDS: Final = 8


class Durations:
    """The model of one stack.

    Args:
        states: The stack's resources, as exported after an `up`.
        reasons: `[tool.sandbox.reasons]`: why the program orders what it orders without a value.
        limits: `[tool.sandbox.limits.<stack>]`: seconds by `<type>::<logical name>`; with `*` in the name, for the
            last of all that fit.

    Raises:
        DurationsError: A resource's type is not in the table.
    """

    def __init__(
        self, states: Iterable[Mapping[str, Any]], reasons: Mapping[str, str], limits: Mapping[str, float]
    ) -> None:
        self._stack = Stack(states)
        self._model = Model(self._stack, load_table(), reasons)
        self._limits = limits

    def tell_up(self, console: Console) -> None:
        """Print the path to what is there last, and to what a limit is promised for.

        Raises:
            DurationsError: A limit is exceeded or is for nothing, or an order on a path has no reason.
        """
        course = self._model.up()
        _print(console, "modelled critical path of `up`", course)
        line = f"{self._model.up_with(_HANDS):.0f} s with {_HANDS} steps at once, the engine's default on two cores"
        console.print(f"  {line}", highlight=False)
        last = course.parts[-1].resource.urn if course.parts else ""
        exceeded = []
        for wanted, limit in self._limits.items():
            urn = self._urn(wanted)
            if urn != last:
                _print(console, f"modelled path of `up` to {self._stack.resources[urn].name}", self._model.up(urn))
            seconds = self._model.up_seconds(urn)
            line = (
                f"{self._stack.resources[urn].name} after {seconds:.0f} s of the model, at most {limit:.0f} s promised"
            )
            console.print(f"  {line}", highlight=False)
            exceeded += [line] if seconds > limit else []
        if exceeded:
            raise DurationsError(f"modelled path of `up`: {'; '.join(exceeded)}")

    def tell_destroy(self, console: Console) -> None:
        """Print the course of a destroy. Raise `DurationsError` where an order in it has no reason."""
        _print(console, "modelled course of destroy, wave by wave", self._model.destroy())
        alone = self._model.destroy_without_waves()
        line = f"{alone:.0f} s if each went as soon as nothing needs it: the engine waits for the slowest of each wave"
        console.print(f"  {line}", highlight=False)

    def _urn(self, wanted: str) -> str:
        type_, _, name = wanted.partition("::")
        resources = self._stack.resources.items()
        found = [urn for urn, one in resources if one.type == type_ and fnmatchcase(one.name, name)]
        if not found or (len(found) > 1 and "*" not in name):
            raise DurationsError(
                f"[tool.sandbox.limits] {wanted}: {len(found)} resources of the stack are that; "
                "name one by <type>::<logical name>"
            )
        return max(found, key=self._model.up_seconds)


def _print(console: Console, title: str, course: Course) -> None:
    grid = Grid(title, "model s", "sum", "evidence", "waits for", box=None, pad_edge=False)
    for part in course.parts:
        kind = part.resource.type.rpartition(":")[2]
        until = f" until {part.until}" if part.until else ""
        grid.add_row(
            f"{kind} [dim]{part.resource.name}[/dim]{until}",
            f"{part.seconds:.0f}",
            f"{part.sum:.0f}",
            part.duration.evidence,
            part.reason or "nothing",
        )
    console.print()
    console.print(grid, highlight=False)
    weakest = course.weakest
    if weakest is not None:
        known = f"least is known about {weakest.resource.name} ({weakest.duration.evidence}"
        known += f": {weakest.duration.note})" if weakest.duration.note else ")"
        console.print(
            f"  model, not measured: {course.seconds:.0f} s, {course.least:.0f} to {course.most:.0f}; {known}",
            highlight=False,
        )

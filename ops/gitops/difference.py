"""What two renderings of a stack differ in, Application by Application and object by object."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ops.gitops.objects import as_yaml, key
from ops.gitops.rendering import Rendered

Change = Literal["added", "changed", "removed"]
CHANGES: Final[tuple[Change, ...]] = ("added", "changed", "removed")


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that is not as it was.

    Attributes:
        application: Whose it is.
        thing: The object as `kind/namespace/name`, or a source that could not be rendered, by its values.
        change: How.
        lines: A unified diff.
    """

    application: str
    thing: str
    change: Change
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is not as it was, Applications by name.

    Attributes:
        objects: In the order of Applications and objects, by name.
        applications: Names of Applications, by how they changed.
    """

    objects: tuple[Changed, ...]
    applications: Mapping[Change, tuple[str, ...]]

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.objects) or any(self.applications.values())

    def text(self) -> str:
        """Return the diffs, and a summary."""
        return "".join(f"{line}\n" for changed in self.objects for line in changed.lines) + self.summary()

    def summary(self) -> str:
        """Return how much changed: a line for Applications and one for objects."""
        return f"{self._row('Applications', self._names())}\n{self._row('Objects', self._counts())}\n"

    def document(self) -> dict[str, Any]:
        """Return the difference as plain values."""
        return {
            "applications": {change: list(self.applications[change]) for change in CHANGES},
            "objects": [
                {"application": one.application, "object": one.thing, "change": one.change, "diff": list(one.lines)}
                for one in self.objects
            ],
        }

    def _names(self) -> list[str]:
        return [f"{change} {', '.join(self.applications[change])}" for change in CHANGES if self.applications[change]]

    def _counts(self) -> list[str]:
        numbers = [(change, sum(one.change == change for one in self.objects)) for change in CHANGES]
        return [f"{number} {change}" for change, number in numbers if number]

    @staticmethod
    def _row(what: str, words: Sequence[str]) -> str:
        return f"{what}: {'; '.join(words) or 'no difference'}"


def compare(before: Iterable[Rendered], after: Iterable[Rendered]) -> Difference:
    """Return what differs."""
    old, new = ({one.name: _things(one) for one in side} for side in (before, after))
    changes: list[Changed] = []
    applications: dict[Change, list[str]] = {change: [] for change in CHANGES}
    for name in sorted(old.keys() | new.keys()):
        found = _changes(name, old.get(name, {}), new.get(name, {}))
        changes += found
        if name not in old:
            applications["added"].append(name)
        elif name not in new:
            applications["removed"].append(name)
        elif found:
            applications["changed"].append(name)
    return Difference(tuple(changes), {change: tuple(names) for change, names in applications.items()})


def _changes(application: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[Changed]:
    found = []
    for thing in sorted(old.keys() | new.keys()):
        if (was := old.get(thing)) == (now := new.get(thing)):
            continue
        change: Change = "added" if was is None else "removed" if now is None else "changed"
        here = f"{application}/{thing}"
        names = ("/dev/null" if was is None else f"a/{here}", "/dev/null" if now is None else f"b/{here}")
        lines = difflib.unified_diff((was or "").splitlines(), (now or "").splitlines(), *names, lineterm="")
        found.append(Changed(application, thing, change, tuple(lines)))
    return found


def _things(rendered: Rendered) -> dict[str, str]:
    """Return an Application's objects as YAML by name; of a chart that could not be had, what it gets."""
    things = {str(key(thing)): as_yaml(thing) for thing in rendered.objects}
    for part in rendered.parts:
        if part.missing:
            things[f"chart {part.source['chart']}"] = as_yaml(dict(part.source))
    return things

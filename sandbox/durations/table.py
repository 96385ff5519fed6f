"""The table of durations: `table.yaml`, read and looked up."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).with_name("table.yaml")
_NAME: Final = "sandbox/durations/table.yaml"
_EVIDENCE: Final = re.compile(r"V\((\d+)\)|S|I|none")


class DurationsError(Exception):
    """The table, the reasons or the limits do not say what a stack's path needs."""


@dataclass(frozen=True, kw_only=True)
class Duration:
    """Seconds in three readings, and how well they are known.

    Attributes:
        evidence: `V(n)`, `S`, `I` or `none`; table.yaml says what they mean.
        sources: URLs.
    """

    model: float
    least: float
    most: float
    evidence: str
    sources: tuple[str, ...] = ()
    note: str = ""

    @property
    def strength(self) -> int:
        """The more the better known: 0 for a guess, 1 inferred, 2 one source, then as many as there are."""
        found = _EVIDENCE.fullmatch(self.evidence)
        return max(2, int(found[1])) if found and found[1] else {"none": 0, "I": 1, "S": 2}[self.evidence]

    def reading(self, name: str) -> float:
        """Return one of the three: `model`, `least` or `most`."""
        return {"model": self.model, "least": self.least, "most": self.most}[name]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the table says of one resource type, or of one with certain inputs."""

    types: tuple[str, ...]
    when: Mapping[str, Any]
    create: Duration
    delete: Duration

    def fits(self, type_: str, inputs: Mapping[str, Any]) -> bool:
        """Say whether the row is for a resource of this type with these inputs."""
        return any(fnmatchcase(type_, wanted) for wanted in self.types) and holds(self.when, inputs)


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """Something that waits for something else although no resource of the program says so.

    Attributes:
        after: Since the beginning of what is needed; none stands for its end.
        until: What is there by then, in words.
    """

    needs: str
    waits: tuple[str, ...]
    when_waits: Mapping[str, Any]
    after: Duration | None
    until: str
    reason: str


class Table:
    """Durations by resource type.

    Args:
        content: What the YAML file says.

    Raises:
        DurationsError: A row is not in the table's form.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._sources: Mapping[str, str] = content.get("sources", {})
        self.rows = tuple(self._row(row) for row in content.get("rows", []))
        self.ready = tuple(self._readiness(row) for row in content.get("ready", []))

    def row(self, type_: str, inputs: Mapping[str, Any]) -> Row:
        """Return the first row that fits. Raise `DurationsError` when there is none."""
        row = next((row for row in self.rows if row.fits(type_, inputs)), None)
        if row is None:
            raise DurationsError(f"nobody says how long {type_} takes: add a row for it to {_NAME}")
        return row

    def _row(self, row: Mapping[str, Any]) -> Row:
        types = tuple(row.get("types", ()))
        where = f"{_NAME}, {', '.join(types) or 'a row without types'}"
        if not types or (unknown := row.keys() - {"types", "when", "create", "delete", "evidence", "source", "note"}):
            raise DurationsError(
                f"{where}: {', '.join(sorted(unknown)) if types else 'types'}: not in the table's form"
            )
        shared = {key: row[key] for key in ("evidence", "source", "note") if key in row}
        create, delete = (self._duration(row.get(kind), shared, f"{where}, {kind}") for kind in ("create", "delete"))
        return Row(types=types, when=row.get("when", {}), create=create, delete=delete)

    def _readiness(self, row: Mapping[str, Any]) -> Readiness:
        where = f"{_NAME}, ready, {row.get('needs')}"
        shared = {key: row[key] for key in ("evidence", "source", "note") if key in row}
        return Readiness(
            needs=row["needs"],
            waits=tuple(row["waits"]),
            when_waits=row.get("when_waits", {}),
            after=self._duration(row["after"], shared, where) if "after" in row else None,
            until=row.get("until", ""),
            reason=row["reason"],
        )

    def _duration(self, given: Any, shared: Mapping[str, Any], where: str) -> Duration:
        stated: Mapping[str, Any] = {**shared, **(given if isinstance(given, Mapping) else {"model": given})}
        evidence = str(stated.get("evidence"))
        model: Any = stated.get("model")
        three = [stated.get("min", model), model, stated.get("max", model)]
        if not all(isinstance(number, int | float) and number >= 0 for number in three) or sorted(three) != three:
            raise DurationsError(f"{where}: {given!r}: seconds, or model with min and max around it")
        if not _EVIDENCE.fullmatch(evidence):
            raise DurationsError(f"{where}: evidence = {evidence}: V(n), S, I or none")
        if evidence in ("I", "none") and not stated.get("note"):
            raise DurationsError(f"{where}: evidence = {evidence}: say in a note what it is taken from")
        sources = [self._sources.get(source, source) for source in stated.get("source", [])]
        if wrong := [source for source in sources if not source.startswith("https://")]:
            raise DurationsError(f"{where}: source {wrong[0]}: a URL, or a key of sources")
        return Duration(
            least=three[0],
            model=three[1],
            most=three[2],
            evidence=evidence,
            sources=tuple(sources),
            note=stated.get("note", ""),
        )


def holds(when: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
    """Say whether inputs have the values that `when` names by their dotted paths."""
    return all(_matches(wanted, _at(inputs, path.split("."))) for path, wanted in when.items())


def _matches(wanted: Any, found: Any) -> bool:
    if wanted == "*":
        return found not in (None, "", [], {})
    return found in wanted if isinstance(wanted, list) else bool(found == wanted)


def _at(inputs: Any, path: Sequence[str]) -> Any:
    for part in path:
        inputs = inputs.get(part) if isinstance(inputs, Mapping) else None
    return inputs


@functools.cache
def load_table() -> Table:
    """Return the table of this folder."""
    return Table(yaml.safe_load(FILE.read_text(encoding="utf-8")))

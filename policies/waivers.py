"""The waivers of waivers.yaml: which findings stay, why, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).parent / "waivers.yaml"
_REQUIRED: Final = {"id", "resource", "reason", "expires"}
_ALLOWED: Final = _REQUIRED | {"stack"}
_SHORTEST_REASON: Final = 40
_LONGEST: Final = timedelta(days=2 * 366)


class WaiversError(Exception):
    """The file is not what its header says; one line per fault."""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """One entry; the file's header says what each field means."""

    id: str
    resource: str
    reason: str
    expires: date
    stack: str | None = None

    def covers(self, id_: str, *, name: str, urn: str, stack: str) -> bool:
        """Whether it is about this finding; an expired one too, so that whoever asks can say which."""
        if id_ != self.id or self.stack not in (None, stack):
            return False
        return fnmatchcase(name, self.resource) or fnmatchcase(urn, self.resource)


def load(path: Path = FILE) -> tuple[Waiver, ...]:
    """Read the file.

    Raises:
        WaiversError: An entry has a missing, unknown or wrong field.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = content.get("waivers") if isinstance(content, dict) and set(content) == {"waivers"} else None
    if not isinstance(entries, list):
        raise WaiversError(f"{path.name}: holds no list `waivers` and nothing else; write it as its header says")
    faults = [f"{path.name}: waivers[{i}]: {fault}" for i, entry in enumerate(entries) for fault in _faults(entry)]
    if faults:
        raise WaiversError("\n".join(faults))
    return tuple(Waiver(**entry) for entry in entries)


def expired(waivers: Iterable[Waiver], today: date) -> Iterator[str]:
    """Yield a line for each waiver that no longer counts, and for each that counts for too long."""
    for waiver in waivers:
        if waiver.expires <= today:
            yield f"{waiver.id} on {waiver.resource} expired on {waiver.expires}; mend it or decide anew"
        if waiver.expires > today + _LONGEST:
            yield f"{waiver.id} on {waiver.resource} lasts to {waiver.expires}; two years are the most"


def _faults(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "is no mapping; write id, resource, reason and expires"
        return
    for key in sorted(entry.keys() - _ALLOWED):
        yield f"{key} is unknown; the keys are {', '.join(sorted(_ALLOWED))}"
    for key in sorted(_REQUIRED - entry.keys()):
        yield f"{key} is missing; add it"
    for key in sorted(entry.keys() & (_ALLOWED - {"expires"})):
        if not isinstance(entry[key], str) or not entry[key].strip():
            yield f"{key} is no text; write one"
    if "expires" in entry and type(entry["expires"]) is not date:
        yield "expires is no day; write YYYY-MM-DD without quotes"
    reason = entry.get("reason")
    if isinstance(reason, str) and len(reason) < _SHORTEST_REASON:
        yield f"reason has {len(reason)} characters; say in {_SHORTEST_REASON} or more why it may stay"

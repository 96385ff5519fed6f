"""A fault of the configuration as one line: key, value, rule, fix."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NO_VALUE: Final = object()
_LONGEST_VALUE: Final = 80
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")

# A URL's credentials and query, user:password before a host, and tokens that show by their first letters.
_CREDENTIALS: Final = (
    (re.compile(r'//[^\s"]*@'), "//***@"),
    (re.compile(r'\?[^\s"]*'), "?***"),
    (re.compile(r'[^\s":/]+:(?!//)[^\s"]*@'), "***@"),
    (re.compile(r"\b(?:gh[a-z]_|github_pat_|glpat-|AKIA|ASIA)[A-Za-z0-9_-]+"), "***"),
)

# Why a key that other tools have is not there.
_ABSENT: Final[Mapping[str, str]] = {
    "aws.partition": "follows from the region; remove it",
    "cluster.privateAccess": "nodes always reach the API inside the VPC, the private endpoint is never off; remove it",
    "cluster.publicAccess": "there is a public endpoint when publicAccessCidrs names somebody; write the ranges there",
    "nodes.capacityType": "base nodes are always on demand, or an interruption would end Karpenter itself; remove it",
}

# Wording of the faults that pydantic finds, by its error type; {names} come from the error's context.
_WORDING: Final[Mapping[str, str]] = {
    "missing": "is missing; add it as in Pulumi.dev.yaml",
    "string_type": "must be text, for a number loses its zeros (1.30 becomes 1.3, 012 becomes 12); put it in quotes",
    "int_type": "must be a whole number; write digits only, without quotes",
    "int_from_float": "must be a whole number; write it without a fraction",
    "bool_type": "must be true or false; write one of them, without quotes",
    "model_type": "must be a mapping; write one key: value per line under it",
    "dict_type": "must be a mapping; write one key: value per line under it",
    "tuple_type": "must be a list; write it as [first, second]",
    "literal_error": "must be {expected}; write one of these",
    "greater_than_equal": "must be at least {ge}; raise it",
    "less_than_equal": "must be at most {le}; lower it",
    "too_short": "needs at least {min_length} of them; add one",
    "too_long": "takes at most {max_length} of them; remove some",
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        path: Section, keys and list positions that lead to the value.
        text: The rule, a semicolon, the fix. Never repeats a value that may hold a credential.
        value: What was found; left out when there is nothing to show.
    """

    path: tuple[str | int, ...]
    text: str
    value: object = NO_VALUE

    @property
    def key(self) -> str:
        """The path as Pulumi writes it: `cluster.publicAccessCidrs[0]`."""
        return "".join(_step(part) for part in self.path).removeprefix(".")

    def line(self, project: str) -> str:
        """Return the one line that the user reads."""
        value = "" if self.value is NO_VALUE else f" = {_shown(self.value)}"
        return f"{project}:{self.key}{value}: {self.text}"


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) else f"[{_printable(part)}]"


def _printable(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _shown(value: object) -> str:
    """Return the value as one short line; what a mapping or list holds is not shown."""
    if isinstance(value, Mapping | list | tuple):
        return "{...}" if isinstance(value, Mapping) else "[...]"
    text = _printable(value if isinstance(value, str | int | float | None) else str(value))
    for pattern, replacement in _CREDENTIALS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def unknown_key(path: tuple[str | int, ...], known: Iterable[str], value: object) -> Fault:
    """Return the fault of a key that no section has; its value stays hidden, for it may be anything."""
    key = str(path[-1])
    reason = _ABSENT.get(".".join(str(part) for part in path))
    if reason is not None:
        return Fault(path, f"no such key: {reason}", value)
    known = sorted(known)
    near = difflib.get_close_matches(key, known, n=1)
    fix = f"write {near[0]}" if near else f"remove it; known are {', '.join(known)}"
    return Fault(path, f"unknown key; {fix}")


def translate(
    section: str, errors: Sequence[Mapping[str, Any]], known: Mapping[tuple[str, ...], Iterable[str]]
) -> Iterator[Fault]:
    """Turn pydantic's errors of one section into faults.

    Args:
        section: First part of each path.
        errors: As `ValidationError.errors()` returns them.
        known: Keys that exist, by the path of the mapping they stand in.
    """
    for error in errors:
        # Pydantic marks what is wrong with a key, not with its value, by a last step of this name.
        is_key = error["loc"][-1:] == ("[key]",)
        path = (section, *(error["loc"][:-1] if is_key else error["loc"]))
        if error["type"] == "extra_forbidden":
            yield unknown_key(path, known.get(tuple(str(part) for part in path[:-1]), ()), error["input"])
            continue
        wording = _WORDING.get(error["type"], f"{error['msg'].lower()}; correct it")
        text = wording.format_map({key: str(item) for key, item in error.get("ctx", {}).items()})
        yield Fault(path, text, NO_VALUE if is_key or error["type"] == "missing" else error["input"])

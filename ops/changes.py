"""Pure functions on what `pulumi preview --json` says: which steps lose something, through which property and setting.

The form is that of https://github.com/pulumi/pulumi/blob/master/sdk/go/common/display/preview.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ops.stateful import STATEFUL, Stateful, row_of

# Pulumi's marks of a value that is known only afterwards, and of an encrypted one.
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SECRET: Final = re.compile("4dabf18193072939515e22adb298388d|\\[secret\\]")
_LONGEST: Final = 80
_VERBS: Final[Mapping[str, str]] = {
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete-replaced": "replaced",
    "import-replacement": "replaced",
    "delete": "deleted",
}
_ABSENT: Final = object()


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that is another one afterwards; `old` or `new` is None where there is none."""

    path: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """Say it without any secret."""
        return f"{self.path} from {_shown(self.old)} to {_shown(self.new)}"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A step that takes away what holds state.

    Attributes:
        verb: `replaced` or `deleted`.
        protected: Whether the engine would refuse it.
        changes: The inputs that force it; none when it goes because something else does.
        retained: Whether the old one stays in AWS, where the program has no use of it any more.
    """

    urn: str
    type: str
    verb: str
    protected: bool
    changes: tuple[Change, ...]
    retained: bool = False

    @property
    def name(self) -> str:
        """Type and logical name, for people."""
        return f"{self.type} {self.urn.rpartition('::')[2]}"

    @property
    def row(self) -> Stateful:
        """What goes with it."""
        return STATEFUL[self.type]


def losses(preview: Mapping[str, Any]) -> list[Loss]:
    """Return what the steps take away, by URN once, what has a reason of its own first.

    What goes because that which holds it goes is not said again.
    """
    found: dict[str, Loss] = {}
    for step in preview.get("steps") or []:
        old = step.get("oldState") or {}
        # What a replacement of an earlier run left to delete is lost already; what a delete retains stays in AWS.
        kept = step["op"] == "delete" and (old.get("retainOnDelete") or old.get("delete"))
        holds = row_of(old.get("type", ""), step["urn"].rpartition("::")[2]) is not None
        if step["op"] in _VERBS and holds and not kept:
            found[step["urn"]] = Loss(
                urn=step["urn"],
                type=old["type"],
                verb=_VERBS[step["op"]],
                protected=bool(old.get("protect")),
                changes=tuple(_reasons(step)),
                retained=bool(old.get("retainOnDelete")),
            )
    types = {loss.type for loss in found.values()}
    own = (loss for loss in found.values() if loss.row.within not in types)
    return sorted(own, key=lambda loss: not loss.changes)


def errors(preview: Mapping[str, Any]) -> list[str]:
    """Return what the program or a provider says against it, each message once."""
    diagnostics = preview.get("diagnostics") or []
    said = [entry["message"].strip() for entry in diagnostics if entry.get("severity") == "error"]
    return list(dict.fromkeys(text.removeprefix("error: ") for text in said))


def configuration(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return configuration by key, objects as such: from `pulumi config`, the history, or a preview."""
    return {key: _value(entry) for key, entry in raw.items()}


def settings_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Return what differs between two configurations, by path as Pulumi writes it."""
    return list(_differences("", before, now))


def _reasons(step: Mapping[str, Any]) -> Iterator[Change]:
    old, new = ((step.get(state) or {}).get("inputs") or {} for state in ("oldState", "newState"))
    detailed = step.get("detailedDiff") or {}
    forcing = [path for path, diff in detailed.items() if str(diff.get("kind", "")).endswith("-replace")]
    for name in sorted({re.split(r"[.\[]", path)[0] for path in forcing or step.get("replaceReasons") or []}):
        yield from _differences(name, old.get(name, _ABSENT), new.get(name, _ABSENT))


def _differences(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            inner = f"{path}.{key}" if path else key
            yield from _differences(inner, old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif old is not new and old != new:
        yield Change(path=path, old=None if old is _ABSENT else old, new=None if new is _ABSENT else new)


def _value(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        if entry.get("secret"):
            return "[secret]"
        if "objectValue" in entry:
            return entry["objectValue"]
        entry = entry.get("value")
    if isinstance(entry, str) and entry[:1] in ("{", "["):
        try:
            return json.loads(entry)
        except ValueError:
            return entry
    return entry


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    if _SECRET.search(text):
        return "a secret"
    if value == UNKNOWN:
        return "what is known only afterwards"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

"""Compare inputs with inputs and with what AWS has, by meaning rather than by wording."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.aws.assets import content_hash
from sandbox.protocol import UNKNOWN

__all__ = ["project", "same", "settle"]

# What the provider does not tell apart from an input that is left out.
EMPTY: tuple[Any, ...] = (None, "", [], {})


def same(old: Any, new: Any, ordered: bool = False) -> bool:
    """Compare two inputs by meaning: JSON texts by content, lists as sets unless ordered."""
    if (old in EMPTY and new in EMPTY) or (content_hash(old) and content_hash(old) == content_hash(new)):
        return True
    if isinstance(old, str) and isinstance(new, str) and old != new:
        left, right = _document(old), _document(new)
        return left is not None and left == right
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [name for name in {*old, *new} if not name.startswith("__")]
        return all(_chosen(old, new, name) and same(old.get(name), new.get(name), ordered) for name in names)
    if isinstance(old, list) and isinstance(new, list):
        if ordered:
            return len(old) == len(new) and all(map(same, old, new))
        return sorted(map(_key, old)) == sorted(map(_key, new))
    return bool(_number(old) == _number(new))


def project(old: Any, live: Any) -> Any:
    """Return the part of a live value that an input speaks of, so that both can be compared."""
    if isinstance(old, Mapping) and isinstance(live, Mapping):
        found = {name: project(item, live.get(name)) for name, item in old.items() if not name.startswith("__")}
        return {name: item for name, item in found.items() if item is not None}
    if isinstance(old, list) and isinstance(live, list) and len(old) == len(live):
        pairs = [*old, *live]
        if all(isinstance(item, Mapping) for item in pairs):
            return [project(left, right) for left, right in zip(old, live, strict=True)]
    return live


def settle(given: Any, live: Any) -> Any:
    """Return a live value in the wording of the input where both mean the same (spacing of JSON, order of sets)."""
    if given is None or given == UNKNOWN:
        return live
    if live is None:
        return given
    if isinstance(given, Mapping) and isinstance(live, Mapping):
        return {
            name: settle(given.get(name), live.get(name)) for name in {**live, **given} if not name.startswith("__")
        }
    return given if same(given, project(given, live)) else live


def _chosen(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    """Say whether neither or both have an empty object: in WAF's `{allow: {}}` its being there is the choice."""
    return (old.get(name) == {}) == (new.get(name) == {}) or bool(old.get(name) and new.get(name))


def _number(value: Any) -> Any:
    # "true" and true, "20" and 20: the bridge treats them alike, as the AWS provider's own types do.
    if isinstance(value, bool):
        return "true" if value else "false"
    # Where AWS answers with a fraction, 60 comes back as 60.0.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, (int, float)) else value


def _key(value: Any) -> str:
    if isinstance(value, str):
        document = _document(value)
        return value if document is None else json.dumps(document, sort_keys=True)
    if isinstance(value, Mapping):
        # In the items of a set the provider does not tell `false` from left out.
        return json.dumps(
            {name: _key(item) for name, item in value.items() if item not in (None, "", []) and item is not False},
            sort_keys=True,
        )
    if isinstance(value, list):
        return json.dumps(sorted(map(_key, value)))
    return str(_number(value))


def _document(text: str) -> Any:
    """Return a JSON text's content, policies in one canonical form; None when it is no JSON object or list."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return _canonical(json.loads(text))
    except ValueError:
        return None


def _canonical(value: Any) -> Any:
    # IAM reads a one-item list and the item alike, and gives no meaning to the order of a list.
    if isinstance(value, dict):
        return {name: _canonical(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        return items[0] if len(items) == 1 else sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return value

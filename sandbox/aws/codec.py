"""Turn Pulumi properties into AWS parameters and AWS answers into Pulumi properties, by name and type alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from botocore.model import Shape

from sandbox.aws import schema
from sandbox.protocol import UNKNOWN

__all__ = ["UnmappedError", "coerce", "decode", "encode", "member", "settle", "project", "same", "tag_list", "tag_map"]


# What the provider does not tell apart from an input that is left out.
EMPTY: tuple[Any, ...] = (None, "", [], {})


class UnmappedError(Exception):
    """A property has no counterpart in the AWS call. Holds the property's path."""


def encode(value: Any, shape: Shape, path: str = "", renames: Mapping[str, str] | None = None) -> Any:
    """Return an input as the AWS shape wants it. Unknown values become None, to be left out.

    Raises:
        UnmappedError: A nested property has no member of that name.
    """
    if value is None or value == UNKNOWN:
        return None
    if shape.type_name == "list":
        return _encode_list(value, shape, path, renames or {})
    if shape.type_name == "structure":
        return _encode_structure(value, shape, path, renames or {})
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: encode(item, shape.value, path, renames) for key, item in value.items() if item is not None and item != UNKNOWN}
    return _scalar(value, shape.type_name)


def coerce(value: Any, shape: Shape) -> Any:
    """Return hand-written parameters with scalars in the types of the shape and empty values left out."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        known = {key: coerce(item, shape.members[key]) if key in shape.members else item for key, item in value.items()}
        return {key: item for key, item in known.items() if item is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [coerce(item, shape.member) for item in value if item is not None and item != UNKNOWN]
    if shape.type_name == "map" and isinstance(value, Mapping):
        known = {key: coerce(item, shape.value) for key, item in value.items()}
        return {key: item for key, item in known.items() if item is not None}
    return None if value is None or value == UNKNOWN else _scalar(value, shape.type_name)


def decode(value: Any, kind: Any, path: str = "", renames: Mapping[str, str] | None = None) -> Any:
    """Return part of an AWS answer as a property of that type."""
    renames = renames or {}
    if value is None:
        return None
    if schema.is_list(kind):
        items = value if isinstance(value, list) else [value]
        return [decode(item, schema.item(kind), path, renames) for item in items]
    if schema.is_map(kind):
        return tag_map(value)
    if isinstance(value, list):
        # The provider flattens lists of at most one item.
        return decode(value[0], kind, path, renames) if value else None
    nested = schema.fields(kind)
    if nested is not None and isinstance(value, Mapping):
        found = {name: decode(value.get(_source(name, value, path, renames)), inner, f"{path}.{name}", renames) for name, inner in nested.items()}
        return {name: item for name, item in found.items() if item is not None}
    return _property(value, kind)


def member(name: str, members: Iterable[str]) -> str | None:
    """Return the AWS member that a property stands for: equal but for case and plural."""
    wanted = _bare(name)
    return next((candidate for candidate in members if _bare(candidate) == wanted), None)


def tag_map(value: Any) -> dict[str, str]:
    """Return tags as a map, whichever way the service lists them."""
    if isinstance(value, Mapping):
        return dict(value)
    return {tag.get("Key", tag.get("TagKey", tag.get("key"))): tag.get("Value", tag.get("TagValue", tag.get("value"))) for tag in value or []}


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return tags as the list that most services take."""
    return [{key: name, value: text} for name, text in tags.items()]


def same(old: Any, new: Any, ordered: bool = False) -> bool:
    """Compare two inputs by meaning: JSON texts by content, lists as sets unless ordered."""
    if old in EMPTY and new in EMPTY:
        return True
    if isinstance(old, str) and isinstance(new, str) and old != new:
        left, right = _document(old), _document(new)
        return left is not None and left == right
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(same(old.get(name), new.get(name), ordered) for name in {*old, *new} if not name.startswith("__"))
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
        if all(isinstance(item, Mapping) for item in [*old, *live]):
            return [project(left, right) for left, right in zip(old, live, strict=True)]
    return live


def settle(given: Any, live: Any) -> Any:
    """Return a live value in the wording of the input where both mean the same (spacing of JSON, order of sets)."""
    if given is None or given == UNKNOWN:
        return live
    if live is None:
        return given
    if isinstance(given, Mapping) and isinstance(live, Mapping):
        return {name: settle(given.get(name), live.get(name)) for name in {**live, **given} if not name.startswith("__")}
    return given if same(given, project(given, live)) else live


def _encode_list(value: Any, shape: Shape, path: str, renames: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping) and {"Key", "Value"} <= set(getattr(shape.member, "members", ())):
        return tag_list(value)
    items = value if isinstance(value, list) else [value]
    return [item for item in (encode(item, shape.member, path, renames) for item in items) if item is not None]


def _encode_structure(value: Any, shape: Shape, path: str, renames: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return _encode_structure(value[0], shape, path, renames) if value else None
    if not isinstance(value, Mapping):
        raise UnmappedError(path)
    found = {}
    for name, item in value.items():
        if item is None or name.startswith("__"):
            continue
        inner = f"{path}.{name}"
        target = renames.get(inner) or member(name, shape.members)
        if target is None:
            raise UnmappedError(inner)
        found[target] = encode(item, shape.members[target], inner, renames)
    return {name: item for name, item in found.items() if item is not None}


def _source(name: str, value: Mapping[str, Any], path: str, renames: Mapping[str, str]) -> str:
    return renames.get(f"{path}.{name}") or member(name, value) or name


def _scalar(value: Any, kind: str) -> Any:
    if kind == "boolean" and isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, (int, float)):
        return str(value)
    if kind in ("integer", "long") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if kind in ("float", "double") and isinstance(value, int):
        return float(value)
    if kind == "blob" and isinstance(value, str):
        return value.encode()
    return value


def _property(value: Any, kind: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind is str and isinstance(value, bool):
        return "true" if value else "false"
    if kind is str and isinstance(value, (Mapping, list)):
        return json.dumps(value)
    if kind is str:
        return value if isinstance(value, str) else str(value)
    if kind is bool and isinstance(value, str):
        return value.lower() == "true"
    if kind is int and isinstance(value, str):
        return int(value)
    return value


def _bare(name: str) -> str:
    text = name.lower()
    if text.endswith("ies"):
        return text[:-3] + "y"
    return text[:-1] if text.endswith("s") else text


def _number(value: Any) -> Any:
    # "true" and true, "20" and 20: the bridge treats them alike, as the AWS provider's own types do.
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _key(value: Any) -> str:
    if isinstance(value, str):
        document = _document(value)
        return value if document is None else json.dumps(document, sort_keys=True)
    if isinstance(value, Mapping):
        return json.dumps({name: _key(item) for name, item in value.items() if item is not None}, sort_keys=True)
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

"""Turn Pulumi properties into AWS parameters and AWS answers into Pulumi properties, by name and type alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

from sandbox.aws import schema
from sandbox.aws.assets import content_hash, zipped
from sandbox.protocol import UNKNOWN

__all__ = ["UnmappedError", "coerce", "decode", "encode", "member", "tag_list", "tag_map"]

# How services call the first half of a pair of name and value.
PAIR_NAMES = ("Key", "TagKey", "key", "Name")


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
        return {
            key: encode(item, shape.value, path, renames)
            for key, item in value.items()
            if item is not None and item != UNKNOWN
        }
    return _scalar(value, shape.type_name)


def coerce(value: Any, shape: Shape) -> Any:
    """Return hand-written parameters with scalars in the types of the shape and empty values left out."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        known = {key: coerce(item, shape.members[key]) if key in shape.members else item for key, item in value.items()}
        return {key: item for key, item in known.items() if item is not None}
    if shape.type_name == "list" and isinstance(value, Mapping) and (pairs := _pairs(value, shape)) is not None:
        return pairs
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
        found = {
            name: decode(value.get(_source(name, value, path, renames)), inner, f"{path}.{name}", renames)
            for name, inner in nested.items()
        }
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
    return {
        next(tag[name] for name in PAIR_NAMES if name in tag): tag.get("Value", tag.get("TagValue", tag.get("value")))
        for tag in value or []
    }


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return tags as the list that most services take."""
    return [{key: name, value: text} for name, text in tags.items()]


def _encode_list(value: Any, shape: Shape, path: str, renames: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping) and (pairs := _pairs(value, shape)) is not None:
        return pairs
    items = value if isinstance(value, list) else [value]
    return [item for item in (encode(item, shape.member, path, renames) for item in items) if item is not None]


def _pairs(value: Mapping[str, Any], shape: Shape) -> list[dict[str, str]] | None:
    """Return a map as the list of pairs that a shape wants; None when it wants something else."""
    members = {*getattr(shape.member, "members", ())}
    known = {name: text for name, text in value.items() if text is not None and text != UNKNOWN}
    if {"Key", "Value"} <= members:
        return tag_list(known)
    # The dimensions of a metric.
    return tag_list(known, "Name") if members == {"Name", "Value"} else None


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


def _boolean(value: Any) -> Any:
    return value == "true" if value in ("true", "false") else value


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value


def _bytes(value: Any) -> Any:
    if isinstance(value, Mapping) and content_hash(value):
        return zipped(value)
    return value.encode() if isinstance(value, str) else value


# What a shape's scalar makes of a property that Pulumi types otherwise.
_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "boolean": _boolean,
    "string": _text,
    "integer": _integer,
    "long": _integer,
    "float": lambda value: float(value) if isinstance(value, int) else value,
    "double": lambda value: float(value) if isinstance(value, int) else value,
    "blob": _bytes,
}


def _scalar(value: Any, kind: str) -> Any:
    return _SCALARS.get(kind, lambda same_value: same_value)(value)


def _property(value: Any, kind: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind is str:
        return json.dumps(value) if isinstance(value, (Mapping, list)) else str(_text(value))
    if kind is bool:
        return value.lower() == "true" if isinstance(value, str) else value
    return int(value) if kind is int and isinstance(value, str) else value


def _bare(name: str) -> str:
    text = name.lower()
    if text.endswith("ies"):
        return text[:-3] + "y"
    return text.removesuffix("s")

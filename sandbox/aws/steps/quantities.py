"""CloudFront's lists, which are objects of a count and the items, as the lists that the provider's properties are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

from sandbox.aws import schema
from sandbox.aws.codec import UnmappedError, coerce, member
from sandbox.protocol import UNKNOWN

__all__ = ["counted", "listed"]

Renames = Mapping[str, str]


def counted(value: Any, shape: Shape, renames: Renames, path: str = "") -> Any:
    """Return a property as CloudFront wants it.

    Raises:
        UnmappedError: A nested property has no member of that name.
    """
    if value is None or value == UNKNOWN:
        return None
    if shape.type_name == "structure":
        if isinstance(value, list):
            return _object(value, shape, renames, path)
        return _members(value, shape, renames, path)
    if shape.type_name == "list":
        return [counted(item, shape.member, renames, path) for item in value if item is not None and item != UNKNOWN]
    return coerce(value, shape)


def listed(value: Any, kind: Any, renames: Renames, path: str = "") -> Any:
    """Return part of CloudFront's answer as a property of that type."""
    if schema.is_list(kind):
        items = value.get("Items") if isinstance(value, Mapping) else value
        return [listed(item, schema.item(kind), renames, path) for item in items or ()] or None
    nested = schema.fields(kind)
    if nested is None or not isinstance(value, Mapping):
        return value
    found = {}
    for name, inner in nested.items():
        inner_path = f"{path}.{name}"
        source = renames.get(inner_path, name)
        live = _at(value, source)
        if live is not None:
            found[name] = listed(live, inner, renames, inner_path)
    return {name: item for name, item in found.items() if item is not None}


def _object(value: list[Any], shape: Shape, renames: Renames, path: str) -> Any:
    if "Items" not in shape.members:
        # The provider's list of at most one item.
        return counted(value[0], shape, renames, path) if value else None
    items = counted(value, shape.members["Items"], renames, path)
    return {"Quantity": len(items), **({"Items": items} if items else {})}


def _members(value: Mapping[str, Any], shape: Shape, renames: Renames, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, item in value.items():
        if item is None or name.startswith("__"):
            continue
        inner_path = f"{path}.{name}"
        parts = renames.get(inner_path, name).split("/")
        place, holder = shape, found
        for part in parts[:-1]:
            place, holder = place.members[part], holder.setdefault(part, {})
        target = member(parts[-1], place.members)
        if target is None:
            raise UnmappedError(inner_path)
        made = counted(item, place.members[target], renames, inner_path)
        if isinstance(made, dict) and isinstance(holder.get(target), dict):
            made = {**holder[target], **made}
        if made is not None:
            holder[target] = made
    if "Quantity" in shape.members:
        found["Quantity"] = len(found.get("Items") or ())
    return found


def _at(value: Mapping[str, Any], source: str) -> Any:
    live: Any = value
    for part in source.split("/"):
        live = live.get(member(part, live) or part) if isinstance(live, Mapping) else None
    return live

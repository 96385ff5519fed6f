"""Changes to captured programs that the rules have to notice: a listed part, and one made from what is registered."""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import yaml

from policies.catalog import all_rules
from policies.resources import Resource, Stack
from policies.rule import Fault, judge
from tests.policies import Program, sdk_arguments, violations

_HERE: Final = Path(__file__).parent
_MISSING: Final = object()


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One change.

    Attributes:
        id: Names it in a test's output.
        program: The stack or variant that it changes.
        control: The control whose rule has to notice; None: any rule.
        resource: URN of the resource that it changes; empty when it adds one.
        path: What it changes of it.
        resources: The program's resources afterwards.
        every: Whether further resources are changed.
    """

    id: str
    program: str
    control: str | None
    resource: Resource
    path: str
    resources: tuple[Resource, ...] = field(repr=False)
    every: bool = False


def is_caught(mutation: Mutation, program: Program) -> bool:
    """Whether a rule (of the control, if one is named) finds in the changed program what it does not in the whole."""
    stack = Stack(mutation.resources, program.options)
    changed = Stack([r for r in mutation.resources if r.urn == mutation.resource.urn], program.options)
    # The quick ones first: they look at the changed resource only. Then those that have to do with its type.
    for rule in sorted(all_rules(), key=lambda rule: (rule.whole, mutation.resource.type not in rule.types)):
        if mutation.control not in (None, *rule.controls):
            continue
        for found in judge(rule, stack if rule.whole or mutation.every else changed):
            if (rule.id, found.resource.urn, found.fault) not in _before(program):
                return True
    return False


def catchers(mutation: Mutation, program: Program) -> set[str]:
    """Return the rules of the mutation's control that find in the changed program what they do not in the whole."""
    stack = Stack(mutation.resources, program.options)
    asked = [rule for rule in all_rules() if mutation.control in rule.controls]
    found = [one for rule in asked for one in judge(rule, stack)]
    return {one.rule.id for one in found if (one.rule.id, one.resource.urn, one.fault) not in _before(program)}


@functools.cache
def _before(program: Program) -> frozenset[tuple[str, str, Fault]]:
    found = violations(program.resources, program.options)
    return frozenset((violation.rule.id, violation.resource.urn, violation.fault) for violation in found)


@functools.cache
def required(type_: str) -> frozenset[str]:
    """Return the inputs without which the SDK does not even register a resource of the type."""
    names = [n for n, p in inspect.signature(sdk_arguments(type_)).parameters.items() if p.default is p.empty]
    return frozenset(re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name) for name in names)


def rows() -> list[tuple[str, Mapping[str, Any]]]:
    """Return the listed rows with their control."""
    listed = yaml.safe_load((_HERE / "listed.yaml").read_text(encoding="utf-8"))
    return [(control, row) for control, many in listed.items() for row in many]


def excuses() -> list[Mapping[str, str]]:
    """Return what no control asks for, so that a change of it is nobody's to notice: type, name, path, reason."""
    found: list[Mapping[str, str]] = yaml.safe_load((_HERE / "excused.yaml").read_text(encoding="utf-8"))
    return found


def is_excused(mutation: Mutation, excuse: Mapping[str, str]) -> bool:
    """Whether the excuse is about this change."""
    where = ((mutation.resource.type, "type"), (mutation.resource.name, "name"), (mutation.path, "path"))
    return all(fnmatchcase(found, excuse.get(key, "*")) for found, key in where)


def mutate(control: str, row: Mapping[str, Any], program: Program) -> Mutation:
    """Carry out a listed row.

    Raises:
        LookupError: It names a resource that the program does not register.
    """
    path = ", ".join(sorted(row.keys() - {"type", "name", "program"}))
    name = str(row.get("program", "prod"))
    type_ = row["type"] if ":" in row["type"] else None
    if "add" in row:
        added = _added(row, program)
        return Mutation(
            id=f"{control}: add {added.type} {added.name}",
            program=name,
            control=control,
            resource=added,
            path=path,
            resources=(*program.resources, added),
        )
    found = [r for r in program.resources if type_ in (None, r.type) and _is(r, row)]
    if not found:
        raise LookupError(f"{name} registers no {row['type']} {row.get('name', '*')}")
    chosen = found if row.get("every") else found[:1]
    urns = {resource.urn for resource in chosen}
    kept = program.resources if not row.get("drop") else tuple(r for r in program.resources if r.urn not in urns)
    changed = tuple(_changed(r, row, program) if r.urn in urns else r for r in kept)
    return Mutation(
        id=f"{control}: {row['type']} {chosen[0].name} {json.dumps({k: row[k] for k in row if k in path})[:100]}",
        program=name,
        control=control,
        resource=chosen[0],
        path=path,
        resources=changed,
        every=bool(row.get("every")),
    )


def systematic(name: str, program: Program, types: Iterable[str]) -> Iterator[Mutation]:
    """Yield, for each resource of the types: it is gone, each value is gone or turned round, each statement widened."""
    wanted = set(types)
    for resource in program.resources:
        if resource.type not in wanted:
            continue
        rest = tuple(r for r in program.resources if r.urn != resource.urn)
        for path, changed in (("drop", None), *_variants(resource)):
            yield Mutation(
                id=f"{name}: {resource.type} {resource.name} {path}",
                program=name,
                control=None,
                resource=resource,
                path=path,
                resources=rest if changed is None else (*rest, changed),
            )


def _variants(resource: Resource) -> Iterator[tuple[str, Resource]]:
    for path, value in leaves(resource.props):
        if path not in required(resource.type):
            yield f"{path} removed", _with(resource, path, _MISSING)
        if value in (True, False, "true", "false"):
            turned = {True: False, False: True, "true": "false", "false": "true"}[value]
            yield f"{path} turned", _with(resource, path, turned)
        if isinstance(value, str) and value.startswith("{") and "Statement" in value:
            for where, text in _widened(json.loads(value)):
                yield f"{path} {where}", _with(resource, path, text)
    if resource.protect:
        yield "protect", replace(resource, protect=False)
    if resource.ignore_changes:
        yield "ignoreChanges", replace(resource, ignore_changes=())


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that holds no others, with its path; a list of plain values counts as one."""
    if isinstance(value, Mapping) and not path.endswith("tags"):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}.{index}")
    elif path:
        yield path, value


def _widened(document: Any) -> Iterator[tuple[str, str]]:
    """Yield the document with one statement wider than it was."""
    for index, statement in enumerate(document["Statement"]):
        changes: dict[str, Any] = {"Action": "*", "Resource": "*", "Principal": "*", "Condition": _MISSING}
        for key, new in changes.items():
            if key in statement and statement[key] not in (new, {"AWS": new}) and statement["Effect"] == "Allow":
                yield (
                    f"{key} of statement {index}",
                    json.dumps(_put(document, f"Statement.{index}.{key}".split("."), new)),
                )
        if statement["Effect"] == "Deny":
            yield f"statement {index} gone", json.dumps(_put(document, ["Statement", str(index)], _MISSING))


def without(resource: Resource, path: str) -> Resource:
    """Return the resource without the value at the path."""
    return _with(resource, path, _MISSING)


def _is(resource: Resource, row: Mapping[str, Any]) -> bool:
    if ":" not in row["type"] and not resource.type.startswith(f"aws:{row['type'].replace('.', '/')}:"):
        return False
    return fnmatchcase(resource.name, row.get("name", "*"))


def _changed(resource: Resource, row: Mapping[str, Any], program: Program) -> Resource:
    for path, value in row.get("set", {}).items():
        resource = _with(resource, path, _MISSING if value is None else _long(value))
    for path, changes in row.get("document", {}).items():
        document = dict(resource.document(path))
        for inner, value in changes.items():
            document = _put(document, _keys(inner), _MISSING if value is None else _long(value))
        resource = _with(resource, path, json.dumps(document))
    for key, name in row.get("take", {}).items():
        resource = replace(resource, sources={**resource.sources, key: _sources(resource, key, name, program)})
    if "protect" in row:
        resource = replace(resource, protect=row["protect"])
    if "ignore" in row:
        resource = replace(resource, ignore_changes=tuple(row["ignore"]))
    return resource


def _sources(resource: Resource, key: str, name: str | None, program: Program) -> frozenset[str]:
    """Return the URN of the resource of that name, of a type that the property takes its values from."""
    if name is None:
        return frozenset()
    by_urn = {r.urn: r for r in program.resources}
    kinds = {by_urn[urn].type for urn in resource.sources.get(key, ())}
    return frozenset(r.urn for r in program.resources if r.name == name and r.type in kinds)


def _with(resource: Resource, path: str, value: Any) -> Resource:
    keys = _keys(path)
    # What takes no value any longer depends on nothing, either.
    gone = value is _MISSING and len(keys) == 1
    sources = {key: urns for key, urns in resource.sources.items() if not (gone and key == keys[0])}
    return replace(resource, props=_put(resource.props, keys, value), sources=sources)


def _keys(path: str) -> list[str]:
    return path.split(".")


def _put(value: Any, keys: Sequence[str], new: Any) -> Any:
    """Return the value with what lies at the keys changed, or gone."""
    key, rest = keys[0], keys[1:]
    if isinstance(value, list):
        index = int(key)
        inner = [_put(value[index], rest, new)] if rest else [] if new is _MISSING else [new]
        return [*value[:index], *inner, *value[index + 1 :]]
    base = dict(value or {})
    if rest:
        return {**base, key: _put(base.get(key), rest, new)}
    if new is _MISSING:
        return {k: v for k, v in base.items() if k != key}
    return {**base, key: new}


def _long(value: Any) -> Any:
    """Return LONG-n as a text of n characters."""
    return "x" * int(value[5:]) if isinstance(value, str) and value.startswith("LONG-") else value


def _added(row: Mapping[str, Any], program: Program) -> Resource:
    name = str(row["name"])
    urn = f"urn:pulumi:{program.stack}::platform::{row['type']}::{name}-added"
    return Resource(type=row["type"], name=name, urn=urn, props=row["add"]["props"], sources={})

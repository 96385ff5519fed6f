"""Resources as the rules see them: plain values, whether the engine or a test hands them over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

Tier = Literal["production", "development"]

# Stands for a value that a preview does not know yet.
UNKNOWN: Final = "\0unknown"


class NotKnownError(Exception):
    """A rule asked for a value that only `up` will know; the rule is then run again."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the rules are told besides the resources.

    Attributes:
        tier: `platform:policy`'s tier; without one the stack is judged as production.
        decommission: `platform:policy`'s: protection has been taken off on purpose.
        permissions_boundary: ARN that every role has to carry; None when the account asks for none.
    """

    tier: Tier = "production"
    decommission: bool = False
    permissions_boundary: str | None = None

    @property
    def production(self) -> bool:
        """Whether production's stricter figures hold."""
        return self.tier == "production"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of a program.

    Attributes:
        type: Type token, such as `aws:ec2/vpc:Vpc`.
        name: Logical name.
        urn: The engine's name of it.
        props: Inputs; for rules about the whole stack under the real engine, outputs.
        protect: Pulumi's own protection.
        ignore_changes: Properties whose drift is left alone.
        parent: The parent's URN, or nothing.
        dependencies: URNs of what has to be there first.
        sources: URNs by the property that takes its value from them.
    """

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    parent: str = ""
    dependencies: frozenset[str] = frozenset()
    sources: Mapping[str, frozenset[str]]

    def get(self, path: str) -> Any:
        """Return the value at the dotted path, None if there is none; numbers pick out of lists.

        Raises:
            NotKnownError: The value, or what holds it, is not known at preview.
        """
        value: Any = self.props
        for key in path.split("."):
            if isinstance(value, Sequence) and not isinstance(value, str):
                value = value[int(key)] if int(key) < len(value) else None
            elif isinstance(value, Mapping):
                value = value.get(key)
            else:
                return None
            _known(value)
        return value

    def given(self, path: str) -> bool:
        """Whether there is a value at the path, known at preview or not."""
        try:
            return bool(self.get(path))
        except NotKnownError:
            return True

    def items(self, path: str) -> list[Any]:
        """Return the list at the path, the empty list if there is none.

        Raises:
            NotKnownError: The list or one of its items is not known at preview.
        """
        found = self.get(path) or []
        for item in found:
            _known(item)
        return list(found)

    def true(self, path: str) -> bool:
        """Whether the value at the path is true; some properties take it as text."""
        return self.get(path) in (True, "true")

    def document(self, path: str) -> Mapping[str, Any]:
        """Return the JSON document at the path, the empty one if there is none.

        Raises:
            NotKnownError: Its text, or a value that went into it, is not known at preview.
        """
        text = self.get(path)
        if isinstance(text, str) and UNKNOWN in text:
            raise NotKnownError
        parsed = json.loads(text) if isinstance(text, str) and text else text
        return parsed if isinstance(parsed, Mapping) else {}

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        tags = self.get("tags")
        return tags if isinstance(tags, Mapping) else {}


def _known(value: Any) -> None:
    if isinstance(value, str) and value == UNKNOWN:
        raise NotKnownError


class Stack:
    """All resources of a program.

    Args:
        resources: In any order.
        options: What the rules are told besides.
    """

    def __init__(self, resources: Sequence[Resource], options: Options) -> None:
        self.resources = tuple(resources)
        self.options = options

    @cached_property
    def by_urn(self) -> Mapping[str, Resource]:
        """Every resource by its URN."""
        return {resource.urn: resource for resource in self.resources}

    @cached_property
    def _by_type(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return found

    def of(self, *types: str) -> list[Resource]:
        """Return every resource of the types."""
        return [resource for type_ in types for resource in self._by_type.get(type_, ())]

    def source(self, resource: Resource, key: str, type_: str) -> list[Resource]:
        """Return the resources of the type from which the top-level property takes its value."""
        urns = resource.sources.get(key, frozenset())
        return [found for urn in sorted(urns) if (found := self.by_urn.get(urn)) and found.type == type_]

    def users(self, resource: Resource, key: str, type_: str) -> list[Resource]:
        """Return the resources of the type whose property takes its value from this one."""
        return [user for user in self.of(type_) if resource.urn in user.sources.get(key, ())]

    def needs(self, resource: Resource) -> Iterator[Resource]:
        """Yield all that is there before the resource, and outlives it: its dependencies, theirs, and its parents'."""
        seen: set[str] = set()
        queue = [resource.urn]
        while queue:
            current = self.by_urn.get(queue.pop())
            if current is None:
                continue
            for urn in {*current.dependencies, *self._parents_needs(current)} - seen:
                seen.add(urn)
                queue.append(urn)
        yield from (self.by_urn[urn] for urn in sorted(seen) if urn in self.by_urn)

    def _parents_needs(self, resource: Resource) -> frozenset[str]:
        """Return what the remote component, of which it is a child, waits for: the child cannot come before."""
        parent = self.by_urn.get(resource.parent)
        return parent.dependencies if parent is not None else frozenset()

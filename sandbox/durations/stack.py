"""What the engine's state says of its resources: who waits for whom, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the state.

    Attributes:
        custom: Whether a provider makes it; a component takes no time of its own.
        kept: Whether a destroy forgets it, or its going is another's: it then takes no time.
        read: Whether it was there before and is only read.
        properties: URNs that each input comes from.
        provider: URN of its provider resource; empty for what has none.
    """

    urn: str
    type: str
    custom: bool
    kept: bool
    read: bool
    inputs: Mapping[str, Any]
    parent: str
    provider: str
    dependencies: tuple[str, ...]
    properties: Mapping[str, tuple[str, ...]]
    deleted_with: str

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.urn.rpartition("::")[2]

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Resource:
        """Take it from an exported state."""
        return cls(
            urn=state["urn"],
            type=state["type"],
            custom=bool(state.get("custom")),
            kept=bool(state.get("retainOnDelete") or state.get("deletedWith")),
            read=bool(state.get("external")),
            inputs=state.get("inputs") or {},
            parent=state.get("parent") or "",
            provider=(state.get("provider") or "").rpartition("::")[0],
            dependencies=tuple(state.get("dependencies") or ()),
            properties={key: tuple(urns or ()) for key, urns in (state.get("propertyDependencies") or {}).items()},
            deleted_with=state.get("deletedWith") or "",
        )


@dataclass(frozen=True, kw_only=True)
class Need:
    """Why a resource comes after another and goes before it.

    Attributes:
        properties: Inputs that come from the other.
        explicit: Whether the program says so without a value, by `depends_on`.
    """

    properties: tuple[str, ...] = ()
    provider: bool = False
    parent: bool = False
    deleted_with: bool = False

    @property
    def explicit(self) -> bool:
        return not (self.properties or self.provider or self.parent or self.deleted_with)

    @property
    def rank(self) -> int:
        """The smaller, the more the reason says by itself."""
        return 0 if self.properties else 1 if self.provider else 2 if self.parent else 3


class Stack:
    """The resources of a state, in its order: each stands after what it needs.

    Args:
        states: The state's resources, as exported.
    """

    def __init__(self, states: Iterable[Mapping[str, Any]]) -> None:
        self.resources = {resource.urn: resource for resource in map(Resource.of, states)}
        self.needs: dict[str, Mapping[str, Need]] = {}
        held: dict[str, list[str]] = {}
        for resource in self.resources.values():
            self.needs[resource.urn] = self._needs(resource, held)
            above = resource.parent
            while above in self.resources:
                held.setdefault(above, []).append(resource.urn)
                above = self.resources[above].parent

    def _needs(self, resource: Resource, held: Mapping[str, Sequence[str]]) -> Mapping[str, Need]:
        """Return what a resource needs, as the engine reckons it.

        Who needs a component needs what the component held by then: `DependenciesOf` in
        https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/resource/graph/dependency_graph.go.
        """
        properties: dict[str, list[str]] = {}
        for key, urns in resource.properties.items():
            for urn in self._with_held(urns, held):
                properties.setdefault(urn, []).append(key)
        found = {urn: Need(properties=tuple(sorted(set(keys)))) for urn, keys in properties.items()}
        others: list[tuple[Sequence[str], Need]] = [
            ((resource.provider,), Need(provider=True)),
            ((resource.parent,), Need(parent=True)),
            ((resource.deleted_with,), Need(deleted_with=True)),
            (self._with_held(resource.dependencies, held), Need()),
        ]
        for needed, need in others:
            for urn in needed:
                found.setdefault(urn, need)
        return {urn: need for urn, need in found.items() if urn in self.resources}

    def _with_held(self, urns: Iterable[str], held: Mapping[str, Sequence[str]]) -> list[str]:
        found: list[str] = []
        for urn in urns:
            component = urn in self.resources and not self.resources[urn].custom
            found += [urn, *(held.get(urn, ()) if component else ())]
        return found

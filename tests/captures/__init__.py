"""What a Pulumi program asked the engine for, in plain values that tests can compare.

Stock mocks hide protect, ignoreChanges, aliases and dependencies (https://github.com/pulumi/pulumi/issues/14421);
the registration request, which the `capture` fixture keeps, has them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime.rpc import UNKNOWN

__all__ = ["STACK_TYPE", "UNKNOWN", "Capture", "Registration", "Secret", "mark_secret", "plain"]

STACK_TYPE = "pulumi:pulumi:Stack"
# Pulumi's wire format marks special values by these constants.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


@dataclass(frozen=True)
class Secret:
    """A value that the program marked as secret."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One RegisterResource request, in plain values."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    custom: bool
    remote: bool
    provider: str
    providers: Mapping[str, str]
    protect: bool
    dependencies: tuple[str, ...]
    property_dependencies: Mapping[str, tuple[str, ...]]
    ignore_changes: tuple[str, ...]
    replace_on_changes: tuple[str, ...]
    delete_before_replace: bool | None
    retain_on_delete: bool
    deleted_with: str
    aliases: tuple[Mapping[str, Any], ...]
    custom_timeouts: Mapping[str, str]
    import_id: str
    additional_secret_outputs: tuple[str, ...]
    hooks: Mapping[str, tuple[str, ...]]
    replacement_trigger: Any = None

    def source(self, key: str) -> str:
        """URN of the one resource that the input comes from."""
        (urn,) = self.property_dependencies[key]
        return urn

    @classmethod
    def of(cls, urn: str, request: Any) -> Registration:
        """Translate the request."""
        return cls(
            urn=urn,
            type=request.type,
            name=request.name,
            inputs=plain(request.object),
            parent=request.parent,
            custom=request.custom,
            remote=request.remote,
            provider=request.provider,
            providers=dict(request.providers),
            protect=request.protect,
            dependencies=tuple(request.dependencies),
            property_dependencies={key: tuple(deps.urns) for key, deps in request.propertyDependencies.items()},
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            retain_on_delete=request.retainOnDelete,
            deleted_with=request.deletedWith,
            aliases=tuple(json_format.MessageToDict(alias) for alias in request.aliases),
            custom_timeouts=json_format.MessageToDict(request.customTimeouts),
            import_id=request.importId,
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            hooks={kind.name: tuple(names) for kind, names in request.hooks.ListFields()},
            replacement_trigger=(
                json_format.MessageToDict(request.replacement_trigger)
                if request.HasField("replacement_trigger")
                else None
            ),
        )


@dataclass
class Capture:
    """What a program asked the engine for.

    Attributes:
        resources: The registrations in order of arrival, without the stack itself.
        outputs: What components (and the stack) registered as their outputs, by URN.
        calls: The provider functions called, with their arguments.
        reads: The existing resources read: type, name, id.
        exports: The stack's outputs.
        error: What the program raised, when the test expected it to.
    """

    resources: list[Registration] = field(default_factory=list)
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    reads: list[tuple[str, str, str]] = field(default_factory=list)
    exports: Mapping[str, Any] = field(default_factory=dict)
    error: Exception | None = None

    @property
    def urns(self) -> list[str]:
        """Every URN, sorted."""
        return sorted(registration.urn for registration in self.resources)

    def of_type(self, type_: str) -> list[Registration]:
        """Every registration of the type, by name."""
        return sorted((r for r in self.resources if r.type == type_), key=lambda r: r.name)

    def one(self, type_: str, name: str) -> Registration:
        """The registration of that type and logical name."""
        found = [r for r in self.resources if (r.type, r.name) == (type_, name)]
        assert len(found) == 1, f"{len(found)} of {type_} {name!r}; there are {[r.name for r in self.of_type(type_)]}"
        return found[0]

    def changed(self, type_: str, name: str, inputs: Mapping[str, Any] | None = None, **fields: Any) -> Capture:
        """Return a copy in which one registration has other inputs or fields: what a control has to catch.

        An input of None is taken out.
        """
        old = self.one(type_, name)
        merged = {key: value for key, value in {**old.inputs, **(inputs or {})}.items() if value is not None}
        new = replace(old, inputs=merged, **fields)
        return replace(
            self, resources=[new if registration is old else registration for registration in self.resources]
        )

    def needs(self, registration: Registration) -> frozenset[str]:
        """URNs of all that exists before the resource and outlives it: its dependencies and theirs."""
        by_urn = {r.urn: r for r in self.resources}
        seen: set[str] = set()
        queue = [registration.urn]
        while queue:
            for urn in set(by_urn[queue.pop()].dependencies) - seen:
                seen.add(urn)
                queue.append(urn)
        # Who needs a child of a remote component needs the component: the program knows no other.
        parents = {by_urn[urn].parent for urn in seen}
        return frozenset(seen | {urn for urn in parents if urn in by_urn and by_urn[urn].remote})


def plain(value: Any) -> Any:
    """Turn a protobuf value into Python: secrets become `Secret`, resource references their URN."""
    if isinstance(value, struct_pb2.ListValue):
        return [plain(item) for item in value]
    if isinstance(value, struct_pb2.Struct):
        fields = {key: plain(item) for key, item in value.items()}
        kind = fields.get(_SIGNATURE)
        return Secret(fields["value"]) if kind == _SECRET else fields["urn"] if kind == _RESOURCE else fields
    return int(value) if isinstance(value, float) and value.is_integer() else value


def mark_secret(value: Any) -> Mapping[str, Any]:
    """Mark a plain value as secret on the wire; a `Secret` stays marked once."""
    return {_SIGNATURE: _SECRET, "value": value.value if isinstance(value, Secret) else value}

"""Pure functions on what a preview plans to create, and the deployment with some of it taken over instead."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ops.changes import UNKNOWN
from ops.checkpoint import AwsSettings, Deployment, Pending, aws_settings, in_order
from ops.errors import OpsError

_PROVIDER: Final = "pulumi:providers:"
# How `pulumi preview --json` writes an encrypted value.
_SECRET: Final = "[secret]"
_TAKEN_ALONG: Final = ("additionalSecretOutputs", "customTimeouts", "protect", "retainOnDelete")


class Plan:
    """What is there, and what the next `up` would create.

    Args:
        deployment: The stack's state.
        preview: What `pulumi preview --json` says.
    """

    def __init__(self, deployment: Deployment, preview: Mapping[str, Any]) -> None:
        self._deployment = deployment
        steps = [step for step in preview.get("steps") or [] if step["op"] == "create"]
        self._new: dict[str, Mapping[str, Any]] = {step["urn"]: step["newState"] for step in steps}

    def creates(self) -> list[Pending]:
        """Return what would be created, less the inputs that are known only afterwards or to nobody."""
        return [
            Pending(urn=urn, type=new["type"], resource={**new, "inputs": _known(new.get("inputs") or {})})
            for urn, new in self._new.items()
            if new.get("custom")
        ]

    def settings(self, pending: Pending) -> AwsSettings:
        """Return the settings of the provider that would create it, which may itself be new.

        Raises:
            OpsError: They do not say a region.
        """
        providers = [{**new, "id": UNKNOWN} for new in self._new.values() if new["type"].startswith(_PROVIDER)]
        return aws_settings({"resources": [*self._resources(), *providers]}, pending)

    def targets(self, pending: Pending, name: str) -> list[str]:
        """Return the URNs that an input of it comes from."""
        return list((pending.resource.get("propertyDependencies") or {}).get(name) or ())

    def id_of(self, urn: str) -> str | None:
        """Return the id of what the state has under a URN."""
        return next((r.get("id") for r in self._resources() if r["urn"] == urn), None)

    def with_taken_over(self, ids: Mapping[str, str]) -> Deployment:
        """Return the deployment with these resources in it, by URN their id, and what they stand on.

        They have neither inputs nor outputs yet: the provider's `Read` then takes them for an import and tells all.

        Raises:
            OpsError: A provider's settings are not known before the `up`.
        """
        taken = _Recorded(self._new, {r["urn"] for r in self._resources()})
        for urn, id_ in ids.items():
            taken.resource(urn, id_)
        changed = copy.deepcopy(self._deployment)
        manifest = changed.get("manifest") or {"time": _now(), "magic": "", "version": ""}
        return {**changed, "manifest": manifest, "resources": in_order([*self._resources(), *taken.settled()])}

    def _resources(self) -> list[dict[str, Any]]:
        return copy.deepcopy(self._deployment.get("resources") or [])


class _Recorded:
    """Turns planned resources into those of a state."""

    def __init__(self, new: Mapping[str, Mapping[str, Any]], there: Iterable[str]) -> None:
        self._new = new
        self._there = set(there)
        self._made: dict[str, dict[str, Any]] = {}

    def resource(self, urn: str, id_: str) -> None:
        """Record one that exists in AWS."""
        new = self._new[urn]
        self._made[urn] = {
            **{name: new[name] for name in _TAKEN_ALONG if name in new},
            "urn": urn,
            "custom": True,
            "id": id_,
            "type": new["type"],
            "inputs": {},
            "outputs": {},
            "parent": self._parent(new),
            "provider": self._provider(new["provider"]),
            "dependencies": list(new.get("dependencies") or ()),
            "propertyDependencies": dict(new.get("propertyDependencies") or {}),
            # Should we be killed before the refresh, `up` begins with it; the refresh takes the mark away.
            "refreshBeforeUpdate": True,
            "created": _now(),
            "modified": _now(),
        }

    def settled(self) -> list[dict[str, Any]]:
        """Return all, referring to nothing that is only planned: the next `up` adds that."""
        known = {*self._there, *self._made}
        for made in self._made.values():
            if "dependencies" in made:
                made["dependencies"] = [urn for urn in made["dependencies"] if urn in known]
                made["propertyDependencies"] = {
                    name: [urn for urn in urns or () if urn in known]
                    for name, urns in made["propertyDependencies"].items()
                }
        return [{name: value for name, value in made.items() if value is not None} for made in self._made.values()]

    def _parent(self, new: Mapping[str, Any]) -> str | None:
        urn = new.get("parent")
        if urn and urn not in self._there and urn not in self._made:
            parent = self._new[urn]
            self._made[urn] = {
                "urn": urn,
                "custom": False,
                "type": parent["type"],
                "parent": self._parent(parent),
                "created": _now(),
                "modified": _now(),
            }
        return urn

    def _provider(self, reference: str) -> str:
        urn, _, id_ = reference.rpartition("::")
        if id_ != UNKNOWN:
            return reference
        if urn not in self._made:
            new = self._new[urn]
            inputs = dict(new.get("inputs") or {})
            if inputs != _known(inputs):
                raise OpsError(
                    f"{urn} has settings that are secret or known only afterwards; nothing can be read by it"
                )
            self._made[urn] = {
                "urn": urn,
                "custom": True,
                "id": str(uuid.uuid4()),
                "type": new["type"],
                "inputs": inputs,
                "outputs": {name: value for name, value in inputs.items() if name != "__internal"},
                "parent": self._parent(new),
                "created": _now(),
                "modified": _now(),
            }
        return f"{urn}::{self._made[urn]['id']}"


def _known(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_known_items(inputs))


def _known_items(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inputs.items():
        if isinstance(value, Mapping):
            yield name, _known(value)
        elif value not in (UNKNOWN, _SECRET):
            yield name, value


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")

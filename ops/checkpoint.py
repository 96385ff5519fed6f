"""Pure functions on an exported deployment: what is pending, and the deployment with it settled.

The form is that of `pulumi stack export`, https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go.
Encrypted values stay as they are.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ops.errors import OpsError

Deployment = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A resource whose create was begun and whose end nobody recorded."""

    urn: str
    type: str
    resource: Mapping[str, Any] = field(repr=False)

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The inputs as the provider checked them."""
        return self.resource.get("inputs") or {}

    @property
    def name(self) -> str:
        """Type and logical name, for people."""
        return f"{self.type} {self.urn.rpartition('::')[2]}"


@dataclass(frozen=True, kw_only=True)
class AwsSettings:
    """What a resource's AWS provider was told."""

    region: str
    profile: str | None = None
    default_tags: Mapping[str, str] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """A pending create whose resource was found."""

    pending: Pending
    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


def pending_creates(deployment: Deployment) -> list[Pending]:
    """Return the pending creates. Other pending operations concern recorded resources; the engine repeats them."""
    operations = deployment.get("pending_operations") or []
    resources = [operation["resource"] for operation in operations if operation["type"] == "creating"]
    return [Pending(urn=resource["urn"], type=resource["type"], resource=resource) for resource in resources]


def saved_at(deployment: Deployment) -> datetime:
    """Return when the engine last wrote the deployment."""
    return datetime.fromisoformat(deployment["manifest"]["time"]).astimezone(UTC)


def ids_in_state(deployment: Deployment, pending: Pending) -> set[str]:
    """Return the ids that the stack has already for the type: what has one of them is not what the create made.

    A resource that was deleted to be replaced does not count: the new one may have the same id.
    """
    resources = deployment.get("resources") or []
    return {r["id"] for r in resources if r["type"] == pending.type and "id" in r and not r.get("pendingReplacement")}


def aws_settings(deployment: Deployment, pending: Pending) -> AwsSettings:
    """Return the settings of the provider that was to create the resource."""
    reference = str(pending.resource.get("provider", ""))
    urn, _, id_ = reference.rpartition("::")
    resources = deployment.get("resources") or []
    inputs = next((r.get("inputs", {}) for r in resources if r["urn"] == urn and r.get("id") == id_), None)
    region = pending.inputs.get("region") or (inputs or {}).get("region")
    if inputs is None or not isinstance(region, str):
        raise OpsError(f"{pending.name}: the state does not say in which region its provider works")
    return _aws_settings(region, inputs)


def aws_providers(deployment: Deployment, types: Collection[str] = ()) -> list[AwsSettings]:
    """Return the settings of the AWS providers that have resources, or that have some of these types."""
    resources = deployment.get("resources") or []
    counted = [resource for resource in resources if not types or resource["type"] in types]
    used = {str(resource.get("provider") or "").rpartition("::")[0] for resource in counted}
    inputs = [r.get("inputs") or {} for r in resources if r["type"] == "pulumi:providers:aws" and r["urn"] in used]
    return [_aws_settings(found["region"], found) for found in inputs if isinstance(found.get("region"), str)]


def cluster_versions(deployment: Deployment) -> list[str]:
    """Return the Kubernetes versions of the stack's EKS clusters, as last read from AWS."""
    resources = deployment.get("resources") or []
    clusters = [r for r in resources if r["type"] == "aws:eks/cluster:Cluster" and not r.get("delete")]
    versions = [{**(r.get("inputs") or {}), **(r.get("outputs") or {})}.get("version") for r in clusters]
    return [version for version in versions if isinstance(version, str)]


def expected_tags(pending: Pending, settings: AwsSettings) -> dict[str, str]:
    """Return the tags that the resource would carry."""
    return {**settings.default_tags, **(pending.inputs.get("tags") or {}), **(pending.inputs.get("tagsAll") or {})}


def settled(deployment: Deployment, adoptions: Iterable[Adoption]) -> Deployment:
    """Return the deployment with what was found as resources of it and nothing pending.

    Raises:
        OpsError: A resource refers to one that the state does not hold.
    """
    changed = copy.deepcopy(deployment)
    resources = changed.get("resources") or []
    for adoption in adoptions:
        urn = adoption.pending.urn
        # Of a replacement the engine records the new resource, and then deletes the old one unless it did so before.
        resources = [r for r in resources if not (r["urn"] == urn and r.get("pendingReplacement"))]
        resources = [{**r, "delete": True} if r["urn"] == urn else r for r in resources]
        resources.append(_recorded(adoption))
    changed.pop("pending_operations", None)
    return {**changed, "resources": in_order(resources)}


def _recorded(adoption: Adoption) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    # Outputs have to be there: without any the provider would import and forget which inputs were defaults of its own,
    # the automatic names among them. The refresh that follows fills them.
    inputs = {key: value for key, value in adoption.pending.inputs.items() if not key.startswith("__")}
    return {
        **copy.deepcopy(dict(adoption.pending.resource)),
        "id": adoption.id,
        "outputs": {**copy.deepcopy(inputs), **adoption.outputs, "id": adoption.id},
        # Should we be killed before the refresh, `up` begins with it; the refresh takes the mark away.
        "refreshBeforeUpdate": True,
        "created": now,
        "modified": now,
    }


def in_order(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the resources with each after those that it refers to, and otherwise as they were."""
    known: set[str] = set()
    ordered = []
    waiting = list(resources)
    while waiting:
        ready = next((r for r in waiting if _references(r) <= known), None)
        if ready is None:
            missing = sorted(_references(waiting[0]) - known)
            raise OpsError(f"{waiting[0]['urn']} refers to {missing[0]}, which the state lacks: restore a backup of it")
        waiting.remove(ready)
        ordered.append(ready)
        known.add(ready["urn"])
    return ordered


def _references(resource: Mapping[str, Any]) -> set[str]:
    urns = {resource.get("parent"), resource.get("deletedWith"), *(resource.get("dependencies") or ())}
    urns |= {urn for found in (resource.get("propertyDependencies") or {}).values() for urn in found or ()}
    urns |= {*(resource.get("replaceWith") or ()), str(resource.get("provider") or "").rpartition("::")[0]}
    return {urn for urn in urns if urn}


def _aws_settings(region: str, inputs: Mapping[str, Any]) -> AwsSettings:
    return AwsSettings(
        region=region,
        profile=inputs.get("profile"),
        default_tags=_parsed(inputs.get("defaultTags"), {}).get("tags") or {},
        accounts=tuple(_parsed(inputs.get("allowedAccountIds"), [])),
    )


def _parsed(value: Any, default: Any) -> Any:
    """Return a provider's setting; all but text is JSON in the state."""
    return json.loads(value) if isinstance(value, str) else value or default

"""Refuses to take over what another stack of the project has: tags and names alone do not tell two stacks apart.

A stack file that was copied and not changed everywhere would else take the other stack's buckets, and delete them one
day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ops.checkpoint import AwsSettings, Deployment, Pending, aws_settings
from ops.engine import Pulumi
from ops.errors import OpsError

# A resource that would be taken over, its id, and the settings of the provider that would have it.
Wanted = tuple[Pending, str, AwsSettings]


def refuse_shared(pulumi: Pulumi, wanted: Iterable[Wanted]) -> None:
    """Look into the states of the project's other stacks in the backend.

    Raises:
        OpsError: With one line for each thing that one of them has.
    """
    listed = list(wanted)
    lines = [
        f"{pending.name}: {id_} is in the state of stack {name}; give this stack names and tags of its own"
        for name, state in (pulumi.others() if listed else ())
        for pending, id_ in held(state["deployment"] or {}, listed)
    ]
    if lines:
        raise OpsError("\n".join(lines))


def held(deployment: Deployment, wanted: Iterable[Wanted]) -> Iterator[tuple[Pending, str]]:
    """Yield what a deployment has. The same id elsewhere (a repository of another account) is another thing."""
    resources = [resource for resource in deployment.get("resources") or [] if resource.get("custom")]
    for pending, id_, settings in wanted:
        same = (r for r in resources if (r["type"], r.get("id")) == (pending.type, id_))
        if any(_same_place(_settings(deployment, resource), settings) for resource in same):
            yield pending, id_


def _settings(deployment: Deployment, resource: Mapping[str, Any]) -> AwsSettings:
    return aws_settings(deployment, Pending(urn=resource["urn"], type=resource["type"], resource=resource))


def _same_place(one: AwsSettings, other: AwsSettings) -> bool:
    apart = one.accounts and other.accounts and set(one.accounts).isdisjoint(other.accounts)
    return one.region == other.region and not apart

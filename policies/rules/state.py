"""What holds state is protected: controls E6, T4."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.rules.buckets import log_buckets

# By type: AWS's own refusal to delete it, and the value that turns it on, where there is one.
_HOLDING: Final[Mapping[str, tuple[str, Any] | None]] = {
    tokens.BUCKET: None,
    tokens.CLUSTER: ("deletionProtection", True),
    tokens.DATABASE: ("deletionProtection", True),
    tokens.DATABASE_CLUSTER: ("deletionProtection", True),
    tokens.FILE_SYSTEM: None,
    tokens.KEY: None,
    tokens.PARAMETER: None,
    tokens.PRIVATE_KEY: None,
    tokens.RANDOM_PASSWORD: None,
    tokens.REPOSITORY: None,
    tokens.SELF_SIGNED: None,
    tokens.SUBNET: None,
    tokens.TABLE: ("deletionProtectionEnabled", True),
    tokens.USER_POOL: ("deletionProtection", "ACTIVE"),
    tokens.VAULT: None,
    tokens.VOLUME: None,
    tokens.VPC: None,
    tokens.ZONE: None,
}
# What makes the values of parameters.
_MADE: Final = (tokens.PRIVATE_KEY, tokens.RANDOM_PASSWORD, tokens.SELF_SIGNED)
# Properties by which what is held goes along with what holds it.
_FORCED: Final = ("forceDestroy", "forceDelete")
# What `storage.keepData` leaves behind, and the property that it is found by.
_NAMED: Final[Mapping[str, str]] = {
    tokens.ALIAS: "name",
    tokens.BUCKET: "bucket",
    tokens.FILE_SYSTEM: "creationToken",
    tokens.REPOSITORY: "name",
    tokens.SECRET: "name",
    tokens.VAULT: "name",
    tokens.ZONE: "name",
}
# Where what holds state names the key without which it cannot be read.
_ENCRYPTED: Final[Mapping[str, str]] = {
    tokens.CLUSTER: "encryptionConfig",
    tokens.BUCKET_ENCRYPTION: "rules",
    tokens.DATABASE: "kmsKeyId",
    tokens.DATABASE_CLUSTER: "kmsKeyId",
    tokens.FILE_SYSTEM: "kmsKeyId",
    tokens.PARAMETER: "keyId",
    tokens.REPOSITORY: "encryptionConfigurations",
    tokens.SECRET: "kmsKeyId",
    tokens.VAULT: "kmsKeyArn",
    tokens.VOLUME: "kmsKeyId",
}


@rule("E6", "T4", types=_HOLDING, whole=True)
def stateful_is_protected(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """In production what holds state, its key and its network are protected, by AWS where it can and by Pulumi."""
    if not stack.options.production or stack.options.decommission or not _holds(resource, stack):
        return
    own = _HOLDING[resource.type]
    if own and _said(resource.get(own[0])) != _said(own[1]):
        yield Fault(own[0], f"is not {_said(own[1])}", f"set {_said(own[1])}")
    if not resource.protect:
        yield Fault("protect", "is not set", "set the resource option")


@rule("T4", types=_NAMED)
def what_stays_has_a_fixed_name(resource: Resource) -> Iterator[Fault]:
    """What a destroy may leave has a name of its own, by which the next stack finds it and takes it over."""
    key = _NAMED[resource.type]
    name = resource.get(key)
    # The engine has filled in a name of its own by the time it asks: the logical one and seven digits.
    if not name or re.fullmatch(rf"{re.escape(resource.name)}-[0-9a-f]{{7}}", str(name)):
        yield Fault(key, "is left to Pulumi, which makes another each time", "set it")


@rule("D4", "D5", "T4", types=[tokens.BUCKET, tokens.REPOSITORY, tokens.VAULT, tokens.ZONE])
def nothing_goes_along(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """In production nothing that lies in a bucket, repository, vault or zone is deleted with it."""
    if not stack.options.production or stack.options.decommission:
        return
    for key in _FORCED:
        if resource.true(key):
            yield Fault(key, "is true", "set false")


def _holds(resource: Resource, stack: Stack) -> bool:
    """Whether it holds what no program brings back; logs end by their age anyway."""
    if resource.type == tokens.KEY:
        users = [user for type_, key in _ENCRYPTED.items() for user in stack.users(resource, key, type_)]
        return any(user.type != tokens.PARAMETER or _holds(user, stack) for user in users)
    if resource.type in (tokens.PRIVATE_KEY, tokens.RANDOM_PASSWORD):
        # What is thrown away with its keepers is made anew at will; so is a key by which nothing else is found.
        return not resource.get("keepers") and bool(stack.users(resource, "value", tokens.PARAMETER))
    if resource.type == tokens.PARAMETER:
        made = [one for type_ in _MADE for one in stack.source(resource, "value", type_)]
        return any(_holds(one, stack) for one in made)
    if resource.type == tokens.SUBNET:
        return bool(stack.users(resource, "vpcConfig", tokens.CLUSTER))
    return resource.type != tokens.BUCKET or resource.urn not in log_buckets(stack)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

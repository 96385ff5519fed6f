"""A KMS key under an alias, for data or messages of one purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws.kms import Alias, Key

from components.encryption import policy
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class DataKeyArgs:
    """What the key needs to know.

    Attributes:
        alias: Without `alias/`. The key is known by it: a later stack of the same name takes a kept key up again.
        description: What it encrypts.
        statements: Of its policy, beside the account's administration: services that do not use it by a grant or with
            their caller's rights.
        keep: Whether a destroy leaves it and its alias behind; without it, what it encrypted could not be read.
        protect: Whether Pulumi refuses to delete it.
    """

    alias: str
    description: str
    statements: Sequence[Mapping[str, Any]] = ()
    keep: bool = False
    protect: bool = False
    place: Place


class DataKey(pulumi.ComponentResource):
    """A key that rotates every year, and its alias.

    Deleting it waits 30 days, in which the deletion can be taken back.

    Attributes:
        arn: Of the key, not of the alias.
    """

    arn: pulumi.Output[str]
    key_id: pulumi.Output[str]

    def __init__(self, name: str, args: DataKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the key and its alias."""
        super().__init__("platform:encryption:DataKey", name, None, opts)
        place = args.place
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=args.keep or None)
        key = Key(
            name,
            description=args.description,
            policy=policy.key_policy(args.statements, partition=place.partition, account_id=place.account_id),
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags=dict(place.tags),
            opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(protect=args.protect or None)),
        )
        Alias(name, name=f"alias/{args.alias}", target_key_id=key.key_id, opts=kept)
        self.arn = key.arn
        self.key_id = key.key_id
        self.register_outputs({"arn": self.arn, "key_id": self.key_id})

"""A CloudWatch log group with a key of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.kms import Alias, Key

from components.observability import policy
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class EncryptedLogGroupArgs:
    """What the log group needs to know.

    Attributes:
        log_group: Physical name; whoever writes to it looks it up by this.
        alias: Of the key, without `alias/`.
        retention_days: One of the periods that CloudWatch Logs offers.
    """

    log_group: str
    alias: str
    retention_days: int
    place: Place


class EncryptedLogGroup(pulumi.ComponentResource):
    """A log group with retention, encrypted with a key that CloudWatch Logs may use for this group alone.

    Deleting the key waits 30 days, in which exported records can still be read.

    Attributes:
        log_group: Its name, known once it exists.
        arn: Its ARN, without the `:*` for its streams.
    """

    log_group: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptedLogGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:observability:EncryptedLogGroup", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        where = args.place.where
        group_arn = policy.log_group_arn(**where, log_group=args.log_group)
        key = Key(
            name,
            description=f"Encrypts the log group {args.log_group}",
            policy=json.dumps(policy.log_group_key(group_arn, **where)),
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags=dict(args.place.tags),
            opts=child,
        )
        Alias(name, name=f"alias/{args.alias}", target_key_id=key.key_id, opts=child)
        group = LogGroup(
            name,
            name=args.log_group,
            retention_in_days=args.retention_days,
            kms_key_id=key.arn,
            tags=dict(args.place.tags),
            opts=child,
        )
        self.log_group = group.name
        self.arn = group.arn
        self.register_outputs({"log_group": self.log_group, "arn": self.arn})

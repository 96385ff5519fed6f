"""Flow logs of one VPC: who talked to whom, kept encrypted for a fixed time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.ec2.flow_log import FlowLog
from pulumi_aws.iam import Role, RolePolicy
from pulumi_aws.kms import Alias, Key

from components.network import policy


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowLogsArgs:
    """What the flow logs need to know.

    Attributes:
        cluster_name: Names the log group and the key's alias.
        retention_days: One of the periods that CloudWatch Logs offers.
        permissions_boundary: ARN of the policy that bounds the delivery role.
    """

    vpc_id: pulumi.Input[str]
    cluster_name: str
    region: str
    partition: str
    account_id: str
    retention_days: int
    permissions_boundary: str | None
    tags: Mapping[str, str]


class FlowLogs(pulumi.ComponentResource):
    """A flow log of all traffic into a log group of its own, with a key and a delivery role for this group alone.

    Attributes:
        log_group_name: Where the records are.
    """

    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the flow log."""
        super().__init__("platform:network:FlowLogs", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group_name = policy.flow_log_group_name(args.cluster_name)
        group_arn = f"arn:{args.partition}:logs:{args.region}:{args.account_id}:log-group:{group_name}"

        group = LogGroup(
            f"{name}-group",
            name=group_name,
            retention_in_days=args.retention_days,
            kms_key_id=self._create_key(name, args, group_arn).arn,
            tags=dict(args.tags),
            opts=child,
        )
        role = Role(
            f"{name}-delivery",
            description=f"Delivers flow logs to {group_name}",
            assume_role_policy=policy.render(
                policy.flow_log_trust(region=args.region, partition=args.partition, account_id=args.account_id)
            ),
            permissions_boundary=args.permissions_boundary,
            tags=dict(args.tags),
            opts=child,
        )
        permission = RolePolicy(
            f"{name}-delivery",
            role=role.name,
            policy=policy.render(policy.flow_log_delivery(group_arn)),
            opts=child,
        )
        FlowLog(
            f"{name}-vpc",
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=dict(args.tags),
            # Without its permission the role delivers nothing, and the records until then are lost.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        self.log_group_name = group.name
        self.register_outputs({"log_group_name": self.log_group_name})

    def _create_key(self, name: str, args: FlowLogsArgs, group_arn: str) -> Key:
        """Create the group's key. Deleting it waits 30 days, in which exported records can still be read."""
        child = pulumi.ResourceOptions(parent=self)
        key = Key(
            f"{name}-key",
            description=f"Encrypts the flow logs of {args.cluster_name}",
            policy=policy.render(
                policy.flow_log_key(group_arn, region=args.region, partition=args.partition, account_id=args.account_id)
            ),
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags=dict(args.tags),
            opts=child,
        )
        Alias(f"{name}-key", name=f"alias/{args.cluster_name}/flow-logs", target_key_id=key.key_id, opts=child)
        return key

"""Flow logs of one VPC: who talked to whom, kept encrypted for a fixed time."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws.ec2 import FlowLog
from pulumi_aws.iam import Role, RolePolicy

from components.network import policy
from components.observability.log_group import EncryptedLogGroup, EncryptedLogGroupArgs
from components.observability.policy import log_group_arn
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowLogsArgs:
    """What the flow logs need to know.

    Attributes:
        cluster_name: Names the log group and the key's alias.
        retention_days: One of the periods that CloudWatch Logs offers.
    """

    vpc_id: pulumi.Input[str]
    cluster_name: str
    retention_days: int
    place: Place


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
        where = args.place.where
        group = EncryptedLogGroup(
            name,
            EncryptedLogGroupArgs(
                log_group=group_name,
                alias=f"{args.cluster_name}/flow-logs",
                retention_days=args.retention_days,
                place=args.place,
            ),
            child,
        )
        role = Role(
            f"{name}-delivery",
            description=f"Delivers flow logs to {group_name}",
            assume_role_policy=policy.render(policy.flow_log_trust(**where)),
            permissions_boundary=args.place.permissions_boundary,
            tags=dict(args.place.tags),
            opts=child,
        )
        permission = RolePolicy(
            f"{name}-delivery",
            role=role.name,
            policy=policy.render(policy.flow_log_delivery(log_group_arn(**where, log_group=group_name))),
            opts=child,
        )
        FlowLog(
            f"{name}-vpc",
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=dict(args.place.tags),
            # Without its permission the role delivers nothing, and the records until then are lost.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        self.log_group_name = group.log_group
        self.register_outputs({"log_group_name": self.log_group_name})

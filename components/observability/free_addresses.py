"""Counts the free addresses of subnets every five minutes: AWS has no metric for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pulumi
from pulumi_aws.cloudwatch import EventRule, EventTarget
from pulumi_aws.iam import Role, RolePolicy
from pulumi_aws.lambda_ import Function, Permission

from components.observability import names, policy
from components.observability.log_group import EncryptedLogGroup, EncryptedLogGroupArgs
from components.place import Place

# AWS ends it on 2029-06-30 at the earliest (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html).
RUNTIME: Final = "python3.14"
_SOURCE: Final = Path(__file__).with_name("addresses.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class FreeAddressesArgs:
    """What the function needs to know.

    Attributes:
        cluster_name: Names everything, and is a dimension of the metric.
        subnet_ids: By the name that is the other dimension.
        log_retention_days: One of the periods that CloudWatch Logs offers.
    """

    cluster_name: str
    subnet_ids: Mapping[str, pulumi.Input[str]]
    log_retention_days: int
    place: Place


class FreeAddresses(pulumi.ComponentResource):
    """A function, its schedule, its role and its log group.

    It runs outside the VPC, since it only asks AWS. No concurrency is reserved: an account's first quota of ten allows
    none, and no two runs overlap.

    Attributes:
        function_name: Also the name of the rule that starts it.
    """

    function_name: pulumi.Output[str]

    def __init__(self, name: str, args: FreeAddressesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the function."""
        super().__init__("platform:observability:FreeAddresses", name, None, opts)
        self._name = name
        self._args = args
        group = self._create_log_group()
        role, rights = self._create_role()
        function = Function(
            name,
            name=names.function(args.cluster_name),
            description="Writes how many free addresses each subnet has",
            runtime=RUNTIME,
            architectures=["arm64"],
            # As text, so that the state holds no path of a machine.
            code=pulumi.AssetArchive({_SOURCE.name: pulumi.StringAsset(_SOURCE.read_text(encoding="utf-8"))}),
            handler=f"{_SOURCE.stem}.handler",
            role=role.arn,
            memory_size=128,
            timeout=30,
            tags=dict(args.place.tags),
            # Without its rights a run fails, and without the group Lambda would want to make one.
            opts=self._child(rights, group),
        )
        self._create_schedule(function)
        self.function_name = function.name
        self.register_outputs({"function_name": self.function_name})

    def _child(self, *needs: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(needs))

    def _create_log_group(self) -> EncryptedLogGroup:
        args = self._args
        return EncryptedLogGroup(
            self._name,
            EncryptedLogGroupArgs(
                log_group=names.log_group(args.cluster_name),
                alias=f"{args.cluster_name}/free-addresses",
                retention_days=args.log_retention_days,
                place=args.place,
            ),
            self._child(),
        )

    def _create_role(self) -> tuple[Role, RolePolicy]:
        place = self._args.place
        group_arn = policy.log_group_arn(**place.where, log_group=names.log_group(self._args.cluster_name))
        role = Role(
            self._name,
            description=f"Counts free addresses for {self._args.cluster_name}",
            assume_role_policy=policy.render(policy.function_trust()),
            permissions_boundary=place.permissions_boundary,
            tags=dict(place.tags),
            opts=self._child(),
        )
        rights = RolePolicy(
            self._name,
            role=role.name,
            policy=policy.render(policy.function_rights(group_arn, namespace=names.NAMESPACE)),
            opts=self._child(),
        )
        return role, rights

    def _create_schedule(self, function: Function) -> None:
        """Start the function every five minutes, with what it is to count."""
        args = self._args
        rule = EventRule(
            self._name,
            name=names.function(args.cluster_name),
            description="Starts the count of free addresses",
            schedule_expression="rate(5 minutes)",
            tags=dict(args.place.tags),
            opts=self._child(),
        )
        permission = Permission(
            self._name,
            function=function.name,
            action="lambda:InvokeFunction",
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=self._child(),
        )
        event = {
            "namespace": names.NAMESPACE,
            "metric": names.METRIC,
            "cluster": args.cluster_name,
            "subnets": dict(args.subnet_ids),
        }
        EventTarget(
            self._name,
            rule=rule.name,
            # Else the provider makes one up, and a create that was cut short leaves a second target in the rule.
            target_id=names.function(args.cluster_name),
            arn=function.arn,
            input=pulumi.Output.json_dumps(event),
            opts=self._child(permission),
        )

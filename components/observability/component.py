"""Watches the stack: alarms and who hears of them, a dashboard, a budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
from pulumi_aws.cloudwatch import Dashboard, MetricAlarm

from components.observability import alarms, budget, dashboard, names, policy
from components.observability.alarms import Alarm, Watched
from components.observability.free_addresses import FreeAddresses, FreeAddressesArgs
from components.observability.topic import AlarmTopic, AlarmTopicArgs
from components.place import Place

# Where CloudFront takes its certificates from, and where ACM writes their metrics.
GLOBAL_REGION: Final = "us-east-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservabilityArgs:
    """What is watched.

    Attributes:
        emails: Get alarms and the budget's warnings. SNS asks each to confirm once.
        monthly_budget: USD; partitions other than `aws` get no budget.
        cost_allocation_tags: Keys that bills are split by; the account's setting, left as it is by a destroy.
        nat_gateway_ids: By the zone's key, or by `regional`.
        subnet_ids: Those that may run out of addresses, by a name that stays.
        queue_name: Karpenter's interruption queue; none where AWS runs no control plane and Karpenter makes no nodes.
        rule_names: Those that fill it, by kind.
        certificate_arns: In the stack's region, by name.
        global_certificate_arns: In us-east-1, by name.
        global_provider: For us-east-1; needed with such certificates unless that is the stack's region.
        vault_name: Takes the backups.
        free_addresses: Least number of free addresses in each subnet.
        log_retention_days: One of the periods that CloudWatch Logs offers.
    """

    cluster_name: str
    emails: Sequence[str]
    monthly_budget: int
    cost_allocation_tags: Sequence[str] = ()
    nat_gateway_ids: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    subnet_ids: Mapping[str, pulumi.Input[str]]
    queue_name: pulumi.Input[str] | None = None
    rule_names: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    certificate_arns: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    global_certificate_arns: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    global_provider: pulumi.ProviderResource | None = None
    vault_name: pulumi.Input[str]
    free_addresses: int
    log_retention_days: int
    place: Place

    def __post_init__(self) -> None:
        """Refuse what would leave something unwatched without a word."""
        if self.apart and self.global_provider is None:
            raise ValueError(f"global_provider: certificates in {GLOBAL_REGION} are watched there; give its provider")
        if self.cost_allocation_tags and self.place.partition == "aws-us-gov":
            raise ValueError("cost_allocation_tags: us-gov has no such API; set them in the account that pays for it")

    @property
    def apart(self) -> bool:
        """Whether there are certificates whose metrics are in another region than the stack."""
        return bool(self.global_certificate_arns) and self.place.region != GLOBAL_REGION


class Observability(pulumi.ComponentResource):
    """Alarms with their topic, a dashboard, the count of free addresses, a budget.

    Attributes:
        topic_arn: Of the stack's region; for further alarms.
        dashboard_name: What to look for in CloudWatch.
    """

    topic_arn: pulumi.Output[str]
    dashboard_name: pulumi.Output[str]

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register everything that watches."""
        super().__init__("platform:observability:Observability", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        planned = alarms.plan(self._watched())
        self.topic_arn = self._create_topic(f"{name}-alarms", args.place, self._child).arn
        self._create_alarms(planned, self.topic_arn, self._child)
        if args.apart:
            self._create_global_alarms()
        self._create_free_addresses()
        self.dashboard_name = self._create_dashboard(planned).dashboard_name
        self._create_cost_watch()
        self.register_outputs({"topic_arn": self.topic_arn, "dashboard_name": self.dashboard_name})

    def _watched(self) -> Watched:
        args = self._args
        return Watched(
            cluster_name=args.cluster_name,
            queue_name=args.queue_name,
            rules=args.rule_names,
            nat_gateways=args.nat_gateway_ids,
            subnets=list(args.subnet_ids),
            free_addresses=args.free_addresses,
            certificates={**args.certificate_arns, **({} if args.apart else self._global_certificates())},
            vault=args.vault_name,
            function=names.function(args.cluster_name),
        )

    def _global_certificates(self) -> dict[str, pulumi.Input[str]]:
        return {f"global-{name}": arn for name, arn in self._args.global_certificate_arns.items()}

    def _create_topic(self, name: str, place: Place, opts: pulumi.ResourceOptions) -> AlarmTopic:
        args = self._args
        return AlarmTopic(
            name,
            AlarmTopicArgs(
                topic=names.topic(args.cluster_name),
                emails=args.emails,
                budgets=place is args.place and place.partition in budget.PARTITIONS,
                place=place,
            ),
            opts,
        )

    def _create_alarms(
        self, planned: Iterable[Alarm], topic_arn: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> None:
        for alarm in planned:
            MetricAlarm(
                f"{self._name}-{alarm.key}",
                name=names.alarm(self._args.cluster_name, alarm.key),
                **alarm.inputs,
                alarm_actions=[topic_arn],
                ok_actions=[topic_arn],
                tags=dict(self._args.place.tags),
                opts=opts,
            )

    def _create_global_alarms(self) -> None:
        """Watch CloudFront's certificates where their metrics are; an alarm publishes to topics of its region only."""
        place = replace(self._args.place, region=GLOBAL_REGION)
        there = pulumi.ResourceOptions(parent=self, provider=self._args.global_provider)
        topic = self._create_topic(f"{self._name}-global-alarms", place, there)
        planned = [alarms.certificate(name, arn) for name, arn in self._global_certificates().items()]
        self._create_alarms(planned, topic.arn, there)

    def _create_free_addresses(self) -> None:
        args = self._args
        FreeAddresses(
            f"{self._name}-free-addresses",
            FreeAddressesArgs(
                cluster_name=args.cluster_name,
                subnet_ids=args.subnet_ids,
                log_retention_days=args.log_retention_days,
                place=args.place,
            ),
            self._child,
        )

    def _create_dashboard(self, planned: Iterable[Alarm]) -> Dashboard:
        args = self._args
        where = args.place.where
        shown = pulumi.Output.from_input(
            {
                "queue": args.queue_name,
                "rules": dict(args.rule_names),
                "nat_gateways": dict(args.nat_gateway_ids),
                "certificates": dict(args.certificate_arns),
                "global_certificates": self._global_certificates(),
            }
        )
        arns = [policy.alarm_arn(names.alarm(args.cluster_name, alarm.key), **where) for alarm in planned]
        return Dashboard(
            self._name,
            dashboard_name=names.dashboard(args.cluster_name, karpenter=args.queue_name is not None),
            dashboard_body=shown.apply(lambda values: dashboard.body(self._shown(values, arns))),
            opts=self._child,
        )

    def _shown(self, values: Mapping[str, Any], alarm_arns: Sequence[str]) -> dashboard.Shown:
        args = self._args
        regions = {"certificates": args.place.region, "global_certificates": GLOBAL_REGION}
        return dashboard.Shown(
            cluster_name=args.cluster_name,
            region=args.place.region,
            alarm_arns=alarm_arns,
            queue_name=values["queue"],
            rules=values["rules"],
            nat_gateways=values["nat_gateways"],
            subnets=list(args.subnet_ids),
            free_addresses=args.free_addresses,
            certificates={
                name: dashboard.Certificate(arn=arn, region=region)
                for kind, region in regions.items()
                for name, arn in values[kind].items()
            },
        )

    def _create_cost_watch(self) -> None:
        args = self._args
        if args.place.partition in budget.PARTITIONS:
            budget.CostWatch(
                f"{self._name}-cost",
                budget.CostWatchArgs(
                    cluster_name=args.cluster_name,
                    monthly_budget=args.monthly_budget,
                    emails=args.emails,
                    topic_arn=self.topic_arn,
                    cost_allocation_tags=args.cost_allocation_tags,
                    place=args.place,
                ),
                self._child,
            )

"""What is watched, from when on it is an alarm, and why: rows that a preview shows whole.

Sources of metrics and dimensions:
    AWS/EKS: https://docs.aws.amazon.com/eks/latest/userguide/cloudwatch.html (Sum, every minute, Kubernetes 1.28 on);
        the dimension is in the AWS CDK, aws-eks/lib/eks-canned-metrics.generated.ts.
    AWS/Events: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html.
    AWS/NATGateway: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway-cloudwatch.html.
    AWS/SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html.
    AWS/CertificateManager: https://docs.aws.amazon.com/acm/latest/userguide/cloudwatch-metrics.html.
    AWS/Backup: https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html; the dimension was not looked up
        there but seen in public programs.
    AWS/Lambda: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from components.observability.names import METRIC, NAMESPACE

RUNBOOK: Final = "docs/runbooks/alarms.md"
SPOT_RULE: Final = "spot-interruption"

# `missing`: without data nobody knows, and the alarm says so. `notBreaching`: the metric is written only when there is
# something to count. `ignore`: no data says nothing new. `breaching`: what writes it has to, and silence is the alarm.
Missing = Literal["missing", "notBreaching", "ignore", "breaching"]
Comparison = Literal["GreaterThanOrEqualToThreshold", "LessThanThreshold"]
# A name or ARN, known now or only once the resource exists; nothing here looks into it.
Identifier = Any

_AT_LEAST: Final = "GreaterThanOrEqualToThreshold"
_BELOW: Final = "LessThanThreshold"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One alarm.

    Attributes:
        key: Ends its name. Stable: it is the resource's logical name.
        reason: What has happened when it goes off.
        runbook: The section of the runbook that says what to do.
        period: Seconds that one value stands for.
        periods: How many values in a row have to be beyond the threshold.
        missing: What a period without data counts as.
    """

    key: str
    reason: str
    runbook: str
    namespace: str
    metric: str
    dimensions: Mapping[str, Identifier]
    statistic: Literal["Sum", "Maximum", "Minimum"]
    period: int
    periods: int
    threshold: float
    comparison: Comparison = _AT_LEAST
    missing: Missing

    @property
    def description(self) -> str:
        """What stands in the notification."""
        return f"{self.reason} What to do: {RUNBOOK}#{self.runbook}"

    @property
    def inputs(self) -> dict[str, Any]:
        """What CloudWatch's alarm is made with, besides its name, tags and who hears of it."""
        return {
            "alarm_description": self.description,
            "namespace": self.namespace,
            "metric_name": self.metric,
            "dimensions": dict(self.dimensions),
            "statistic": self.statistic,
            "period": self.period,
            "evaluation_periods": self.periods,
            "datapoints_to_alarm": self.periods,
            "threshold": self.threshold,
            "comparison_operator": self.comparison,
            "treat_missing_data": self.missing,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What alarms are made for.

    Attributes:
        queue_name: Karpenter's interruption queue; none where AWS runs no control plane and Karpenter makes no nodes.
        rules: Names of the rules that fill it, by kind.
        nat_gateways: Ids, by the zone or `regional`.
        subnets: Names of those whose free addresses are counted.
        free_addresses: Least number of free addresses in each of them.
        certificates: ARNs in this region, by name.
        vault: Name of the vault that backups go to.
        function: Name of the function that counts them, and of the rule that starts it.
    """

    cluster_name: str
    queue_name: Identifier | None = None
    rules: Mapping[str, Identifier] = field(default_factory=dict)
    nat_gateways: Mapping[str, Identifier] = field(default_factory=dict)
    subnets: Collection[str]
    free_addresses: int
    certificates: Mapping[str, Identifier] = field(default_factory=dict)
    vault: Identifier
    function: str


def plan(watched: Watched) -> list[Alarm]:
    """Return every alarm of the stack's region, keys unique."""
    return [
        *([_unschedulable(watched), _queue_age(watched)] if watched.queue_name is not None else []),
        *_rules(watched),
        *(alarm for zone, id_ in watched.nat_gateways.items() for alarm in _nat_gateway(zone, id_)),
        *(_subnet(watched, name) for name in watched.subnets),
        *_function(watched),
        _backups(watched),
        *(certificate(name, arn) for name, arn in watched.certificates.items()),
    ]


def certificate(name: str, arn: Identifier) -> Alarm:
    """Watch a certificate; the metric exists in the certificate's region only."""
    return Alarm(
        key=f"certificate-{name}",
        reason="A certificate has less than 30 days left: ACM should have renewed it long before.",
        runbook="certificate",
        namespace="AWS/CertificateManager",
        metric="DaysToExpiry",
        dimensions={"CertificateArn": arn},
        statistic="Minimum",
        period=86_400,
        periods=1,
        threshold=30,
        comparison=_BELOW,
        # None comes any more once it has expired: the alarm then has to stay on, and off before the first day's value.
        missing="ignore",
    )


def _unschedulable(watched: Watched) -> Alarm:
    return Alarm(
        key="unschedulable-pods",
        reason="Pods have found no node for 15 minutes; Karpenter has one ready within two: it cannot or may not.",
        runbook="unschedulable-pods",
        namespace="AWS/EKS",
        metric="scheduler_pending_pods_UNSCHEDULABLE",
        dimensions={"ClusterName": watched.cluster_name},
        statistic="Sum",
        period=60,
        periods=15,
        threshold=1,
        # The control plane writes it every minute, zero as well.
        missing="missing",
    )


def _queue_age(watched: Watched) -> Alarm:
    return Alarm(
        key="interruption-queue-age",
        reason="A notice lies unread for a minute, and its node has two: Karpenter does not read its queue.",
        runbook="interruption-queue",
        namespace="AWS/SQS",
        metric="ApproximateAgeOfOldestMessage",
        dimensions={"QueueName": watched.queue_name},
        statistic="Maximum",
        period=60,
        periods=3,
        threshold=60,
        # A queue without traffic for hours writes nothing.
        missing="notBreaching",
    )


def _rules(watched: Watched) -> Iterator[Alarm]:
    if SPOT_RULE in watched.rules:
        yield Alarm(
            key="spot-interruption",
            reason="AWS takes a spot instance back. Karpenter drains it; nothing to do unless it comes often.",
            runbook="spot-interruption",
            namespace="AWS/Events",
            metric="TriggeredRules",
            dimensions={"RuleName": watched.rules[SPOT_RULE]},
            statistic="Sum",
            period=300,
            periods=1,
            threshold=1,
            missing="notBreaching",
        )
    yield from (_undelivered(kind, name) for kind, name in watched.rules.items())


def _undelivered(kind: str, rule: Identifier) -> Alarm:
    return Alarm(
        key=f"undelivered-{kind}",
        reason="EventBridge gave up on delivering an event to this rule's target.",
        runbook="undelivered-events",
        namespace="AWS/Events",
        metric="FailedInvocations",
        dimensions={"RuleName": rule},
        statistic="Sum",
        period=300,
        periods=1,
        threshold=1,
        missing="notBreaching",
    )


def _nat_gateway(zone: str, id_: Identifier) -> Iterator[Alarm]:
    yield Alarm(
        key=f"nat-ports-{zone}",
        reason="A NAT gateway has no port left for one destination: connections to it fail.",
        runbook="nat-gateway",
        namespace="AWS/NATGateway",
        metric="ErrorPortAllocation",
        dimensions={"NatGatewayId": id_},
        statistic="Sum",
        period=300,
        periods=1,
        threshold=1,
        missing="notBreaching",
    )
    yield Alarm(
        key=f"nat-drops-{zone}",
        reason="A NAT gateway has dropped packets for 15 minutes on end: it or its zone is ill.",
        runbook="nat-gateway",
        namespace="AWS/NATGateway",
        metric="PacketsDropCount",
        dimensions={"NatGatewayId": id_},
        statistic="Sum",
        period=300,
        # A dropped packet now and then is normal.
        periods=3,
        threshold=1,
        missing="notBreaching",
    )


def _subnet(watched: Watched, name: str) -> Alarm:
    return Alarm(
        key=f"free-addresses-{name}",
        reason=f"A subnet has less than {watched.free_addresses} free addresses: soon nodes or pods get none.",
        runbook="free-addresses",
        namespace=NAMESPACE,
        metric=METRIC,
        dimensions={"ClusterName": watched.cluster_name, "Subnet": name},
        statistic="Minimum",
        period=300,
        periods=3,
        threshold=watched.free_addresses,
        comparison=_BELOW,
        # Nobody counted; why is what the function's own alarms say.
        missing="missing",
    )


def _backups(watched: Watched) -> Alarm:
    return Alarm(
        key="failed-backups",
        reason="A backup of the file system or of a volume has failed; the one before it is a day old.",
        runbook="failed-backups",
        namespace="AWS/Backup",
        metric="NumberOfBackupJobsFailed",
        dimensions={"BackupVaultName": watched.vault},
        statistic="Sum",
        period=3600,
        periods=1,
        threshold=1,
        missing="notBreaching",
    )


def _function(watched: Watched) -> Iterator[Alarm]:
    yield Alarm(
        key="free-addresses-function",
        reason="The function that counts free addresses has failed three times in a row: the alarms on them are blind.",
        runbook="free-addresses",
        namespace="AWS/Lambda",
        metric="Errors",
        dimensions={"FunctionName": watched.function},
        statistic="Sum",
        period=300,
        periods=3,
        threshold=1,
        missing="notBreaching",
    )
    yield _undelivered("free-addresses-schedule", watched.function)

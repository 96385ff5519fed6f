"""What the dashboard shows, as the JSON that CloudWatch takes.

Grid and limits: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from components.observability.names import METRIC, NAMESPACE

COLUMNS: Final = 24
MOST_ALARMS: Final = 100
_HEIGHT: Final = 6
_EKS: Final = "AWS/EKS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A certificate, and the region that its metric is in."""

    arn: str
    region: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What the dashboard is about.

    Attributes:
        alarm_arns: Of the stack's region.
        queue_name: Karpenter's; without it nothing is shown of Karpenter nor of a control plane of AWS.
        rules: Names of the rules that fill the interruption queue, by kind.
        nat_gateways: Ids, by the zone or `regional`.
        subnets: Names of those whose free addresses are counted.
        free_addresses: Drawn as a line; below it there is an alarm.
        certificates: By name.
    """

    cluster_name: str
    region: str
    alarm_arns: Sequence[str]
    queue_name: str | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    nat_gateways: Mapping[str, str] = field(default_factory=dict)
    subnets: Iterable[str]
    free_addresses: int
    certificates: Mapping[str, Certificate] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Widget:
    """One field of the grid, without its place."""

    type: str
    properties: Mapping[str, Any]
    width: int
    height: int = _HEIGHT


def body(shown: Shown) -> str:
    """Return the dashboard's content."""
    widgets = list(_placed(_rows(shown)))
    return json.dumps({"start": "-PT6H", "periodOverride": "inherit", "widgets": widgets})


def _placed(rows: Iterable[Sequence[Widget]]) -> Iterator[dict[str, Any]]:
    """Lay each row out from the left, and the rows below each other."""
    y = 0
    for row in rows:
        x = 0
        for widget in row:
            yield {
                "type": widget.type,
                "x": x,
                "y": y,
                "width": widget.width,
                "height": widget.height,
                "properties": dict(widget.properties),
            }
            x += widget.width
        y += max(widget.height for widget in row)


def _rows(shown: Shown) -> Iterator[list[Widget]]:
    arns = shown.alarm_arns
    yield from ([_alarms(arns[at : at + MOST_ALARMS])] for at in range(0, len(arns), MOST_ALARMS))
    if shown.queue_name is not None:
        yield _pods(shown)
        yield _api_server(shown)
        yield _interruptions(shown)
    if shown.nat_gateways:
        yield _nat(shown)
    if shown.certificates:
        yield [_addresses(shown, 12), _certificates(shown, 12)]
    else:
        yield [_addresses(shown, COLUMNS)]


def _alarms(arns: Sequence[str]) -> Widget:
    # Twelve stand beside each other.
    height = min(_HEIGHT, 1 + -(-len(arns) // 12))
    return Widget(type="alarm", properties={"title": "Alarms", "alarms": list(arns)}, width=COLUMNS, height=height)


def _graph(
    shown: Shown, title: str, metrics: Sequence[list[Any]], *, width: int, stat: str = "Sum", period: int = 60
) -> Widget:
    return Widget(
        type="metric",
        properties={
            "title": title,
            "region": shown.region,
            "view": "timeSeries",
            "stat": stat,
            "period": period,
            "metrics": list(metrics),
        },
        width=width,
    )


def _eks(shown: Shown, labels: Mapping[str, str]) -> list[list[Any]]:
    return [[_EKS, metric, "ClusterName", shown.cluster_name, {"label": label}] for metric, label in labels.items()]


def _pods(shown: Shown) -> list[Widget]:
    pending = {
        "scheduler_pending_pods": "pending",
        "scheduler_pending_pods_UNSCHEDULABLE": "no node fits",
        "scheduler_pending_pods_GATED": "gated",
    }
    attempts = {
        "scheduler_schedule_attempts_SCHEDULED": "placed",
        "scheduler_schedule_attempts_UNSCHEDULABLE": "no node fits",
        "scheduler_schedule_attempts_ERROR": "failed",
    }
    return [
        _graph(shown, "Pods without a node", _eks(shown, pending), width=12),
        _graph(shown, "Scheduler, attempts per minute", _eks(shown, attempts), width=12),
    ]


def _api_server(shown: Shown) -> list[Widget]:
    requests = {"apiserver_request_total_429": "throttled", "apiserver_request_total_5XX": "failed"}
    latency = {f"apiserver_request_duration_seconds_{verb}_P99": verb for verb in ("GET", "LIST", "POST", "PUT")}
    size = {"etcd_mvcc_db_total_size_in_use_in_bytes": "in use"}
    return [
        _graph(shown, "API server, refused requests per minute", _eks(shown, requests), width=8),
        # A percentile already: another one of it would mean nothing.
        _graph(shown, "API server, 99th percentile in seconds", _eks(shown, latency), width=8, stat="Average"),
        _graph(shown, "etcd, bytes", _eks(shown, size), width=8, stat="Maximum", period=300),
    ]


def _interruptions(shown: Shown) -> list[Widget]:
    rules = [["AWS/Events", "TriggeredRules", "RuleName", name, {"label": kind}] for kind, name in shown.rules.items()]
    failed = [
        ["AWS/Events", "FailedInvocations", "RuleName", name, {"label": f"{kind}, undelivered"}]
        for kind, name in shown.rules.items()
    ]
    queue = ["QueueName", shown.queue_name]
    messages = [
        ["AWS/SQS", "NumberOfMessagesSent", *queue, {"label": "in"}],
        ["AWS/SQS", "NumberOfMessagesDeleted", *queue, {"label": "handled"}],
    ]
    age = [["AWS/SQS", "ApproximateAgeOfOldestMessage", *queue, {"label": "seconds"}]]
    return [
        _graph(shown, "Interruptions by kind", [*rules, *failed], width=8, period=300),
        _graph(shown, "Interruption queue, messages", messages, width=8, period=300),
        _graph(shown, "Interruption queue, age of the oldest", age, width=8, stat="Maximum"),
    ]


def _nat(shown: Shown) -> list[Widget]:
    def metrics(labels: Mapping[str, str]) -> list[list[Any]]:
        return [
            ["AWS/NATGateway", metric, "NatGatewayId", id_, {"label": f"{zone}, {label}"}]
            for zone, id_ in shown.nat_gateways.items()
            for metric, label in labels.items()
        ]

    traffic = {"BytesOutToDestination": "out", "BytesInFromDestination": "in"}
    errors = {"ErrorPortAllocation": "no port left", "PacketsDropCount": "packets dropped"}
    return [
        _graph(shown, "NAT gateways, bytes in five minutes", metrics(traffic), width=12, period=300),
        _graph(shown, "NAT gateways, errors in five minutes", metrics(errors), width=12, period=300),
    ]


def _addresses(shown: Shown, width: int) -> Widget:
    metrics = [
        [NAMESPACE, METRIC, "ClusterName", shown.cluster_name, "Subnet", name, {"label": name}]
        for name in shown.subnets
    ]
    graph = _graph(shown, "Free addresses by subnet", metrics, width=width, stat="Minimum", period=300)
    line = {"label": "alarm below", "value": shown.free_addresses}
    return replace(graph, properties={**graph.properties, "annotations": {"horizontal": [line]}})


def _certificates(shown: Shown, width: int) -> Widget:
    metrics = [
        [
            "AWS/CertificateManager",
            "DaysToExpiry",
            "CertificateArn",
            certificate.arn,
            {"label": name, "region": certificate.region},
        ]
        for name, certificate in shown.certificates.items()
    ]
    graph = _graph(shown, "Certificates, days left", metrics, width=width, stat="Minimum", period=86_400)
    return replace(graph, properties={**graph.properties, "view": "singleValue"})

"""The dashboard against CloudWatch's documented structure: a grid of 24 columns, limits, known widgets."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from components.karpenter.names import RULE_KINDS
from components.observability import alarms, dashboard
from components.observability.dashboard import Certificate, Shown
from components.observability.names import METRIC, NAMESPACE
from tests.unit.test_alarms import EXAMPLE as WATCHED

Widget = dict[str, Any]
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html and
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html.
MOST_WIDGETS: Final = 500
MOST_METRICS: Final = (500, 2500)
MOST_ALARMS: Final = 100
PROPERTIES: Final = {
    "metric": {"title", "region", "view", "stat", "period", "metrics", "annotations"},
    "alarm": {"title", "alarms"},
}
ARN: Final = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:demo-"
EXAMPLE: Final = Shown(
    cluster_name="demo",
    region="eu-west-1",
    alarm_arns=[f"{ARN}{alarm.key}" for alarm in alarms.plan(WATCHED)],
    queue_name="demo-karpenter",
    rules=WATCHED.rules,
    nat_gateways=WATCHED.nat_gateways,
    subnets=WATCHED.subnets,
    free_addresses=64,
    certificates={
        "domain": Certificate(arn="arn:1", region="eu-west-1"),
        "global-images": Certificate(arn="arn:2", region="us-east-1"),
    },
)
NAMES: Final = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
SHOWN: Final = st.builds(
    lambda alarm_count, zones, subnets, certificates, rules: replace(
        EXAMPLE,
        alarm_arns=[f"{ARN}{number}" for number in range(alarm_count)],
        rules={kind: kind for kind in rules},
        nat_gateways={zone: f"nat-{zone}" for zone in zones},
        subnets=subnets,
        certificates={name: Certificate(arn=name, region="us-east-1") for name in certificates},
    ),
    st.integers(1, 250),
    st.lists(NAMES, max_size=6, unique=True),
    st.lists(NAMES, min_size=1, max_size=24, unique=True),
    st.lists(NAMES, max_size=5, unique=True),
    st.lists(st.sampled_from(RULE_KINDS), unique=True),
)


def widgets(shown: Shown) -> list[Widget]:
    found: list[Widget] = json.loads(dashboard.body(shown))["widgets"]
    return found


def misplaced(placed: list[Widget]) -> list[str]:
    """What lies outside the grid or on something else."""
    outside = [
        widget["properties"]["title"]
        for widget in placed
        if widget["x"] < 0 or widget["y"] < 0 or widget["x"] + widget["width"] > 24 or min(_size(widget)) < 1
    ]
    covered = [
        f"{one['properties']['title']} and {other['properties']['title']}"
        for one, other in combinations(placed, 2)
        if _overlap(one, other, "x", "width") and _overlap(one, other, "y", "height")
    ]
    return outside + covered


def refused(placed: list[Widget]) -> list[str]:
    """What CloudWatch would not take."""
    faults = [] if len(placed) <= MOST_WIDGETS else [f"{len(placed)} widgets"]
    for widget in placed:
        properties = widget["properties"]
        title = properties["title"]
        if set(properties) - PROPERTIES[widget["type"]]:
            faults.append(f"{title}: unknown properties")
        if not all(widget[axis] >= 0 for axis in "xy") or not 1 <= widget["height"] <= 1000:
            faults.append(f"{title}: place")
        if widget["type"] == "alarm" and not 1 <= len(properties["alarms"]) <= MOST_ALARMS:
            faults.append(f"{title}: {len(properties['alarms'])} alarms")
        metrics = properties.get("metrics", [])
        faults += [f"{title}: {metric}" for metric in metrics if not _is_metric(metric)]
        if len(metrics) > MOST_METRICS[0]:
            faults.append(f"{title}: {len(metrics)} metrics")
    if sum(len(widget["properties"].get("metrics", [])) for widget in placed) > MOST_METRICS[1]:
        faults.append("too many metrics")
    return faults


def _size(widget: Widget) -> tuple[int, int]:
    return widget["width"], widget["height"]


def _overlap(one: Widget, other: Widget, at: str, size: str) -> bool:
    return bool(one[at] < other[at] + other[size] and other[at] < one[at] + one[size])


def _is_metric(metric: list[Any]) -> bool:
    *words, options = metric
    # Namespace and name, then pairs of dimension and value; all of them texts.
    return len(words) % 2 == 0 and all(isinstance(word, str) and word for word in words) and isinstance(options, dict)


def shown_metrics(placed: list[Widget]) -> set[tuple[str, str]]:
    return {(metric[0], metric[1]) for widget in placed for metric in widget["properties"].get("metrics", [])}


@given(SHOWN)
def test_nothing_covers_anything(shown: Shown) -> None:
    """Whatever is watched, no two widgets overlap and none leaves the 24 columns."""
    assert misplaced(widgets(shown)) == []


@given(SHOWN)
def test_rows_are_full(shown: Shown) -> None:
    """No gap: every row is 24 columns wide."""
    rows: dict[int, int] = {}
    for widget in widgets(shown):
        rows[widget["y"]] = rows.get(widget["y"], 0) + widget["width"]
    assert set(rows.values()) == {24}


@given(SHOWN)
def test_cloudwatch_takes_it(shown: Shown) -> None:
    """The structure is the documented one, within its limits."""
    assert refused(widgets(shown)) == []


def test_the_checks_see_what_is_wrong() -> None:
    """A widget moved onto another, one too wide, one alarm too many and a dimension without a value are reported."""
    placed = widgets(EXAMPLE)
    assert misplaced([*placed[:2], {**placed[2], "x": placed[1]["x"]}]) != []
    assert misplaced([{**placed[0], "width": 25}]) != []
    many = {**placed[0], "properties": {"title": "Alarms", "alarms": ["arn"] * 101}}
    assert refused([many]) == ["Alarms: 101 alarms"]
    torn = {**placed[1], "properties": {**placed[1]["properties"], "metrics": [["AWS/EKS", "m", "ClusterName", {}]]}}
    assert len(refused([torn])) == 1


def test_every_alarm_is_on_it() -> None:
    """The alarm widgets together name every alarm of the region, and what each alarm looks at is drawn."""
    placed = widgets(EXAMPLE)
    named = [arn for widget in placed for arn in widget["properties"].get("alarms", [])]
    assert named == list(EXAMPLE.alarm_arns)
    # What should stay at nothing needs no line; its alarm is on the dashboard.
    drawn = shown_metrics(placed) | {("AWS/Lambda", "Errors"), ("AWS/Backup", "NumberOfBackupJobsFailed")}
    assert {(alarm.namespace, alarm.metric) for alarm in alarms.plan(WATCHED)} <= drawn


def test_what_is_not_there_takes_no_room() -> None:
    """Without NAT gateways and certificates there are no widgets for them."""
    bare = widgets(replace(EXAMPLE, nat_gateways={}, certificates={}))
    assert {namespace for namespace, _ in shown_metrics(bare)} == {"AWS/EKS", "AWS/Events", "AWS/SQS", NAMESPACE}
    assert len(bare) == len(widgets(EXAMPLE)) - 3


def test_each_subnet_gateway_and_kind_has_its_line() -> None:
    """One line a subnet, two a gateway and kind, one a certificate, in the certificate's own region."""
    metrics = [metric for widget in widgets(EXAMPLE) for metric in widget["properties"].get("metrics", [])]
    labels = {metric[-1]["label"] for metric in metrics}
    assert set(EXAMPLE.subnets) <= labels
    assert {f"{zone}, {word}" for zone in "ab" for word in ("in", "out", "no port left", "packets dropped")} <= labels
    assert set(EXAMPLE.rules) | {f"{kind}, undelivered" for kind in EXAMPLE.rules} <= labels
    regions = {metric[-1]["label"]: metric[-1].get("region") for metric in metrics if metric[1] == "DaysToExpiry"}
    assert regions == {"domain": "eu-west-1", "global-images": "us-east-1"}
    lines = [w["properties"]["annotations"]["horizontal"] for w in widgets(EXAMPLE) if "annotations" in w["properties"]]
    assert [[line["value"] for line in group] for group in lines] == [[64]]
    assert METRIC in {metric[1] for metric in metrics}

"""Rules of CloudWatch's alarms and dashboards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.aws.refusals.topics import reaches

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"

ACTIONS = ("alarmActions", "okActions", "insufficientDataActions")
MOST_ACTIONS = 5
MOST_METRICS = 10
HOUR, DAY, WEEK = 3600, 86400, 604800
WIDGETS = ("alarm", "custom", "explorer", "log", "metric", "text")
MOST_WIDGETS = 500
COLUMNS = 24
# What a widget cannot do without (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
# CloudWatch-Dashboard-Body-Structure.html).
NEEDED = {"alarm": ("alarms",), "log": ("query", "region"), "metric": ("region",), "text": ("markdown",)}


@rule(ALARM, at="check")
def alarm_actions(case: Case) -> None:
    """An alarm has at most five actions of a kind, and publishes to topics of its own region."""
    for kind in ACTIONS:
        actions = case[kind] or []
        if len(actions) > MOST_ACTIONS:
            raise _invalid(f"Member must have length less than or equal to {MOST_ACTIONS}: {kind}")
        for region in (action.split(":")[3] for action in actions if isinstance(action, str) and ":sns:" in action):
            if region != case.session.region:
                raise _invalid(f"Invalid region {region} specified. Only {case.session.region} is supported.")


@rule(ALARM, at="check")
def alarm_window(case: Case) -> None:
    """A period is one of those that CloudWatch keeps; all of them together are a day, or a week when they are long."""
    period, periods, points = case["period"], case["evaluationPeriods"], case["datapointsToAlarm"]
    if isinstance(period, int):
        if period not in (10, 20, 30) and (period <= 0 or period % 60):
            raise _invalid("Period must be 10, 20, 30 or a multiple of 60")
        long = period >= HOUR
        window = period * int(periods or 0)
        if window > (WEEK if long else DAY):
            span = (
                f"a week (EvaluationPeriods * Period must be <= {WEEK})"
                if long
                else (f"a day (EvaluationPeriods * Period must be <= {DAY})")
            )
            which = f"{'>=' if long else '<'} {HOUR}"
            raise _invalid(f"Metrics cannot be checked across more than {span} for alarms using period {which}")
    if isinstance(periods, int) and isinstance(points, int) and points > periods:
        raise _invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods")


@rule(ALARM, at="check")
def alarm_metric(case: Case) -> None:
    """An alarm watches one metric by one statistic, or one result among several metrics."""
    given = {name for name, value in case.inputs.items() if value is not None}
    if "evaluationCriteria" in given:
        return
    if missing := sorted({"comparisonOperator", "evaluationPeriods"} - given):
        raise _invalid(f"An alarm needs {', '.join(missing)}")
    if not given & {"threshold", "thresholdMetricId"}:
        raise _invalid("Threshold or ThresholdMetricId is required")
    if ("metricName" in given) == ("metricQueries" in given):
        raise _invalid("Exactly one of MetricName and Metrics is required")
    if "metricName" in given:
        if len(given & {"statistic", "extendedStatistic"}) != 1:
            raise _invalid("Exactly one of Statistic and ExtendedStatistic is required")
        if missing := sorted({"namespace", "period"} - given):
            raise _invalid(f"An alarm on a metric needs {', '.join(missing)}")
        return
    _queries([query for query in case["metricQueries"] or [] if isinstance(query, dict)])


def _queries(queries: list[dict[str, Any]]) -> None:
    if sum(query.get("returnData") is True for query in queries) != 1:
        raise _invalid("Metrics list must contain exactly one metric matching the ReturnData=true")
    if sum("metric" in query for query in queries) > MOST_METRICS:
        raise _invalid(f"Metrics list must not hold more than {MOST_METRICS} metrics")
    for query in queries:
        if ("metric" in query) == ("expression" in query):
            raise _invalid(f"{query.get('id')}: either a metric or an expression")
        if "SEARCH(" in str(query.get("expression", "")):
            raise _invalid("SEARCH is not supported on Metric Alarms.")
        if isinstance(query.get("id"), str) and not re.fullmatch(r"[a-z]\w*", query["id"]):
            raise _invalid(f"Invalid metric id {query['id']}: it begins with a lowercase letter")


@rule(ALARM, at="create")
def alarm_name(case: Case) -> None:
    """A new alarm does not replace another of the same name, which CloudWatch would do without a word."""
    if case.call("cloudwatch", "describe_alarms", AlarmNames=[case["name"]])["MetricAlarms"]:
        raise _invalid(f"CloudWatch metric alarm {case['name']} already exists")


@rule(ALARM, at="create")
@rule(ALARM, at="update")
def alarm_is_heard(case: Case) -> None:
    """CloudWatch may publish to the topics of an alarm, and use their keys."""
    for arn in sorted({action for kind in ACTIONS for action in case[kind] or [] if ":sns:" in str(action)}):
        reaches(case, arn, "cloudwatch.amazonaws.com", f"alarm {case['name']}")


@rule(DASHBOARD, at="check")
def dashboard(case: Case) -> None:
    """A dashboard's body is JSON, and its widgets lie within the grid and have what they need."""
    name, body = case["dashboardName"], case["dashboardBody"]
    if isinstance(name, str) and not re.fullmatch(r"[\w-]{1,255}", name):
        raise error("InvalidParameterValue", "PutDashboard", f"The value {name} for field DashboardName is invalid")
    if not isinstance(body, str):
        return
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("widgets"), list):
        raise _dashboard(["/ The dashboard body is no JSON object with a list of widgets"])
    if len(content["widgets"]) > MOST_WIDGETS:
        raise _dashboard([f"/widgets Should not have more than {MOST_WIDGETS} items"])
    if found := [text for at, one in enumerate(content["widgets"]) for text in _widget(f"/widgets/{at}", one)]:
        raise _dashboard(found)


def _widget(path: str, widget: Any) -> Iterator[str]:
    if not isinstance(widget, dict) or widget.get("type") not in WIDGETS:
        yield f"{path}/type Should be one of {', '.join(WIDGETS)}"
        return
    x, y = widget.get("x", 0), widget.get("y", 0)
    width, height = widget.get("width", 6), widget.get("height", 6)
    if not (0 <= x < COLUMNS and 1 <= width <= COLUMNS and x + width <= COLUMNS):
        yield f"{path} Should lie within the {COLUMNS} columns"
    if y < 0 or not 1 <= height <= 1000:
        yield f"{path} Should have y >= 0 and a height of 1 to 1000"
    properties = widget.get("properties")
    if not isinstance(properties, dict):
        yield f"{path} Should have required property 'properties'"
        return
    for name in NEEDED.get(widget["type"], ()):
        if not properties.get(name):
            yield f"{path}/properties Should have required property '{name}'"


def _dashboard(found: list[str]) -> AwsError:
    reason = f"The dashboard body is invalid, there are {len(found)} validation errors: {'; '.join(found)}"
    return error("InvalidParameterInput", "PutDashboard", reason)


def _invalid(message: str) -> AwsError:
    return error("ValidationError", "PutMetricAlarm", message)

"""Alarms on control planes that AWS does not run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from components.self_managed import alarms
from components.self_managed.machine_alarms import MachineAlarms, MachineAlarmsArgs
from tests.captures import Capture
from tests.conftest import ACCOUNT, CaptureProgram
from tests.storage import PLACE, TAGS

ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC: Final = f"arn:aws:sns:ap-northeast-2:{ACCOUNT}:demo-alarms"
ROOT: Final = Path(__file__).resolve().parents[2]
PLANNED: Final = {alarm.key: alarm for alarm in alarms.plan("demo")}


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(
        lambda: MachineAlarms("alarms", MachineAlarmsArgs(cluster_name="demo", topic_arn=TOPIC, place=PLACE))
    )


def test_each_planned_alarm_reaches_the_topic(captured: Capture) -> None:
    """What the planner says reaches AWS under a stable name and tells the topic of both ends."""
    found = {alarm.name: alarm.inputs for alarm in captured.of_type(ALARM)}
    assert found.keys() == {f"alarms-{key}" for key in PLANNED}
    for key, alarm in PLANNED.items():
        inputs = found[f"alarms-{key}"]
        assert (inputs["name"], inputs["alarmActions"], inputs["okActions"]) == (f"demo-{key}", [TOPIC], [TOPIC])
        assert (inputs["metricName"], inputs["threshold"], inputs["tags"]) == (alarm.metric, alarm.threshold, TAGS)


def test_silence_is_an_alarm(captured: Capture) -> None:
    """A control plane that reports nothing is no healthy one."""
    assert {alarm.inputs["treatMissingData"] for alarm in captured.of_type(ALARM)} == {"breaching"}


def test_a_snapshot_may_fail_twice_and_no_more() -> None:
    """Snapshots come every 15 minutes: one that is older than 45 has had three chances."""
    alarm = PLANNED["etcd-snapshot-age"]
    assert (alarm.threshold, alarm.statistic, alarm.comparison) == (45 * 60, "Maximum", "GreaterThanOrEqualToThreshold")
    assert alarm.period * alarm.periods <= 30 * 60


def test_certificates_leave_a_quarter_of_a_year() -> None:
    """The certificate that ends first counts, and there is time to find out why none was renewed."""
    alarm = PLANNED["control-plane-certificates"]
    assert (alarm.threshold, alarm.statistic, alarm.comparison) == (90, "Minimum", "LessThanThreshold")


def test_metrics_are_those_that_machines_write() -> None:
    """Namespace, names and the one dimension are the same on both sides; an alarm on another name would never end."""
    machine = (ROOT / "components/self_managed/boot/machine.py").read_text(encoding="utf-8")
    for alarm in PLANNED.values():
        assert f'"{alarm.metric}"' in machine
        assert f'"{alarm.namespace}"' in machine
        assert list(alarm.dimensions) == re.findall(r'"Name": "(\w+)", "Value"', machine)


def test_each_alarm_has_its_section_in_the_runbook() -> None:
    """Who is called at night finds what to do under the link of the notification."""
    text = (ROOT / "docs/runbooks/alarms.md").read_text(encoding="utf-8")
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert {alarm.runbook for alarm in PLANNED.values()} <= anchors


def test_periods_are_allowed_by_cloudwatch() -> None:
    """An alarm looks back over a day at most when its period is below an hour, and over a week at most otherwise."""
    for alarm in PLANNED.values():
        assert alarm.period % 60 == 0
        assert alarm.period * alarm.periods <= (86_400 if alarm.period < 3600 else 7 * 86_400)

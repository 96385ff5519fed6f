"""The planner of alarms: what is watched, and that nothing of it can be left out unnoticed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.karpenter.names import RULE_KINDS
from components.observability import alarms
from components.observability.alarms import Alarm, Watched
from components.observability.names import METRIC, NAMESPACE
from components.self_managed import alarms as machine_alarms

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE: Final = Watched(
    cluster_name="demo",
    queue_name="demo-karpenter",
    rules={kind: f"demo-karpenter-{kind}" for kind in RULE_KINDS},
    nat_gateways={"a": "nat-a", "b": "nat-b"},
    subnets=["private-a", "private-b"],
    free_addresses=64,
    certificates={"domain": "arn:aws:acm:eu-west-1:123456789012:certificate/1"},
    vault="demo",
    function="demo-free-addresses",
)
# Everything that has to be heard of, as metric and dimensions.
WANTED: Final = {
    ("AWS/EKS", "scheduler_pending_pods_UNSCHEDULABLE", "ClusterName=demo"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName=demo-karpenter"),
    ("AWS/Events", "TriggeredRules", "RuleName=demo-karpenter-spot-interruption"),
    *(("AWS/Events", "FailedInvocations", f"RuleName=demo-karpenter-{kind}") for kind in RULE_KINDS),
    ("AWS/Events", "FailedInvocations", "RuleName=demo-free-addresses"),
    ("AWS/NATGateway", "ErrorPortAllocation", "NatGatewayId=nat-a"),
    ("AWS/NATGateway", "ErrorPortAllocation", "NatGatewayId=nat-b"),
    ("AWS/NATGateway", "PacketsDropCount", "NatGatewayId=nat-a"),
    ("AWS/NATGateway", "PacketsDropCount", "NatGatewayId=nat-b"),
    (NAMESPACE, METRIC, "ClusterName=demo,Subnet=private-a"),
    (NAMESPACE, METRIC, "ClusterName=demo,Subnet=private-b"),
    ("AWS/Backup", "NumberOfBackupJobsFailed", "BackupVaultName=demo"),
    ("AWS/Lambda", "Errors", "FunctionName=demo-free-addresses"),
    (
        "AWS/CertificateManager",
        "DaysToExpiry",
        "CertificateArn=arn:aws:acm:eu-west-1:123456789012:certificate/1",
    ),
}
# Alarms for which no data is no good news.
SILENT: Final = {"unschedulable-pods", "free-addresses-private-a", "free-addresses-private-b", "certificate-domain"}
NAMES: Final = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)


def watched(planned: list[Alarm]) -> set[tuple[str, str, str]]:
    return {
        (
            alarm.namespace,
            alarm.metric,
            ",".join(f"{name}={value}" for name, value in sorted(alarm.dimensions.items())),
        )
        for alarm in planned
    }


def sections(runbook: str) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    headings = re.findall(r"^## (.+)$", runbook, re.MULTILINE)
    return {heading.lower().replace(" ", "-") for heading in headings}


def test_everything_is_watched() -> None:
    """Each thing that can fail has its alarm, and nothing else has one."""
    assert watched(alarms.plan(EXAMPLE)) == WANTED


@pytest.mark.parametrize("position", range(len(alarms.plan(EXAMPLE))))
def test_a_missing_alarm_is_noticed(position: int) -> None:
    """Without any one of the alarms something would be unwatched."""
    planned = alarms.plan(EXAMPLE)
    assert watched(planned[:position] + planned[position + 1 :]) != WANTED


@given(
    zones=st.sets(NAMES, max_size=6),
    subnets=st.sets(NAMES, min_size=1, max_size=24),
    certificates=st.sets(NAMES, max_size=5),
    rules=st.sets(st.sampled_from(RULE_KINDS)),
)
def test_keys_are_unique_and_grow_with_what_is_watched(
    zones: set[str], subnets: set[str], certificates: set[str], rules: set[str]
) -> None:
    """One alarm for each thing: two a gateway, one a subnet, a rule and a certificate, and those of the cluster."""
    planned = alarms.plan(
        Watched(
            cluster_name="demo",
            queue_name="demo",
            rules={kind: kind for kind in sorted(rules)},
            nat_gateways={zone: zone for zone in sorted(zones)},
            subnets=sorted(subnets),
            free_addresses=8,
            certificates={name: name for name in sorted(certificates)},
            vault="demo",
            function="demo",
        )
    )
    keys = [alarm.key for alarm in planned]
    spot = int("spot-interruption" in rules)
    assert len(set(keys)) == len(keys) == 5 + spot + len(rules) + 2 * len(zones) + len(subnets) + len(certificates)


def test_keys_do_not_hang_on_their_order() -> None:
    """A zone more renames no alarm: the others keep their keys."""
    more = Watched(
        cluster_name="demo",
        queue_name="demo-karpenter",
        rules=EXAMPLE.rules,
        nat_gateways={"0": "nat-0", **EXAMPLE.nat_gateways},
        subnets=["private-0", *EXAMPLE.subnets],
        free_addresses=64,
        certificates=EXAMPLE.certificates,
        vault="demo",
        function="demo-free-addresses",
    )
    before, after = ({alarm.key: alarm for alarm in alarms.plan(one)} for one in (EXAMPLE, more))
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"nat-ports-0", "nat-drops-0", "free-addresses-private-0"}


def test_silence_counts_as_what_it_means() -> None:
    """A metric that is written only when there is something to count is good without data; the others are not."""
    planned = alarms.plan(EXAMPLE)
    assert {alarm.key for alarm in planned if alarm.missing != "notBreaching"} == SILENT
    # An expired certificate has no metric any more: the alarm may not end then.
    assert next(alarm for alarm in planned if alarm.key == "certificate-domain").missing == "ignore"


def test_what_runs_out_alarms_below_and_what_goes_wrong_from_a_number_on() -> None:
    """Days and addresses count by their lowest value, the age of a notice by its highest, all else by its sum."""
    below = {alarm.key for alarm in alarms.plan(EXAMPLE) if alarm.comparison == "LessThanThreshold"}
    assert below == {"certificate-domain", "free-addresses-private-a", "free-addresses-private-b"}
    by_value = {alarm.key: alarm.statistic for alarm in alarms.plan(EXAMPLE) if alarm.statistic != "Sum"}
    assert by_value == {**dict.fromkeys(below, "Minimum"), "interruption-queue-age": "Maximum"}


def test_a_launch_is_no_failure() -> None:
    """Pods may wait as long as a node takes, and an interruption notice is noticed while it is worth something."""
    planned = {alarm.key: alarm for alarm in alarms.plan(EXAMPLE)}
    pods, queue = planned["unschedulable-pods"], planned["interruption-queue-age"]
    assert pods.period * pods.periods == 15 * 60
    assert queue.threshold < 120 < queue.threshold + queue.period * queue.periods <= 300


@pytest.mark.parametrize("alarm", alarms.plan(EXAMPLE), ids=lambda alarm: alarm.key)
def test_each_says_why_and_what_to_do(alarm: Alarm) -> None:
    """The notification's text fits CloudWatch's limit and ends at a section that exists."""
    page, _, section = alarm.description.rpartition(" ")[2].partition("#")
    assert section in sections((ROOT / page).read_text(encoding="utf-8"))
    assert len(alarm.description) <= 1024


def test_the_runbook_knows_no_alarm_that_is_not_there() -> None:
    """Every section but the budget's is some alarm's, of whichever variant."""
    page = sections((ROOT / alarms.RUNBOOK).read_text(encoding="utf-8"))
    planned = (*alarms.plan(EXAMPLE), *machine_alarms.plan(EXAMPLE.cluster_name))
    assert page == {alarm.runbook for alarm in planned} | {"budget"}


@pytest.mark.parametrize("alarm", alarms.plan(EXAMPLE), ids=lambda alarm: alarm.key)
def test_cloudwatch_takes_it(alarm: Alarm) -> None:
    """Periods and evaluation spans are those that CloudWatch evaluates, and the API's own model takes every value."""
    assert alarm.period in {10, 20, 30} or alarm.period % 60 == 0
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert alarm.period * alarm.periods <= (7 * 86_400 if alarm.period >= 3600 else 86_400)
    model = boto3.session.Session().client("cloudwatch", region_name="eu-west-1").meta.service_model
    shapes: dict[str, Any] = {
        "ComparisonOperator": alarm.comparison,
        "Statistic": alarm.statistic,
    }
    for shape, value in shapes.items():
        assert value in model.shape_for(shape).enum

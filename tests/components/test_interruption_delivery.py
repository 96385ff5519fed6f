"""The registered rules and queue in an emulated EventBridge and SQS: five kinds of events arrive, noise does not.

The emulator matches patterns and delivers, but does not enforce the queue's policy: the contract's tests read that one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.captures import Capture
from tests.components.conftest import CLUSTER, Builder

RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
REGION = "ap-northeast-2"
EVENTS = [
    ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    ("aws.health", "AWS Health Event"),
    ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    ("aws.ec2", "EC2 Instance State-change Notification"),
    ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
]
NOISE = [
    ("aws.ec2", "EBS Volume Notification"),
    ("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"),
    ("example.ec2", "EC2 Spot Instance Interruption Warning"),
    ("aws.ec2", "AWS Health Event"),
]
Delivered = Callable[[Capture, list[tuple[str, str]]], list[tuple[str, str]]]


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Delivered]:
    """Build what was registered, send events, and return those that reached the queue."""
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)

    def send(captured: Capture, events: list[tuple[str, str]]) -> list[tuple[str, str]]:
        sqs, bus = boto3.client("sqs", region_name=REGION), boto3.client("events", region_name=REGION)
        url = build(captured, sqs, bus)
        entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source, kind in events]
        assert bus.put_events(Entries=entries)["FailedEntryCount"] == 0
        messages = []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages"):
            messages += [json.loads(message["Body"]) for message in batch]
        return sorted((message["source"], message["detail-type"]) for message in messages)

    with mock_aws():
        yield send


def build(captured: Capture, sqs: Any, bus: Any) -> str:
    """Create the registered queue, policy, rules and targets; return the queue's URL."""
    queue = captured.one("aws:sqs/queue:Queue", "karpenter-interruption").inputs
    policy = captured.one("aws:sqs/queuePolicy:QueuePolicy", "karpenter-interruption").inputs["policy"]
    attributes = {
        "MessageRetentionPeriod": str(queue["messageRetentionSeconds"]),
        "SqsManagedSseEnabled": str(queue["sqsManagedSseEnabled"]).lower(),
        "Policy": policy,
    }
    url = sqs.create_queue(QueueName=queue["name"], Attributes=attributes)["QueueUrl"]
    for rule in captured.of_type(RULE):
        bus.put_rule(Name=rule.inputs["name"], EventPattern=rule.inputs["eventPattern"])
    for target in captured.of_type(TARGET):
        entry = {"Id": target.inputs["targetId"], "Arn": target.inputs["arn"]}
        assert bus.put_targets(Rule=target.inputs["rule"], Targets=[entry])["FailedEntryCount"] == 0
    return str(url)


def with_pattern(captured: Capture, kind: str, **pattern: Any) -> Capture:
    """Change the pattern of one rule."""
    name = f"karpenter-{kind}"
    old = json.loads(captured.one(RULE, name).inputs["eventPattern"])
    return captured.changed(RULE, name, {"eventPattern": json.dumps({**old, **pattern})})


def test_all_five_kinds_of_events_arrive_once(karpenter: Builder, delivered: Delivered) -> None:
    """Each event that tells of a node's end becomes one message in the queue that Karpenter reads."""
    assert delivered(karpenter(), EVENTS) == sorted(EVENTS)


def test_noise_is_dropped(karpenter: Builder, delivered: Delivered) -> None:
    """Neither another kind of event nor the same kind from another source fills the queue."""
    assert delivered(karpenter(), NOISE) == []
    assert delivered(karpenter(), NOISE + EVENTS) == sorted(EVENTS)


def test_a_lost_letter_is_an_undelivered_event(karpenter: Builder, delivered: Delivered) -> None:
    """A detail-type without its first letter, as a released library has it, matches nothing; this test would see it."""
    broken = with_pattern(
        karpenter(), "instance-state-change", **{"detail-type": ["C2 Instance State-change Notification"]}
    )
    assert set(EVENTS) - set(delivered(broken, EVENTS)) == {("aws.ec2", "EC2 Instance State-change Notification")}


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("scheduled-change", {"source": ["aws.ec2"]}),
        ("spot-interruption", {"detail-type": ["EC2 Spot Instance Interruption"]}),
        ("rebalance", {"source": ["aws.ec2.spot"]}),
        ("capacity-reservation-interruption", {"detail-type": ["EC2 Capacity Reservation Interruption Warning"]}),
    ],
)
def test_every_rule_is_needed_as_it_is(
    karpenter: Builder, delivered: Delivered, kind: str, pattern: Mapping[str, Any]
) -> None:
    """A change of any one pattern loses exactly one kind of event."""
    assert len(delivered(with_pattern(karpenter(), kind, **pattern), EVENTS)) == 4


def test_queue_keeps_a_notice_five_minutes_encrypted(karpenter: Builder, delivered: Delivered) -> None:
    """The emulated queue has the retention, the encryption and the policy that were registered."""
    delivered(karpenter(), EVENTS)
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.get_queue_url(QueueName=f"{CLUSTER}-karpenter")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["MessageRetentionPeriod"], attributes["SqsManagedSseEnabled"]) == ("300", "true")
    assert [s["Effect"] for s in json.loads(attributes["Policy"])["Statement"]] == ["Allow", "Deny"]

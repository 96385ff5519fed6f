"""Rules of SNS. What AWS takes and silently loses is refused here: `AlarmLost` is no code of AWS."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

PROTOCOLS = ("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs")
MANAGED_KEY = "alias/aws/sns"
# What SNS does with a key for somebody who publishes.
KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
DEFAULT_POLICY = "__default_policy_ID"
# Whom the policy that every topic begins with lets in, beside the account: its alarms are the account's own.
BY_DEFAULT = ("cloudwatch.amazonaws.com",)

Statement = Mapping[str, Any]


def reaches(case: Case, arn: str, service: str, who: str) -> None:
    """Refuse a topic that drops what a service publishes to it.

    AWS checks nothing of this when the alarm or budget is made, and says nothing when a message is lost
    (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).

    Args:
        case: What names the topic.
        arn: The topic's.
        service: Who publishes, such as `cloudwatch.amazonaws.com`.
        who: What is lost, in words.
    """
    session = case.session.of("sns")
    try:
        attributes = session.caller.call("sns", arn.split(":")[3], "get_topic_attributes", {"TopicArn": arn})
    except AwsError as failure:
        if failure.gone:
            raise _lost(who, f"topic {arn} does not exist") from None
        raise
    topic = attributes["Attributes"]
    policy = json.loads(topic["Policy"])
    default = policy.get("Id") == DEFAULT_POLICY and service in BY_DEFAULT
    if not default and not _allows(policy, service, ("sns:Publish",)):
        raise _lost(who, f"the policy of {arn} does not let {service} publish; it has to come first")
    if key := topic.get("KmsMasterKeyId"):
        _key_serves(case, key, arn.split(":")[3], service, who)


def _key_serves(case: Case, key: str, region: str, service: str, who: str) -> None:
    if key.endswith(MANAGED_KEY):
        raise _lost(who, f"{service} may not use AWS's own key {MANAGED_KEY}")
    arn = case.session.caller.call("kms", region, "describe_key", {"KeyId": key})["KeyMetadata"]["Arn"]
    params = {"KeyId": arn, "PolicyName": "default"}
    policy = json.loads(case.session.caller.call("kms", region, "get_key_policy", params)["Policy"])
    if not _allows(policy, service, KEY_ACTIONS):
        raise _lost(who, f"the policy of key {key} does not let {service} use it ({', '.join(KEY_ACTIONS)})")


@rule(TOPIC, at="check")
def topic_settings(case: Case) -> None:
    """A topic's name is plain, and what only FIFO topics have stays with them."""
    name, fifo = case["name"], bool(case["fifoTopic"])
    pattern = r"[\w-]{1,251}\.fifo" if fifo else r"[\w-]{1,256}"
    if isinstance(name, str) and not re.fullmatch(pattern, name):
        raise error("InvalidParameter", "CreateTopic", "Invalid parameter: Topic Name")
    for setting in ("archivePolicy", "contentBasedDeduplication", "fifoThroughputScope"):
        if case[setting] and not fifo:
            raise error("InvalidParameter", "SetTopicAttributes", f"{setting} can only be set for FIFO topics")


@rule(TOPIC, at="create")
@rule(TOPIC, at="update")
def topic_key(case: Case) -> None:
    """A topic's key exists; a topic with a key that is not there delivers nothing."""
    key = case["kmsMasterKeyId"]
    if not key or str(key).endswith(MANAGED_KEY):
        return
    try:
        case.call("kms", "describe_key", KeyId=key)
    except AwsError as failure:
        if failure.gone:
            raise error("InvalidParameter", "SetTopicAttributes", f"KMS key {key} does not exist") from None
        raise


@rule(TOPIC_POLICY, at="create")
@rule(TOPIC_POLICY, at="update")
def topic_policy(case: Case) -> None:
    """A topic's policy is JSON, speaks of that topic alone, and of what SNS does."""
    try:
        statements = _statements(json.loads(case["policy"]))
        complete = all({"Effect", "Principal", "Action", "Resource"} <= {*one} for one in statements)
    except (ValueError, KeyError, TypeError, AttributeError):
        statements, complete = [], False
    if not statements or not complete:
        raise error("InvalidParameter", "SetTopicAttributes", "Invalid parameter: Policy Error: null")
    for one in statements:
        if any(not action.lower().startswith("sns:") for action in _many(one["Action"])):
            reason = "Invalid parameter: Policy statement action out of service scope!"
            raise error("InvalidParameter", "SetTopicAttributes", reason)
        if any(resource != case["arn"] for resource in _many(one["Resource"])):
            reason = "Invalid parameter: Policy Error: statement of another resource than the topic"
            raise error("InvalidParameter", "SetTopicAttributes", reason)


@rule(TOPIC_POLICY, at="create")
@rule(TOPIC_POLICY, at="update")
def alarms_stay_heard(case: Case) -> None:
    """A policy does not shut out the alarms that publish to the topic already."""
    found = case.call("cloudwatch", "describe_alarms")["MetricAlarms"]
    kinds = ("AlarmActions", "OKActions", "InsufficientDataActions")
    heard = [one["AlarmName"] for one in found if any(case["arn"] in one.get(kind, []) for kind in kinds)]
    if heard and not _allows(json.loads(case["policy"]), "cloudwatch.amazonaws.com", ("sns:Publish",)):
        raise _lost(f"alarm {heard[0]}", f"the policy of {case['arn']} does not let cloudwatch.amazonaws.com publish")


@rule(TARGET, at="create")
@rule(TARGET, at="update")
def target_is_heard(case: Case) -> None:
    """EventBridge may publish to a topic that is a target, and use its key."""
    if ":sns:" in str(case["arn"]):
        reaches(case, str(case["arn"]), "events.amazonaws.com", f"rule {case['rule']}")


@rule(SUBSCRIPTION, at="check")
def subscription(case: Case) -> None:
    """A subscription is of a protocol that SNS has, with an endpoint of that protocol."""
    protocol, endpoint, topic = case["protocol"], case["endpoint"], case["topic"]
    if protocol is not None and protocol not in PROTOCOLS:
        reason = f"Invalid parameter: Amazon SNS does not support this protocol string: {protocol}"
        raise error("InvalidParameter", "Subscribe", reason)
    if not isinstance(endpoint, str):
        return
    if protocol in ("email", "email-json") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", endpoint):
        raise error("InvalidParameter", "Subscribe", "Invalid parameter: Email address")
    if protocol in ("http", "https") and not endpoint.startswith(f"{protocol}://"):
        raise error("InvalidParameter", "Subscribe", "Invalid parameter: Endpoint must match the specified protocol")
    if isinstance(topic, str) and topic.split(":")[3:4] != [case.session.region]:
        raise error("InvalidParameter", "Subscribe", "Invalid parameter: TopicArn")


def _allows(policy: Mapping[str, Any], service: str, actions: Iterable[str]) -> bool:
    """Say whether a service may do all of it. Conditions are taken as met."""
    granted = [
        action.lower()
        for one in _statements(policy)
        if one.get("Effect") == "Allow" and service in _services(one.get("Principal"))
        for action in _many(one.get("Action"))
    ]
    return all(any(fnmatch.fnmatch(wanted.lower(), pattern) for pattern in granted) for wanted in actions)


def _services(principal: Any) -> list[str]:
    return _many(principal.get("Service")) if isinstance(principal, Mapping) else []


def _statements(policy: Mapping[str, Any]) -> list[Statement]:
    return _many(policy["Statement"])


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _lost(who: str, why: str) -> AwsError:
    return error("AlarmLost", "Publish", f"AWS takes this and loses every message of {who}: {why}")

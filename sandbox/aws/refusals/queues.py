"""Rules of SQS and EventBridge."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

# Setting → lowest and highest value.
RANGES = {
    "delaySeconds": (0, 900),
    "maxMessageSize": (1024, 1048576),
    "messageRetentionSeconds": (60, 1209600),
    "receiveWaitTimeSeconds": (0, 20),
    "visibilityTimeoutSeconds": (0, 43200),
}


@rule(QUEUE, at="check")
def queue_settings(case: Case) -> None:
    """A queue's name and numbers are within SQS's limits."""
    name = case["name"]
    pattern = r"[\w-]{1,75}\.fifo" if case["fifoQueue"] else r"[\w-]{1,80}"
    if isinstance(name, str) and not re.fullmatch(pattern, name):
        reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        raise error("InvalidParameterValue", "CreateQueue", f"{reason}: {name}")
    for setting, (low, high) in RANGES.items():
        value = case[setting]
        if value is not None and not low <= int(value) <= high:
            raise error(
                "InvalidAttributeValue",
                "CreateQueue",
                f"Invalid value for the parameter {setting}: {value} is not in {low}-{high}.",
            )
    if case["sqsManagedSseEnabled"] and case["kmsMasterKeyId"]:
        raise error(
            "InvalidAttributeValue",
            "CreateQueue",
            "You can use one type of server-side encryption (SSE) at one time. "
            "You can either enable KMS SSE or SQS SSE.",
        )


@rule(QUEUE_POLICY, at="create")
@rule(QUEUE_POLICY, at="update")
def queue_policy(case: Case) -> None:
    """A queue's policy is JSON and speaks of that queue alone."""
    arn = case.call("sqs", "get_queue_attributes", QueueUrl=case["queueUrl"], AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    try:
        document = json.loads(case["policy"])
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    except (ValueError, KeyError, TypeError):
        raise _bad_policy() from None
    for statement in statements:
        if not {"Effect", "Principal", "Action"} <= {*statement}:
            raise _bad_policy()
        resources = statement.get("Resource", [])
        named = resources if isinstance(resources, list) else [resources]
        if not named or any(resource != arn for resource in named):
            raise _bad_policy()


@rule(RULE, at="check")
def rule_form(case: Case) -> None:
    """A rule has a short plain name and a pattern or a schedule."""
    name = case["name"]
    if isinstance(name, str) and not re.fullmatch(r"[.\-_A-Za-z0-9]{1,64}", name):
        reason = (
            f"Value '{name}' at 'name' failed to satisfy constraint: "
            "Member must have length less than or equal to 64 and match [\\.\\-_A-Za-z0-9]+"
        )
        raise error("ValidationException", "PutRule", f"1 validation error detected: {reason}")
    if case.inputs.get("eventPattern") is None and case.inputs.get("scheduleExpression") is None:
        raise error(
            "ValidationException", "PutRule", "Parameter(s) EventPattern or ScheduleExpression must be specified."
        )
    pattern = case["eventPattern"]
    if pattern is not None:
        _pattern(pattern)


@rule(RULE, at="delete")
def rule_is_free(case: Case) -> None:
    """A rule that has targets stays."""
    if case["forceDestroy"]:
        return
    try:
        found = case.call(
            "events", "list_targets_by_rule", Rule=case.id, EventBusName=case["eventBusName"] or "default"
        )["Targets"]
    except AwsError as failure:
        if failure.gone:
            return
        raise
    if found:
        raise error("ValidationException", "DeleteRule", "Rule can't be deleted since it has targets.")


@rule(TARGET, at="create")
@rule(TARGET, at="update")
def target_exists(case: Case) -> None:
    """A target that is a queue exists."""
    arn = str(case["arn"])
    if ":sqs:" not in arn:
        return
    try:
        case.call("sqs", "get_queue_url", QueueName=arn.rpartition(":")[2])
    except AwsError as failure:
        if failure.gone:
            raise error(
                "ResourceNotFoundException", "PutTargets", f"The queue {arn} of the target does not exist."
            ) from None
        raise


def _bad_policy() -> AwsError:
    return error("InvalidAttributeValue", "SetQueueAttributes", "Invalid value for the parameter Policy.")


def _pattern(text: Any) -> None:
    try:
        pattern = json.loads(text)
        fine = (
            isinstance(pattern, dict)
            and bool(pattern)
            and all(isinstance(value, (list, dict)) for value in pattern.values())
        )
    except (ValueError, TypeError):
        fine = False
    if not fine:
        raise error(
            "InvalidEventPatternException",
            "PutRule",
            "Event pattern is not valid. Reason: it is no JSON object of lists and objects",
        )

"""Examples of alarms, dashboards, budgets and the functions that measure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sandbox.aws.billing_gaps import bill
from tests.sandbox.aws.world import ACCOUNT, Example, Made, World, allow, trust

TOPIC = "aws:sns/topic:Topic"
FUNCTION = "aws:lambda/function:Function"
SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
CODE = "def handler(event, context):\n    return event\n"


def archive(**files: str) -> dict[str, Any]:
    """Return an archive in the engine's form; a keyword is a file's name without `.py`."""
    assets = {
        f"{name}.py": {SIGNATURE: ASSET, "text": text, "hash": hashlib.sha256(text.encode()).hexdigest()}
        for name, text in files.items()
    }
    content = hashlib.sha256(json.dumps(assets, sort_keys=True).encode()).hexdigest()
    return {SIGNATURE: ARCHIVE, "assets": assets, "hash": content}


def topic(world: World, **more: Any) -> Made:
    return world.make(TOPIC, "topic", **more)


def function(world: World, **more: Any) -> dict[str, Any]:
    role = world.make("aws:iam/role:Role", "function", assumeRolePolicy=trust("lambda.amazonaws.com"))
    return {
        "role": role["arn"],
        "code": archive(index=CODE),
        "handler": "index.handler",
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "timeout": 30,
        "environment": {"variables": {"SUBNETS": "subnet-1"}},
        "loggingConfig": {"logFormat": "JSON", "logGroup": world.log_group["name"]},
        "tags": {"a": "b"},
        **more,
    }


def made_function(world: World, **more: Any) -> Made:
    return world.make(FUNCTION, "function", **function(world, **more))


def alarm(world: World, **more: Any) -> dict[str, Any]:
    return {
        "namespace": "AWS/SQS",
        "metricName": "ApproximateAgeOfOldestMessage",
        "dimensions": {"QueueName": "karpenter"},
        "statistic": "Maximum",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 60,
        "period": 60,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
        "alarmActions": [topic(world)["arn"]],
        "tags": {"a": "b"},
        **more,
    }


def sum_of_two(world: World) -> dict[str, Any]:
    """Return inputs of an alarm on a sum."""
    one, two = (
        {
            "id": f"m{number}",
            "metric": {
                "namespace": "AWS/NATGateway",
                "metricName": "ErrorPortAllocation",
                "dimensions": {"NatGatewayId": f"nat-{number}"},
                "period": 300,
                "stat": "Sum",
            },
        }
        for number in (1, 2)
    )
    total = {"id": "total", "expression": "SUM(METRICS())", "label": "errors", "returnData": True}
    return {
        "metricQueries": [one, two, total],
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 0,
        "evaluationPeriods": 1,
        "alarmActions": [topic(world)["arn"]],
    }


def widgets(*more: dict[str, Any]) -> str:
    metric = {
        "type": "metric",
        "x": 0,
        "y": 0,
        "width": 12,
        "height": 6,
        "properties": {"region": "eu-west-1", "metrics": [["AWS/SQS", "NumberOfMessagesSent"]]},
    }
    return json.dumps({"widgets": [metric, *more]})


def notification(threshold: float = 80, **more: Any) -> dict[str, Any]:
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "FORECASTED",
        "threshold": threshold,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": ["team@example.com"],
        **more,
    }


def budget(world: World, **more: Any) -> dict[str, Any]:
    return {
        "budgetType": "COST",
        "timeUnit": "MONTHLY",
        "limitAmount": "400",
        "limitUnit": "USD",
        "costFilters": [{"name": "TagKeyValue", "values": ["user:Project$platform"]}],
        "notifications": [notification()],
        "tags": {"a": "b"},
        **more,
    }


def billed_tag(key: str) -> dict[str, Any]:
    bill([key])
    return {"tagKey": key, "status": "Active"}


def topic_policy(world: World, **more: Any) -> dict[str, Any]:
    arn = topic(world)["arn"]
    service = {"Principal": {"Service": "cloudwatch.amazonaws.com"}}
    return {"arn": arn, "policy": allow("sns:Publish", resource=arn, **{**service, **more})}


OBSERVABILITY: dict[str, Example] = {
    TOPIC: Example(
        lambda world: {"displayName": "alarms", "kmsMasterKeyId": world.key["arn"], "tags": {"a": "b"}},
        lambda world: {"displayName": "more", "kmsMasterKeyId": None, "tags": {"a": "c"}},
        lambda world: {"name": "other"},
    ),
    "aws:sns/topicPolicy:TopicPolicy": Example(
        topic_policy,
        replace=lambda world: {"arn": topic(world)["arn"]},
        # The provider puts the default policy back: a topic always has one.
        stays=True,
    ),
    "aws:sns/topicSubscription:TopicSubscription": Example(
        lambda world: {"topic": topic(world)["arn"], "protocol": "sqs", "endpoint": world.queue["arn"]},
        lambda world: {"rawMessageDelivery": True},
        lambda world: {"endpoint": world.make("aws:sqs/queue:Queue", "other")["arn"]},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Example(
        alarm,
        lambda world: {"threshold": 90, "dimensions": {"QueueName": "other"}, "tags": {"a": "c"}},
        lambda world: {"name": "other"},
    ),
    "aws:cloudwatch/dashboard:Dashboard": Example(
        lambda world: {"dashboardName": "Karpenter-platform", "dashboardBody": widgets()},
        lambda world: {
            "dashboardBody": widgets(
                {"type": "text", "x": 0, "y": 6, "width": 24, "height": 2, "properties": {"markdown": "# Nodes"}}
            )
        },
        lambda world: {"dashboardName": "other"},
    ),
    "aws:budgets/budget:Budget": Example(
        budget,
        lambda world: {
            "limitAmount": "500",
            "notifications": [notification(80), notification(100, notificationType="ACTUAL")],
            "tags": {"a": "c"},
        },
        lambda world: {"name": "other"},
    ),
    "aws:costexplorer/costAllocationTag:CostAllocationTag": Example(
        lambda world: billed_tag("Project"),
        lambda world: {"status": "Inactive"},
        lambda world: {"tagKey": billed_tag("Environment")["tagKey"]},
        stays=True,
    ),
    FUNCTION: Example(
        function,
        lambda world: {
            "code": archive(index=CODE + "\n# more\n"),
            "environment": None,
            "timeout": 60,
            "tracingConfig": {"mode": "Active"},
            "tags": {"a": "c"},
        },
        lambda world: {"name": "other"},
        # Lambda tells where the code lies, not what it is.
        unread=("code",),
    ),
    "aws:lambda/permission:Permission": Example(
        lambda world: {
            "function": made_function(world)["name"],
            "action": "lambda:InvokeFunction",
            "principal": "events.amazonaws.com",
            "sourceArn": world.rule["arn"],
            "sourceAccount": ACCOUNT,
        },
        replace=lambda world: {"principal": "sns.amazonaws.com"},
        imported=lambda made: f"{made['function']}/{made.id}",
    ),
}

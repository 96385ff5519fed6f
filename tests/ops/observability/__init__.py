"""What tests of the finders make of CloudWatch, Lambda and Cognito, and canned answers of Budgets."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from tests.ops.storage import Inputs, Tags, client, pairs

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def make_alarm(inputs: Inputs, tags: Tags) -> str:
    client("cloudwatch").put_metric_alarm(
        AlarmName=inputs["name"],
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=3,
        Threshold=60,
        ComparisonOperator="GreaterThanThreshold",
        Tags=pairs(tags),
    )
    return str(inputs["name"])


def make_function(inputs: Inputs, tags: Tags) -> str:
    iam = client("iam")
    if not [role for role in iam.list_roles()["Roles"] if role["RoleName"] == "function"]:
        iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): ...")
    client("lambda").create_function(
        FunctionName=inputs["name"],
        Runtime="python3.13",
        Handler="index.handler",
        Role=iam.get_role(RoleName="function")["Role"]["Arn"],
        Code={"ZipFile": buffer.getvalue()},
        Tags=tags,
    )
    return str(inputs["name"])


def permission_inputs() -> Inputs:
    make_function({"name": "count"}, {})
    return {"function": "count", "statementId": "schedule-1a2b3c4"}


def make_permission(inputs: Inputs, tags: Tags) -> str:
    # Another one beside it.
    for statement in ("other", inputs["statementId"]):
        client("lambda").add_permission(
            FunctionName=inputs["function"],
            StatementId=statement,
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
        )
    return str(inputs["statementId"])


def make_pool(inputs: Inputs, tags: Tags) -> str:
    # One of another name with the same tags: pools have no unique names.
    for name in (f"{inputs['name']}-more", inputs["name"]):
        made = client("cognito-idp").create_user_pool(PoolName=name, UserPoolTags=tags)
    return str(made["UserPool"]["Id"])


def in_a_pool(**more: str) -> Callable[[], Inputs]:
    return lambda: {"userPoolId": make_pool({"name": "platform"}, {}), **more}


def make_client(inputs: Inputs, tags: Tags) -> str:
    # One of another name.
    for name in ("other", inputs["name"]):
        made = client("cognito-idp").create_user_pool_client(UserPoolId=inputs["userPoolId"], ClientName=name)
    return str(made["UserPoolClient"]["ClientId"])


def make_domain(inputs: Inputs, tags: Tags) -> str:
    client("cognito-idp").create_user_pool_domain(UserPoolId=inputs["userPoolId"], Domain=inputs["domain"])
    return str(inputs["domain"])


def make_group(inputs: Inputs, tags: Tags) -> str:
    client("cognito-idp").create_group(UserPoolId=inputs["userPoolId"], GroupName=inputs["name"])
    return f"{inputs['userPoolId']}/{inputs['name']}"


# By type: what makes the inputs, and what makes the resource with tags and returns its id.
OBSERVABILITY: dict[str, tuple[Callable[[], Inputs], Callable[[Inputs, Tags], str]]] = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": (lambda: {"name": "platform-queue-age"}, make_alarm),
    "aws:lambda/function:Function": (lambda: {"name": "platform-free-addresses"}, make_function),
    "aws:lambda/permission:Permission": (permission_inputs, make_permission),
    "aws:cognito/userPool:UserPool": (lambda: {"name": "platform"}, make_pool),
    "aws:cognito/userPoolClient:UserPoolClient": (in_a_pool(name="argocd"), make_client),
    "aws:cognito/userPoolDomain:UserPoolDomain": (in_a_pool(domain="auth-0123456789ab"), make_domain),
    "aws:cognito/userGroup:UserGroup": (in_a_pool(name="developers"), make_group),
}


def canned_budget(tags: Any) -> tuple[Inputs, tuple[tuple[str, Any], ...], str]:
    """Return inputs, answers and id of a budget; moto has no tags of budgets."""
    told = {"BudgetName": "platform-monthly", "BudgetType": "COST", "TimeUnit": "MONTHLY"}
    answers = (("describe_budget", {"Budget": told}), ("list_tags_for_resource", {"ResourceTags": tags}))
    return {"name": "platform-monthly"}, answers, "123456789012:platform-monthly"

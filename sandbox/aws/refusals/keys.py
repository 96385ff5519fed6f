"""Rules of KMS and CloudWatch Logs."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


@rule(KEY, at="check")
def key_policy(case: Case) -> None:
    """A key's policy is JSON, and somebody in the account can still change it."""
    text = case["policy"]
    if text is None:
        return
    try:
        document = json.loads(text)
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        complete = all({"Effect", "Principal", "Action", "Resource"} <= {*statement} for statement in statements)
    except (ValueError, KeyError, TypeError):
        raise error(
            "MalformedPolicyDocumentException", "CreateKey", "Policy contains invalid JSON or lacks statements."
        ) from None
    if not complete:
        raise error("MalformedPolicyDocumentException", "CreateKey", "Policy contains a statement with missing fields.")
    if not case["bypassPolicyLockoutSafetyCheck"] and not any(_administers(statement) for statement in statements):
        reason = "The new key policy will not allow you to update the key policy in the future."
        raise error("MalformedPolicyDocumentException", "CreateKey", reason)


@rule(KEY, at="check")
def key_window(case: Case) -> None:
    """A key's deletion waits 7 to 30 days."""
    days = case["deletionWindowInDays"]
    if days is not None and not 7 <= int(days) <= 30:
        raise error(
            "ValidationException",
            "ScheduleKeyDeletion",
            f"expected deletion_window_in_days to be in the range (7 - 30), got {days}",
        )


@rule(ALIAS, at="check")
def alias_name(case: Case) -> None:
    """An alias begins with `alias/`, and not with AWS's own prefix."""
    name = case["name"]
    if isinstance(name, str) and (not re.fullmatch(r"alias/[\w/-]+", name) or name.startswith("alias/aws/")):
        raise error(
            "InvalidAliasNameException",
            "CreateAlias",
            f"Alias {name} is no valid name: it begins with alias/ and not with alias/aws/.",
        )


@rule(ALIAS, at="create")
@rule(ALIAS, at="update")
def alias_target(case: Case) -> None:
    """An alias points to a key that exists."""
    _usable(case, case["targetKeyId"], "CreateAlias")


@rule(LOG_GROUP, at="check")
def retention(case: Case) -> None:
    """CloudWatch Logs keeps events for one of a few periods."""
    days = case["retentionInDays"]
    if days and days not in RETENTIONS:
        known = ", ".join(map(str, RETENTIONS))
        message = (
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{known}]"
        )
        raise error("InvalidParameterException", "PutRetentionPolicy", message)


@rule(LOG_GROUP, at="check")
def log_group_name(case: Case) -> None:
    """A log group's name has at most 512 characters of a small set."""
    name = case["name"]
    if isinstance(name, str) and not re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", name):
        message = (
            f"1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+ and have at most 512 characters"
        )
        raise error("InvalidParameterException", "CreateLogGroup", message)


@rule(LOG_GROUP, at="create")
@rule(LOG_GROUP, at="update")
def log_group_key(case: Case) -> None:
    """A log group's key exists, is enabled, and lets the region's Logs service use it."""
    arn = case["kmsKeyId"]
    if not arn:
        return
    _usable(case, arn, "CreateLogGroup")
    policy = case.call("kms", "get_key_policy", KeyId=arn, PolicyName="default")["Policy"]
    if f"logs.{case.session.region}.amazonaws.com" not in policy and "logs.amazonaws.com" not in policy:
        reason = f"The specified KMS key does not exist or is not allowed to be used with Arn '{_group_arn(case)}'"
        raise error("AccessDeniedException", "CreateLogGroup", reason)


def _usable(case: Case, key: Any, operation: str) -> None:
    try:
        state = case.call("kms", "describe_key", KeyId=key)["KeyMetadata"]["KeyState"]
    except AwsError as failure:
        if failure.gone:
            raise error("NotFoundException", operation, f"Key '{key}' does not exist") from None
        raise
    if state != "Enabled":
        raise error("KMSInvalidStateException", operation, f"{key} is {state}.")


def _administers(statement: dict[str, Any]) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return statement["Effect"] == "Allow" and any(
        action in ("kms:*", "kms:Put*", "kms:PutKeyPolicy", "*") for action in actions
    )


def _group_arn(case: Case) -> str:
    return f"arn:aws:logs:{case.session.region}:{case.session.caller.account}:log-group:{case['name']}"

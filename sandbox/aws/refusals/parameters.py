"""Rules of the parameter store."""

from __future__ import annotations

import re

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

PARAMETER = "aws:ssm/parameter:Parameter"
PUT = "PutParameter"

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
NAME = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
LEVELS, NAME_LENGTH = 15, 1011
SIZES = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}


@rule(PARAMETER, at="check")
def parameter_name(case: Case) -> None:
    """A name is a path of at most 15 levels, whole, and none of AWS's."""
    name = case["name"]
    if not isinstance(name, str):
        return
    bare = name.lstrip("/").lower()
    if not NAME.fullmatch(name) or len(name) > NAME_LENGTH or bare.startswith(("aws", "ssm")):
        reason = (
            f"Parameter name {name}: only a-zA-Z0-9_.-/ , no empty level, not beginning with aws or ssm; "
            'can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
        )
        raise error("ValidationException", PUT, reason)
    if "/" in name and not name.startswith("/"):
        raise error("ValidationException", PUT, f"Parameter name must be a fully qualified name: {name}")
    if name.count("/") > LEVELS:
        reason = f"A hierarchy can have a maximum of {LEVELS} levels: {name}"
        raise error("HierarchyLevelLimitExceededException", PUT, reason)


@rule(PARAMETER, at="check")
def parameter_value(case: Case) -> None:
    """A value fits its tier; only a SecureString has a key."""
    value = case["value"] if case["value"] is not None else case["insecureValue"]
    if isinstance(value, str):
        size, limit = len(value.encode()), SIZES.get(str(case["tier"] or "Standard"), 4096)
        if size > limit:
            reason = (
                f"{case['tier'] or 'Standard'} tier parameters support a maximum parameter value of {limit} "
                "characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter "
                "tier."
            )
            raise error("ValidationException", PUT, reason)
        if not value:
            reason = (
                "Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1."
            )
            raise error("ValidationException", PUT, reason)
    if case["keyId"] and case["type"] not in (None, "SecureString"):
        raise error("ValidationException", PUT, "KeyId is required for SecureString type parameter only.")
    if case.inputs.get("insecureValue") is not None and case["type"] == "SecureString":
        raise error("ValidationException", PUT, '"insecure_value" conflicts with a type of SecureString')


@rule(PARAMETER, at="create")
@rule(PARAMETER, at="update")
def parameter_key(case: Case) -> None:
    """A SecureString's key exists and is enabled."""
    if case["type"] != "SecureString" or not case["keyId"]:
        return
    try:
        state = case.call("kms", "describe_key", KeyId=case["keyId"])["KeyMetadata"]["KeyState"]
    except AwsError as failure:
        if not failure.gone:
            raise
        state = "gone"
    if state != "Enabled":
        raise error("InvalidKeyId", PUT, f"{case['keyId']} is {state}.")


@rule(PARAMETER, at="update")
def parameter_type(case: Case) -> None:
    """A parameter keeps its type."""
    old = case.call("ssm", "get_parameter", Name=case.id)["Parameter"]["Type"]
    if case["type"] not in (None, old):
        reason = (
            f"The parameter type {old} of {case.id} cannot be changed to {case['type']}: "
            "you must create a new, unique parameter."
        )
        raise error("HierarchyTypeMismatchException", PUT, reason)

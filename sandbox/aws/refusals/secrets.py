"""Rules of Secrets Manager."""

from __future__ import annotations

import json
import re

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.buckets import is_public
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.aws.refusals.storage import unusable

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
# Characters of a policy: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
POLICY_SIZE = 20480


@rule(SECRET, at="check")
def secret_form(case: Case) -> None:
    """A secret's name is plain; its deletion waits 7 to 30 days, or not at all."""
    name, days = case["name"], case["recoveryWindowInDays"]
    if isinstance(name, str) and not NAME.fullmatch(name):
        reason = (
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
        )
        raise error("ValidationException", "CreateSecret", reason)
    if days is not None and int(days) != 0 and not 7 <= int(days) <= 30:
        reason = f"expected recovery_window_in_days to be 0 or in the range (7 - 30), got {days}"
        raise error("InvalidParameterException", "DeleteSecret", reason)


@rule(SECRET, at="create")
def secret_name_is_free(case: Case) -> None:
    """A name stays taken while the deletion of its secret waits."""
    if _waits(case, str(case["name"])):
        reason = "You can't create this secret because a secret with this name is already scheduled for deletion."
        raise error("InvalidRequestException", "CreateSecret", reason)
    _usable_key(case, str(case["kmsKeyId"] or ""), "CreateSecret")


@rule(VERSION, at="create")
def secret_takes_a_value(case: Case) -> None:
    """A value goes into a secret that stays, encrypted with a key that works, and there is one."""
    secret = str(case["secretId"])
    if _waits(case, secret):
        reason = "You can't perform this operation on the secret because it was marked for deletion."
        raise error("InvalidRequestException", "PutSecretValue", reason)
    if case.inputs.get("secretString") is None and case.inputs.get("secretBinary") is None:
        raise error(
            "InvalidRequestException", "PutSecretValue", "You must provide either SecretString or SecretBinary."
        )
    key = case.call("secretsmanager", "describe_secret", SecretId=secret).get("KmsKeyId")
    _usable_key(case, key or "", "PutSecretValue")


@rule(POLICY, at="create")
@rule(POLICY, at="update")
def secret_policy(case: Case) -> None:
    """A secret's policy is whole, fits the quota, and is not for everybody when that is to be refused."""
    text = str(case["policy"])
    try:
        statements = json.loads(text)["Statement"]
        many = statements if isinstance(statements, list) else [statements]
        complete = all({"Effect", "Principal", "Action", "Resource"} <= {*one} for one in many)
    except (ValueError, KeyError, TypeError):
        complete, many = False, []
    if not complete or len(text) > POLICY_SIZE:
        raise error(
            "MalformedPolicyDocumentException", "PutResourcePolicy", "This resource policy contains invalid JSON."
        )
    if case["blockPublicPolicy"] and any(is_public(one) for one in many):
        reason = "This resource policy grants broad access to your secret and is blocked by BlockPublicPolicy."
        raise error("PublicPolicyException", "PutResourcePolicy", reason)


def _waits(case: Case, secret: str) -> bool:
    try:
        return bool(case.call("secretsmanager", "describe_secret", SecretId=secret).get("DeletedDate"))
    except AwsError as failure:
        if failure.gone:
            return False
        raise


def _usable_key(case: Case, key: str, operation: str) -> None:
    if unusable(case, key):
        reason = (
            "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
            "Check that the KMS key is available, enabled, and not in an invalid state."
        )
        raise error("EncryptionFailure", operation, reason)

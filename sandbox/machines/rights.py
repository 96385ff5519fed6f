"""Whether an instance's role may read a parameter: a small evaluator of IAM and key policies.

It knows what such policies are made of. What it does not know is an error that names it, never a guess.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

_KNOWN: Final = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
_CONTEXT: Final = "kms:EncryptionContext:PARAMETER_ARN"
_NOT_THERE: Final = {"ParameterNotFound", "NotFoundException", "NoSuchEntity"}

_OPERATORS: Final = ("ArnEquals", "ArnLike", "StringEquals", "StringLike")
_KEYS: Final = ("kms:viaservice", "kms:encryptioncontext:", "aws:principalarn", "aws:federatedprovider")

Statement = Mapping[str, Any]


class RightsError(Exception):
    """A right is missing, or a policy says something that this module does not know."""


class MissingError(RightsError):
    """The parameter does not exist (yet)."""


class Rights:
    """Evaluates one region's policies as they are when it first asks for each.

    Args:
        aws: Returns a client by service.
        region: Whose endpoint the parameters are read from.
    """

    def __init__(self, aws: Any, region: str) -> None:
        self._aws = aws
        self._region = region
        self._known: dict[str, list[Statement]] = {}

    def read(self, profile_arn: str, name: str) -> str:
        """Return a parameter as the role of an instance profile would get it. Raise `RightsError` when it would not."""
        role = self._role(profile_arn)
        parameter = self._parameter(name)
        own = self._own(role["RoleName"])
        arn = str(parameter["ARN"])
        if not _allowed(own, "ssm:GetParameter", arn, {}):
            raise RightsError(f"role {role['RoleName']} is not authorized to perform ssm:GetParameter on {arn}")
        if parameter["Type"] == "SecureString":
            self._decrypt(role, own, arn, name)
        return str(self._aws("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def allow(self, profile_arn: str, action: str) -> bool:
        """Say whether the role of an instance profile may do something that is not about one resource."""
        return _allowed(self._own(self._role(profile_arn)["RoleName"]), action, "*", {})

    def _role(self, profile_arn: str) -> Mapping[str, Any]:
        try:
            found = self._aws("iam").get_instance_profile(InstanceProfileName=profile_arn.rpartition("/")[2])
        except ClientError as error:
            raise RightsError(f"instance profile {profile_arn}: {error.response['Error']['Message']}") from error
        roles = found["InstanceProfile"]["Roles"]
        if not roles:
            raise RightsError(f"instance profile {profile_arn} holds no role")
        return dict(roles[0])

    def _parameter(self, name: str) -> Mapping[str, Any]:
        try:
            return dict(self._aws("ssm").get_parameter(Name=name)["Parameter"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                raise MissingError(f"parameter {name} does not exist") from error
            raise

    def _own(self, role: str) -> list[Statement]:
        if role not in self._known:
            self._known[role] = self._statements(role)
        return self._known[role]

    def _statements(self, role: str) -> list[Statement]:
        iam = self._aws("iam")
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
            version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
            documents.append(version["PolicyVersion"]["Document"])
        return [statement for document in documents for statement in _parsed(document)]

    def _decrypt(self, role: Mapping[str, Any], own: list[Statement], arn: str, name: str) -> None:
        """Judge the decryption that the parameter store does in the caller's name."""
        filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        known = self._aws("ssm").describe_parameters(ParameterFilters=filters)["Parameters"]
        kms, key = self._aws("kms"), str(known[0].get("KeyId") or "alias/aws/ssm")
        if key == "alias/aws/ssm":
            return  # AWS's own key serves every principal of the account that comes through the parameter store
        try:
            metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
        except ClientError as error:
            raise RightsError(f"key {key} of {name}: {error.response['Error']['Message']}") from error
        if metadata["KeyState"] != "Enabled":
            raise RightsError(f"key {metadata['Arn']} of {name} is {metadata['KeyState']}")
        # An instance's role comes by EC2, so that no identity provider stands behind it.
        context = {
            "kms:ViaService": f"ssm.{self._region}.amazonaws.com",
            _CONTEXT: arn,
            "aws:PrincipalArn": str(role["Arn"]),
        }
        theirs = _parsed(kms.get_key_policy(KeyId=metadata["KeyId"], PolicyName="default")["Policy"])
        ask = ("kms:Decrypt", str(metadata["Arn"]), context)
        account = arn.split(":")[4]
        root = {f"arn:{arn.split(':')[1]}:iam::{account}:root", account}
        by_key = _allowed([one for one in theirs if _names(one, {str(role["Arn"])})], *ask)
        by_account = _allowed([one for one in theirs if _names(one, root)], *ask) and _allowed(own, *ask)
        denied = any(_applies(one, *ask) and one["Effect"] == "Deny" for one in (*own, *_about(theirs, role, root)))
        if denied or not (by_key or by_account):
            raise RightsError(f"role {role['RoleName']} is not authorized to perform kms:Decrypt on {metadata['Arn']}")


def _about(statements: list[Statement], role: Mapping[str, Any], root: set[str]) -> list[Statement]:
    return [one for one in statements if _names(one, {str(role["Arn"]), *root})]


def _parsed(document: Any) -> list[Statement]:
    found = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = found["Statement"]
    statements = [statements] if isinstance(statements, Mapping) else list(statements)
    for statement in statements:
        if unknown := sorted(statement.keys() - _KNOWN):
            raise RightsError(
                f"policy statement with {', '.join(unknown)}: not evaluated in sandbox/machines/rights.py"
            )
    return statements


def _allowed(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> bool:
    applying = [one["Effect"] for one in statements if _applies(one, action, resource, context)]
    return "Allow" in applying and "Deny" not in applying


def _applies(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    return (
        any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in _list(statement.get("Action")))
        and any(fnmatch.fnmatchcase(resource, _literal(one)) for one in _list(statement.get("Resource")))
        and _conditions(statement.get("Condition") or {}, context)
    )


def _conditions(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    for operator, wanted in conditions.items():
        if operator not in _OPERATORS:
            raise RightsError(f"condition operator {operator}: not evaluated in sandbox/machines/rights.py")
        for key, values in wanted.items():
            if not key.lower().startswith(_KEYS):
                raise RightsError(f"condition key {key}: not evaluated in sandbox/machines/rights.py")
            given = next((value for name, value in context.items() if name.lower() == key.lower()), None)
            if given is None or not any(_same(operator, given, str(value)) for value in _list(values)):
                return False
    return True


def _same(operator: str, given: str, wanted: str) -> bool:
    # The two operators for ARNs are one: both take wildcards.
    return given == wanted if operator == "StringEquals" else fnmatch.fnmatchcase(given, _literal(wanted))


def _names(statement: Statement, principals: set[str]) -> bool:
    """Say whether a key policy's statement is about one of these principals."""
    principal = statement.get("Principal")
    if principal == "*":
        return True
    named = _list(principal.get("AWS")) if isinstance(principal, Mapping) else []
    return "*" in named or not principals.isdisjoint(named)


def _literal(pattern: str) -> str:
    """Return an IAM pattern as `fnmatch` reads it: brackets are no classes there."""
    return pattern.replace("[", "[[]")


def _list(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else [str(one) for one in value]

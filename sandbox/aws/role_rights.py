"""What a role may do, by the policies that the emulated AWS holds for it at the moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws.iam_policies import RightsError, Statement, allowed, denied, names, parsed

__all__ = ["RoleRights"]


class RoleRights:
    """One role's own policies, as they are when this is made.

    Args:
        aws: Returns a client by service.
        role: As IAM describes it.
    """

    def __init__(self, aws: Any, role: Mapping[str, Any]) -> None:
        self.name = str(role["RoleName"])
        self.arn = str(role["Arn"])
        self._own = _statements(aws("iam"), self.name)

    def require(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        """Raise `RightsError` unless the role's own policies allow an action."""
        if not self.allow(action, resource, context or {}):
            raise RightsError(f"role {self.name} is not authorized to perform {action} on {resource}")

    def allow(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        """Say whether the role's own policies allow an action."""
        return allowed(self._own, action, resource, context)

    def require_undenied(self, document: Any, action: str, resource: str) -> None:
        """Raise `RightsError` where a resource's own policy denies the role an action."""
        account = resource.split(":")[4]
        context = {"aws:PrincipalArn": self.arn, "aws:PrincipalAccount": self.arn.split(":")[4]}
        about = [one for one in parsed(document) if names(one, {self.arn, account, _root(self.arn)})]
        if denied(about, action, resource, context):
            raise RightsError(f"role {self.name} is denied {action} by the policy of {resource}")

    def require_decryption(self, kms: Any, key: str, what: str, context: Mapping[str, str]) -> None:
        """Raise `RightsError` unless the role may decrypt, by the key's policy and its own.

        Args:
            kms: Client of the key's region.
            key: Id, ARN or alias.
            what: What is encrypted, for messages.
            context: Keys of conditions besides the principal's, such as the encryption context.
        """
        try:
            metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
        except ClientError as error:
            raise RightsError(f"key {key} of {what}: {error.response['Error']['Message']}") from error
        if metadata["KeyState"] != "Enabled":
            raise RightsError(f"key {metadata['Arn']} of {what} is {metadata['KeyState']}")
        account = self.arn.split(":")[4]
        known = {**context, "aws:PrincipalArn": self.arn, "aws:PrincipalAccount": account}
        theirs = parsed(kms.get_key_policy(KeyId=metadata["KeyId"], PolicyName="default")["Policy"])
        ask = ("kms:Decrypt", str(metadata["Arn"]), known)
        root = {_root(self.arn), account}
        by_key = allowed([one for one in theirs if names(one, {self.arn})], *ask)
        by_account = allowed([one for one in theirs if names(one, root)], *ask) and self.allow(*ask)
        about = [one for one in theirs if names(one, {self.arn, *root})]
        if denied((*self._own, *about), *ask) or not (by_key or by_account):
            raise RightsError(f"role {self.name} is not authorized to perform kms:Decrypt on {metadata['Arn']}")


def _root(arn: str) -> str:
    parts = arn.split(":")
    return f"arn:{parts[1]}:iam::{parts[4]}:root"


def _statements(iam: Any, role: str) -> list[Statement]:
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        documents.append(version["PolicyVersion"]["Document"])
    return [statement for document in documents for statement in parsed(document)]

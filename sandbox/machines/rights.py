"""Whether an instance's role may read a parameter, by IAM and key policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.aws.iam_policies import RightsError
from sandbox.aws.role_rights import RoleRights

__all__ = ["MissingError", "Rights", "RightsError"]

_NOT_THERE: Final = {"ParameterNotFound", "NotFoundException", "NoSuchEntity"}


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
        self._known: dict[str, RoleRights] = {}

    def read(self, profile_arn: str, name: str) -> str:
        """Return a parameter as the role of an instance profile would get it. Raise `RightsError` when it would not."""
        role = self._role(profile_arn)
        parameter = self._parameter(name)
        arn = str(parameter["ARN"])
        role.require("ssm:GetParameter", arn)
        if parameter["Type"] == "SecureString":
            self._decrypt(role, arn, name)
        return str(self._aws("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def allow(self, profile_arn: str, action: str) -> bool:
        """Say whether the role of an instance profile may do something that is not about one resource."""
        return self._role(profile_arn).allow(action, "*", {})

    def _role(self, profile_arn: str) -> RoleRights:
        try:
            found = self._aws("iam").get_instance_profile(InstanceProfileName=profile_arn.rpartition("/")[2])
        except ClientError as error:
            raise RightsError(f"instance profile {profile_arn}: {error.response['Error']['Message']}") from error
        roles = found["InstanceProfile"]["Roles"]
        if not roles:
            raise RightsError(f"instance profile {profile_arn} holds no role")
        role: Mapping[str, Any] = roles[0]
        if role["RoleName"] not in self._known:
            self._known[role["RoleName"]] = RoleRights(self._aws, role)
        return self._known[role["RoleName"]]

    def _parameter(self, name: str) -> Mapping[str, Any]:
        try:
            return dict(self._aws("ssm").get_parameter(Name=name)["Parameter"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                raise MissingError(f"parameter {name} does not exist") from error
            raise

    def _decrypt(self, role: RoleRights, arn: str, name: str) -> None:
        """Judge the decryption that the parameter store does in the caller's name."""
        filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        known = self._aws("ssm").describe_parameters(ParameterFilters=filters)["Parameters"]
        key = str(known[0].get("KeyId") or "alias/aws/ssm")
        if key == "alias/aws/ssm":
            return  # AWS's own key serves every principal of the account that comes through the parameter store
        context = {"kms:ViaService": f"ssm.{self._region}.amazonaws.com", "kms:EncryptionContext:PARAMETER_ARN": arn}
        role.require_decryption(self._aws("kms"), key, name, context)

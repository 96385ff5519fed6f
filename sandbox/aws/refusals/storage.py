"""Rules of EFS and ECR. The wording about unusable keys is ours: no document of AWS's has it."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

FILE_SYSTEM = "aws:efs/fileSystem:FileSystem"
MOUNT_TARGET = "aws:efs/mountTarget:MountTarget"
ACCESS_POINT = "aws:efs/accessPoint:AccessPoint"
REPOSITORY = "aws:ecr/repository:Repository"

TRANSITIONS = ("transitionToArchive", "transitionToIa", "transitionToPrimaryStorageClass")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
REPOSITORY_NAME = re.compile(r"(?=.{2,256}$)(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")


def unusable(case: Case, key: Any) -> str:
    """Return why a key of this region cannot encrypt; empty when it can, or when none is given."""
    if not key or ":alias/aws/" in str(key) or str(key).startswith("alias/aws/"):
        return ""
    try:
        state = case.call("kms", "describe_key", KeyId=key)["KeyMetadata"]["KeyState"]
    except AwsError as failure:
        if failure.gone:
            return f"the KMS key {key} does not exist"
        raise
    return "" if state == "Enabled" else f"the KMS key {key} is {state}"


@rule(FILE_SYSTEM, at="check")
def file_system_lifecycle(case: Case) -> None:
    """Each lifecycle policy of a file system says one move; a throughput is given with its mode and only there."""
    for policy in case.inputs.get("lifecyclePolicies") or []:
        if isinstance(policy, dict) and len([name for name in TRANSITIONS if policy.get(name) is not None]) != 1:
            reason = "One or more LifecyclePolicy objects specified are malformed: each has a single transition."
            raise error("BadRequest", "PutLifecycleConfiguration", reason)
    provisioned = case["throughputMode"] == "provisioned"
    if provisioned != (case.inputs.get("provisionedThroughputInMibps") is not None):
        reason = "ProvisionedThroughputInMibps is required for, and only for, ThroughputMode provisioned."
        raise error("BadRequest", "CreateFileSystem", reason)


@rule(FILE_SYSTEM, at="create")
def file_system_key(case: Case) -> None:
    """A file system's key exists and is enabled."""
    if reason := unusable(case, case["kmsKeyId"]):
        raise error("BadRequest", "CreateFileSystem", f"Invalid KMS key: {reason}")


@rule(MOUNT_TARGET, at="create")
@rule(MOUNT_TARGET, at="update")
def mount_target_groups(case: Case) -> None:
    """A mount target's security groups are of its subnet's VPC."""
    groups = case["securityGroups"]
    if not groups:
        return
    vpc = case.call("ec2", "describe_subnets", SubnetIds=[case["subnetId"]])["Subnets"][0]["VpcId"]
    for group in case.call("ec2", "describe_security_groups", GroupIds=groups)["SecurityGroups"]:
        if group["VpcId"] != vpc:
            reason = f"The SecurityGroup ID '{group['GroupId']}' does not exist in VPC {vpc}"
            raise error("SecurityGroupNotFound", "CreateMountTarget", reason)


@rule(ACCESS_POINT, at="create")
def access_point_file_system(case: Case) -> None:
    """An access point's file system exists."""
    case.call("efs", "describe_file_systems", FileSystemId=case["fileSystemId"])


@rule(REPOSITORY, at="check")
def repository_name(case: Case) -> None:
    """A repository's name is lower case, in parts between slashes."""
    name = case["name"]
    if isinstance(name, str) and not REPOSITORY_NAME.fullmatch(name):
        reason = f"Invalid parameter at 'repositoryName' failed to satisfy constraint: {REPOSITORY_NAME.pattern}"
        raise error("InvalidParameterException", "CreateRepository", reason)
    for encryption in case.inputs.get("encryptionConfigurations") or []:
        if isinstance(encryption, dict) and encryption.get("kmsKey") and encryption.get("encryptionType") == "AES256":
            reason = "Invalid parameter at 'encryptionConfiguration': a KMS key needs the encryption type KMS."
            raise error("InvalidParameterException", "CreateRepository", reason)


@rule(REPOSITORY, at="create")
def repository_key(case: Case) -> None:
    """A repository's key exists and is enabled."""
    for encryption in case.inputs.get("encryptionConfigurations") or []:
        if reason := unusable(case, encryption.get("kmsKey")):
            raise error("KmsException", "CreateRepository", f"The operation failed due to a KMS exception: {reason}")

"""What tests of the finders make of S3, EFS, ECR, AWS Backup and Secrets Manager."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import boto3

REGION = "eu-west-1"
Inputs = dict[str, Any]
Tags = dict[str, str]


@functools.cache
def client(service: str) -> Any:
    return boto3.Session("test", "test", region_name=REGION).client(service)


def pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def make_bucket(inputs: Inputs, tags: Tags) -> str:
    s3 = client("s3")
    # One whose name only begins alike, and has no tags.
    for name in (inputs["bucket"], f"{inputs['bucket']}-more"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket=inputs["bucket"], Tagging={"TagSet": pairs(tags)})
    return str(inputs["bucket"])


def make_file_system(inputs: Inputs, tags: Tags) -> str:
    made = client("efs").create_file_system(CreationToken=inputs["creationToken"], Tags=pairs(tags))
    return str(made["FileSystemId"])


def file_system() -> str:
    return str(client("efs").create_file_system(CreationToken="others")["FileSystemId"])


def mount_inputs() -> Inputs:
    ec2 = client("ec2")
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for index, zone in enumerate("ab")
    ]
    unique = file_system()
    client("efs").create_mount_target(FileSystemId=unique, SubnetId=subnets[0]["Subnet"]["SubnetId"])
    return {"fileSystemId": unique, "subnetId": subnets[1]["Subnet"]["SubnetId"]}


def make_mount_target(inputs: Inputs, tags: Tags) -> str:
    made = client("efs").create_mount_target(FileSystemId=inputs["fileSystemId"], SubnetId=inputs["subnetId"])
    return str(made["MountTargetId"])


def make_access_point(inputs: Inputs, tags: Tags) -> str:
    made = client("efs").create_access_point(
        FileSystemId=inputs["fileSystemId"], RootDirectory={"Path": inputs["rootDirectory"]["path"]}, Tags=pairs(tags)
    )
    return str(made["AccessPointId"])


def make_repository(inputs: Inputs, tags: Tags) -> str:
    made = client("ecr").create_repository(repositoryName=inputs["name"], tags=pairs(tags))
    return str(made["repository"]["repositoryName"])


def make_vault(inputs: Inputs, tags: Tags) -> str:
    made = client("backup").create_backup_vault(BackupVaultName=inputs["name"], BackupVaultTags=tags)
    return str(made["BackupVaultName"])


def make_plan(inputs: Inputs, tags: Tags) -> str:
    rules = [{"RuleName": "daily", "TargetBackupVaultName": "v"}]
    made = client("backup").create_backup_plan(
        BackupPlan={"BackupPlanName": inputs["name"], "Rules": rules}, BackupPlanTags=tags
    )
    return str(made["BackupPlanId"])


def make_secret(inputs: Inputs, tags: Tags) -> str:
    return str(client("secretsmanager").create_secret(Name=inputs["name"], Tags=pairs(tags))["ARN"])


STORAGE: dict[str, tuple[Callable[[], Inputs], Callable[[Inputs, Tags], str]]] = {
    "aws:s3/bucket:Bucket": (lambda: {"bucket": "platform-dev-backups"}, make_bucket),
    "aws:efs/fileSystem:FileSystem": (lambda: {"creationToken": "platform-dev"}, make_file_system),
    "aws:efs/mountTarget:MountTarget": (mount_inputs, make_mount_target),
    "aws:efs/accessPoint:AccessPoint": (
        lambda: {"fileSystemId": file_system(), "rootDirectory": {"path": "/workloads"}},
        make_access_point,
    ),
    "aws:ecr/repository:Repository": (lambda: {"name": "team/app"}, make_repository),
    "aws:backup/vault:Vault": (lambda: {"name": "platform-dev"}, make_vault),
    "aws:backup/plan:Plan": (lambda: {"name": "platform-dev"}, make_plan),
    "aws:secretsmanager/secret:Secret": (lambda: {"name": "platform-dev/argocd/oidc"}, make_secret),
}

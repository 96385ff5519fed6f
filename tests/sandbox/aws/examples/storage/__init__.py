"""Examples of what holds data: buckets, file systems, repositories, backups, secrets."""

from __future__ import annotations

import json
from typing import Any

from tests.sandbox.aws.world import ACCOUNT, Example, Made, World, allow

OWNER = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def bucket(world: World) -> Made:
    return world.make("aws:s3/bucket:Bucket", bucket=world.unique("bucket"))


def log_target(world: World) -> str:
    """Return a bucket to which S3 may write logs."""
    name = bucket(world).id
    allowed = allow(
        "s3:PutObject", resource=f"arn:aws:s3:::{name}/*", Principal={"Service": "logging.s3.amazonaws.com"}
    )
    world.make("aws:s3/bucketPolicy:BucketPolicy", bucket=name, policy=allowed)
    return name


def bucket_policy(world: World, **more: Any) -> dict[str, Any]:
    name = bucket(world).id
    policy = allow("s3:GetObject", resource=f"arn:aws:s3:::{name}/*", **{"Principal": OWNER, **more})
    return {"bucket": name, "policy": policy}


def lifecycle_rule(days: int) -> dict[str, Any]:
    return {
        "id": "expire",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": days},
        "noncurrentVersionExpiration": {"noncurrentDays": 7},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 3},
    }


MARKS = {
    "id": "marks",
    "status": "Enabled",
    "filter": {"prefix": "old/"},
    "expiration": {"expiredObjectDeleteMarker": True},
}


def encryption(key: str, bucket_key: bool) -> list[dict[str, Any]]:
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    return [{"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": bucket_key}]


def file_system(world: World) -> Made:
    return world.make("aws:efs/fileSystem:FileSystem", encrypted=True)


def mount_target(world: World) -> dict[str, Any]:
    return {
        "fileSystemId": file_system(world).id,
        "subnetId": world.subnet_ids[0],
        "securityGroups": [world.security_group.id],
    }


def repository(world: World) -> str:
    return world.make("aws:ecr/repository:Repository", name=world.unique("team/app")).id


def keep_last(count: int) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def vault(world: World) -> str:
    return world.make("aws:backup/vault:Vault", name=world.unique("vault")).id


def plan_rule(target: str, days: int) -> dict[str, Any]:
    return {
        "ruleName": "daily",
        "targetVaultName": target,
        "schedule": "cron(0 3 * * ? *)",
        "scheduleExpressionTimezone": "Etc/UTC",
        "startWindow": 60,
        "completionWindow": 180,
        "lifecycle": {"deleteAfter": days},
        "recoveryPointTags": {"a": "b"},
    }


def plan(world: World) -> dict[str, Any]:
    return {"name": world.unique("plan"), "rules": [plan_rule(vault(world), 35)], "tags": {"a": "b"}}


def secret(world: World) -> Made:
    return world.make("aws:secretsmanager/secret:Secret", name=world.unique("team/secret"))


def secret_policy(world: World, action: str = "secretsmanager:GetSecretValue") -> str:
    return allow(action, Principal=OWNER)


def selection(world: World) -> dict[str, Any]:
    return {
        "planId": world.make("aws:backup/plan:Plan", **plan(world)).id,
        "name": "tagged",
        "iamRoleArn": world.role("backup.amazonaws.com")["arn"],
        "selectionTags": [{"type": "STRINGEQUALS", "key": "backup", "value": "daily"}],
        "resources": ["arn:aws:elasticfilesystem:*:*:file-system/*"],
        "conditions": [{"stringEquals": [{"key": "aws:ResourceTag/cluster", "value": "platform"}]}],
    }


STORAGE: dict[str, Example] = {
    "aws:s3/bucket:Bucket": Example(
        lambda world: {"bucket": "documents", "tags": {"a": "b", "c": "d"}},
        lambda world: {"tags": {"a": "c"}, "forceDestroy": True},
        lambda world: {"bucket": "images"},
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Example(
        lambda world: {"bucket": bucket(world).id, "blockPublicAcls": True, "restrictPublicBuckets": True},
        lambda world: {"blockPublicPolicy": True, "restrictPublicBuckets": False},
        lambda world: {"bucket": "images"},
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Example(
        lambda world: {"bucket": bucket(world).id, "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        lambda world: {"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        lambda world: {"bucket": "images"},
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Example(
        lambda world: {"bucket": bucket(world).id, "versioningConfiguration": {"status": "Enabled"}},
        lambda world: {"versioningConfiguration": {"status": "Suspended"}},
        lambda world: {"bucket": "images"},
        stays=True,
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Example(
        lambda world: {"bucket": bucket(world).id, "rules": encryption(world.key["arn"], bucket_key=True)},
        lambda world: {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        lambda world: {"bucket": "images"},
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Example(
        lambda world: {"bucket": bucket(world).id, "rules": [lifecycle_rule(30), MARKS]},
        lambda world: {"rules": [lifecycle_rule(60)]},
        lambda world: {"bucket": "images"},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Example(
        bucket_policy,
        lambda world: {"policy": allow("s3:ListBucket", resource="arn:aws:s3:::*", Principal=OWNER)},
        lambda world: {"bucket": "images"},
    ),
    "aws:s3/bucketLogging:BucketLogging": Example(
        lambda world: {
            "bucket": bucket(world).id,
            "targetBucket": log_target(world),
            "targetPrefix": "s3/",
            "targetObjectKeyFormat": {"partitionedPrefix": {"partitionDateSource": "EventTime"}},
        },
        lambda world: {"targetPrefix": "access/", "targetObjectKeyFormat": None},
        lambda world: {"bucket": "images"},
    ),
    "aws:efs/fileSystem:FileSystem": Example(
        lambda world: {
            "encrypted": True,
            "kmsKeyId": world.key["arn"],
            "lifecyclePolicies": [{"transitionToIa": "AFTER_30_DAYS"}],
            "throughputMode": "bursting",
            "tags": {"Name": "files"},
        },
        lambda world: {"lifecyclePolicies": None, "throughputMode": "elastic", "tags": {"Name": "more"}},
        lambda world: {"performanceMode": "maxIO"},
    ),
    "aws:efs/mountTarget:MountTarget": Example(
        mount_target,
        lambda world: {
            "securityGroups": [
                world.make("aws:ec2/securityGroup:SecurityGroup", vpcId=world.vpc.id, description="other").id
            ]
        },
        lambda world: {"subnetId": world.subnet_ids[1]},
    ),
    "aws:efs/accessPoint:AccessPoint": Example(
        lambda world: {
            "fileSystemId": file_system(world).id,
            "posixUser": {"uid": 1000, "gid": 1000},
            "rootDirectory": {
                "path": "/data",
                "creationInfo": {"ownerUid": 1000, "ownerGid": 1000, "permissions": "0750"},
            },
            "tags": {"a": "b"},
        },
        lambda world: {"tags": {"a": "c"}},
        lambda world: {"rootDirectory": {"path": "/other"}},
    ),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": Example(
        lambda world: {
            "fileSystemId": file_system(world).id,
            "policy": allow("elasticfilesystem:ClientMount", Principal=OWNER),
        },
        lambda world: {"policy": allow("elasticfilesystem:ClientWrite", Principal=OWNER)},
        lambda world: {"fileSystemId": "fs-1"},
    ),
    "aws:efs/backupPolicy:BackupPolicy": Example(
        lambda world: {"fileSystemId": file_system(world).id, "backupPolicy": {"status": "ENABLED"}},
        lambda world: {"backupPolicy": {"status": "DISABLED"}},
        lambda world: {"fileSystemId": "fs-1"},
        stays=True,
    ),
    "aws:ecr/repository:Repository": Example(
        lambda world: {
            "name": "team/app",
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": world.key["arn"]}],
            "tags": {"a": "b"},
        },
        lambda world: {
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": False},
            "forceDelete": True,
            "tags": {"a": "c"},
        },
        lambda world: {"encryptionConfigurations": [{"encryptionType": "AES256"}]},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Example(
        lambda world: {"repository": repository(world), "policy": keep_last(10)},
        replace=lambda world: {"policy": keep_last(20)},
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Example(
        lambda world: {
            "repository": repository(world),
            "policy": json.dumps({"Statement": [{"Effect": "Allow", "Principal": OWNER, "Action": "ecr:GetImage"}]}),
        },
        lambda world: {
            "policy": json.dumps({"Statement": [{"Effect": "Allow", "Principal": OWNER, "Action": "ecr:ListImages"}]})
        },
        lambda world: {"repository": "team/other"},
    ),
    "aws:backup/vault:Vault": Example(
        lambda world: {"name": "daily", "kmsKeyArn": world.key["arn"], "tags": {"a": "b"}},
        lambda world: {"forceDestroy": True, "tags": {"a": "c"}},
        lambda world: {"kmsKeyArn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/other"},
    ),
    "aws:backup/vaultPolicy:VaultPolicy": Example(
        lambda world: {
            "backupVaultName": vault(world),
            "policy": allow("backup:DeleteRecoveryPoint", Principal="*", Effect="Deny"),
        },
        lambda world: {"policy": allow("backup:UpdateRecoveryPointLifecycle", Principal="*", Effect="Deny")},
        lambda world: {"backupVaultName": "other"},
    ),
    "aws:backup/plan:Plan": Example(plan, lambda world: {"rules": [plan_rule(vault(world), 14)], "tags": {"a": "c"}}),
    "aws:backup/selection:Selection": Example(
        selection,
        replace=lambda world: {"selectionTags": [{"type": "STRINGEQUALS", "key": "backup", "value": "no"}]},
    ),
    "aws:secretsmanager/secret:Secret": Example(
        lambda world: {
            "name": "team/argocd/oidc",
            "description": "d",
            "kmsKeyId": world.key["arn"],
            "recoveryWindowInDays": 0,
            "tags": {"a": "b"},
        },
        lambda world: {"description": "e", "tags": {"a": "c"}},
        lambda world: {"name": "team/other"},
        unread=("recoveryWindowInDays",),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Example(
        lambda world: {"secretId": secret(world)["arn"], "secretString": json.dumps({"a": "b"})},
        replace=lambda world: {"secretString": "other"},
        stays=True,
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Example(
        lambda world: {"secretArn": secret(world)["arn"], "policy": secret_policy(world)},
        lambda world: {"policy": secret_policy(world, "secretsmanager:DescribeSecret")},
        lambda world: {"secretArn": "arn:other"},
    ),
}

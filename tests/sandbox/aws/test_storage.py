"""What AWS would refuse of buckets, file systems, repositories, backups and secrets is refused, and its twin passes."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.buckets import is_public
from sandbox.protocol import HostError
from tests.sandbox.aws.examples.storage import STORAGE, bucket, bucket_policy, file_system, plan_rule, secret, selection
from tests.sandbox.aws.world import ACCOUNT, Case, Change, Made, World, allow

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
LOGGING = "aws:s3/bucketLogging:BucketLogging"
FILE_SYSTEM = "aws:efs/fileSystem:FileSystem"
MOUNT_TARGET = "aws:efs/mountTarget:MountTarget"
ACCESS_POINT = "aws:efs/accessPoint:AccessPoint"
REPOSITORY = "aws:ecr/repository:Repository"
VAULT = "aws:backup/vault:Vault"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
OTHER_ACCOUNT = "210987654321"


def open_policy(world: World, **more: Any) -> dict[str, Any]:
    """Return a policy for everybody on a bucket that public policies are kept from."""
    inputs = bucket_policy(world, Principal="*", **more)
    world.make(BLOCK, bucket=inputs["bucket"], blockPublicPolicy=True)
    return inputs


def dying_key(world: World) -> str:
    key = world.make("aws:kms/key:Key", policy=world.key_policy)
    world.delete(key)
    return str(key["arn"])


def disabled_key(world: World) -> str:
    key = world.make("aws:kms/key:Key", policy=world.key_policy)
    world.client("kms").disable_key(KeyId=key.id)
    return str(key["arn"])


def other_vpc(world: World) -> Made:
    return world.make("aws:ec2/vpc:Vpc", cidrBlock="10.3.0.0/16")


def group_elsewhere(world: World) -> dict[str, Any]:
    return {"securityGroups": [world.make(GROUP, vpcId=other_vpc(world).id, description="elsewhere").id]}


def taken_zone(world: World) -> dict[str, Any]:
    files = file_system(world).id
    world.make(MOUNT_TARGET, fileSystemId=files, subnetId=world.subnet_ids[0])
    return {"fileSystemId": files, "subnetId": world.subnet_ids[0]}


def foreign_subnet(world: World) -> dict[str, Any]:
    inputs = taken_zone(world)
    subnet = world.make(
        "aws:ec2/subnet:Subnet", vpcId=other_vpc(world).id, cidrBlock="10.3.1.0/24", availabilityZone="eu-west-1b"
    )
    return {**inputs, "subnetId": subnet.id, "securityGroups": None}


def silent_target(world: World) -> dict[str, Any]:
    """Return as target a bucket that logging may write to under another prefix only."""
    name = bucket(world).id
    writes = allow(
        "s3:PutObject", resource=f"arn:aws:s3:::{name}/x/*", Principal={"Service": "logging.s3.amazonaws.com"}
    )
    world.make(BUCKET_POLICY, bucket=name, policy=writes)
    return {"targetBucket": name}


def foreign_bucket(world: World) -> dict[str, Any]:
    """Return the name of a bucket of another account."""
    assumed = world.client("sts").assume_role(RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/r", RoleSessionName="theirs")
    keys = assumed["Credentials"]
    other = boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=world.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    name = world.unique("theirs")
    other.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return {"bucket": name}


def statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", **more}


def cold(world: World, days: int) -> dict[str, Any]:
    rule = plan_rule(world.make(VAULT, name=world.unique("v")).id, days)
    return {"rules": [{**rule, "lifecycle": {"coldStorageAfter": 30, "deleteAfter": days}}]}


CASES: dict[str, Case] = {
    "bucket name with a capital": Case(BUCKET, lambda world: {"bucket": "Documents"}, "InvalidBucketName"),
    "bucket name like an address": Case(BUCKET, lambda world: {"bucket": "10.0.0.1"}, "InvalidBucketName"),
    "bucket name of 64": Case(
        BUCKET, lambda world: {"bucket": "b" * 64}, "InvalidBucketName", lambda world: {"bucket": "b" * 63}
    ),
    "bucket that we have": Case(BUCKET, lambda world: {"bucket": bucket(world).id}, "BucketAlreadyOwnedByYou"),
    "bucket that we have in us-east-1": Case(
        BUCKET,
        lambda world: {"bucket": world.make(BUCKET, bucket="home", region="us-east-1").id, "region": "us-east-1"},
        "BucketAlreadyOwnedByYou",
        lambda world: {"bucket": world.unique("home"), "region": "us-east-1"},
    ),
    "bucket that others have": Case(BUCKET, foreign_bucket, "BucketAlreadyExists"),
    "policy for everybody under a block": Case(
        BUCKET_POLICY,
        open_policy,
        "AccessDenied",
        lambda world: open_policy(world, Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
    ),
    "policy of another bucket": Case(
        BUCKET_POLICY,
        lambda world: {"policy": allow("s3:GetObject", resource="arn:aws:s3:::other/*", Principal="*")},
        "MalformedPolicy",
    ),
    "policy for a role that is not there": Case(
        BUCKET_POLICY,
        lambda world: bucket_policy(world, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"}),
        "MalformedPolicy",
        lambda world: bucket_policy(world, Principal={"AWS": world.role("ec2.amazonaws.com")["arn"]}),
    ),
    "policy that is no JSON": Case(BUCKET_POLICY, lambda world: {"policy": "{"}, "MalformedPolicy"),
    "logs to a bucket that does not let them in": Case(LOGGING, silent_target, "InvalidTargetBucketForLogging"),
    "logs to a bucket that is not there": Case(
        LOGGING, lambda world: {"targetBucket": "nowhere"}, "InvalidTargetBucketForLogging"
    ),
    "file system with a dying key": Case(FILE_SYSTEM, lambda world: {"kmsKeyId": dying_key(world)}, "BadRequest"),
    "file system policy of two moves": Case(
        FILE_SYSTEM,
        lambda world: {
            "lifecyclePolicies": [{"transitionToIa": "AFTER_7_DAYS", "transitionToArchive": "AFTER_90_DAYS"}]
        },
        "BadRequest",
        lambda world: {
            "lifecyclePolicies": [{"transitionToIa": "AFTER_7_DAYS"}, {"transitionToArchive": "AFTER_90_DAYS"}]
        },
    ),
    "file system token that is taken": Case(
        FILE_SYSTEM,
        lambda world: {"creationToken": world.make(FILE_SYSTEM, creationToken="files")["creationToken"]},
        "FileSystemAlreadyExists",
        lambda world: {"creationToken": "other-files"},
    ),
    "second mount target in a zone": Case(
        MOUNT_TARGET,
        taken_zone,
        "MountTargetConflict",
        lambda world: {**taken_zone(world), "subnetId": world.subnet_ids[1]},
    ),
    "mount target in another VPC": Case(MOUNT_TARGET, foreign_subnet, "MountTargetConflict"),
    "mount target with another VPC's group": Case(MOUNT_TARGET, group_elsewhere, "SecurityGroupNotFound"),
    "access point of nothing": Case(ACCESS_POINT, lambda world: {"fileSystemId": "fs-1"}, "FileSystemNotFound"),
    "repository with a capital": Case(REPOSITORY, lambda world: {"name": "Team/app"}, "InvalidParameterException"),
    "repository that we have": Case(
        REPOSITORY,
        lambda world: {"name": world.make(REPOSITORY, name=world.unique("taken")).id},
        "RepositoryAlreadyExistsException",
    ),
    "repository with a disabled key": Case(
        REPOSITORY,
        lambda world: {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": disabled_key(world)}]},
        "KmsException",
    ),
    "vault that we have": Case(
        VAULT, lambda world: {"name": world.make(VAULT, name=world.unique("v")).id}, "AlreadyExistsException"
    ),
    "vault with a dying key": Case(
        VAULT, lambda world: {"kmsKeyArn": dying_key(world)}, "InvalidParameterValueException"
    ),
    "vault name of 51": Case(
        VAULT, lambda world: {"name": "v" * 51}, "InvalidParameterValueException", lambda world: {"name": "v" * 50}
    ),
    "plan for a vault that is not there": Case(
        PLAN, lambda world: {"rules": [plan_rule("nowhere", 7)]}, "InvalidParameterValueException"
    ),
    "plan that deletes too soon after cold storage": Case(
        PLAN, lambda world: cold(world, 119), "InvalidParameterValueException", lambda world: cold(world, 120)
    ),
    "selection by a role that AWS Backup cannot take": Case(
        SELECTION,
        lambda world: {"iamRoleArn": world.role("ec2.amazonaws.com")["arn"]},
        "InvalidParameterValueException",
    ),
    "selection of nothing": Case(
        SELECTION,
        lambda world: dict.fromkeys(("selectionTags", "resources", "conditions")),
        "InvalidParameterValueException",
    ),
    "secret that we have": Case(SECRET, lambda world: {"name": secret(world)["name"]}, "ResourceExistsException"),
    "secret window of six days": Case(
        SECRET,
        lambda world: {"recoveryWindowInDays": 6},
        "InvalidParameterException",
        lambda world: {"name": world.unique("s"), "recoveryWindowInDays": 7},
    ),
    "secret name with a blank": Case(SECRET, lambda world: {"name": "a b"}, "ValidationException"),
    "secret with a dying key": Case(SECRET, lambda world: {"kmsKeyId": dying_key(world)}, "EncryptionFailure"),
    "secret policy for everybody": Case(
        SECRET_POLICY,
        lambda world: {"policy": allow("secretsmanager:GetSecretValue", Principal="*"), "blockPublicPolicy": True},
        "PublicPolicyException",
        lambda world: {"blockPublicPolicy": True},
    ),
    "secret policy that is no JSON": Case(
        SECRET_POLICY, lambda world: {"policy": "{"}, "MalformedPolicyDocumentException"
    ),
}


def given(world: World, token: str, change: Change) -> dict[str, Any]:
    inputs = {**STORAGE[token].inputs(world), **change(world)}
    return {name: value for name, value in inputs.items() if value is not None}


@pytest.mark.parametrize("name", CASES)
def test_what_aws_refuses_is_refused(world: World, name: str) -> None:
    """The error has AWS's code."""
    case = CASES[name]
    with pytest.raises(AwsError) as caught:
        world.make(case.token, **given(world, case.token, case.change))
    assert caught.value.code == case.code


@pytest.mark.parametrize("name", CASES)
def test_its_twin_passes(world: World, name: str) -> None:
    """Nothing more than the one thing is refused."""
    case = CASES[name]
    world.delete(world.make(case.token, **given(world, case.token, case.twin)))


@pytest.mark.parametrize(
    ("one", "public"),
    [
        (statement(), True),
        (statement(Principal={"AWS": "*"}), True),
        (statement(Effect="Deny"), False),
        (statement(Principal={"Service": "cloudfront.amazonaws.com"}), False),
        (statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), False),
        (statement(Condition={"Bool": {"aws:SecureTransport": "true"}}), True),
        (statement(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}), False),
        (statement(Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/*"}}), False),
        (statement(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::*:distribution/x"}}), True),
        (statement(Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}), True),
        (statement(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}), True),
        (statement(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}), False),
    ],
)
def test_public_is_what_s3_calls_public(one: dict[str, Any], public: bool) -> None:
    """Everybody, unless a condition with fixed values leaves few of them."""
    assert is_public(one) == public


@pytest.mark.parametrize("versioned", [False, True])
def test_a_bucket_that_holds_something_stays(world: World, versioned: bool) -> None:
    """Unless the program says that it goes with what is in it, old versions and their marks too."""
    made = bucket(world)
    s3 = world.client("s3")
    if versioned:
        world.make(VERSIONING, bucket=made.id, versioningConfiguration={"status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=made.id, Key="a", Body=b"x")
    if versioned:
        s3.delete_object(Bucket=made.id, Key="a")
    with pytest.raises(AwsError, match="BucketNotEmpty"):
        world.delete(made)
    world.delete(world.update(made, forceDestroy=True))
    assert f"us-east-1/{made.id}" not in world.inventory("s3").get("s3", {}).get("buckets", [])


def test_a_file_system_with_mount_targets_stays(world: World) -> None:
    """And a mount target's interface holds subnet and security group."""
    vpc = other_vpc(world)
    subnet = world.make("aws:ec2/subnet:Subnet", vpcId=vpc.id, cidrBlock="10.3.2.0/24", availabilityZone="eu-west-1a")
    group = world.make(GROUP, vpcId=vpc.id, description="files")
    files = file_system(world)
    point = world.make(ACCESS_POINT, fileSystemId=files.id)
    target = world.make(MOUNT_TARGET, fileSystemId=files.id, subnetId=subnet.id, securityGroups=[group.id])
    with pytest.raises(AwsError, match="FileSystemInUse"):
        world.delete(files)
    for held in (subnet, group):
        with pytest.raises(AwsError, match="DependencyViolation"):
            world.delete(held)
    world.delete(target)
    for made in (subnet, group, files, vpc):
        world.delete(made)
    assert world.host.read(ACCESS_POINT, "u", point.id, point.inputs, point.outputs)[0] == ""


def test_a_repository_that_holds_images_stays(world: World) -> None:
    """Unless forced; and its tags keep what they name."""
    made = world.make(REPOSITORY, name=world.unique("app"), imageTagMutability="IMMUTABLE")
    ecr = world.client("ecr")
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifests = [json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": [{"digest": n}]}) for n in "ab"]
    ecr.put_image(repositoryName=made.id, imageManifest=manifests[0], imageTag="1")
    # moto names it otherwise than AWS does.
    with pytest.raises(ClientError, match="already exists in the repository"):
        ecr.put_image(repositoryName=made.id, imageManifest=manifests[1], imageTag="1")
    with pytest.raises(AwsError, match="RepositoryNotEmptyException"):
        world.delete(made)
    world.delete(world.update(made, forceDelete=True))


def test_a_vault_that_holds_backups_stays(world: World) -> None:
    """Unless the program says that it goes with them."""
    from moto.backup.models import backup_backends

    made = world.make(VAULT, name=world.unique("v"))
    kept = backup_backends[ACCOUNT]["eu-west-1"].vaults[made.id]
    vars(kept)["recovery_points"] = [{"RecoveryPointArn": f"arn:aws:ec2:eu-west-1::snapshot/snap-{n}"} for n in "ab"]
    with pytest.raises(AwsError, match="contains recovery points"):
        world.delete(made)
    world.delete(world.update(made, forceDestroy=True))
    assert made.id not in str(world.inventory("backup"))


def test_a_plan_that_selects_stays(world: World) -> None:
    """Its selections go first; its name is free again afterwards."""
    inputs = selection(world)
    made = world.make(SELECTION, **inputs)
    plan = Made(PLAN, inputs["planId"], {}, {})
    with pytest.raises(AwsError, match="selections must be deleted prior"):
        world.delete(plan)
    world.delete(made)
    name = world.client("backup").get_backup_plan(BackupPlanId=plan.id)["BackupPlan"]["BackupPlanName"]
    world.delete(plan)
    rules = STORAGE[PLAN].inputs(world)["rules"]
    assert world.make(PLAN, name=name, rules=rules).id != plan.id


def test_a_secret_whose_deletion_waits_keeps_its_name(world: World) -> None:
    """In AWS's words; restored, it is the same secret with its value."""
    made = world.make(SECRET, name=world.unique("kept"), recoveryWindowInDays=7)
    version = world.make(VERSION, secretId=made.id, secretString="v")
    world.delete(version)
    world.delete(made)
    assert world.host.read(SECRET, "u", made.id, made.inputs, made.outputs)[0] == ""
    assert world.host.read(VERSION, "u", version.id, version.inputs, version.outputs)[0] == ""
    assert f"eu-west-1/{made['name']}" in world.emulator.inventory({"secretsmanager"})["pending deletion"]["secrets"]
    words = "You can't create this secret because a secret with this name is already scheduled for deletion."
    with pytest.raises(AwsError, match=words) as caught:
        world.make(SECRET, name=made["name"])
    assert caught.value.code == "InvalidRequestException"
    with pytest.raises(AwsError, match="it was marked for deletion"):
        world.make(VERSION, secretId=made.id, secretString="w")
    world.client("secretsmanager").restore_secret(SecretId=made.id)
    assert world.host.read(SECRET, "u", made.id, made.inputs, made.outputs)[0] == made.id
    assert world.client("secretsmanager").get_secret_value(SecretId=made.id)["SecretString"] == "v"


def test_a_value_needs_the_secrets_key(world: World) -> None:
    """A key that was disabled after the secret was made encrypts nothing more."""
    key = world.make("aws:kms/key:Key", policy=world.key_policy)
    made = world.make(SECRET, name=world.unique("s"), kmsKeyId=key["arn"])
    world.make(VERSION, secretId=made.id, secretString="v")
    world.client("kms").disable_key(KeyId=key.id)
    with pytest.raises(AwsError, match="EncryptionFailure"):
        world.make(VERSION, secretId=made.id, secretString="w")


def test_a_later_value_is_the_current_one(world: World) -> None:
    """The former stays in the state's eyes until it is replaced; a value is never changed."""
    made = secret(world)
    first = world.make(VERSION, secretId=made.id, secretString="v")
    second = world.make(VERSION, secretId=made.id, secretString="w")
    assert first.id != second.id
    assert second["versionStages"] == ["AWSCURRENT"]
    assert world.client("secretsmanager").get_secret_value(SecretId=made.id)["SecretString"] == "w"


def test_a_value_has_to_be_given(world: World) -> None:
    """A version without text and without bytes is no version."""
    with pytest.raises(HostError, match="SecretString or SecretBinary"):
        world.make(VERSION, secretId=secret(world).id)

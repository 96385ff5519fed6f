"""Up, destroy, and up again under the same names, by `ops up` on the real engine and the emulated AWS."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import boto3
import pytest

from ops.adoption import adopt
from ops.engine import Pulumi
from tests.ops.conftest import Stage

pytestmark = pytest.mark.engine

UP = ("up", "--yes", "--skip-preview")
BUCKET, KEY, ALIAS = "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:kms/alias:Alias"
SECRET, LOG_GROUP = "aws:secretsmanager/secret:Secret", "aws:cloudwatch/logGroup:LogGroup"
FILES, REPOSITORY, VAULT = "aws:efs/fileSystem:FileSystem", "aws:ecr/repository:Repository", "aws:backup/vault:Vault"
NAMED = (BUCKET, KEY, ALIAS, SECRET, LOG_GROUP, FILES, REPOSITORY, VAULT)

PROGRAM = """
import json
import pulumi
from pulumi_aws import Provider, ProviderDefaultTagsArgs
from pulumi_aws.backup import Vault
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.ecr import Repository, RepositoryEncryptionConfigurationArgs
from pulumi_aws.efs import FileSystem
from pulumi_aws.kms import Alias, Key
from pulumi_aws.s3 import Bucket, BucketVersioning, BucketVersioningVersioningConfigurationArgs
from pulumi_aws.secretsmanager import Secret, SecretVersion

OWNER = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}
aws = Provider("aws", region="eu-west-1", allowed_account_ids=["123456789012"],
               default_tags=ProviderDefaultTagsArgs(tags={"Project": "ops"}))


class Data(pulumi.ComponentResource):
    def __init__(self, name, opts):
        super().__init__("platform:test:Data", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [OWNER]})
        key = Key("key", description="data", policy=policy, enable_key_rotation=True, opts=kept)
        Alias("key", name="alias/ops-data", target_key_id=key.key_id, opts=kept)
        bucket = Bucket("bucket", bucket="ops-documents", tags={"Name": "documents"}, opts=kept)
        BucketVersioning("bucket", bucket=bucket.bucket, opts=kept,
                         versioning_configuration=BucketVersioningVersioningConfigurationArgs(status="Enabled"))
        FileSystem("files", creation_token="ops", encrypted=True, kms_key_id=key.arn, opts=kept)
        encryption = RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key.arn)
        Repository("repository", name="ops/app", image_tag_mutability="IMMUTABLE",
                   encryption_configurations=[encryption], opts=kept)
        Vault("vault", name="ops", kms_key_arn=key.arn, force_destroy=False, opts=kept)
        secret = Secret("secret", name="ops/secret", kms_key_id=key.arn, recovery_window_in_days=7, opts=child)
        SecretVersion("secret", secret_id=secret.id, secret_string="from the program", opts=child)
        LogGroup("logs", name="/aws/eks/ops/cluster", retention_in_days=30, opts=child)
        self.register_outputs({})


Data("data", pulumi.ResourceOptions(provider=aws))
"""


def client(stage: Stage, service: str) -> Any:
    """Return a client of the stage's AWS."""
    session = boto3.Session("test", "test", region_name="eu-west-1")
    return session.client(service, endpoint_url=stage.environment["AWS_ENDPOINT_URL"])


def ids(stage: Stage) -> dict[str, str]:
    """Return ids in the state by type."""
    return {r["type"]: r["id"] for r in stage.state()["resources"] if r["type"] in NAMED}


def run(stage: Stage, *words: str) -> str:
    done = stage.pulumi(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def destroyed(stage: Stage) -> tuple[Stage, dict[str, str]]:
    """A stack that was up and is destroyed: what was kept is there, EKS wrote its log group once more."""
    (stage.folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    run(stage, "config", "set", "--path", "platform:cluster.name", "ops")
    first = stage.ops(*UP)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "adopted" not in first.stdout
    before = ids(stage)
    assert before.keys() == {*NAMED}
    client(stage, "s3").put_object(Bucket="ops-documents", Key="a", Body=b"x")
    run(stage, "destroy", "--yes", "--skip-preview")
    assert not stage.state().get("resources")
    client(stage, "logs").create_log_group(logGroupName="/aws/eks/ops/cluster")
    return stage, before


def test_up_again_takes_over_what_was_kept(destroyed: tuple[Stage, dict[str, str]]) -> None:
    """The same physical resources, and afterwards nothing to change; what waited for its deletion does so no more."""
    stage, before = destroyed
    client(stage, "kms").schedule_key_deletion(KeyId=before[KEY], PendingWindowInDays=7)
    seen = stage.ops("preview")
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert seen.stdout.count("would adopt   ") == len(NAMED)
    assert not stage.state().get("resources")
    again = stage.ops(*UP)
    assert again.returncode == 0, again.stdout + again.stderr
    for type_ in NAMED:
        assert f"adopted   {type_} " in again.stdout
    assert again.stdout.count("deletion was waiting, and is called off") == 2
    assert ids(stage) == before
    run(stage, "preview", "--expect-no-changes")
    run(stage, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert client(stage, "kms").describe_key(KeyId=before[KEY])["KeyMetadata"]["KeyState"] == "Enabled"
    assert client(stage, "s3").get_object(Bucket="ops-documents", Key="a")["Body"].read() == b"x"
    assert client(stage, "logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 30
    assert "adopted" not in stage.ops(*UP).stdout
    run(stage, "destroy", "--yes", "--skip-preview")
    assert "buckets" in stage.counts()["s3"]


def test_without_it_the_names_are_taken(destroyed: tuple[Stage, dict[str, str]]) -> None:
    """Pulumi alone stumbles over the first of them, and would over the others."""
    stage, _ = destroyed
    plain = stage.pulumi("up", "--yes", "--skip-preview")
    assert plain.returncode != 0
    assert "Already" in plain.stdout + plain.stderr


def test_what_somebody_else_has_is_refused_before_anything_is_made(destroyed: tuple[Stage, dict[str, str]]) -> None:
    """One line with the name, whose it is, and what to do; the state stays empty."""
    stage, _ = destroyed
    tags = [{"Key": "Project", "Value": "other"}]
    client(stage, "s3").put_bucket_tagging(Bucket="ops-documents", Tagging={"TagSet": tags})
    refused = stage.ops(*UP)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "error: aws:s3/bucket:Bucket bucket: ops-documents exists already and is not this stack's (its tags: "
        "Project=other); choose another name, or, when it is this stack's, tag it Project=ops"
    ]
    assert not stage.state().get("resources")
    assert client(stage, "secretsmanager").describe_secret(SecretId="ops/secret").get("DeletedDate")


def test_what_would_be_lost_of_it_is_refused(destroyed: tuple[Stage, dict[str, str]]) -> None:
    """A kept file system that the program wants otherwise than it is, is not replaced on the quiet."""
    stage, before = destroyed
    changed = PROGRAM.replace("encrypted=True, kms_key_id=key.arn, opts=kept", "encrypted=False, opts=kept")
    (stage.folder / "__main__.py").write_text(changed, encoding="utf-8")
    refused = stage.ops(*UP)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "aws:efs/fileSystem:FileSystem files would be replaced: encrypted from true to false" in line
    assert "the old one stays in AWS" in line
    assert ids(stage)[FILES] == before[FILES]


class Killed(Pulumi):
    """Dies once the state is written."""

    def refresh(self, urns: Sequence[str]) -> None:
        raise KeyboardInterrupt


def test_a_killed_one_goes_on_and_another_stack_of_the_names_keeps_off(
    destroyed: tuple[Stage, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next `up` reads what is written and not read; a second stack with the same names and tags gets nothing."""
    stage, before = destroyed
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(KeyboardInterrupt):
        adopt(Killed(stage.folder, "dev"), [], None, print)
    again = stage.ops(*UP)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "adopted" not in again.stdout
    assert ids(stage) == before
    run(stage, "preview", "--expect-no-changes")
    init = ["pulumi", "stack", "init", "twin"]
    subprocess.run(init, cwd=stage.folder, env=stage.environment, capture_output=True, check=True)
    twin = stage.ops("up", "--stack", "twin", *UP[1:])
    assert twin.returncode == 1
    lines = twin.stderr.splitlines()
    assert lines[0].startswith("error: aws:")
    assert len(lines) == len(NAMED)
    assert all("is in the state of stack dev; give this stack names and tags of its own" in line for line in lines)

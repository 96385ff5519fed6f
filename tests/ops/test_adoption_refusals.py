"""What ends an adoption: missing rights, a kill, another stack that has it, a state that changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ops.adoption import adopt
from ops.errors import OpsError
from ops.recovery import Clients
from tests.ops.adoption import (
    ALIAS,
    AWS,
    BUCKET,
    KEY,
    OWN,
    REGION,
    SECRET,
    STACK,
    FakePulumi,
    alias,
    client,
    make_bucket,
    make_key,
    new,
    pairs,
    preview,
    urn,
)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty AWS in this process."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def refusing(*operations: str) -> Clients:
    """Return clients that AWS refuses these operations, but for the bucket `documents`."""

    def made(service: str, region: str, profile: str | None) -> Any:
        one = boto3.client(service, region)

        def refuse(model: Any, params: Mapping[str, Any], **_: Any) -> None:
            if model.name in operations and "documents" not in str(params):
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no right to it"}}, model.name)

        one.meta.events.register("before-call", refuse)
        return one

    return made


@pytest.mark.parametrize("operation", ["ListAliases", "DescribeKey", "ListResourceTags", "GetCallerIdentity"])
def test_credentials_without_rights_are_told_in_a_line(operation: str) -> None:
    """What and which call; not a traceback."""
    make_key()
    with pytest.raises(OpsError, match=rf"^{ALIAS} it: AWS does not say whether it is there: .*{operation}.*no right"):
        adopt(pulumi := FakePulumi(preview(*alias())), [], None, print, clients=refusing(operation))
    assert pulumi.state == pulumi.before


def test_a_deletion_that_cannot_be_called_off_ends_it() -> None:
    """The state is as it was, and with the right the next run goes on; what was restored before it is found."""
    secrets, key = client("secretsmanager"), make_key()
    secrets.create_secret(Name="s", SecretString="v", Tags=pairs(OWN))
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    pulumi = FakePulumi(preview(new(SECRET, name="s"), *alias()))
    with pytest.raises(
        OpsError, match=rf"^{KEY} it: its deletion cannot be called off: .*CancelKeyDeletion.*run again"
    ):
        adopt(pulumi, [], None, print, clients=refusing("CancelKeyDeletion"))
    assert pulumi.state == pulumi.before
    adopt(pulumi, [], None, print)
    assert pulumi.refreshed == [urn(SECRET), urn(KEY), urn(ALIAS)]


@pytest.mark.parametrize("stops_at", ["import_", "refresh"])
def test_a_killed_run_is_gone_on_with(stops_at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the import everything is found once more; after it nothing is planned, and the engine reads by itself."""
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="s", SecretString="v", Tags=pairs(OWN))["ARN"]
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    pulumi = FakePulumi(preview(new(SECRET, name="s")))

    def killed(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pulumi, stops_at, killed)
        with pytest.raises(KeyboardInterrupt):
            adopt(pulumi, [], None, print)
    if stops_at == "import_":
        adopt(pulumi, [], None, print)
        assert pulumi.refreshed == [urn(SECRET)]
    recorded = {one["urn"]: one for one in pulumi.state["deployment"]["resources"]}
    assert (recorded[urn(SECRET)]["id"], recorded[urn(SECRET)]["refreshBeforeUpdate"]) == (arn, True)


def test_a_bucket_that_lets_nobody_ask_is_not_in_the_way() -> None:
    """Only those of the name are asked for their tags, however many the account has."""
    make_bucket()
    client("s3").create_bucket(Bucket="closed", CreateBucketConfiguration={"LocationConstraint": REGION})
    pulumi = FakePulumi(preview(new(BUCKET, bucket="documents")))
    adopt(pulumi, [], None, print, clients=refusing("GetBucketTagging"))
    assert pulumi.refreshed == [urn(BUCKET)]


def test_a_bucket_of_another_region_is_refused() -> None:
    """Data stay where they are, whatever region the settings name now."""
    s3 = boto3.client("s3", "eu-central-1")
    s3.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_tagging(Bucket="documents", Tagging={"TagSet": pairs(OWN)})
    pulumi = FakePulumi(preview(new(BUCKET, bucket="documents")))
    with pytest.raises(OpsError, match="documents is this stack's and lies in eu-central-1, not in eu-west-1"):
        adopt(pulumi, [], None, print)
    assert pulumi.state == pulumi.before


def other_stack(region: str, account: str) -> dict[str, Any]:
    """Return a deployment with the bucket in it."""
    settings = {"region": region, "allowedAccountIds": json.dumps([account])}
    bucket = {"urn": urn(BUCKET), "type": BUCKET, "id": "documents", "custom": True, "provider": f"{AWS}::abc"}
    provider = {"urn": AWS, "type": "pulumi:providers:aws", "custom": True, "id": "abc", "inputs": settings}
    return {"resources": [provider, bucket]}


@pytest.mark.parametrize("dry", [True, False])
def test_what_another_stack_has_is_refused(dry: bool) -> None:
    """A stack file that was copied with its names and tags: the other stack lives on them."""
    make_bucket()
    secrets = client("secretsmanager")
    secrets.create_secret(Name="s", Tags=pairs(OWN))
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    pulumi = FakePulumi(preview(new(BUCKET, bucket="documents"), new(SECRET, name="s")))
    pulumi.around = {"empty": {}, "prod": other_stack(REGION, "123456789012")}
    with pytest.raises(OpsError) as caught:
        adopt(pulumi, [], None, print, dry=dry)
    assert str(caught.value) == (
        "aws:s3/bucket:Bucket it: documents is in the state of stack prod; give this stack names and tags of its own"
    )
    assert pulumi.state == pulumi.before
    assert "DeletedDate" in secrets.describe_secret(SecretId="s")


@pytest.mark.parametrize(("region", "account"), [("eu-central-1", "123456789012"), (REGION, "210987654321")])
def test_the_same_id_elsewhere_is_another_thing(region: str, account: str) -> None:
    """Repositories and log groups have the same names in every account."""
    make_bucket()
    accounts = json.dumps(["123456789012"])
    pulumi = FakePulumi(preview(new(BUCKET, bucket="documents"), allowedAccountIds=accounts))
    pulumi.around = {"prod": other_stack(region, account)}
    adopt(pulumi, [], None, print)
    assert pulumi.refreshed == [urn(BUCKET)]


def test_a_state_that_changed_meanwhile_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS is asked for seconds, without a lock."""
    make_bucket()
    pulumi = FakePulumi(preview(new(BUCKET, bucket="documents")))
    theirs = {"version": 3, "deployment": {"resources": [{"urn": STACK, "type": "pulumi:pulumi:Stack"}]}}

    def others() -> Iterator[tuple[str, dict[str, Any]]]:
        pulumi.state = theirs
        yield from ()

    monkeypatch.setattr(pulumi, "others", others)
    with pytest.raises(OpsError, match="the state changed while AWS was asked what is there; run again"):
        adopt(pulumi, [], None, print)
    assert pulumi.state == theirs

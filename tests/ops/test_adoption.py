"""What `up` takes over, what it refuses, and what it writes: against moto, without an engine."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops.adoption import adopt
from ops.checkpoint import Pending
from ops.errors import OpsError
from ops.finders import ROWS, Finder
from ops.planned import Plan
from tests.ops.adoption import (
    ALIAS,
    AWS,
    BUCKET,
    DATA,
    KEY,
    LOG_GROUP,
    OWN,
    RECORD,
    REGION,
    ROLE,
    SECRET,
    STACK,
    THEIRS,
    UNKNOWN,
    ZONE,
    FakePulumi,
    alias,
    client,
    make_bucket,
    make_key,
    new,
    pairs,
    preview,
    run,
    urn,
)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty AWS in this process."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def test_nothing_there_is_nothing_to_do() -> None:
    """The state is not even written."""
    pulumi, said = run(new(BUCKET, bucket="documents"), new(SECRET, name="s"), *alias())
    assert (pulumi.state, said) == (pulumi.before, [])


def test_what_is_ours_goes_into_the_state_and_is_read() -> None:
    """With its parents and a provider of its own id, and with neither inputs nor outputs: it is an import."""
    make_bucket({**OWN, "Name": "more does not matter"})
    pulumi, said = run(new(BUCKET, bucket="documents"))
    assert said == ["adopted   aws:s3/bucket:Bucket it: documents"]
    assert pulumi.refreshed == [urn(BUCKET)]
    recorded = {one["urn"]: one for one in pulumi.state["deployment"]["resources"]}
    assert recorded.keys() == {STACK, AWS, DATA, urn(BUCKET)}
    provider, bucket = recorded[AWS], recorded[urn(BUCKET)]
    assert bucket["provider"] == f"{AWS}::{provider['id']}" != f"{AWS}::{UNKNOWN}"
    assert provider["inputs"]["region"] == REGION
    taken = {"id": "documents", "inputs": {}, "outputs": {}, "retainOnDelete": True, "refreshBeforeUpdate": True}
    assert taken.items() <= bucket.items()


def test_dry_says_and_does_nothing() -> None:
    """What a preview shows."""
    make_bucket()
    pulumi, said = run(new(BUCKET, bucket="documents"), dry=True)
    assert said == ["would adopt   aws:s3/bucket:Bucket it: documents"]
    assert pulumi.state == pulumi.before


@pytest.mark.parametrize("tags", [THEIRS, {}, {"Project": "p"}])
def test_what_is_not_ours_is_refused(tags: dict[str, str]) -> None:
    """With its name, whose it is, and what to do; the other that is ours is not touched either."""
    make_bucket(tags)
    client("logs").create_log_group(logGroupName="/aws/eks/p-dev/cluster")
    pulumi = FakePulumi(preview(new(BUCKET, bucket="documents"), new(LOG_GROUP, name="/aws/eks/p-dev/cluster")))
    with pytest.raises(OpsError) as caught:
        adopt(pulumi, [], None, print)
    theirs = ", ".join(f"{key}={value}" for key, value in sorted(tags.items())) or "none"
    assert str(caught.value) == (
        "aws:s3/bucket:Bucket it: documents exists already and is not this stack's (its tags: "
        f"{theirs}); choose another name, or, when it is this stack's, tag it Environment=dev, Project=p"
    )
    assert pulumi.state == pulumi.before


def test_a_stack_without_tags_owns_nothing() -> None:
    """There would be nothing to know its own by."""
    make_bucket()
    with pytest.raises(OpsError, match="is not this stack's"):
        run(new(BUCKET, bucket="documents"), tags={})


def test_another_accounts_bucket_is_refused() -> None:
    """Before anything is made, and not by S3 in the middle of the `up`."""
    keys = client("sts").assume_role(RoleArn="arn:aws:iam::210987654321:role/r", RoleSessionName="theirs")[
        "Credentials"
    ]
    theirs = boto3.client(
        "s3",
        REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    theirs.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": REGION})
    with pytest.raises(OpsError, match="documents exists already and is another account's; choose another name"):
        run(new(BUCKET, bucket="documents"))


@pytest.mark.parametrize(
    ("name", "tags", "taken"),
    [
        ("/aws/eks/p-dev/cluster", {}, True),
        ("/aws/eks/p-dev/cluster", OWN, True),
        ("/aws/eks/p-dev/cluster", THEIRS, False),
        ("/aws/eks/p-prod/cluster", {}, False),
        ("p-dev", {}, False),
    ],
)
def test_log_groups_that_aws_made_are_ours(name: str, tags: dict[str, str], taken: bool) -> None:
    """Without tags, under the cluster's name: EKS writes on while the cluster goes. With tags they count."""
    client("logs").create_log_group(logGroupName=name, tags=tags)
    pulumi = FakePulumi(preview(new(LOG_GROUP, name=name)))
    if not taken:
        with pytest.raises(OpsError, match="is not this stack's"):
            adopt(pulumi, [], None, print)
        return
    adopt(pulumi, [], None, print)
    assert pulumi.refreshed == [urn(LOG_GROUP)]


def test_a_secret_whose_deletion_waits_is_restored() -> None:
    """And one that lives is taken over as it is."""
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="s", SecretString="v", Tags=pairs(OWN))["ARN"]
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    run(new(SECRET, name="s"), dry=True)
    assert "DeletedDate" in secrets.describe_secret(SecretId="s")
    _, said = run(new(SECRET, name="s"))
    assert said == [f"adopted   {SECRET} it: {arn}; its deletion was waiting, and is called off"]
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "v"
    assert run(new(SECRET, name="s"))[1] == [f"adopted   {SECRET} it: {arn}"]


def test_somebody_elses_secret_is_not_restored() -> None:
    """It goes on waiting."""
    secrets = client("secretsmanager")
    secrets.create_secret(Name="s", Tags=pairs(THEIRS))
    secrets.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    with pytest.raises(OpsError, match="is not this stack's"):
        run(new(SECRET, name="s"))
    assert "DeletedDate" in secrets.describe_secret(SecretId="s")


def test_a_key_is_known_by_its_alias() -> None:
    """Both are taken over, the alias after its key; another key with the same words is left alone."""
    key = make_key()
    client("kms").create_key(Description="data", Tags=[{"TagKey": k, "TagValue": v} for k, v in OWN.items()])
    pulumi, said = run(*alias())
    assert said == [f"adopted   {KEY} it: {key}", f"adopted   {ALIAS} it: alias/p-data"]
    taken = {one["urn"]: one for one in pulumi.state["deployment"]["resources"]}
    assert taken[urn(ALIAS)]["propertyDependencies"] == {"targetKeyId": [urn(KEY)], "name": []}
    assert list(taken)[-2:] == [urn(KEY), urn(ALIAS)]


def test_a_key_whose_deletion_waits_is_had_back() -> None:
    """Called off and enabled: after the first alone it encrypts nothing."""
    key = make_key()
    client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    _, said = run(*alias())
    assert said[0] == f"adopted   {KEY} it: {key}; its deletion was waiting, and is called off"
    assert client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_somebody_elses_alias_is_refused() -> None:
    """Its key says whose it is."""
    key = make_key(THEIRS)
    with pytest.raises(OpsError, match=f"alias/p-data of key {key} exists already and is not this stack's"):
        run(*alias())


def test_an_alias_of_the_stacks_own_key_is_taken_over() -> None:
    """Whatever that key's tags are: the state has it."""
    key = make_key(tags={})
    pulumi = FakePulumi(preview(alias()[1]))
    pulumi.state["deployment"] = {"resources": [{"urn": urn(KEY), "type": KEY, "id": key, "custom": True}]}
    adopt(pulumi, [], None, print)
    assert pulumi.refreshed == [urn(ALIAS)]


def test_two_of_a_name_are_left_to_the_operator() -> None:
    """Names of zones are not unique: nobody can tell which one is delegated to."""
    zones = client("route53")
    for reference in "ab":
        made = zones.create_hosted_zone(Name="example.com.", CallerReference=reference)["HostedZone"]["Id"]
        unique = made.rpartition("/")[2]
        zones.change_tags_for_resource(ResourceType="hostedzone", ResourceId=unique, AddTags=pairs(OWN))
    with pytest.raises(OpsError, match="2 in AWS could be it"):
        run(new("aws:route53/zone:Zone", name="example.com"))


def test_another_stacks_zone_of_the_name_is_left_alone() -> None:
    """Route 53 holds several of a name."""
    made = client("route53").create_hosted_zone(Name="example.com.", CallerReference="a")["HostedZone"]["Id"]
    unique = made.rpartition("/")[2]
    client("route53").change_tags_for_resource(ResourceType="hostedzone", ResourceId=unique, AddTags=pairs(THEIRS))
    assert run(new(ZONE, name="example.com"))[1] == []


@pytest.mark.parametrize("leads_here", [True, False])
def test_a_delegation_is_ours_when_it_leads_to_our_zone(leads_here: bool) -> None:
    """It has no tags; one that leads elsewhere is another's domain."""
    zones = client("route53")
    parent, own = (
        zones.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"].rpartition("/")[2]
        for name in ("example.com", "dev.example.com")
    )
    zones.change_tags_for_resource(ResourceType="hostedzone", ResourceId=own, AddTags=pairs(OWN))
    servers = zones.get_hosted_zone(Id=own)["DelegationSet"]["NameServers"] if leads_here else ["ns.example.org"]
    values = [{"Value": server} for server in servers]
    record = {"Name": "dev.example.com", "Type": "NS", "TTL": 300, "ResourceRecords": values}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    zones.change_resource_record_sets(HostedZoneId=parent, ChangeBatch=batch)
    zone = new(ZONE, name="dev.example.com")
    delegation = new(RECORD, zoneId=parent, name="dev.example.com", type="NS", records=UNKNOWN, ttl=300)
    delegation["newState"]["propertyDependencies"] = {"records": [urn(ZONE)]}
    if not leads_here:
        with pytest.raises(
            OpsError, match=r"dev.example.com is delegated already, to ns.example.org, which is no zone"
        ):
            run(zone, delegation)
        return
    _, said = run(zone, delegation)
    assert said == [f"adopted   {ZONE} it: {own}", f"adopted   {RECORD} it: {parent}_dev.example.com_NS"]


def test_only_what_can_be_kept_is_looked_for() -> None:
    """All other creates cost no call: a role of the name is for IAM to refuse."""
    client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    pulumi, said = run(new(ROLE, name="r"))
    assert (pulumi.state, said, pulumi.exported) == (pulumi.before, [], 0)
    kept = {type_ for type_, row in ROWS.items() if isinstance(row, Finder) and row.named_by}
    data = {"aws:efs/fileSystem:FileSystem", "aws:ecr/repository:Repository", "aws:backup/vault:Vault"}
    assert kept >= {BUCKET, SECRET, LOG_GROUP, ALIAS, "aws:route53/zone:Zone", *data}


def test_a_name_that_is_not_known_yet_is_not_looked_for() -> None:
    """Without a name every bucket would be a candidate."""
    make_bucket(THEIRS)
    assert run(new(BUCKET, bucket=UNKNOWN))[1] == run(new(BUCKET, bucket="[secret]"))[1] == []


def test_a_provider_with_a_secret_setting_cannot_be_written_down() -> None:
    """The preview does not say it, so nothing could be read."""
    make_bucket()
    with pytest.raises(OpsError, match="settings that are secret"):
        run(new(BUCKET, bucket="documents"), secretKey="[secret]")


def test_credentials_of_another_account_are_refused() -> None:
    """There everything would seem to be free."""
    with pytest.raises(OpsError, match="these credentials are for account 123456789012"):
        run(new(BUCKET, bucket="documents"), allowedAccountIds=json.dumps(["210987654321"]))


def test_what_the_program_says_against_it_is_told() -> None:
    """Nobody looks for what a failed preview plans."""
    failed = {**preview(new(BUCKET, bucket="documents")), "diagnostics": [{"severity": "error", "message": "no such"}]}
    with pytest.raises(OpsError, match="no such"):
        adopt(FakePulumi(failed), [], None, print)


def test_a_plan_joins_what_is_there() -> None:
    """A provider and a parent that the state has are referred to as they are."""
    there = [
        {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False},
        {"urn": AWS, "type": "pulumi:providers:aws", "custom": True, "id": "abc", "inputs": {"region": REGION}},
        {"urn": DATA, "type": "platform:storage:Storage", "custom": False, "parent": STACK},
    ]
    step = new(BUCKET, bucket="documents")
    step["newState"]["provider"] = f"{AWS}::abc"
    plan = Plan({"resources": there, "manifest": {"time": "t"}}, {"steps": [step]})
    (pending,) = plan.creates()
    assert isinstance(pending, Pending)
    assert plan.settings(pending).region == REGION
    changed = plan.with_taken_over({urn(BUCKET): "documents"})
    assert changed["resources"][:3] == there
    assert changed["resources"][3]["provider"] == f"{AWS}::abc"

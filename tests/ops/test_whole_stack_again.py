"""Production with a zone of its own: up, destroy, up again under the same names, and gone for good.

By `ops up` on the real engine and the emulated AWS; Kubernetes has a stand-in.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto.backup.models import backup_backends
from moto.s3.models import s3_backends

from tests.sandbox.conftest import CHECKOUT
from tests.sandbox.without_kubernetes import Account

pytestmark = pytest.mark.engine

# Service, kind, name.
Left = tuple[str, str, str]
ACCOUNT, REGION, CLUSTER = "123456789012", "ap-northeast-2", "platform-prod"
UP = ("up", "--yes", "--skip-preview")
# Nothing protected, so that a destroy goes; the data are kept all the same.
KEPT: dict[str, Any] = {"policy/decommission": True, "edge/delegate": True}
GIVEN_UP = {**KEPT, "storage/keepData": False}
BUCKETS = ("platform-prod-backups", "platform-prod-images", "platform-prod-logs")
REPOSITORIES = ("bubblepool", "guestbook", "petclinic")
SECRETS = ("argocd/oidc", "argocd/slack", "gitops/github", "monitoring/grafana")
WRITTEN_ON = "/aws/eks/platform-prod/cluster"

ALIAS, KEY, RECORD = "aws:kms/alias:Alias", "aws:kms/key:Key", "aws:route53/record:Record"
SECRET, LOG_GROUP = "aws:secretsmanager/secret:Secret", "aws:cloudwatch/logGroup:LogGroup"
# What docs/environments.md, "What a destroy leaves", names, by type and logical name.
DATA = {
    *(("aws:s3/bucket:Bucket", name) for name in ("storage-logs", "storage-backups", "images-bucket")),
    ("aws:efs/fileSystem:FileSystem", "storage-files"),
    *(("aws:ecr/repository:Repository", f"storage-registry-{name}") for name in REPOSITORIES),
    ("aws:backup/vault:Vault", "storage-vault"),
    *((type_, "storage-data") for type_ in (KEY, ALIAS)),
    ("aws:route53/zone:Zone", "edge-zone"),
    (RECORD, "edge-delegation"),
}
OF_SECRETS = {(SECRET, f"secrets-{entry}") for entry in SECRETS} | {(type_, "secrets") for type_ in (KEY, ALIAS)}
TAKEN_OVER = {*DATA, *OF_SECRETS, (LOG_GROUP, "cluster-logs")}
# What is kept, as AWS lists it; keys and zone are known by their ids.
IN_AWS = {
    *(("s3", "buckets", name) for name in BUCKETS),
    *(("ecr", "repositories", name) for name in REPOSITORIES),
    ("backup", "vaults", CLUSTER),
    ("kms", "aliases", f"alias/{CLUSTER}-data"),
}
SECRETS_IN_AWS = {
    ("kms", "aliases", f"alias/{CLUSTER}-secrets"),
    *(("pending deletion", "secrets", f"{CLUSTER}/{entry}") for entry in SECRETS),
}
ALWAYS = {("iam", "roles", "AWSServiceRoleForEC2Spot")}


@dataclass(kw_only=True)
class Life:
    """What was seen.

    Attributes:
        ids: By type and logical name, after the first and the second `up`.
        left: Service, kind and name of all that was there after the first and the last destroy and not before the
            first `up`.
        said: What `ops` printed, by what it was for.
        again: Steps of the preview after a refresh, on the second `up`.
        held: What was found of what had been put in.
    """

    ids: list[dict[tuple[str, str], str]] = field(default_factory=list)
    left: list[set[Left]] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    held: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Play it."""
    seen = Life()
    with Account(CHECKOUT, tmp_path_factory.mktemp("again"), "prod") as account:
        account.write(KEPT)
        seen.said["first up"] = ops(account, *UP)
        seen.ids.append(ids(account))
        fill(account)
        account.engine.destroy()
        # EKS writes on while its cluster goes.
        account.client("logs").create_log_group(logGroupName=WRITTEN_ON)
        seen.left.append(left(account))
        seen.said["preview"] = ops(account, "preview")
        seen.said["second up"] = ops(account, *UP)
        seen.ids.append(ids(account))
        seen.again = set(account.again().steps)
        seen.held = held(account)
        account.write(GIVEN_UP)
        seen.said["last up"] = ops(account, *UP)
        account.engine.destroy()
        seen.left.append(left(account))
    return seen


def ops(account: Account, *words: str) -> str:
    done = account.ops(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ids(account: Account) -> dict[tuple[str, str], str]:
    return {(r["type"], r["urn"].rpartition("::")[2]): r["id"] for r in account.engine.resources() if "id" in r}


def left(account: Account) -> set[Left]:
    """Return what is new, each without its region."""
    assert not account.engine.resources()
    found = account.new()
    assert not [str(one) for one in found if one.gone]
    return {(one.place, one.kind, one.name.partition("/")[2]) for one in found}


def fill(account: Account) -> None:
    """Put something into everything that a destroy would stumble over, and that must not be lost."""
    # Without TLS the buckets' policies refuse objects.
    for bucket in BUCKETS:
        s3_backends[ACCOUNT]["aws"].put_object(bucket, "a", b"x")
    for name in REPOSITORIES:
        account.client("ecr").put_image(repositoryName=name, imageManifest=_manifest(), imageTag="v1")
    for entry in SECRETS[1:]:
        account.client("secretsmanager").put_secret_value(SecretId=f"{CLUSTER}/{entry}", SecretString=f"of {entry}")
    vault = backup_backends[ACCOUNT][REGION].vaults[CLUSTER]
    vars(vault)["recovery_points"] = [{"RecoveryPointArn": f"arn:aws:ec2:{REGION}::snapshot/snap-1"}]
    zone = {"Name": "app.prod.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": zone}]}
    own = ids(account)["aws:route53/zone:Zone", "edge-zone"]
    account.client("route53").change_resource_record_sets(HostedZoneId=own, ChangeBatch=batch)


def held(account: Account) -> dict[str, Any]:
    """Return what is found of it."""
    ecr, values = account.client("ecr"), account.client("secretsmanager")
    own = ids(account)["aws:route53/zone:Zone", "edge-zone"]
    records = account.client("route53").list_resource_record_sets(HostedZoneId=own)["ResourceRecordSets"]
    points = account.client("backup").list_recovery_points_by_backup_vault(BackupVaultName=CLUSTER)
    return {
        "objects": {bucket: _object(bucket) for bucket in BUCKETS},
        "images": {name: len(ecr.list_images(repositoryName=name)["imageIds"]) for name in REPOSITORIES},
        "secrets": {entry: values.get_secret_value(SecretId=f"{CLUSTER}/{entry}")["SecretString"] for entry in SECRETS},
        "recovery points": len(points["RecoveryPoints"]),
        "days of logs": account.client("logs")
        .describe_log_groups(logGroupNamePrefix=WRITTEN_ON)["logGroups"][0]
        .get("retentionInDays"),
        "record": any(one["Name"] == "app.prod.example.com." for one in records),
    }


def _object(bucket: str) -> bytes:
    found = s3_backends[ACCOUNT]["aws"].get_object(bucket, "a")
    assert found is not None
    return bytes(found.value)


def _manifest() -> str:
    layer = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": "sha256:" + "0" * 64}
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": layer, "layers": []})


def taken_over(said: str, word: str) -> set[tuple[str, str]]:
    """Return types and logical names out of what `ops` said."""
    return {(match[1], match[2]) for match in re.finditer(rf"^{word}   (\S+) (\S+): ", said, re.MULTILINE)}


def test_a_destroy_leaves_exactly_what_the_documents_say(life: Life) -> None:
    """The data with their keys, the secrets for their 30 days with theirs, and what AWS keeps or makes itself."""
    first = life.ids[0]
    keys = {name: id_ for (type_, name), id_ in first.items() if type_ == KEY}
    zone = first["aws:route53/zone:Zone", "edge-zone"]
    assert life.left[0] == {
        *IN_AWS,
        *SECRETS_IN_AWS,
        *ALWAYS,
        ("efs", "file systems", first["aws:efs/fileSystem:FileSystem", "storage-files"]),
        ("route53", "zones", zone),
        ("route53", "records", first[RECORD, "edge-delegation"]),
        ("route53", "records", f"{zone}_app.prod.example.com_A"),
        ("logs", "log groups", WRITTEN_ON),
        *(("kms", "keys", keys.pop(name)) for name in ("storage-data", "secrets")),
        *(("pending deletion", "kms keys", id_) for id_ in keys.values()),
    }


def test_a_preview_says_what_would_be_taken_over(life: Life) -> None:
    """The same that `up` takes over then; the first and the last `up` had nothing to take over."""
    assert taken_over(life.said["preview"], "would adopt") == TAKEN_OVER
    assert taken_over(life.said["second up"], "adopted") == TAKEN_OVER
    assert life.said["second up"].count("deletion was waiting, and is called off") == len(SECRETS)
    assert "adopt" not in life.said["first up"] + life.said["last up"]


def test_up_again_is_on_the_same_data(life: Life) -> None:
    """The same physical resources, with all that was put in; afterwards nothing differs from the program."""
    first, second = life.ids
    assert {one: second[one] for one in TAKEN_OVER} == {one: first[one] for one in TAKEN_OVER}
    assert life.again <= {"same", "read"}
    secrets = life.held.pop("secrets")
    assert life.held == {
        "objects": dict.fromkeys(BUCKETS, b"x"),
        "images": dict.fromkeys(REPOSITORIES, 1),
        "recovery points": 1,
        "days of logs": 365,
        "record": True,
    }
    login = json.loads(secrets.pop("argocd/oidc"))
    assert secrets == {entry: f"of {entry}" for entry in SECRETS[1:]}
    # The user pool is a new one, and its client's credentials with it.
    assert login["clientId"] in second.values()
    assert login["clientId"] not in first.values()


def test_what_is_given_up_goes_with_all_that_is_in_it(life: Life) -> None:
    """`keepData` false, `up`, destroy: nothing stays but the secrets for their 30 days, and keys for theirs."""
    keys = {("kms", "keys", life.ids[0][KEY, "secrets"])}
    pending = {one for one in life.left[1] if one[:2] == ("pending deletion", "kms keys")}
    assert life.left[1] - pending == {*SECRETS_IN_AWS, *ALWAYS, *keys}
    assert ("pending deletion", "kms keys", life.ids[0][KEY, "storage-data"]) in pending

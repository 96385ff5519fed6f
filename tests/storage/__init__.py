"""One cluster's storage, as the tests of its controls register it."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from components.place import Place
from components.storage.plan import RECOVERY, Means
from ops.stateful import STATEFUL
from tests.captures import Capture, Registration
from tests.conftest import ACCOUNT, CaptureProgram

REGION: Final = "ap-northeast-2"
BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
TAGS: Final = {"project": "demo", "owner": "platform"}
PLACE: Final = Place(region=REGION, partition="aws", account_id=ACCOUNT, permissions_boundary=BOUNDARY, tags=TAGS)
PUSHER: Final = f"arn:aws:iam::{ACCOUNT}:role/ci"

KEY: Final = "aws:kms/key:Key"
ALIAS: Final = "aws:kms/alias:Alias"
BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
LIFECYCLE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"
FILES: Final = "aws:efs/fileSystem:FileSystem"
FILES_POLICY: Final = "aws:efs/fileSystemPolicy:FileSystemPolicy"
FILES_BACKUP: Final = "aws:efs/backupPolicy:BackupPolicy"
MOUNT: Final = "aws:efs/mountTarget:MountTarget"
ACCESS_POINT: Final = "aws:efs/accessPoint:AccessPoint"
GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
REPOSITORY: Final = "aws:ecr/repository:Repository"
IMAGE_LIFECYCLE: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
VAULT: Final = "aws:backup/vault:Vault"
VAULT_POLICY: Final = "aws:backup/vaultPolicy:VaultPolicy"
PLAN: Final = "aws:backup/plan:Plan"
SELECTION: Final = "aws:backup/selection:Selection"
ATTACHMENT: Final = "aws:ec2/volumeAttachment:VolumeAttachment"
INSTANCE: Final = "aws:ec2/instance:Instance"

EXAMPLE: Final[Mapping[str, Any]] = {
    "cluster_name": "demo",
    "vpc_id": "vpc-1",
    "subnet_ids": {"a": "subnet-a", "b": "subnet-b", "c": "subnet-c"},
    "node_security_group_id": "sg-nodes",
    "logs_bucket": "demo-logs",
    "backups_bucket": "demo-backups",
    "file_system": True,
    "repositories": ["bubblepool", "charts/platform"],
    "pushers": {"ci": PUSHER},
    "backup_retention_days": 35,
    "keep_data": True,
    "protect": True,
}
Build = Callable[..., Capture]


def storage_of(capture: CaptureProgram) -> Build:
    """Return what registers the example's storage; keyword arguments replace the example's values."""

    @functools.cache
    def registered(text: str, preview: bool) -> Capture:
        from components.storage.component import Storage, StorageArgs

        return capture(lambda: Storage("storage", StorageArgs(**json.loads(text), place=PLACE)), preview=preview)

    return lambda preview=False, **changes: registered(json.dumps({**EXAMPLE, **changes}), preview)


def of_bucket(captured: Capture, type_: str, bucket: Registration) -> list[Registration]:
    """What of the type is set on the bucket, whether by its own name or by that of its policy."""
    policies = [r.urn for r in captured.of_type(BUCKET_POLICY) if bucket.urn in r.property_dependencies["bucket"]]
    urns = {bucket.urn, *policies}
    return [r for r in captured.of_type(type_) if urns & set(r.property_dependencies["bucket"])]


def statements(registration: Registration, key: str = "policy") -> list[dict[str, Any]]:
    """The statements of a document that a resource has."""
    found: list[dict[str, Any]] = json.loads(registration.inputs[key])["Statement"]
    return found


def without_a_way_back(captured: Capture) -> list[str]:
    """D8: everything that holds something is had back in the way that the plan says, and the program has that way.

    A type that the operators' guard takes for stateful, and a type that is backed up, both need a row in the plan.
    """
    wrong = []
    for resource in captured.resources:
        if resource.type not in STATEFUL.keys() | RECOVERY.keys():
            continue
        row = RECOVERY.get(resource.type)
        if row is None or not _WAYS[row.means](captured, resource):
            wrong.append(resource.urn)
    return wrong


def _planned(captured: Capture, resource: Registration) -> bool:
    """A selection of a plan names it, with a role, and the plan keeps for a time what it takes every day."""
    plans = {plan.urn for plan in captured.of_type(PLAN) if plan.inputs["rules"] and _daily(plan)}
    return any(
        resource.urn in selection.property_dependencies["resources"]
        and plans & set(selection.property_dependencies["planId"])
        and selection.property_dependencies["iamRoleArn"]
        for selection in captured.of_type(SELECTION)
    )


def _kept(captured: Capture, resource: Registration) -> bool:
    """The plan has it, or a control plane that has it attached writes snapshots of its etcd to the backups bucket."""
    return _planned(captured, resource) or any(
        resource.urn in attachment.property_dependencies["volumeId"]
        and machine.urn in attachment.property_dependencies["instanceId"]
        and _writes_snapshots(machine)
        for attachment in captured.of_type(ATTACHMENT)
        for machine in captured.of_type(INSTANCE)
    )


def _writes_snapshots(machine: Registration) -> bool:
    """Its user data has a timer of every quarter of an hour for etcd's snapshots."""
    text = gzip.decompress(base64.b64decode(machine.inputs["userDataBase64"])).decode()
    files = {one["path"]: one.get("content", "") for one in yaml.safe_load(text).get("write_files", [])}
    timers = [content for path, content in files.items() if re.search(r"etcd-snapshot\.timer$", path)]
    return len(timers) == 1 and "OnCalendar=*:0/15" in str(timers[0])


def _daily(plan: Registration) -> bool:
    schedules = [rule["schedule"] for rule in plan.inputs["rules"] if rule["lifecycle"]["deleteAfter"] >= 7]
    return any(re.fullmatch(r"cron\(\d+ \d+ \* \* \? \*\)", schedule) for schedule in schedules)


def _versioned(captured: Capture, resource: Registration) -> bool:
    configurations = [r.inputs["versioningConfiguration"] for r in of_bucket(captured, VERSIONING, resource)]
    return configurations == [{"status": "Enabled"}]


def _waits(captured: Capture, resource: Registration) -> bool:
    """A key's deletion waits; for secrets the days are a setting, and none is one of its values."""
    return resource.inputs.get("deletionWindowInDays") == 30 or "recoveryWindowInDays" in resource.inputs


_WAYS: Final[Mapping[Means, Callable[[Capture, Registration], object]]] = {
    "plan": _kept,
    "versions": _versioned,
    "window": _waits,
    "again": lambda captured, resource: True,
    "none": lambda captured, resource: True,
}

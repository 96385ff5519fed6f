"""The file system, control by control (D3), each with mutations that the control catches."""

from __future__ import annotations

import json

import pytest

from tests.captures import Capture
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT, CaptureProgram
from tests.iam import Call, Target, allowed
from tests.storage import (
    ACCESS_POINT,
    EXAMPLE,
    FILES,
    FILES_BACKUP,
    FILES_POLICY,
    GROUP,
    INGRESS,
    KEY,
    MOUNT,
    REGION,
    TAGS,
    Build,
    statements,
    storage_of,
)

NAME = "storage-files"


@pytest.fixture(scope="module")
def storage(capture: CaptureProgram) -> Build:
    return storage_of(capture)


def unencrypted_files(captured: Capture) -> list[str]:
    """Files are encrypted with the data key."""
    data = captured.one(KEY, "storage-data").urn
    return [
        r.urn
        for r in captured.of_type(FILES)
        if r.inputs.get("encrypted") is not True or r.property_dependencies.get("kmsKeyId") != (data,)
    ]


def zones_without_a_mount_target(captured: Capture) -> list[str]:
    """Each zone has one mount target, in its private subnet and in the one group."""
    files, group = captured.one(FILES, NAME).urn, captured.one(GROUP, NAME).urn
    found = {
        r.name: r.inputs["subnetId"]
        for r in captured.of_type(MOUNT)
        if r.source("fileSystemId") == files and r.property_dependencies["securityGroups"] == (group,)
    }
    return [
        zone for zone, subnet in EXAMPLE["subnet_ids"].items() if found.pop(f"{NAME}-{zone}", None) != subnet
    ] + list(found)


def open_mount_targets(captured: Capture) -> list[str]:
    """Nodes alone come in, by NFS's port, and nothing goes out."""
    group = captured.one(GROUP, NAME)
    (rule,) = captured.of_type(INGRESS)
    wanted = {"fromPort": 2049, "toPort": 2049, "ipProtocol": "tcp", "referencedSecurityGroupId": "sg-nodes"}
    ranges = {key for key in rule.inputs if key.startswith("cidr") or key == "prefixListId"}
    strict = wanted.items() <= rule.inputs.items() and not ranges and rule.source("securityGroupId") == group.urn
    return ([] if strict else [rule.urn]) + ([] if group.inputs.get("egress") == [] else [group.urn])


def access_as_root(captured: Capture) -> list[str]:
    """The access point has a directory below the root and a user that is not root."""
    wrong = []
    for point in captured.of_type(ACCESS_POINT):
        user, root = point.inputs.get("posixUser", {}), point.inputs.get("rootDirectory", {})
        made = root.get("creationInfo", {})
        ids = {user.get("uid"), user.get("gid"), made.get("ownerUid"), made.get("ownerGid")}
        below = root.get("path", "/") != "/"
        wrong += [] if below and ids == {1000} and made.get("permissions") == "0750" else [point.urn]
    return wrong


def plain_text_mounts(captured: Capture) -> list[str]:
    """A mount comes over TLS and through an access point, or not at all."""
    files, policy = captured.one(FILES, NAME), captured.one(FILES_POLICY, NAME)
    (outputs,) = (o for urn, o in captured.outputs.items() if urn.endswith("SharedFiles::storage-files"))
    point = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/fsap-1"
    good = {
        "aws:SecureTransport": "true",
        "elasticfilesystem:AccessedViaMountTarget": "true",
        "elasticfilesystem:AccessPointArn": point,
    }
    bad = [{**good, "aws:SecureTransport": "false"}, {k: v for k, v in good.items() if not k.endswith("Arn")}]
    wrong = [] if policy.source("fileSystemId") == files.urn else [policy.urn]
    for context, through in [(good, True), *((one, False) for one in bad)]:
        call = Call(
            action="elasticfilesystem:ClientMount",
            targets=[Target(arn=outputs["arn"])],
            principal="AWS:anonymous",
            context=context,
        )
        wrong += [] if allowed(statements(policy), call) is through else [str(context)]
    return wrong


def files_without_backup(captured: Capture) -> list[str]:
    """EFS's own backups are on."""
    backed_up = {
        r.source("fileSystemId")
        for r in captured.of_type(FILES_BACKUP)
        if r.inputs["backupPolicy"] == {"status": "ENABLED"}
    }
    return [r.urn for r in captured.of_type(FILES) if r.urn not in backed_up]


def files_nobody_finds(captured: Capture) -> list[str]:
    """A kept file system is found by its token; the cluster's EFS driver asks for the cluster's tag."""
    files = captured.one(FILES, NAME)
    wanted = {**TAGS, "Name": "demo-files", "kubernetes.io/cluster/demo": "owned"}
    found = files.inputs.get("creationToken") == "demo" and files.inputs.get("tags") == wanted
    return [] if found else [files.urn]


def _root_mounts(captured: Capture) -> Capture:
    document = statements(captured.one(FILES_POLICY, NAME))
    del document[1]["Condition"]["ArnLike"]
    return captured.changed(FILES_POLICY, NAME, {"policy": json.dumps({"Statement": document})})


def _plain_text(captured: Capture) -> Capture:
    document = statements(captured.one(FILES_POLICY, NAME))[1:]
    return captured.changed(FILES_POLICY, NAME, {"policy": json.dumps({"Statement": document})})


ROOT = {"path": "/", "creationInfo": {"ownerUid": 1000, "ownerGid": 1000, "permissions": "0750"}}
MUTATIONS: list[tuple[Control, Mutation]] = [
    (unencrypted_files, changed(FILES, NAME, {"encrypted": None})),
    (unencrypted_files, changed(FILES, NAME, property_dependencies={"kmsKeyId": ()})),
    (zones_without_a_mount_target, without(MOUNT, f"{NAME}-b")),
    (zones_without_a_mount_target, changed(MOUNT, f"{NAME}-b", {"subnetId": "subnet-a"})),
    (open_mount_targets, changed(INGRESS, f"{NAME}-nodes", {"cidrIpv4": "10.0.0.0/8"})),
    (open_mount_targets, changed(INGRESS, f"{NAME}-nodes", {"referencedSecurityGroupId": "sg-others"})),
    (open_mount_targets, changed(INGRESS, f"{NAME}-nodes", {"fromPort": 0})),
    (open_mount_targets, changed(GROUP, NAME, {"egress": None})),
    (access_as_root, changed(ACCESS_POINT, NAME, {"posixUser": {"uid": 0, "gid": 0}})),
    (access_as_root, changed(ACCESS_POINT, NAME, {"posixUser": None})),
    (access_as_root, changed(ACCESS_POINT, NAME, {"rootDirectory": ROOT})),
    (plain_text_mounts, _plain_text),
    (plain_text_mounts, _root_mounts),
    (files_without_backup, changed(FILES_BACKUP, NAME, {"backupPolicy": {"status": "DISABLED"}})),
    (files_without_backup, without(FILES_BACKUP, NAME)),
    (files_nobody_finds, changed(FILES, NAME, {"creationToken": None})),
    (files_nobody_finds, changed(FILES, NAME, {"tags": TAGS})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS)
def test_control_holds(storage: Build, control: Control) -> None:
    """The file system breaks no control."""
    assert control(storage()) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS)
def test_control_catches_its_mutation(storage: Build, control: Control, mutation: Mutation) -> None:
    """Each control reports a file system of which one thing was changed."""
    assert control(mutation(storage())) != []


@pytest.mark.parametrize("keep", [True, False])
def test_kept_files_keep_their_policies(storage: Build, keep: bool) -> None:
    """A destroy leaves the file system and its policies, and takes the ways to it away: their network goes."""
    captured = storage(keep_data=keep)
    kept = {r.type for r in captured.resources if r.retain_on_delete and r.type.startswith("aws:efs/")}
    assert kept == ({FILES, FILES_POLICY, FILES_BACKUP} if keep else set())
    assert [r for r in (*captured.of_type(GROUP), *captured.of_type(INGRESS)) if r.retain_on_delete] == []


@pytest.mark.parametrize("protect", [True, False])
def test_files_alone_are_protected(storage: Build, protect: bool) -> None:
    """Pulumi refuses to delete the file system, not what leads to it."""
    protected = [r.type for r in storage(protect=protect).resources if r.protect and r.type.startswith("aws:efs/")]
    assert protected == ([FILES] if protect else [])


def test_a_zone_less_moves_no_other(storage: Build) -> None:
    """Mount targets are named after their zones: taking the first zone away touches no other's."""
    fewer = storage(subnet_ids={zone: EXAMPLE["subnet_ids"][zone] for zone in ("b", "c")})
    left = {r.urn: r.inputs for r in fewer.of_type(MOUNT)}
    before = {r.urn: r.inputs for r in storage().of_type(MOUNT)}
    assert left == {urn: before[urn] for urn in left}
    assert len(before) - len(left) == 1


def test_there_need_not_be_files(storage: Build) -> None:
    """Without a file system nothing of EFS is registered, and the storage says so."""
    captured = storage(file_system=False)
    assert [r.urn for r in captured.resources if r.type.startswith("aws:efs/")] == []
    (outputs,) = (o for urn, o in captured.outputs.items() if urn.endswith("storage:Storage::storage"))
    assert (outputs.get("file_system_id"), outputs.get("access_point_id")) == (None, None)

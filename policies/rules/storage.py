"""Volumes, the file system and repositories: controls D1, D3, D5."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from policies import tokens, topology
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import IDENTITY_POLICIES, Statement, granted, statements

_NFS: Final = 2049
_MOUNTS: Final = frozenset(
    {"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"}
)
_PUSHES: Final = ("ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")


@rule("D1", types=[tokens.VOLUME, tokens.INSTANCE])
def volume_is_encrypted(resource: Resource) -> Iterator[Fault]:
    """A volume is encrypted, whether it is made alone or with an instance."""
    if resource.type == tokens.VOLUME:
        if not resource.true("encrypted"):
            yield Fault("encrypted", "is not true", "set true")
        return
    if not resource.true("rootBlockDevice.encrypted"):
        yield Fault("rootBlockDevice.encrypted", "is not true", "set true")
    for index in range(len(resource.items("ebsBlockDevices"))):
        if not resource.true(f"ebsBlockDevices.{index}.encrypted"):
            yield Fault(f"ebsBlockDevices.{index}.encrypted", "is not true", "set true")


@rule("D3", types=[tokens.FILE_SYSTEM], whole=True)
def file_system_is_encrypted_and_guarded(files: Resource, stack: Stack) -> Iterator[Fault]:
    """A file system is encrypted by a key of this program, has a policy, and AWS copies it once a day."""
    if not files.true("encrypted"):
        yield Fault("encrypted", "is not true", "set true")
    if not stack.source(files, "kmsKeyId", tokens.KEY):
        yield Fault("kmsKeyId", "is no key of this program", "pass the key's ARN")
    if len(stack.users(files, "fileSystemId", tokens.FILE_SYSTEM_POLICY)) != 1:
        yield Fault("policy", "there is not one: whoever reaches it comes in as root", "add a FileSystemPolicy")
    backups = stack.users(files, "fileSystemId", tokens.EFS_BACKUP_POLICY)
    if not any(backup.get("backupPolicy.status") == "ENABLED" for backup in backups):
        yield Fault("backup", "AWS makes none by itself", "add a BackupPolicy that is ENABLED")


@rule("D3", types=[tokens.FILE_SYSTEM], whole=True)
def file_system_is_reached_in_every_zone(files: Resource, stack: Stack) -> Iterator[Fault]:
    """A mount target lies in each zone in which there are nodes: over zones a mount costs and fails with either."""
    targets = stack.users(files, "fileSystemId", tokens.MOUNT_TARGET)
    there = {s.get("availabilityZone") for t in targets for s in stack.source(t, "subnetId", tokens.SUBNET)}
    missing = sorted({subnet.get("availabilityZone") for subnet in topology.node_subnets(stack)} - there)
    if missing:
        yield Fault("mount targets", f"there is none in {', '.join(missing)}", "add one")
    if not stack.users(files, "fileSystemId", tokens.ACCESS_POINT):
        yield Fault("access point", "there is none, and the policy lets nobody in without", "add one")


@rule("D3", types=[tokens.MOUNT_TARGET], whole=True)
def files_are_reached_by_nodes_only(target: Resource, stack: Stack) -> Iterator[Fault]:
    """A mount target's group lets NFS in from the nodes' group alone, and nothing out."""
    if not stack.source(target, "fileSystemId", tokens.FILE_SYSTEM):
        yield Fault("fileSystemId", "is no file system of this program", "pass its id")
    groups = stack.source(target, "securityGroups", tokens.GROUP)
    if not groups:
        yield Fault("securityGroups", "is the VPC's default group", "pass a group of its own")
    for group in groups:
        entries = stack.users(group, "securityGroupId", tokens.INGRESS_RULE)
        if not entries:
            yield Fault("securityGroups", f"{group.name} lets nobody in", "let NFS in from the nodes")
        for entry in entries:
            ports = (entry.get("ipProtocol"), entry.get("fromPort"), entry.get("toPort"))
            if ports != ("tcp", _NFS, _NFS):
                yield Fault("securityGroups", f"{entry.name} lets {ports} in", f"let tcp {_NFS} in")
            machines = {urn for urn, whose in topology.groups(stack).items() if whose == "nodes"}
            nodes = stack.source(entry, "referencedSecurityGroupId", tokens.CLUSTER)
            if not nodes and not machines & entry.sources.get("referencedSecurityGroupId", frozenset()):
                yield Fault("securityGroups", f"{entry.name} is not from the nodes' group", "refer to that group")
        for entry in stack.users(group, "securityGroupId", tokens.EGRESS_RULE):
            yield Fault("securityGroups", f"{entry.name} lets a mount target call out", "take the rule out")


@rule("D3", types=[tokens.ACCESS_POINT])
def access_point_is_no_root(point: Resource) -> Iterator[Fault]:
    """Who comes by an access point is in a directory of its own and is not root, whatever it says it is."""
    if point.get("rootDirectory.path") in (None, "", "/"):
        yield Fault("rootDirectory.path", "is the whole file system", "name a directory")
    for key in ("uid", "gid"):
        if not point.get(f"posixUser.{key}"):
            yield Fault(f"posixUser.{key}", "is root's or the caller's own", "set another than 0")
    for key in ("ownerUid", "ownerGid"):
        if point.get(f"rootDirectory.creationInfo.{key}") != point.get(f"posixUser.{key[5:].lower()}"):
            yield Fault(f"rootDirectory.creationInfo.{key}", "is not the user's", "set the same")
    if not str(point.get("rootDirectory.creationInfo.permissions")).endswith("0"):
        yield Fault("rootDirectory.creationInfo.permissions", "let others in", "end them with 0")


@rule("D3", types=[tokens.FILE_SYSTEM_POLICY])
def files_come_over_tls_by_access_points(policy: Resource) -> Iterator[Fault]:
    """A file system is mounted over TLS, by an access point of this account, and never as root."""
    found = list(statements(policy, "policy"))
    if not any(_refuses_plain_text(statement) for statement in found):
        yield Fault("policy", "lets in who comes without TLS", "deny mounts when aws:SecureTransport is false")
    for statement in (s for s in found if s.allow):
        if not set(statement.actions) <= _MOUNTS - {"elasticfilesystem:ClientRootAccess"}:
            yield Fault(statement.where, "allows more than mounting and writing", "name these two")
        if "*" in statement.resources:
            yield Fault(statement.where, "is about any file system", "name it")
        if statement.keys("Bool").get("elasticfilesystem:accessedviamounttarget") != ("true",):
            yield Fault(statement.where, "lets in who passes the mount targets", "bind AccessedViaMountTarget")
        points = statement.keys("ArnLike", "ArnEquals", "StringLike").get("elasticfilesystem:accesspointarn", ())
        if not points or not all(_is_access_point(arn) for arn in points):
            yield Fault(statement.where, "lets in at the root", "bind AccessPointArn to this account's")
    if policy.true("bypassPolicyLockoutSafetyCheck"):
        yield Fault("bypassPolicyLockoutSafetyCheck", "is true", "leave it out")


@rule("D5", types=[tokens.REPOSITORY], whole=True)
def repository_keeps_what_it_was_given(repository: Resource, stack: Stack) -> Iterator[Fault]:
    """A tag means one image for ever; images are scanned, encrypted by a key of this program, and old ones go."""
    if repository.get("imageTagMutability") != "IMMUTABLE":
        yield Fault("imageTagMutability", "is not IMMUTABLE", "set IMMUTABLE")
    if not repository.true("imageScanningConfiguration.scanOnPush"):
        yield Fault("imageScanningConfiguration.scanOnPush", "is not true", "set true")
    key = repository.given("encryptionConfigurations.0.kmsKey")
    if repository.get("encryptionConfigurations.0.encryptionType") not in ("KMS", "KMS_DSSE"):
        yield Fault("encryptionConfigurations.0.encryptionType", "is not KMS", "set KMS")
    if not key or not stack.source(repository, "encryptionConfigurations", tokens.KEY):
        yield Fault("encryptionConfigurations.0.kmsKey", "is no key of this program", "pass the key's ARN")
    policies = stack.users(repository, "repository", tokens.IMAGE_LIFECYCLE)
    untagged = [
        rule_
        for policy in policies
        for rule_ in policy.document("policy").get("rules", [])
        if rule_["selection"]["tagStatus"] in ("untagged", "any") and rule_["action"]["type"] == "expire"
    ]
    if not untagged:
        yield Fault("lifecycle", "keeps images that nothing names", "add a LifecyclePolicy that expires them")


@rule("D5", types=[tokens.IMAGE_LIFECYCLE], whole=True)
def image_lifecycle_is_of_our_repository(policy: Resource, stack: Stack) -> Iterator[Fault]:
    """What ends old images belongs to a repository of this program."""
    if not stack.source(policy, "repository", tokens.REPOSITORY):
        yield Fault("repository", "is none of this program", "take the name from the repository")


@rule("D5", types=[*IDENTITY_POLICIES, tokens.ROLE])
def images_are_pushed_by_repository(holder: Resource) -> Iterator[Fault]:
    """Who may push images may push to repositories that are named."""
    for statement in granted(holder):
        pushes = [a for a in _PUSHES if any(fnmatchcase(a.lower(), given.lower()) for given in statement.actions)]
        for arn in statement.resources if pushes else ():
            if "*" in arn or "?" in arn:
                yield Fault(statement.where, f"pushes to {arn}", "name the repositories")


def _refuses_plain_text(statement: Statement) -> bool:
    everybody = any("*" in names for names in statement.principals.values())
    plain = statement.keys("Bool").get("aws:securetransport") == ("false",)
    whole = set(statement.actions) >= _MOUNTS or "elasticfilesystem:*" in statement.actions or "*" in statement.actions
    return not statement.allow and everybody and plain and whole and len(statement.condition_keys) == 1


def _is_access_point(arn: str) -> bool:
    parts = arn.split(":", 5)
    return len(parts) == 6 and "*" not in parts[4] and bool(parts[4]) and parts[5].startswith("access-point/")

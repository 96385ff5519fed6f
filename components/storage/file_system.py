"""An EFS file system for volumes that many pods write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws.ec2 import SecurityGroup
from pulumi_aws.efs import (
    AccessPoint,
    AccessPointPosixUserArgs,
    AccessPointRootDirectoryArgs,
    AccessPointRootDirectoryCreationInfoArgs,
    BackupPolicy,
    BackupPolicyBackupPolicyArgs,
    FileSystem,
    FileSystemLifecyclePolicyArgs,
    FileSystemPolicy,
    MountTarget,
)
from pulumi_aws.vpc import SecurityGroupIngressRule

from components.place import Place
from components.storage import policy
from components.storage.names import plan_names

_NFS = 2049


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFilesArgs:
    """What the file system needs to know.

    Attributes:
        cluster_name: Names it, and is the tag by which the cluster's EFS driver may make access points on it.
        subnet_ids: Gets one mount target each, by zone: a pod that mounts in its own zone pays no traffic between zones
            and does not depend on another one.
        node_security_group_id: Of the nodes, which alone reach the mount targets.
        key_arn: Encrypts it. Another key is another file system.
        keep: Whether a destroy leaves it behind, with its policies.
        protect: Whether Pulumi refuses to delete it.
    """

    cluster_name: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    node_security_group_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    keep: bool = False
    protect: bool = False
    place: Place


class SharedFiles(pulumi.ComponentResource):
    """A file system that is mounted over TLS and through access points only, and one access point.

    Files not read for 30 days move to cheaper storage, and back when they are read.

    Attributes:
        access_point_id: Its directory is `/workloads`, its user 1000.
        ready: The mount targets: without one in its zone no pod mounts.
    """

    file_system_id: pulumi.Output[str]
    arn: pulumi.Output[str]
    access_point_id: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: SharedFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the file system."""
        super().__init__("platform:storage:SharedFiles", name, None, opts)
        self._name = name
        self._args = args
        files = self._create_file_system()
        self._create_policies(files)
        group = self._create_group()
        self.ready = [
            MountTarget(
                f"{name}-{zone}",
                file_system_id=files.id,
                subnet_id=subnet_id,
                security_groups=[group.id],
                # A zone has one: the new one has to wait until the old is gone.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
            for zone, subnet_id in args.subnet_ids.items()
        ]
        self.file_system_id = files.id
        self.arn = files.arn
        self.access_point_id = self._create_access_point(files).id
        shown = ("file_system_id", "arn", "access_point_id")
        self.register_outputs({output: getattr(self, output) for output in shown})

    def _kept(self, *, protect: bool = False) -> pulumi.ResourceOptions:
        keep = self._args.keep or None
        return pulumi.ResourceOptions(parent=self, protect=protect or None, retain_on_delete=keep)

    def _tags(self, role: str) -> dict[str, str]:
        return {**self._args.place.tags, "Name": f"{self._args.cluster_name}-{role}"}

    def _create_file_system(self) -> FileSystem:
        cluster_name = self._args.cluster_name
        return FileSystem(
            self._name,
            creation_token=plan_names(cluster_name).creation_token,
            encrypted=True,
            kms_key_id=self._args.key_arn,
            # Bursting would give a small file system 50 KiB/s per GiB.
            throughput_mode="elastic",
            lifecycle_policies=[
                FileSystemLifecyclePolicyArgs(transition_to_ia="AFTER_30_DAYS"),
                FileSystemLifecyclePolicyArgs(transition_to_primary_storage_class="AFTER_1_ACCESS"),
            ],
            tags={**self._tags("files"), f"kubernetes.io/cluster/{cluster_name}": "owned"},
            opts=self._kept(protect=self._args.protect),
        )

    def _create_policies(self, files: FileSystem) -> None:
        """Say who mounts it, and have AWS's own daily backup beside the plan's: it stays when the plan goes."""
        where = self._args.place.where
        FileSystemPolicy(
            self._name,
            file_system_id=files.id,
            policy=files.arn.apply(lambda arn: policy.render(policy.file_system_policy(arn, **where))),
            opts=self._kept(),
        )
        BackupPolicy(
            self._name,
            file_system_id=files.id,
            backup_policy=BackupPolicyBackupPolicyArgs(status="ENABLED"),
            opts=self._kept(),
        )

    def _create_group(self) -> SecurityGroup:
        """Let nodes in, by the one port of NFS; a mount target answers and never calls."""
        args = self._args
        child = pulumi.ResourceOptions(parent=self)
        group = SecurityGroup(
            self._name,
            # Not the other way round: AWS refuses names that begin with sg-, which a cluster's may.
            name_prefix=f"files-{args.cluster_name}-",
            description=f"Mount targets of {args.cluster_name}",
            vpc_id=args.vpc_id,
            egress=[],
            tags=self._tags("files"),
            opts=child,
        )
        SecurityGroupIngressRule(
            f"{self._name}-nodes",
            security_group_id=group.id,
            description="NFS from the nodes",
            ip_protocol="tcp",
            from_port=_NFS,
            to_port=_NFS,
            referenced_security_group_id=args.node_security_group_id,
            tags=self._tags("files"),
            opts=child,
        )
        return group

    def _create_access_point(self, files: FileSystem) -> AccessPoint:
        user = 1000
        return AccessPoint(
            self._name,
            file_system_id=files.id,
            posix_user=AccessPointPosixUserArgs(uid=user, gid=user),
            root_directory=AccessPointRootDirectoryArgs(
                path="/workloads",
                creation_info=AccessPointRootDirectoryCreationInfoArgs(
                    owner_uid=user, owner_gid=user, permissions="0750"
                ),
            ),
            tags=self._tags("workloads"),
            opts=pulumi.ResourceOptions(parent=self),
        )

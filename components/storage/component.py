"""Builds what holds data beside the cluster: key, buckets, file system, repositories and backups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

from components.encryption.key import DataKey, DataKeyArgs
from components.place import Place
from components.storage import policy
from components.storage.backups import Backups, BackupsArgs
from components.storage.bucket import PrivateBucket, PrivateBucketArgs
from components.storage.file_system import SharedFiles, SharedFilesArgs
from components.storage.names import plan_names
from components.storage.registry import Registry, RegistryArgs

_LOG_DAYS: Final = 365


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageArgs:
    """What the storage needs to know.

    Attributes:
        cluster_name: Names what has no name of its own among these.
        vpc_id: For the file system.
        subnet_ids: Private ones by zone; each gets a mount target.
        node_security_group_id: Of the nodes, which alone reach the file system.
        logs_bucket: Name of the bucket of access logs.
        backups_bucket: Name of the bucket that the cluster's side backs up to: Argo CD under `argocd-backups/`.
        file_system: Whether there is a file system.
        repositories: Names of the ECR repositories.
        pushers: ARNs of roles that may push to them, by name.
        backup_retention_days: Age at which a backup goes, in the vault and in the bucket.
        key_statements: Of the key's policy, for services that use it without a grant.
        keep_data: Whether a destroy leaves behind what holds data, and the key that it is encrypted with.
        protect: Whether Pulumi refuses to delete it.
    """

    cluster_name: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    node_security_group_id: pulumi.Input[str]
    logs_bucket: str
    backups_bucket: str
    file_system: bool
    repositories: Sequence[str]
    pushers: Mapping[str, str] = field(default_factory=dict)
    backup_retention_days: int
    key_statements: Sequence[Mapping[str, Any]] = ()
    keep_data: bool
    protect: bool = False
    place: Place


class Storage(pulumi.ComponentResource):
    """A key, two buckets, a file system, repositories, and daily backups of file system and volumes.

    The cluster's volumes are made by its EBS driver; here is only what backs them up.

    Attributes:
        key: Encrypts all but the logs.
        logs: Where buckets, load balancers and CloudFront write their access logs.
        backups: Where the cluster's side puts its backups.
        file_system_id: None without a file system.
        access_point_id: None without a file system.
        repository_urls: By the repository's name.
        push_role_arn: None without pushers.
        vault_name: Where AWS Backup keeps its recovery points.
    """

    key: DataKey
    logs: PrivateBucket
    backups: PrivateBucket
    file_system_id: pulumi.Output[str] | None
    access_point_id: pulumi.Output[str] | None
    repository_urls: Mapping[str, pulumi.Output[str]]
    push_role_arn: pulumi.Output[str] | None
    vault_name: pulumi.Output[str]

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the storage."""
        super().__init__("platform:storage:Storage", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self.key = self._create_key()
        self.logs = self._create_logs()
        self.backups = self._create_backups_bucket()
        files = self._create_file_system() if args.file_system else None
        registry = self._create_registry()
        self.file_system_id = None if files is None else files.file_system_id
        self.access_point_id = None if files is None else files.access_point_id
        self.repository_urls = registry.repository_urls
        self.push_role_arn = registry.push_role_arn
        self.vault_name = self._create_backups({} if files is None else {"file-system": files.arn}).vault_name
        shown = ("file_system_id", "access_point_id", "repository_urls", "push_role_arn", "vault_name")
        buckets = {"logs": self.logs.bucket, "backups": self.backups.bucket, "key_arn": self.key.arn}
        self.register_outputs({**buckets, **{output: getattr(self, output) for output in shown}})

    def _create_key(self) -> DataKey:
        args = self._args
        return DataKey(
            f"{self._name}-data",
            DataKeyArgs(
                alias=plan_names(args.cluster_name).key_alias,
                description=f"Encrypts what {args.cluster_name} stores",
                statements=args.key_statements,
                keep=args.keep_data,
                protect=args.protect,
                place=args.place,
            ),
            self._child,
        )

    def _create_logs(self) -> PrivateBucket:
        """Create the bucket of access logs. It has none of its own: each would be the cause of the next."""
        args = self._args
        logs = PrivateBucket(
            f"{self._name}-logs",
            PrivateBucketArgs(bucket=args.logs_bucket, expire_days=_LOG_DAYS, keep=args.keep_data, place=args.place),
            self._child,
        )
        logs.attach_policy(policy.log_delivery(args.logs_bucket, **args.place.where))
        return logs

    def _create_backups_bucket(self) -> PrivateBucket:
        args = self._args
        backups = PrivateBucket(
            f"{self._name}-backups",
            PrivateBucketArgs(
                bucket=args.backups_bucket,
                key_arn=self.key.arn,
                log_bucket=self.logs.bucket,
                expire_days=args.backup_retention_days,
                keep=args.keep_data,
                protect=args.protect,
                place=args.place,
            ),
            self._child,
        )
        backups.attach_policy()
        return backups

    def _create_file_system(self) -> SharedFiles:
        args = self._args
        return SharedFiles(
            f"{self._name}-files",
            SharedFilesArgs(
                cluster_name=args.cluster_name,
                vpc_id=args.vpc_id,
                subnet_ids=args.subnet_ids,
                node_security_group_id=args.node_security_group_id,
                key_arn=self.key.arn,
                keep=args.keep_data,
                protect=args.protect,
                place=args.place,
            ),
            self._child,
        )

    def _create_registry(self) -> Registry:
        args = self._args
        return Registry(
            f"{self._name}-registry",
            RegistryArgs(
                cluster_name=args.cluster_name,
                repositories=args.repositories,
                pushers=args.pushers,
                key_arn=self.key.arn,
                keep=args.keep_data,
                protect=args.protect,
                place=args.place,
            ),
            self._child,
        )

    def _create_backups(self, arns: Mapping[str, pulumi.Output[str]]) -> Backups:
        args = self._args
        return Backups(
            f"{self._name}-vault",
            BackupsArgs(
                cluster_name=args.cluster_name,
                retention_days=args.backup_retention_days,
                arns=arns,
                key_arn=self.key.arn,
                keep=args.keep_data,
                protect=args.protect,
                place=args.place,
            ),
            self._child,
        )

"""The names by which a later stack of the same name finds what was kept, and pipelines their role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.karpenter.names import ROLE_LIMIT, fit

# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupVault.html
VAULT_LIMIT: Final = 50
VAULT_LEAST: Final = 2
# https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html
TOKEN_LIMIT: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageNames:
    """Every physical name but those of buckets and repositories, which are settings.

    Attributes:
        key_alias: Without `alias/`.
        creation_token: Of the file system; no two of an account and region share one.
        vault: The plan's name, too.
    """

    key_alias: str
    creation_token: str
    vault: str
    backup_role: str
    push_role: str


def plan_names(cluster_name: str) -> StorageNames:
    """Name everything after the cluster."""
    return StorageNames(
        key_alias=f"{cluster_name}-data",
        creation_token=fit(cluster_name, TOKEN_LIMIT),
        # EKS takes a name of one character, AWS Backup does not.
        vault=fit(cluster_name, VAULT_LIMIT) if len(cluster_name) >= VAULT_LEAST else f"{cluster_name}-vault",
        backup_role=fit(cluster_name, ROLE_LIMIT, after="-backup"),
        push_role=fit(cluster_name, ROLE_LIMIT, after="-image-push"),
    )

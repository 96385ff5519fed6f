"""Buckets, file systems, registries, backups and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.checkov.resource_types.row import ResourceType, row

ROWS: Final[Mapping[str, ResourceType]] = {
    "aws:backup/plan:Plan": row(
        "aws_backup_plan",
        "advancedBackupSettings",
        "rules",
        "rules.copyActions",
        "rules.copyActions.lifecycle",
        "rules.lifecycle",
        maps=("advancedBackupSettings.backupOptions", "rules.recoveryPointTags"),
        renamed={
            "advancedBackupSettings": "advanced_backup_setting",
            "rules": "rule",
            "rules.copyActions": "copy_action",
        },
    ),
    "aws:backup/selection:Selection": row(
        "aws_backup_selection",
        "conditions",
        "conditions.stringEquals",
        "conditions.stringLikes",
        "conditions.stringNotEquals",
        "conditions.stringNotLikes",
        "selectionTags",
        renamed={
            "conditions": "condition",
            "conditions.stringLikes": "string_like",
            "conditions.stringNotLikes": "string_not_like",
            "selectionTags": "selection_tag",
        },
    ),
    "aws:backup/vault:Vault": row("aws_backup_vault"),
    "aws:backup/vaultPolicy:VaultPolicy": row("aws_backup_vault_policy"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": row("aws_ecr_lifecycle_policy"),
    "aws:ecr/repository:Repository": row(
        "aws_ecr_repository",
        "encryptionConfigurations",
        "imageScanningConfiguration",
        "imageTagMutabilityExclusionFilters",
        renamed={
            "encryptionConfigurations": "encryption_configuration",
            "imageTagMutabilityExclusionFilters": "image_tag_mutability_exclusion_filter",
        },
    ),
    "aws:efs/accessPoint:AccessPoint": row(
        "aws_efs_access_point", "posixUser", "rootDirectory", "rootDirectory.creationInfo"
    ),
    "aws:efs/backupPolicy:BackupPolicy": row("aws_efs_backup_policy", "backupPolicy"),
    "aws:efs/fileSystem:FileSystem": row(
        "aws_efs_file_system",
        "lifecyclePolicies",
        "protection",
        renamed={"lifecyclePolicies": "lifecycle_policy"},
    ),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": row("aws_efs_file_system_policy"),
    "aws:efs/mountTarget:MountTarget": row("aws_efs_mount_target"),
    # The bucket's own blocks (versioning, logging, ...) are older ways to say what the types beside it say.
    "aws:s3/bucket:Bucket": row("aws_s3_bucket"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": row(
        "aws_s3_bucket_lifecycle_configuration",
        "rules",
        "rules.abortIncompleteMultipartUpload",
        "rules.expiration",
        "rules.filter",
        "rules.filter.and",
        "rules.filter.tag",
        "rules.noncurrentVersionExpiration",
        "rules.noncurrentVersionTransitions",
        "rules.transitions",
        maps=("rules.filter.and.tags",),
        renamed={
            "rules": "rule",
            "rules.noncurrentVersionTransitions": "noncurrent_version_transition",
            "rules.transitions": "transition",
        },
    ),
    "aws:s3/bucketLogging:BucketLogging": row(
        "aws_s3_bucket_logging",
        "targetGrants",
        "targetGrants.grantee",
        "targetObjectKeyFormat",
        "targetObjectKeyFormat.partitionedPrefix",
        "targetObjectKeyFormat.simplePrefix",
        renamed={"targetGrants": "target_grant"},
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": row("aws_s3_bucket_ownership_controls", "rule"),
    "aws:s3/bucketPolicy:BucketPolicy": row("aws_s3_bucket_policy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": row("aws_s3_bucket_public_access_block"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": row(
        "aws_s3_bucket_server_side_encryption_configuration",
        "rules",
        "rules.applyServerSideEncryptionByDefault",
        renamed={"rules": "rule"},
    ),
    "aws:s3/bucketVersioning:BucketVersioning": row("aws_s3_bucket_versioning", "versioningConfiguration"),
    "aws:secretsmanager/secret:Secret": row("aws_secretsmanager_secret", "replicas", renamed={"replicas": "replica"}),
    "aws:secretsmanager/secretPolicy:SecretPolicy": row("aws_secretsmanager_secret_policy"),
    "aws:secretsmanager/secretVersion:SecretVersion": row("aws_secretsmanager_secret_version"),
}

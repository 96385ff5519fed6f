"""Rows of S3, EFS, ECR, AWS Backup and Secrets Manager."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

STORAGE: dict[str, Finder | Repeatable] = {
    "aws:s3/bucket:Bucket": Finder(
        service="s3",
        # Of this account only; that another one has the name is for S3 to say.
        look=Call("list_buckets", result="Buckets"),
        more={"Tags": Call("get_bucket_tagging", "{Bucket: it.Name}", "TagSet")},
        match={"Name": "bucket"},
        tags="Tags",
        unique=True,
        id="it.Name",
        named_by="bucket",
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Repeatable("putting the block twice is putting it once"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Repeatable("putting them twice is putting them once"),
    "aws:s3/bucketVersioning:BucketVersioning": Repeatable("turning versions on twice is turning them on once"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Repeatable(
        "putting the encryption twice is putting it once"
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Repeatable(
        "putting the rules twice is putting them once"
    ),
    "aws:s3/bucketLogging:BucketLogging": Repeatable("turning logging on twice is turning it on once"),
    "aws:s3/bucketPolicy:BucketPolicy": Repeatable("putting the policy twice is putting it once"),
    "aws:efs/fileSystem:FileSystem": Finder(
        service="efs",
        look=Call("describe_file_systems", "{CreationToken: creationToken}", "FileSystems"),
        tags="Tags",
        unique=True,
        id="it.FileSystemId",
        named_by="creationToken",
    ),
    "aws:efs/mountTarget:MountTarget": Finder(
        service="efs",
        look=Call("describe_mount_targets", "{FileSystemId: fileSystemId}", "MountTargets"),
        match={"SubnetId": "subnetId"},
        id="it.MountTargetId",
    ),
    "aws:efs/accessPoint:AccessPoint": Finder(
        service="efs",
        look=Call("describe_access_points", "{FileSystemId: fileSystemId}", "AccessPoints"),
        match={"RootDirectory.Path": "rootDirectory.path"},
        tags="Tags",
        id="it.AccessPointId",
    ),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": Repeatable("putting the policy twice is putting it once"),
    "aws:efs/backupPolicy:BackupPolicy": Repeatable("turning backups on twice is turning them on once"),
    "aws:ecr/repository:Repository": Finder(
        service="ecr",
        look=Call("describe_repositories", "{repositoryNames: [name]}", "repositories"),
        more={"Tags": Call("list_tags_for_resource", "{resourceArn: it.repositoryArn}", "tags")},
        tags="Tags",
        unique=True,
        id="it.repositoryName",
        named_by="name",
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Repeatable("putting the policy twice is putting it once"),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Repeatable("setting the policy twice is setting it once"),
    "aws:backup/vault:Vault": Finder(
        service="backup",
        # Asked for a vault that is not there by its name, AWS Backup denies access.
        look=Call("list_backup_vaults", result="BackupVaultList"),
        more={"Tags": Call("list_tags", "{ResourceArn: it.BackupVaultArn}", "Tags")},
        match={"BackupVaultName": "name"},
        tags="Tags",
        unique=True,
        id="it.BackupVaultName",
        named_by="name",
    ),
    "aws:backup/vaultPolicy:VaultPolicy": Repeatable("putting the policy twice is putting it once"),
    "aws:backup/plan:Plan": Finder(
        service="backup",
        look=Call("list_backup_plans", result="BackupPlansList"),
        more={"Tags": Call("list_tags", "{ResourceArn: it.BackupPlanArn}", "Tags")},
        match={"BackupPlanName": "name"},
        tags="Tags",
        id="it.BackupPlanId",
    ),
    "aws:backup/selection:Selection": Finder(
        service="backup",
        look=Call("list_backup_selections", "{BackupPlanId: planId}", "BackupSelectionsList"),
        match={"SelectionName": "name"},
        id="it.SelectionId",
    ),
    "aws:secretsmanager/secret:Secret": Finder(
        service="secretsmanager",
        look=Call("describe_secret", "{SecretId: name}"),
        tags="Tags",
        unique=True,
        id="it.ARN",
        named_by="name",
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Repeatable(
        "a second version with the same value is the current one"
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Repeatable("putting the policy twice is putting it once"),
}

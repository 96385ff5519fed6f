"""What AWS Backup may do, and who may undo it: plain dicts, so that a preview shows them whole."""

from __future__ import annotations

from components.identity.policies.scope import allow
from components.storage.policy import Document, Statement


def backup_trust(*, account_id: str) -> Document:
    """Let AWS Backup take the role, for this account's backups only."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowBackup",
                "Effect": "Allow",
                "Principal": {"Service": "backup.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
            }
        ],
    }


def backup(vault: str, *, region: str, partition: str, account_id: str) -> Document:
    """Let AWS Backup copy this region's volumes and file systems into the vault.

    The part of AWS's own policy that volumes and file systems need, for this account and region instead of all
    (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html).
    """
    snapshots = f"arn:{partition}:ec2:{region}::snapshot/*"
    here = f"{region}:{account_id}"
    statements = [
        *_volumes(snapshots, f"arn:{partition}:ec2:{here}:volume/*"),
        allow(
            "AllowFileSystems",
            ["elasticfilesystem:Backup", "elasticfilesystem:DescribeTags"],
            f"arn:{partition}:elasticfilesystem:{here}:file-system/*",
        ),
        *_keys(f"arn:{partition}:kms:{here}:key/*", region),
        allow(
            "AllowVault",
            ["backup:DescribeBackupVault", "backup:CopyIntoBackupVault"],
            f"arn:{partition}:backup:{here}:backup-vault:{vault}",
        ),
        allow(
            "AllowTaggingRecoveryPoints",
            ["backup:TagResource"],
            f"arn:{partition}:backup:{here}:recovery-point:*",
        ),
        allow("AllowFindingByTag", ["tag:GetResources"], "*"),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _volumes(snapshots: str, volumes: str) -> list[Statement]:
    return [
        allow("AllowLooking", ["ec2:DescribeSnapshots", "ec2:DescribeVolumes"], "*"),
        allow("AllowSnapshots", ["ec2:CreateSnapshot"], [snapshots, volumes]),
        allow("AllowCopies", ["ec2:CopySnapshot"], snapshots),
        allow("AllowTaggingAndDeleting", ["ec2:CreateTags", "ec2:DeleteSnapshot"], snapshots),
    ]


def _keys(keys: str, region: str) -> list[Statement]:
    """Whoever made a volume chose its key, so these are all keys; each statement says for what.

    The service's name in the condition ends alike in every partition
    (https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html).
    """
    return [
        allow("AllowLookingAtKeys", ["kms:DescribeKey"], keys),
        allow("AllowGrantingKeys", ["kms:CreateGrant"], keys, Bool={"kms:GrantIsForAWSResource": "true"}),
        allow(
            "AllowKeysOfSnapshots",
            ["kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
            keys,
            **{
                "ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:ebs:id"},
                "StringEquals": {"kms:ViaService": f"ec2.{region}.amazonaws.com"},
            },
        ),
    ]


def vault_policy() -> Document:
    """Let nobody shorten or delete a backup by hand; the plan's own ageing is not a request and goes on.

    Whoever has to take one away deletes this policy first, which a trail shows
    (https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault-access-policy.html).
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyDeletingBackups",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"],
                "Resource": "*",
            }
        ],
    }

"""Rows of AWS Backup."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import storage

VAULT_POLICY = "put_backup_vault_access_policy {BackupVaultName: backupVaultName, Policy: policy}"
LIFECYCLE = {
    "coldStorageAfter": "MoveToColdStorageAfterDays",
    "deleteAfter": "DeleteAfterDays",
}

ROWS = (
    Row(
        token="aws:backup/vault:Vault",
        service="backup",
        create="create_backup_vault {BackupVaultName: name, EncryptionKeyArn: kmsKeyArn, BackupVaultTags: tags}",
        id="{name}",
        read=(
            "describe_backup_vault {BackupVaultName: id}",
            "list_tags {ResourceArn: join('', [prefix, 'backup-vault:', id])}",
        ),
        delete=(storage.empty_vault, "delete_backup_vault {BackupVaultName: id}"),
        rename={"name": "BackupVaultName", "kmsKeyArn": "EncryptionKeyArn"},
        out={"arn": "BackupVaultArn", "recoveryPoints": "NumberOfRecoveryPoints"},
        local=("forceDestroy",),
        defaults={"forceDestroy": False},
        computed=("kmsKeyArn",),
        volatile=("recoveryPoints",),
        auto=AutoName(limit=50),
        tags="backup",
    ),
    Row(
        token="aws:backup/vaultPolicy:VaultPolicy",
        service="backup",
        create=VAULT_POLICY,
        id="{backupVaultName}",
        read=("get_backup_vault_access_policy {BackupVaultName: id}",),
        set={"policy": VAULT_POLICY},
        delete=("delete_backup_vault_access_policy {BackupVaultName: id}",),
    ),
    Row(
        token="aws:backup/plan:Plan",
        service="backup",
        create="create_backup_plan * {BackupPlanTags: tags}",
        id="BackupPlanId",
        read=(
            "get_backup_plan {BackupPlanId: id}"
            " -> merge(BackupPlan, {BackupPlanArn: BackupPlanArn, VersionId: VersionId})",
            "list_tags {ResourceArn: join('', [prefix, 'backup-plan:', id])}",
        ),
        set={"name rules advancedBackupSettings": "update_backup_plan * {BackupPlanId: id}"},
        delete=("delete_backup_plan {BackupPlanId: id}",),
        nest="BackupPlan",
        rename={
            "name": "BackupPlanName",
            "rules.completionWindow": "CompletionWindowMinutes",
            "rules.copyActions.destinationVaultArn": "DestinationBackupVaultArn",
            **{f"rules.copyActions.lifecycle.{name}": member for name, member in LIFECYCLE.items()},
            **{f"rules.lifecycle.{name}": member for name, member in LIFECYCLE.items()},
            "rules.schedule": "ScheduleExpression",
            "rules.startWindow": "StartWindowMinutes",
            "rules.targetVaultName": "TargetBackupVaultName",
        },
        out={"arn": "BackupPlanArn", "version": "VersionId"},
        moves=("version",),
        auto=AutoName(limit=50),
        tags="backup",
    ),
    Row(
        token="aws:backup/selection:Selection",
        service="backup",
        create="create_backup_selection *",
        id="SelectionId",
        read=(storage.find_selection,),
        delete=("delete_backup_selection {BackupPlanId: planId, SelectionId: id}",),
        nest="BackupSelection",
        rename={
            "name": "SelectionName",
            "planId": "BackupPlanId",
            "selectionTags": "ListOfTags",
            "selectionTags.key": "ConditionKey",
            "selectionTags.type": "ConditionType",
            "selectionTags.value": "ConditionValue",
            **{
                f"conditions.{test}.{part}": f"Condition{part.capitalize()}"
                for test in ("stringEquals", "stringLikes", "stringNotEquals", "stringNotLikes")
                for part in ("key", "value")
            },
        },
        computed=("notResources", "resources"),
        auto=AutoName(limit=50),
    ),
)

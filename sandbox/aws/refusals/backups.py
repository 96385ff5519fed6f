"""Rules of AWS Backup."""

from __future__ import annotations

import re

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.aws.refusals.storage import unusable

VAULT = "aws:backup/vault:Vault"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"

# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupVault.html
VAULT_NAME = re.compile(r"[a-zA-Z0-9\-_]{2,50}")
PLAN_NAME = re.compile(r"[a-zA-Z0-9\-_.]{1,50}")
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
COLD_DAYS = 90


@rule(VAULT, at="check")
def vault_name(case: Case) -> None:
    """A vault's name is short and plain."""
    name = case["name"]
    if isinstance(name, str) and not VAULT_NAME.fullmatch(name):
        raise _invalid("CreateBackupVault", f"Invalid backup vault name '{name}': it has to match {VAULT_NAME.pattern}")


@rule(VAULT, at="create")
def vault_key(case: Case) -> None:
    """A vault's key exists and is enabled."""
    if reason := unusable(case, case["kmsKeyArn"]):
        raise _invalid("CreateBackupVault", f"Invalid encryption key: {reason}")


@rule(PLAN, at="check")
def plan_rules(case: Case) -> None:
    """A plan's rules have names of their own, and a backup stays in cold storage for a while before it goes."""
    names = []
    for one in case.inputs.get("rules") or []:
        if not isinstance(one, dict):
            continue
        names.append(one.get("ruleName"))
        lifecycle = one.get("lifecycle")
        days = lifecycle if isinstance(lifecycle, dict) else {}
        cold, gone = days.get("coldStorageAfter"), days.get("deleteAfter")
        if isinstance(cold, (int, float)) and isinstance(gone, (int, float)) and gone < cold + COLD_DAYS:
            reason = f"DeleteAfterDays cannot be less than {COLD_DAYS} days apart from MoveToColdStorageAfterDays"
            raise _invalid("CreateBackupPlan", f"Invalid lifecycle. {reason}")
    if len(names) != len({*names}):
        raise _invalid("CreateBackupPlan", "Rule names of a backup plan have to be unique.")
    name = case["name"]
    if isinstance(name, str) and not PLAN_NAME.fullmatch(name):
        raise _invalid("CreateBackupPlan", f"Invalid backup plan name '{name}': it has to match {PLAN_NAME.pattern}")


@rule(PLAN, at="create")
@rule(PLAN, at="update")
def plan_vaults(case: Case) -> None:
    """A plan fills vaults that exist."""
    for one in case["rules"] or []:
        try:
            case.call("backup", "describe_backup_vault", BackupVaultName=one["targetVaultName"])
        except AwsError as failure:
            if failure.gone:
                reason = f"Backup vault {one['targetVaultName']} does not exist"
                raise _invalid("CreateBackupPlan", reason) from None
            raise


@rule(SELECTION, at="check")
def selection_of_something(case: Case) -> None:
    """A selection says what it selects."""
    if not any(case.inputs.get(name) for name in ("resources", "selectionTags", "conditions")):
        raise _invalid("CreateBackupSelection", "Invalid selection: no resources and no conditions.")
    name = case["name"]
    if isinstance(name, str) and not PLAN_NAME.fullmatch(name):
        raise _invalid("CreateBackupSelection", f"Invalid selection name '{name}': it has to match {PLAN_NAME.pattern}")


@rule(SELECTION, at="create")
def selection_role(case: Case) -> None:
    """A selection's role exists, and AWS Backup may take it."""
    arn = str(case["iamRoleArn"])
    try:
        role = case.call("iam", "get_role", RoleName=arn.rpartition("/")[2] or "-")["Role"]
    except AwsError as failure:
        if not failure.gone:
            raise
        role = {}
    if role.get("Arn") != arn or "backup.amazonaws.com" not in str(role.get("AssumeRolePolicyDocument")):
        raise _invalid("CreateBackupSelection", f"IAM Role {arn} cannot be assumed by AWS Backup")


def _invalid(operation: str, reason: str) -> AwsError:
    return error("InvalidParameterValueException", operation, reason)

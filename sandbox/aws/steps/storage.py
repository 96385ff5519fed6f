"""Steps of ECR, AWS Backup and Secrets Manager."""

from __future__ import annotations

from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.session import Scope, Session

__all__ = ["delete_secret", "empty_vault", "find_selection", "repository_tags", "secret_value"]


def delete_secret(session: Session, scope: Scope) -> None:
    """Delete at once, or after the recovery window; one whose deletion waits already is left to it."""
    if session.call("describe_secret", SecretId=scope["id"]).get("DeletedDate"):
        return
    days = scope["recoveryWindowInDays"]
    window = {"ForceDeleteWithoutRecovery": True} if days == 0 else {"RecoveryWindowInDays": days or 30}
    session.call("delete_secret", SecretId=scope["id"], **window)


def repository_tags(session: Session, scope: Scope) -> dict[str, Any]:
    """Return the repository's tags by its ARN, which an import does not have."""
    arn = f"{scope['prefix']}repository/{scope['id']}"
    return {"Tags": session.call("list_tags_for_resource", resourceArn=arn)["tags"]}


def empty_vault(session: Session, scope: Scope) -> None:
    """Delete every recovery point, when the program says that the vault goes with what is in it."""
    if not scope["forceDestroy"]:
        return
    found = session.call("list_recovery_points_by_backup_vault", BackupVaultName=scope["id"])
    for point in found["RecoveryPoints"]:
        session.call("delete_recovery_point", BackupVaultName=scope["id"], RecoveryPointArn=point["RecoveryPointArn"])


def find_selection(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return a selection; without its plan, as in an import, look into all."""
    plans = [scope["planId"]] if scope["planId"] else _plans(session)
    for plan in plans:
        listed = session.call("list_backup_selections", BackupPlanId=plan)["BackupSelectionsList"]
        if scope["id"] in [one["SelectionId"] for one in listed]:
            found = session.call("get_backup_selection", BackupPlanId=plan, SelectionId=scope["id"])
            return {**found["BackupSelection"], "BackupPlanId": plan}
    return None


def secret_value(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return a secret's version; that of a secret whose deletion waits is gone."""
    try:
        return session.call("get_secret_value", SecretId=scope["secretOf"], VersionId=scope["versionOf"])
    except AwsError as failure:
        if failure.code == "InvalidRequestException":
            return None
        raise


def _plans(session: Session) -> list[str]:
    return [plan["BackupPlanId"] for plan in session.call("list_backup_plans")["BackupPlansList"]]

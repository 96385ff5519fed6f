"""What moto's S3, EFS and AWS Backup lack or answer wrongly: selections, vault policies, recovery points, log formats.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

import fnmatch
import json
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from moto.backup import urls as backup_urls
from moto.backup.exceptions import InvalidRequestException, ResourceNotFoundException
from moto.backup.models import BackupBackend, Vault
from moto.backup.responses import BackupResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import unix_time
from moto.efs.exceptions import FileSystemNotFound, PolicyNotFound
from moto.efs.models import EFSBackend
from moto.efs.responses import EFSResponse
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

__all__ = ["STORAGE_GAPS", "fill_storage_paths"]

LOGGING_SERVICE = "logging.s3.amazonaws.com"
# moto's own, called by what stands in for them.
_DELETE_PLAN = BackupBackend.delete_backup_plan


def fill_storage_paths() -> None:
    """Serve the paths of AWS Backup that moto's table lacks. Idempotent."""
    for path in (
        r"{0}/backup-vaults/(?P<name>[^/]+)/access-policy$",
        r"{0}/backup-vaults/(?P<name>[^/]+)/recovery-points/$",
        r"{0}/backup-vaults/(?P<name>[^/]+)/recovery-points/(?P<arn>.+)$",
    ):
        backup_urls.url_paths[path] = BackupResponse.dispatch


# AWS Backup ----------------------------------------------------------------------------------------------------------


def _parameter(response: Any, name: str) -> Any:
    return response._get_param(name)  # noqa: SLF001 - moto's own way for its responses, inherited by none of ours


def _vault(response: Any) -> Any:
    return response.backup_backend.describe_backup_vault(_parameter(response, "backupVaultName"))


def _put_vault_policy(response: Any) -> Any:
    _vault(response).policy = json.loads(response.body)["Policy"]
    return EmptyResult()


def _get_vault_policy(response: Any) -> Any:
    vault = _vault(response)
    if not getattr(vault, "policy", None):
        raise ResourceNotFoundException("Backup vault does not have an access policy")
    return ActionResult(
        {"BackupVaultName": vault.backup_vault_name, "BackupVaultArn": vault.backup_vault_arn, "Policy": vault.policy}
    )


def _delete_vault_policy(response: Any) -> Any:
    _vault(response).policy = None
    return EmptyResult()


def _recovery_points(vault: Any) -> list[dict[str, Any]]:
    return vars(vault).setdefault("recovery_points", [])  # type: ignore[no-any-return] # moto's objects hold anything


def _list_recovery_points(response: Any) -> Any:
    return ActionResult({"RecoveryPoints": _recovery_points(_vault(response))})


def _delete_recovery_point(response: Any) -> Any:
    arn, points = _parameter(response, "recoveryPointArn"), _recovery_points(_vault(response))
    points[:] = [point for point in points if point["RecoveryPointArn"] != arn]
    return EmptyResult()


def _count_recovery_points(vault: Any) -> int:
    return len(_recovery_points(vault))


def _ignore_count(_vault: Any, _count: int) -> None:
    return None


def _delete_vault(backend: Any, backup_vault_name: str) -> None:
    vault = backend.vaults.get(backup_vault_name)
    if vault is None:
        return
    if _recovery_points(vault):
        raise InvalidRequestException("Backup vault cannot be deleted because it contains recovery points.")
    # moto keeps the tags for the next vault of the name.
    backend.tagger.delete_all_tags_for_resource(vault.backup_vault_arn)
    del backend.vaults[backup_vault_name]


def _selections(response: Any) -> dict[str, dict[str, Any]]:
    plan = response.backup_backend.get_backup_plan(_parameter(response, "backupPlanId"), None)
    return vars(plan).setdefault("selections", {})  # type: ignore[no-any-return] # as above


def _create_selection(response: Any) -> Any:
    plan, unique, now = _parameter(response, "backupPlanId"), str(uuid.uuid4()), unix_time()
    selection = json.loads(response.body)["BackupSelection"]
    _selections(response)[unique] = {"BackupSelection": selection, "CreationDate": now}
    return ActionResult({"SelectionId": unique, "BackupPlanId": plan, "CreationDate": now})


def _get_selection(response: Any) -> Any:
    unique = _parameter(response, "selectionId")
    found = _selections(response).get(unique)
    if found is None:
        raise ResourceNotFoundException("Cannot find Backup selection with the provided id")
    return ActionResult({**found, "SelectionId": unique, "BackupPlanId": _parameter(response, "backupPlanId")})


def _list_selections(response: Any) -> Any:
    found = [
        {"SelectionId": unique, "SelectionName": one["BackupSelection"]["SelectionName"]}
        for unique, one in _selections(response).items()
    ]
    return ActionResult({"BackupSelectionsList": found})


def _delete_selection(response: Any) -> Any:
    if _selections(response).pop(_parameter(response, "selectionId"), None) is None:
        raise ResourceNotFoundException("Cannot find Backup selection with the provided id")
    return EmptyResult()


def _update_plan(response: Any) -> Any:
    plan = response.backup_backend.get_backup_plan(_parameter(response, "backupPlanId"), None)
    plan.backup_plan = json.loads(response.body)["BackupPlan"]
    plan.version_id = secrets.token_hex(24)
    return ActionResult(plan.to_dict())


def _delete_plan(backend: Any, backup_plan_id: str) -> Any:
    # moto keeps the plan, and with it its name.
    if getattr(backend.get_backup_plan(backup_plan_id, None), "selections", None):
        raise InvalidRequestException("Related backup plan selections must be deleted prior to backup plan deletion")
    answer = _DELETE_PLAN(backend, backup_plan_id)
    del backend.plans[backup_plan_id]
    return answer


# EFS -----------------------------------------------------------------------------------------------------------------


def _file_system(backend: Any, file_system_id: str) -> Any:
    if file_system_id not in backend.file_systems_by_id:
        raise FileSystemNotFound(file_system_id)
    return backend.file_systems_by_id[file_system_id]


def _describe_policy(backend: Any, file_system_id: str) -> str:
    policy = _file_system(backend, file_system_id).file_system_policy
    if not policy:
        raise PolicyNotFound("Policy not found.")
    return str(policy)


def _put_policy(backend: Any, file_system_id: str, policy: str, **_bypass: bool) -> None:
    _file_system(backend, file_system_id).file_system_policy = policy


def _delete_policy(response: Any) -> Any:
    _file_system(response.efs_backend, _parameter(response, "FileSystemId")).file_system_policy = None
    return "{}", {"Content-Type": "application/json"}


def _describe_backup_policy(backend: Any, file_system_id: str) -> dict[str, str]:
    found = _file_system(backend, file_system_id)
    status = getattr(found, "_backup_status", None) or ("ENABLED" if found.backup_policy else None)
    if status is None:
        raise PolicyNotFound("Policy not found.")
    return {"Status": status}


def _put_backup_policy(response: Any) -> Any:
    policy = json.loads(response.body)["BackupPolicy"]
    # An attribute that moto takes for part of the description, unless it begins like this.
    vars(_file_system(response.efs_backend, _parameter(response, "FileSystemId")))["_backup_status"] = policy["Status"]
    return json.dumps({"BackupPolicy": policy}), {"Content-Type": "application/json"}


def _update_file_system(response: Any) -> Any:
    found = _file_system(response.efs_backend, _parameter(response, "FileSystemId"))
    asked = json.loads(response.body)
    found.throughput_mode = asked.get("ThroughputMode", found.throughput_mode)
    found.provisioned_throughput_in_mibps = asked.get("ProvisionedThroughputInMibps")
    return json.dumps(found.info_json()), {"Content-Type": "application/json"}


def _delete_file_system(response: Any) -> Any:
    unique = _parameter(response, "FileSystemId")
    backend = response.efs_backend
    backend.delete_file_system(unique)
    # A file system takes its access points along.
    for point in backend.describe_access_points(None, unique):
        backend.delete_access_point(point.access_point_id)
    return "{}", {"status": 204, "Content-Type": "application/json"}


# S3 ------------------------------------------------------------------------------------------------------------------


def _may_log(target_bucket: Any, target_prefix: str | None) -> bool:
    # moto takes neither a list of resources nor one of principals.
    arn = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}x"
    document = json.loads(target_bucket.policy or "{}")
    return any(
        statement.get("Effect") == "Allow"
        and LOGGING_SERVICE in _many((statement.get("Principal") or {}).get("Service", []))
        and any(fnmatch.fnmatchcase("s3:PutObject", action) for action in _many(statement.get("Action", [])))
        and any(fnmatch.fnmatchcase(arn, resource) for resource in _many(statement.get("Resource", [])))
        for statement in _many(document.get("Statement", []))
        if isinstance(statement.get("Principal"), dict)
    )


def _get_bucket_logging(response: Any) -> Any:
    # moto leaves the key's format out.
    logging = response.backend.get_bucket_logging(response.bucket_name)
    found = {name: logging.get(name) for name in ("TargetBucket", "TargetPrefix")} if logging else {}
    if logging and "TargetObjectKeyFormat" in logging:
        kinds = logging["TargetObjectKeyFormat"] or {}
        found["TargetObjectKeyFormat"] = {kind: dict(value or {}) for kind, value in kinds.items()}
    response.data["Action"] = "GetBucketLogging"
    return response.serialized(ActionResult({"LoggingEnabled": found} if found else {}))


def _permission(bucket: Any, action: str, resource: str) -> Any:
    """Judge by the statements without a condition, which moto does not look at: a denial of plain HTTP met everybody.

    Calls of the sandbox count as encrypted, and who calls is the account itself.
    """
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(bucket.policy)
    statements = [statement for statement in _many(document["Statement"]) if not statement.get("Condition")]
    if not statements:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**document, "Statement": statements})).is_action_permitted(action, resource)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


STORAGE_GAPS: tuple[tuple[type, str, Callable[..., Any] | property | staticmethod[..., bool]], ...] = (
    (BackupBackend, "delete_backup_plan", _delete_plan),
    (BackupBackend, "delete_backup_vault", _delete_vault),
    (BackupResponse, "create_backup_selection", _create_selection),
    (BackupResponse, "delete_backup_selection", _delete_selection),
    (BackupResponse, "delete_backup_vault_access_policy", _delete_vault_policy),
    (BackupResponse, "delete_recovery_point", _delete_recovery_point),
    (BackupResponse, "get_backup_selection", _get_selection),
    (BackupResponse, "get_backup_vault_access_policy", _get_vault_policy),
    (BackupResponse, "list_backup_selections", _list_selections),
    (BackupResponse, "list_recovery_points_by_backup_vault", _list_recovery_points),
    (BackupResponse, "put_backup_vault_access_policy", _put_vault_policy),
    (BackupResponse, "update_backup_plan", _update_plan),
    (EFSBackend, "describe_backup_policy", _describe_backup_policy),
    (EFSBackend, "describe_file_system_policy", _describe_policy),
    (EFSBackend, "put_file_system_policy", _put_policy),
    (EFSResponse, "delete_file_system", _delete_file_system),
    (EFSResponse, "delete_file_system_policy", _delete_policy),
    (EFSResponse, "put_backup_policy", _put_backup_policy),
    (EFSResponse, "update_file_system", _update_file_system),
    (FakeBucket, "_log_permissions_enabled_policy", staticmethod(_may_log)),
    (S3Response, "get_bucket_logging", _get_bucket_logging),
    (FakeBucket, "get_permission", _permission),
    (Vault, "num_of_recovery_points", property(_count_recovery_points, _ignore_count)),
)

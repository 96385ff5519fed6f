"""external-secrets: stores that can be used, and the Secrets of ExternalSecrets, out of the emulated Secrets Manager.

Behaviour and words follow https://github.com/external-secrets/external-secrets, `pkg/controllers`: details of a failure
are told by an event, the condition says in general what failed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.children import owner_reference
from sandbox.kubernetes.identity import RightsError
from sandbox.kubernetes.operators.go_templates import TemplateError, execute
from sandbox.kubernetes.operators.secrets_manager import NoSecretError, ProviderError, SecretsManager
from sandbox.kubernetes.row import Condition, Row, Surroundings, Verdict
from sandbox.kubernetes.selectors import matches

__all__ = ["ROWS"]

_API: Final = "external-secrets.io/v1"
_FINALIZER: Final = "externalsecrets.external-secrets.io/externalsecret-cleanup"
_MANAGED: Final = "reconcile.external-secrets.io/managed"
_HASH: Final = "reconcile.external-secrets.io/data-hash"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_DURATION: Final = re.compile(r"([0-9.]+)(h|m|s|ms)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_HERE: Final = "sandbox/kubernetes/operators/external_secrets.py"
_TARGET: Final = {"name", "creationPolicy", "deletionPolicy", "template", "immutable"}
_TEMPLATE: Final = {"engineVersion", "type", "data", "metadata", "mergePolicy"}


class SyncError(Exception):
    """What keeps a Secret from being written; `general` is what the condition says."""

    def __init__(self, general: str, detail: str) -> None:
        super().__init__(detail)
        self.general = general


def judge_store(around: Surroundings, manifest: Manifest) -> Verdict:
    """Say whether a store's provider can be used with the operator's own credentials."""
    try:
        SecretsManager(around, manifest)
    except (ProviderError, RightsError) as error:
        condition = Condition("Ready", False, "InvalidProviderConfig", "unable to validate store")
        return Verdict(conditions=(condition,), event=("Warning", "InvalidProviderConfig", str(error)))
    condition = Condition("Ready", True, "Valid", "store validated")
    return Verdict(conditions=(condition,), status={"capabilities": "ReadWrite"})


def judge_secret(around: Surroundings, manifest: Manifest) -> Verdict:
    """Write the Secret of an ExternalSecret, unless it is there and its interval has not passed."""
    status, target = manifest.get("status") or {}, manifest["spec"].get("target") or {}
    name = str(target.get("name") or manifest["metadata"]["name"])
    present = around.get("v1", "Secret", manifest["metadata"]["namespace"], name)
    if not _due(manifest, status) and _valid(present, str(target.get("creationPolicy") or "Owner")):
        return Verdict(conditions=_same(status))
    try:
        data, event = _provider_data(around, manifest)
        reason, message = _write(around, manifest, name, present, data)
    except SyncError as error:
        condition = Condition("Ready", False, "SecretSyncedError", error.general)
        return Verdict(conditions=(condition,), event=("Warning", "UpdateFailed", str(error)))
    done = {
        "binding": {"name": name},
        "refreshTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "syncedResourceVersion": _version(manifest),
    }
    return Verdict(conditions=(Condition("Ready", True, reason, message),), status=done, event=event)


def _provider_data(around: Surroundings, manifest: Manifest) -> tuple[dict[str, str], tuple[str, str, str] | None]:
    spec, data = manifest["spec"], dict[str, str]()
    event = None
    keep = (spec.get("target") or {}).get("deletionPolicy", "Retain") == "Retain"
    wanted = [(f"dataFrom[{index}].extract", None, one) for index, one in enumerate(spec.get("dataFrom") or [])]
    wanted += [
        (f"data[{index}] (key: {one['remoteRef']['key']})", one["secretKey"], one)
        for index, one in enumerate(spec.get("data") or [])
    ]
    for where, key, one in wanted:
        try:
            data |= _read(around, manifest, key, one)
        except NoSecretError as error:
            if keep:
                raise _unread(where, error) from error
            event = ("Normal", "MissingProviderSecret", f"secret does not exist at provider using spec.{where}")
        except (ProviderError, RightsError) as error:
            raise _unread(where, error) from error
    return data, event


def _unread(where: str, error: Exception) -> SyncError:
    detail = f"error processing spec.{where}, err: {error}"
    return SyncError("could not get secret data from provider", detail)


def _read(around: Surroundings, manifest: Manifest, key: str | None, one: Mapping[str, Any]) -> dict[str, str]:
    given = (one.get("sourceRef") or {}).get("storeRef") or manifest["spec"].get("secretStoreRef") or {}
    store = SecretsManager(around, _store(around, manifest["metadata"]["namespace"], given))
    if key is not None:
        return {key: store.value(one["remoteRef"])}
    unknown = sorted(one.keys() - {"extract", "sourceRef"}) if "extract" in one else sorted(one)
    if unknown:
        raise ProviderError(f"dataFrom with {', '.join(unknown)}: not played in {_HERE}")
    return store.values(one["extract"])


def _store(around: Surroundings, namespace: str, reference: Mapping[str, Any]) -> Manifest:
    kind, name = str(reference.get("kind") or "SecretStore"), str(reference.get("name", ""))
    cluster = kind == "ClusterSecretStore"
    store = around.get(_API, kind, None if cluster else namespace, name)
    if store is None:
        raise ProviderError(f'could not get {kind} "{name}", {kind}.external-secrets.io "{name}" not found')
    allowed = store["spec"].get("conditions") or []
    if cluster and allowed and not any(_admits(around, one, namespace) for one in allowed):
        raise ProviderError(
            f'using cluster store "{name}" is not allowed from namespace "{namespace}": denied by spec.condition'
        )
    conditions = (store.get("status") or {}).get("conditions") or []
    if not any((one["type"], one["status"]) == ("Ready", "True") for one in conditions):
        raise ProviderError(f'{kind} "{name}" is not ready')
    return store


def _admits(around: Surroundings, condition: Mapping[str, Any], namespace: str) -> bool:
    if namespace in (condition.get("namespaces") or []):
        return True
    if any(re.search(one, namespace) for one in condition.get("namespaceRegexes") or []):
        return True
    found = around.get("v1", "Namespace", None, namespace)
    labels = (found or {"metadata": {}})["metadata"].get("labels") or {}
    return "namespaceSelector" in condition and matches(condition["namespaceSelector"], labels)


def _write(
    around: Surroundings, manifest: Manifest, name: str, present: Manifest | None, data: dict[str, str]
) -> tuple[str, str]:
    """Bring the Secret to the data and return the condition's reason and message."""
    target = manifest["spec"].get("target") or {}
    owned = str(target.get("creationPolicy") or "Owner")
    kind, namespace = around.api.kind("v1", "Secret"), manifest["metadata"]["namespace"]
    assert kind is not None  # every server has it
    if not data and target.get("deletionPolicy", "Retain") == "Delete":
        around.api.delete(kind, namespace, name, propagation="Background")
        return "SecretDeleted", "secret deleted due to DeletionPolicy=Delete"
    if not data and target.get("deletionPolicy", "Retain") == "Retain":
        return "SecretSynced", "secret retained due to DeletionPolicy=Retain"
    if unknown := sorted(target.keys() - _TARGET) or [owned] * (owned not in ("Owner", "Merge", "Orphan")):
        raise SyncError("could not update secret", f"target with {', '.join(unknown)}: not played in {_HERE}")
    if present is None and owned == "Merge":
        return "SecretMissing", "secret will not be created due to CreationPolicy=Merge"
    owner = next((one for one in (present or {"metadata": {}})["metadata"].get("ownerReferences") or []), None)
    if owner and owner["kind"] == "ExternalSecret" and owner["name"] != manifest["metadata"]["name"]:
        raise SyncError("target is owned by another ExternalSecret", f"secret is owned by {owner['name']}")
    secret = _secret(manifest, name, present if owned == "Merge" else None, data)
    if owned == "Owner":
        secret["metadata"]["ownerReferences"] = [owner_reference(manifest)]
    around.api.apply(kind, secret, f"externalsecrets.external-secrets.io/{manifest['metadata']['name']}", force=True)
    return "SecretSynced", "secret synced"


def _secret(manifest: Manifest, name: str, existing: Manifest | None, data: dict[str, str]) -> Manifest:
    target = manifest["spec"].get("target") or {}
    template: Mapping[str, Any] | None = target.get("template")
    metadata = manifest["metadata"]
    if template is None:
        # As in the real operator, Argo CD's own labels and annotations included.
        annotations = dict(metadata.get("annotations") or {})
        annotations.pop(_LAST_APPLIED, None)
        found, labels, kind = dict(data), dict(metadata.get("labels") or {}), "Opaque"
    else:
        found, labels, annotations = _templated(template, data)
        kind = str(template.get("type") or "Opaque")
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in found.items()}
    whole = {**((existing or {}).get("data") or {}), **encoded}
    made: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {**labels, _MANAGED: "true"},
            "annotations": {**annotations, _HASH: _digest(whole)},
        },
        "data": encoded,
    }
    if existing is None:
        made["type"] = kind
    return made | ({"immutable": True} if target.get("immutable") else {})


def _templated(template: Mapping[str, Any], data: dict[str, str]) -> tuple[dict[str, str], Any, Any]:
    if unknown := sorted(template.keys() - _TEMPLATE):
        raise SyncError("could not update secret", f"template with {', '.join(unknown)}: not played in {_HERE}")
    metadata: Mapping[str, Any] = template.get("metadata") or {}
    texts: Mapping[str, str] = template.get("data") or {}
    try:
        made = {key: execute(text, data) for key, text in texts.items()}
        labels = {key: execute(text, data) for key, text in (metadata.get("labels") or {}).items()}
        annotations = {key: execute(text, data) for key, text in (metadata.get("annotations") or {}).items()}
    except TemplateError as error:
        raise SyncError("could not update secret", f"could not execute template: {error}") from error
    merged = not texts or template.get("mergePolicy") == "Merge"
    return {**(data if merged else {}), **made}, labels, annotations


def _due(manifest: Manifest, status: Mapping[str, Any]) -> bool:
    """Say whether the policy asks for a look at the provider."""
    conditions = status.get("conditions") or []
    if not any((one["type"], one["status"]) == ("Ready", "True") for one in conditions):
        return True
    policy, spec = manifest["spec"].get("refreshPolicy", "Periodic"), manifest["spec"]
    if policy != "CreatedOnce" and status.get("syncedResourceVersion") != _version(manifest):
        return True
    interval = sum(float(one) * _SECONDS[unit] for one, unit in _DURATION.findall(spec.get("refreshInterval", "1h")))
    if policy in ("CreatedOnce", "OnChange") or not interval:
        return False
    last = datetime.strptime(str(status.get("refreshTime")), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return last + timedelta(seconds=interval) < datetime.now(UTC)


def _valid(secret: Manifest | None, policy: str) -> bool:
    if policy == "Orphan":
        return True
    if secret is None or (secret["metadata"].get("labels") or {}).get(_MANAGED) != "true":
        return False
    return (secret["metadata"].get("annotations") or {}).get(_HASH) == _digest(secret.get("data") or {})


def _digest(data: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _version(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    said = json.dumps([metadata.get("labels"), metadata.get("annotations")], sort_keys=True)
    return f"{metadata.get('generation', 1)}-{hashlib.sha256(said.encode()).hexdigest()[:56]}"


def _same(status: Mapping[str, Any]) -> tuple[Condition, ...]:
    return tuple(
        Condition(one["type"], one["status"] == "True", one.get("reason", ""), one.get("message", ""))
        for one in status.get("conditions") or []
    )


def _row(kind: str, judge: Any, **more: Any) -> Row:
    return Row(
        api_version=_API,
        kind=kind,
        controller="external-secrets",
        judge=judge,
        summary=False,
        generation=False,
        **more,
    )


ROWS: Final = (
    _row("ClusterSecretStore", judge_store, every=5),
    _row("SecretStore", judge_store, every=5),
    _row("ExternalSecret", judge_secret, finalizers=(_FINALIZER,), hold=lambda *_: _FINALIZER),
)

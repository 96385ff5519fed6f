"""Kubernetes objects as Pulumi's Kubernetes provider manages them: server-side apply, dry runs, deletion that waits."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.kubernetes.api import Api, ApiError, Kind, Manifest
from sandbox.protocol import DiffResult, HostError, Properties, has_unknown

_DEFAULT_NAMESPACE: Final = "default"
# The real provider waits until these work; here nobody has needed that yet.
_AWAITED: Final = {
    "DaemonSet",
    "Deployment",
    "Ingress",
    "Job",
    "PersistentVolumeClaim",
    "Pod",
    "ReplicaSet",
    "Service",
    "StatefulSet",
}
_SKIP_AWAIT: Final = "pulumi.com/skipAwait"
_WAIT_FOR: Final = "pulumi.com/waitFor"
_FORCE: Final = "pulumi.com/patchForce"
_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
# Patches of what others made, by the name of the type: the kind that each patches.
_PATCHES: Final = {"NodePatch": "Node"}
# Of the kinds that programs name here, those that lie in no namespace.
_CLUSTER_SCOPED: Final = {"Namespace", "Node"}
# Fields that the API server makes up anew at each request, so a dry run does not foretell them.
_VOLATILE: Final = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Mutable:
    """Which kinds the provider may change in place; by default it replaces them."""

    config_map: bool = False
    secret: bool = False


def type_of(token: str) -> tuple[str, str]:
    """Return apiVersion and kind of a resource type. Raise `HostError` for types that are no Kubernetes objects."""
    _, module, name = token.split(":", 2)
    name = _PATCHES.get(name, name)
    if module.startswith(("helm.sh/", "yaml", "kustomize")) or name.endswith(("Patch", "List")):
        raise HostError(f"{token} is not emulated: add it to sandbox/kubernetes/host.py")
    return module.removeprefix("core/"), name


def is_patch(token: str) -> bool:
    """Say whether a resource is some fields of an object that others made."""
    return token.rpartition(":")[2] in _PATCHES


def check(token: str, urn: str, news: Properties, seed: bytes, namespace: str) -> Properties:
    """Return the inputs with apiVersion, kind, a name and the provider's namespace in."""
    api_version, kind = type_of(token)
    given = (news.get("apiVersion", api_version), news.get("kind", kind))
    if given != (api_version, kind):
        raise HostError(f"{urn.rpartition('::')[2]}: apiVersion and kind {given} do not belong to {token}")
    metadata = dict(news.get("metadata") or {})
    if is_patch(token) and not metadata.get("name"):
        raise HostError(f"{urn.rpartition('::')[2]}: a patch needs metadata.name, of what it patches")
    if metadata.get("generateName"):
        raise HostError("metadata.generateName is not emulated: give a name, or none")
    # The engine's seed, so that the same run gives the same name again.
    metadata.setdefault(
        "name", f"{urn.rpartition('::')[2].lower()}-{hashlib.sha256(seed + urn.encode()).hexdigest()[:8]}"
    )
    if namespace and kind not in _CLUSTER_SCOPED:
        metadata.setdefault("namespace", namespace)
    annotations = metadata.get("annotations") or {}
    if _WAIT_FOR in annotations or (kind in _AWAITED and str(annotations.get(_SKIP_AWAIT)).lower() != "true"):
        raise HostError(
            f"waiting for a {kind} is not emulated: add it to sandbox/kubernetes/objects.py or annotate {_SKIP_AWAIT}"
        )
    return {**news, "apiVersion": api_version, "kind": kind, "metadata": metadata}


def diff(token: str, olds: Properties, news: Properties, mutable: Mutable) -> DiffResult:
    """Compare inputs; what the API cannot change in place forces a replacement."""
    changed = tuple(sorted(name for name in olds.keys() | news.keys() if olds.get(name) != news.get(name)))
    replace = [name for name in changed if name in ("apiVersion", "kind")]
    old, new = olds.get("metadata") or {}, news.get("metadata") or {}
    # When something that it is made of is replaced first, the engine asks with the whole of it unknown.
    known = isinstance(new, Mapping)
    moved = [name for name in ("name", "namespace") if known and (old.get(name) or "") != (new.get(name) or "")]
    if moved:
        replace.append("metadata")
    kind = type_of(token)[1]
    if kind == "Secret" and not mutable.secret:
        replace += [name for name in changed if name in ("data", "stringData", "type")]
    if kind == "ConfigMap" and not mutable.config_map:
        replace += [name for name in changed if name in ("data", "binaryData")]
    # Under the same name the new one cannot come before the old one has gone.
    return DiffResult(changed=changed, replace=tuple(replace), delete_first=bool(replace) and not moved)


def identifier(manifest: Mapping[str, Any]) -> str:
    """Return the id that Pulumi knows an object by."""
    metadata = manifest["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def preview(api: Api | None, urn: str, inputs: Properties) -> Properties:
    """Return the outputs that an apply would give; the inputs themselves where the server cannot say (yet)."""
    kind = None if api is None or has_unknown(inputs) else api.kind(inputs["apiVersion"], inputs["kind"])
    if api is None or kind is None:
        return inputs
    manifest = _placed(kind, inputs)
    namespace = manifest["metadata"].get("namespace")
    if namespace and api.get(_namespaces(api), None, namespace) is None:
        return inputs
    found = _applied(api, kind, urn, manifest, dry_run=True)
    for name in _VOLATILE:
        found["metadata"].pop(name, None)
    return found


def apply(api: Api, urn: str, inputs: Properties) -> Properties:
    """Apply the inputs and return the object as it is then. As the real provider does, take an existing object over."""
    kind = api.kind(inputs["apiVersion"], inputs["kind"])
    if kind is None:
        raise HostError(f"the API server serves no {inputs['kind']} of {inputs['apiVersion']}: install its CRD before")
    return _clean(_applied(api, kind, urn, _placed(kind, inputs), dry_run=False))


def update(api: Api, token: str, urn: str, rid: str, inputs: Properties) -> Properties:
    """Apply changed inputs. A patch's object has to be there still: the real provider looks for it before."""
    kind = api.kind(*type_of(token))
    if is_patch(token) and (kind is None or api.get(kind, None, rid) is None):
        raise HostError(f"{type_of(token)[1]} {rid} is not there (any more), so nothing of it can be changed")
    return apply(api, urn, inputs)


def relinquish(api: Api, token: str, urn: str, rid: str) -> None:
    """Give up the fields of a patch: those that nobody else has go.

    As with the real provider this is an apply of nothing, and an apply makes what is missing: an object that has gone
    is there again, empty (https://github.com/pulumi/pulumi-kubernetes, provider/pkg/ssa, `Relinquish`).
    """
    api_version, kind_name = type_of(token)
    kind = api.kind(api_version, kind_name)
    if kind is not None:
        nothing = {"apiVersion": api_version, "kind": kind_name, "metadata": {"name": rid}}
        _applied(api, kind, urn, nothing, dry_run=False)


def read(api: Api, token: str, rid: str, inputs: Properties) -> tuple[str, Properties, Properties]:
    """Return (id, inputs, outputs) as they are now; an empty id when the object is gone."""
    kind = api.kind(*type_of(token))
    namespace, _, name = rid.rpartition("/")
    live = None if kind is None else api.get(kind, namespace or _DEFAULT_NAMESPACE, name)
    if live is None:
        return "", {}, {}
    return identifier(live), _seen(inputs, live) if inputs else _imported(live), _clean(live)


def delete(api: Api, token: str, rid: str, state: Properties, timeout: float, active: Callable[[], bool]) -> None:
    """Delete an object and wait until it is gone. Raise `HostError` after `timeout` seconds, saying what holds it."""
    kind = api.kind(*type_of(token))
    if kind is None:
        return
    namespace, _, name = rid.rpartition("/")
    namespace = namespace or _DEFAULT_NAMESPACE
    found = api.get(kind, namespace, name)
    if found is None:
        return
    annotations = (state.get("metadata") or {}).get("annotations") or {}
    api.delete(kind, namespace, name, propagation=str(annotations.get(_PROPAGATION, "foreground")).capitalize())
    deadline = time.monotonic() + timeout
    while (now := api.get(kind, namespace, name)) and now["metadata"]["uid"] == found["metadata"]["uid"]:
        if time.monotonic() > deadline:
            raise HostError(f"{kind.name} {rid} still exists {timeout:.0f} s after its deletion began: {_held_by(now)}")
        if not active():
            raise HostError(f"the wait for the deletion of {kind.name} {rid} was cancelled")
        time.sleep(_POLL_SECONDS)


def _applied(api: Api, kind: Kind, urn: str, manifest: Manifest, *, dry_run: bool) -> Manifest:
    # One manager per resource, as the real provider has it: two resources that set one field are a conflict.
    manager = f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"
    force = str((manifest["metadata"].get("annotations") or {}).get(_FORCE)).lower() == "true"
    try:
        return api.apply(kind, manifest, manager, force=force, dry_run=dry_run)
    except ApiError as error:
        hint = (
            f"; another manager owns these fields: take them out, or annotate {_FORCE}" if error.status == 409 else ""
        )
        raise HostError(f"{kind.name} {identifier(manifest)}: {error}{hint}") from error


def _placed(kind: Kind, inputs: Properties) -> Manifest:
    metadata = dict(inputs["metadata"])
    if kind.namespaced:
        metadata.setdefault("namespace", _DEFAULT_NAMESPACE)
    return {**inputs, "metadata": metadata}


def _namespaces(api: Api) -> Kind:
    kind = api.kind("v1", "Namespace")
    if kind is None:
        raise HostError("the API server serves no Namespace")
    return kind


def _clean(live: Manifest) -> Properties:
    return {**live, "metadata": {name: value for name, value in live["metadata"].items() if name != "managedFields"}}


def _imported(live: Manifest) -> Properties:
    metadata = {
        name: value
        for name, value in live["metadata"].items()
        if name in ("name", "namespace", "labels", "annotations")
    }
    return {name: value for name, value in live.items() if name != "status"} | {"metadata": metadata}


def _seen(inputs: Any, live: Any) -> Any:
    """Return the inputs with the live object's values: what others changed shows, what the server added does not."""
    if not isinstance(inputs, Mapping) or not isinstance(live, Mapping):
        return live
    if live.get("kind") == "Secret" and "data" in live:
        # The server never shows what was written as text.
        texts = {name: base64.b64decode(value).decode(errors="replace") for name, value in live["data"].items()}
        live = {**live, "stringData": {name: texts[name] for name in inputs.get("stringData") or {} if name in texts}}
    return {name: _seen(value, live[name]) for name, value in inputs.items() if name in live}


def _held_by(live: Manifest) -> str:
    metadata, status = live["metadata"], live.get("status") or {}
    finalizers = [*metadata.get("finalizers", []), *(live.get("spec") or {}).get("finalizers", [])]
    said = [
        f"{condition.get('type')}: {condition.get('message')}"
        for condition in status.get("conditions") or []
        if isinstance(condition, dict) and condition.get("message") and condition.get("status", "True") == "True"
    ]
    held = f"held by {', '.join(finalizers)}" if finalizers else "without a finalizer"
    return "; ".join([held, *said])

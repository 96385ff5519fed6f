"""An API server in memory, for operators: it holds objects, merges patches and tells Argo CD's opinion of them."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
import yaml

from sandbox.kubernetes.api import Api, ApiError, Kind, Manifest
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.controllers import Controllers, Row

REGION = "eu-west-1"
ACCOUNT = "123456789012"
_CLUSTER_WIDE = {"Namespace", "Node", "IngressClass", "IngressClassParams", "ClusterSecretStore"}
_PLURALS = {"Ingress": "ingresses", "Prometheus": "prometheuses", "IngressClass": "ingressclasses"}


class MemoryApi:
    """An API server without a network.

    Args:
        objects: What it holds to begin with.
    """

    def __init__(self, objects: Iterable[Manifest] = ()) -> None:
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.issuer = "https://issuer.example.com"
        self.writes = 0
        region = {"topology.kubernetes.io/region": REGION}
        self.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node", "labels": region}})
        for one in objects:
            self.put(one)

    def put(self, manifest: Manifest) -> Manifest:
        """Hold an object as if somebody had applied it."""
        made = copy.deepcopy(manifest)
        key = _key(made)
        before = self.objects.get(key)
        metadata = made.setdefault("metadata", {})
        metadata.setdefault("uid", before["metadata"]["uid"] if before else f"uid-{'-'.join(key)}")
        generation = before["metadata"]["generation"] if before else 0
        changed = before is None or before.get("spec") != made.get("spec")
        metadata["generation"] = generation + 1 if changed else generation
        if before and "status" in before:
            made.setdefault("status", before["status"])
        for port in (made.get("spec") or {}).get("ports") or [] if made["kind"] == "Service" else []:
            if made["spec"].get("type") == "NodePort":
                port.setdefault("nodePort", 30000)
        self.objects[key] = made
        return made

    def see(self, kind: str, namespace: str, name: str) -> Manifest:
        """Return an object, {} when there is none."""
        return self.objects.get((kind, namespace, name), {})

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object as somebody would: its finalizers hold it."""
        found = self.objects[kind, namespace, name]
        if found["metadata"].get("finalizers"):
            found["metadata"]["deletionTimestamp"] = "2026-11-21T20:00:00Z"
        else:
            del self.objects[kind, namespace, name]

    def events(self, reason: str = "") -> list[str]:
        """Return what events say."""
        found = [one for (kind, _, _), one in self.objects.items() if kind == "Event"]
        return [str(one["message"]) for one in found if reason in ("", one["reason"])]

    # What controllers use of an API ---------------------------------------------------------------------------------

    def kind(self, api_version: str, name: str) -> Kind:
        plural = _PLURALS.get(name, f"{name.lower()}s")
        return Kind(api_version=api_version, name=name, plural=plural, namespaced=name not in _CLUSTER_WIDE)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Manifest | None:
        found = self.objects.get((kind.name, (namespace or "") if kind.namespaced else "", name))
        return copy.deepcopy(found) if found else None

    def list(self, kind: Kind, namespace: str | None = None) -> list[Manifest]:
        found = [
            one for (name, place, _), one in self.objects.items() if name == kind.name and namespace in (None, place)
        ]
        return copy.deepcopy(found)

    def apply(self, kind: Kind, manifest: Mapping[str, Any], manager: str, *, force: bool = False) -> Manifest:
        self.writes += 1
        before = self.objects.get(_key(manifest))
        merged = _merged(before, manifest) if before else dict(manifest)
        if before and "data" in manifest:
            merged["data"] = dict(manifest["data"])
        return self.put(merged)

    def patch(
        self, kind: Kind, namespace: str | None, name: str, change: Manifest, *, subresource: str = ""
    ) -> Manifest:
        self.writes += 1
        key = (kind.name, (namespace or "") if kind.namespaced else "", name)
        merged: Manifest = _merged(self.objects[key], change)
        if "deletionTimestamp" in merged["metadata"] and not merged["metadata"].get("finalizers"):
            del self.objects[key]
            return merged
        if subresource:
            self.objects[key]["status"] = merged["status"]
            return merged
        return self.put(merged)

    def delete(self, kind: Kind, namespace: str | None, name: str, *, propagation: str = "Foreground") -> None:
        self.writes += 1
        if (kind.name, namespace or "", name) in self.objects:
            self.remove(kind.name, namespace or "", name)

    def request(self, method: str, path: str, body: Manifest | None = None, **given: Any) -> Manifest:
        if method == "POST" and path.endswith("/events"):
            assert body is not None
            if _key(body) in self.objects:
                raise ApiError(409, "exists")
            return self.put(body)
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer}
        wanted = str((given.get("query") or {}).get("labelSelector", ""))
        plural = path.rpartition("/")[2]
        found = [one for (kind, _, _), one in self.objects.items() if f"{kind.lower()}s" == plural]
        return {"items": [one for one in found if not wanted or wanted in _labels(one)]}


def _labels(manifest: Manifest) -> list[str]:
    return [f"{key}={value}" for key, value in (manifest["metadata"].get("labels") or {}).items()]


def _key(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    kind = manifest["kind"]
    namespace = "" if kind in _CLUSTER_WIDE else manifest["metadata"].get("namespace", "default")
    return kind, namespace, manifest["metadata"]["name"]


def _merged(before: Any, change: Any) -> Any:
    if not isinstance(before, Mapping) or not isinstance(change, Mapping):
        return copy.deepcopy(change)
    found = {name: value for name, value in before.items() if name not in change or change[name] is not None}
    return found | {name: _merged(before.get(name), value) for name, value in change.items() if value is not None}


def deployment(app: str, namespace: str = "", **changes: Any) -> Manifest:
    """Return an Available Deployment of a controller; keywords are fields of its pods, and `values` of its chart."""
    values = json.dumps(changes.pop("values", {}))
    pod = {"serviceAccountName": app, "containers": [{"name": app}], **changes}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": app,
            "namespace": namespace or app,
            "labels": {"app.kubernetes.io/name": app},
            "annotations": {"sandbox/received-values": values},
        },
        "spec": {"template": {"spec": pod}},
        "status": {"conditions": [{"type": "Available", "status": "True"}]},
    }


def reconcile(api: MemoryApi, endpoint: str, rows: Iterable[Row], rounds: int = 1) -> None:
    """Have controllers look at everything."""
    controllers = _controllers(endpoint, tuple(rows))
    for _ in range(rounds):
        controllers.reconcile(cast(Api, api))


@cache
def _controllers(endpoint: str, rows: tuple[Row, ...]) -> Controllers:
    # Making clients takes longer than all that they are asked here.
    return Controllers(cast(ControlPlane, None), endpoint, rows)


@cache
def client(endpoint: str, service: str) -> Any:
    """Return a client of the emulated AWS."""
    access = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    return boto3.client(cast(Any, service), region_name=REGION, endpoint_url=endpoint, **access)


def encoded(text: str) -> str:
    """Return a text as a Secret has it."""
    return base64.b64encode(text.encode()).decode()


def health(argocd: Path, folder: Path, manifest: Manifest) -> str:
    """Return what the real Argo CD, with its own checks only, says of an object; empty where it has no opinion."""
    configuration = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd", "labels": {"app.kubernetes.io/part-of": "argocd"}},
    }
    for name, content in (("object.yaml", manifest), ("argocd-cm.yaml", configuration)):
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    command: list[str | Path] = [argocd, "admin", "settings", "resource-overrides", "health", folder / "object.yaml"]
    command += [f"--argocd-cm-path={folder / 'argocd-cm.yaml'}", "--load-cluster-settings=false"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        # A check that fails itself, as that of a CNPG Cluster without a status does.
        return "Unknown"
    return next((line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("STATUS: ")), "")

"""StatefulSets as operators make them, and how far one has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.row import Surroundings

__all__ = ["Progress", "chosen", "missing_keys", "progress", "service", "stateful_set"]


@dataclass(frozen=True)
class Progress:
    """How many pods of a StatefulSet are there, of the current template, and ready."""

    replicas: int
    updated: int
    ready: int


def stateful_set(
    name: str,
    labels: Mapping[str, str],
    pod: Mapping[str, Any],
    *,
    replicas: int,
    governed_by: str,
    claims: Sequence[Manifest] = (),
) -> Manifest:
    """Return a StatefulSet whose pods have these labels, and start at the same time."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "replicas": replicas,
            "serviceName": governed_by,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": dict(pod)},
            **({"volumeClaimTemplates": list(claims)} if claims else {}),
        },
    }


def service(
    name: str, selector: Mapping[str, str], ports: Mapping[str, int], *, headless: bool = False, kind: str = "ClusterIP"
) -> Manifest:
    """Return a Service in front of an operator's pods."""
    listed = [{"name": key, "port": port, "targetPort": port} for key, port in ports.items()]
    spec: dict[str, Any] = {"type": kind, "selector": dict(selector), "ports": listed}
    if headless:
        spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": dict(selector)}, "spec": spec}


def progress(around: Surroundings, namespace: str, name: str) -> Progress:
    """Return how far a StatefulSet has come; nothing while its controller has not seen its newest form."""
    found = around.get("apps/v1", "StatefulSet", namespace, name) or {"metadata": {}}
    status: Mapping[str, Any] = found.get("status") or {}
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 1):
        return Progress(0, 0, 0)
    ready = int(status.get("readyReplicas") or 0)
    return Progress(int(status.get("replicas") or 0), int(status.get("updatedReplicas") or 0), ready)


def chosen(spec: Mapping[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """Return those fields of a spec that are said; `renamed` is the field of the result to that of the spec."""
    pairs = [(name, name) for name in names] + list(renamed.items())
    return {name: spec[source] for name, source in pairs if spec.get(source) not in (None, "", [], {})}


def missing_keys(around: Surroundings, namespace: str, name: str, keys: Iterable[str]) -> str:
    """Say what a Secret lacks; empty when it is there with all keys. Pods that name it do not start without."""
    secret = around.get("v1", "Secret", namespace, name)
    if secret is None:
        return f'secret "{name}" not found'
    lacking = sorted({*keys} - (secret.get("data") or {}).keys())
    return f"couldn't find key {', '.join(lacking)} in Secret {namespace}/{name}" if lacking else ""

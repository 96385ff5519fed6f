"""The Prometheus operator: the StatefulSets of Prometheus and Alertmanager, and their conditions.

Names and words follow https://github.com/prometheus-operator/prometheus-operator at v0.93. What rules and monitors say
is not looked at: the operator puts them into a Secret, and no condition tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.stateful_sets import Progress, chosen, progress, service, stateful_set
from sandbox.kubernetes.row import Condition, Row, Surroundings, Verdict

__all__ = ["ROWS"]

_PLACEMENT: Final = (
    "affinity",
    "hostNetwork",
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "terminationGracePeriodSeconds",
    "volumes",
)
_PORTS: Final = {"prometheus": 9090, "alertmanager": 9093}
_CONTAINED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def judge(around: Surroundings, manifest: Manifest) -> Verdict:
    """Make the StatefulSet of a Prometheus or an Alertmanager and say how many of its pods are ready."""
    kind, spec, metadata = manifest["kind"].lower(), manifest["spec"], manifest["metadata"]
    if int(spec.get("shards", 1)) != 1:
        reconciled = Condition("Reconciled", False, "ReconciliationFailed", "shards: not played in the sandbox")
        return Verdict(conditions=(reconciled,))
    desired = 0 if spec.get("paused") else int(spec.get("replicas", 1))
    found = progress(around, metadata["namespace"], f"{kind}-{metadata['name']}")
    status = {
        "availableReplicas": found.ready,
        "paused": bool(spec.get("paused")),
        "replicas": found.replicas,
        "unavailableReplicas": max(0, found.replicas - found.ready),
        "updatedReplicas": found.updated,
    }
    conditions = (_available(found, desired), Condition("Reconciled", True))
    if spec.get("paused"):
        return Verdict(conditions=conditions, status=status)
    labels = _labels(kind, metadata["name"])
    operated = service(f"{kind}-operated", {"app.kubernetes.io/name": kind}, {"web": _PORTS[kind]}, headless=True)
    # One for all of a namespace; whoever comes first owns it.
    first = around.get("v1", "Service", metadata["namespace"], operated["metadata"]["name"])
    owners = {one["uid"] for one in ((first or operated)["metadata"].get("ownerReferences") or [])}
    made = _stateful_set(kind, manifest, labels)
    children = (operated, made) if first is None or metadata["uid"] in owners else (made,)
    return Verdict(conditions=conditions, status=status, children=children)


def _available(found: Progress, desired: int) -> Condition:
    if found.ready >= desired:
        return Condition("Available", True)
    # The operator's third word, Degraded, means the same to everybody who reads the reason as well.
    reason = "SomePodsNotReady" if found.ready else "NoPodReady"
    return Condition("Available", False, reason, f"{found.ready} of {desired} pods are ready")


def _labels(kind: str, name: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": kind,
        "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/instance": name,
        kind: name,
    }


def _stateful_set(kind: str, manifest: Manifest, labels: Mapping[str, str]) -> Manifest:
    spec, name = manifest["spec"], f"{kind}-{manifest['metadata']['name']}"
    containers = [
        {
            "name": kind,
            "image": spec.get("image") or f"quay.io/prometheus/{kind}:{spec.get('version', 'latest')}",
            "ports": [{"name": "web", "containerPort": _PORTS[kind], "protocol": "TCP"}],
            "securityContext": _CONTAINED,
            **chosen(spec, "resources"),
        },
        {
            "name": "config-reloader",
            "image": "quay.io/prometheus-operator/prometheus-config-reloader",
            "securityContext": _CONTAINED,
            # The operator's own flags set them; these are its defaults.
            "resources": {"requests": {"cpu": "10m", "memory": "50Mi"}, "limits": {"cpu": "10m", "memory": "50Mi"}},
        },
    ]
    pod = {**chosen(spec, *_PLACEMENT), "containers": containers}
    if spread := spec.get("topologySpreadConstraints"):
        extra = ("additionalLabelSelectors",)
        pod["topologySpreadConstraints"] = [
            {key: value for key, value in one.items() if key not in extra} for one in spread
        ]
    metadata: Mapping[str, Any] = spec.get("podMetadata") or {}
    made = stateful_set(
        name,
        labels,
        pod,
        replicas=int(spec.get("replicas", 1)),
        governed_by=f"{kind}-operated",
        claims=_claims(name, spec.get("storage") or {}),
    )
    made["spec"] |= chosen(spec, "persistentVolumeClaimRetentionPolicy")
    own = made["spec"]["template"]["metadata"]
    own["labels"] = {**(metadata.get("labels") or {}), **own["labels"]}
    own |= chosen(metadata, "annotations")
    return made


def _claims(name: str, storage: Mapping[str, Any]) -> list[Manifest]:
    template = storage.get("volumeClaimTemplate")
    if not template:
        return []
    metadata = template.get("metadata") or {}
    spec = {"accessModes": ["ReadWriteOnce"], **(template.get("spec") or {})}
    named = {"name": metadata.get("name") or f"{name}-db", **chosen(metadata, "labels", "annotations")}
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": named, "spec": spec}]


def _row(kind: str) -> Row:
    return Row(
        api_version="monitoring.coreos.com/v1",
        kind=kind,
        controller="kube-prometheus-stack-prometheus-operator",
        judge=judge,
        summary=False,
    )


ROWS: Final = (_row("Prometheus"), _row("Alertmanager"))

"""The RabbitMQ cluster operator: the StatefulSet, the Services and the conditions of a RabbitmqCluster.

Names and words follow https://github.com/rabbitmq/cluster-operator at v2.21, `internal/resource` and `internal/status`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.stateful_sets import chosen, missing_keys, progress, service, stateful_set
from sandbox.kubernetes.row import Condition, Row, Surroundings, Verdict

__all__ = ["ROWS"]

_FINALIZER: Final = "deletion.finalizers.rabbitmqclusters.rabbitmq.com"
_PORTS: Final = {"amqp": 5672, "management": 15672, "prometheus": 15692}
# Which a Secret from elsewhere has to have: https://www.rabbitmq.com/kubernetes/operator/using-operator
_KEYS: Final = ("default_user.conf", "username", "password")
_WEEK: Final = 604800


def judge(around: Surroundings, manifest: Manifest) -> Verdict:
    """Make the cluster's objects, and say whether all of its pods are ready."""
    spec, metadata = manifest["spec"], manifest["metadata"]
    name, namespace = str(metadata["name"]), str(metadata["namespace"])
    desired = int(spec.get("replicas", 1))
    ready = progress(around, namespace, f"{name}-server").ready
    external = ((spec.get("secretBackend") or {}).get("externalSecret") or {}).get("name")
    lacking = missing_keys(around, namespace, external, _KEYS) if external else ""
    secret = external or f"{name}-default-user"
    conditions = (
        Condition("AllReplicasReady", ready >= desired, "AllPodsAreReady" if ready >= desired else "NotAllPodsReady"),
        Condition("ClusterAvailable", ready > 0, "AtLeastOneEndpointAvailable" if ready else "NoEndpointsAvailable"),
        _warnings(spec.get("resources") or {}),
        Condition("ReconcileSuccess", True, "Success", "Finish reconciling"),
    )
    children = _children(name, spec, None if external else secret)
    if lacking:
        # The pods would be made, and would not start.
        event = ("Warning", "FailedMount", f"MountVolume.SetUp failed: {lacking}")
        return Verdict(conditions=conditions, children=children, event=event)
    service_reference = {"name": name, "namespace": namespace}
    keys = {"username": "username", "password": "password"}
    secret_reference = {"name": secret, "namespace": namespace, "keys": keys}
    user = {"secretReference": secret_reference, "serviceReference": service_reference}
    made = _stateful_set(name, spec, secret, manifest)
    return Verdict(
        conditions=conditions,
        status={"binding": {"name": secret}, "defaultUser": user, "observedGeneration": metadata.get("generation", 1)},
        children=(*children, made),
    )


def _warnings(resources: Mapping[str, Any]) -> Condition:
    asked, limit = ((resources.get(one) or {}).get("memory") for one in ("requests", "limits"))
    if asked and limit and asked != limit:
        text = "RabbitMQ container memory resource request and limit must be equal"
        return Condition("NoWarnings", False, "MemoryRequestAndLimitDifferent", text)
    return Condition("NoWarnings", True, "NoWarnings")


def _children(name: str, spec: Mapping[str, Any], user: str | None) -> tuple[Manifest, ...]:
    labels = _labels(name)
    kind = (spec.get("service") or {}).get("type", "ClusterIP")
    made: list[Manifest] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": f"{name}-server", "labels": labels}},
        service(f"{name}-nodes", labels, {"epmd": 4369, "cluster-rpc": 25672}, headless=True),
        service(name, labels, _PORTS, kind=kind),
    ]
    for ending in ("server-conf", "plugins-conf"):
        metadata = {"name": f"{name}-{ending}", "labels": labels}
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
    secrets = {f"{name}-erlang-cookie": (".erlang.cookie",)} | ({user: _KEYS} if user else {})
    word = base64.b64encode(b"made by the operator").decode()
    for own, keys in secrets.items():
        metadata = {"name": own, "labels": labels}
        made.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict.fromkeys(keys, word)})
    return tuple(made)


def _stateful_set(name: str, spec: Mapping[str, Any], secret: str, owner: Manifest) -> Manifest:
    sources = [
        {"secret": {"name": secret, "items": [{"key": "default_user.conf", "path": "default_user.conf"}]}},
        {"configMap": {"name": f"{name}-server-conf"}},
    ]
    image = spec.get("image") or "rabbitmq:management"
    pod = {
        "serviceAccountName": f"{name}-server",
        "automountServiceAccountToken": True,
        "terminationGracePeriodSeconds": int(spec.get("terminationGracePeriodSeconds", _WEEK)),
        "securityContext": {"runAsUser": 999, "fsGroup": 0},
        "initContainers": [
            {
                "name": "setup-container",
                "image": image,
                "resources": {
                    "limits": {"cpu": "100m", "memory": "500Mi"},
                    "requests": {"cpu": "100m", "memory": "500Mi"},
                },
            }
        ],
        "containers": [
            {
                "name": "rabbitmq",
                "image": image,
                "resources": spec.get("resources")
                or {"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}},
                "ports": [{"name": key, "containerPort": port, "protocol": "TCP"} for key, port in _PORTS.items()],
            }
        ],
        "volumes": [{"name": "rabbitmq-confd", "projected": {"sources": sources}}],
        **chosen(spec, "affinity", "imagePullSecrets", "tolerations"),
    }
    store = spec.get("persistence") or {}
    size = str(store.get("storage", "10Gi"))
    claims = [] if size == "0" else [_claim(size, store, owner)]
    made = stateful_set(
        f"{name}-server",
        _labels(name),
        pod,
        replicas=int(spec.get("replicas", 1)),
        governed_by=f"{name}-nodes",
        claims=claims,
    )
    override = (spec.get("override") or {}).get("statefulSet") or {}
    return {**made, "spec": _overridden(made["spec"], override.get("spec") or {})}


def _claim(size: str, store: Mapping[str, Any], owner: Manifest) -> Manifest:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    # Owned by the cluster, so that claims go with it and not with the StatefulSet.
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "persistence", "ownerReferences": [reference]},
        "spec": spec | chosen(store, "storageClassName"),
    }


def _overridden(base: Any, change: Any) -> Any:
    """Return what the operator's strategic merge makes: maps merge, so do lists of named items; others are replaced."""
    if isinstance(base, Mapping) and isinstance(change, Mapping):
        return {**base, **{key: _overridden(base.get(key), value) for key, value in change.items()}}
    if (
        isinstance(base, list)
        and isinstance(change, list)
        and all(isinstance(one, Mapping) for one in (*base, *change))
    ):
        known = {one.get("name"): one for one in change}
        kept = [_overridden(one, known.get(one.get("name"), {})) for one in base]
        return kept + [one for one in change if one.get("name") not in {each.get("name") for each in base}]
    return change


def _labels(name: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/component": "rabbitmq",
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "rabbitmq",
    }


ROWS: Final = (
    Row(
        api_version="rabbitmq.com/v1beta1",
        kind="RabbitmqCluster",
        controller="rabbitmq-cluster-operator",
        judge=judge,
        finalizers=(_FINALIZER,),
        summary=False,
        generation=False,
        hold=lambda *_: _FINALIZER,
    ),
)

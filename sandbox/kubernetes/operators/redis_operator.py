"""The Redis operator: the StatefulSet and the Services of a Redis or a RedisReplication.

Names follow https://github.com/OT-CONTAINER-KIT/redis-operator at v0.26, `internal/k8sutils`. Argo CD has no opinion of
these kinds: whether the pods run is seen by their StatefulSet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.stateful_sets import chosen, missing_keys, progress, service, stateful_set
from sandbox.kubernetes.row import Row, Surroundings, Verdict

__all__ = ["ROWS"]

_API: Final = "redis.redis.opstreelabs.in/v1beta2"
_FINALIZERS: Final = {"Redis": "redisFinalizer", "RedisReplication": "redisReplicationFinalizer"}
_SETUPS: Final = {"Redis": "standalone", "RedisReplication": "replication"}


def judge(around: Surroundings, manifest: Manifest) -> Verdict:
    """Make StatefulSet and Services, once the secret with the password is there."""
    spec, metadata = manifest["spec"], manifest["metadata"]
    name, setup = str(metadata["name"]), _SETUPS[manifest["kind"]]
    labels = {"app": name, "redis_setup_type": setup, "role": setup}
    desired = int(spec.get("clusterSize", 3)) if manifest["kind"] == "RedisReplication" else 1
    ready = progress(around, metadata["namespace"], name).ready >= desired
    status: dict[str, Any] = {"masterNode": f"{name}-0"} if manifest["kind"] == "RedisReplication" and ready else {}
    if manifest["kind"] == "Redis":
        status = {"state": "Ready" if ready else "Initializing"}
    services = (
        service(f"{name}-headless", labels, {"redis-client": 6379}, headless=True),
        service(name, labels, {"redis-client": 6379}),
        service(f"{name}-additional", labels, {"redis-client": 6379}),
    )
    secret = (spec.get("kubernetesConfig") or {}).get("redisSecret")
    lacking = (
        missing_keys(around, metadata["namespace"], str(secret.get("name")), (str(secret.get("key")),))
        if secret
        else ""
    )
    if lacking:
        # The pods would be made, and would not start.
        return Verdict(status=status, children=services, event=("Warning", "CreateContainerConfigError", lacking))
    made = stateful_set(
        name,
        labels,
        _pod(name, spec),
        replicas=desired,
        governed_by=f"{name}-headless",
        claims=_claims(name, spec.get("storage") or {}),
    )
    return Verdict(status=status, children=(*services, made))


def release(around: Surroundings, manifest: Manifest) -> None:
    """Delete the claims of a deleted Redis, unless they are to stay."""
    if (manifest["spec"].get("storage") or {}).get("keepAfterDelete"):
        return
    kind, metadata = around.api.kind("v1", "PersistentVolumeClaim"), manifest["metadata"]
    name = metadata["name"]
    for claim in around.list("v1", "PersistentVolumeClaim", metadata["namespace"]):
        if kind is not None and claim["metadata"]["name"].startswith(f"{name}-{name}-"):
            around.api.delete(kind, metadata["namespace"], claim["metadata"]["name"], propagation="Background")


def _pod(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    config: Mapping[str, Any] = spec.get("kubernetesConfig") or {}
    secret = config.get("redisSecret")
    variables: list[dict[str, Any]] = [{"name": "SERVER_MODE", "value": "standalone"}]
    if secret:
        variables.append({"name": "REDIS_PASSWORD", "valueFrom": {"secretKeyRef": dict(secret)}})
    containers = [
        {
            "name": name,
            "env": variables,
            **chosen(config, "image", "imagePullPolicy", "resources"),
            **chosen(spec, "securityContext"),
        }
    ]
    exporter: Mapping[str, Any] = spec.get("redisExporter") or {}
    if exporter.get("enabled"):
        said = chosen(exporter, "image", "imagePullPolicy", "resources", "securityContext")
        containers.append({"name": "redis-exporter", **said})
    return {
        "containers": containers,
        **chosen(config, "imagePullSecrets"),
        **chosen(
            spec,
            "affinity",
            "nodeSelector",
            "priorityClassName",
            "serviceAccountName",
            "terminationGracePeriodSeconds",
            "tolerations",
            "topologySpreadConstraints",
            securityContext="podSecurityContext",
        ),
    }


def _claims(name: str, storage: Mapping[str, Any]) -> list[Manifest]:
    template = storage.get("volumeClaimTemplate")
    if not template:
        return []
    spec = {"accessModes": ["ReadWriteOnce"], **(template.get("spec") or {})}
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}]


def _row(kind: str) -> Row:
    return Row(
        api_version=_API,
        kind=kind,
        controller="redis-operator",
        judge=judge,
        finalizers=(_FINALIZERS[kind],),
        summary=False,
        hold=lambda _around, manifest: _FINALIZERS[manifest["kind"]],
        release=release,
    )


ROWS: Final = (_row("Redis"), _row("RedisReplication"))

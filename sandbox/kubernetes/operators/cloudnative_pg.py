"""CloudNativePG: a Cluster's pods, claims and Services, and the phase it is in.

Names and words follow https://github.com/cloudnative-pg/cloudnative-pg at v1.30. Instances come one after another, as
the next is cloned from those that are ready. Backups, poolers, plugins and recovery are not played.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.stateful_sets import chosen, missing_keys, service
from sandbox.kubernetes.row import Condition, Row, Surroundings, Verdict

__all__ = ["ROWS"]

_CLUSTER: Final = "cnpg.io/cluster"
_INSTANCE: Final = "cnpg.io/instanceName"
_ROLE: Final = "cnpg.io/instanceRole"
_USER: Final = 26
_CONTAINED: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def judge(around: Surroundings, manifest: Manifest) -> Verdict:
    """Bring a cluster's instances up one by one, and say which phase that is."""
    spec, metadata = manifest["spec"], manifest["metadata"]
    name, namespace = str(metadata["name"]), str(metadata["namespace"])
    desired = int(spec.get("instances", 1))
    instances = [f"{name}-{number}" for number in range(1, desired + 1)]
    ready = [one for one in instances if _ready(around.get("v1", "Pod", namespace, one))]
    base = (*_surroundings(name, manifest), *_budgets(name, spec))
    lacking = _lacking(around, namespace, spec)
    if lacking:
        # The job that sets the first instance up fails until then, and is tried again.
        status = {"phase": "Setting up primary", "phaseReason": f"Creating primary instance {name}-1"}
        not_ready = Condition("Ready", False, "ClusterIsNotReady", "Cluster Is Not Ready")
        return Verdict(
            conditions=(not_ready,),
            status={"instances": 0, "readyInstances": 0, **status},
            children=base,
            event=("Warning", "FailedCreate", lacking),
        )
    wanted = instances[: len(ready) + 1]
    pods = [part for one in wanted for part in _instance(name, one, spec, primary=one == instances[0])]
    healthy = len(ready) == desired
    phase, reason = "Cluster in healthy state", ""
    if not ready:
        phase, reason = "Setting up primary", f"Creating primary instance {name}-1"
    elif not healthy:
        phase, reason = "Creating a new replica", f"Creating replica {wanted[-1]}"
    word = "Is Ready" if healthy else "Is Not Ready"
    return Verdict(
        conditions=(
            Condition("Ready", healthy, "ClusterIsReady" if healthy else "ClusterIsNotReady", f"Cluster {word}"),
        ),
        status={
            "phase": phase,
            "phaseReason": reason or None,
            "instances": len(wanted),
            "readyInstances": len(ready),
            "instanceNames": wanted,
            "latestGeneratedNode": len(wanted),
            "currentPrimary": instances[0],
            "targetPrimary": instances[0],
            "readService": f"{name}-r",
            "writeService": f"{name}-rw",
            "pvcCount": len(wanted),
            "healthyPVC": ready or None,
            "image": spec.get("imageName"),
        },
        children=(*base, *pods),
    )


def _lacking(around: Surroundings, namespace: str, spec: Mapping[str, Any]) -> str:
    """Say what is missing of the secret that the owner's password comes from."""
    setup = (spec.get("bootstrap") or {}).get("initdb") or {}
    name = (setup.get("secret") or {}).get("name")
    if not name:
        return ""
    if said := missing_keys(around, namespace, name, ("username", "password")):
        return said
    secret = around.get("v1", "Secret", namespace, name) or {"data": {}}
    user = base64.b64decode(secret["data"]["username"]).decode()
    owner = str(setup.get("owner") or user)
    return "" if user == owner else f'secret "{name}" is of user {user!r}, the database\'s owner is {owner!r}'


def _surroundings(name: str, manifest: Manifest) -> tuple[Manifest, ...]:
    initdb = (manifest["spec"].get("bootstrap") or {}).get("initdb") or {}
    primary, any_role = {_CLUSTER: name, _ROLE: "primary"}, {_CLUSTER: name, "cnpg.io/podRole": "instance"}
    made: list[Manifest] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "labels": {_CLUSTER: name}}},
        service(f"{name}-rw", primary, {"postgres": 5432}),
        service(f"{name}-ro", {_CLUSTER: name, _ROLE: "replica"}, {"postgres": 5432}),
        service(f"{name}-r", any_role, {"postgres": 5432}),
    ]
    if not initdb.get("secret"):
        user = base64.b64encode(str(initdb.get("owner") or "app").encode()).decode()
        data = {"username": user, "password": base64.b64encode(b"made by the operator").decode()}
        metadata = {"name": f"{name}-app", "labels": {_CLUSTER: name}}
        made.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    return tuple(made)


def _budgets(name: str, spec: Mapping[str, Any]) -> tuple[Manifest, ...]:
    """Return the budgets that keep the primary, and all replicas but one, from being evicted."""
    if not spec.get("enablePDB", True):
        return ()
    kinds = [(f"{name}-primary", "primary", 1)]
    if (replicas := int(spec.get("instances", 1)) - 1) > 0:
        kinds.append((name, "replica", max(1, replicas - 1)))
    return tuple(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": own, "labels": {_CLUSTER: name}},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {_CLUSTER: name, _ROLE: role}}},
        }
        for own, role, least in kinds
    )


def _instance(name: str, own: str, spec: Mapping[str, Any], *, primary: bool) -> tuple[Manifest, ...]:
    """Return an instance's claims and its pod."""
    labels = {_CLUSTER: name, _INSTANCE: own, "cnpg.io/podRole": "instance"}
    stores = {"pgdata": ("", spec.get("storage") or {})}
    if "walStorage" in spec:
        stores["pg-wal"] = ("-wal", spec["walStorage"])
    claims: tuple[Manifest, ...] = tuple(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"{own}{ending}", "labels": labels},
            "spec": _claim(store),
        }
        for ending, store in stores.values()
    )
    place = spec.get("affinity") or {}
    container = {
        "name": "postgres",
        "image": spec.get("imageName") or "ghcr.io/cloudnative-pg/postgresql",
        "ports": [{"name": "postgresql", "containerPort": 5432, "protocol": "TCP"}],
        "securityContext": _CONTAINED,
        "volumeMounts": [{"name": "pgdata", "mountPath": "/var/lib/postgresql/data"}],
        **chosen(spec, "resources"),
    }
    pod = {
        "containers": [container],
        "hostname": own,
        "serviceAccountName": name,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [
            {"name": volume, "persistentVolumeClaim": {"claimName": f"{own}{ending}"}}
            for volume, (ending, _) in stores.items()
        ],
        **chosen(place, "nodeSelector", "tolerations"),
        **chosen(spec, "priorityClassName", "topologySpreadConstraints", "schedulerName"),
    }
    if affinity := _affinity(name, place):
        pod["affinity"] = affinity
    role = {_ROLE: "primary" if primary else "replica"}
    metadata = {"name": own, "labels": {**labels, **role}}
    return (*claims, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod})


def _claim(store: Mapping[str, Any]) -> dict[str, Any]:
    made = {"accessModes": ["ReadWriteOnce"], **(store.get("pvcTemplate") or {})}
    if "size" in store:
        made["resources"] = {"requests": {"storage": store["size"]}}
    return made | chosen(store, storageClassName="storageClass")


def _affinity(name: str, place: Mapping[str, Any]) -> dict[str, Any]:
    found = chosen(place, nodeAffinity="nodeAffinity", podAffinity="additionalPodAffinity")
    apart: dict[str, Any] = dict(place.get("additionalPodAntiAffinity") or {})
    if place.get("enablePodAntiAffinity", True):
        term = {
            "labelSelector": {"matchLabels": {_CLUSTER: name, "cnpg.io/podRole": "instance"}},
            "topologyKey": place.get("topologyKey") or "kubernetes.io/hostname",
        }
        required, preferred = (
            "requiredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
        )
        if place.get("podAntiAffinityType") == "required":
            apart[required] = [term, *apart.get(required, [])]
        else:
            apart[preferred] = [{"weight": 100, "podAffinityTerm": term}, *apart.get(preferred, [])]
    return found | ({"podAntiAffinity": apart} if apart else {})


def _ready(pod: Manifest | None) -> bool:
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


ROWS: Final = (
    Row(
        api_version="postgresql.cnpg.io/v1",
        kind="Cluster",
        controller="cloudnative-pg",
        judge=judge,
        summary=False,
        generation=False,
        owns=(("v1", "Pod"), ("policy/v1", "PodDisruptionBudget")),
    ),
)

"""Karpenter as a work of `sandbox.kubernetes.controllers`: machines for pods that wait, as long as its pods run.

Consolidation, drift, expiry and interruptions are not played: a node stays until its NodeClaim is deleted.
"""

from __future__ import annotations

import json
import random
import string
import time
from typing import Final

from sandbox.kubernetes.api import Api, Manifest
from sandbox.kubernetes.children import Children
from sandbox.kubernetes.identity import RightsError, role_of_pods
from sandbox.kubernetes.row import Surroundings
from sandbox.provisioning.claims import FINALIZER, Claims, Owner
from sandbox.provisioning.offers import CAPACITY_TYPE, POOL, TYPE, ZONE, known_families
from sandbox.provisioning.packing import Machine, cheapest, pack
from sandbox.provisioning.sight import Sight, holds

_FAMILY: Final = "karpenter.k8s.aws/instance-family"
# Karpenter's BATCH_MAX_DURATION and, in whole rounds, BATCH_IDLE_DURATION.
_BATCH_SECONDS: Final = 10.0


class Karpenter:
    """Makes machines for pods that wait and takes them back. Holds what it saw in the round before."""

    def __init__(self) -> None:
        self._batch: frozenset[str] = frozenset()
        self._since = 0.0

    def __call__(self, around: Surroundings) -> None:
        """Work one round, if the controller runs and AWS would let it."""
        sight = Sight(around.api)
        deployment = _controller(around.api)
        if deployment is None or not (cluster := _cluster(deployment)):
            return
        try:
            role_of_pods(around, deployment)
        except RightsError as error:
            for pod in sight.waiting:
                _tell(sight, pod, str(error))
            return
        self._provision(sight)
        Claims(Sight(around.api), Owner(cluster=cluster, aws=around.aws)).tend()

    def _provision(self, sight: Sight) -> None:
        kind = sight.api.kind("karpenter.sh/v1", "NodeClaim")
        waiting = {pod["metadata"]["uid"]: pod for pod in sight.waiting}
        if kind is None or not waiting or not self._settled(frozenset(waiting)):
            return
        # A claim without a node would be planned a second time.
        if any("nodeName" not in claim.get("status", {}) for claim in sight.claims):
            return
        pools = sight.pools()
        plan = pack([sight.needs(pod) for pod in waiting.values()], sight.machines(), pools)
        for machine in plan.machines:
            pool = sight.pool_manifest(machine.pool)
            sight.api.request("POST", kind.path(), _claim(pool, machine))
        for uid, reason in plan.homeless.items():
            _tell(sight, waiting[uid], f"{reason}{_unknown(sight, pools)}")

    def _settled(self, waiting: frozenset[str]) -> bool:
        """Say whether no further pod has come since the round before, or the batch has waited long enough."""
        now = time.monotonic()
        if not waiting & self._batch:
            self._since = now
        same, self._batch = waiting == self._batch, waiting
        return same or now - self._since > _BATCH_SECONDS


def _tell(sight: Sight, pod: Manifest, reason: str) -> None:
    about = {**pod, "apiVersion": "v1", "kind": "Pod"}
    Children(sight.api, "karpenter").tell(about, "Warning", "FailedScheduling", f"Failed to schedule pod, {reason}")


def _unknown(sight: Sight, pools: object) -> str:
    """Say which instance families NodePools name that the tables lack."""
    kind = sight.api.kind("karpenter.sh/v1", "NodePool")
    asked = {
        str(value)
        for pool in (sight.api.list(kind) if kind and pools else [])
        for one in pool["spec"]["template"]["spec"].get("requirements") or []
        if (one["key"], one["operator"]) == (_FAMILY, "In")
        for value in one["values"]
    }
    lacking = sorted(asked - known_families())
    return (
        f" (the sandbox has no instance family {', '.join(lacking)}: sandbox/kubernetes/instance_types.py)"
        if lacking
        else ""
    )


def _controller(api: Api) -> Manifest | None:
    query = {"labelSelector": "app.kubernetes.io/name=karpenter"}
    found = api.request("GET", "/apis/apps/v1/deployments", query=query).get("items") or []
    return next((one for one in found if holds(one, "Available")), None)


def _cluster(deployment: Manifest) -> str:
    """Return the cluster's name as the controller is told it."""
    values = json.loads((deployment["metadata"].get("annotations") or {}).get("sandbox/received-values", "{}"))
    return str((values.get("settings") or {}).get("clusterName") or "")


def _claim(pool: Manifest, machine: Machine) -> Manifest:
    """Return the NodeClaim of a planned machine, with the offer that is bought as its labels."""
    metadata, template = pool["metadata"], pool["spec"]["template"]
    bought = cheapest(machine)
    name = "".join(random.choices(string.ascii_lowercase + string.digits, k=5))
    owner = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": metadata["name"], "uid": metadata["uid"]}
    possible = {key: sorted({room.labels[key] for room in machine.rooms}) for key in (TYPE, ZONE, CAPACITY_TYPE)}
    others = [one for one in template["spec"].get("requirements") or [] if one["key"] not in possible]
    kept = ("taints", "startupTaints", "expireAfter", "terminationGracePeriod")
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodeClaim",
        "metadata": {
            "name": f"{metadata['name']}-{name}",
            "labels": dict(bought.labels),
            "annotations": (template.get("metadata") or {}).get("annotations") or {},
            "finalizers": [FINALIZER],
            "ownerReferences": [{**owner, "blockOwnerDeletion": True}],
        },
        "spec": {
            "nodeClassRef": template["spec"]["nodeClassRef"],
            "requirements": [
                *others,
                *({"key": key, "operator": "In", "values": values} for key, values in possible.items()),
                {"key": POOL, "operator": "In", "values": [metadata["name"]]},
            ],
            "resources": {"requests": machine.used.quantities()},
            **{key: template["spec"][key] for key in kept if key in template["spec"]},
        },
    }

"""Argo Rollouts: the ReplicaSets of a canary, its steps, and the weights in front of them.

Behaviour and words follow https://github.com/argoproj/argo-rollouts at v1.9: the first version goes straight to stable,
a later one takes the steps. Analyses, experiments, blue-green and references to Deployments are not played.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.rollout_specs import HASH, MANAGED, InvalidSpecError, validate
from sandbox.kubernetes.row import Condition, Row, Surroundings, Verdict

__all__ = ["ROWS"]

_ALB: Final = "alb.ingress.kubernetes.io"
_ALB_MANAGED: Final = "rollouts.argoproj.io/managed-alb-annotations"
_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"
_DURATION: Final = re.compile(r"([0-9]+)([smh]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


def judge(around: Surroundings, manifest: Manifest) -> Verdict:
    """Bring ReplicaSets, Services and the Ingress to where the rollout stands, and say where that is."""
    try:
        validate(around, manifest)
    except InvalidSpecError as error:
        message = f'The Rollout "{manifest["metadata"]["name"]}" is invalid: {error}'
        said = {"phase": "Degraded", "message": f"InvalidSpec: {message}", **_observed(manifest)}
        return Verdict(conditions=(Condition("InvalidSpec", True, "InvalidSpec", message),), status=said)
    return _Canary(around, manifest).verdict()


class _Canary:
    """One look at a rollout."""

    def __init__(self, around: Surroundings, manifest: Manifest) -> None:
        self._around, self._manifest = around, manifest
        self._spec = manifest["spec"]
        self._canary: Mapping[str, Any] = self._spec["strategy"]["canary"]
        self._steps: Sequence[Mapping[str, Any]] = self._canary.get("steps") or []
        self._before: Mapping[str, Any] = manifest.get("status") or {}
        self._name, self._namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        self._desired = int(self._spec.get("replicas", 1))
        self._new = hashlib.sha256(json.dumps(self._spec["template"], sort_keys=True).encode()).hexdigest()[:10]
        self._sets = {
            one["metadata"]["labels"][HASH]: one
            for one in around.list("apps/v1", "ReplicaSet", self._namespace)
            if manifest["metadata"]["uid"] in [each["uid"] for each in one["metadata"].get("ownerReferences") or []]
        }
        self._stable = str(self._before.get("stableRS") or "")
        self._pauses: list[dict[str, str]] = []

    def verdict(self) -> Verdict:
        step = self._step()
        promoted = self._stable in ("", self._new) or step >= len(self._steps)
        weight = 0 if self._stable in ("", self._new) else 100 if promoted else self._weight(step)
        wanted = self._replicas(promoted, weight)
        if promoted and self._available(self._new) >= self._desired:
            self._stable, step, weight = self._new, len(self._steps), 0
        self._scale_others(wanted)
        self._route(weight)
        status = self._status(step)
        children = (self._replica_set(wanted),)
        return Verdict(conditions=self._conditions(status), status=status, children=children)

    def _step(self) -> int:
        """Return where the rollout stands now; steps that are done are left behind."""
        digest = hashlib.sha256(json.dumps(self._steps, sort_keys=True).encode()).hexdigest()[:10]
        self._step_hash = digest
        if self._stable in ("", self._new):
            return len(self._steps)
        same = (self._before.get("currentPodHash"), self._before.get("currentStepHash")) == (self._new, digest)
        step = int(self._before.get("currentStepIndex") or 0) if same else 0
        paused = (self._before.get("pauseConditions") or []) if same else []
        # Whoever promotes takes the conditions away, and leaves the controller's own mark.
        released = same and bool(self._before.get("controllerPause")) and not paused
        while step < len(self._steps):
            pause = self._steps[step].get("pause")
            if pause is None:
                if self._available(self._new) < self._canary_size(self._weight(step)):
                    return step
            elif not released and not _over(pause, paused):
                now = datetime.now(UTC).strftime(_STAMP)
                self._pauses = list(paused) or [{"reason": "CanaryPauseStep", "startTime": now}]
                return step
            else:
                released, paused = False, []
            step += 1
        return step

    def _weight(self, step: int) -> int:
        weights = [int(one["setWeight"]) for one in self._steps[: step + 1] if "setWeight" in one]
        return weights[-1] if weights else 0

    def _canary_size(self, weight: int) -> int:
        return math.ceil(self._desired * weight / 100)

    def _replicas(self, promoted: bool, weight: int) -> dict[str, int]:
        """Return how many pods each ReplicaSet is to have."""
        if promoted:
            done = self._available(self._new) >= self._desired
            kept = {} if done or not self._stable else {self._stable: self._size(self._stable)}
            return {**kept, self._new: self._desired}
        size = self._canary_size(weight)
        # With a load balancer in front the stable version stays whole; without, pods are what the weight is made of.
        rest = self._desired if "trafficRouting" in self._canary else self._desired - size
        return {self._stable: rest, self._new: size}

    def _size(self, digest: str) -> int:
        return int((self._sets.get(digest) or {"spec": {}})["spec"].get("replicas") or 0)

    def _count(self, digest: str, field: str) -> int:
        return int(((self._sets.get(digest) or {}).get("status") or {}).get(field) or 0)

    def _available(self, digest: str) -> int:
        return min(self._count(digest, "availableReplicas"), self._size(digest))

    def _scale_others(self, wanted: Mapping[str, int]) -> None:
        kind = self._around.api.kind("apps/v1", "ReplicaSet")
        for digest, found in self._sets.items():
            size = wanted.get(digest, 0)
            if kind is not None and digest != self._new and self._size(digest) != size:
                name = found["metadata"]["name"]
                self._around.api.patch(kind, self._namespace, name, {"spec": {"replicas": size}})

    def _replica_set(self, wanted: Mapping[str, int]) -> Manifest:
        template = self._spec["template"]
        metadata = template.get("metadata") or {}
        labels = {**(metadata.get("labels") or {}), HASH: self._new}
        selector = self._spec["selector"]
        labelled = {**(selector.get("matchLabels") or {}), HASH: self._new}
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": f"{self._name}-{self._new}", "labels": labels},
            "spec": {
                "replicas": wanted[self._new],
                "selector": {**selector, "matchLabels": labelled},
                "template": {**template, "metadata": {**metadata, "labels": labels}},
            },
        }

    def _route(self, weight: int) -> None:
        """Point the Services at their ReplicaSets, and tell the load balancer how much goes where."""
        chosen = {"canaryService": self._new, "stableService": self._stable or self._new}
        for field, digest in chosen.items():
            if name := self._canary.get(field):
                selector = {"spec": {"selector": {HASH: digest}}}
                self._patch(
                    "v1", "Service", str(name), {"metadata": {"annotations": {MANAGED: self._name}}, **selector}
                )
        alb = (self._canary.get("trafficRouting") or {}).get("alb")
        if alb:
            port, root = str(alb["servicePort"]), str(alb.get("rootService") or self._canary["stableService"])
            weights = ((self._canary["canaryService"], weight), (self._canary["stableService"], 100 - weight))
            groups = [{"ServiceName": name, "ServicePort": port, "Weight": part} for name, part in weights]
            key = f"{_ALB}/actions.{root}"
            action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
            said = {key: _compact(action), _ALB_MANAGED: _compact({self._name: [key]})}
            self._patch("networking.k8s.io/v1", "Ingress", str(alb["ingress"]), {"metadata": {"annotations": said}})

    def _patch(self, api_version: str, kind_name: str, name: str, change: Manifest) -> None:
        live = self._around.get(api_version, kind_name, self._namespace, name)
        kind = self._around.api.kind(api_version, kind_name)
        if live is None or kind is None:
            return
        known = {**(live["metadata"].get("annotations") or {}), **((live.get("spec") or {}).get("selector") or {})}
        wanted = {**change["metadata"]["annotations"], **(change.get("spec") or {}).get("selector", {})}
        if not wanted.items() <= known.items():
            self._around.api.patch(kind, self._namespace, name, change)

    def _status(self, step: int) -> dict[str, Any]:
        total = sum(self._count(one, "replicas") for one in self._sets)
        available = sum(self._count(one, "availableReplicas") for one in self._sets)
        labels = self._spec["selector"].get("matchLabels") or {}
        status: dict[str, Any] = {
            **_observed(self._manifest),
            "HPAReplicas": total,
            "availableReplicas": available,
            "readyReplicas": sum(self._count(one, "readyReplicas") for one in self._sets),
            "replicas": total,
            "updatedReplicas": self._count(self._new, "replicas"),
            "currentPodHash": self._new,
            "currentStepHash": self._step_hash,
            "currentStepIndex": step if self._steps else None,
            "stableRS": self._stable or None,
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
            "pauseConditions": self._pauses or None,
            "controllerPause": True if self._pauses else None,
        }
        phase, message = self._phase(status)
        return status | {"phase": phase, "message": message or None}

    def _phase(self, status: Mapping[str, Any]) -> tuple[str, str]:
        if self._spec.get("paused") or self._pauses:
            return "Paused", "CanaryPauseStep" if self._pauses else "manually paused"
        promoted, said = self._stable == self._new, ""
        if promoted and status["updatedReplicas"] < self._desired:
            said = "more replicas need to be updated"
        elif self._count(self._new, "availableReplicas") < status["updatedReplicas"]:
            said = "updated replicas are still becoming available"
        elif "trafficRouting" not in self._canary and promoted and status["replicas"] > status["updatedReplicas"]:
            said = "old replicas are pending termination"
        elif not promoted:
            said = "waiting for all steps to complete"
        return ("Progressing", said) if said else ("Healthy", "")

    def _conditions(self, status: Mapping[str, Any]) -> tuple[Condition, ...]:
        healthy = status["phase"] == "Healthy"
        enough = status["availableReplicas"] >= self._desired
        progress = (
            ("NewReplicaSetAvailable", "has successfully progressed.")
            if healthy
            else (("RolloutPaused", "is paused") if self._pauses else ("ReplicaSetUpdated", "is progressing."))
        )
        text = f'ReplicaSet "{self._name}-{self._new}" {progress[1]}'
        return (
            Condition("Available", enough, "AvailableReason", "Rollout has minimum availability"),
            Condition("Progressing", None if self._pauses else True, progress[0], text),
            Condition(
                "Healthy", healthy, "RolloutHealthy", "Rollout is healthy" if healthy else "Rollout is not healthy"
            ),
            Condition("Completed", self._stable == self._new, "RolloutCompleted", f"RolloutCompleted: {self._new}"),
        )


def _over(pause: Mapping[str, Any], paused: Sequence[Mapping[str, str]]) -> bool:
    match = _DURATION.fullmatch(str(pause.get("duration", "")))
    if match is None or not paused:
        return False
    length = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    return datetime.strptime(paused[0]["startTime"], _STAMP).replace(tzinfo=UTC) + length <= datetime.now(UTC)


def _observed(manifest: Manifest) -> dict[str, str]:
    return {"observedGeneration": str(manifest["metadata"].get("generation", 1))}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


ROWS: Final = (
    Row(
        api_version="argoproj.io/v1alpha1",
        kind="Rollout",
        controller="argo-rollouts",
        judge=judge,
        summary=False,
        generation=False,
        times=("lastTransitionTime", "lastUpdateTime"),
    ),
)

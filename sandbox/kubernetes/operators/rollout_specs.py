"""What Argo Rollouts refuses of a Rollout: Services and an Ingress that it names and that are not there, or do not fit.

Words follow https://github.com/argoproj/argo-rollouts at v1.9, `pkg/apis/rollouts/validation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.row import Surroundings

__all__ = ["HASH", "MANAGED", "InvalidSpecError", "validate"]

HASH: Final = "rollouts-pod-template-hash"
MANAGED: Final = "argo-rollouts.argoproj.io/managed-by-rollouts"
_HERE: Final = "sandbox/kubernetes/operators/rollouts.py"
_STEPS: Final = {"setWeight", "pause"}


class InvalidSpecError(Exception):
    """What the controller calls an invalid spec."""


def validate(around: Surroundings, manifest: Manifest) -> None:
    """Raise `InvalidSpecError` for what the controller refuses, and for what is not played."""
    spec = manifest["spec"]
    canary = (spec.get("strategy") or {}).get("canary")
    if canary is None or not {"template", "selector"} <= spec.keys():
        raise InvalidSpecError(f"spec.strategy: anything but a canary of a template is not played in {_HERE}")
    odd = sorted({name for one in canary.get("steps") or [] for name in one} - _STEPS)
    routing = canary.get("trafficRouting") or {}
    if odd or routing.keys() - {"alb"} or "ingress" not in routing.get("alb", {"ingress": ""}):
        raise InvalidSpecError(f"spec.strategy.canary: {odd or sorted(routing)} is not played in {_HERE}")
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if not (spec["selector"].get("matchLabels") or {}).items() <= labels.items():
        raise InvalidSpecError("spec.template.metadata.labels: `selector` does not match template `labels`")
    for field in ("canaryService", "stableService"):
        if name := canary.get(field):
            _check_service(around, manifest, f"spec.strategy.canary.{field}", str(name), labels)
        elif routing:
            raise InvalidSpecError(f"spec.strategy.canary.{field}: Invalid value: service names must be set")
    if "alb" in routing:
        _check_ingress(around, manifest["metadata"]["namespace"], canary, routing["alb"])


def _check_ingress(around: Surroundings, namespace: str, canary: Mapping[str, Any], alb: Mapping[str, Any]) -> None:
    where, name = "spec.strategy.canary.trafficRouting.alb", str(alb["ingress"])
    ingress = around.get("networking.k8s.io/v1", "Ingress", namespace, name)
    if ingress is None:
        raise InvalidSpecError(f'{where}.ingress: Invalid value: "{name}": ingress "{name}" not found')
    root = str(alb.get("rootService") or canary["stableService"])
    if around.get("v1", "Service", namespace, root) is None:
        raise InvalidSpecError(f'{where}.rootService: Invalid value: "{root}": service "{root}" not found')
    if root not in _backends(ingress):
        said = f"ingress `{name}` has no rules using service {root} backend"
        raise InvalidSpecError(f'{where}.ingress: Invalid value: "{name}": {said}')


def _check_service(around: Surroundings, manifest: Manifest, where: str, name: str, labels: Mapping[str, str]) -> None:
    service = around.get("v1", "Service", manifest["metadata"]["namespace"], name)
    if service is None:
        raise InvalidSpecError(f'{where}: Invalid value: "{name}": service "{name}" not found')
    for key, value in (service["spec"].get("selector") or {}).items():
        if key != HASH and labels.get(key) != value:
            raise InvalidSpecError(
                f'{where}: Invalid value: "{name}": Service "{name}" has unmatch label "{key}" in rollout'
            )
    owner = (service["metadata"].get("annotations") or {}).get(MANAGED)
    if owner and owner != manifest["metadata"]["name"]:
        raise InvalidSpecError(f'{where}: Invalid value: "{name}": Service "{name}" is managed by another Rollout')


def _backends(ingress: Manifest) -> set[str]:
    spec = ingress["spec"]
    paths = [path for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    found = [path["backend"] for path in paths] + ([spec["defaultBackend"]] if "defaultBackend" in spec else [])
    return {str((one.get("service") or {}).get("name")) for one in found}

"""What an Ingress says to the AWS Load Balancer Controller: by its class, the class's parameters, its annotations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.row import Surroundings
from sandbox.kubernetes.selectors import matches

__all__ = [
    "CONTROLLER",
    "Group",
    "Member",
    "RefusedError",
    "group_of",
    "is_ours",
    "members",
    "notes",
    "parameters",
    "parsed",
]

CONTROLLER: Final = "ingress.k8s.aws/alb"
_PREFIX: Final = "alb.ingress.kubernetes.io/"
_LEGACY: Final = "kubernetes.io/ingress.class"
_IMPLICIT: Final = "ingress.k8s.aws/resources"
_EXPLICIT: Final = "group.ingress.k8s.aws/"
# What has an effect here, or none on what is made here. Any other is refused: the real controller says nothing of it.
_KNOWN: Final = {
    "backend-protocol",
    "backend-protocol-version",
    "certificate-arn",
    "group.name",
    "group.order",
    "healthcheck-interval-seconds",
    "healthcheck-path",
    "healthcheck-port",
    "healthcheck-protocol",
    "healthcheck-timeout-seconds",
    "healthy-threshold-count",
    "inbound-cidrs",
    "ip-address-type",
    "listen-ports",
    "load-balancer-attributes",
    "load-balancer-name",
    "scheme",
    "security-groups",
    "ssl-policy",
    "ssl-redirect",
    "subnets",
    "success-codes",
    "tags",
    "target-group-attributes",
    "target-node-labels",
    "target-type",
    "unhealthy-threshold-count",
    "wafv2-acl-arn",
}
_PER_SERVICE: Final = ("actions.", "conditions.")


class RefusedError(Exception):
    """What the controller cannot make a model of."""


@dataclass(frozen=True)
class Group:
    """Ingresses of one load balancer: those that name the group, or one Ingress for itself."""

    name: str
    namespace: str = ""

    @property
    def text(self) -> str:
        """As it stands in tags."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def finalizer(self) -> str:
        """What holds its members."""
        return _IMPLICIT if self.namespace else f"{_EXPLICIT}{self.name}"


@dataclass(frozen=True)
class Member:
    """An Ingress of a group, with the spec of its class's parameters."""

    ingress: Manifest
    params: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As it stands in messages."""
        return f"{self.ingress['metadata']['namespace']}/{self.ingress['metadata']['name']}"

    def said(self, key: str, field: str | None = None) -> Any:
        """Return what the class's parameters say in a field, else what the annotation says, else None."""
        found = self.params.get(field) if field else None
        return found if found not in (None, "", []) else notes(self.ingress).get(key)


def notes(ingress: Manifest) -> dict[str, str]:
    """Return the controller's annotations, without their prefix."""
    found = ingress["metadata"].get("annotations") or {}
    return {key.removeprefix(_PREFIX): str(value) for key, value in found.items() if key.startswith(_PREFIX)}


def is_ours(around: Surroundings, ingress: Manifest) -> bool:
    """Say whether an Ingress is of a class of this controller's. A class that is not there is nobody's."""
    legacy = (ingress["metadata"].get("annotations") or {}).get(_LEGACY)
    if legacy is not None:
        return bool(legacy == "alb")
    found = _class(around, ingress)
    return bool(found and (found.get("spec") or {}).get("controller") == CONTROLLER)


def parameters(around: Surroundings, ingress: Manifest) -> Mapping[str, Any]:
    """Return the spec of the parameters of an Ingress's class. Raise `RefusedError` where they are not there."""
    found = _class(around, ingress)
    reference = ((found or {}).get("spec") or {}).get("parameters")
    if not reference:
        return {}
    name = reference["name"]
    params = around.get("elbv2.k8s.aws/v1beta1", "IngressClassParams", None, name)
    if (reference.get("apiGroup"), reference.get("kind")) != ("elbv2.k8s.aws", "IngressClassParams") or params is None:
        raise RefusedError(f'invalid ingress class: ingressclassparams.elbv2.k8s.aws "{name}" not found')
    spec: Mapping[str, Any] = params.get("spec") or {}
    if "namespaceSelector" in spec:
        namespace = around.get("v1", "Namespace", None, ingress["metadata"]["namespace"]) or {"metadata": {}}
        if not matches(spec["namespaceSelector"], namespace["metadata"].get("labels") or {}):
            raise RefusedError(f"invalid ingress class: namespaceSelector of IngressClassParams {name} mismatch")
    return spec


def group_of(ingress: Manifest, params: Mapping[str, Any]) -> Group:
    """Return an Ingress's group; the class's parameters outweigh the annotation."""
    name = (params.get("group") or {}).get("name") or notes(ingress).get("group.name")
    metadata = ingress["metadata"]
    return Group(str(name)) if name else Group(metadata["name"], metadata["namespace"])


def members(around: Surroundings, group: Group) -> list[Member]:
    """Return the group's Ingresses that stay, in order: by number, then by name."""
    found = []
    for ingress in around.list("networking.k8s.io/v1", "Ingress"):
        if "deletionTimestamp" in ingress["metadata"] or not is_ours(around, ingress):
            continue
        params = parameters(around, ingress)
        if group_of(ingress, params) == group:
            _check(ingress)
            found.append(Member(ingress, params))
    return sorted(found, key=lambda one: (int(notes(one.ingress).get("group.order", "0")), one.name))


def _check(ingress: Manifest) -> None:
    unknown = sorted(key for key in notes(ingress) if key not in _KNOWN and not key.startswith(_PER_SERVICE))
    if unknown:
        raise RefusedError(
            f"annotation {_PREFIX}{unknown[0]}: unknown, or not played; add it to "
            "sandbox/kubernetes/operators/load_balancers/reading.py"
        )


def _class(around: Surroundings, ingress: Manifest) -> Manifest | None:
    name = (ingress.get("spec") or {}).get("ingressClassName")
    return around.get("networking.k8s.io/v1", "IngressClass", None, name) if name else None


def parsed(text: str, what: str) -> Any:
    """Return JSON out of an annotation. Raise `RefusedError` for what is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise RefusedError(f"failed to parse {what}: `{text}`: {error}") from error

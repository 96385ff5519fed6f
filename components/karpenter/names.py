"""The names that Karpenter, its chart and the runbooks look things up by, within the limits of AWS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.karpenter.rules import RULES

ROLE_LIMIT: Final = 64
RULE_LIMIT: Final = 64
QUEUE_LIMIT: Final = 80
POLICY_LIMIT: Final = 128
PROFILE_LIMIT: Final = 128

RULE_KINDS: Final = tuple(rule.kind for rule in RULES)
POLICY_KINDS: Final = (
    "NodeLifecycle",
    "IAMIntegration",
    "EKSIntegration",
    "Interruption",
    "ZonalShift",
    "ResourceDiscovery",
)
_HASH_LENGTH: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class KarpenterNames:
    """Every physical name.

    Attributes:
        instance_profile: The nodes' one; only a network without a way to IAM has it.
        rules: By kind. All five share one prefix, so that `list-rules --name-prefix` finds them together.
        policies: By the kind's name in the upstream template.
    """

    node_role: str
    instance_profile: str
    controller_role: str
    queue: str
    rules: Mapping[str, str]
    policies: Mapping[str, str]


def plan_names(cluster_name: str) -> KarpenterNames:
    """Name everything after the cluster."""
    room = RULE_LIMIT - max(len(f"-{kind}") for kind in RULE_KINDS)
    rule_prefix = fit(cluster_name, room, after="-karpenter")
    policies = {
        kind: fit(cluster_name, POLICY_LIMIT, before=f"KarpenterController{kind}Policy-") for kind in POLICY_KINDS
    }
    return KarpenterNames(
        node_role=fit(cluster_name, ROLE_LIMIT, before="KarpenterNodeRole-"),
        instance_profile=fit(cluster_name, PROFILE_LIMIT, before="KarpenterNodeInstanceProfile-"),
        controller_role=fit(cluster_name, ROLE_LIMIT, after="-karpenter-controller"),
        queue=fit(cluster_name, QUEUE_LIMIT, after="-karpenter"),
        rules=MappingProxyType({kind: f"{rule_prefix}-{kind}" for kind in RULE_KINDS}),
        policies=MappingProxyType(policies),
    )


def fit(cluster_name: str, limit: int, *, before: str = "", after: str = "") -> str:
    """Return before + cluster name + after; where that is too long, the cluster name is cut and ends in its hash."""
    name = f"{before}{cluster_name}{after}"
    if len(name) <= limit:
        return name
    room = limit - len(before) - len(after) - _HASH_LENGTH - 1
    digest = hashlib.sha256(cluster_name.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{before}{cluster_name[:room]}-{digest}{after}"

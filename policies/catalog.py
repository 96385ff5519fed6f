"""All rules of the pack, in the order of their modules."""

from __future__ import annotations

# Importing a module registers its rules.
from policies.rule import RULES, Rule
from policies.rules import (
    access,
    addons,
    backups,
    balancers,
    buckets,
    cdn,
    cluster,
    control_plane,
    iam,
    karpenter,
    machines,
    network,
    nodes,
    roles,
    secrets,
    services,
    state,
    storage,
    traffic,
    ways,
)

MODULES = (
    network,
    traffic,
    balancers,
    cdn,
    cluster,
    access,
    addons,
    iam,
    roles,
    nodes,
    karpenter,
    storage,
    buckets,
    secrets,
    backups,
    state,
    services,
    machines,
    control_plane,
    ways,
)


def all_rules() -> tuple[Rule, ...]:
    """Return every rule."""
    return tuple(RULES)

"""All rules of the pack, in the order of their modules."""

from __future__ import annotations

# Importing a module registers its rules.
from policies.rule import RULES, Rule
from policies.rules import access, addons, cluster, iam, karpenter, network, nodes, roles, traffic

MODULES = (network, traffic, cluster, access, addons, iam, roles, nodes, karpenter)


def all_rules() -> tuple[Rule, ...]:
    """Return every rule."""
    return tuple(RULES)

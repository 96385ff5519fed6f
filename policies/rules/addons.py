"""The cluster's add-ons: controls E8, E9, and E10 for DNS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule

_ADDONS: Final = frozenset({"vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"})
_BEFORE_NODES: Final = frozenset({"vpc-cni", "kube-proxy", "eks-pod-identity-agent"})
_ZONE: Final = "topology.kubernetes.io/zone"


@rule("E8", types=[tokens.ADDON])
def addon_is_pinned(addon: Resource) -> Iterator[Fault]:
    """An add-on's version is said, and what happens to settings that somebody changed."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", str(addon.get("addonVersion"))):
        yield Fault("addonVersion", f"{addon.get('addonVersion')} is no build", "set one such as v1.2.3-eksbuild.1")
    for key in ("resolveConflictsOnCreate", "resolveConflictsOnUpdate"):
        if not addon.get(key):
            yield Fault(key, "is left to AWS", "say it")


@rule("E8", types=[tokens.CLUSTER], whole=True)
def cluster_has_its_addons(cluster: Resource, stack: Stack) -> Iterator[Fault]:
    """Networking, proxy, DNS and Pod Identity are managed add-ons; EKS brings none of its own."""
    if cluster.get("bootstrapSelfManagedAddons") is not False:
        yield Fault("bootstrapSelfManagedAddons", "is not false", "set false")
    missing = sorted(_ADDONS - {str(addon.get("addonName")) for addon in stack.of(tokens.ADDON)})
    if missing:
        yield Fault("add-ons", f"{', '.join(missing)} is missing", "add it")


@rule("E8", types=[tokens.NODE_GROUP], whole=True)
def nodes_come_after_their_addons(group: Resource, stack: Stack) -> Iterator[Fault]:
    """Nodes start when networking, proxy and Pod Identity are there: without them they stay NotReady."""
    there = {str(need.get("addonName")) for need in stack.needs(group) if need.type == tokens.ADDON}
    missing = sorted(_BEFORE_NODES - there)
    if missing:
        yield Fault("clusterName", f"does not wait for {', '.join(missing)}", "take the name from the add-ons")


@rule("E8", types=[tokens.ADDON], whole=True)
def dns_comes_after_nodes(addon: Resource, stack: Stack) -> Iterator[Fault]:
    """CoreDNS comes when there are nodes: without one it stays degraded until the `up` fails."""
    if addon.get("addonName") != "coredns":
        return
    if not any(need.type == tokens.NODE_GROUP for need in stack.needs(addon)):
        yield Fault("clusterName", "does not wait for a node group", "take the name from the node group")


@rule("E9", types=[tokens.ADDON])
def network_policies_are_enforced(addon: Resource) -> Iterator[Fault]:
    """The VPC CNI enforces NetworkPolicies, hands out prefixes and has an identity of its own."""
    if addon.get("addonName") != "vpc-cni":
        return
    values = addon.document("configurationValues")
    if values.get("enableNetworkPolicy") != "true":
        yield Fault("configurationValues", "enableNetworkPolicy is not true", "set true")
    accounts = [association.get("serviceAccount") for association in addon.items("podIdentityAssociations")]
    if "aws-node" not in accounts and not addon.get("serviceAccountRoleArn"):
        yield Fault("podIdentityAssociations", "give aws-node no role", "associate one")


@rule("E9", types=[tokens.ADDON], whole=True)
def pod_limits_go_with_prefixes(addon: Resource, stack: Stack) -> Iterator[Fault]:
    """Nodes whose pod limit is set get prefixes, or they would promise more addresses than they have."""
    if addon.get("addonName") != "vpc-cni":
        return
    prefixes = addon.document("configurationValues").get("env", {}).get("ENABLE_PREFIX_DELEGATION")
    if stack.of(tokens.LAUNCH_TEMPLATE) and prefixes != "true":
        yield Fault("configurationValues", "ENABLE_PREFIX_DELEGATION is not true", "set true")


@rule("E10", types=[tokens.ADDON])
def dns_survives_a_zone(addon: Resource) -> Iterator[Fault]:
    """CoreDNS runs twice at least, over the zones, and is never drained whole."""
    if addon.get("addonName") != "coredns":
        return
    values = addon.document("configurationValues")
    scaling = values.get("autoScaling", {})
    replicas = scaling.get("minReplicas", 2) if scaling.get("enabled") else values.get("replicaCount", 2)
    if replicas < 2:
        yield Fault("configurationValues", f"asks for {replicas} replica", "ask for two or more")
    spread = [c for c in values.get("topologySpreadConstraints", []) if c.get("topologyKey") == _ZONE]
    if not spread:
        yield Fault("configurationValues", "does not spread over zones", "add a topologySpreadConstraint")
    if values.get("podDisruptionBudget", {}).get("enabled") is False:
        yield Fault("configurationValues", "turns the PodDisruptionBudget off", "leave it on")

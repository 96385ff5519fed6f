"""Who gets into the cluster: controls E4, E5."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule


@rule("E4", types=[tokens.CLUSTER])
def cluster_is_opened_by_entries_only(cluster: Resource) -> Iterator[Fault]:
    """Access entries alone decide who gets in; whoever makes the cluster is no administrator by that."""
    if cluster.get("accessConfig.authenticationMode") != "API":
        yield Fault("accessConfig.authenticationMode", "is not API", "set API")
    if cluster.get("accessConfig.bootstrapClusterCreatorAdminPermissions") is not False:
        yield Fault("accessConfig.bootstrapClusterCreatorAdminPermissions", "is not false", "set false")


@rule("E4", types=[tokens.CLUSTER], whole=True)
def cluster_has_an_administrator(cluster: Resource, stack: Stack) -> Iterator[Fault]:
    """At least one role is an administrator by an entry of its own, or nobody could ever get in."""
    for association in stack.users(cluster, "clusterName", tokens.ACCESS_POLICY):
        if str(association.get("policyArn")).endswith("/AmazonEKSClusterAdminPolicy"):
            return
    yield Fault("access entries", "give nobody AmazonEKSClusterAdminPolicy", "add an administrator")


@rule("E5", types=[tokens.ACCESS_ENTRY, tokens.ACCESS_POLICY])
def access_is_for_roles(entry: Resource) -> Iterator[Fault]:
    """Roles get in, never users or the account itself, and never as system:masters."""
    principal = str(entry.get("principalArn"))
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", principal):
        yield Fault("principalArn", f"{principal} is no role", "name a role")
    for group in entry.items("kubernetesGroups"):
        if str(group).startswith("system:"):
            yield Fault("kubernetesGroups", f"{group} is Kubernetes' own", "name a group of yours, bound by a Role")


@rule("E5", types=[tokens.ACCESS_ENTRY], whole=True)
def access_entry_has_its_own_role(entry: Resource, stack: Stack) -> Iterator[Fault]:
    """No role has two entries: administrators, apply, preview and break-glass stay apart; each may do something."""
    arn = entry.get("principalArn")
    if sum(other.get("principalArn") == arn for other in stack.of(tokens.ACCESS_ENTRY)) > 1:
        yield Fault("principalArn", f"{arn} has another entry", "give each its own role")
    granted = [a for a in stack.of(tokens.ACCESS_POLICY) if a.get("principalArn") == arn]
    if entry.get("type") in (None, "STANDARD") and not granted and not entry.get("kubernetesGroups"):
        yield Fault("principalArn", f"{arn} may do nothing", "associate an access policy")


@rule("E5", types=[tokens.ACCESS_POLICY], whole=True)
def access_policy_has_an_entry(policy: Resource, stack: Stack) -> Iterator[Fault]:
    """An access policy is one that EKS knows, for a scope that is said, of a role that has an entry."""
    if ":eks::aws:cluster-access-policy/" not in str(policy.get("policyArn")):
        yield Fault("policyArn", f"{policy.get('policyArn')} is no access policy of EKS", "name one")
    scope = policy.get("accessScope.type")
    if scope not in ("cluster", "namespace") or (scope == "namespace" and not policy.items("accessScope.namespaces")):
        yield Fault("accessScope", "says neither the cluster nor namespaces", "say what it is for")
    arn = policy.get("principalArn")
    if not any(entry.get("principalArn") == arn for entry in stack.of(tokens.ACCESS_ENTRY)):
        yield Fault("principalArn", f"{arn} has no access entry", "add one")


@rule("E5", types=[tokens.ROLE], whole=True)
def node_role_has_an_entry(role: Resource, stack: Stack) -> Iterator[Fault]:
    """The role of nodes that Karpenter starts has an EC2_LINUX entry; EKS makes one for node groups only."""
    if not stack.of(tokens.CLUSTER):
        return
    principals = [statement.get("Principal") for statement in role.document("assumeRolePolicy").get("Statement", [])]
    services = [p.get("Service", "") for p in principals if isinstance(p, Mapping)]
    if not any(str(service).startswith("ec2.") for service in services):
        return
    if any(role.urn in group.sources.get("nodeRoleArn", ()) for group in stack.of(tokens.NODE_GROUP)):
        return
    entries = stack.users(role, "principalArn", tokens.ACCESS_ENTRY)
    if not any(entry.get("type") == "EC2_LINUX" for entry in entries):
        yield Fault("access entry", "there is none of type EC2_LINUX, so that its nodes cannot join", "add one")

"""Who may take a role and what it carries: controls I5, I6, I9, I11."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import RESOURCE_POLICIES, Statement, statements, trusted

_POD_IDENTITY: Final = "pods.eks.amazonaws.com"
# Services that take a role only for what the same account has made, so that a condition would add nothing
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
_BOUND_BY_PASSING: Final = re.compile(r"(ec2|eks|lambda)\.amazonaws\.com(\.cn)?")
_NODE: Final = frozenset(
    {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore"}
)
# Of AWS's policies on machines that no EKS cluster has. What Session Manager needs is written in one of the program's:
# AmazonSSMManagedInstanceCore reads every parameter of the account, the cluster's keys among them.
_MACHINE: Final = frozenset({"AmazonEC2ContainerRegistryPullOnly"})
_SOURCES: Final = frozenset({"aws:sourcearn", "aws:sourceaccount", "kms:encryptioncontext:aws:logs:arn"})
# An account, or an ARN with one: without it the source may be a stranger's of the same name.
_SOURCE: Final = r"\d{12}|arn:[^:*?]+:[^:*?]+:[^:]*:\d{12}:.+"
_BINDING: Final = ("StringEquals", "ArnEquals", "ArnLike", "StringLike")


@rule("I5", types=[tokens.ROLE])
def pod_identity_names_one_service_account(role: Resource) -> Iterator[Fault]:
    """A role for Pod Identity is for one service account of one cluster of this account."""
    for statement in trusted(role):
        if _POD_IDENTITY not in statement.principals.get("Service", ()):
            continue
        if set(statement.actions) != {"sts:AssumeRole", "sts:TagSession"}:
            yield Fault(statement.where, "is not AssumeRole and TagSession", "allow these two")
        if statement.principals != {"Service": (_POD_IDENTITY,)}:
            yield Fault(statement.where, "names others beside Pod Identity", "make them a role of their own")
        given = statement.keys("StringEquals")
        for key in ("aws:SourceAccount", *(f"aws:RequestTag/{part}" for part in _SESSION)):
            values = given.get(key.lower(), ())
            if len(values) != 1 or "*" in values[0]:
                yield Fault(statement.where, f"does not bind {key}", "add it to StringEquals with one value")


_SESSION: Final = ("eks-cluster-arn", "kubernetes-namespace", "kubernetes-service-account")


@rule("I5", types=[tokens.ROLE])
def web_identity_names_one_service_account(role: Resource) -> Iterator[Fault]:
    """A role for an OIDC provider is for one subject and one audience, both said in full."""
    for statement in trusted(role):
        if "Federated" not in statement.principals:
            continue
        given = statement.keys("StringEquals")
        for part in (":aud", ":sub"):
            values = [value for key, values in given.items() if key.endswith(part) for value in values]
            if not values or any("*" in value for value in values):
                yield Fault(statement.where, f"does not bind {part[1:]}", "add it to StringEquals in full")


@rule("I5", types=[tokens.ROLE], whole=True)
def role_serves_one_service_account(role: Resource, stack: Stack) -> Iterator[Fault]:
    """A role for Pod Identity has one association, and every association such a role."""
    pods = any(_POD_IDENTITY in statement.principals.get("Service", ()) for statement in trusted(role))
    own = [(a.get("namespace"), a.get("serviceAccount")) for a in stack.users(role, "roleArn", tokens.POD_IDENTITY)]
    for addon in stack.users(role, "podIdentityAssociations", tokens.ADDON):
        own += [("kube-system", a.get("serviceAccount")) for a in addon.items("podIdentityAssociations")]
    if pods and len(own) != 1:
        yield Fault("associations", f"there are {len(own)}", "give each service account a role of its own")
    if own and not pods:
        yield Fault("assumeRolePolicy", "is not for Pod Identity", f"trust {_POD_IDENTITY}")
    for statement in trusted(role) if pods else ():
        given = statement.keys("StringEquals")
        account = tuple(given.get(f"aws:requesttag/{part}", ("",))[0] for part in _SESSION[1:])
        if own and account != own[0]:
            yield Fault(statement.where, f"is for {'/'.join(account)}", f"bind {'/'.join(map(str, own[0]))}")


@rule("I6", types=[tokens.CLUSTER], whole=True)
def control_plane_role_is_minimal(cluster: Resource, stack: Stack) -> Iterator[Fault]:
    """The cluster's role is EKS's alone and carries the cluster policy alone."""
    roles = stack.source(cluster, "roleArn", tokens.ROLE)
    if not roles:
        yield Fault("roleArn", "is no role of this program", "pass one made for it")
    for role in roles:
        if _services(role) != {"eks.amazonaws.com"}:
            yield Fault("roleArn", f"{role.name} is not EKS's alone", "trust eks.amazonaws.com only")
        found = _attached(stack, role)
        if found != {"AmazonEKSClusterPolicy"}:
            yield Fault("roleArn", f"{role.name} carries {_listed(found)}", "attach AmazonEKSClusterPolicy only")


@rule("I6", "W2", types=[tokens.ROLE], whole=True)
def node_role_is_minimal(role: Resource, stack: Stack) -> Iterator[Fault]:
    """A node's role lets it join, pull images and be reached by Session Manager; no pod gets more from it."""
    if not any(re.fullmatch(r"ec2\.amazonaws\.com(\.cn)?", service) for service in _services(role)):
        return
    if not stack.of(tokens.CLUSTER):
        found = _managed(stack, role)
        if found != _MACHINE:
            yield Fault("policies", f"of AWS's are {_listed(found)}", f"attach {_listed(_MACHINE)} and write the rest")
        return
    found = _attached(stack, role)
    if found != _NODE:
        yield Fault("policies", f"are {_listed(found)}", f"attach {_listed(_NODE)}")


@rule("I6", types=[tokens.NODE_GROUP], whole=True)
def node_group_role_is_for_nodes(group: Resource, stack: Stack) -> Iterator[Fault]:
    """A node group's role is of this program, for EC2 alone, and has its policies before a node starts with it."""
    roles = stack.source(group, "nodeRoleArn", tokens.ROLE)
    if not roles:
        yield Fault("nodeRoleArn", "is no role of this program", "pass one made for it")
    for role in roles:
        if not all(re.fullmatch(r"ec2\.amazonaws\.com(\.cn)?", service) for service in _services(role)):
            yield Fault("nodeRoleArn", f"{role.name} is not EC2's alone", "trust ec2.amazonaws.com only")
        late = sorted(_attachments(stack, role) - {need.urn for need in stack.needs(group)})
        for urn in late:
            yield Fault("nodeRoleArn", f"does not wait for {stack.by_urn[urn].name}", "take the ARN from it as well")


@rule("I6", types=[tokens.ROLE], whole=True)
def role_carries_a_policy(role: Resource, stack: Stack) -> Iterator[Fault]:
    """Every role carries a policy: who takes one without fails when it runs, not when it is made."""
    if not _attached(stack, role):
        yield Fault("policies", "there is none", "give it one, or take the role out")


@rule("I6", types=[tokens.ADDON], whole=True)
def addon_role_carries_a_policy(addon: Resource, stack: Stack) -> Iterator[Fault]:
    """The role that an add-on's pods take is of this program and carries a policy."""
    if not addon.get("podIdentityAssociations"):
        return
    roles = stack.source(addon, "podIdentityAssociations", tokens.ROLE)
    if not roles or not all(association.get("roleArn") for association in addon.items("podIdentityAssociations")):
        yield Fault("podIdentityAssociations", "name no role of this program", "pass one made for it")
    for role in roles:
        if not _attached(stack, role):
            yield Fault("podIdentityAssociations", f"{role.name} carries no policy", "attach one")


@rule("I9", types=[tokens.ROLE])
def boundary_reaches_every_role(role: Resource, stack: Stack) -> Iterator[Fault]:
    """Every role carries the permissions boundary that the account asks for."""
    wanted = stack.options.permissions_boundary
    if wanted and role.get("permissionsBoundary") != wanted:
        yield Fault("permissionsBoundary", "is not the account's", f"set {wanted}")


@rule("I11", types=[tokens.ROLE, *RESOURCE_POLICIES])
def services_act_for_this_account_only(resource: Resource) -> Iterator[Fault]:
    """A service that is let in acts for a named resource or for this account, never for a stranger."""
    path = "assumeRolePolicy" if resource.type == tokens.ROLE else "policy"
    for statement in statements(resource, path):
        services = statement.principals.get("Service", ())
        loose = [service for service in services if not _BOUND_BY_PASSING.fullmatch(service)]
        if statement.allow and loose and not _bound(statement):
            yield Fault(statement.where, f"{', '.join(loose)} may act for anybody", "bind aws:SourceArn")


def _bound(statement: Statement) -> bool:
    given = statement.keys(*_BINDING)
    return any(all(re.fullmatch(_SOURCE, value) for value in given[key]) for key in _SOURCES & given.keys())


def _services(role: Resource) -> set[str]:
    """Return everybody who may take the role."""
    return {name for statement in trusted(role) for names in statement.principals.values() for name in names}


def _attachments(stack: Stack, role: Resource) -> set[str]:
    """Return the URNs of what attaches policies to the role."""
    return {a.urn for type_ in (tokens.ATTACHMENT, tokens.ROLE_POLICY) for a in stack.users(role, "role", type_)}


def _attached(stack: Stack, role: Resource) -> set[str]:
    """Return the names of the managed policies and of the inline ones that the role carries."""
    found = _managed(stack, role)
    found |= {policy.name for policy in stack.users(role, "role", tokens.ROLE_POLICY)}
    return found | {str(policy.get("name")) for policy in role.items("inlinePolicies")}


def _managed(stack: Stack, role: Resource) -> set[str]:
    """Return the names of the managed policies that the role carries."""
    found = {_name(a.get("policyArn")) for a in stack.users(role, "role", tokens.ATTACHMENT)}
    return found | {_name(arn) for arn in role.items("managedPolicyArns")}


def _name(arn: Any) -> str:
    return str(arn).rpartition("/")[2]


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"

"""The EKS control plane itself: controls E1, E2, E3, E7, E10, E11."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule

_LOGS: Final = frozenset({"api", "audit", "authenticator", "controllerManager", "scheduler"})
_AUDIT_DAYS: Final = 365
# The kubelet may be three minor versions older than the API server (https://kubernetes.io/releases/version-skew-policy/).
_SKEW: Final = 3
# A wider range of who may reach the API is a good part of the internet: two halves of it are the whole.
_WIDEST_PUBLIC: Final = 8


@rule("E1", types=[tokens.CLUSTER])
def cluster_endpoint_is_closed(cluster: Resource) -> Iterator[Fault]:
    """The API is reached inside the VPC; from outside by named ranges only, if at all."""
    if not cluster.true("vpcConfig.endpointPrivateAccess"):
        yield Fault("vpcConfig.endpointPrivateAccess", "is not true", "set true")
    public = cluster.get("vpcConfig.endpointPublicAccess")
    if public is False:
        return
    if public is None:
        yield Fault("vpcConfig.endpointPublicAccess", "is left to AWS, which opens it", "set false")
    cidrs = cluster.items("vpcConfig.publicAccessCidrs")
    if not cidrs:
        yield Fault("vpcConfig.publicAccessCidrs", "names nobody, which means everybody", "name your networks")
    for cidr in cidrs:
        if ip_network(cidr, strict=False).prefixlen < _WIDEST_PUBLIC:
            yield Fault("vpcConfig.publicAccessCidrs", f"{cidr} is everybody", "name your networks")


@rule("E2", types=[tokens.CLUSTER])
def cluster_logs_everything(cluster: Resource) -> Iterator[Fault]:
    """The control plane writes all five of its logs."""
    missing = sorted(_LOGS - set(cluster.items("enabledClusterLogTypes")))
    if missing:
        yield Fault("enabledClusterLogTypes", f"lacks {', '.join(missing)}", "name all five")


@rule("E2", types=[tokens.CLUSTER], whole=True)
def cluster_log_group_is_there_first(cluster: Resource, stack: Stack) -> Iterator[Fault]:
    """The cluster's log group is the program's and there before the cluster; else EKS makes one, open and for ever."""
    name = f"/aws/eks/{cluster.get('name')}/cluster"
    groups = [group for group in stack.needs(cluster) if group.type == tokens.LOG_GROUP]
    if not any(group.get("name") == name for group in groups):
        yield Fault("name", f"does not wait for a log group {name}", "take the name from that group's output")


@rule("E2", "N4", types=[tokens.LOG_GROUP])
def log_group_ends_and_is_encrypted(group: Resource, stack: Stack) -> Iterator[Fault]:
    """A log group keeps its events for a set time, a year in production, under a key of its own."""
    days = group.get("retentionInDays") or 0
    least = _AUDIT_DAYS if stack.options.production else 1
    if days < least:
        yield Fault("retentionInDays", f"is {days or 'for ever'}", f"set {least} or more")
    if not group.get("kmsKeyId"):
        yield Fault("kmsKeyId", "is missing", "set a key's ARN")
    if group.true("skipDestroy"):
        yield Fault("skipDestroy", "is true: the group would block the next cluster of that name", "leave it out")


@rule("E2", "N4", types=[tokens.LOG_GROUP], whole=True)
def log_group_has_a_key_of_this_program(group: Resource, stack: Stack) -> Iterator[Fault]:
    """The key of a log group is the program's, so that its policy and rotation are checked."""
    if not stack.source(group, "kmsKeyId", tokens.KEY):
        yield Fault("kmsKeyId", "is no key of this program", "pass the key's ARN")


@rule("E3", "D6", types=[tokens.KEY])
def key_rotates_and_names_who_may(key: Resource) -> Iterator[Fault]:
    """A key rotates, can be rescued for thirty days, and its policy names who may use it."""
    if not key.true("enableKeyRotation"):
        yield Fault("enableKeyRotation", "is not true", "set true")
    if key.get("deletionWindowInDays") != 30:
        yield Fault("deletionWindowInDays", "is not 30", "set 30")
    if key.get("isEnabled") is False:
        yield Fault("isEnabled", "is false", "leave it out")
    if key.true("bypassPolicyLockoutSafetyCheck"):
        yield Fault("bypassPolicyLockoutSafetyCheck", "is true", "leave it out")
    if not key.document("policy").get("Statement"):
        yield Fault("policy", "is left to AWS", "set one that names the account")


@rule("E3", types=[tokens.CLUSTER], whole=True)
def secrets_are_encrypted(cluster: Resource, stack: Stack) -> Iterator[Fault]:
    """Secrets are encrypted in etcd by a key of this program."""
    if "secrets" not in cluster.items("encryptionConfig.resources"):
        yield Fault("encryptionConfig.resources", "lacks secrets", "set [secrets]")
    if not cluster.get("encryptionConfig.provider.keyArn"):
        yield Fault("encryptionConfig.provider.keyArn", "is missing", "set a key's ARN")
    if not stack.source(cluster, "encryptionConfig", tokens.KEY):
        yield Fault("encryptionConfig.provider.keyArn", "is no key of this program", "pass the key's ARN")


@rule("E7", types=[tokens.CLUSTER])
def cluster_version_is_pinned(cluster: Resource) -> Iterator[Fault]:
    """The cluster's version is said, and EKS upgrades rather than bills when its support ends."""
    if not re.fullmatch(r"1\.\d+", str(cluster.get("version"))):
        yield Fault("version", f"{cluster.get('version')} is no minor version", "set one such as 1.36")
    if cluster.get("upgradePolicy.supportType") != "STANDARD":
        yield Fault("upgradePolicy.supportType", "is not STANDARD", "set STANDARD")
    if cluster.true("forceUpdateVersion"):
        yield Fault("forceUpdateVersion", "is true: an upgrade would pass over its own checks", "leave it out")


@rule("E7", types=[tokens.NODE_GROUP], whole=True)
def nodes_follow_the_cluster(group: Resource, stack: Stack) -> Iterator[Fault]:
    """Nodes are never newer than the control plane and at most three minor versions older."""
    release = re.match(r"1\.(\d+)\.", str(group.get("releaseVersion")))
    if release and group.get("version") != f"1.{release[1]}":
        yield Fault("version", f"is {group.get('version')}, so that EKS refuses the release", f"set 1.{release[1]}")
    for cluster in stack.of(tokens.CLUSTER):
        version = re.fullmatch(r"1\.(\d+)", str(cluster.get("version")))
        if release and version and not 0 <= int(version[1]) - int(release[1]) <= _SKEW:
            yield Fault("releaseVersion", f"1.{release[1]} does not go with 1.{version[1]}", "choose a nearer release")


@rule("E10", types=[tokens.CLUSTER])
def cluster_leaves_a_failing_zone(cluster: Resource) -> Iterator[Fault]:
    """AWS may shift traffic away from a zone that fails."""
    if not cluster.true("zonalShiftConfig.enabled"):
        yield Fault("zonalShiftConfig.enabled", "is not true", "set true")


@rule("E11", types=[tokens.KUBERNETES_PROVIDER], whole=True)
def kubeconfig_holds_no_credential(provider: Resource, stack: Stack) -> Iterator[Fault]:
    """The kubeconfig of an EKS cluster asks the AWS CLI for a token and holds none itself."""
    if not stack.of(tokens.CLUSTER):
        return
    text = provider.get("kubeconfig")
    parsed: Any = json.loads(text) if isinstance(text, str) and text.startswith("{") else {}
    for user in parsed.get("users", []):
        found = sorted({"token", "password", "client-key-data", "client-certificate-data"} & user["user"].keys())
        if found or "exec" not in user["user"]:
            yield Fault("kubeconfig", f"holds {', '.join(found) or 'no exec'}", "use exec with aws eks get-token")

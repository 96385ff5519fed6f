"""What the cluster and its add-ons register, control by control (E1-E11), each with mutations that it catches.

A control returns what is wrong with a capture: nothing for the platform as it is, something for each mutation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network

import pytest

from rules.instance_types import INSTANCE_TYPES
from tests.captures import Capture
from tests.conftest import ACCOUNT, CaptureProgram
from tests.eks_platform import (
    ADDON,
    ASSOCIATION,
    ATTACHMENT,
    BEFORE_NODES,
    CLUSTER,
    ENTRY,
    KEY,
    LOG_GROUP,
    NODES,
    POD_SUBNETS,
    POLICIES,
    Control,
    Mutation,
    cluster,
    cluster_group,
    configuration_of,
    configured,
    failing,
    kubelet_of,
    nested,
    one,
    options,
    program,
    role,
    swapped_order,
    the_cluster,
    with_token,
    without,
)

NETWORK = ("aws:eks/cluster:Cluster", "cluster-eksCluster", "vpcConfig")
ACCESS = ("aws:eks/cluster:Cluster", "cluster-eksCluster", "accessConfig")
CNI, DNS, CSI = "addons-vpc-cni", "node-addons-coredns", "node-addons-aws-ebs-csi-driver"


def open_endpoint(captured: Capture) -> list[str]:
    """E1: the private endpoint is on; the public one is for a list that is not the internet."""
    network = the_cluster(captured).inputs["vpcConfig"]
    ranges = [IPv4Network(text) for text in network.get("publicAccessCidrs", [])]
    closed = network.get("endpointPublicAccess") is False
    return failing(
        {
            "private": network.get("endpointPrivateAccess") is True,
            "public": closed or (bool(ranges) and all(range_.prefixlen >= 8 for range_ in ranges)),
        }
    )


def unlogged(captured: Capture) -> list[str]:
    """E2: all five logs, into a group with retention and a key, which exists before the cluster."""
    cluster, group = the_cluster(captured), captured.one(LOG_GROUP, "cluster-logs")
    types = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    return failing(
        {
            "types": set(cluster.inputs.get("enabledClusterLogTypes", ())) == types,
            "retention": group.inputs.get("retentionInDays") == 365,
            "key": group.property_dependencies.get("kmsKeyId") == (captured.one(KEY, "cluster-logs").urn,),
            "order": group.urn in captured.needs(cluster),
            "name": group.inputs["name"] == f"/aws/eks/{cluster.inputs['name']}/cluster",
        }
    )


def plain_secrets(captured: Capture) -> list[str]:
    """E3: Secrets are encrypted with a key of the cluster's own that rotates."""
    cluster, key = the_cluster(captured), captured.one(KEY, "cluster-secrets")
    return failing(
        {
            "secrets": cluster.inputs.get("encryptionConfig", {}).get("resources") == ["secrets"],
            "own": key.urn in cluster.property_dependencies.get("encryptionConfig", ()),
            "rotation": key.inputs.get("enableKeyRotation") is True,
        }
    )


def access_beside_the_entries(captured: Capture) -> list[str]:
    """E4: only access entries open the cluster, and its creator gets none by creating it."""
    access = the_cluster(captured).inputs.get("accessConfig", {})
    associated = {r.inputs["principalArn"] for r in captured.of_type(ASSOCIATION)}
    return failing(
        {
            "mode": access.get("authenticationMode") == "API",
            "creator": access.get("bootstrapClusterCreatorAdminPermissions") is False,
            "explicit": associated == {r.inputs["principalArn"] for r in captured.of_type(ENTRY)},
        }
    )


def unnamed_access(captured: Capture) -> list[str]:
    """E5: entries name roles and no Kubernetes groups; break-glass is told apart; readers only read."""
    entries = captured.of_type(ENTRY)
    wrong = [r.name for r in entries if not re.fullmatch(r"arn:aws:iam::\d{12}:role/.+", r.inputs["principalArn"])]
    wrong += [f"{r.name} is in groups" for r in entries if r.inputs.get("kubernetesGroups")]
    tagged = {r.inputs["principalArn"] for r in entries if r.inputs.get("tags") == {"access": "break-glass"}}
    policies = {
        r.inputs["principalArn"]: r.inputs["policyArn"].rpartition("/")[2] for r in captured.of_type(ASSOCIATION)
    }
    scopes = {r.inputs["accessScope"]["type"] for r in captured.of_type(ASSOCIATION)}
    administrators = {arn for arn, policy in policies.items() if policy == "AmazonEKSClusterAdminPolicy"}
    return wrong + failing(
        {
            "distinct": len({r.inputs["principalArn"] for r in entries}) == len(entries) == 4,
            "break-glass": tagged == {role("glass")},
            "administrators": administrators == {role(name) for name in ("platform", "glass", "apply")},
            "readers": policies.get(role("read")) == "AmazonEKSViewPolicy",
            "scope": scopes == {"cluster"},
        }
    )


def deletable(captured: Capture) -> list[str]:
    """E6: AWS and Pulumi refuse to delete the cluster, and Pulumi its key."""
    cluster = the_cluster(captured)
    return failing(
        {
            "aws": cluster.inputs.get("deletionProtection") is True,
            "pulumi": cluster.protect,
            "key": captured.one(KEY, "cluster-secrets").protect,
        }
    )


def out_of_support(captured: Capture) -> list[str]:
    """E7: the version is pinned and leaves support by an upgrade; nodes are not ahead of the control plane."""
    cluster, nodes = the_cluster(captured).inputs, captured.one(NODES, "nodes").inputs
    minor = [int(text.split(".")[1]) for text in (cluster.get("version", "1.0"), nodes["releaseVersion"])]
    return failing(
        {
            "pinned": "version" in cluster,
            "policy": cluster.get("upgradePolicy") == {"supportType": "STANDARD"},
            "skew": minor[0] - 3 <= minor[1] <= minor[0],
        }
    )


def unpinned_addons(captured: Capture) -> list[str]:
    """E8: every add-on has its version, says what wins, and comes at its point of the order."""
    nodes = captured.one(NODES, "nodes")
    wrong = [] if the_cluster(captured).inputs.get("bootstrapSelfManagedAddons") is False else ["self-managed add-ons"]
    found = {r.inputs["addonName"]: r for r in captured.of_type(ADDON)}
    wrong += sorted((BEFORE_NODES | {"coredns"}) - found.keys())
    for name, addon in found.items():
        checks = {
            "version": re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", addon.inputs.get("addonVersion", "")) is not None,
            "create": addon.inputs.get("resolveConflictsOnCreate") == "OVERWRITE",
            "update": addon.inputs.get("resolveConflictsOnUpdate") == "PRESERVE",
            "order": (addon.urn in captured.needs(nodes)) == (name in BEFORE_NODES)
            and (nodes.urn in captured.needs(addon)) == (name not in BEFORE_NODES),
        }
        wrong += [f"{name}: {check}" for check in failing(checks)]
    return wrong


def unguarded_pods(captured: Capture) -> list[str]:
    """E9: network policies are enforced, aws-node has its own role, and pods have the addresses that nodes announce."""
    addon, values = captured.one(ADDON, "addons-vpc-cni"), configuration_of(captured, "addons-vpc-cni")
    environment, subnets = values.get("env", {}), values.get("eniConfig", {}).get("subnets", {})
    type_ = INSTANCE_TYPES[captured.one(NODES, "nodes").inputs["instanceTypes"][0]]
    attachment = captured.one(ATTACHMENT, "addons-vpc-cni")
    group = cluster_group(captured)
    return failing(
        {
            "policies": values.get("enableNetworkPolicy") == "true",
            "prefixes": environment.get("ENABLE_PREFIX_DELEGATION") == "true",
            "warm": environment.get("WARM_PREFIX_TARGET") == "1",
            "role": attachment.urn in addon.dependencies
            and [a["serviceAccount"] for a in addon.inputs.get("podIdentityAssociations", [])] == ["aws-node"],
            "pods": kubelet_of(captured)["maxPods"] <= (type_.interfaces - 1) * (type_.addresses - 1) * 16 + 2,
            "custom": environment.get("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG") == "true"
            and environment.get("ENI_CONFIG_LABEL_DEF") == "topology.kubernetes.io/zone",
            "subnets": {zone: subnet["id"] for zone, subnet in subnets.items()} == POD_SUBNETS
            and all(subnet["securityGroups"] == [group] for subnet in subnets.values()),
        }
    )


def bound_to_a_zone(captured: Capture) -> list[str]:
    """E10: AWS may leave a zone; DNS is in two of them, on base nodes, and never away as a whole."""
    values = configuration_of(captured, "node-addons-coredns")
    spread = {
        (rule["topologyKey"], rule["whenUnsatisfiable"], rule["labelSelector"]["matchLabels"]["k8s-app"])
        for rule in values.get("topologySpreadConstraints", [])
    }
    budget = values.get("podDisruptionBudget", {})
    return failing(
        {
            "shift": the_cluster(captured).inputs.get("zonalShiftConfig") == {"enabled": True},
            "replicas": values.get("replicaCount", 0) >= 2,
            "budget": budget.get("maxUnavailable") == 1,
            "spread": spread == {("topology.kubernetes.io/zone", "DoNotSchedule", "kube-dns")},
            "base": values.get("nodeSelector") == captured.one(NODES, "nodes").inputs["labels"],
        }
    )


def credentials_in_outputs(captured: Capture) -> list[str]:
    """E11: the kubeconfig has a command in place of a credential, and no output holds one."""
    (outputs,) = [value for urn, value in captured.outputs.items() if urn.endswith("platform:eks:Cluster::cluster")]
    users = [user["user"] for user in json.loads(outputs["kubeconfig"])["users"]]
    return [str(sorted(user)) for user in users if set(user) != {"exec"}]


CONTROLS: tuple[Control, ...] = (
    open_endpoint,
    unlogged,
    plain_secrets,
    access_beside_the_entries,
    unnamed_access,
    deletable,
    out_of_support,
    unpinned_addons,
    unguarded_pods,
    bound_to_a_zone,
    credentials_in_outputs,
)

MUTATIONS: Mapping[str, tuple[Control, Mutation]] = {
    "private endpoint off": (open_endpoint, nested(*NETWORK, endpointPrivateAccess=False)),
    "public for all": (open_endpoint, nested(*NETWORK, publicAccessCidrs=["0.0.0.0/0"])),
    "public for half": (open_endpoint, nested(*NETWORK, publicAccessCidrs=["203.0.113.0/24", "128.0.0.0/1"])),
    "public without a list": (open_endpoint, nested(*NETWORK, publicAccessCidrs=None)),
    "no audit log": (unlogged, cluster(enabledClusterLogTypes=["api"])),
    "no logs": (unlogged, cluster(enabledClusterLogTypes=None)),
    "logs for ever": (unlogged, one(LOG_GROUP, "cluster-logs", retentionInDays=None)),
    "logs for a month": (unlogged, one(LOG_GROUP, "cluster-logs", retentionInDays=30)),
    "plain logs": (unlogged, options(LOG_GROUP, "cluster-logs", property_dependencies={})),
    "logs elsewhere": (unlogged, one(LOG_GROUP, "cluster-logs", name="/aws/eks/other/cluster")),
    "log group after the cluster": (unlogged, options(CLUSTER, "cluster-eksCluster", dependencies=())),
    "plain secrets": (plain_secrets, cluster(encryptionConfig=None)),
    "a key of somebody else": (plain_secrets, options(CLUSTER, "cluster-eksCluster", property_dependencies={})),
    "key does not rotate": (plain_secrets, one(KEY, "cluster-secrets", enableKeyRotation=False)),
    "config map": (access_beside_the_entries, nested(*ACCESS, authenticationMode="API_AND_CONFIG_MAP")),
    "creator gets in": (access_beside_the_entries, nested(*ACCESS, bootstrapClusterCreatorAdminPermissions=True)),
    "creator by default": (access_beside_the_entries, nested(*ACCESS, bootstrapClusterCreatorAdminPermissions=None)),
    "entry without a policy": (access_beside_the_entries, without(ASSOCIATION, "cluster-platform-admin")),
    "a user": (unnamed_access, one(ENTRY, "cluster-apply", principalArn=f"arn:aws:iam::{ACCOUNT}:user/alice")),
    "root": (unnamed_access, one(ENTRY, "cluster-apply", principalArn=f"arn:aws:iam::{ACCOUNT}:root")),
    "masters": (unnamed_access, one(ENTRY, "cluster-read", kubernetesGroups=["system:masters"])),
    "the same role twice": (unnamed_access, one(ENTRY, "cluster-read", principalArn=role("apply"))),
    "silent break-glass": (unnamed_access, one(ENTRY, "cluster-glass", tags=None)),
    "everybody breaks glass": (unnamed_access, one(ENTRY, "cluster-read", tags={"access": "break-glass"})),
    "reader administers": (
        unnamed_access,
        one(ASSOCIATION, "cluster-read-view", policyArn=f"{POLICIES}/AmazonEKSClusterAdminPolicy"),
    ),
    "reader sees Secrets": (
        unnamed_access,
        one(ASSOCIATION, "cluster-read-view", policyArn=f"{POLICIES}/AmazonEKSAdminViewPolicy"),
    ),
    "apply cannot install": (
        unnamed_access,
        one(ASSOCIATION, "cluster-apply-admin", policyArn=f"{POLICIES}/AmazonEKSEditPolicy"),
    ),
    "one namespace": (unnamed_access, one(ASSOCIATION, "cluster-glass-admin", accessScope={"type": "namespace"})),
    "AWS deletes": (deletable, cluster(deletionProtection=False)),
    "Pulumi deletes": (deletable, options(CLUSTER, "cluster-eksCluster", protect=False)),
    "Pulumi deletes the key": (deletable, options(KEY, "cluster-secrets", protect=False)),
    "whatever version": (out_of_support, cluster(version=None)),
    "extended support": (out_of_support, cluster(upgradePolicy={"supportType": "EXTENDED"})),
    "support by default": (out_of_support, cluster(upgradePolicy=None)),
    "nodes ahead": (out_of_support, one(NODES, "nodes", releaseVersion="1.37.0-20261101")),
    "nodes far behind": (out_of_support, one(NODES, "nodes", releaseVersion="1.32.0-20250101")),
    "self-managed add-ons": (unpinned_addons, cluster(bootstrapSelfManagedAddons=None)),
    "latest add-on": (unpinned_addons, one(ADDON, CNI, addonVersion=None)),
    "half a version": (unpinned_addons, one(ADDON, DNS, addonVersion="v1.14")),
    "conflicts by default": (unpinned_addons, one(ADDON, DNS, resolveConflictsOnUpdate=None)),
    "conflicts overwritten": (unpinned_addons, one(ADDON, CNI, resolveConflictsOnUpdate="OVERWRITE")),
    "conflicts at creation": (unpinned_addons, one(ADDON, CNI, resolveConflictsOnCreate="NONE")),
    "no kube-proxy": (unpinned_addons, without(ADDON, "addons-kube-proxy")),
    "DNS before nodes": (unpinned_addons, swapped_order),
    "nodes before the CNI": (unpinned_addons, options(NODES, "nodes", dependencies=())),
    "no network policies": (unguarded_pods, configured(CNI, "enableNetworkPolicy", value="false")),
    "no configuration": (unguarded_pods, one(ADDON, CNI, configurationValues=None)),
    "single addresses": (unguarded_pods, configured(CNI, "env", "ENABLE_PREFIX_DELEGATION", value="false")),
    "no warm prefix": (unguarded_pods, configured(CNI, "env", "WARM_PREFIX_TARGET", value=None)),
    "more pods than addresses": (unguarded_pods, one(NODES, "nodes", instanceTypes=["t3.micro"])),
    "the nodes' role": (unguarded_pods, one(ADDON, CNI, podIdentityAssociations=None)),
    "role before its right": (unguarded_pods, options(ADDON, CNI, dependencies=())),
    "pods in nodes' subnets": (
        unguarded_pods, configured(CNI, "env", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", value="false")
    ),
    "no label": (unguarded_pods, configured(CNI, "env", "ENI_CONFIG_LABEL_DEF", value=None)),
    "a zone without pods": (unguarded_pods, configured(CNI, "eniConfig", "subnets", "ap-northeast-2b", value=None)),
    "pods of no group": (
        unguarded_pods, configured(CNI, "eniConfig", "subnets", "ap-northeast-2b", "securityGroups", value=[])
    ),
    "no zonal shift": (bound_to_a_zone, cluster(zonalShiftConfig=None)),
    "zonal shift off": (bound_to_a_zone, cluster(zonalShiftConfig={"enabled": False})),
    "one DNS": (bound_to_a_zone, configured(DNS, "replicaCount", value=1)),
    "no budget": (bound_to_a_zone, configured(DNS, "podDisruptionBudget", value=None)),
    "wide budget": (bound_to_a_zone, configured(DNS, "podDisruptionBudget", "maxUnavailable", value=2)),
    "no spread": (bound_to_a_zone, configured(DNS, "topologySpreadConstraints", value=None)),
    "DNS anywhere": (bound_to_a_zone, configured(DNS, "nodeSelector", value=None)),
    "DNS by default": (bound_to_a_zone, one(ADDON, DNS, configurationValues=None)),
    "token": (credentials_in_outputs, with_token),
}  # fmt: skip


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(program)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """Cluster and nodes as they are give a control nothing to say."""
    assert control(captured) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_control_fails_on_its_mutation(captured: Capture, name: str) -> None:
    """Each control finds what it is for."""
    control, mutate = MUTATIONS[name]
    assert control(mutate(captured))


def test_every_control_has_a_mutation() -> None:
    """None is there that was never seen to fail."""
    assert {control for control, _ in MUTATIONS.values()} == set(CONTROLS)

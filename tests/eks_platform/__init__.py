"""Cluster, add-ons and base nodes as production has them, and the ways in which controls change them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from email import message_from_string
from typing import Any

from components.eks import documents
from components.eks.access import Access
from components.eks.addons import AddonIdentity, Addons, AddonsArgs, AddonSpec
from components.eks.cluster import Cluster, ClusterArgs
from components.eks.nodes import BaseNodeGroup, BaseNodeGroupArgs
from components.place import Place
from tests.captures import Capture, Registration
from tests.conftest import ACCOUNT

CLUSTER = "aws:eks/cluster:Cluster"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
ADDON = "aws:eks/addon:Addon"
NODES = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
KEY = "aws:kms/key:Key"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PLACE = Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT, tags={"Project": "demo"})
MAX_PODS = 58
POLICIES = "arn:aws:eks::aws:cluster-access-policy"
BEFORE_NODES = {"vpc-cni", "kube-proxy", "eks-pod-identity-agent"}
POD_SUBNETS = {"ap-northeast-2a": "subnet-11", "ap-northeast-2b": "subnet-12"}
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def _addons(name: str, ready: Any, addons: Mapping[str, AddonSpec]) -> Addons:
    args = AddonsArgs(cluster_name="demo", ready_cluster_name=ready, addons=addons, place=PLACE)
    return Addons(name, args)


def program() -> None:
    """Register cluster, add-ons, nodes and add-ons as production does, with a range of their own for pods."""
    args = ClusterArgs(
        cluster_name="demo",
        version="1.36",
        vpc_id="vpc-1",
        subnet_ids=["subnet-1", "subnet-2"],
        access=Access(
            administrators={"platform": role("platform")},
            break_glass={"glass": role("glass")},
            ci_apply={"apply": role("apply")},
            ci_read={"read": role("read")},
        ),
        public_access_cidrs=["203.0.113.0/24"],
        service_cidr="172.20.0.0/16",
        log_retention_days=365,
        deletion_protection=True,
        place=PLACE,
    )
    cluster = Cluster("cluster", args)
    configuration = cluster.security_group_id.apply(
        lambda group: documents.vpc_cni_configuration(
            region="ap-northeast-2", pod_subnet_ids=POD_SUBNETS, security_group_id=group
        )
    )
    cni = AddonIdentity(service_account="aws-node", policy="AmazonEKS_CNI_Policy")
    before = _addons(
        "addons",
        cluster.cluster_name,
        {
            "vpc-cni": AddonSpec(version="v1.22.4-eksbuild.3", configuration=configuration, identity=cni),
            "kube-proxy": AddonSpec(version="v1.36.0-eksbuild.25"),
            "eks-pod-identity-agent": AddonSpec(version="v1.3.10-eksbuild.3"),
        },
    )
    nodes = BaseNodeGroup(
        "nodes",
        BaseNodeGroupArgs(
            cluster_name="demo",
            ready_cluster_name=before.cluster_name,
            subnet_ids=["subnet-1", "subnet-2"],
            instance_type="t3.large",
            min_size=2,
            desired_size=2,
            max_size=3,
            release_version="1.36.2-20260714",
            disk_gib=20,
            max_pods=MAX_PODS,
            after=[],
            place=PLACE,
        ),
    )
    csi = documents.ebs_csi_configuration()
    _addons(
        "node-addons",
        nodes.cluster_name,
        {
            "coredns": AddonSpec(version="v1.14.3-eksbuild.23", configuration=documents.coredns_configuration()),
            "aws-ebs-csi-driver": AddonSpec(version="v1.66.0-eksbuild.1", configuration=csi),
        },
    )


def the_cluster(captured: Capture) -> Registration:
    return captured.one(CLUSTER, "cluster-eksCluster")


def configuration_of(captured: Capture, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(captured.one(ADDON, name).inputs.get("configurationValues", "{}"))
    return values


def user_data_of(captured: Capture) -> str:
    return base64.b64decode(captured.one(TEMPLATE, "nodes").inputs["userData"]).decode()


def kubelet_of(captured: Capture) -> dict[str, Any]:
    (part,) = (part for part in message_from_string(user_data_of(captured)).walk() if not part.is_multipart())
    config: dict[str, Any] = json.loads(str(part.get_payload()))["spec"]["kubelet"]["config"]
    return config


def failing(checks: Mapping[str, bool]) -> list[str]:
    return [name for name, holds in checks.items() if not holds]


def cluster_group(captured: Capture) -> str:
    group: str = captured.one("aws:ec2/tag:Tag", "cluster-discovery").inputs["resourceId"]
    return group


def cluster(**inputs: Any) -> Mutation:
    """Change inputs of the cluster."""
    return lambda captured: captured.changed(CLUSTER, "cluster-eksCluster", inputs)


def nested(type_: str, name: str, key: str, /, **values: Any) -> Mutation:
    """Change what lies inside one input; None takes it out."""

    def mutate(captured: Capture) -> Capture:
        merged = {**captured.one(type_, name).inputs.get(key, {}), **values}
        return captured.changed(type_, name, {key: {k: v for k, v in merged.items() if v is not None}})

    return mutate


def one(type_: str, name: str, /, **inputs: Any) -> Mutation:
    """Change inputs of one resource."""
    return lambda captured: captured.changed(type_, name, inputs)


def options(type_: str, name: str, /, **fields: Any) -> Mutation:
    """Change options of one resource."""
    return lambda captured: captured.changed(type_, name, **fields)


def configured(name: str, *path: str, value: Any) -> Mutation:
    """Change an add-on's configuration; None takes the key out."""

    def mutate(captured: Capture) -> Capture:
        values = _set(configuration_of(captured, name), path, value)
        return captured.changed(ADDON, name, {"configurationValues": json.dumps(values)})

    return mutate


def kubelet(*path: str, value: Any) -> Mutation:
    """Change the kubelet's configuration in the user data."""

    def mutate(captured: Capture) -> Capture:
        text = user_data_of(captured)
        start, end = text.index("{"), text.rindex("}") + 1
        config = _set(json.loads(text[start:end]), ("spec", "kubelet", "config", *path), value)
        return _with_user_data(captured, text[:start] + json.dumps(config) + text[end:])

    return mutate


def user_data(change: Callable[[str], str]) -> Mutation:
    """Change the user data as text."""
    return lambda captured: _with_user_data(captured, change(user_data_of(captured)))


def _with_user_data(captured: Capture, text: str) -> Capture:
    return captured.changed(TEMPLATE, "nodes", {"userData": base64.b64encode(text.encode()).decode()})


def _set(values: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    target = values
    for key in path[:-1]:
        target = target[key]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return values


def without(type_: str, name: str) -> Mutation:
    """Take a resource away, and with it what others had of it."""

    def mutate(captured: Capture) -> Capture:
        gone = captured.one(type_, name)
        left = [
            replace(r, dependencies=tuple(urn for urn in r.dependencies if urn != gone.urn))
            for r in captured.resources
            if r is not gone
        ]
        return replace(captured, resources=left)

    return mutate


def with_token(captured: Capture) -> Capture:
    """Put a token in the kubeconfig's user."""
    (urn,) = [urn for urn in captured.outputs if urn.endswith("platform:eks:Cluster::cluster")]
    outputs = captured.outputs[urn]
    kubeconfig = json.loads(outputs["kubeconfig"])
    kubeconfig["users"][0]["user"]["token"] = "k8s-aws-v1.abc"
    changed = {**outputs, "kubeconfig": json.dumps(kubeconfig)}
    return replace(captured, outputs={**captured.outputs, urn: changed})


def swapped_order(captured: Capture) -> Capture:
    """Let nodes and CoreDNS come at once."""
    dns = captured.one(ADDON, "node-addons-coredns")
    return captured.changed(ADDON, dns.name, dependencies=captured.one(ADDON, "addons-kube-proxy").dependencies)

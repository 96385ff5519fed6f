"""Stand-in for `eks:index:Cluster`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as _rehydrate  # noqa: F401 - registers the types by which a passed Cluster is understood
import pulumi_kubernetes as kubernetes
from pulumi.provider import ConstructResult

# The SDK loads its packages when they are first touched, and not thread-safely: so here, before any thread does.
_LOADED = (aws.ec2.SecurityGroup, aws.eks.Cluster, aws.iam.Role)

_CLUSTER_POLICY = "arn:{partition}:iam::aws:policy/AmazonEKSClusterPolicy"

# Inputs that shape what is played below. Anything else that is set is refused.
_PLAYED = frozenset(
    {
        "accessEntries",
        "authenticationMode",
        "bootstrapSelfManagedAddons",
        "clusterTags",
        "corednsAddonOptions",
        "createOidcProvider",
        "deletionProtection",
        "enabledClusterLogTypes",
        "encryptionConfigKeyArn",
        "endpointPrivateAccess",
        "endpointPublicAccess",
        "kubeProxyAddonOptions",
        "kubernetesServiceIpAddressRange",
        "name",
        "privateSubnetIds",
        "publicAccessCidrs",
        "publicSubnetIds",
        "serviceRole",
        "skipDefaultNodeGroup",
        "skipDefaultSecurityGroups",
        "subnetIds",
        "tags",
        "upgradePolicy",
        "useDefaultVpcCni",
        "version",
        "vpcId",
    }
)
# The plugin would make more resources for these values; the stand-in has not learnt them.
_REQUIRED: Mapping[str, Any] = {
    "skipDefaultNodeGroup": True,
    "skipDefaultSecurityGroups": True,
    "useDefaultVpcCni": True,
    "createOidcProvider": False,
    "authenticationMode": "API",
}


class _Cluster(pulumi.ComponentResource):
    """The component itself; its children are made by `construct_cluster`."""


def construct_cluster(name: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions) -> ConstructResult:
    """Build the cluster's children as the plugin does and return its outputs."""
    given: dict[str, Any] = {key: value for key, value in inputs.items() if value is not None}
    _refuse_unplayed(given)
    component = _Cluster("eks:index:Cluster", name, {}, options)
    child = pulumi.ResourceOptions(parent=component)
    role = given.get("serviceRole") or _create_service_role(name, component)
    cluster = _create_eks_cluster(name, given, role, child)
    kubeconfig = pulumi.Output.all(cluster.name, cluster.endpoint, cluster.certificate_authority.data).apply(
        lambda values: _kubeconfig(*values)
    )
    provider = kubernetes.Provider(f"{name}-eks-k8s", kubeconfig=kubeconfig, opts=child)
    for entry, value in given.get("accessEntries", {}).items():
        _create_access_entry(name, entry, value, cluster, child)
    if given.get("kubeProxyAddonOptions", {}).get("enabled", True):
        aws.eks.Addon(f"{name}-kube-proxy", cluster_name=cluster.name, addon_name="kube-proxy", opts=child)
    group = cluster.vpc_config.cluster_security_group_id
    state: dict[str, Any] = {
        "eksCluster": cluster,
        "kubeconfig": kubeconfig.apply(json.loads),
        "kubeconfigJson": kubeconfig,
        "clusterSecurityGroupId": group,
        "nodeSecurityGroupId": group,
        "clusterIngressRuleId": "",
        "fargateProfileId": "",
        "fargateProfileStatus": "",
        "defaultNodeGroupAsgName": "",
        "oidcIssuer": cluster.identities[0].oidcs[0].issuer,
        "oidcProviderArn": "",
        "oidcProviderUrl": "",
        "instanceRoles": [],
        "core": {
            "cluster": cluster,
            "endpoint": cluster.endpoint,
            "provider": provider,
            "kubeconfig": kubeconfig.apply(json.loads),
            "vpcId": cluster.vpc_config.vpc_id,
            "subnetIds": cluster.vpc_config.subnet_ids,
            "instanceRoles": [],
            "accessEntries": [],
        },
    }
    component.register_outputs(state)
    return ConstructResult(component.urn, state)


def _refuse_unplayed(given: Mapping[str, Any]) -> None:
    unknown = sorted(given.keys() - _PLAYED)
    if unknown:
        raise ValueError(f"eks:index:Cluster inputs {unknown} are not played here: add them in sandbox/eks/cluster.py")
    for key, value in _REQUIRED.items():
        if given.get(key) != value:
            raise ValueError(
                f"eks:index:Cluster is played with {key}={value!r} only, not {given.get(key)!r}: "
                "add the resources the plugin makes for it in sandbox/eks/cluster.py"
            )
    if given.get("corednsAddonOptions", {}).get("enabled"):
        raise ValueError("corednsAddonOptions.enabled is not played here: add it in sandbox/eks/cluster.py")


class _ServiceRole(pulumi.ComponentResource):
    pass


def _create_service_role(name: str, component: pulumi.Resource) -> Any:
    service_role = _ServiceRole(
        "eks:index:ServiceRole", f"{name}-eksRole", {}, pulumi.ResourceOptions(parent=component)
    )
    child = pulumi.ResourceOptions(parent=service_role)
    trust = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.iam.Role(f"{name}-eksRole-role", assume_role_policy=document, opts=child)
    arn = _CLUSTER_POLICY.format(partition="aws")
    suffix = hashlib.sha1(arn.encode(), usedforsecurity=False).hexdigest()[:8]
    aws.iam.RolePolicyAttachment(f"{name}-eksRole-{suffix}", role=role.name, policy_arn=arn, opts=child)
    service_role.register_outputs({})
    return role


def _create_eks_cluster(
    name: str, given: Mapping[str, Any], role: Any, child: pulumi.ResourceOptions
) -> aws.eks.Cluster:
    subnets = given.get("subnetIds") or pulumi.Output.all(
        given.get("publicSubnetIds") or [], given.get("privateSubnetIds") or []
    ).apply(lambda lists: [*lists[0], *lists[1]])
    upgrade = given.get("upgradePolicy")
    network = None
    if "kubernetesServiceIpAddressRange" in given:
        network = aws.eks.ClusterKubernetesNetworkConfigArgs(service_ipv4_cidr=given["kubernetesServiceIpAddressRange"])
    encryption = None
    if "encryptionConfigKeyArn" in given:
        encryption = aws.eks.ClusterEncryptionConfigArgs(
            provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=given["encryptionConfigKeyArn"]),
            resources=["secrets"],
        )
    return aws.eks.Cluster(
        f"{name}-eksCluster",
        name=given.get("name"),
        role_arn=pulumi.Output.from_input(role).apply(lambda value: value.arn),
        version=given.get("version"),
        access_config=aws.eks.ClusterAccessConfigArgs(authentication_mode=given["authenticationMode"]),
        bootstrap_self_managed_addons=given.get("bootstrapSelfManagedAddons"),
        deletion_protection=given.get("deletionProtection"),
        enabled_cluster_log_types=given.get("enabledClusterLogTypes"),
        encryption_config=encryption,
        kubernetes_network_config=network,
        upgrade_policy=None
        if upgrade is None
        else aws.eks.ClusterUpgradePolicyArgs(support_type=upgrade["supportType"]),
        vpc_config=aws.eks.ClusterVpcConfigArgs(
            subnet_ids=subnets,
            endpoint_private_access=given.get("endpointPrivateAccess", False),
            endpoint_public_access=given.get("endpointPublicAccess", True),
            public_access_cidrs=given.get("publicAccessCidrs"),
        ),
        tags={**given.get("tags", {}), **given.get("clusterTags", {})},
        opts=child,
    )


def _create_access_entry(
    name: str, entry: str, value: Mapping[str, Any], cluster: aws.eks.Cluster, child: pulumi.ResourceOptions
) -> None:
    access = aws.eks.AccessEntry(
        f"{name}-{entry}",
        cluster_name=cluster.name,
        principal_arn=value["principalArn"],
        type=value.get("type"),
        kubernetes_groups=value.get("kubernetesGroups"),
        user_name=value.get("username"),
        tags=value.get("tags"),
        opts=child,
    )
    for policy, association in (value.get("accessPolicies") or {}).items():
        scope = association["accessScope"]
        aws.eks.AccessPolicyAssociation(
            f"{name}-{entry}-{policy}",
            cluster_name=cluster.name,
            principal_arn=value["principalArn"],
            policy_arn=association["policyArn"],
            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(
                type=scope["type"], namespaces=scope.get("namespaces")
            ),
            opts=pulumi.ResourceOptions(parent=access),
        )


def _kubeconfig(name: str, endpoint: str, certificate_authority: str) -> str:
    """Return what the plugin returns: the token comes from the aws CLI, so the text holds no credential."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "clusters": [
                {
                    "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority},
                    "name": "kubernetes",
                }
            ],
            "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
            "current-context": "aws",
            "kind": "Config",
            "users": [
                {
                    "name": "aws",
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1beta1",
                            "command": "aws",
                            "args": ["eks", "get-token", "--cluster-name", name, "--output", "json"],
                            "env": [
                                {
                                    "name": "KUBERNETES_EXEC_INFO",
                                    "value": '{"apiVersion": "client.authentication.k8s.io/v1beta1"}',
                                }
                            ],
                        }
                    },
                }
            ],
        }
    )

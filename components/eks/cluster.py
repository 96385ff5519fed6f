"""The EKS control plane: key, log group, role, cluster, access entries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_eks as eks
from pulumi_aws.ec2.tag import Tag
from pulumi_aws.eks import ClusterUpgradePolicyArgs
from pulumi_aws.iam import Role, RolePolicyAttachment
from pulumi_aws.kms import Alias, Key

from components.eks import documents
from components.eks.access import Access
from components.eks.transforms import Transform, complete_cluster
from components.identity import policy as identity
from components.observability.log_group import EncryptedLogGroup, EncryptedLogGroupArgs
from components.place import Place

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterArgs:
    """What the control plane needs to know.

    Attributes:
        cluster_name: Physical name, at most 100 characters.
        version: Kubernetes minor version, as text.
        vpc_id: Where it lies.
        subnet_ids: Subnets of the control plane's network interfaces, in at least two zones.
        access: Who may use the API.
        public_access_cidrs: Who may reach the public endpoint; empty means there is none.
        service_cidr: Range of the Services' addresses.
        log_retention_days: How long the control plane's logs are kept.
        deletion_protection: Whether AWS and Pulumi refuse to delete the cluster, and Pulumi the key of its Secrets.
    """

    cluster_name: str
    version: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    access: Access
    public_access_cidrs: Sequence[str]
    service_cidr: str
    log_retention_days: int
    deletion_protection: bool
    place: Place


class Cluster(pulumi.ComponentResource):
    """EKS control plane that only access entries open, with envelope encryption, all five logs and zonal shift.

    Add-ons and nodes are left to `Addons` and `BaseNodeGroup`.

    Attributes:
        cluster_name: Known once the control plane is active.
        security_group_id: The one EKS makes for control plane and nodes; tagged for Karpenter's discovery.
        kubeconfig: JSON; gets its token by `aws eks get-token` and holds no credential.
    """

    cluster_name: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:eks:Cluster", name, None, opts)
        role = self._create_role(name, args)
        key = self._create_secrets_key(name, args)
        logs = self._create_log_group(name, args)
        cluster = self._create_cluster(name, args, role, key, logs)

        self.cluster_name = cluster.eks_cluster.name
        self.security_group_id = cluster.eks_cluster.vpc_config.cluster_security_group_id
        self.kubeconfig = cluster.kubeconfig_json
        Tag(
            f"{name}-discovery",
            resource_id=self.security_group_id,
            key="karpenter.sh/discovery",
            value=args.cluster_name,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "security_group_id": self.security_group_id,
                "kubeconfig": self.kubeconfig,
            }
        )

    def _create_role(self, name: str, args: ClusterArgs) -> pulumi.Output[Role]:
        child = pulumi.ResourceOptions(parent=self)
        role = Role(
            f"{name}-control-plane",
            assume_role_policy=json.dumps(identity.control_plane_trust()),
            permissions_boundary=args.place.permissions_boundary,
            opts=child,
        )
        attachment = RolePolicyAttachment(
            f"{name}-control-plane",
            role=role.name,
            policy_arn=identity.managed_policy_arn(args.place.partition, "AmazonEKSClusterPolicy"),
            opts=child,
        )
        # A cluster whose role loses its policy first cannot remove its own network interfaces at destroy.
        return attachment.policy_arn.apply(lambda _: role)

    def _create_secrets_key(self, name: str, args: ClusterArgs) -> Key:
        child = pulumi.ResourceOptions(parent=self)
        key = Key(
            f"{name}-secrets",
            description=f"Envelope key of the Secrets of {args.cluster_name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=documents.secrets_key_policy(partition=args.place.partition, account_id=args.place.account_id),
            # Without this key nobody can read the cluster's Secrets again, nor a backup of them.
            opts=pulumi.ResourceOptions(parent=self, protect=args.deletion_protection or None),
        )
        Alias(f"{name}-secrets", name=f"alias/eks/{args.cluster_name}/secrets", target_key_id=key.key_id, opts=child)
        return key

    def _create_log_group(self, name: str, args: ClusterArgs) -> EncryptedLogGroup:
        return EncryptedLogGroup(
            f"{name}-logs",
            EncryptedLogGroupArgs(
                log_group=f"/aws/eks/{args.cluster_name}/cluster",
                alias=f"eks/{args.cluster_name}/logs",
                retention_days=args.log_retention_days,
                place=args.place,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_cluster(
        self, name: str, args: ClusterArgs, role: pulumi.Output[Role], key: Key, logs: EncryptedLogGroup
    ) -> eks.Cluster:
        return eks.Cluster(
            name,
            # EKS makes the log group itself, for ever and unencrypted, when it is not there first. `depends_on` would
            # not reach the component's children, a value does.
            name=logs.log_group.apply(lambda _: args.cluster_name),
            version=args.version,
            vpc_id=args.vpc_id,
            subnet_ids=args.subnet_ids,
            service_role=role,
            authentication_mode=eks.AuthenticationMode.API,
            access_entries=args.access.entries(args.place.partition),
            endpoint_private_access=True,
            endpoint_public_access=bool(args.public_access_cidrs),
            public_access_cidrs=list(args.public_access_cidrs) or None,
            kubernetes_service_ip_address_range=args.service_cidr,
            encryption_config_key_arn=key.arn,
            enabled_cluster_log_types=list(_LOG_TYPES),
            upgrade_policy=ClusterUpgradePolicyArgs(support_type="STANDARD"),
            deletion_protection=args.deletion_protection,
            # Networking, DNS and the proxy come as pinned add-ons: before the nodes and after them (`Addons`).
            bootstrap_self_managed_addons=False,
            use_default_vpc_cni=True,
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            skip_default_node_group=True,
            skip_default_security_groups=True,
            create_oidc_provider=False,
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self, transforms=[_complete(args)]),
        )


def _complete(args: ClusterArgs) -> Transform:
    # GovCloud has none: https://docs.aws.amazon.com/r53recovery/latest/dg/introduction-regions-zonal-shift.html.
    return complete_cluster(protect=args.deletion_protection, zonal_shift=args.place.partition != "aws-us-gov")

"""The EKS variant: network, control plane, base nodes, Karpenter's AWS side, Argo CD, root Application."""

from __future__ import annotations

import pulumi
from pulumi_aws import Provider as AwsProvider
from pulumi_aws import ProviderDefaultTagsArgs
from pulumi_eks import Provider as EksProvider
from pulumi_kubernetes import Provider as KubernetesProvider

import versions
from components.argocd.charts import charts
from components.argocd.component import ArgoCD, ArgoCDArgs
from components.argocd.handover import ClusterHandover, Handover, KarpenterHandover, RepositoryHandover
from components.eks import documents
from components.eks.addons import AddonIdentity, Addons, AddonsArgs, AddonSpec
from components.eks.cluster import Cluster, ClusterArgs
from components.eks.nodes import BaseNodeGroup, BaseNodeGroupArgs
from components.eks.spot import SpotServiceLinkedRole
from components.karpenter.component import Karpenter, KarpenterArgs
from components.network.component import Network, NetworkArgs
from components.place import Place
from settings import Settings

_ADDONS_BEFORE_NODES = {
    "vpc-cni": AddonSpec(
        version=versions.ADDON_VPC_CNI,
        configuration=documents.vpc_cni_configuration(),
        identity=AddonIdentity(service_account="aws-node", policy="AmazonEKS_CNI_Policy"),
    ),
    "kube-proxy": AddonSpec(version=versions.ADDON_KUBE_PROXY),
    "eks-pod-identity-agent": AddonSpec(version=versions.ADDON_POD_IDENTITY_AGENT),
}
# CoreDNS without a node to run on stays degraded for twenty minutes and fails the `up`
# (https://github.com/pulumi/pulumi-eks/issues/1819).
_ADDONS_AFTER_NODES = {
    "coredns": AddonSpec(version=versions.ADDON_COREDNS),
    "aws-ebs-csi-driver": AddonSpec(
        version=versions.ADDON_EBS_CSI,
        identity=AddonIdentity(
            service_account="ebs-csi-controller-sa", policy="AmazonEBSCSIDriverEKSClusterScopedPolicy"
        ),
    ),
}


def build(settings: Settings) -> dict[str, pulumi.Input[str]]:
    """Register everything of the EKS variant and return the stack's outputs."""
    aws = AwsProvider(
        "aws",
        region=settings.aws.region,
        allowed_account_ids=[settings.aws.account_id],
        default_tags=ProviderDefaultTagsArgs(tags=dict(settings.tags)),
    )
    opts = pulumi.ResourceOptions(providers=[aws, EksProvider("eks")])

    network = _network(settings, opts)
    cluster = _cluster(settings, network, opts)
    before = _addons("addons", settings, cluster.cluster_name, _ADDONS_BEFORE_NODES, opts)
    nodes = _nodes(settings, network, before.cluster_name, opts)
    after = _addons("node-addons", settings, nodes.cluster_name, _ADDONS_AFTER_NODES, opts)
    spot = SpotServiceLinkedRole("spot", pulumi.InvokeOptions(provider=aws), opts)
    karpenter = _karpenter(settings, cluster, opts)

    kubernetes = KubernetesProvider("kubernetes", kubeconfig=cluster.kubeconfig, enable_server_side_apply=True)
    catalog = charts(settings.gitops.charts.mirror)
    argocd = ArgoCD(
        "argocd",
        ArgoCDArgs(
            chart=catalog.pop("argo-cd"),
            handover=Handover(
                cluster=ClusterHandover(name=settings.cluster.name, region=settings.aws.region),
                repository=RepositoryHandover(url=settings.gitops.repository, revision=settings.gitops.revision),
                charts=catalog,
                karpenter=_karpenter_handover(settings, karpenter),
                tags=settings.tags,
            ),
            after=[network, cluster, before, nodes, after, spot, karpenter],
        ),
        pulumi.ResourceOptions(providers=[kubernetes]),
    )
    return {
        "clusterName": cluster.cluster_name,
        "kubeconfig": cluster.kubeconfig,
        "vpcId": network.vpc_id,
        "argocdNamespace": argocd.namespace,
        "rootApplication": argocd.root,
    }


def _place(settings: Settings) -> Place:
    return Place(
        region=settings.aws.region,
        partition=settings.aws.partition,
        account_id=settings.aws.account_id,
        permissions_boundary=settings.aws.permissions_boundary,
        tags=settings.tags,
    )


def _network(settings: Settings, opts: pulumi.ResourceOptions) -> Network:
    return Network(
        "network",
        NetworkArgs(
            cluster_name=settings.cluster.name,
            cidr=str(settings.network.cidr),
            zones=settings.network.zones,
            nat=settings.network.nat,
            flow_log_retention_days=settings.network.flow_log_retention_days,
            place=_place(settings),
        ),
        opts,
    )


def _cluster(settings: Settings, network: Network, opts: pulumi.ResourceOptions) -> Cluster:
    return Cluster(
        "cluster",
        ClusterArgs(
            cluster_name=settings.cluster.name,
            version=settings.cluster.version,
            vpc_id=network.vpc_id,
            subnet_ids=network.cluster_subnet_ids,
            admins=settings.cluster.access.administrators,
            public_access_cidrs=settings.cluster.public_access_cidrs,
            service_cidr=str(settings.cluster.service_cidr),
            log_retention_days=settings.cluster.log_retention_days,
            deletion_protection=settings.cluster.deletion_protection,
            place=_place(settings),
        ),
        opts,
    )


def _addons(
    name: str,
    settings: Settings,
    ready: pulumi.Input[str],
    addons: dict[str, AddonSpec],
    opts: pulumi.ResourceOptions,
) -> Addons:
    return Addons(
        name,
        AddonsArgs(
            cluster_name=settings.cluster.name,
            ready_cluster_name=ready,
            addons=addons,
            place=_place(settings),
        ),
        opts,
    )


def _nodes(
    settings: Settings, network: Network, ready: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> BaseNodeGroup:
    return BaseNodeGroup(
        "nodes",
        BaseNodeGroupArgs(
            cluster_name=settings.cluster.name,
            ready_cluster_name=ready,
            subnet_ids=network.private_subnet_ids,
            instance_type=settings.nodes.instance_type,
            min_size=settings.nodes.count.min,
            desired_size=settings.nodes.count.desired,
            max_size=settings.nodes.count.max,
            release_version=settings.nodes.ami_release,
            disk_gib=settings.nodes.disk_gib,
            max_pods=settings.nodes.max_pods,
            after=network.egress,
            place=_place(settings),
        ),
        opts,
    )


def _karpenter(settings: Settings, cluster: Cluster, opts: pulumi.ResourceOptions) -> Karpenter:
    return Karpenter(
        "karpenter",
        KarpenterArgs(
            cluster_name=settings.cluster.name,
            eks_cluster_name=cluster.cluster_name,
            place=_place(settings),
        ),
        opts,
    )


def _karpenter_handover(settings: Settings, karpenter: Karpenter) -> KarpenterHandover:
    return KarpenterHandover(
        queue_name=karpenter.queue_name,
        node_role_name=karpenter.node_role_name,
        ami_alias=settings.karpenter.ami_alias,
        capacity_types=settings.karpenter.capacity_types,
        instance_families=settings.karpenter.instance_families,
        instance_sizes=settings.karpenter.instance_sizes,
        limits={"cpu": settings.karpenter.limits.cpu, "memory": settings.karpenter.limits.memory},
        consolidate_after=settings.karpenter.consolidate_after,
        disruption_budget=settings.karpenter.disruption_budget,
        replicas=settings.karpenter.replicas,
        volume_size=settings.karpenter.volume_size,
    )

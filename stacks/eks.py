"""The EKS variant: network, control plane, base nodes, Karpenter's AWS side, Argo CD, root Application."""

from __future__ import annotations

import pulumi
from pulumi_aws import Provider as AwsProvider
from pulumi_aws import ProviderDefaultTagsArgs
from pulumi_eks import Provider as EksProvider
from pulumi_kubernetes import Provider as KubernetesProvider

import versions
from components.argocd.charts import charts, tree_charts
from components.argocd.component import ArgoCD, ArgoCDArgs
from components.argocd.handover import ClusterHandover, Freeze, Handover, KarpenterHandover, RepositoryHandover
from components.eks import documents
from components.eks.access import Access
from components.eks.addons import AddonIdentity, Addons, AddonsArgs, AddonSpec
from components.eks.cluster import Cluster, ClusterArgs
from components.eks.nodes import BaseNodeGroup, BaseNodeGroupArgs
from components.eks.spot import SpotServiceLinkedRole
from components.identity.controllers import Controllers, ControllersArgs
from components.identity.pod_identity import PodIdentity
from components.identity.policies.ebs_csi import ebs_csi
from components.identity.policies.scope import Scope
from components.identity.workload import WorkloadIdentity
from components.karpenter.component import Karpenter, KarpenterArgs
from components.network.component import Network, NetworkArgs
from components.network.estimate import nat_menu
from components.network.plan import ENDPOINT_SERVICES
from settings import EksSettings
from stacks.place import place, protected
from stacks.surroundings import (
    Around,
    Surroundings,
    argocd_login,
    edge_handover,
    outputs,
    reach,
    rim,
    secrets_handover,
    storage_handover,
    surround,
)


def build(settings: EksSettings) -> dict[str, pulumi.Input[str]]:
    """Register everything of the EKS variant and return the stack's outputs."""
    aws = AwsProvider(
        "aws",
        region=settings.aws.region,
        allowed_account_ids=[settings.aws.account_id],
        default_tags=ProviderDefaultTagsArgs(tags=dict(settings.tags)),
    )
    opts = pulumi.ResourceOptions(providers=[aws, EksProvider("eks")])

    outer = rim(settings, place(settings), protected(settings), aws)
    network = _network(settings, opts)
    cluster = _cluster(settings, network, opts)
    before = _addons("addons", settings, cluster.cluster_name, _addons_before_nodes(settings, network, cluster), opts)
    nodes = _nodes(settings, network, before.cluster_name, opts)
    after = _addons("node-addons", settings, nodes.cluster_name, _addons_after_nodes(settings), opts)
    spot = SpotServiceLinkedRole("spot", pulumi.InvokeOptions(provider=aws), opts)
    identity = PodIdentity(
        cluster_name=settings.cluster.name, ready_cluster_name=cluster.cluster_name, place=place(settings)
    )
    karpenter = _karpenter(settings, cluster, identity, opts)
    controllers = _controllers(settings, identity, opts)
    around = _around(network, cluster, karpenter)
    surroundings = surround(settings, place(settings), around, protected(settings), outer)

    argocd = _argocd(
        settings,
        network,
        cluster,
        karpenter,
        surroundings,
        ready=[cluster, before],
        after=[network, nodes, after, spot, karpenter, controllers, *surroundings.resources],
    )
    return {
        "clusterName": cluster.cluster_name,
        "kubeconfig": cluster.kubeconfig,
        "vpcId": network.vpc_id,
        "argocdNamespace": argocd.namespace,
        "rootApplication": argocd.root,
        **outputs(surroundings),
    }


def _around(network: Network, cluster: Cluster, karpenter: Karpenter) -> Around:
    return Around(
        vpc_id=network.vpc_id,
        subnet_ids=network.zone_subnet_ids,
        workload_subnet_ids=network.workload_subnet_ids,
        nat_gateway_ids=network.nat_gateway_ids,
        node_security_group_id=cluster.security_group_id,
        queue_name=karpenter.queue_name,
        rule_names=karpenter.rule_names,
    )


def _argocd(
    settings: EksSettings,
    network: Network,
    cluster: Cluster,
    karpenter: Karpenter,
    surroundings: Surroundings,
    ready: list[pulumi.Resource],
    after: list[pulumi.Resource],
) -> ArgoCD:
    kubernetes = KubernetesProvider("kubernetes", kubeconfig=cluster.kubeconfig, enable_server_side_apply=True)
    mirror = settings.gitops.charts.mirror
    return ArgoCD(
        "argocd",
        ArgoCDArgs(
            chart=charts(mirror)["argo-cd"],
            handover=Handover(
                cluster=ClusterHandover(
                    name=settings.cluster.name,
                    region=settings.aws.region,
                    variant="eks",
                    vpc_id=network.vpc_id,
                    network_cidr=str(settings.network.cidr),
                ),
                repository=RepositoryHandover(url=settings.gitops.repository, revision=settings.gitops.revision),
                charts=tree_charts("eks", mirror),
                registry=settings.gitops.images.registry,
                karpenter=_karpenter_handover(settings, karpenter),
                storage=storage_handover(settings, surroundings),
                edge=edge_handover(settings, surroundings, protected(settings)),
                secrets=secrets_handover(settings, surroundings),
                overlay=settings.workloads.overlay,
                alarm_topic_arn=surroundings.observability.topic_arn,
                tags=settings.tags,
            ),
            ready=ready,
            after=after,
            login=argocd_login(settings, surroundings),
            # Argo CD must not live on nodes that Karpenter may take away.
            node_selector={"node-type": "base"},
            protect=protected(settings),
        ),
        pulumi.ResourceOptions(providers=[kubernetes]),
    )


def estimates(settings: EksSettings) -> list[str]:
    """Return what the choices that cost most would cost a month, as lines for people."""
    network = settings.network
    endpoints = len(ENDPOINT_SERVICES) if network.private_endpoints else 0
    return nat_menu(settings.aws.region, len(network.zones), network.nat, endpoints)


def _network(settings: EksSettings, opts: pulumi.ResourceOptions) -> Network:
    return Network(
        "network",
        NetworkArgs(
            cluster_name=settings.cluster.name,
            cidr=str(settings.network.cidr),
            pod_cidr=None if settings.network.pod_cidr is None else str(settings.network.pod_cidr),
            zones=settings.network.zones,
            nat=settings.network.nat,
            private_endpoints=settings.network.private_endpoints,
            protect=protected(settings),
            flow_log_retention_days=settings.network.flow_log_retention_days,
            place=place(settings),
        ),
        opts,
    )


def _cluster(settings: EksSettings, network: Network, opts: pulumi.ResourceOptions) -> Cluster:
    return Cluster(
        "cluster",
        ClusterArgs(
            cluster_name=settings.cluster.name,
            version=settings.cluster.version,
            vpc_id=network.vpc_id,
            subnet_ids=network.cluster_subnet_ids,
            access=Access(
                administrators=settings.cluster.access.administrators,
                break_glass=settings.cluster.access.break_glass,
                ci_apply=settings.cluster.access.ci_apply,
                ci_read=settings.cluster.access.ci_read,
            ),
            public_access_cidrs=settings.cluster.public_access_cidrs,
            service_cidr=str(settings.cluster.service_cidr),
            log_retention_days=settings.cluster.log_retention_days,
            deletion_protection=protected(settings),
            place=place(settings),
        ),
        opts,
    )


def _addons_before_nodes(settings: EksSettings, network: Network, cluster: Cluster) -> dict[str, AddonSpec]:
    """Return what a node needs to become ready: addresses for pods, services, credentials."""
    return {
        "vpc-cni": AddonSpec(
            version=versions.ADDON_VPC_CNI,
            configuration=_vpc_cni_configuration(settings, network, cluster),
            identity=AddonIdentity(service_account="aws-node", policy="AmazonEKS_CNI_Policy"),
        ),
        "kube-proxy": AddonSpec(version=versions.ADDON_KUBE_PROXY),
        "eks-pod-identity-agent": AddonSpec(version=versions.ADDON_POD_IDENTITY_AGENT),
    }


def _vpc_cni_configuration(settings: EksSettings, network: Network, cluster: Cluster) -> pulumi.Input[str]:
    zones = list(network.pod_subnet_ids)
    if not zones:
        return documents.vpc_cni_configuration()
    return pulumi.Output.all(cluster.security_group_id, *network.pod_subnet_ids.values()).apply(
        lambda values: documents.vpc_cni_configuration(
            region=settings.aws.region,
            pod_subnet_ids=dict(zip(zones, values[1:], strict=True)),
            security_group_id=values[0],
        )
    )


def _addons_after_nodes(settings: EksSettings) -> dict[str, AddonSpec]:
    """Return what runs on nodes.

    CoreDNS without a node to run on stays degraded for twenty minutes and fails the `up`
    (https://github.com/pulumi/pulumi-eks/issues/1819).
    """
    return {
        "coredns": AddonSpec(version=versions.ADDON_COREDNS, configuration=documents.coredns_configuration()),
        "aws-ebs-csi-driver": AddonSpec(
            version=versions.ADDON_EBS_CSI,
            configuration=documents.ebs_csi_configuration(settings.tags),
            identity=AddonIdentity(
                service_account="ebs-csi-controller-sa",
                documents={"volumes": ebs_csi(Scope(cluster_name=settings.cluster.name, **place(settings).where))},
            ),
        ),
    }


def _addons(
    name: str,
    settings: EksSettings,
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
            place=place(settings),
        ),
        opts,
    )


def _nodes(
    settings: EksSettings, network: Network, ready: pulumi.Input[str], opts: pulumi.ResourceOptions
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
            place=place(settings),
        ),
        opts,
    )


def _karpenter(
    settings: EksSettings, cluster: Cluster, identity: WorkloadIdentity, opts: pulumi.ResourceOptions
) -> Karpenter:
    return Karpenter(
        "karpenter",
        KarpenterArgs(
            cluster_name=settings.cluster.name,
            eks_cluster_name=cluster.cluster_name,
            identity=identity,
            isolated=_isolated(settings),
            place=place(settings),
        ),
        opts,
    )


def _controllers(settings: EksSettings, identity: WorkloadIdentity, opts: pulumi.ResourceOptions) -> Controllers:
    return Controllers(
        "identity",
        ControllersArgs(
            cluster_name=settings.cluster.name,
            identity=identity,
            reach=reach(settings),
            place=place(settings),
        ),
        opts,
    )


def _isolated(settings: EksSettings) -> bool:
    """Return whether nothing in the VPC reaches an API that has no endpoint there."""
    return settings.network.nat == "none"


def _karpenter_handover(settings: EksSettings, karpenter: Karpenter) -> KarpenterHandover:
    limits = settings.karpenter.limits
    return KarpenterHandover(
        queue_name=karpenter.queue_name,
        node_role_name=karpenter.node_role_name,
        isolated=_isolated(settings),
        instance_profile_name=karpenter.instance_profile_name,
        max_pods=settings.karpenter.max_pods,
        user_data=documents.node_config(settings.karpenter.max_pods),
        ami_alias=settings.karpenter.ami_alias,
        capacity_types=settings.karpenter.capacity_types,
        instance_families=settings.karpenter.instance_families,
        instance_sizes=settings.karpenter.instance_sizes,
        limits={"cpu": limits.cpu, "memory": limits.memory, "nodes": str(limits.nodes)},
        consolidate_after=settings.karpenter.consolidate_after,
        disruption_budget=settings.karpenter.disruption_budget,
        freezes=[
            Freeze(schedule=freeze.schedule, duration=freeze.duration, reasons=freeze.reasons)
            for freeze in settings.karpenter.freezes
        ],
        replicas=settings.karpenter.replicas,
        volume_size=settings.karpenter.volume_size,
    )

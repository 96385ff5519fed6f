"""The self-managed variant: network, machines that become a kubeadm cluster, what pods need to run, Argo CD, root."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws import Provider as AwsProvider
from pulumi_aws import ProviderDefaultTagsArgs
from pulumi_kubernetes import Provider as KubernetesProvider
from pulumi_random import Provider as RandomProvider
from pulumi_tls import Provider as TlsProvider

from components.argocd.charts import charts, tree_charts
from components.argocd.component import ArgoCD, ArgoCDArgs
from components.argocd.handover import ClusterHandover, Handover, RepositoryHandover
from components.identity.controllers import Controllers, ControllersArgs
from components.identity.irsa import Irsa
from components.identity.policies.controllers import SELF_MANAGED
from components.network.component import Network
from components.network.estimate import nat_menu
from components.network.plan import ENDPOINT_SERVICES
from components.self_managed import leaving, readiness
from components.self_managed.addons import ClusterAddons, ClusterAddonsArgs
from components.self_managed.issuer import OidcIssuer, OidcIssuerArgs
from components.self_managed.machine_alarms import MachineAlarms, MachineAlarmsArgs
from components.self_managed.machines import Machines
from components.self_managed.node_roles import NodeRoles, NodeRolesArgs
from components.self_managed.pki import Pki
from components.self_managed.security_groups import SecurityGroups
from components.self_managed.spec import ClusterSpec
from rules.machines import cluster_spec
from settings import SelfManagedSettings
from stacks.ground import admin_access, create_groups, create_machines, create_network, lay_ground
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


def build(settings: SelfManagedSettings) -> dict[str, pulumi.Input[str]]:
    """Register everything of the self-managed variant and return the stack's outputs."""
    aws = AwsProvider(
        "aws",
        region=settings.aws.region,
        allowed_account_ids=[settings.aws.account_id],
        default_tags=ProviderDefaultTagsArgs(tags=dict(settings.tags)),
    )
    opts = pulumi.ResourceOptions(providers=[aws, TlsProvider("tls"), RandomProvider("random")])
    spec = cluster_spec(settings.aws, settings.cluster, settings.network, settings.machines, settings.storage)

    outer = rim(settings, place(settings), protected(settings), aws)
    network = create_network(settings, opts)
    groups = create_groups(settings, network, opts)
    surroundings = surround(settings, place(settings), _around(network, groups), protected(settings), outer)
    ground = lay_ground(settings, spec, network, groups, opts)
    access = admin_access(settings, spec, ground)
    succession = leaving.Succession(
        kubeconfig=access, machines=[f"machines-{node.name}" for node in spec.nodes], version=spec.version
    )
    machines = create_machines(settings, spec, ground, surroundings.storage, succession, opts)
    leaving.Standing("standing", leaving.StandingArgs(succession=succession, after=machines.ready), opts)

    issuer = _issuer(settings, surroundings, ground.pki, opts)
    controllers = _controllers(settings, issuer, opts)
    alarms = MachineAlarms(
        "machine-alarms",
        MachineAlarmsArgs(
            cluster_name=spec.name, topic_arn=surroundings.observability.topic_arn, place=place(settings)
        ),
        opts,
    )
    inside = _inside(settings, spec, access, machines)
    argocd = _argocd(
        settings,
        _handover(settings, network, surroundings, controllers),
        surroundings,
        inside,
        way=[ground.endpoint, machines],
        after=[
            *(network, groups, ground.endpoint, ground.parameters, issuer, controllers, alarms),
            *surroundings.resources,
            *machines.ready,
        ],
    )
    return {
        "clusterName": spec.name,
        "kubeconfig": access,
        "vpcId": network.vpc_id,
        "issuer": issuer.url,
        "argocdNamespace": argocd.namespace,
        "rootApplication": argocd.root,
        **outputs(surroundings),
    }


def estimates(settings: SelfManagedSettings) -> list[str]:
    """Return what the choices that cost most would cost a month, as lines for people."""
    network = settings.network
    endpoints = len(ENDPOINT_SERVICES) if network.private_endpoints else 0
    return nat_menu(settings.aws.region, len(network.zones), network.nat, endpoints)


def _around(network: Network, groups: SecurityGroups) -> Around:
    return Around(
        vpc_id=network.vpc_id,
        subnet_ids=network.zone_subnet_ids,
        workload_subnet_ids=network.workload_subnet_ids,
        nat_gateway_ids=network.nat_gateway_ids,
        node_security_group_id=groups.node_id,
    )


def _issuer(
    settings: SelfManagedSettings, surroundings: Surroundings, pki: Pki, opts: pulumi.ResourceOptions
) -> OidcIssuer:
    return OidcIssuer(
        "issuer",
        OidcIssuerArgs(
            bucket=settings.storage.buckets.issuer or "",
            jwks=pki.jwks,
            log_bucket=surroundings.storage.logs.bucket,
            keep=settings.storage.keep_data,
            protect=protected(settings),
            place=place(settings),
        ),
        opts,
    )


def _controllers(settings: SelfManagedSettings, issuer: OidcIssuer, opts: pulumi.ResourceOptions) -> Controllers:
    return Controllers(
        "identity",
        ControllersArgs(
            cluster_name=settings.cluster.name,
            identity=Irsa(issuer=issuer.url, provider_arn=issuer.provider_arn, place=place(settings)),
            reach=reach(settings),
            controllers=SELF_MANAGED,
            place=place(settings),
        ),
        opts,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Inside:
    """The way into the cluster, and what Argo CD waits for in it."""

    provider: KubernetesProvider
    addons: ClusterAddons
    nodes: NodeRoles


def _inside(
    settings: SelfManagedSettings,
    spec: ClusterSpec,
    access: pulumi.Output[str],
    machines: Machines,
) -> _Inside:
    boots = readiness.Boots(instance_ids=machines.instance_ids, region=settings.aws.region)
    provider = KubernetesProvider(
        "kubernetes", kubeconfig=access, enable_server_side_apply=True, delete_unreachable=True
    )
    opts = pulumi.ResourceOptions(providers=[provider])
    addons = ClusterAddons(
        "addons",
        ClusterAddonsArgs(
            spec=spec,
            vpc_cidr=settings.network.cidr,
            charts=charts(settings.gitops.charts.mirror),
            registry=settings.gitops.images.registry,
            api_ready=readiness.api_ready(kubeconfig=access, spec=spec, boots=boots),
            after=machines.control_planes,
        ),
        opts,
    )
    nodes = NodeRoles(
        "node-roles",
        NodeRolesArgs(
            spec=spec,
            instance_ids=machines.instance_ids,
            node_ready=readiness.node_ready(kubeconfig=access, spec=spec, boots=boots),
            after=addons.ready,
        ),
        opts,
    )
    return _Inside(provider=provider, addons=addons, nodes=nodes)


def _handover(
    settings: SelfManagedSettings, network: Network, surroundings: Surroundings, controllers: Controllers
) -> Handover:
    return Handover(
        cluster=ClusterHandover(
            name=settings.cluster.name,
            region=settings.aws.region,
            variant="self-managed",
            vpc_id=network.vpc_id,
            network_cidr=str(settings.network.cidr),
        ),
        repository=RepositoryHandover(url=settings.gitops.repository, revision=settings.gitops.revision),
        charts=tree_charts("self-managed", settings.gitops.charts.mirror),
        registry=settings.gitops.images.registry,
        identity={name: grant.annotations for name, grant in controllers.grants.items()},
        storage=storage_handover(settings, surroundings),
        edge=edge_handover(settings, surroundings, protected(settings)),
        secrets=secrets_handover(settings, surroundings),
        alarm_topic_arn=surroundings.observability.topic_arn,
        tags=settings.tags,
    )


def _argocd(
    settings: SelfManagedSettings,
    handover: Handover,
    surroundings: Surroundings,
    inside: _Inside,
    way: list[pulumi.Resource],
    after: list[pulumi.Resource],
) -> ArgoCD:
    return ArgoCD(
        "argocd",
        ArgoCDArgs(
            chart=charts(settings.gitops.charts.mirror)["argo-cd"],
            handover=handover,
            # On destroy the way into the cluster and its machines go after the release.
            ready=[*way, inside.addons.network],
            after=[*after, *inside.addons.ready, *inside.nodes.ready],
            login=argocd_login(settings, surroundings),
            protect=protected(settings),
        ),
        pulumi.ResourceOptions(providers=[inside.provider]),
    )

"""The self-managed variant: network, machines that become a kubeadm cluster, what pods need to run, Argo CD, root."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import Provider as AwsProvider
from pulumi_aws import ProviderDefaultTagsArgs
from pulumi_kubernetes import Provider as KubernetesProvider
from pulumi_random import Provider as RandomProvider
from pulumi_tls import Provider as TlsProvider

from components.argocd.charts import charts
from components.argocd.component import ArgoCD, ArgoCDArgs
from components.argocd.handover import ClusterHandover, Handover, RepositoryHandover
from components.identity.controllers import Controllers, ControllersArgs
from components.identity.irsa import Irsa
from components.identity.policies.controllers import SELF_MANAGED
from components.network.component import Network, NetworkArgs
from components.network.estimate import nat_menu
from components.network.plan import ENDPOINT_SERVICES
from components.self_managed import leaving, readiness
from components.self_managed.addons import ClusterAddons, ClusterAddonsArgs
from components.self_managed.endpoint import Endpoint, EndpointArgs
from components.self_managed.issuer import OidcIssuer, OidcIssuerArgs
from components.self_managed.kubeconfig import kubeconfig
from components.self_managed.machine_alarms import MachineAlarms, MachineAlarmsArgs
from components.self_managed.machines import Machines, MachinesArgs
from components.self_managed.node_roles import NodeRoles, NodeRolesArgs
from components.self_managed.parameters import Parameters, ParametersArgs
from components.self_managed.pki import Pki, PkiArgs
from components.self_managed.roles import MachineRoles, MachineRolesArgs
from components.self_managed.security_groups import SecurityGroups, SecurityGroupsArgs
from components.self_managed.spec import ClusterSpec, NodeSpec
from components.self_managed.user_data import Boot, user_data
from rules.machines import cluster_spec
from settings import SelfManagedSettings
from stacks.place import place, protected
from stacks.surroundings import (
    Around,
    Surroundings,
    argocd_login,
    edge_handover,
    outputs,
    reach,
    rim,
    storage_handover,
    surround,
)

# The real one is known only once the keys are, and never changes in a cluster's life.
_ANY_PIN: Final = f"sha256:{64 * '0'}"


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
    network = _network(settings, opts)
    groups = _groups(settings, network, opts)
    surroundings = surround(settings, place(settings), _around(network, groups), protected(settings), outer)
    ground = _ground(settings, spec, network, groups, opts)
    access = _access(settings, spec, ground)
    succession = leaving.Succession(kubeconfig=access, machines=[f"machines-{node.name}" for node in spec.nodes])
    machines = _machines(settings, spec, ground, succession, opts)
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
        after=[network, groups, ground.endpoint, issuer, controllers, alarms, *surroundings.resources, *machines.ready],
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ground:
    """What machines stand on."""

    network: Network
    groups: SecurityGroups
    endpoint: Endpoint
    pki: Pki
    parameters: Parameters
    roles: MachineRoles

    @property
    def before(self) -> list[pulumi.Resource]:
        """What a machine needs when it boots."""
        ready = (self.groups.ready, self.endpoint.ready, self.parameters.ready, self.roles.ready)
        return [*self.network.egress, *(one for some in ready for one in some)]


def _ground(
    settings: SelfManagedSettings,
    spec: ClusterSpec,
    network: Network,
    groups: SecurityGroups,
    opts: pulumi.ResourceOptions,
) -> _Ground:
    pki = _pki(settings, spec, opts)
    parameters = _parameters(settings, spec, pki, opts)
    return _Ground(
        network=network,
        groups=groups,
        endpoint=_endpoint(settings, spec, network, groups, opts),
        pki=pki,
        parameters=parameters,
        roles=_roles(settings, parameters, opts),
    )


def estimates(settings: SelfManagedSettings) -> list[str]:
    """Return what the choices that cost most would cost a month, as lines for people."""
    network = settings.network
    endpoints = len(ENDPOINT_SERVICES) if network.private_endpoints else 0
    return nat_menu(settings.aws.region, len(network.zones), network.nat, endpoints)


def _network(settings: SelfManagedSettings, opts: pulumi.ResourceOptions) -> Network:
    return Network(
        "network",
        NetworkArgs(
            cluster_name=settings.cluster.name,
            cidr=str(settings.network.cidr),
            overlay=True,
            zones=settings.network.zones,
            nat=settings.network.nat,
            private_endpoints=settings.network.private_endpoints,
            protect=protected(settings),
            flow_log_retention_days=settings.network.flow_log_retention_days,
            place=place(settings),
        ),
        opts,
    )


def _groups(settings: SelfManagedSettings, network: Network, opts: pulumi.ResourceOptions) -> SecurityGroups:
    return SecurityGroups(
        "security-groups",
        SecurityGroupsArgs(
            cluster_name=settings.cluster.name,
            vpc_id=network.vpc_id,
            control_planes=settings.machines.control_planes,
            public_access_cidrs=settings.cluster.public_access_cidrs,
            file_system_cidrs=[str(settings.network.cidr)] if settings.storage.file_system else [],
            place=place(settings),
        ),
        opts,
    )


def _around(network: Network, groups: SecurityGroups) -> Around:
    return Around(
        vpc_id=network.vpc_id,
        subnet_ids=network.zone_subnet_ids,
        workload_subnet_ids=network.workload_subnet_ids,
        nat_gateway_ids=network.nat_gateway_ids,
        node_security_group_id=groups.node_id,
    )


def _endpoint(
    settings: SelfManagedSettings,
    spec: ClusterSpec,
    network: Network,
    groups: SecurityGroups,
    opts: pulumi.ResourceOptions,
) -> Endpoint:
    return Endpoint(
        "endpoint",
        EndpointArgs(
            spec=spec,
            vpc_id=network.vpc_id,
            public_subnet_ids=network.public_subnet_ids,
            private_subnet_ids=network.private_subnet_ids,
            internal_balancer_id=groups.internal_balancer_id,
            public_balancer_id=groups.public_balancer_id,
            protect=protected(settings),
            place=place(settings),
        ),
        opts,
    )


def _pki(settings: SelfManagedSettings, spec: ClusterSpec, opts: pulumi.ResourceOptions) -> Pki:
    return Pki(
        "pki",
        PkiArgs(cluster_name=spec.name, nodes_digest=_rollout_digest(settings, spec), protect=protected(settings)),
        opts,
    )


def _boot(settings: SelfManagedSettings, ca_pin: str) -> Boot:
    buckets = settings.storage.buckets
    return Boot(ca_pin=ca_pin, backups_bucket=buckets.backups, logs_bucket=buckets.logs)


def _rollout_digest(settings: SelfManagedSettings, spec: ClusterSpec) -> str:
    """Return what changes whenever a machine is made anew: only then is there a new token to join by."""
    boot = _boot(settings, ca_pin=_ANY_PIN)
    machines = [f"{node.name} {node.instance_type} {node.zone} {user_data(spec, node, boot)}" for node in spec.nodes]
    text = "\n".join([str(spec.rollout), settings.machines.image, *machines])
    return hashlib.sha256(text.encode()).hexdigest()


def _access(settings: SelfManagedSettings, spec: ClusterSpec, ground: _Ground) -> pulumi.Output[str]:
    """Return the administrator's kubeconfig, a secret."""
    pki = ground.pki
    known = pulumi.Output.all(ground.endpoint.server, pki.ca_certificate, pki.admin_certificate, pki.admin_key)
    return pulumi.Output.secret(
        known.apply(
            lambda values: kubeconfig(
                cluster=settings.cluster.name,
                server=values[0],
                ca_pem=values[1],
                certificate_pem=values[2],
                key_pem=values[3],
                tls_server_name=spec.endpoint,
            )
        )
    )


def _parameters(settings: SelfManagedSettings, spec: ClusterSpec, pki: Pki, opts: pulumi.ResourceOptions) -> Parameters:
    return Parameters(
        "parameters",
        ParametersArgs(
            cluster_name=spec.name,
            values=pki.values,
            token=pki.token,
            issuer=spec.issuer,
            protect=protected(settings),
            place=place(settings),
        ),
        opts,
    )


def _roles(settings: SelfManagedSettings, parameters: Parameters, opts: pulumi.ResourceOptions) -> MachineRoles:
    return MachineRoles(
        "machine-roles",
        MachineRolesArgs(
            cluster_name=settings.cluster.name,
            control_plane_key_arn=parameters.control_plane_key_arn,
            join_key_arn=parameters.join_key_arn,
            backups_bucket=settings.storage.buckets.backups,
            logs_bucket=settings.storage.buckets.logs,
            place=place(settings),
        ),
        opts,
    )


def _machines(
    settings: SelfManagedSettings,
    spec: ClusterSpec,
    ground: _Ground,
    succession: leaving.Succession,
    opts: pulumi.ResourceOptions,
) -> Machines:
    def rendered(node: NodeSpec) -> pulumi.Output[str]:
        return ground.pki.ca_pin.apply(lambda pin: user_data(spec, node, _boot(settings, pin)))

    network, groups, roles = ground.network, ground.groups, ground.roles
    zones = {zone[-1]: zone for zone in settings.network.zones}
    return Machines(
        "machines",
        MachinesArgs(
            spec=spec,
            image=settings.machines.image,
            subnet_ids={zones[key]: subnet_id for key, subnet_id in network.zone_subnet_ids.items()},
            user_data={node.name: rendered(node) for node in spec.nodes},
            control_plane_profile=roles.control_plane_profile,
            worker_profile=roles.worker_profile,
            node_group_id=groups.node_id,
            control_plane_group_id=groups.control_plane_id,
            target_group_arns=ground.endpoint.target_group_arns,
            protect=protected(settings),
            keep=settings.storage.keep_data,
            after=ground.before,
            hooks=succession.hooks,
            place=place(settings),
        ),
        opts,
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
        ),
        opts,
    )
    nodes = NodeRoles(
        "node-roles",
        NodeRolesArgs(
            spec=spec,
            instance_ids=machines.instance_ids,
            node_ready=readiness.node_ready(kubeconfig=access, spec=spec, boots=boots),
            after=[addons.network],
        ),
        opts,
    )
    return _Inside(provider=provider, addons=addons, nodes=nodes)


def _handover(
    settings: SelfManagedSettings, network: Network, surroundings: Surroundings, controllers: Controllers
) -> Handover:
    return Handover(
        cluster=ClusterHandover(
            name=settings.cluster.name, region=settings.aws.region, variant="self-managed", vpc_id=network.vpc_id
        ),
        repository=RepositoryHandover(url=settings.gitops.repository, revision=settings.gitops.revision),
        charts=charts(settings.gitops.charts.mirror),
        registry=settings.gitops.images.registry,
        identity={name: grant.annotations for name, grant in controllers.grants.items()},
        storage=storage_handover(surroundings),
        edge=edge_handover(settings, surroundings, protected(settings)),
        secrets=surroundings.secrets.names,
        alarm_topic_arn=surroundings.observability.topic_arn,
        tags=settings.tags,
    )


def _argocd(
    settings: SelfManagedSettings,
    handover: Handover,
    surroundings: Surroundings,
    inside: _Inside,
    after: list[pulumi.Resource],
) -> ArgoCD:
    return ArgoCD(
        "argocd",
        ArgoCDArgs(
            chart=charts(settings.gitops.charts.mirror)["argo-cd"],
            handover=handover,
            ready=[inside.addons.network],
            after=[*after, *inside.addons.ready, *inside.nodes.ready],
            login=argocd_login(settings, surroundings),
            protect=protected(settings),
        ),
        pulumi.ResourceOptions(providers=[inside.provider]),
    )

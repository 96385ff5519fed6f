"""What a self-managed cluster stands on, and its machines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import pulumi

from components.network.component import Network, NetworkArgs
from components.self_managed.endpoint import Endpoint, EndpointArgs
from components.self_managed.kubeconfig import kubeconfig
from components.self_managed.leaving import Succession
from components.self_managed.machines import Machines, MachinesArgs
from components.self_managed.parameters import Parameters, ParametersArgs
from components.self_managed.pki import Pki, PkiArgs
from components.self_managed.roles import MachineRoles, MachineRolesArgs
from components.self_managed.security_groups import SecurityGroups, SecurityGroupsArgs
from components.self_managed.spec import ClusterSpec, NodeSpec
from components.self_managed.user_data import Boot, user_data
from components.storage.component import Storage
from settings import SelfManagedSettings
from stacks.place import place, protected

_SSH_PORT: Final = 22
# The real one is known only once the keys are, and never changes in a cluster's life.
_ANY_PIN: Final = f"sha256:{64 * '0'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What machines stand on."""

    network: Network
    groups: SecurityGroups
    endpoint: Endpoint
    pki: Pki
    parameters: Parameters
    roles: MachineRoles

    @property
    def before(self) -> list[pulumi.Resource]:
        """What a machine needs when it boots, and the keys: hooks around a machine's life use the administrator's."""
        ready = (self.groups.ready, self.endpoint.ready, self.parameters.ready, self.roles.ready)
        return [self.pki, *self.network.egress, *(one for some in ready for one in some)]


def lay_ground(
    settings: SelfManagedSettings,
    spec: ClusterSpec,
    network: Network,
    groups: SecurityGroups,
    opts: pulumi.ResourceOptions,
) -> Ground:
    """Register keys, parameters, roles and the way to the API: all that machines need when they boot."""
    pki = _pki(settings, spec, opts)
    parameters = _parameters(settings, spec, pki, opts)
    return Ground(
        network=network,
        groups=groups,
        endpoint=_endpoint(settings, spec, network, groups, opts),
        pki=pki,
        parameters=parameters,
        roles=_roles(settings, parameters, opts),
    )


def create_network(settings: SelfManagedSettings, opts: pulumi.ResourceOptions) -> Network:
    """Register the network; its pods have addresses that it never sees."""
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


def create_groups(settings: SelfManagedSettings, network: Network, opts: pulumi.ResourceOptions) -> SecurityGroups:
    """Register the security groups of machines and load balancers."""
    return SecurityGroups(
        "security-groups",
        SecurityGroupsArgs(
            cluster_name=settings.cluster.name,
            vpc_id=network.vpc_id,
            control_planes=settings.machines.control_planes,
            public_access_cidrs=settings.cluster.public_access_cidrs,
            # Argo CD's pods leave with their node's address.
            outbound_ports=[] if settings.gitops.repository.startswith("https://") else [_SSH_PORT],
            file_system_cidrs=[str(settings.network.cidr)] if settings.storage.file_system else [],
            place=place(settings),
        ),
        opts,
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


def _rollout_digest(settings: SelfManagedSettings, spec: ClusterSpec) -> str:
    """Return what changes whenever a machine is made anew: only then is there a new token to join by."""
    buckets = settings.storage.buckets
    boot = Boot(ca_pin=_ANY_PIN, backups_bucket=buckets.backups, logs_bucket=buckets.logs)
    machines = [f"{node.name} {node.instance_type} {node.zone} {user_data(spec, node, boot)}" for node in spec.nodes]
    text = "\n".join([str(spec.rollout), settings.machines.image, *machines])
    return hashlib.sha256(text.encode()).hexdigest()


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


def admin_access(settings: SelfManagedSettings, spec: ClusterSpec, ground: Ground) -> pulumi.Output[str]:
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


def create_machines(
    settings: SelfManagedSettings,
    spec: ClusterSpec,
    ground: Ground,
    storage: Storage,
    succession: Succession,
    opts: pulumi.ResourceOptions,
) -> Machines:
    """Register the machines, which boot all at once.

    They write to the buckets and so go before these: what comes into one while it is emptied would keep it. And a first
    control plane looks for snapshots before it begins.
    """
    known = pulumi.Output.all(ground.pki.ca_pin, storage.backups.bucket, storage.logs.bucket)

    def rendered(node: NodeSpec) -> pulumi.Output[str]:
        return known.apply(
            lambda all_: user_data(spec, node, Boot(ca_pin=all_[0], backups_bucket=all_[1], logs_bucket=all_[2]))
        )

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
            renew=settings.machines.control_plane.renew,
            after=ground.before,
            hooks=succession.hooks,
            volume_hooks=succession.volume_hooks,
            place=place(settings),
        ),
        opts,
    )

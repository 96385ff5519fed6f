"""What a self-managed cluster's machines must hold together, and the cluster that they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from pydantic.alias_generators import to_camel

import versions
from components.network.plan import plan_network
from components.partitions import dns_suffix
from components.self_managed.registration import CONTROL_PLANE_TAINT
from components.self_managed.rules import SpecFault, spec_faults
from components.self_managed.spec import ClusterSpec, NodeSpec, Taint
from rules import support
from rules.faults import Fault
from rules.sections import Aws, Machine, Machines, Network, SelfManagedCluster, Storage

# Of a private subnet: its second 16 addresses are kept free of automatic ones (components/network), and AWS takes the
# first four and the last one of each subnet.
_FIXED: Final = 20
# Calico's own default first; three ranges, of which VPC and services overlap two at most.
_OVERLAYS: Final = tuple(IPv4Network(text) for text in ("192.168.0.0/16", "172.16.0.0/16", "10.128.0.0/16"))
# Attributes of the specification whose keys are spelt otherwise.
_ATTRIBUTES: Final = ("instance_type", "service_cidr", "pod_cidr")
_KEPT: Final = 5 + 16
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
_LOAD_BALANCER_ADDRESSES: Final = 8


def cluster_spec(
    aws: Aws, cluster: SelfManagedCluster, network: Network, machines: Machines, storage: Storage
) -> ClusterSpec:
    """Return the cluster that the sections describe.

    Raises:
        ValueError: The network cannot be planned, a zone has no subnet, or there is no bucket for the issuer.
    """
    return ClusterSpec(
        name=cluster.name,
        version=versions.KUBERNETES_NODES,
        region=aws.region,
        service_cidr=cluster.service_cidr,
        pod_cidr=cluster.pod_cidr,
        issuer=issuer(aws, storage),
        control_planes=tuple(_control_planes(network, machines)),
        workers=tuple(_worker(name, machine) for name, machine in machines.workers.items()),
        etcd_gib=machines.etcd_gib,
        rollout=machines.rollout,
    )


def issuer(aws: Aws, storage: Storage) -> str:
    """Return the URL at which the service accounts' issuer publishes its documents."""
    if storage.buckets.issuer is None:
        raise ValueError("storage.buckets.issuer is missing")
    return f"https://{storage.buckets.issuer}.s3.{aws.region}.{dns_suffix(aws.partition)}"


def control_plane_names(machines: Machines) -> list[str]:
    """Return the names of the control planes, the first one first."""
    first = machines.control_plane.name
    return [first, *(f"{first}-{number}" for number in range(2, machines.control_planes + 1))]


def _control_planes(network: Network, machines: Machines) -> Iterator[NodeSpec]:
    subnets = {zone.name: zone.private for zone in plan_network(network.cidr, network.zones).zones}
    shape = machines.control_plane
    for position, (name, zone) in enumerate(zip(control_plane_names(machines), shape.zones, strict=True)):
        if zone not in subnets:
            raise ValueError(f"{zone} has no subnet")
        yield NodeSpec(
            name=name,
            role="control-plane",
            zone=zone,
            instance_type=shape.instance_type,
            address=IPv4Address(int(subnets[zone].network_address) + _FIXED + position),
            taints=(CONTROL_PLANE_TAINT,),
            disk_gib=shape.disk_gib,
        )


def _worker(name: str, machine: Machine) -> NodeSpec:
    return NodeSpec(
        name=name,
        role=machine.role,
        zone=machine.zone,
        instance_type=machine.instance_type,
        labels=machine.labels,
        taints=tuple(Taint(key=taint.key, value=taint.value, effect=taint.effect) for taint in machine.taints),
        disk_gib=machine.disk_gib,
    )


def _version(cluster: SelfManagedCluster) -> Iterator[Fault]:
    pinned = versions.KUBERNETES_NODES
    if support.release(cluster.version) != support.release(pinned):
        minor = ".".join(str(part) for part in support.release(pinned))
        text = f'versions.py has packages of {pinned}; write "{minor}" or change KUBERNETES_NODES there'
        yield Fault(("cluster", "version"), text, cluster.version)


def _network(network: Network) -> Iterator[Fault]:
    if network.pod_cidr is not None:
        text = "pods of this variant have an overlay's addresses, cluster.podCidr; remove it"
        yield Fault(("network", "podCidr"), text, str(network.pod_cidr))
    if network.nat == "none":
        text = "no machine would reach the packages that it becomes a node with; write another one"
        yield Fault(("network", "nat"), text, network.nat)


def _overlay(cluster: SelfManagedCluster, network: Network) -> Iterator[Fault]:
    taken = (network.cidr, cluster.service_cidr)
    free = next(range_ for range_ in _OVERLAYS if not any(range_.overlaps(other) for other in taken))
    for owner, range_ in zip(("VPC", "services"), taken, strict=True):
        if cluster.pod_cidr.overlaps(range_):
            text = f"overlaps the {range_} of the {owner}; take another range such as {free}"
            yield Fault(("cluster", "podCidr"), text, str(cluster.pod_cidr))


def _issuer(storage: Storage) -> Iterator[Fault]:
    if storage.buckets.issuer is None:
        text = "is missing, and AWS knows the service accounts by what is in it; write a bucket's name"
        yield Fault(("storage", "buckets", "issuer"), text)


def _control_plane_zones(network: Network, machines: Machines) -> Iterator[Fault]:
    path, zones = ("machines", "controlPlane", "zones"), machines.control_plane.zones
    if len(zones) != machines.control_planes:
        text = f"{len(zones)} of them for {machines.control_planes} control planes; write one for each"
        yield Fault(path, text, zones)
    for index, zone in enumerate(zones):
        if zone not in network.zones:
            yield Fault((*path, index), _known(network), zone)
        elif zone in zones[:index]:
            yield Fault(
                (*path, index), "stands there twice, and a zone lost would take the quorum; write another", zone
            )


def _zones(network: Network, machines: Machines) -> Iterator[Fault]:
    for name, machine in machines.workers.items():
        if machine.zone not in network.zones:
            yield Fault(("machines", "workers", name, "zone"), _known(network), machine.zone)


def _known(network: Network) -> str:
    return f"not among network.zones; write one of {', '.join(network.zones)}"


def _total(machines: Machines) -> Iterator[Fault]:
    found = machines.control_planes + len(machines.workers)
    if found != machines.total:
        text = f"there are {machines.control_planes} control planes and {len(machines.workers)} workers; write {found}"
        yield Fault(("machines", "total"), f"{text}, or put back what is missing", machines.total)


def _names(machines: Machines) -> Iterator[Fault]:
    for name in control_plane_names(machines):
        if name in machines.workers:
            text = "a control plane has that name, and two nodes cannot share one; respell it"
            yield Fault(("machines", "workers", name), text)


def _room(network: Network, machines: Machines) -> Iterator[Fault]:
    """Refuse more machines in a zone than its subnet has addresses for."""
    try:
        plan = plan_network(network.cidr, network.zones)
    except ValueError:
        return  # Refused by a rule that says more.
    wanted = Counter(machine.zone for machine in machines.workers.values())
    for zone in plan.zones:
        room = zone.private.num_addresses - _KEPT - _LOAD_BALANCER_ADDRESSES * network.load_balancers
        if wanted[zone.name] > room:
            text = f"{wanted[zone.name]} machines of {zone.name} share {zone.private}, which has room for {room}"
            yield Fault(("network", "cidr"), f"{text}; write a larger range or spread them", str(network.cidr))


def _spec(
    aws: Aws, cluster: SelfManagedCluster, network: Network, machines: Machines, storage: Storage
) -> Iterator[Fault]:
    """Ask what the cluster itself has to hold, once there is nothing else wrong with it."""
    others = (
        *(fault for rule in (_control_plane_zones, _zones, _room) for fault in rule(network, machines)),
        *(fault for rule in (_total, _names) for fault in rule(machines)),
        *(*_overlay(cluster, network), *_issuer(storage)),
    )
    if others or cluster.service_cidr.overlaps(network.cidr):
        return
    try:
        spec = cluster_spec(aws, cluster, network, machines, storage)
    except ValueError:
        return  # The network cannot be planned, which its own rules say.
    yield from (Fault(_path(fault), fault.text, fault.value) for fault in spec_faults(spec, network.cidr))


def _path(fault: SpecFault) -> tuple[str, ...]:
    """Return the key of the settings that an attribute of the specification comes from."""
    first, *rest = (to_camel(part) if part in _ATTRIBUTES else part for part in fault.path)
    if "taints" in rest:
        # A list, whose one that is meant the value says.
        rest = rest[: rest.index("taints") + 1]
    if first == "workers":
        return ("machines", "workers", *rest)
    if fault.path[0] == "control_planes":
        return ("machines", "controlPlane", *rest[1:])
    return ("cluster", first)


RULES: Final = (_version, _network, _overlay, _issuer, _control_plane_zones, _zones, _total, _names, _room, _spec)

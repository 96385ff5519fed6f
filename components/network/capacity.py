"""Whether a network has addresses for what is to run in it, with one zone lost: pure arithmetic on the plan.

What AWS asks for, and where it says so:

- it keeps the first four addresses of a subnet and the last one
  (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html);
- a load balancer wants eight free addresses in each of its subnets
  (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html);
- EKS wants six free addresses in each of the control plane's subnets and recommends sixteen
  (https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html);
- the VPC CNI holds the prefixes of a node's pods and one warm one, or the addresses of its pods and one warm interface
  (https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/prefix-and-ip-target.md);
- with a range of their own, pods take nothing from a node's first interface
  (https://docs.aws.amazon.com/eks/latest/userguide/cni-custom-network.html).

Nodes are spread evenly over the zones that are left. Not counted are the nodes that an update of the base group adds
for a while, up to two per zone: a loss and an update at once are more than is planned for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final, Literal

from components.network.plan import (
    LONGEST_PREFIX,
    SHORTEST_PREFIX,
    NetworkPlan,
    ZonePlan,
    plan_network,
)

Role = Literal["private", "pod", "public", "cluster"]

_KEPT_BY_AWS: Final = 5
_PREFIX_SIZE: Final = 16
_WARM_PREFIXES: Final = 1
_WARM_INTERFACES: Final = 1
_PER_LOAD_BALANCER: Final = 8
_NAT_GATEWAYS: Final = 1
_CONTROL_PLANE: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What is to run in the network, at most.

    Attributes:
        nodes: All of them together.
        pods: Per node.
        slots: Addresses, or prefixes, that one network interface of a node takes beside its own address.
        load_balancers: Which may all be internal, or all internet-facing.
        endpoints: Interface endpoints, which stand in the private subnets.
        prefixes: Whether the VPC CNI hands out /28 prefixes, or else single addresses, for which nothing is reserved.
    """

    nodes: int
    pods: int
    slots: int
    load_balancers: int
    endpoints: int
    prefixes: bool = True

    @property
    def prefixes_per_node(self) -> int:
        """Prefixes that one node holds."""
        return -(-self.pods // _PREFIX_SIZE) + _WARM_PREFIXES if self.prefixes else 0

    @property
    def interfaces_per_node(self) -> int:
        """Network interfaces that carry pods on one node; each has an address of its own."""
        if self.prefixes:
            return -(-self.prefixes_per_node // self.slots)
        return -(-self.pods // self.slots) + _WARM_INTERFACES

    @property
    def addresses_per_node(self) -> int:
        """Single addresses that those interfaces take."""
        return self.interfaces_per_node * (1 if self.prefixes else 1 + self.slots)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One kind of thing in one subnet.

    Attributes:
        zone: Name of the availability zone.
        unit: `addresses`, or `prefixes` of /28.
        parts: How many of what, and how much of the unit each of them takes.
        free: What the subnet has.
    """

    zone: str
    role: Role
    subnet: IPv4Network
    unit: Literal["addresses", "prefixes"]
    parts: tuple[tuple[str, int, int], ...]
    free: int

    @property
    def need(self) -> int:
        """What all parts take together."""
        return sum(count * each for _, count, each in self.parts)

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        return self.need <= self.free

    def __str__(self) -> str:
        """Return the arithmetic."""
        parts = [f"{count} {what} x {each}" for what, count, each in self.parts if count * each]
        unit = "/28 prefixes" if self.unit == "prefixes" else self.unit
        return f"{self.role} subnet {self.subnet} has {self.free} {unit} for {' + '.join(parts) or 0} = {self.need}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """What a network needs and has.

    Attributes:
        zones: How many there are; `zones - 1` of them have to carry all nodes.
        rows: By zone, role and unit.
        vpc_prefix: Length of the smallest VPC range that would do, or none when the largest is too small.
        pod_prefix: The same of the pods' own range; none as well when there is no such range.
    """

    zones: int
    rows: tuple[Row, ...]
    vpc_prefix: int | None
    pod_prefix: int | None

    @property
    def short(self) -> tuple[Row, ...]:
        """The rows that do not fit."""
        return tuple(row for row in self.rows if not row.fits)

    @property
    def fits(self) -> bool:
        """Whether everything fits with any one zone lost."""
        return not self.short

    def headroom(self, role: Role, unit: Literal["addresses", "prefixes"]) -> int:
        """What is left over in each subnet of the role; negative when it is short."""
        return min(row.free - row.need for row in self.rows if (row.role, row.unit) == (role, unit))


def plan_capacity(plan: NetworkPlan, demand: Demand) -> Capacity:
    """Compare a network's ranges with what is to run in it."""
    return Capacity(
        zones=len(plan.zones),
        rows=tuple(_rows(plan, demand)),
        vpc_prefix=_smallest(plan, demand, pods=False),
        pod_prefix=None if plan.pod_cidr is None else _smallest(plan, demand, pods=True),
    )


def resized(network: IPv4Network, prefix: int) -> IPv4Network:
    """Return the range of that length which holds the network's first address."""
    return IPv4Network((network.network_address, prefix), strict=False)


def _rows(plan: NetworkPlan, demand: Demand) -> Iterator[Row]:
    left = max(1, len(plan.zones) - 1)
    nodes = -(-demand.nodes // left)
    for zone in plan.zones:
        yield from _private(zone, demand, nodes)
        if zone.pods is not None:
            interfaces = ("nodes", nodes, demand.addresses_per_node)
            yield from _carrying(zone, "pod", zone.pods, demand, nodes, interfaces)
        balancers = ("load balancers", demand.load_balancers, _PER_LOAD_BALANCER)
        yield Row(
            zone=zone.name,
            role="public",
            subnet=zone.public,
            unit="addresses",
            parts=(balancers, ("NAT gateway", _NAT_GATEWAYS, 1)),
            free=zone.public.num_addresses - _KEPT_BY_AWS,
        )
        yield Row(
            zone=zone.name,
            role="cluster",
            subnet=zone.cluster,
            unit="addresses",
            parts=(("control plane", 1, _CONTROL_PLANE),),
            free=zone.cluster.num_addresses - _KEPT_BY_AWS,
        )


def _private(zone: ZonePlan, demand: Demand, nodes: int) -> Iterator[Row]:
    """Yield the rows of the nodes' subnet, which pods use as well unless they have one of their own."""
    others = (
        ("load balancers", demand.load_balancers, _PER_LOAD_BALANCER),
        ("endpoints", demand.endpoints, 1),
    )
    if zone.pods is None:
        yield from _carrying(
            zone, "private", zone.private, demand, nodes, ("nodes", nodes, demand.addresses_per_node), *others
        )
        return
    yield Row(
        zone=zone.name,
        role="private",
        subnet=zone.private,
        unit="addresses",
        parts=(("nodes", nodes, 1), *others),
        free=zone.private.num_addresses - _KEPT_BY_AWS,
    )


def _carrying(
    zone: ZonePlan, role: Role, subnet: IPv4Network, demand: Demand, nodes: int, *singles: tuple[str, int, int]
) -> Iterator[Row]:
    """Yield the rows of a subnet that pods use: one pool of prefixes and one of single addresses."""
    reserved = sum(part.num_addresses for part in zone.prefixes)
    # The last address is AWS's, and lies in what is reserved: it costs a prefix. The first four lie outside.
    if demand.prefixes:
        yield Row(
            zone=zone.name,
            role=role,
            subnet=subnet,
            unit="prefixes",
            parts=(("nodes", nodes, demand.prefixes_per_node),),
            free=reserved // _PREFIX_SIZE - 1,
        )
    outside = subnet.num_addresses - reserved - (_KEPT_BY_AWS - 1)
    free = outside if demand.prefixes else subnet.num_addresses - _KEPT_BY_AWS
    yield Row(zone=zone.name, role=role, subnet=subnet, unit="addresses", parts=singles, free=free)


def _smallest(plan: NetworkPlan, demand: Demand, *, pods: bool) -> int | None:
    """Return the longest prefix whose subnets suffice, of the pods' range or of the VPC's."""
    zones: Mapping[str, int] = {zone.name: zone.slot for zone in plan.zones}
    for prefix in range(LONGEST_PREFIX, SHORTEST_PREFIX - 1, -1):
        # Only sizes matter here, so that the ranges of the attempt need not be free.
        other = IPv4Network((0, prefix))
        vpc, pod = IPv4Network((2**31, prefix)), None if plan.pod_cidr is None else other
        attempt = plan_network(vpc, zones, pod)
        if all(row.fits for row in _rows(attempt, demand) if (row.role == "pod") == pods):
            return prefix
    return None

"""Where every subnet lies: pure arithmetic on explicit zone slots, so that no zone's range depends on another zone.

The VPC is cut into eight blocks. Blocks 0 to 5 are the private subnets of slots 0 to 5; block 6 holds the public
subnets, block 7 the control plane's network interfaces. A second range for pods is cut the same way: its blocks 0 to 5
are the pod subnets of slots 0 to 5, and two blocks are left over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final, Literal

Nat = Literal["none", "single", "per-az", "regional"]

REGIONAL: Final = "regional"
SLOTS: Final = range(6)
_PRIVATE_BITS: Final = 3
_PUBLIC_BITS: Final = 6
_CLUSTER_BITS: Final = 8
_PUBLIC_BLOCK: Final = 6
_CLUSTER_BLOCK: Final = 7
_ZONE: Final = re.compile(r"(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)(?P<letter>[a-z])")
LONGEST_PREFIX: Final = 20  # The control plane's subnets are then /28, the smallest that AWS has.
SHORTEST_PREFIX: Final = 16  # AWS has no larger VPC range.

# What a closed network needs to reach: https://karpenter.sh/docs/getting-started/getting-started-with-karpenter/
# (private clusters) and https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html. S3 has a gateway.
ENDPOINT_SERVICES: Final = (
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "sts",
    "ssm",
    "sqs",
    "eks",
    "eks-auth",
    "logs",
    "elasticloadbalancing",
)
# China has two prefixes, and which one a service has is known by listing only (https://github.com/aws/aws-cdk/pull/25333).
# No listing that we found has eks-auth; its prefix is the one of eks.
_CHINESE_PREFIX: Final = frozenset({"ec2", "ecr.api", "ecr.dkr", "sts", "sqs", "eks", "eks-auth"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ZonePlan:
    """One availability zone's subnets.

    Attributes:
        name: Such as `ap-northeast-2a`.
        key: Its letter; logical resource names are built from it.
        slot: Decides the ranges.
        private: For nodes, and for pods when these have no range of their own.
        public: For load balancers and NAT gateways.
        cluster: For the control plane's network interfaces.
        pods: For pods, when they have a range of their own.
    """

    name: str
    key: str
    slot: int
    private: IPv4Network
    public: IPv4Network
    cluster: IPv4Network
    pods: IPv4Network | None

    @property
    def prefixes(self) -> tuple[IPv4Network, IPv4Network]:
        """What only /28 prefixes may take of the subnet that pods use: its second quarter and its upper half.

        Single addresses would otherwise settle all over the subnet, and a /28 with one of them in it is no prefix any
        more (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-cidr-reservation.html). A node with 110 pods
        takes 128 addresses in prefixes and two or three single ones, so that most of the subnet belongs to prefixes.
        The quarter that is left has room for what needs single addresses: even in the smallest VPC, where it has 128,
        the interfaces of nodes, load balancers (8 addresses each) and endpoints. One reservation of half the subnet
        instead would do for a third fewer pods.
        """
        quarters = list((self.pods or self.private).subnets(prefixlen_diff=2))
        return quarters[1], quarters[2].supernet()

    @property
    def fixed(self) -> IPv4Network:
        """What machines with addresses of their own take of the private subnet: its second /28.

        The first has AWS's own addresses in it.
        """
        return IPv4Network((int(self.private.network_address) + 16, 28))


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkPlan:
    """The VPC's ranges.

    Attributes:
        zones: In the order of their slots.
    """

    cidr: IPv4Network
    pod_cidr: IPv4Network | None
    region: str
    zones: tuple[ZonePlan, ...]

    def nat_gateways(self, nat: Nat) -> Mapping[str, str]:
        """Map each zone's key to the key of the NAT gateway it leaves by; empty when there is none.

        A gateway's key is that of the zone it stands in, or `REGIONAL` for the one that stands in all of them.
        """
        lowest = self.zones[0].key
        return {
            zone.key: {"single": lowest, "per-az": zone.key, "regional": REGIONAL}[nat]
            for zone in self.zones
            if nat != "none"
        }


def plan_network(cidr: IPv4Network, zones: Mapping[str, int], pod_cidr: IPv4Network | None = None) -> NetworkPlan:
    """Plan the subnets of a VPC.

    Args:
        cidr: The VPC's range.
        zones: Slot by zone name. A slot is kept for as long as the zone is in use: changing it moves its subnets.
        pod_cidr: A second range, for pods.

    Raises:
        ValueError: One line with the key, the value, the rule and the fix.
    """
    _check_size("cidr", cidr)
    if pod_cidr is not None:
        _check_size("pod_cidr", pod_cidr)
        if pod_cidr.overlaps(cidr):
            raise ValueError(f"pod_cidr={pod_cidr}: overlaps the VPC's {cidr}; use a range outside it")
    region = _region_of(zones)
    _check_slots(zones)
    by_slot = sorted(zones.items(), key=lambda item: item[1])
    planned = tuple(_plan_zone(cidr, pod_cidr, name, slot) for name, slot in by_slot)
    return NetworkPlan(cidr=cidr, pod_cidr=pod_cidr, region=region, zones=planned)


def service_name(partition: str, region: str, service: str) -> str:
    """Return the name of a service's interface endpoint, such as `com.amazonaws.ap-northeast-2.ecr.api`."""
    prefix = "cn." if partition == "aws-cn" and service in _CHINESE_PREFIX else ""
    return f"{prefix}com.amazonaws.{region}.{service}"


def _check_size(key: str, cidr: IPv4Network) -> None:
    if not SHORTEST_PREFIX <= cidr.prefixlen <= LONGEST_PREFIX:
        fitting = IPv4Network((int(cidr.network_address) & 0xFFFF0000, SHORTEST_PREFIX))
        raise ValueError(
            f"{key}={cidr}: AWS and the subnets need a range from /{SHORTEST_PREFIX} to /{LONGEST_PREFIX}; "
            f"use for example {fitting}"
        )


def _plan_zone(cidr: IPv4Network, pod_cidr: IPv4Network | None, name: str, slot: int) -> ZonePlan:
    return ZonePlan(
        name=name,
        key=name[-1],
        slot=slot,
        private=_nth(cidr, _PRIVATE_BITS, slot),
        public=_nth(_nth(cidr, _PRIVATE_BITS, _PUBLIC_BLOCK), _PUBLIC_BITS - _PRIVATE_BITS, slot),
        cluster=_nth(_nth(cidr, _PRIVATE_BITS, _CLUSTER_BLOCK), _CLUSTER_BITS - _PRIVATE_BITS, slot),
        pods=None if pod_cidr is None else _nth(pod_cidr, _PRIVATE_BITS, slot),
    )


def _nth(cidr: IPv4Network, bits: int, index: int) -> IPv4Network:
    """Cut the range into 2^bits parts and return the part at the index."""
    size = cidr.num_addresses >> bits
    return IPv4Network((int(cidr.network_address) + index * size, cidr.prefixlen + bits))


def _region_of(zones: Mapping[str, int]) -> str:
    """Return the one region that all zones lie in."""
    if not zones:
        raise ValueError("zones={}: a VPC needs at least one availability zone; add one, such as ap-northeast-2a: 0")
    regions = set()
    for name in zones:
        match = _ZONE.fullmatch(name)
        if match is None:
            raise ValueError(
                f"zones={name!r}: not the name of an availability zone (ids, Local Zones and Wavelength Zones are not "
                "supported); use a name such as ap-northeast-2a"
            )
        regions.add(match["region"])
    if len(regions) > 1:
        found = ", ".join(sorted(regions))
        raise ValueError(f"zones={', '.join(zones)}: a VPC lies in one region, these are of {found}; keep one region's")
    return regions.pop()


def _check_slots(zones: Mapping[str, int]) -> None:
    """Refuse slots that do not exist or are taken twice."""
    owners: dict[int, str] = {}
    for name, slot in zones.items():
        if type(slot) is not int or slot not in SLOTS:
            raise ValueError(f"zones.{name}={slot!r}: a slot is a whole number from 0 to {SLOTS[-1]}; take a free one")
        if slot in owners:
            free = [str(number) for number in SLOTS if number not in zones.values()]
            fix = f"use {' or '.join(free)}" if free else "remove a zone"
            raise ValueError(f"zones.{name}={slot}: {owners[slot]} has that slot and two cannot share one; {fix}")
        owners[slot] = name

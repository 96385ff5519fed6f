"""Where every subnet lies: pure arithmetic on explicit zone slots, so that no zone's range depends on another zone.

The VPC is cut into eight blocks. Blocks 0 to 5 are the private subnets of slots 0 to 5; block 6 holds the public
subnets, block 7 the control plane's network interfaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final, Literal

Nat = Literal["none", "single", "per-az"]

SLOTS: Final = range(6)
_PRIVATE_BITS: Final = 3
_PUBLIC_BITS: Final = 6
_CLUSTER_BITS: Final = 8
_PUBLIC_BLOCK: Final = 6
_CLUSTER_BLOCK: Final = 7
_ZONE: Final = re.compile(r"(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)(?P<letter>[a-z])")
_LONGEST_PREFIX: Final = 20  # The control plane's subnets are then /28, the smallest that AWS has.
_SHORTEST_PREFIX: Final = 16  # AWS has no larger VPC range.


@dataclass(frozen=True, kw_only=True, slots=True)
class ZonePlan:
    """One availability zone's subnets.

    Attributes:
        name: Such as `ap-northeast-2a`.
        key: Its letter; logical resource names are built from it.
        slot: Decides the ranges.
        private: For nodes and pods.
        public: For load balancers and NAT gateways.
        cluster: For the control plane's network interfaces.
    """

    name: str
    key: str
    slot: int
    private: IPv4Network
    public: IPv4Network
    cluster: IPv4Network


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkPlan:
    """The VPC's ranges.

    Attributes:
        zones: In the order of their slots.
    """

    cidr: IPv4Network
    region: str
    zones: tuple[ZonePlan, ...]

    def nat_zones(self, nat: Nat) -> Mapping[str, str]:
        """Map each zone's key to the key of the zone whose NAT gateway it leaves by; empty when there is none."""
        if nat == "none":
            return {}
        return {zone.key: zone.key if nat == "per-az" else self.zones[0].key for zone in self.zones}


def plan_network(cidr: IPv4Network, zones: Mapping[str, int]) -> NetworkPlan:
    """Plan the subnets of a VPC.

    Args:
        cidr: The VPC's range.
        zones: Slot by zone name. A slot is kept for as long as the zone is in use: changing it moves its subnets.

    Raises:
        ValueError: One line with the key, the value, the rule and the fix.
    """
    if not _SHORTEST_PREFIX <= cidr.prefixlen <= _LONGEST_PREFIX:
        fitting = IPv4Network((int(cidr.network_address) & 0xFFFF0000, _SHORTEST_PREFIX))
        raise ValueError(
            f"cidr={cidr}: AWS and the subnets need a range from /{_SHORTEST_PREFIX} to /{_LONGEST_PREFIX}; "
            f"use for example {fitting}"
        )
    region = _region_of(zones)
    _check_slots(zones)
    planned = tuple(_plan_zone(cidr, name, slot) for name, slot in sorted(zones.items(), key=lambda item: item[1]))
    return NetworkPlan(cidr=cidr, region=region, zones=planned)


def _plan_zone(cidr: IPv4Network, name: str, slot: int) -> ZonePlan:
    return ZonePlan(
        name=name,
        key=name[-1],
        slot=slot,
        private=_nth(cidr, _PRIVATE_BITS, slot),
        public=_nth(_nth(cidr, _PRIVATE_BITS, _PUBLIC_BLOCK), _PUBLIC_BITS - _PRIVATE_BITS, slot),
        cluster=_nth(_nth(cidr, _PRIVATE_BITS, _CLUSTER_BLOCK), _CLUSTER_BITS - _PRIVATE_BITS, slot),
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

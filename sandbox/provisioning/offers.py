"""What EC2 sells, as Karpenter sees it: an instance type in a zone, on demand or as spot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sandbox.kubernetes.instance_types import InstanceType, instance_types
from sandbox.provisioning.selection import Labels

POOL: Final = "karpenter.sh/nodepool"
CAPACITY_TYPE: Final = "karpenter.sh/capacity-type"
TYPE: Final = "node.kubernetes.io/instance-type"
ZONE: Final = "topology.kubernetes.io/zone"
HOSTNAME: Final = "kubernetes.io/hostname"
_PROVIDER: Final = "karpenter.k8s.aws"

# USD for an hour of size `large` in us-east-1, as https://aws.amazon.com/ec2/pricing/on-demand/ has them; other sizes
# and regions are in proportion. Only their order counts: Karpenter takes the cheapest.
_PRICES: Final = """
    t3=0.0832 t3a=0.0752 t4g=0.0672
    m5=0.0960 m5a=0.0860 m6i=0.0960 m6a=0.0864 m7i=0.1008 m7a=0.1159 m6g=0.0770 m7g=0.0816
    c5=0.0850 c5a=0.0770 c6i=0.0850 c6a=0.0765 c7i=0.0893 c7a=0.1026 c6g=0.0680 c7g=0.0725
    r5=0.1260 r5a=0.1130 r6i=0.1260 r6a=0.1134 r7i=0.1323 r7a=0.1522 r6g=0.1008 r7g=0.1071
"""
_LARGE: Final = {family: float(usd) for family, _, usd in (word.partition("=") for word in _PRICES.split())}
_SIZES: Final = {"micro": 0.125, "small": 0.25, "medium": 0.5, "large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8}
# What spot costs of the price on demand: about a third, and always less.
_SPOT: Final = 0.35


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A machine that can be had."""

    kind: InstanceType
    zone: str
    region: str
    capacity_type: str

    @property
    def price(self) -> float:
        """USD for an hour, comparable with other offers."""
        family, _, size = self.kind.name.partition(".")
        return _LARGE[family] * _SIZES[size] * (_SPOT if self.capacity_type == "spot" else 1)

    @cached_property
    def labels(self) -> Labels:
        """What Karpenter knows of the node beforehand: https://karpenter.sh/docs/concepts/scheduling/#well-known-labels."""
        family, _, size = self.kind.name.partition(".")
        category = re.match(r"[a-z]+", family)
        return {
            CAPACITY_TYPE: self.capacity_type,
            TYPE: self.kind.name,
            ZONE: self.zone,
            "topology.kubernetes.io/region": self.region,
            "kubernetes.io/arch": self.kind.architecture,
            "kubernetes.io/os": "linux",
            f"{_PROVIDER}/instance-category": category[0] if category else "",
            f"{_PROVIDER}/instance-cpu": str(self.kind.vcpus),
            f"{_PROVIDER}/instance-family": family,
            f"{_PROVIDER}/instance-generation": re.sub(r"\D", "", family),
            f"{_PROVIDER}/instance-memory": str(self.kind.memory_mib),
            f"{_PROVIDER}/instance-size": size,
        }


def offers(region: str, zones: Iterable[str]) -> Iterator[Offer]:
    """Yield all offers of a region in these zones, as far as the tables of `sandbox.kubernetes.instance_types` go."""
    kinds, wanted = list(instance_types()), sorted(set(zones))
    for kind in kinds:
        for zone in wanted:
            for capacity_type in ("on-demand", "spot"):
                yield Offer(kind=kind, zone=zone, region=region, capacity_type=capacity_type)


def known_families() -> frozenset[str]:
    """Return the families that the tables have."""
    return frozenset(_LARGE)

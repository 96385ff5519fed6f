"""Instance types that nodes may have: x86_64 on the Nitro system, which prefix delegation needs.

Figures are those of `aws ec2 describe-instance-types`; interfaces and addresses agree with Karpenter's own table
(https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/pkg/providers/instancetype/zz_generated.vpclimits.go).
A type that is missing needs one more row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

# Graviton families carry a g after their generation, as in t4g and im4gn; a1 came before that rule.
_ARM64: Final = re.compile(r"a1|[a-z]+\d+[a-z]*g[a-z]*")


class InstanceType(NamedTuple):
    """What one instance offers.

    Attributes:
        memory_gib: All of it; what pods can use is less.
        interfaces: Network interfaces on the default network card.
        addresses: IPv4 addresses per interface.
    """

    vcpus: int
    memory_gib: float
    interfaces: int
    addresses: int


def is_arm64(family: str) -> bool:
    """Say whether the family's name is that of a 64-bit Arm one."""
    return _ARM64.fullmatch(family.partition("-")[0]) is not None


INSTANCE_TYPES: Final[Mapping[str, InstanceType]] = {
    "t3.nano": InstanceType(2, 0.5, 2, 2),
    "t3.micro": InstanceType(2, 1, 2, 2),
    "t3.small": InstanceType(2, 2, 3, 4),
    "t3.medium": InstanceType(2, 4, 3, 6),
    "t3.large": InstanceType(2, 8, 3, 12),
    "t3.xlarge": InstanceType(4, 16, 4, 15),
    "t3.2xlarge": InstanceType(8, 32, 4, 15),
    "t3a.nano": InstanceType(2, 0.5, 2, 2),
    "t3a.micro": InstanceType(2, 1, 2, 2),
    "t3a.small": InstanceType(2, 2, 2, 4),
    "t3a.medium": InstanceType(2, 4, 3, 6),
    "t3a.large": InstanceType(2, 8, 3, 12),
    "t3a.xlarge": InstanceType(4, 16, 4, 15),
    "t3a.2xlarge": InstanceType(8, 32, 4, 15),
    "m5.large": InstanceType(2, 8, 3, 10),
    "m5.xlarge": InstanceType(4, 16, 4, 15),
    "m5.2xlarge": InstanceType(8, 32, 4, 15),
    "m5.4xlarge": InstanceType(16, 64, 8, 30),
    "m5.8xlarge": InstanceType(32, 128, 8, 30),
    "m5.12xlarge": InstanceType(48, 192, 8, 30),
    "m5.16xlarge": InstanceType(64, 256, 15, 50),
    "m5.24xlarge": InstanceType(96, 384, 15, 50),
    "m5a.large": InstanceType(2, 8, 3, 10),
    "m5a.xlarge": InstanceType(4, 16, 4, 15),
    "m5a.2xlarge": InstanceType(8, 32, 4, 15),
    "m5a.4xlarge": InstanceType(16, 64, 8, 30),
    "m5a.8xlarge": InstanceType(32, 128, 8, 30),
    "m5a.12xlarge": InstanceType(48, 192, 8, 30),
    "m5a.16xlarge": InstanceType(64, 256, 15, 50),
    "m5a.24xlarge": InstanceType(96, 384, 15, 50),
    "m6i.large": InstanceType(2, 8, 3, 10),
    "m6i.xlarge": InstanceType(4, 16, 4, 15),
    "m6i.2xlarge": InstanceType(8, 32, 4, 15),
    "m6i.4xlarge": InstanceType(16, 64, 8, 30),
    "m6i.8xlarge": InstanceType(32, 128, 8, 30),
    "m6i.12xlarge": InstanceType(48, 192, 8, 30),
    "m6i.16xlarge": InstanceType(64, 256, 15, 50),
    "m6i.24xlarge": InstanceType(96, 384, 15, 50),
    "m6i.32xlarge": InstanceType(128, 512, 15, 50),
    "m6a.large": InstanceType(2, 8, 3, 10),
    "m6a.xlarge": InstanceType(4, 16, 4, 15),
    "m6a.2xlarge": InstanceType(8, 32, 4, 15),
    "m6a.4xlarge": InstanceType(16, 64, 8, 30),
    "m6a.8xlarge": InstanceType(32, 128, 8, 30),
    "m6a.12xlarge": InstanceType(48, 192, 8, 30),
    "m6a.16xlarge": InstanceType(64, 256, 15, 50),
    "m6a.24xlarge": InstanceType(96, 384, 15, 50),
    "m6a.32xlarge": InstanceType(128, 512, 15, 50),
    "m6a.48xlarge": InstanceType(192, 768, 15, 50),
    "m7i.large": InstanceType(2, 8, 3, 10),
    "m7i.xlarge": InstanceType(4, 16, 4, 15),
    "m7i.2xlarge": InstanceType(8, 32, 4, 15),
    "m7i.4xlarge": InstanceType(16, 64, 8, 30),
    "m7i.8xlarge": InstanceType(32, 128, 8, 30),
    "m7i.12xlarge": InstanceType(48, 192, 8, 30),
    "m7i.16xlarge": InstanceType(64, 256, 15, 50),
    "m7i.24xlarge": InstanceType(96, 384, 15, 50),
    "m7i.48xlarge": InstanceType(192, 768, 15, 50),
    "m7a.medium": InstanceType(1, 4, 2, 4),
    "m7a.large": InstanceType(2, 8, 3, 10),
    "m7a.xlarge": InstanceType(4, 16, 4, 15),
    "m7a.2xlarge": InstanceType(8, 32, 4, 15),
    "m7a.4xlarge": InstanceType(16, 64, 8, 30),
    "m7a.8xlarge": InstanceType(32, 128, 8, 30),
    "m7a.12xlarge": InstanceType(48, 192, 8, 30),
    "m7a.16xlarge": InstanceType(64, 256, 15, 50),
    "m7a.24xlarge": InstanceType(96, 384, 15, 50),
    "m7a.32xlarge": InstanceType(128, 512, 15, 50),
    "m7a.48xlarge": InstanceType(192, 768, 15, 50),
    "m7i-flex.large": InstanceType(2, 8, 3, 10),
    "m7i-flex.xlarge": InstanceType(4, 16, 4, 15),
    "m7i-flex.2xlarge": InstanceType(8, 32, 4, 15),
    "m7i-flex.4xlarge": InstanceType(16, 64, 8, 30),
    "m7i-flex.8xlarge": InstanceType(32, 128, 8, 30),
    "m7i-flex.12xlarge": InstanceType(48, 192, 8, 30),
    "m7i-flex.16xlarge": InstanceType(64, 256, 15, 50),
    "m8i.large": InstanceType(2, 8, 3, 20),
    "m8i.xlarge": InstanceType(4, 16, 4, 30),
    "m8i.2xlarge": InstanceType(8, 32, 4, 30),
    "m8i.4xlarge": InstanceType(16, 64, 8, 50),
    "m8i.8xlarge": InstanceType(32, 128, 10, 50),
    "m8i.12xlarge": InstanceType(48, 192, 12, 50),
    "m8i.16xlarge": InstanceType(64, 256, 16, 64),
    "m8i.24xlarge": InstanceType(96, 384, 16, 64),
    "m8i.32xlarge": InstanceType(128, 512, 24, 64),
    "m8i.48xlarge": InstanceType(192, 768, 24, 64),
    "m8i.96xlarge": InstanceType(384, 1536, 24, 64),
    "c5.large": InstanceType(2, 4, 3, 10),
    "c5.xlarge": InstanceType(4, 8, 4, 15),
    "c5.2xlarge": InstanceType(8, 16, 4, 15),
    "c5.4xlarge": InstanceType(16, 32, 8, 30),
    "c5.9xlarge": InstanceType(36, 72, 8, 30),
    "c5.12xlarge": InstanceType(48, 96, 8, 30),
    "c5.18xlarge": InstanceType(72, 144, 15, 50),
    "c5.24xlarge": InstanceType(96, 192, 15, 50),
    "c5a.large": InstanceType(2, 4, 3, 10),
    "c5a.xlarge": InstanceType(4, 8, 4, 15),
    "c5a.2xlarge": InstanceType(8, 16, 4, 15),
    "c5a.4xlarge": InstanceType(16, 32, 8, 30),
    "c5a.8xlarge": InstanceType(32, 64, 8, 30),
    "c5a.12xlarge": InstanceType(48, 96, 8, 30),
    "c5a.16xlarge": InstanceType(64, 128, 15, 50),
    "c5a.24xlarge": InstanceType(96, 192, 15, 50),
    "c6i.large": InstanceType(2, 4, 3, 10),
    "c6i.xlarge": InstanceType(4, 8, 4, 15),
    "c6i.2xlarge": InstanceType(8, 16, 4, 15),
    "c6i.4xlarge": InstanceType(16, 32, 8, 30),
    "c6i.8xlarge": InstanceType(32, 64, 8, 30),
    "c6i.12xlarge": InstanceType(48, 96, 8, 30),
    "c6i.16xlarge": InstanceType(64, 128, 15, 50),
    "c6i.24xlarge": InstanceType(96, 192, 15, 50),
    "c6i.32xlarge": InstanceType(128, 256, 15, 50),
    "c6a.large": InstanceType(2, 4, 3, 10),
    "c6a.xlarge": InstanceType(4, 8, 4, 15),
    "c6a.2xlarge": InstanceType(8, 16, 4, 15),
    "c6a.4xlarge": InstanceType(16, 32, 8, 30),
    "c6a.8xlarge": InstanceType(32, 64, 8, 30),
    "c6a.12xlarge": InstanceType(48, 96, 8, 30),
    "c6a.16xlarge": InstanceType(64, 128, 15, 50),
    "c6a.24xlarge": InstanceType(96, 192, 15, 50),
    "c6a.32xlarge": InstanceType(128, 256, 15, 50),
    "c6a.48xlarge": InstanceType(192, 384, 15, 50),
    "c7i.large": InstanceType(2, 4, 3, 10),
    "c7i.xlarge": InstanceType(4, 8, 4, 15),
    "c7i.2xlarge": InstanceType(8, 16, 4, 15),
    "c7i.4xlarge": InstanceType(16, 32, 8, 30),
    "c7i.8xlarge": InstanceType(32, 64, 8, 30),
    "c7i.12xlarge": InstanceType(48, 96, 8, 30),
    "c7i.16xlarge": InstanceType(64, 128, 15, 50),
    "c7i.24xlarge": InstanceType(96, 192, 15, 50),
    "c7i.48xlarge": InstanceType(192, 384, 15, 50),
    "c7a.medium": InstanceType(1, 2, 2, 4),
    "c7a.large": InstanceType(2, 4, 3, 10),
    "c7a.xlarge": InstanceType(4, 8, 4, 15),
    "c7a.2xlarge": InstanceType(8, 16, 4, 15),
    "c7a.4xlarge": InstanceType(16, 32, 8, 30),
    "c7a.8xlarge": InstanceType(32, 64, 8, 30),
    "c7a.12xlarge": InstanceType(48, 96, 8, 30),
    "c7a.16xlarge": InstanceType(64, 128, 15, 50),
    "c7a.24xlarge": InstanceType(96, 192, 15, 50),
    "c7a.32xlarge": InstanceType(128, 256, 15, 50),
    "c7a.48xlarge": InstanceType(192, 384, 15, 50),
    "c7i-flex.large": InstanceType(2, 4, 3, 10),
    "c7i-flex.xlarge": InstanceType(4, 8, 4, 15),
    "c7i-flex.2xlarge": InstanceType(8, 16, 4, 15),
    "c7i-flex.4xlarge": InstanceType(16, 32, 8, 30),
    "c7i-flex.8xlarge": InstanceType(32, 64, 8, 30),
    "c7i-flex.12xlarge": InstanceType(48, 96, 8, 30),
    "c7i-flex.16xlarge": InstanceType(64, 128, 15, 50),
    "r5.large": InstanceType(2, 16, 3, 10),
    "r5.xlarge": InstanceType(4, 32, 4, 15),
    "r5.2xlarge": InstanceType(8, 64, 4, 15),
    "r5.4xlarge": InstanceType(16, 128, 8, 30),
    "r5.8xlarge": InstanceType(32, 256, 8, 30),
    "r5.12xlarge": InstanceType(48, 384, 8, 30),
    "r5.16xlarge": InstanceType(64, 512, 15, 50),
    "r5.24xlarge": InstanceType(96, 768, 15, 50),
    "r5a.large": InstanceType(2, 16, 3, 10),
    "r5a.xlarge": InstanceType(4, 32, 4, 15),
    "r5a.2xlarge": InstanceType(8, 64, 4, 15),
    "r5a.4xlarge": InstanceType(16, 128, 8, 30),
    "r5a.8xlarge": InstanceType(32, 256, 8, 30),
    "r5a.12xlarge": InstanceType(48, 384, 8, 30),
    "r5a.16xlarge": InstanceType(64, 512, 15, 50),
    "r5a.24xlarge": InstanceType(96, 768, 15, 50),
    "r6i.large": InstanceType(2, 16, 3, 10),
    "r6i.xlarge": InstanceType(4, 32, 4, 15),
    "r6i.2xlarge": InstanceType(8, 64, 4, 15),
    "r6i.4xlarge": InstanceType(16, 128, 8, 30),
    "r6i.8xlarge": InstanceType(32, 256, 8, 30),
    "r6i.12xlarge": InstanceType(48, 384, 8, 30),
    "r6i.16xlarge": InstanceType(64, 512, 15, 50),
    "r6i.24xlarge": InstanceType(96, 768, 15, 50),
    "r6i.32xlarge": InstanceType(128, 1024, 15, 50),
    "r6a.large": InstanceType(2, 16, 3, 10),
    "r6a.xlarge": InstanceType(4, 32, 4, 15),
    "r6a.2xlarge": InstanceType(8, 64, 4, 15),
    "r6a.4xlarge": InstanceType(16, 128, 8, 30),
    "r6a.8xlarge": InstanceType(32, 256, 8, 30),
    "r6a.12xlarge": InstanceType(48, 384, 8, 30),
    "r6a.16xlarge": InstanceType(64, 512, 15, 50),
    "r6a.24xlarge": InstanceType(96, 768, 15, 50),
    "r6a.32xlarge": InstanceType(128, 1024, 15, 50),
    "r6a.48xlarge": InstanceType(192, 1536, 15, 50),
    "r7i.large": InstanceType(2, 16, 3, 10),
    "r7i.xlarge": InstanceType(4, 32, 4, 15),
    "r7i.2xlarge": InstanceType(8, 64, 4, 15),
    "r7i.4xlarge": InstanceType(16, 128, 8, 30),
    "r7i.8xlarge": InstanceType(32, 256, 8, 30),
    "r7i.12xlarge": InstanceType(48, 384, 8, 30),
    "r7i.16xlarge": InstanceType(64, 512, 15, 50),
    "r7i.24xlarge": InstanceType(96, 768, 15, 50),
    "r7i.48xlarge": InstanceType(192, 1536, 15, 50),
    "r7a.medium": InstanceType(1, 8, 2, 4),
    "r7a.large": InstanceType(2, 16, 3, 10),
    "r7a.xlarge": InstanceType(4, 32, 4, 15),
    "r7a.2xlarge": InstanceType(8, 64, 4, 15),
    "r7a.4xlarge": InstanceType(16, 128, 8, 30),
    "r7a.8xlarge": InstanceType(32, 256, 8, 30),
    "r7a.12xlarge": InstanceType(48, 384, 8, 30),
    "r7a.16xlarge": InstanceType(64, 512, 15, 50),
    "r7a.24xlarge": InstanceType(96, 768, 15, 50),
    "r7a.32xlarge": InstanceType(128, 1024, 15, 50),
    "r7a.48xlarge": InstanceType(192, 1536, 15, 50),
}


def _sizes() -> Mapping[str, frozenset[str]]:
    sizes: dict[str, set[str]] = {}
    for name in INSTANCE_TYPES:
        family, _, size = name.partition(".")
        sizes.setdefault(family, set()).add(size)
    return MappingProxyType({family: frozenset(names) for family, names in sizes.items()})


SIZES_OF_FAMILY: Final = _sizes()


def offered(families: Iterable[str], sizes: Iterable[str]) -> Mapping[str, InstanceType]:
    """Return the types that there are of the families in the sizes, by name."""
    wanted = frozenset(sizes)
    names = (f"{family}.{size}" for family in families for size in SIZES_OF_FAMILY[family] & wanted)
    return {name: INSTANCE_TYPES[name] for name in sorted(names)}

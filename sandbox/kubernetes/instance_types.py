"""What a node of an instance type offers, and how much of it pods can use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.provisioning.amounts import Amount, number

# GiB of memory per vCPU and processor of each family with regular sizes.
_FAMILIES: Final = {
    **dict.fromkeys(("m5", "m5a", "m6i", "m6a", "m7i", "m7a"), (4, "amd64")),
    **dict.fromkeys(("c5", "c5a", "c6i", "c6a", "c7i", "c7a"), (2, "amd64")),
    **dict.fromkeys(("r5", "r5a", "r6i", "r6a", "r7i", "r7a"), (8, "amd64")),
    **dict.fromkeys(("m6g", "m7g"), (4, "arm64")),
    **dict.fromkeys(("c6g", "c7g"), (2, "arm64")),
    **dict.fromkeys(("r6g", "r7g"), (8, "arm64")),
}
# vCPUs, network interfaces and IPv4 addresses per interface of each regular size.
_SIZES: Final = {"large": (2, 3, 10), "xlarge": (4, 4, 15), "2xlarge": (8, 4, 15), "4xlarge": (16, 8, 30)}
# The same for the burstable families, with GiB of memory.
_BURSTABLE: Final = {
    "micro": (2, 1.0, 2, 2),
    "small": (2, 2.0, 3, 4),
    "medium": (2, 4.0, 3, 6),
    "large": (2, 8.0, 3, 12),
    "xlarge": (4, 16.0, 4, 15),
    "2xlarge": (8, 32.0, 4, 15),
}
_BURSTABLE_FAMILIES: Final = {"t3": "amd64", "t3a": "amd64", "t4g": "arm64"}
# Part of the nominal memory that firmware and hypervisor keep; Karpenter reckons with the same.
_MEMORY_OVERHEAD: Final = 0.075
# What pods a node runs at most with prefix delegation, by vCPUs (up to 30).
_PREFIX_PODS: Final = 110
# Memory that the kubelet keeps free, unless it is told another threshold.
_EVICTION: Final = "100Mi"


class UnknownInstanceTypeError(Exception):
    """The instance type is not in this module's tables."""


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """What a node of a type offers."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    interfaces: int
    addresses: int

    @property
    def usable_mib(self) -> int:
        """Memory that the operating system sees."""
        return int(self.memory_mib * (1 - _MEMORY_OVERHEAD))

    def pods(self, *, prefix_delegation: bool) -> int:
        """Return how many pods the node's interfaces have addresses for."""
        # One address per interface is its own; two more pods run on the host's network.
        plain = self.interfaces * (self.addresses - 1) + 2
        return min(_PREFIX_PODS, self.interfaces * (self.addresses - 1) * 16 + 2) if prefix_delegation else plain


def instance_type(name: str) -> InstanceType:
    """Look an instance type up. Raise `UnknownInstanceTypeError` when the tables lack it."""
    family, _, size = name.partition(".")
    if family in _BURSTABLE_FAMILIES and size in _BURSTABLE:
        vcpus, memory, interfaces, addresses = _BURSTABLE[size]
        architecture = _BURSTABLE_FAMILIES[family]
    elif family in _FAMILIES and size in _SIZES:
        vcpus, interfaces, addresses = _SIZES[size]
        ratio, architecture = _FAMILIES[family]
        memory = float(vcpus * ratio)
    else:
        raise UnknownInstanceTypeError(
            f"instance type {name!r} is unknown here: add it to the tables in sandbox/kubernetes/instance_types.py"
        )
    mebibytes = int(memory * 1024)
    return InstanceType(
        name=name,
        vcpus=vcpus,
        memory_mib=mebibytes,
        architecture=architecture,
        interfaces=interfaces,
        addresses=addresses,
    )


def instance_types() -> Iterator[InstanceType]:
    """Yield every type that the tables have."""
    for families, sizes in ((_BURSTABLE_FAMILIES, _BURSTABLE), (_FAMILIES, _SIZES)):
        for family in families:
            for size in sizes:
                yield instance_type(f"{family}.{size}")


def capacity(kind: InstanceType, kubelet: Mapping[str, Any]) -> Amount:
    """Return what a node of this type has under the settings of a KubeletConfiguration, or an EC2NodeClass."""
    pods = int(kubelet.get("maxPods") or min(_PREFIX_PODS, kind.pods(prefix_delegation=False)))
    if per_core := kubelet.get("podsPerCore"):
        pods = min(pods, int(per_core) * kind.vcpus)
    return Amount(cpu=kind.vcpus * 1000, memory=kind.usable_mib * 1024**2, pods=pods)


def allocatable(kind: InstanceType, kubelet: Mapping[str, Any], *, planning: bool = False) -> Amount:
    """Return what pods can use of it.

    Args:
        kind: The instance type.
        kubelet: Settings as in EC2NodeClass and KubeletConfiguration.
        planning: Whether to reckon as Karpenter does, which leaves soft eviction thresholds free as well
            (https://karpenter.sh/docs/concepts/nodeclasses/#speckubelet); the kubelet only keeps the hard one.
    """
    whole = capacity(kind, kubelet)
    reserved = {"cpu": f"{_reserved_cpu(kind.vcpus)}m", "memory": f"{255 + 11 * whole.pods}Mi"}
    kept = Amount.of({**reserved, **(kubelet.get("kubeReserved") or {})}) + Amount.of(
        kubelet.get("systemReserved") or {}
    )
    thresholds = [kubelet.get("evictionHard") or {}] + ([kubelet.get("evictionSoft") or {}] if planning else [])
    free = max(_threshold(str(one.get("memory.available", "0")), whole.memory) for one in thresholds)
    if "memory.available" not in thresholds[0]:
        free = max(free, round(number(_EVICTION)))
    return whole - kept - Amount(memory=free)


def _reserved_cpu(vcpus: int) -> int:
    # 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest.
    return int(60 + 10 * min(1, vcpus - 1) + 5 * max(0, min(2, vcpus - 2)) + 2.5 * max(0, vcpus - 4))


def _threshold(text: str, whole: int) -> int:
    return int(whole * float(text[:-1]) / 100) if text.endswith("%") else round(number(text))

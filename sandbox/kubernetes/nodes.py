"""Node objects as the kubelets of a managed node group would register them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.aws.effects import NodeGroupSpec

# Taint effects: the EKS API's spelling and Kubernetes'.
_EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}

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
            f"instance type {name!r} is unknown here: add it to the tables in sandbox/kubernetes/nodes.py"
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


def nodes(spec: NodeGroupSpec, *, prefix_delegation: bool, version: str) -> Iterator[Mapping[str, Any]]:
    """Yield the Node objects of a group, spread over its zones in turn."""
    kind = instance_type(spec.instance_type)
    for index in range(spec.desired):
        zone = spec.zones[index % len(spec.zones)]
        # From the names alone, so that the same group always has the same nodes.
        digest = hashlib.sha256(f"{spec.cluster}/{spec.name}/{index}".encode()).digest()
        address = f"10.{digest[0]}.{digest[1]}.{digest[2] % 250 + 4}"
        yield _node(
            spec, kind, zone, address, digest.hex()[:17], kind.pods(prefix_delegation=prefix_delegation), version
        )


def _node(
    spec: NodeGroupSpec, kind: InstanceType, zone: str, address: str, identity: str, pods: int, version: str
) -> Mapping[str, Any]:
    name = f"ip-{address.replace('.', '-')}.{spec.region}.compute.internal"
    labels = dict(spec.labels) | {
        "eks.amazonaws.com/capacityType": spec.capacity_type,
        "eks.amazonaws.com/nodegroup": spec.name,
        "kubernetes.io/arch": kind.architecture,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": kind.name,
        "topology.kubernetes.io/region": spec.region,
        "topology.kubernetes.io/zone": zone,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"providerID": f"aws:///{zone}/i-{identity}", "taints": [_taint(taint) for taint in spec.taints]},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": _capacity(kind, pods),
            "allocatable": _allocatable(kind, pods),
            "nodeInfo": _system(kind, identity, version),
        },
    }


def _taint(taint: Mapping[str, str]) -> Mapping[str, str]:
    effect = taint.get("effect", "")
    return {"key": taint["key"], "value": taint.get("value", ""), "effect": _EFFECTS.get(effect, effect)}


def _capacity(kind: InstanceType, pods: int) -> Mapping[str, str]:
    return {"cpu": str(kind.vcpus), "memory": f"{kind.usable_mib}Mi", "pods": str(pods), "ephemeral-storage": "20Gi"}


def _allocatable(kind: InstanceType, pods: int) -> Mapping[str, str]:
    """Return the capacity less what the image's kubelet configuration reserves for itself and for evictions."""
    # 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest.
    reserved = 60 + 10 * min(1, kind.vcpus - 1) + 5 * max(0, min(2, kind.vcpus - 2)) + 2.5 * max(0, kind.vcpus - 4)
    memory = kind.usable_mib - (255 + 11 * pods) - 100
    return {
        "cpu": f"{int(kind.vcpus * 1000 - reserved)}m",
        "memory": f"{memory}Mi",
        "pods": str(pods),
        "ephemeral-storage": "18Gi",
    }


def _system(kind: InstanceType, identity: str, version: str) -> Mapping[str, str]:
    return {
        "architecture": kind.architecture,
        "bootID": identity,
        "containerRuntimeVersion": "containerd://2.2.0",
        "kernelVersion": "6.12.0",
        "kubeProxyVersion": "",
        "kubeletVersion": version,
        "machineID": identity,
        "operatingSystem": "linux",
        "osImage": "Amazon Linux 2023",
        "systemUUID": identity,
    }

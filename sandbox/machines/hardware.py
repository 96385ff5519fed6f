"""What a machine offers to pods, as its kubelet reports it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.kubernetes.instance_types import InstanceType
from sandbox.machines.tls_bootstrap import JoinError

_PODS: Final = 110
_MIB: Final = 1024**2
# Default of evictionHard, https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
_EVICTION_MIB: Final = 100
_UNITS: Final = {"": 1, "Ki": 1024, "Mi": _MIB, "Gi": 1024**3, "K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What a machine offers.

    Attributes:
        kind: Its instance type.
        disk_gib: Root volume.
        instance: Id of the instance.
        version: Of the kubelet, without `v`.
    """

    kind: InstanceType
    disk_gib: int
    instance: str
    version: str

    def capacity(self, kubelet: Mapping[str, Any]) -> dict[str, str]:
        """Return what there is, under a KubeletConfiguration."""
        return {
            "cpu": str(self.kind.vcpus),
            "memory": f"{self.kind.usable_mib}Mi",
            "pods": str(kubelet.get("maxPods", _PODS)),
            "ephemeral-storage": f"{self.disk_gib}Gi",
        }

    def allocatable(self, kubelet: Mapping[str, Any]) -> dict[str, str]:
        """Return the capacity less what the KubeletConfiguration reserves and keeps free."""
        kept = [kubelet.get(key) or {} for key in ("systemReserved", "kubeReserved")]
        hard = (kubelet.get("evictionHard") or {}).get("memory.available", f"{_EVICTION_MIB}Mi")
        memory = self.kind.usable_mib * _MIB
        free = memory - sum(_bytes(one.get("memory", "0"), memory) for one in kept) - _bytes(hard, memory)
        cpu = self.kind.vcpus * 1000 - sum(_millis(one.get("cpu", "0")) for one in kept)
        return self.capacity(kubelet) | {"cpu": f"{cpu}m", "memory": f"{free // _MIB}Mi"}

    def system(self) -> dict[str, str]:
        """Return the Node's `nodeInfo`."""
        return {
            "architecture": self.kind.architecture,
            "bootID": self.instance,
            "containerRuntimeVersion": "containerd://2.2.0",
            "kernelVersion": "6.8.0",
            "kubeProxyVersion": "",
            "kubeletVersion": f"v{self.version}",
            "machineID": self.instance,
            "operatingSystem": "linux",
            "osImage": "Ubuntu 24.04 LTS",
            "systemUUID": self.instance,
        }


def _bytes(quantity: str, whole: int) -> int:
    """Return a quantity of memory in bytes; a percentage is of `whole`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%|[KMG]i?|)", str(quantity))
    if not match:
        raise JoinError(f"{quantity!r} is not a quantity of memory")
    number, unit = float(match[1]), match[2]
    return int(whole * number / 100) if unit == "%" else int(number * _UNITS[unit])


def _millis(quantity: str) -> int:
    text = str(quantity)
    return int(text.removesuffix("m")) if text.endswith("m") else int(float(text) * 1000)

"""Node objects as the kubelets of a managed node group would register them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.aws.effects import NodeGroupSpec
from sandbox.kubernetes.instance_types import InstanceType, allocatable, capacity, instance_type

# Taint effects: the EKS API's spelling and Kubernetes'.
_EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def nodes(spec: NodeGroupSpec, *, prefix_delegation: bool, version: str) -> Iterator[Mapping[str, Any]]:
    """Yield the Node objects of a group, spread over its zones in turn."""
    kind = instance_type(spec.instance_type)
    addresses = kind.pods(prefix_delegation=prefix_delegation or spec.prefix_delegation)
    # Pods beyond the addresses would be scheduled and never start.
    kubelet = {**spec.kubelet, "maxPods": min(int(spec.kubelet.get("maxPods", addresses)), addresses)}
    for index in range(spec.desired):
        zone = spec.zones[index % len(spec.zones)]
        # From the names alone, so that the same group always has the same nodes.
        digest = hashlib.sha256(f"{spec.cluster}/{spec.name}/{index}".encode()).digest()
        address = f"10.{digest[0]}.{digest[1]}.{digest[2] % 250 + 4}"
        yield _node(spec, kind, zone, address, digest.hex()[:17], kubelet, version)


def _node(
    spec: NodeGroupSpec,
    kind: InstanceType,
    zone: str,
    address: str,
    identity: str,
    kubelet: Mapping[str, Any],
    version: str,
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
            "capacity": {**capacity(kind, kubelet).quantities(), "ephemeral-storage": "20Gi"},
            "allocatable": {**allocatable(kind, kubelet).quantities(), "ephemeral-storage": "18Gi"},
            "nodeInfo": _system(kind, identity, version),
        },
    }


def _taint(taint: Mapping[str, str]) -> Mapping[str, str]:
    effect = taint.get("effect", "")
    return {"key": taint["key"], "value": taint.get("value", ""), "effect": _EFFECTS.get(effect, effect)}


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

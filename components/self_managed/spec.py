"""What a self-managed cluster consists of: pure data, the one source of every name, label and taint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Literal

Role = Literal["control-plane", "api", "worker", "infrastructure"]

API_PORT: Final = 6443


@dataclass(frozen=True, kw_only=True, slots=True)
class Taint:
    """Keeps pods without a matching toleration away from a node."""

    key: str
    value: str
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeSpec:
    """One machine and the node that it becomes.

    Attributes:
        name: Of the node, the instance and everything that belongs to it alone; kept for the node's life.
        role: Decides what the machine may read and reach. `api` and `worker` become the node's role in
            `kubectl get nodes`; `infrastructure` shows none.
        zone: Availability zone, such as `ap-northeast-2a`.
        address: Fixed private address; control planes have one, others take what the subnet gives.
        labels: The kubelet sets them at registration; see rules for the keys that it refuses.
        taints: Set at registration only; a changed one comes with the next instance.
        disk_gib: Root volume.
    """

    name: str
    role: Role
    zone: str
    instance_type: str
    address: IPv4Address | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    disk_gib: int = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterSpec:
    """A cluster: its control planes and everything else that joins them.

    Attributes:
        name: Physical name; in every other physical name.
        version: Exact Kubernetes version without `v`, such as `1.36.4`.
        region: Of AWS.
        service_cidr: Addresses of Services; the API's is the first.
        pod_cidr: Addresses of pods in Calico's overlay.
        issuer: URL of the service accounts' OIDC issuer, without a slash at the end.
        control_planes: One or three, in the order in which they were added; the first initialises the cluster.
        workers: All others.
        etcd_gib: Volume of each etcd member.
        rollout: Raised to have instances replaced with a fresh join token although nothing else changed.
    """

    name: str
    version: str
    region: str
    service_cidr: IPv4Network
    pod_cidr: IPv4Network
    issuer: str
    control_planes: tuple[NodeSpec, ...]
    workers: tuple[NodeSpec, ...]
    etcd_gib: int = 20
    rollout: int = 1

    @property
    def nodes(self) -> tuple[NodeSpec, ...]:
        """All machines, control planes first."""
        return (*self.control_planes, *self.workers)

    @property
    def endpoint(self) -> str:
        """Name of the API inside the VPC."""
        return f"api.{self.name}.internal"

"""What an EKS cluster, its node groups and load balancers bring about outside AWS: the real Kubernetes beside it.

Instances are not told of: whoever plays them looks at EC2, as a machine would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["BalancerEffects", "ClusterAccess", "ClusterEffects", "NodeGroupSpec"]


@dataclass(frozen=True)
class ClusterAccess:
    """How clients reach the API server of a cluster.

    Attributes:
        endpoint: URL of the API server.
        certificate_authority: Base64 of the PEM bundle that signs its certificate.
    """

    endpoint: str
    certificate_authority: str


@dataclass(frozen=True)
class NodeGroupSpec:
    """The nodes that a managed node group wants.

    Attributes:
        kubelet: KubeletConfiguration out of the launch template's user data, as far as it says something.
        prefix_delegation: Whether the VPC CNI hands out prefixes in place of single addresses.
    """

    cluster: str
    name: str
    instance_type: str
    desired: int
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    zones: tuple[str, ...]
    capacity_type: str
    region: str
    kubelet: Mapping[str, Any] = field(default_factory=dict)
    prefix_delegation: bool = False


class ClusterEffects(Protocol):
    """Told when clusters and node groups come and go. An exception becomes the API call's error."""

    def cluster_created(self, name: str) -> ClusterAccess:
        """Bring a cluster's API server up (or refuse it) and say how to reach it."""

    def cluster_deleted(self, name: str) -> None:
        """Take the cluster's API server out of use."""

    def node_group_created(self, spec: NodeGroupSpec) -> None:
        """Bring the group's nodes to the specification. Called again when the group changes."""

    def node_group_deleted(self, cluster: str, name: str) -> None:
        """Remove the group's nodes."""


class BalancerEffects(Protocol):
    """Told when load balancers come and go. An exception becomes the API call's error."""

    def balancer_created(self, name: str, scheme: str) -> str:
        """Return the DNS name under which clients in the sandbox reach a balancer, `internal` or `internet-facing`.

        Listeners and targets come later; who forwards connections looks at ELB for them.
        """

    def balancer_deleted(self, name: str) -> None:
        """Stop serving a balancer."""

"""What an EKS cluster and its node groups bring about outside AWS: the real Kubernetes beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ClusterAccess", "ClusterEffects", "NodeGroupSpec"]


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
    """The nodes that a managed node group wants."""

    cluster: str
    name: str
    instance_type: str
    desired: int
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    zones: tuple[str, ...]
    capacity_type: str
    region: str


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

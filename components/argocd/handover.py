"""What Pulumi tells the GitOps tree: the only bridge between the two.

The root Application carries it as `helm.valuesObject` to the chart gitops/bootstrap, whose values.schema.json states
the same keys from the other side. An Application's spec is readable by many, so no value here may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterHandover:
    """Where the tree runs."""

    name: str
    region: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryHandover:
    """Where the tree itself lies: an https or ssh URL without credentials, and a revision."""

    url: str
    revision: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartHandover:
    """A third-party chart: repository (https URL, or OCI registry path without a scheme) and exact version."""

    repository: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KarpenterHandover:
    """What the Karpenter chart, its EC2NodeClass and its NodePool need to know.

    Attributes:
        queue_name: Interruption queue.
        node_role_name: Role of the nodes that Karpenter makes.
        limits: `cpu` and `memory` quantities that the NodePool never exceeds.
        disruption_budget: How many of the nodes may go at a time, as a share such as `10%`.
        volume_size: Root volume as a quantity, such as `50Gi`.
    """

    queue_name: pulumi.Input[str]
    node_role_name: pulumi.Input[str]
    ami_alias: str
    capacity_types: Sequence[str]
    instance_families: Sequence[str]
    instance_sizes: Sequence[str]
    limits: Mapping[str, str]
    consolidate_after: str
    disruption_budget: str
    replicas: int
    volume_size: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """Everything the cluster's side needs from the program's side."""

    cluster: ClusterHandover
    repository: RepositoryHandover
    charts: Mapping[str, ChartHandover]
    karpenter: KarpenterHandover
    tags: Mapping[str, str]

    def values(self) -> dict[str, Any]:
        """Return the values of gitops/bootstrap; some may be outputs."""
        return {
            "cluster": {"name": self.cluster.name, "region": self.cluster.region},
            "repository": {"url": self.repository.url, "revision": self.repository.revision},
            "charts": {
                name: {"repository": chart.repository, "version": chart.version} for name, chart in self.charts.items()
            },
            "karpenter": {
                "queueName": self.karpenter.queue_name,
                "nodeRoleName": self.karpenter.node_role_name,
                "amiAlias": self.karpenter.ami_alias,
                "capacityTypes": list(self.karpenter.capacity_types),
                "instanceFamilies": list(self.karpenter.instance_families),
                "instanceSizes": list(self.karpenter.instance_sizes),
                "limits": dict(self.karpenter.limits),
                "consolidateAfter": self.karpenter.consolidate_after,
                "disruptionBudget": self.karpenter.disruption_budget,
                "replicas": self.karpenter.replicas,
                "volumeSize": self.karpenter.volume_size,
            },
            "tags": dict(self.tags),
        }

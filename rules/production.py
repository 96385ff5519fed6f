"""What production asks for beyond the rules of every stack: a value decides, never the stack's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rules.faults import Fault
from rules.sections import Cluster, Gitops, Karpenter, Network, Nodes, Policy

_AUDIT_DAYS: Final = 365
_PINNED: Final = re.compile(r"v\d+\.\d+\.\d+|[0-9a-f]{40}", re.ASCII)


def _cluster(policy: Policy, cluster: Cluster) -> Iterator[Fault]:
    if policy.tier != "production":
        return
    if not cluster.deletion_protection:
        yield Fault(("cluster", "deletionProtection"), "production is protected from deletion; write true", False)
    if not cluster.access.break_glass:
        text = "production has a role for the day on which nobody else gets in; add one"
        yield Fault(("cluster", "access", "breakGlass"), text, {})
    days = cluster.log_retention_days
    if days < _AUDIT_DAYS:
        text = f"production keeps its audit log a year; write {_AUDIT_DAYS}"
        yield Fault(("cluster", "logRetentionDays"), text, days)


def _network(policy: Policy, network: Network) -> Iterator[Fault]:
    if policy.tier != "production":
        return
    if len(network.zones) < 3:
        text = "production lies in three zones, so that two are left when one fails; add a zone"
        yield Fault(("network", "zones"), text, network.zones)
    if network.nat != "per-az":
        text = "production has a NAT gateway in each zone, so that none depends on another; write per-az"
        yield Fault(("network", "nat"), text, network.nat)
    if network.flow_log_retention_days < _AUDIT_DAYS:
        text = f"production keeps its flow log a year; write {_AUDIT_DAYS}"
        yield Fault(("network", "flowLogRetentionDays"), text, network.flow_log_retention_days)


def _nodes(policy: Policy, nodes: Nodes) -> Iterator[Fault]:
    if policy.tier == "production" and nodes.count.min < 3:
        text = "production has a base node in each of three zones; write 3"
        yield Fault(("nodes", "count", "min"), text, nodes.count.min)


def _karpenter(policy: Policy, karpenter: Karpenter) -> Iterator[Fault]:
    if policy.tier != "production":
        return
    if "on-demand" not in karpenter.capacity_types:
        text = "production falls back to on-demand when there is no spot capacity; add on-demand"
        yield Fault(("karpenter", "capacityTypes"), text, karpenter.capacity_types)
    if karpenter.replicas < 2:
        text = "production has a second controller to take over; write 2"
        yield Fault(("karpenter", "replicas"), text, karpenter.replicas)


def _gitops(policy: Policy, gitops: Gitops) -> Iterator[Fault]:
    if policy.tier == "production" and not _PINNED.fullmatch(gitops.revision):
        text = "production pins the tree, for a branch changes under it; write a tag such as v1.2.3 or a full commit id"
        yield Fault(("gitops", "revision"), text, gitops.revision)


RULES: Final = (_cluster, _network, _nodes, _karpenter, _gitops)

"""What production asks for beyond the rules of every stack: a value decides, never the stack's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from rules.faults import Fault
from rules.instance_types import offered
from rules.sections import (
    AnyCluster,
    Cluster,
    Edge,
    Gitops,
    Karpenter,
    Machines,
    Network,
    Nodes,
    Observability,
    Policy,
    Secrets,
    Storage,
)

_AUDIT_DAYS: Final = 365
# An office or a VPN has a few addresses; a provider's whole range is a crowd of strangers.
_WIDEST_PUBLIC_PREFIX: Final = 16
_MOST_DISRUPTED: Final = 10
_BACKUP_DAYS: Final = 35
_LEAST_SPOT_TYPES: Final = 15
_LEAST_SPOT_FAMILIES: Final = 3
_PINNED: Final = re.compile(r"v\d+\.\d+\.\d+|[0-9a-f]{40}", re.ASCII)


def _cluster(policy: Policy, cluster: AnyCluster) -> Iterator[Fault]:
    if policy.tier != "production":
        return
    if not cluster.deletion_protection:
        yield Fault(("cluster", "deletionProtection"), "production is protected from deletion; write true", False)
    for index, range_ in enumerate(cluster.public_access_cidrs):
        if ip_network(range_).prefixlen < _WIDEST_PUBLIC_PREFIX:
            text = f"production shows its API to a /{_WIDEST_PUBLIC_PREFIX} at most; name the ranges that need it"
            yield Fault(("cluster", "publicAccessCidrs", index), text, range_)
    days = cluster.log_retention_days
    if days < _AUDIT_DAYS:
        text = f"production keeps its audit log a year; write {_AUDIT_DAYS}"
        yield Fault(("cluster", "logRetentionDays"), text, days)


def _break_glass(policy: Policy, cluster: Cluster) -> Iterator[Fault]:
    if policy.tier == "production" and not cluster.access.break_glass:
        text = "production has a role for the day on which nobody else gets in; add one"
        yield Fault(("cluster", "access", "breakGlass"), text, {})


def _control_planes(policy: Policy, machines: Machines) -> Iterator[Fault]:
    if policy.tier == "production" and machines.control_planes < 3:
        text = "production outlives the loss of a control plane; write 3"
        yield Fault(("machines", "controlPlanes"), text, machines.control_planes)


def _network(policy: Policy, network: Network) -> Iterator[Fault]:
    if policy.tier != "production":
        return
    if len(network.zones) < 3:
        text = "production lies in three zones, so that two are left when one fails; add a zone"
        yield Fault(("network", "zones"), text, network.zones)
    if network.nat == "single":
        text = "production has a way out in each zone, so that none depends on another; write per-az or regional"
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
    if int(karpenter.disruption_budget.rstrip("%")) > _MOST_DISRUPTED:
        text = f"production gives away a tenth of its nodes at a time and no more; write {_MOST_DISRUPTED}%"
        yield Fault(("karpenter", "disruptionBudget"), text, karpenter.disruption_budget)


def _spot_choice(policy: Policy, karpenter: Karpenter) -> Iterator[Fault]:
    """Ask for a wide choice: EC2 has spare capacity of one type or another, seldom of a certain one.

    Fifteen is also the least choice with which Karpenter would replace spot by cheaper spot
    (https://karpenter.sh/docs/concepts/disruption/#consolidation).
    """
    if policy.tier != "production" or "spot" not in karpenter.capacity_types:
        return
    names = offered(karpenter.instance_families, karpenter.instance_sizes)
    types, families = len(names), len({name.partition(".")[0] for name in names})
    if types < _LEAST_SPOT_TYPES or families < _LEAST_SPOT_FAMILIES:
        text = (
            f"{types} types of {families} families, and spot capacity is dependable from {_LEAST_SPOT_TYPES} "
            f"of {_LEAST_SPOT_FAMILIES} on; add families such as m5, m6i and c5, or sizes"
        )
        yield Fault(("karpenter", "instanceFamilies"), text, karpenter.instance_families)


def _gitops(policy: Policy, gitops: Gitops) -> Iterator[Fault]:
    if policy.tier == "production" and not _PINNED.fullmatch(gitops.revision):
        text = "production pins the tree, for a branch changes under it; write a tag such as v1.2.3 or a full commit id"
        yield Fault(("gitops", "revision"), text, gitops.revision)


def _storage(policy: Policy, storage: Storage) -> Iterator[Fault]:
    if policy.tier != "production":
        return
    if not storage.keep_data and not policy.decommission:
        text = "production's data outlive its stack; write true, or true at policy.decommission when all is to go"
        yield Fault(("storage", "keepData"), text, False)
    if storage.backup_retention_days < _BACKUP_DAYS:
        text = f"production can go back five weeks; write {_BACKUP_DAYS}"
        yield Fault(("storage", "backupRetentionDays"), text, storage.backup_retention_days)


def _edge(policy: Policy, edge: Edge) -> Iterator[Fault]:
    if policy.tier == "production" and edge.domain is not None and not edge.firewall:
        yield Fault(("edge", "firewall"), "production has a firewall before what it publishes; write true", False)


def _secrets(policy: Policy, secrets: Secrets) -> Iterator[Fault]:
    if policy.tier == "production" and secrets.recovery_days == 0:
        text = "production can have a deleted secret back; write 30"
        yield Fault(("secrets", "recoveryDays"), text, secrets.recovery_days)


def _alarms(policy: Policy, observability: Observability) -> Iterator[Fault]:
    if policy.tier == "production" and not observability.alarm_emails:
        text = "nobody would hear of production's alarms; add an address"
        yield Fault(("observability", "alarmEmails"), text, [])


RULES: Final = (_storage, _edge, _secrets, _alarms, _cluster, _network, _gitops)
EKS: Final = (_break_glass, _nodes, _karpenter, _spot_choice)
SELF_MANAGED: Final = (_control_planes,)

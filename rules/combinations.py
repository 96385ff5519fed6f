"""What values must hold together, in every stack.

A rule takes the sections that it compares by name, and runs when all of them are valid in themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import versions
from components.network.plan import SLOTS, plan_network
from rules import support
from rules.faults import Fault
from rules.instance_types import INSTANCE_TYPES, SIZES_OF_FAMILY
from rules.sections import Aws, Cluster, Karpenter, Network, Nodes

# AWS takes 50 tags per resource; the platform, EKS and Karpenter add up to ten of their own.
_MOST_TAGS: Final = 40
_REQUIRED_TAGS: Final = ("Environment", "Project")
# Argo CD, a Karpenter and CoreDNS ask for 2.3 GiB, which must fit one base node when the other is lost.
_LEAST_MEMORY_GIB: Final = 4


def _arns(aws: Aws) -> Iterator[Fault]:
    arn = aws.permissions_boundary
    if arn is None:
        return
    _, partition, _, _, account, _ = arn.split(":", 5)
    if partition != aws.partition:
        yield Fault(("aws", "permissionsBoundary"), _partition(partition, aws), arn)
    elif account not in (aws.account_id, "aws"):
        yield Fault(("aws", "permissionsBoundary"), f"a policy of another account; take one of {aws.account_id}", arn)


def _partition(partition: str, aws: Aws) -> str:
    return f"lies in partition {partition}, the region {aws.region} in {aws.partition}; write arn:{aws.partition}:..."


def _roles(cluster: Cluster) -> Iterator[tuple[tuple[str, str, str, str], str]]:
    """Yield where each role of the access section stands, and the role."""
    access = cluster.access
    kinds = {
        "administrators": access.administrators,
        "breakGlass": access.break_glass,
        "ciApply": access.ci_apply,
        "ciRead": access.ci_read,
    }
    for kind, roles in kinds.items():
        for name, arn in roles.items():
            yield ("cluster", "access", kind, name), arn


def _role_partitions(aws: Aws, cluster: Cluster) -> Iterator[Fault]:
    for path, arn in _roles(cluster):
        partition = arn.split(":")[1]
        if partition != aws.partition:
            yield Fault(path, _partition(partition, aws), arn)


def _distinct_roles(cluster: Cluster) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for path, arn in _roles(cluster):
        _, _, kind, name = path
        if kinds.setdefault(name, kind) != kind:
            yield Fault(path, f"{kinds[name]} has that name too; respell one of them", arn)
        elif owners.setdefault(arn, name) != name:
            yield Fault(path, f"the same role as {owners[arn]}; remove one of them", arn)


def _zones(aws: Aws, network: Network) -> Iterator[Fault]:
    for zone, slot in network.zones.items():
        if zone[:-1] != aws.region:
            yield Fault(
                ("network", "zones", zone), f"not a zone of {aws.region}; write one such as {aws.region}a", slot
            )


def _slots(network: Network) -> Iterator[Fault]:
    owners: dict[int, str] = {}
    free = [slot for slot in SLOTS if slot not in network.zones.values()]
    for zone, slot in network.zones.items():
        path = ("network", "zones", zone)
        if slot not in SLOTS:
            yield Fault(path, f"outside the VPC, which has slots {SLOTS[0]} to {SLOTS[-1]}; take {free[0]}", slot)
        elif owners.setdefault(slot, zone) != zone:
            yield Fault(path, f"its subnets would overlap those of {owners[slot]}; take slot {free[0]}", slot)


def _plan(aws: Aws, network: Network) -> Iterator[Fault]:
    """Ask the planner itself, in case it knows a rule that is not repeated here."""
    if any(_zones(aws, network)) or any(_slots(network)):
        return
    try:
        plan_network(network.cidr, network.zones)
    except ValueError as error:
        yield Fault(("network",), str(error))


def _service_range(cluster: Cluster, network: Network) -> Iterator[Fault]:
    if cluster.service_cidr.overlaps(network.cidr):
        text = f"overlaps the VPC's {network.cidr}; take another range such as 172.20.0.0/16"
        yield Fault(("cluster", "serviceCidr"), text, str(cluster.service_cidr))


def _version(cluster: Cluster, today: date) -> Iterator[Fault]:
    path, version, newest = ("cluster", "version"), cluster.version, support.newest()
    end = support.STANDARD_SUPPORT_ENDS.get(version)
    if support.release(version) > support.release(newest):
        yield Fault(path, f'not known to be on EKS; write "{newest}" or add its row to rules/support.py', version)
    elif end is None or end < today:
        since = f"on {end}" if end else f"before {min(support.STANDARD_SUPPORT_ENDS.values())}"
        yield Fault(path, f'left standard support {since}; write "{newest}"', version)
    else:
        yield from (Fault(path, text, version) for text in _pins(version))


def _pins(version: str) -> Iterator[str]:
    """Yield what speaks against the Kubernetes version among the versions pinned in versions.py."""
    oldest = support.OLDEST_KARPENTER.get(version)
    if oldest is None or support.release(versions.KARPENTER) < support.release(oldest):
        needed = oldest or "of a version that nobody has named"
        yield f"needs Karpenter {needed} or newer, and versions.py has {versions.KARPENTER}; raise that"
    if support.release(versions.ADDON_KUBE_PROXY) > support.release(version):
        pinned = versions.ADDON_KUBE_PROXY
        yield f'older than the kube-proxy {pinned} of versions.py; write "{versions.KUBERNETES}" or lower that pin'


def _counts(nodes: Nodes) -> Iterator[Fault]:
    count = nodes.count
    if not count.min <= count.desired <= count.max:
        text = f"must lie between min {count.min} and max {count.max}; put the three in order"
        yield Fault(("nodes", "count", "desired"), text, count.desired)


def _capacity(nodes: Nodes) -> Iterator[Fault]:
    type_ = INSTANCE_TYPES[nodes.instance_type]
    path = ("nodes", "instanceType")
    if type_.pods < nodes.max_pods:
        text = f"has addresses for {type_.pods} pods, and nodes announce {nodes.max_pods}; write t3.medium or larger"
        yield Fault(path, text, nodes.instance_type)
    elif type_.memory_gib < _LEAST_MEMORY_GIB:
        text = f"has {type_.memory_gib:g} GiB and base nodes need {_LEAST_MEMORY_GIB}; write t3.medium or larger"
        yield Fault(path, text, nodes.instance_type)


def _skew(cluster: Cluster, nodes: Nodes, today: date) -> Iterator[Fault]:
    if any(_version(cluster, today)):
        return
    control_plane, kubelet = support.release(cluster.version), support.release(nodes.ami_release)
    if not control_plane[1] - 3 <= kubelet[1] <= control_plane[1]:
        rule = "nodes are never ahead of the control plane nor more than three minors behind"
        yield Fault(("nodes", "amiRelease"), f"{rule}; write a release of {cluster.version}", nodes.ami_release)


def _offered(karpenter: Karpenter) -> Iterator[Fault]:
    for index, family in enumerate(karpenter.instance_families):
        if not SIZES_OF_FAMILY[family].intersection(karpenter.instance_sizes):
            text = "comes in none of the sizes in instanceSizes; remove it or add a size"
            yield Fault(("karpenter", "instanceFamilies", index), text, family)


def _tags(tags: Mapping[str, str]) -> Iterator[Fault]:
    spelling = {key.lower(): key for key in reversed(list(tags))}
    for key, value in tags.items():
        if spelling[key.lower()] != key:
            text = f"differs from {spelling[key.lower()]} in case only, which IAM takes for the same; remove one"
            yield Fault(("tags", key), text, value)
    if len(tags) > _MOST_TAGS:
        text = f"there are {len(tags)} and room for {_MOST_TAGS} beside the platform's own; remove some"
        yield Fault(("tags",), text, tags)
    for key in _REQUIRED_TAGS:
        if key not in tags:
            yield Fault(("tags", key), "is missing, and costs and sweeps are told apart by it; add it")


RULES: Final = (
    *(_arns, _role_partitions, _distinct_roles, _version),
    *(_zones, _slots, _plan, _service_range),
    *(_counts, _capacity, _skew, _offered, _tags),
)

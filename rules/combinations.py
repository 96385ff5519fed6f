"""What values must hold together, in every stack.

A rule takes the sections that it compares by name, and runs when all of them are valid in themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Network
from typing import Final

import versions
from components.network.plan import SLOTS, plan_network
from rules import addresses, base_nodes, ranges, support, surroundings
from rules.faults import Fault
from rules.instance_types import SIZES_OF_FAMILY
from rules.sections import AnyCluster, Aws, Cluster, Gitops, Karpenter, Network, Nodes, Storage

# AWS takes 50 tags per resource; the platform, EKS and Karpenter add up to ten of their own.
_MOST_TAGS: Final = 40
_REQUIRED_TAGS: Final = ("Environment", "Project")


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
    if any(_zones(aws, network)) or any(_slots(network)) or _pods_overlap(network, network.cidr):
        return
    try:
        plan_network(network.cidr, network.zones, network.pod_cidr)
    except ValueError as error:
        yield Fault(("network",), str(error))


def _disjoint(cluster: AnyCluster, network: Network) -> Iterator[Fault]:
    if cluster.service_cidr.overlaps(network.cidr):
        free = next(range_ for range_ in ranges.SERVICES if not range_.overlaps(network.cidr))
        text = f"overlaps the VPC's {network.cidr}; take another range such as {free}"
        yield Fault(("cluster", "serviceCidr"), text, str(cluster.service_cidr))
    for owner, range_ in (("VPC", network.cidr), ("services", cluster.service_cidr)):
        if _pods_overlap(network, range_):
            free = next(other for other in ranges.SHARED.subnets(new_prefix=16) if not other.overlaps(range_))
            text = f"overlaps the {range_} of the {owner}; take another range such as {free}"
            yield Fault(("network", "podCidr"), text, str(network.pod_cidr))


def _pods_overlap(network: Network, other: IPv4Network) -> bool:
    return network.pod_cidr is not None and network.pod_cidr.overlaps(other)


def _way_out(network: Network) -> Iterator[Fault]:
    if network.nat == "none" and not network.private_endpoints:
        text = "no node would reach AWS and join; write another one, or true at privateEndpoints"
        yield Fault(("network", "nat"), text, network.nat)


def _closed(network: Network, gitops: Gitops) -> Iterator[Fault]:
    if network.nat == "none" and network.private_endpoints and gitops.charts.mirror is None:
        text = "without NAT Argo CD does not reach the charts' own repositories; write a Helm repository inside"
        yield Fault(("gitops", "charts", "mirror"), text)
    if network.nat == "none" and network.private_endpoints and gitops.images.registry is None:
        text = "without NAT nodes do not reach the images' own registries; write an ECR registry that holds copies"
        yield Fault(("gitops", "images", "registry"), text)


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
    proxy = versions.ADDON_KUBE_PROXY
    if support.release(proxy) > support.release(version):
        yield f'older than the kube-proxy {proxy} of versions.py; write "{versions.KUBERNETES}" or lower that pin'
    elif support.release(proxy) < support.release(version):
        yield f"newer than the kube-proxy {proxy} of versions.py; raise that pin to a v{version} one"
    for addon, oldest_addon in support.OLDEST_ADDONS.get(version, {}).items():
        pinned = _addons()[addon]
        if support.release(pinned) < support.release(oldest_addon):
            yield f"needs {addon} {oldest_addon} or newer, and versions.py has {pinned}; raise that"


def _addons() -> dict[str, str]:
    return {
        "aws-ebs-csi-driver": versions.ADDON_EBS_CSI,
        "coredns": versions.ADDON_COREDNS,
        "eks-pod-identity-agent": versions.ADDON_POD_IDENTITY_AGENT,
        "vpc-cni": versions.ADDON_VPC_CNI,
    }


def _no_issuer(storage: Storage) -> Iterator[Fault]:
    if storage.buckets.issuer is not None:
        text = "EKS publishes its issuer's documents itself; remove it"
        yield Fault(("storage", "buckets", "issuer"), text, storage.buckets.issuer)


def _counts(nodes: Nodes) -> Iterator[Fault]:
    count = nodes.count
    if not count.min <= count.desired <= count.max:
        text = f"must lie between min {count.min} and max {count.max}; put the three in order"
        yield Fault(("nodes", "count", "desired"), text, count.desired)


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


RULES: Final = (_arns, _zones, _slots, _plan, _disjoint, _closed, _tags, *surroundings.RULES)
EKS: Final = (
    *(_role_partitions, _distinct_roles, _version, _way_out, _no_issuer, addresses.fit, _counts, _skew, _offered),
    *(base_nodes.pods, base_nodes.fit, base_nodes.karpenter_pods, base_nodes.karpenter_memory),
)

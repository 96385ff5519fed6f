"""Whether nodes have addresses, memory and CPU for the pods that they are to run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from components.eks import kubelet, sizing
from rules.faults import Fault
from rules.instance_types import INSTANCE_TYPES, InstanceType, offered
from rules.sections import Karpenter, Network, Nodes, Policy

# A group that needs more nodes than this beside those it has is better served by a larger type.
_MOST_MORE_NODES: Final = 6
_LEAST_PODS: Final = 10
# A node below it would be made for a pod or two, and daemons be most of what it runs.
_LEAST_MIB: Final = 256


def pods(network: Network, nodes: Nodes) -> Iterator[Fault]:
    """Refuse base nodes that announce more pods than they have addresses for, or than AWS advises."""
    type_ = INSTANCE_TYPES[nodes.instance_type]
    addresses, advised = _addresses(type_, network), kubelet.advised_pods(type_.vcpus)
    if addresses < nodes.max_pods:
        announced = f"nodes announce {nodes.max_pods}; write a larger type or {addresses} at nodes.maxPods"
        text = f"has addresses for {addresses} pods, and {announced}"
        yield Fault(("nodes", "instanceType"), text, nodes.instance_type)
    elif advised < nodes.max_pods:
        text = f"AWS advises against more than {advised} with {type_.vcpus} vCPUs; write {advised}"
        yield Fault(("nodes", "maxPods"), text, nodes.max_pods)


def karpenter_pods(network: Network, karpenter: Karpenter) -> Iterator[Fault]:
    """Refuse as many pods on Karpenter's nodes as the least of the allowed types cannot have."""
    types = offered(karpenter.instance_families, karpenter.instance_sizes)
    most = {name: _most(type_, network) for name, type_ in types.items()}
    least = min(most, key=lambda name: most[name], default=None)
    if least is not None and most[least] < karpenter.max_pods:
        text = f"{least} takes {most[least]}; write {most[least]} or allow larger types only"
        yield Fault(("karpenter", "maxPods"), text, karpenter.max_pods)


def karpenter_memory(network: Network, karpenter: Karpenter) -> Iterator[Fault]:
    """Refuse types that keep next to no memory for pods once the kubelet and the daemons have theirs."""
    if any(karpenter_pods(network, karpenter)):
        return
    types = offered(karpenter.instance_families, karpenter.instance_sizes)
    left = {name: _memory(type_, karpenter.max_pods) for name, type_ in types.items()}
    least = min(left, key=lambda name: left[name], default=None)
    if least is not None and left[least] < _LEAST_MIB:
        text = f"{least} keeps {max(0, left[least])} MiB for pods; leave its size out or lower maxPods"
        yield Fault(("karpenter", "instanceSizes"), text, karpenter.instance_sizes)


def fit(network: Network, nodes: Nodes, karpenter: Karpenter, policy: Policy) -> Iterator[Fault]:
    """Refuse base nodes that do not hold the controllers with one zone lost, and name the changes that would do."""
    if any(pods(network, nodes)):
        return
    base = base_nodes(network, nodes, karpenter, policy)
    shortage = sizing.shortage(base)
    if shortage is not None:
        text = f"{shortage}; {_larger(base, nodes)}"
        yield Fault(("nodes", "instanceType"), text, nodes.instance_type)


def base_nodes(network: Network, nodes: Nodes, karpenter: Karpenter, policy: Policy) -> sizing.BaseNodes:
    """Return the base nodes as the planner takes them: the fewest that the group may have."""
    type_ = INSTANCE_TYPES[nodes.instance_type]
    return sizing.BaseNodes(
        vcpus=type_.vcpus,
        memory_gib=type_.memory_gib,
        max_pods=nodes.max_pods,
        count=nodes.count.min,
        zones=len(network.zones),
        karpenter_replicas=karpenter.replicas,
        all_replicas=policy.tier == "production",
    )


def _memory(type_: InstanceType, max_pods: int) -> int:
    room = sizing.allocatable(vcpus=type_.vcpus, memory_gib=type_.memory_gib, max_pods=max_pods)
    return room.less(sizing.total(sizing.DAEMONS)).memory


def _most(type_: InstanceType, network: Network) -> int:
    return min(_addresses(type_, network), kubelet.advised_pods(type_.vcpus))


def _addresses(type_: InstanceType, network: Network) -> int:
    return kubelet.pods_with_addresses(
        interfaces=type_.interfaces, addresses=type_.addresses, pod_range=network.pod_cidr is not None
    )


def _larger(base: sizing.BaseNodes, nodes: Nodes) -> str:
    """Return the least that would do, by each of the three values that decide; what costs nothing comes first."""
    fewer = (pods for pods in range(base.max_pods - 1, _LEAST_PODS - 1, -1) if _fits(replace(base, max_pods=pods)))
    more = (
        count for count in range(base.count + 1, base.count + 1 + _MOST_MORE_NODES) if _fits(replace(base, count=count))
    )
    larger = (
        name
        for name, type_ in _family(nodes.instance_type)
        if _fits(replace(base, vcpus=type_.vcpus, memory_gib=type_.memory_gib))
    )
    found = [next(fewer, None), next(more, None), next(larger, None)]
    places = ("{} at nodes.maxPods", "{} at nodes.count.min", "{}")
    ways = [place.format(value) for place, value in zip(places, found, strict=True) if value is not None]
    return f"write {' or '.join(ways)}" if ways else "write a larger type of another family"


def _fits(base: sizing.BaseNodes) -> bool:
    return sizing.shortage(base) is None


def _family(name: str) -> list[tuple[str, InstanceType]]:
    """Return the larger types of the family, the smallest first."""
    family = name.partition(".")[0]
    types = [(other, type_) for other, type_ in INSTANCE_TYPES.items() if other.partition(".")[0] == family]
    larger = [pair for pair in types if pair[1].memory_gib > INSTANCE_TYPES[name].memory_gib]
    return sorted(larger, key=lambda pair: pair[1].memory_gib)

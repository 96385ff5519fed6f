"""Whether the network has addresses for the most nodes and pods that the other sections allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from components.network.capacity import Capacity, Demand, Row, plan_capacity, resized
from components.network.plan import ENDPOINT_SERVICES, plan_network
from rules.faults import Fault
from rules.instance_types import INSTANCE_TYPES, InstanceType, offered
from rules.sections import Karpenter, Network, Nodes


def fit(network: Network, nodes: Nodes, karpenter: Karpenter) -> Iterator[Fault]:
    """Yield a fault for the VPC's range and one for the pods' when they are too small with one zone lost."""
    found = capacity(network, nodes, karpenter)
    if found is None:
        return
    made = _made(karpenter)
    spread = f"when a zone is lost and {nodes.count.max} base nodes + {made} of Karpenter share {found.zones - 1}"
    # The first row of each range says enough: a larger range helps all of them.
    short = {row.role == "pod": row for row in reversed(found.short)}
    for in_pods, row in sorted(short.items()):
        range_ = network.pod_cidr if in_pods else network.cidr
        text = f"{row}{f', {spread}' if _counts_nodes(row) else ''}; {_larger(network, found, row)}"
        yield Fault(("network", "podCidr" if in_pods else "cidr"), text, str(range_))


def capacity(network: Network, nodes: Nodes, karpenter: Karpenter) -> Capacity | None:
    """Ask the capacity planner; nothing when other rules refuse the network or Karpenter's types already."""
    made = _made(karpenter)
    if not made:
        return None
    try:
        plan = plan_network(network.cidr, network.zones, network.pod_cidr)
    except ValueError:
        return None
    types = (INSTANCE_TYPES[nodes.instance_type], *_types(karpenter).values())
    demand = Demand(
        nodes=nodes.count.max + made,
        pods=max(nodes.max_pods, karpenter.max_pods),
        slots=min(type_.addresses - 1 for type_ in types),
        load_balancers=network.load_balancers,
        endpoints=len(ENDPOINT_SERVICES) if network.private_endpoints else 0,
    )
    return plan_capacity(plan, demand)


def _types(karpenter: Karpenter) -> Mapping[str, InstanceType]:
    return offered(karpenter.instance_families, karpenter.instance_sizes)


def _made(karpenter: Karpenter) -> int:
    """Return how many nodes Karpenter makes at most, all of the type with the fewest vCPUs."""
    vcpus = [type_.vcpus for type_ in _types(karpenter).values()]
    return min(karpenter.limits.nodes, -(-int(karpenter.limits.cpu) // min(vcpus))) if vcpus else 0


def _counts_nodes(row: Row) -> bool:
    return any(what == "nodes" for what, _, _ in row.parts)


def _larger(network: Network, found: Capacity, row: Row) -> str:
    """Say what would do instead."""
    if row.role == "pod" and network.pod_cidr is not None and found.pod_prefix is not None:
        return f"write {resized(network.pod_cidr, found.pod_prefix)}"
    if row.role != "pod" and found.vpc_prefix is not None:
        return f"write {resized(network.cidr, found.vpc_prefix)}"
    if not _counts_nodes(row):
        return "no range of AWS is large enough: lower loadBalancers"
    pods = ", or give pods a podCidr" if network.pod_cidr is None else ""
    return f"no range of AWS is large enough: lower karpenter.limits.nodes or maxPods{pods}"

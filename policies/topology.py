"""How the resources of a network hang together, read from what takes its value from what."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network

from policies import tokens
from policies.resources import Resource, Stack

DISCOVERY = "karpenter.sh/discovery"
PUBLIC_BALANCERS = "kubernetes.io/role/elb"
INTERNAL_BALANCERS = "kubernetes.io/role/internal-elb"


def subnets(stack: Stack, vpc: Resource) -> list[Resource]:
    """Return the VPC's subnets."""
    return stack.users(vpc, "vpcId", tokens.SUBNET)


def default_route(stack: Stack, subnet: Resource) -> Resource | None:
    """Return the route by which the subnet leaves the VPC, if it does."""
    for association in stack.users(subnet, "subnetId", tokens.ASSOCIATION):
        for table in stack.source(association, "routeTableId", tokens.ROUTE_TABLE):
            for route in stack.users(table, "routeTableId", tokens.ROUTE):
                if route.get("destinationCidrBlock") == "0.0.0.0/0":
                    return route
    return None


def is_public(stack: Stack, subnet: Resource) -> bool:
    """Whether the subnet leaves by an internet gateway, so that public addresses in it can be reached."""
    route = default_route(stack, subnet)
    return route is not None and bool(route.sources.get("gatewayId") or route.props.get("gatewayId"))


def node_subnets(stack: Stack) -> list[Resource]:
    """Return the subnets that node groups and machines take, and those that Karpenter finds by its tag."""
    taken = [s for group in stack.of(tokens.NODE_GROUP) for s in stack.source(group, "subnetIds", tokens.SUBNET)]
    taken += [s for machine in stack.of(tokens.INSTANCE) for s in stack.source(machine, "subnetId", tokens.SUBNET)]
    tagged = [subnet for subnet in stack.of(tokens.SUBNET) if DISCOVERY in subnet.tags]
    return list({subnet.urn: subnet for subnet in (*taken, *tagged)}.values())


def control_planes(stack: Stack) -> list[Resource]:
    """Return the machines of a self-managed cluster that have a volume for etcd."""
    attachments = stack.of(tokens.VOLUME_ATTACHMENT)
    found = {urn for one in attachments for urn in one.sources.get("instanceId", ())}
    return [machine for machine in stack.of(tokens.INSTANCE) if machine.urn in found]


def groups(stack: Stack) -> Mapping[str, str]:
    """Return by URN whose the security groups of a self-managed cluster are.

    `nodes` is every machine's, `control-planes` theirs, `machines` some others'; `internal-balancer` and
    `public-balancer` are load balancers'.
    """
    machines, planes = stack.of(tokens.INSTANCE), {plane.urn for plane in control_planes(stack)}
    members: dict[str, set[str]] = {}
    for machine in machines:
        for group in stack.source(machine, "vpcSecurityGroupIds", tokens.GROUP):
            members.setdefault(group.urn, set()).add(machine.urn)
    found = {
        urn: "nodes" if len(inside) == len(machines) else "control-planes" if inside <= planes else "machines"
        for urn, inside in members.items()
    }
    for balancer in stack.of(*tokens.BALANCERS) if machines else ():
        kind = "internal-balancer" if balancer.true("internal") else "public-balancer"
        found.update({group.urn: kind for group in stack.source(balancer, "securityGroups", tokens.GROUP)})
    return found


def cluster_subnets(stack: Stack) -> list[Resource]:
    """Return the subnets that clusters take for the control plane's network interfaces."""
    return [s for cluster in stack.of(tokens.CLUSTER) for s in stack.source(cluster, "vpcConfig", tokens.SUBNET)]


def pod_subnets(stack: Stack) -> list[Resource]:
    """Return the subnets in which pods get their addresses: those of a second range, else the nodes'."""
    second = [s for vpc in stack.of(tokens.VPC) for s in subnets(stack, vpc) if not _within(s, vpc)]
    return second or node_subnets(stack)


def roles(stack: Stack, vpc: Resource) -> Mapping[tuple[str, ...], list[Resource]]:
    """Return the VPC's subnets by what they are for: who takes them, and what their tags offer."""
    takers = {"cluster": {s.urn for s in cluster_subnets(stack)}, "nodes": {s.urn for s in node_subnets(stack)}}
    found: dict[tuple[str, ...], list[Resource]] = {}
    for subnet in subnets(stack, vpc):
        uses = [use for use, urns in takers.items() if subnet.urn in urns]
        offers = [key for key in (PUBLIC_BALANCERS, INTERNAL_BALANCERS) if key in subnet.tags]
        second = [] if _within(subnet, vpc) else ["pods"]
        found.setdefault((*uses, *offers, *second), []).append(subnet)
    return found


def range_of(resource: Resource) -> IPv4Network | None:
    """Return the IPv4 range of a VPC, an association or a subnet, if it says one."""
    text = resource.get("cidrBlock")
    return IPv4Network(text) if text else None


def inside(inner: IPv4Network | None, outer: IPv4Network | None) -> bool:
    """Whether one range holds the other; not when either is not said."""
    return inner is not None and outer is not None and inner.subnet_of(outer)


def _within(subnet: Resource, vpc: Resource) -> bool:
    return inside(range_of(subnet), range_of(vpc))

"""VPC, subnets and the ways out of them: controls N1, N2, N3, N8, N9, N10."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations

from policies import tokens, topology
from policies.resources import NotKnownError, Resource, Stack
from policies.rule import Fault, rule

# Without a way to the internet, the addresses that nodes, the controllers and Karpenter call. AWS's names; IAM and the
# price list have none. Source: https://karpenter.sh/docs/getting-started/getting-started-with-karpenter/#private-clusters.
_SERVICES = ("ec2", "ecr.api", "ecr.dkr", "sts", "ssm", "sqs", "eks", "eks-auth", "logs", "elasticloadbalancing")


@rule("N1", types=[tokens.VPC])
def vpc_resolves_names(vpc: Resource) -> Iterator[Fault]:
    """Names resolve inside the VPC: private endpoints and the cluster's own need it."""
    for key in ("enableDnsSupport", "enableDnsHostnames"):
        if not vpc.true(key):
            yield Fault(key, "is off", "set true")


@rule("N1", types=[tokens.VPC], whole=True)
def vpc_spans_three_zones(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """Subnets lie in three zones at least."""
    zones = {subnet.get("availabilityZone") for subnet in topology.subnets(stack, vpc)}
    if len(zones) < 3:
        found = ", ".join(sorted(map(str, zones))) or "none"
        yield Fault("subnets", f"lie in {len(zones)} zones ({found})", "add zones until there are three")


@rule("N1", types=[tokens.VPC], whole=True)
def each_use_has_a_subnet_per_zone(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """What subnets are for (nodes, control plane, load balancers) is there in each zone, once."""
    zones = sorted(str(subnet.get("availabilityZone")) for subnet in topology.subnets(stack, vpc))
    for use, members in topology.roles(stack, vpc).items():
        found = sorted(str(subnet.get("availabilityZone")) for subnet in members)
        if found != sorted(set(zones)):
            name = " and ".join(use) or "nothing named"
            yield Fault("subnets", f"for {name} lie in {', '.join(found)}", "give each zone one")


@rule("N2", types=[tokens.SUBNET])
def subnet_gives_no_public_address(subnet: Resource) -> Iterator[Fault]:
    """No subnet gives a public address to what starts in it."""
    if subnet.get("mapPublicIpOnLaunch") is not False:
        yield Fault("mapPublicIpOnLaunch", "is not false", "set false")


@rule("N2", types=[tokens.LAUNCH_TEMPLATE, tokens.INSTANCE])
def node_has_no_public_address(node: Resource) -> Iterator[Fault]:
    """No node asks for a public address."""
    interfaces = [f"networkInterfaces.{index}." for index in range(len(node.items("networkInterfaces")))]
    for prefix in ("", *interfaces):
        if node.true(f"{prefix}associatePublicIpAddress"):
            yield Fault(f"{prefix}associatePublicIpAddress", "is true", "leave it out")


@rule("N2", types=[tokens.NODE_GROUP, tokens.INSTANCE], whole=True)
def nodes_lie_in_private_subnets(node: Resource, stack: Stack) -> Iterator[Fault]:
    """Nodes lie in subnets of this program that the internet does not reach."""
    key = "subnetIds" if node.type == tokens.NODE_GROUP else "subnetId"
    found = stack.source(node, key, tokens.SUBNET)
    if not found:
        yield Fault(key, "is no subnet of this program", "pass private subnets")
    for subnet in found:
        if topology.is_public(stack, subnet):
            yield Fault(key, f"has the public subnet {subnet.name}", "pass private subnets")


@rule("N2", types=[tokens.SUBNET], whole=True)
def karpenter_finds_private_subnets(subnet: Resource, stack: Stack) -> Iterator[Fault]:
    """Karpenter finds no subnet that the internet reaches."""
    if topology.DISCOVERY in subnet.tags and topology.is_public(stack, subnet):
        yield Fault(f"tags.{topology.DISCOVERY}", "is on a public subnet", "take it off")


@rule("N3", types=[tokens.SUBNET], whole=True)
def nodes_leave_by_their_own_zone(subnet: Resource, stack: Stack) -> Iterator[Fault]:
    """A private subnet's way out is a NAT gateway of its own zone, or one that spans all."""
    route = topology.default_route(stack, subnet)
    if route is None or topology.is_public(stack, subnet):
        return
    gateways = stack.source(route, "natGatewayId", tokens.NAT)
    if not gateways:
        yield Fault("route", f"{route.name} has no NAT gateway of this program", "set natGatewayId")
    for gateway in gateways:
        if gateway.get("availabilityMode") == "regional":
            continue
        homes = stack.source(gateway, "subnetId", tokens.SUBNET)
        zones = {home.get("availabilityZone") for home in homes}
        if zones != {subnet.get("availabilityZone")}:
            yield Fault("route", f"leaves by {gateway.name} in another zone", "give the zone a NAT gateway")


@rule("N3", types=[tokens.NAT], whole=True)
def nat_gateway_reaches_the_internet(gateway: Resource, stack: Stack) -> Iterator[Fault]:
    """A NAT gateway is public and lies in a subnet that has an internet gateway."""
    if gateway.get("connectivityType") not in (None, "public"):
        yield Fault("connectivityType", "is not public", "leave it out")
    if gateway.get("availabilityMode") == "regional":
        return
    if not gateway.get("allocationId"):
        yield Fault("allocationId", "is missing", "pass an elastic address")
    homes = stack.source(gateway, "subnetId", tokens.SUBNET)
    if not homes or not all(topology.is_public(stack, home) for home in homes):
        yield Fault("subnetId", "is no public subnet", "pass a subnet that routes to the internet gateway")


@rule("N3", "N8", types=[tokens.SUBNET], whole=True)
def nodes_reach_aws(subnet: Resource, stack: Stack) -> Iterator[Fault]:
    """Nodes have a way out, or the endpoints of everything that they call."""
    if subnet.urn not in {s.urn for s in topology.node_subnets(stack)} or topology.default_route(stack, subnet):
        return
    for vpc in stack.source(subnet, "vpcId", tokens.VPC):
        missing = sorted(set(_SERVICES) - {s for e in _interface_endpoints(stack, vpc) if (s := _service(e))})
        if missing:
            yield Fault("route", f"there is none, and no endpoint for {', '.join(missing)}", "add either")


@rule("N8", types=[tokens.ENDPOINT], whole=True)
def interface_endpoint_serves_every_zone(endpoint: Resource, stack: Stack) -> Iterator[Fault]:
    """An interface endpoint answers under AWS's own names, once in each zone of the VPC."""
    if endpoint.get("vpcEndpointType") != "Interface":
        return
    if not endpoint.true("privateDnsEnabled"):
        yield Fault("privateDnsEnabled", "is not true", "set true")
    zones = {
        subnet.get("availabilityZone")
        for vpc in stack.source(endpoint, "vpcId", tokens.VPC)
        for subnet in topology.subnets(stack, vpc)
    }
    found = sorted(str(s.get("availabilityZone")) for s in stack.source(endpoint, "subnetIds", tokens.SUBNET))
    if found != sorted(map(str, zones)):
        yield Fault("subnetIds", f"lie in {', '.join(found) or 'no zone'}", "pass one subnet of each zone")
    if not stack.source(endpoint, "securityGroupIds", tokens.GROUP):
        yield Fault("securityGroupIds", "is no group of this program", "pass one that lets HTTPS in from the VPC")


@rule("N8", types=[tokens.VPC], whole=True)
def s3_is_reached_inside_aws(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """Every route table of the VPC leads to S3 by a gateway endpoint: images come from there."""
    gateways = [
        endpoint
        for endpoint in stack.users(vpc, "vpcId", tokens.ENDPOINT)
        if endpoint.get("vpcEndpointType") == "Gateway" and _service(endpoint) == "s3"
    ]
    reached = {table.urn for e in gateways for table in stack.source(e, "routeTableIds", tokens.ROUTE_TABLE)}
    for table in stack.users(vpc, "vpcId", tokens.ROUTE_TABLE):
        if table.urn not in reached:
            yield Fault("endpoints", f"{table.name} has no S3 gateway endpoint", "add the table to routeTableIds")


@rule("N9", types=[tokens.SUBNET], whole=True)
def load_balancers_find_their_subnets(subnet: Resource, stack: Stack) -> Iterator[Fault]:
    """Public subnets offer themselves to public load balancers, nodes' subnets to internal ones, none to both."""
    public, nodes = topology.is_public(stack, subnet), topology.node_subnets(stack)
    wanted = {topology.PUBLIC_BALANCERS} if public else set()
    if not public and subnet.urn in {s.urn for s in nodes}:
        wanted = {topology.INTERNAL_BALANCERS}
    found = {topology.PUBLIC_BALANCERS, topology.INTERNAL_BALANCERS} & subnet.tags.keys()
    for key in sorted(found - wanted):
        yield Fault(f"tags.{key}", "is on a subnet that is not for it", "take it off")
    for key in sorted(wanted - found):
        yield Fault(f"tags.{key}", "is missing", "set 1")


@rule("N9", types=[tokens.CLUSTER], whole=True)
def karpenter_finds_what_is_tagged(cluster: Resource, stack: Stack) -> Iterator[Fault]:
    """Karpenter's discovery tag is on the node groups' subnets, on no other, and on one security group."""
    taken = {s.urn: s for g in stack.of(tokens.NODE_GROUP) for s in stack.source(g, "subnetIds", tokens.SUBNET)}
    tagged = {subnet.urn: subnet for subnet in stack.of(tokens.SUBNET) if topology.DISCOVERY in subnet.tags}
    for urn in sorted(taken.keys() ^ tagged.keys()):
        name = (taken.get(urn) or tagged[urn]).name
        wrong = "has no discovery tag" if urn in taken else "has a discovery tag and no node group"
        yield Fault("discovery", f"{name} {wrong}", f"set {topology.DISCOVERY} on the node groups' subnets only")
    groups = [group.name for group in stack.of(tokens.GROUP) if topology.DISCOVERY in group.tags]
    groups += [tag.name for tag in stack.of(tokens.TAG) if tag.get("key") == topology.DISCOVERY]
    if len(groups) != 1:
        yield Fault("discovery", f"{len(groups)} security groups carry the tag", f"set {topology.DISCOVERY} on one")
    name = cluster.get("name")
    values = {subnet.tags[topology.DISCOVERY] for subnet in tagged.values()}
    values |= {tag.get("value") for tag in stack.of(tokens.TAG) if tag.get("key") == topology.DISCOVERY}
    if values - {name}:
        yield Fault("discovery", f"the tag names {', '.join(sorted(map(str, values)))}", f"set {name}")


@rule("N10", types=[tokens.VPC], whole=True)
def ranges_are_disjoint(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """VPC, pod, service and subnet ranges do not overlap, and subnets lie inside their VPC."""
    parts = [vpc, *stack.users(vpc, "vpcId", tokens.CIDR_ASSOCIATION), *topology.subnets(stack, vpc)]
    ranges = {part.name: found for part in parts if (found := topology.range_of(part))}
    for part in parts:
        if part.name not in ranges:
            yield Fault("cidrBlock", f"of {part.name} is missing", "set it")
    inside = {subnet.name for subnet in topology.subnets(stack, vpc)}
    outer = {name: found for name, found in ranges.items() if name not in inside}
    for cluster in stack.of(tokens.CLUSTER):
        text = cluster.get("kubernetesNetworkConfig.serviceIpv4Cidr")
        if not text:
            yield Fault("services", "the cluster's range is left to AWS", "set serviceIpv4Cidr")
        services = {"the cluster's services": IPv4Network(text)} if text else {}
        yield from _overlaps({**outer, **services})
    inner = {name: ranges[name] for name in sorted(inside & ranges.keys())}
    yield from _overlaps(inner)
    for name, found in inner.items():
        if not any(topology.inside(found, own) for own in outer.values()):
            yield Fault("subnets", f"{name} {found} is outside of the VPC", "choose a range inside")


def _overlaps(ranges: Mapping[str, IPv4Network]) -> Iterator[Fault]:
    for (name, one), (other_name, other) in combinations(ranges.items(), 2):
        if one.overlaps(other):
            yield Fault("cidrBlock", f"{name} {one} and {other_name} {other} overlap", "choose ranges that do not")


@rule("N10", types=[tokens.SUBNET], whole=True)
def subnet_lies_in_a_vpc_of_this_program(subnet: Resource, stack: Stack) -> Iterator[Fault]:
    """A subnet lies in a VPC of this program, whose ranges are compared."""
    if not stack.source(subnet, "vpcId", tokens.VPC):
        yield Fault("vpcId", "is no VPC of this program", "pass its id")


@rule("N10", types=[tokens.CLUSTER], whole=True)
def control_plane_has_subnets_of_its_own(cluster: Resource, stack: Stack) -> Iterator[Fault]:
    """The control plane's network interfaces lie in subnets of at least /28 in which nothing else does."""
    own = stack.source(cluster, "vpcConfig", tokens.SUBNET)
    if not own or not cluster.items("vpcConfig.subnetIds"):
        yield Fault("vpcConfig.subnetIds", "are no subnets of this program", "pass subnets made for it")
    nodes = {subnet.urn for subnet in topology.node_subnets(stack)}
    for subnet in own:
        found = topology.range_of(subnet)
        if found is None or found.prefixlen > 28:
            yield Fault("vpcConfig.subnetIds", f"{subnet.name} is smaller than /28", "make it larger")
        if subnet.urn in nodes or topology.is_public(stack, subnet):
            yield Fault("vpcConfig.subnetIds", f"{subnet.name} is shared", "pass subnets made for it")


@rule("N10", types=[tokens.ADDON], whole=True)
def prefixes_have_room(addon: Resource, stack: Stack) -> Iterator[Fault]:
    """With prefixes for pods, each subnet of pods keeps ranges in which no single address can be taken."""
    if addon.get("addonName") != "vpc-cni":
        return
    if addon.document("configurationValues").get("env", {}).get("ENABLE_PREFIX_DELEGATION") != "true":
        return
    for subnet in topology.pod_subnets(stack):
        reservations = stack.users(subnet, "subnetId", tokens.CIDR_RESERVATION)
        if not any(reservation.get("reservationType") == "prefix" for reservation in reservations):
            yield Fault("configurationValues", f"{subnet.name} reserves nothing for prefixes", "add a reservation")


def _interface_endpoints(stack: Stack, vpc: Resource) -> list[Resource]:
    return [e for e in stack.users(vpc, "vpcId", tokens.ENDPOINT) if e.get("vpcEndpointType") == "Interface"]


def _service(endpoint: Resource) -> str:
    """Return the service's name as the rules list it: `com.amazonaws.<region>.` and China's `cn.` are left out."""
    try:
        name = str(endpoint.get("serviceName"))
    except NotKnownError:
        return ""
    return ".".join(name.removeprefix("cn.").split(".")[3:])

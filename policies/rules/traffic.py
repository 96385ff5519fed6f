"""Security groups and flow logs: controls N4, N5, N6, N7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_network
from typing import Any

from policies import tokens, topology
from policies.resources import UNKNOWN, NotKnownError, Resource, Stack
from policies.rule import Fault, rule

# A range that is wider, by IP version, is a good part of the internet: two halves of it are the whole.
_WIDEST = {4: 8, 6: 7}
_RULES = (tokens.INGRESS_RULE, tokens.EGRESS_RULE, tokens.GROUP_RULE)


@rule("N4", types=[tokens.VPC], whole=True)
def vpc_is_logged(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """Every VPC has a flow log of all its traffic."""
    logs = stack.users(vpc, "vpcId", tokens.FLOW_LOG)
    if not any(log.get("trafficType") == "ALL" for log in logs):
        yield Fault("flow log", "there is none of ALL traffic", "add one")


@rule("N4", types=[tokens.FLOW_LOG], whole=True)
def flow_log_goes_to_a_group_of_its_own(log: Resource, stack: Stack) -> Iterator[Fault]:
    """A flow log goes to a log group of this program, whose retention and key are checked."""
    if log.get("logDestinationType") not in (None, "cloud-watch-logs"):
        yield Fault("logDestinationType", "is not cloud-watch-logs", "set it")
    if not stack.source(log, "logDestination", tokens.LOG_GROUP):
        yield Fault("logDestination", "is no log group of this program", "pass the group's ARN")


@rule("N4", types=[tokens.FLOW_LOG], whole=True)
def flow_log_delivery_writes_to_its_group_only(log: Resource, stack: Stack) -> Iterator[Fault]:
    """The role that delivers flow logs is for VPC flow logs alone and writes to that group alone."""
    roles = stack.source(log, "iamRoleArn", tokens.ROLE)
    if not roles:
        yield Fault("iamRoleArn", "is no role of this program", "pass one made for it")
    groups = [str(group.get("name")) for group in stack.source(log, "logDestination", tokens.LOG_GROUP)]
    for role in roles:
        policies = stack.users(role, "role", tokens.ROLE_POLICY)
        if not policies:
            yield Fault("iamRoleArn", f"{role.name} has no policy, so that nothing is delivered", "add one")
        if stack.users(role, "role", tokens.ATTACHMENT) or role.get("managedPolicyArns"):
            yield Fault("iamRoleArn", f"{role.name} has managed policies", "give it its own only")
        named = [arn for policy in policies for arn in _resources(policy.document("policy"))]
        if policies and not named:
            yield Fault("iamRoleArn", f"{role.name} may do nothing", "let it write to the group")
        for resource in named:
            if resource.partition(":log-group:")[2].removesuffix(":*") not in groups:
                yield Fault("iamRoleArn", f"{role.name} may write to {resource}", "name the group")


@rule("N5", types=[tokens.DEFAULT_GROUP])
def default_security_group_is_closed(group: Resource) -> Iterator[Fault]:
    """The VPC's default security group has no rule."""
    for key in ("ingress", "egress"):
        if group.get(key) != []:
            yield Fault(key, "is not the empty list", "set []")


@rule("N5", types=[tokens.VPC], whole=True)
def default_security_group_is_taken_over(vpc: Resource, stack: Stack) -> Iterator[Fault]:
    """The default security group, which AWS makes open, is taken over by the program."""
    if not stack.users(vpc, "vpcId", tokens.DEFAULT_GROUP):
        yield Fault("default security group", "is left as AWS makes it", "add a DefaultSecurityGroup without rules")


@rule("N5", types=[tokens.GROUP, tokens.INGRESS_RULE, tokens.GROUP_RULE])
def nobody_comes_in_from_everywhere(resource: Resource) -> Iterator[Fault]:
    """No rule lets the whole internet in; a load balancer that shall be public is named in the waivers."""
    if resource.type == tokens.GROUP_RULE and resource.get("type") != "ingress":
        return
    entries = resource.items("ingress") if resource.type == tokens.GROUP else [resource.props]
    for entry in entries:
        for cidr in filter(_is_everywhere, sorted(_cidrs(entry))):
            yield Fault("ingress", f"{cidr} may come in", "name who may")


@rule("N6", types=[tokens.GROUP])
def security_group_holds_no_rules(group: Resource) -> Iterator[Fault]:
    """Each rule is a resource of its own; a group says what it is for, and its name leaves room for a replacement."""
    for key in ("ingress", "egress"):
        if group.get(key):
            yield Fault(key, "holds rules", "make each a resource of its own")
    if not group.get("description"):
        yield Fault("description", "is missing", "say what the group is for")
    # By the time it is asked a name may have been filled in: the logical one, or the prefix, and seven digits.
    name = group.get("name")
    if name and not group.get("namePrefix") and not re.fullmatch(r".+-[0-9a-f]{7}", name):
        yield Fault("name", "is fixed", "set namePrefix instead")


@rule("N6", types=[tokens.GROUP], whole=True)
def security_group_is_bounded(group: Resource, stack: Stack) -> Iterator[Fault]:
    """A group is of a VPC of this program, and one that calls nobody says so: AWS would open it."""
    if not stack.source(group, "vpcId", tokens.VPC):
        yield Fault("vpcId", "is no VPC of this program", "pass its id")
    if not stack.users(group, "securityGroupId", tokens.EGRESS_RULE) and group.get("egress") != []:
        yield Fault("egress", "is left to AWS, which opens it", "set [] or add rules")


@rule("N6", types=_RULES)
def security_group_rule_says_what_for(resource: Resource) -> Iterator[Fault]:
    """Each security group rule has a description."""
    if not resource.get("description"):
        yield Fault("description", "is missing", "say who talks to whom and why")


@rule("N6", types=[tokens.EGRESS_RULE, tokens.GROUP_RULE])
def nobody_goes_out_to_everywhere(resource: Resource) -> Iterator[Fault]:
    """No rule lets traffic out to everywhere; a group whose nodes must is named in the waivers."""
    if resource.type == tokens.GROUP_RULE and resource.get("type") != "egress":
        return
    for cidr in filter(_is_everywhere, sorted(_cidrs(resource.props))):
        yield Fault("egress", f"{cidr} may be reached", "name who is to be reached")


@rule("N6", "N7", types=[tokens.TAG], whole=True)
def nodes_have_a_group_of_their_own(tag: Resource, stack: Stack) -> Iterator[Fault]:
    """Nodes do not share the cluster's own group, in which everybody may talk to everybody and to everywhere."""
    if tag.get("key") != topology.DISCOVERY:
        return
    if not stack.source(tag, "resourceId", tokens.CLUSTER) and not stack.source(tag, "resourceId", tokens.GROUP):
        yield Fault("resourceId", "is no group of this program", "pass its id")
    if stack.source(tag, "resourceId", tokens.CLUSTER):
        yield Fault("resourceId", "is the group that EKS makes for the control plane", "tag a group for nodes")


@rule("N7", types=[tokens.GROUP, tokens.TAG], whole=True)
def one_group_belongs_to_the_cluster(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """One group carries `kubernetes.io/cluster/…`, EKS's own or all machines': with two, load balancers stop."""
    if resource.type == tokens.GROUP and topology.groups(stack).get(resource.urn) == "nodes":
        if sum(_is_owned(key) for key in resource.tags) != 1:
            yield Fault("tags", "lack kubernetes.io/cluster/<name>, or have it twice", "set it once")
        return
    keys = [*resource.tags, resource.get("key")] if resource.type == tokens.TAG else [*resource.tags]
    for key in filter(_is_owned, keys):
        yield Fault("tags", f"{key} is for the group that all nodes are in", "take it off")


@rule("N8", types=[tokens.INGRESS_RULE, tokens.EGRESS_RULE], whole=True)
def endpoints_take_https_from_the_vpc(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """What reaches an interface endpoint is HTTPS from inside the VPC; an endpoint itself calls nobody."""
    groups = stack.source(resource, "securityGroupId", tokens.GROUP)
    if not any(stack.users(group, "securityGroupIds", tokens.ENDPOINT) for group in groups):
        return
    if resource.type == tokens.EGRESS_RULE:
        yield Fault("securityGroupId", "lets an endpoint call out", "take the rule out")
        return
    ports = (resource.get("ipProtocol"), resource.get("fromPort"), resource.get("toPort"))
    if ports != ("tcp", 443, 443):
        yield Fault("fromPort", f"lets {ports} in", "let tcp 443 in")
    ranges = [topology.range_of(part) for part in (*stack.of(tokens.VPC), *stack.of(tokens.CIDR_ASSOCIATION))]
    named = _cidrs(resource.props)
    if not named and not resource.get("referencedSecurityGroupId"):
        yield Fault("cidrIpv4", "is missing", "name the VPC's range")
    for cidr in sorted(named):
        if ":" in cidr or not any(topology.inside(IPv4Network(cidr), own) for own in ranges):
            yield Fault("cidrIpv4", f"{cidr} is not the VPC", "name the VPC's range")


@rule("N8", types=[tokens.ENDPOINT], whole=True)
def endpoint_lets_the_vpc_in(endpoint: Resource, stack: Stack) -> Iterator[Fault]:
    """An interface endpoint's group lets every range of the VPC in."""
    if endpoint.get("vpcEndpointType") != "Interface":
        return
    ranges = {part.get("cidrBlock") for part in (*stack.of(tokens.VPC), *stack.of(tokens.CIDR_ASSOCIATION))}
    for group in stack.source(endpoint, "securityGroupIds", tokens.GROUP):
        entries = stack.users(group, "securityGroupId", tokens.INGRESS_RULE)
        for cidr in sorted(ranges - {cidr for entry in entries for cidr in _cidrs(entry.props)}):
            yield Fault("securityGroupIds", f"{group.name} does not let {cidr} in", "add a rule for HTTPS from it")


def _is_owned(key: Any) -> bool:
    return str(key).startswith("kubernetes.io/cluster/")


def _cidrs(entry: Any) -> set[str]:
    """Return the ranges of a rule, whichever of the three forms it has."""
    lists = (entry.get("cidrBlocks") or [], entry.get("ipv6CidrBlocks") or [])
    if UNKNOWN in lists or any(UNKNOWN in one for one in lists):
        raise NotKnownError
    found = {cidr for cidr in (*lists[0], *lists[1], entry.get("cidrIpv4"), entry.get("cidrIpv6")) if cidr}
    if UNKNOWN in found:
        raise NotKnownError
    return found


def _is_everywhere(cidr: str) -> bool:
    """Whether the range is a good part of the internet, however it is written."""
    network = ip_network(cidr, strict=False)
    return network.prefixlen < _WIDEST[network.version]


def _resources(document: Any) -> list[str]:
    found = [statement.get("Resource", []) for statement in document.get("Statement", [])]
    return [text for item in found for text in ([item] if isinstance(item, str) else item)]

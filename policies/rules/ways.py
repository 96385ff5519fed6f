"""Who reaches machines and the API's load balancers at which port: control P3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies import tokens, topology
from policies.resources import Resource, Stack
from policies.rule import Fault, rule

# Protocol, first port, last port.
_Ports = tuple[Any, Any, Any]
_API: Final[_Ports] = ("tcp", 6443, 6443)
_ETCD: Final[_Ports] = ("tcp", 2379, 2380)
_KUBELET: Final[_Ports] = ("tcp", 10250, 10250)
# Calico's: pods' packets, and what tells nodes of policies
# (https://docs.tigera.io/calico/latest/getting-started/kubernetes/requirements#network-requirements).
_CALICO: Final[tuple[_Ports, ...]] = (("udp", 4789, 4789), ("tcp", 5473, 5473))
# Figures of each machine, which Prometheus asks on the nodes' own network (https://github.com/prometheus/node_exporter).
_NODE_EXPORTER: Final[_Ports] = ("tcp", 9100, 9100)
# What may come in, by whose group it is, and from whose; "range" is addresses instead of a group.
_WAYS_IN: Final[Mapping[str, frozenset[tuple[str, _Ports]]]] = {
    "nodes": frozenset(("nodes", ports) for ports in (_KUBELET, *_CALICO, _NODE_EXPORTER)),
    "control-planes": frozenset(
        {
            ("nodes", _API),
            ("internal-balancer", _API),
            ("public-balancer", _API),
            ("control-planes", _ETCD),
        }
    ),
    "internal-balancer": frozenset({("nodes", _API)}),
    "public-balancer": frozenset({("range", _API)}),
    "machines": frozenset(),
}
# Of the internet: registries, repositories and AWS, and Ubuntu's archives, which are signed and come by HTTP.
_OUTSIDE: Final[tuple[_Ports, ...]] = (("tcp", 443, 443), ("tcp", 80, 80))
_NFS: Final[_Ports] = ("tcp", 2049, 2049)


@rule("N7", "P3", types=[tokens.INGRESS_RULE], whole=True)
def machines_are_reached_as_listed(way: Resource, stack: Stack) -> Iterator[Fault]:
    """Machines are reached by each other and the API's balancers, at listed ports; etcd by control planes alone."""
    whose = topology.groups(stack)
    for group in stack.source(way, "securityGroupId", tokens.GROUP):
        kind = whose.get(group.urn)
        if kind is not None and (_source(way, whose), _ports(way)) not in _WAYS_IN[kind]:
            protocol, first, last = _ports(way)
            said = f"lets {_source(way, whose)} in at {protocol} {first} to {last}"
            yield Fault("fromPort", f"{said}, which is not in the table of {kind}", "take the rule out")


@rule("P3", types=[tokens.INGRESS_RULE, tokens.EGRESS_RULE], whole=True)
def both_ends_are_open(way: Resource, stack: Stack) -> Iterator[Fault]:
    """What a group lets out to another one that one lets in, and the other way round."""
    others = tokens.EGRESS_RULE if way.type == tokens.INGRESS_RULE else tokens.INGRESS_RULE
    whose = topology.groups(stack)
    (here, *_), (there, *_) = _ends(way, "securityGroupId"), _ends(way, "referencedSecurityGroupId")
    if here not in whose or there not in whose:
        return
    for other in stack.of(others):
        ends = _ends(other, "securityGroupId")[0], _ends(other, "referencedSecurityGroupId")[0]
        if ends == (there, here) and _ports(other) == _ports(way):
            return
    yield Fault("referencedSecurityGroupId", "does not let it through", "add the rule of the other group")


@rule("P3", types=[tokens.GROUP], whole=True)
def machines_have_their_ways(group: Resource, stack: Stack) -> Iterator[Fault]:
    """What machines, etcd and the API's balancers need is open: else no machine joins, and nobody says why."""
    whose = topology.groups(stack)
    kind = whose.get(group.urn)
    if kind is None:
        return
    ways = stack.users(group, "securityGroupId", tokens.INGRESS_RULE)
    open_ = {(_source(way, whose), _ports(way)) for way in ways}
    there = {*whose.values(), "range"}
    for source, ports in sorted(_WAYS_IN[kind]):
        alone = ports == _ETCD and len(topology.control_planes(stack)) < 2
        if source in there and not alone and (source, ports) not in open_:
            yield Fault("ingress", f"{source} is not let in at {ports}", "add a rule")
    if kind == "nodes":
        if "control-planes" not in there:
            yield Fault("control planes", "have no group of their own", "add one that lets the API in")
        out = stack.users(group, "securityGroupId", tokens.EGRESS_RULE)
        ranges = {_ports(way) for way in out if way.get("cidrIpv4")}
        for ports in sorted(_wanted_outside(stack) - ranges):
            yield Fault("egress", f"nobody is called at {ports}", "add a rule")


def _wanted_outside(stack: Stack) -> set[_Ports]:
    outside = any(topology.default_route(stack, subnet) for subnet in topology.node_subnets(stack))
    return {*(_OUTSIDE if outside else ()), *((_NFS,) if stack.of(tokens.MOUNT_TARGET) else ())}


def _ends(way: Resource, key: str) -> tuple[str | None, ...]:
    return tuple(sorted(way.sources.get(key, ()))) or (None,)


def _source(way: Resource, whose: Mapping[str, str]) -> str:
    """Return whose group may come in, `range` for addresses, and what the rule says otherwise."""
    urn = _ends(way, "referencedSecurityGroupId")[0]
    if urn is not None and way.given("referencedSecurityGroupId"):
        return whose.get(urn, "others")
    return "range" if way.given("cidrIpv4") else "others"


def _ports(way: Resource) -> _Ports:
    return way.get("ipProtocol"), way.get("fromPort"), way.get("toPort")

"""Who reaches whom: the security groups as registered against the port table of the documents, both ways."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from itertools import product
from typing import Any, Final

import pytest

from components.self_managed.security_groups import SecurityGroups, SecurityGroupsArgs
from tests.captures import Capture, Registration
from tests.components import Mutation, changed, shown, without
from tests.components.conftest import GROUP, INGRESS, Builder, _builder
from tests.conftest import CaptureProgram

EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
OFFICE, STRANGER, NEIGHBOUR = "203.0.113.7", "198.51.100.7", "10.0.99.9"
# Groups that somebody is in, or an address: of the office, of somebody else, of something else in the VPC.
ROLES: Final[dict[str, frozenset[str]]] = {
    "control plane": frozenset({"groups-nodes", "groups-control-planes"}),
    "worker": frozenset({"groups-nodes"}),
    "internal balancer": frozenset({"groups-internal-balancer"}),
    "public balancer": frozenset({"groups-public-balancer"}),
    OFFICE: frozenset(),
    STRANGER: frozenset(),
    NEIGHBOUR: frozenset(),
}
MACHINES: Final = ("control plane", "worker")
OUTSIDE: Final = (OFFICE, STRANGER, NEIGHBOUR)
TCP: Final = (22, 53, 80, 179, 443, 2049, 2378, 2379, 2380, 2381, 5473, 6442, 6443, 6444, 8443, 9099, 9100, 9101, 9443)
MORE: Final = (10249, 10250, 10255, 10256, 10257, 10259, 30000, 31234, 32767)
PROBES: Final = [*(("tcp", port) for port in (*TCP, *MORE, 4789)), ("udp", 53), ("udp", 4789), ("udp", 8472), ("4", 0)]

Reach = set[tuple[str, str, str, int]]


@pytest.fixture(scope="session")
def groups(capture: CaptureProgram) -> Builder:
    """Register the groups of three control planes with a public balancer; keyword arguments replace the example's."""
    example: dict[str, Any] = {
        "cluster_name": "demo",
        "region": "ap-northeast-2",
        "partition": "aws",
        "account_id": "123456789012",
        "permissions_boundary": None,
        "tags": {"project": "demo"},
        "vpc_id": "vpc-1",
        "control_planes": 3,
        "public_access_cidrs": ("203.0.113.0/24",),
    }
    return _builder(capture, example, lambda args: SecurityGroups("groups", SecurityGroupsArgs(**args)))


def wanted(*, planes: int = 3, public: bool = True) -> Reach:
    """The documents' table, spelt out: (from, to, protocol, port)."""
    reach: Reach = set()
    for source, target in product(MACHINES, MACHINES):
        reach |= {(source, target, "tcp", port) for port in (10250, 5473, 9100)} | {(source, target, "udp", 4789)}
    api = [*product(MACHINES, ["control plane"])]
    if planes > 1:
        api += [*product(MACHINES, ["internal balancer"]), ("internal balancer", "control plane")]
        reach |= {("control plane", "control plane", "tcp", port) for port in (2379, 2380)}
    if public:
        api += [(OFFICE, "public balancer"), ("public balancer", "control plane")]
    reach |= {(source, target, "tcp", 6443) for source, target in api}
    return reach | {(source, target, "tcp", port) for source, target, port in product(MACHINES, OUTSIDE, (443, 80))}


def let_out(captured: Capture) -> Reach:
    """What the sources' groups let out."""
    rules = captured.of_type(EGRESS)
    return {
        (source, target, protocol, port)
        for (source, target), (protocol, port) in product(product(ROLES, ROLES), PROBES)
        if source not in OUTSIDE and _passes(rules, source, target, protocol, port)
    }


def let_in(captured: Capture) -> Reach:
    """What the targets' groups let in."""
    rules = captured.of_type(INGRESS)
    return {
        (source, target, protocol, port)
        for (source, target), (protocol, port) in product(product(ROLES, ROLES), PROBES)
        if target not in OUTSIDE and _passes(rules, target, source, protocol, port)
    }


def deviations(captured: Capture, table: Reach) -> list[str]:
    """Compare each end by itself: what one end closes is no excuse for the other."""
    out = {row for row in table if row[0] not in OUTSIDE}
    into = {row for row in table if row[1] not in OUTSIDE}
    return [
        *(f"lets out: {row}" for row in sorted(let_out(captured) ^ out)),
        *(f"lets in: {row}" for row in sorted(let_in(captured) ^ into)),
    ]


def _passes(rules: Iterable[Registration], here: str, there: str, protocol: str, port: int) -> bool:
    return any(
        rule.source("securityGroupId").rpartition("::")[2] in ROLES[here]
        # With all protocols AWS takes no notice of ports.
        and (
            rule.inputs["ipProtocol"] == "-1"
            or (rule.inputs["ipProtocol"] == protocol and rule.inputs["fromPort"] <= port <= rule.inputs["toPort"])
        )
        and _names(rule, there)
        for rule in rules
    )


def _names(rule: Registration, side: str) -> bool:
    if "cidrIpv4" in rule.inputs:
        return side in OUTSIDE and IPv4Address(side) in IPv4Network(rule.inputs["cidrIpv4"])
    return rule.source("referencedSecurityGroupId").rpartition("::")[2] in ROLES[side]


def test_reachability_is_the_port_table(groups: Builder) -> None:
    """Every pair of roles, at every port of interest and beside it: exactly the table, with the balancers' hops."""
    assert deviations(groups(), wanted()) == []


@pytest.mark.parametrize(("planes", "public"), [(1, False), (1, True), (3, False)])
def test_smaller_clusters_open_less(groups: Builder, planes: int, public: bool) -> None:
    """One control plane has no etcd peers and no internal balancer; without ranges nobody outside reaches the API."""
    cidrs = ("203.0.113.0/24",) if public else ()
    captured = groups(control_planes=planes, public_access_cidrs=cidrs)
    assert deviations(captured, wanted(planes=planes, public=public)) == []
    names = {r.name for r in captured.of_type(GROUP)}
    assert ("groups-internal-balancer" in names, "groups-public-balancer" in names) == (planes > 1, public)


def test_etcd_is_the_control_planes_own(groups: Builder) -> None:
    """No worker, balancer or outsider gets to 2379 or 2380."""
    ways = {(source, target) for source, target, _, port in let_in(groups()) if port in (2379, 2380)}
    assert ways == {("control plane", "control plane")}


def test_nothing_comes_in_from_anywhere(groups: Builder) -> None:
    """No way in has a range but what the configuration declares; ways out to anywhere are HTTPS and HTTP of nodes."""
    captured = groups()
    assert [r.inputs["cidrIpv4"] for r in captured.of_type(INGRESS) if "cidrIpv4" in r.inputs] == ["203.0.113.0/24"]
    out = {(r.name, r.inputs["fromPort"]) for r in captured.of_type(EGRESS) if "cidrIpv4" in r.inputs}
    assert out == {("groups-nodes-https-to-anywhere", 443), ("groups-nodes-http-to-anywhere", 80)}


def test_more_ways_out_are_declared(groups: Builder) -> None:
    """A port of the internet and the range of mount targets are added, and change no other rule."""
    before, after = groups(), groups(outbound_ports=(22, 443), file_system_cidrs=("10.0.0.0/16",))
    assert set(after.urns) - set(before.urns) == {
        urn
        for urn in after.urns
        if urn.endswith(("groups-nodes-tcp-22-to-anywhere", "groups-nodes-nfs-to-10-0-0-0-16"))
    }
    assert let_out(after) - let_out(before) == {
        *((source, target, "tcp", 22) for source, target in product(MACHINES, OUTSIDE)),
        *((source, NEIGHBOUR, "tcp", 2049) for source in MACHINES),
    }


def tagged(captured: Capture) -> list[str]:
    """Name the groups with the cluster's tag: a machine may be in one of them only."""
    return [r.name for r in captured.of_type(GROUP) if "kubernetes.io/cluster/demo" in r.inputs["tags"]]


def test_one_group_carries_the_clusters_tag(groups: Builder) -> None:
    """The load balancer controller finds exactly one on every machine."""
    captured = groups()
    assert tagged(captured) == ["groups-nodes"]
    tags = {**captured.one(GROUP, "groups-control-planes").inputs["tags"], "kubernetes.io/cluster/demo": "owned"}
    assert tagged(captured.changed(GROUP, "groups-control-planes", {"tags": tags})) != ["groups-nodes"]


def test_groups_leave_rules_to_others(groups: Builder) -> None:
    """No list of rules in a group: an update of it would take out what the load balancer controller opened."""
    assert not [r.name for r in groups().of_type(GROUP) if {"ingress", "egress"} & set(r.inputs)]


def test_every_rule_says_what_it_is_for(groups: Builder) -> None:
    """Every rule has a description and the stack's tags."""
    rules = [rule for kind in (INGRESS, EGRESS) for rule in groups().of_type(kind)]
    assert all(rule.inputs["description"] and rule.inputs["tags"]["project"] == "demo" for rule in rules)


_TO = "groups-control-planes-etcd-from-control-planes"
MUTATIONS: Final[list[Mutation]] = [
    changed(INGRESS, _TO, {"fromPort": 0, "toPort": 65535}),
    changed(INGRESS, _TO, {"fromPort": 2379, "toPort": 2379}),
    changed(INGRESS, "groups-control-planes-api-from-nodes", {"ipProtocol": "-1"}),
    changed(INGRESS, "groups-public-balancer-api-from-203-0-113-0-24", {"cidrIpv4": "0.0.0.0/0"}),
    changed(INGRESS, "groups-nodes-vxlan-from-nodes", {"ipProtocol": "tcp"}),
    changed(INGRESS, "groups-nodes-kubelet-from-nodes", {"toPort": 10259}),
    changed(EGRESS, "groups-nodes-https-to-anywhere", {"ipProtocol": "-1", "fromPort": 0, "toPort": 65535}),
    without(EGRESS, "groups-nodes-typha-to-nodes"),
    without(INGRESS, "groups-nodes-node-exporter-from-nodes"),
    without(EGRESS, "groups-nodes-api-to-internal-balancer"),
    without(INGRESS, "groups-control-planes-api-from-internal-balancer"),
]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=shown)
def test_a_changed_rule_is_seen(groups: Builder, mutate: Mutation) -> None:
    """Every widened, narrowed or missing rule makes the comparison with the table fail."""
    assert deviations(mutate(groups()), wanted())

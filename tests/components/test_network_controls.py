"""What the network registers, control by control, each with a mutation that the control catches.

A control returns what is wrong with a capture: nothing for the network as it is, something for each mutation.
"""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import pytest

from tests.captures import Capture
from tests.components import CLOSED, REGIONAL, Control, Mutation, changed, shown, without
from tests.components.conftest import (
    ASSOCIATION,
    BOUNDARY,
    CLUSTER,
    DEFAULT_GROUP,
    EIP,
    ENDPOINT,
    FLOW_LOG,
    GATEWAY,
    INGRESS,
    KEY,
    LOG_GROUP,
    NAT,
    RESERVATION,
    ROLE,
    ROLE_POLICY,
    ROUTE,
    SECOND_RANGE,
    SUBNET,
    TABLE,
    TAGS,
    VPC,
    Builder,
    default_routes,
)
from tests.conftest import ACCOUNT

UNTAGGED = {ROUTE, ASSOCIATION, ROLE_POLICY, RESERVATION, SECOND_RANGE, "aws:kms/alias:Alias"}
ZONES = {"a": "ap-northeast-2a", "b": "ap-northeast-2b", "c": "ap-northeast-2c"}
LOG_GROUP_ARN = f"arn:aws:logs:ap-northeast-2:{ACCOUNT}:log-group:/aws/vpc/{CLUSTER}/flow-logs"


def children_without_parent(captured: Capture) -> list[str]:
    """Every child hangs under the network or its flow logs; the network under the stack."""
    components = {r.urn for r in captured.resources if not r.custom}
    children = [r for r in captured.resources if r.type != "platform:network:Network"]
    return [r.urn for r in children if r.parent not in components]


def options_of_its_own(captured: Capture) -> list[str]:
    """Protection and retention are the caller's to set, and nothing drifts unseen."""
    return [r.urn for r in captured.resources if r.protect or r.retain_on_delete or r.ignore_changes or r.aliases]


def missing_tags(captured: Capture) -> list[str]:
    """Whatever can carry tags carries the caller's."""
    taggable = [r for r in captured.resources if r.custom and r.type not in UNTAGGED]
    return [r.urn for r in taggable if not TAGS.items() <= r.inputs.get("tags", {}).items()]


def zones_without_a_subnet(captured: Capture) -> list[str]:
    """Each role has one subnet per zone, and names resolve inside the VPC."""
    subnets = {(r.name, r.inputs["availabilityZone"]) for r in captured.of_type(SUBNET)}
    roles = ["private", "public", "cluster", *(["pods"] if captured.of_type(SECOND_RANGE) else [])]
    wanted = {(f"network-{role}-{k}", z) for role in roles for k, z in ZONES.items()}
    vpc = captured.one(VPC, "network-vpc").inputs
    dns = [] if vpc.get("enableDnsSupport") and vpc.get("enableDnsHostnames") else ["DNS is off"]
    return [f"{name} in {zone}" for name, zone in subnets ^ wanted] + dns


def public_addresses(captured: Capture) -> list[str]:
    """No subnet hands out public addresses."""
    return [r.urn for r in captured.of_type(SUBNET) if r.inputs.get("mapPublicIpOnLaunch") is not False]


def foreign_nat(captured: Capture) -> list[str]:
    """Each private subnet leaves by the NAT gateway in its own zone's public subnet."""
    nats = {r.urn: r for r in captured.of_type(NAT)}
    ways = default_routes(captured)
    wrong = []
    for key in ZONES:
        way = ways.get(f"network-private-{key}")
        nat = nats.get(way.source("natGatewayId")) if way and "natGatewayId" in way.inputs else None
        if nat is None or nat.source("subnetId") != captured.one(SUBNET, f"network-public-{key}").urn:
            wrong.append(f"private-{key} does not leave by its own zone")
    return wrong


def internet_where_none_belongs(captured: Capture) -> list[str]:
    """Public subnets leave by the internet gateway, the control plane's subnets not at all."""
    ways = default_routes(captured)
    wrong = [name for name in ways if name.startswith("network-cluster-")]
    gateway = captured.one(GATEWAY, "network-igw").urn
    for key in ZONES:
        way = ways.get(f"network-public-{key}")
        if way is None or way.source("gatewayId") != gateway:
            wrong.append(f"public-{key} has no way to the internet")
    return wrong


def open_default_group(captured: Capture) -> list[str]:
    """The VPC's default security group is adopted and has no rules."""
    group = captured.one(DEFAULT_GROUP, "network-default")
    rules = [key for key in ("ingress", "egress") if group.inputs.get(key) != []]
    return rules + ([] if group.source("vpcId") == captured.one(VPC, "network-vpc").urn else ["not of this VPC"])


def misplaced_subnet_tags(captured: Capture) -> list[str]:
    """Load balancers and Karpenter find exactly the subnets meant for them."""
    wanted = {
        "public": {"kubernetes.io/role/elb": "1"},
        "private": {"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": CLUSTER},
        "cluster": {},
        "pods": {},
    }
    wrong = []
    for subnet in captured.of_type(SUBNET):
        tags = {k: v for k, v in subnet.inputs["tags"].items() if k not in TAGS and k != "Name"}
        if tags != wanted[subnet.name.split("-")[1]]:
            wrong.append(f"{subnet.name}: {tags}")
    return wrong


def shared_ranges(captured: Capture) -> list[str]:
    """Subnets are disjoint, each in its own range, and the control plane's are none of the others and at least /28."""
    ranges = {r.name: IPv4Network(r.inputs["cidrBlock"]) for r in captured.of_type(SUBNET)}
    vpc = IPv4Network(captured.one(VPC, "network-vpc").inputs["cidrBlock"])
    pods = [IPv4Network(r.inputs["cidrBlock"]) for r in captured.of_type(SECOND_RANGE)]
    wrong = [f"{a} and {b}" for a, b in combinations(ranges, 2) if ranges[a].overlaps(ranges[b])]
    for name, range_ in ranges.items():
        homes = pods if "-pods-" in name else [vpc]
        wrong += [] if any(range_.subnet_of(home) for home in homes) else [f"{name} lies outside its range"]
        wrong += [f"{name} is too small"] if range_.prefixlen > 28 else []
    return wrong + [f"{home} overlaps the VPC" for home in pods if home.overlaps(vpc)]


def scattered_prefixes(captured: Capture) -> list[str]:
    """Three quarters of each subnet that pods use, and nothing of any other, is kept for prefixes."""
    role = "pods" if captured.of_type(SECOND_RANGE) else "private"
    kept: dict[str, list[IPv4Network]] = {f"network-{role}-{key}": [] for key in ZONES}
    subnets = {r.urn: r for r in captured.of_type(SUBNET)}
    wrong = []
    for reservation in captured.of_type(RESERVATION):
        subnet = subnets[reservation.source("subnetId")]
        if reservation.inputs["reservationType"] != "prefix" or subnet.name not in kept:
            wrong.append(f"{reservation.name} keeps the wrong thing")
        kept.setdefault(subnet.name, []).append(IPv4Network(reservation.inputs["cidrBlock"]))
    for name, ranges in kept.items():
        whole = IPv4Network(captured.one(SUBNET, name).inputs["cidrBlock"])
        share = sum(range_.num_addresses for range_ in ranges if range_.subnet_of(whole)) / whole.num_addresses
        overlapping = any(a.overlaps(b) for a, b in combinations(ranges, 2))
        wrong += [] if share == 0.75 and not overlapping else [f"{share} of {name} is kept for prefixes"]
    return wrong


def s3_over_nat(captured: Capture) -> list[str]:
    """Every route table leads to S3 without a NAT gateway."""
    endpoint = captured.one(ENDPOINT, "network-s3")
    missing = {r.urn for r in captured.of_type(TABLE)} ^ set(endpoint.property_dependencies["routeTableIds"])
    right = (endpoint.inputs["vpcEndpointType"], endpoint.inputs["serviceName"]) == (
        "Gateway",
        "com.amazonaws.ap-northeast-2.s3",
    )
    return sorted(missing) + ([] if right else ["not the gateway endpoint of S3"])


def unsafe_flow_log(captured: Capture) -> list[str]:
    """All traffic is logged to a group with retention and a key of its own."""
    log = captured.one(FLOW_LOG, "network-flow-logs-vpc")
    group = captured.one(LOG_GROUP, "network-flow-logs")
    key = captured.one(KEY, "network-flow-logs")
    checks = {
        "traffic": log.inputs["trafficType"] == "ALL" and log.source("vpcId") == captured.one(VPC, "network-vpc").urn,
        "destination": log.source("logDestination") == group.urn,
        "retention": group.inputs.get("retentionInDays") == 90,
        "encryption": group.property_dependencies.get("kmsKeyId") == (key.urn,),
        "rotation": key.inputs.get("enableKeyRotation") is True and key.inputs["deletionWindowInDays"] == 30,
    }
    return [name for name, holds in checks.items() if not holds]


def confused_deputies(captured: Capture) -> list[str]:
    """What a service principal may do is bound to this account and this log group."""
    key = json.loads(captured.one(KEY, "network-flow-logs").inputs["policy"])["Statement"]
    trust = json.loads(captured.one(ROLE, "network-flow-logs-delivery").inputs["assumeRolePolicy"])["Statement"]
    (delivery,) = json.loads(captured.one(ROLE_POLICY, "network-flow-logs-delivery").inputs["policy"])["Statement"]
    flow_logs = f"arn:aws:ec2:ap-northeast-2:{ACCOUNT}:vpc-flow-log/*"
    conditions = {
        "logs.ap-northeast-2.amazonaws.com": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": LOG_GROUP_ARN}},
        "vpc-flow-logs.amazonaws.com": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": flow_logs},
        },
    }
    services = {s["Principal"]["Service"]: s.get("Condition") for s in [*key, *trust] if "Service" in s["Principal"]}
    wrong = [] if services == conditions else [f"conditions are {services}"]
    if set(delivery["Resource"]) != {LOG_GROUP_ARN, f"{LOG_GROUP_ARN}:*"}:
        wrong.append(f"delivers to {delivery['Resource']}")
    return wrong + [action for action in delivery["Action"] if action == "logs:CreateLogGroup" or "*" in action]


def unsafe_destroy_order(captured: Capture) -> list[str]:
    """Who is needed outlives who needs it: gateway and NAT, log group and flow log, permission and role's user."""
    gateway = captured.one(GATEWAY, "network-igw").urn
    log = captured.one(FLOW_LOG, "network-flow-logs-vpc")
    log_needs = {
        captured.one(LOG_GROUP, "network-flow-logs").urn,
        captured.one(KEY, "network-flow-logs").urn,
        captured.one(ROLE_POLICY, "network-flow-logs-delivery").urn,
    }
    holders = [*captured.of_type(NAT), *captured.of_type(EIP)]
    wrong = [f"{r.name} outlives the internet gateway" for r in holders if gateway not in captured.needs(r)]
    return wrong + [f"the flow log outlives {urn}" for urn in log_needs - captured.needs(log)]


def unbounded_roles(captured: Capture) -> list[str]:
    """The permissions boundary reaches every role."""
    return [r.urn for r in captured.of_type(ROLE) if r.inputs.get("permissionsBoundary") != BOUNDARY]


def unregistered_outputs(captured: Capture) -> list[str]:
    """Both components show their outputs."""
    return [r.urn for r in captured.resources if not r.custom and not captured.outputs.get(r.urn)]


def _reservation_elsewhere(captured: Capture) -> Capture:
    reservation = captured.one(RESERVATION, "network-private-a-prefixes-half")
    public = {**reservation.property_dependencies, "subnetId": (captured.one(SUBNET, "network-public-a").urn,)}
    return captured.changed(RESERVATION, reservation.name, property_dependencies=public)


def _without_discovery(captured: Capture) -> Capture:
    return captured.changed(SUBNET, "network-cluster-a", {"tags": {**TAGS, "karpenter.sh/discovery": CLUSTER}})


def _other_zones_nat(captured: Capture) -> Capture:
    route = captured.one(ROUTE, "network-private-b-default")
    other = {**route.property_dependencies, "natGatewayId": (captured.one(NAT, "network-nat-a").urn,)}
    return captured.changed(ROUTE, route.name, property_dependencies=other)


def _cluster_on_the_internet(captured: Capture) -> Capture:
    association = captured.one(ASSOCIATION, "network-cluster-a")
    public = {**association.property_dependencies, "routeTableId": (captured.one(TABLE, "network-public").urn,)}
    return captured.changed(ASSOCIATION, association.name, property_dependencies=public)


def _endpoint_on_fewer_tables(captured: Capture) -> Capture:
    deps = captured.one(ENDPOINT, "network-s3").property_dependencies
    fewer = {**deps, "routeTableIds": deps["routeTableIds"][1:]}
    return captured.changed(ENDPOINT, "network-s3", property_dependencies=fewer)


def _widened(type_: str, name: str, key: str, old: str, new: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        text = captured.one(type_, name).inputs[key]
        assert old in text
        return captured.changed(type_, name, {key: text.replace(old, new)})

    return mutate


def _no_outputs(captured: Capture) -> Capture:
    return Capture(resources=captured.resources)


MUTATIONS: list[tuple[Control, Mutation]] = [
    (
        children_without_parent,
        changed(EIP, "network-nat-a", parent="urn:pulumi:dev::platform::pulumi:pulumi:Stack::x"),
    ),
    (options_of_its_own, changed(VPC, "network-vpc", protect=True)),
    (options_of_its_own, changed(SUBNET, "network-private-a", ignore_changes=("tags",))),
    (missing_tags, changed(NAT, "network-nat-a", {"tags": {"project": "demo"}})),
    (zones_without_a_subnet, changed(SUBNET, "network-private-b", {"availabilityZone": ZONES["a"]})),
    (zones_without_a_subnet, changed(VPC, "network-vpc", {"enableDnsHostnames": None})),
    (public_addresses, changed(SUBNET, "network-public-a", {"mapPublicIpOnLaunch": None})),
    (foreign_nat, _other_zones_nat),
    (internet_where_none_belongs, _cluster_on_the_internet),
    (open_default_group, changed(DEFAULT_GROUP, "network-default", {"ingress": None})),
    (misplaced_subnet_tags, _without_discovery),
    (misplaced_subnet_tags, changed(SUBNET, "network-public-a", {"tags": TAGS})),
    (misplaced_subnet_tags, changed(SUBNET, "network-private-a", {"tags": TAGS})),
    (shared_ranges, changed(SUBNET, "network-private-b", {"cidrBlock": "10.0.0.0/19"})),
    (shared_ranges, changed(SUBNET, "network-cluster-a", {"cidrBlock": "10.0.224.0/29"})),
    (shared_ranges, changed(SUBNET, "network-public-a", {"cidrBlock": "10.2.192.0/22"})),
    (scattered_prefixes, changed(RESERVATION, "network-private-b-prefixes-half", {"reservationType": "explicit"})),
    (scattered_prefixes, changed(RESERVATION, "network-private-b-prefixes-half", {"cidrBlock": "10.0.32.0/21"})),
    (scattered_prefixes, changed(RESERVATION, "network-private-b-prefixes-quarter", {"cidrBlock": "10.0.48.0/21"})),
    (scattered_prefixes, without(RESERVATION, "network-private-c-prefixes-quarter")),
    (scattered_prefixes, _reservation_elsewhere),
    (s3_over_nat, _endpoint_on_fewer_tables),
    (s3_over_nat, changed(ENDPOINT, "network-s3", {"vpcEndpointType": "Interface"})),
    (unsafe_flow_log, changed(LOG_GROUP, "network-flow-logs", {"retentionInDays": None})),
    (unsafe_flow_log, changed(FLOW_LOG, "network-flow-logs-vpc", {"trafficType": "REJECT"})),
    (confused_deputies, _widened(KEY, "network-flow-logs", "policy", "/flow-logs", "/*")),
    (confused_deputies, _widened(ROLE_POLICY, "network-flow-logs-delivery", "policy", f'"{LOG_GROUP_ARN}"', '"*"')),
    (confused_deputies, _widened(ROLE, "network-flow-logs-delivery", "assumeRolePolicy", ACCOUNT, "*")),
    (unsafe_destroy_order, changed(EIP, "network-nat-b", dependencies=())),
    (unsafe_destroy_order, changed(FLOW_LOG, "network-flow-logs-vpc", dependencies=())),
    (unbounded_roles, changed(ROLE, "network-flow-logs-delivery", {"permissionsBoundary": None})),
    (unregistered_outputs, _no_outputs),
]
CLOSED_MUTATIONS: list[tuple[Control, Mutation]] = [
    (scattered_prefixes, without(RESERVATION, "network-pods-c-prefixes-half")),
    (shared_ranges, changed(SUBNET, "network-pods-a", {"cidrBlock": "10.0.128.0/19"})),
    (shared_ranges, changed(SECOND_RANGE, "network-pods", {"cidrBlock": "10.0.0.0/16"})),
    (misplaced_subnet_tags, changed(SUBNET, "network-pods-a", {"tags": {**TAGS, "karpenter.sh/discovery": CLUSTER}})),
    (public_addresses, changed(SUBNET, "network-pods-a", {"mapPublicIpOnLaunch": True})),
    (missing_tags, changed(INGRESS, "network-endpoints-https-pods", {"tags": {}})),
    (zones_without_a_subnet, changed(SUBNET, "network-pods-b", {"availabilityZone": ZONES["a"]})),
]
REGIONAL_MUTATIONS: list[tuple[Control, Mutation]] = [
    (unsafe_destroy_order, changed(NAT, "network-nat-regional", dependencies=())),
    (missing_tags, changed(NAT, "network-nat-regional", {"tags": {}})),
]
VARIANTS: list[tuple[dict[str, Any], list[tuple[Control, Mutation]]]] = [
    ({}, MUTATIONS),
    (CLOSED, CLOSED_MUTATIONS),
    (REGIONAL, REGIONAL_MUTATIONS),
]
# What holds for each network, however its private subnets get out.
GENERAL = [
    *(children_without_parent, options_of_its_own, missing_tags, unregistered_outputs, unbounded_roles),
    *(zones_without_a_subnet, public_addresses, misplaced_subnet_tags, shared_ranges, scattered_prefixes),
    *(internet_where_none_belongs, open_default_group, s3_over_nat, unsafe_flow_log, confused_deputies),
    unsafe_destroy_order,
]
CONTROLS = [
    (changes, control)
    for changes, mutations in VARIANTS
    for control in dict.fromkeys([*GENERAL, *(control for control, _ in mutations)])
]
CASES = [(changes, *case) for changes, mutations in VARIANTS for case in mutations]


@pytest.mark.parametrize(("changes", "control"), CONTROLS, ids=shown)
def test_control_holds(network: Builder, changes: dict[str, Any], control: Control) -> None:
    """The network of three zones breaks no control."""
    assert control(network(**changes)) == []


@pytest.mark.parametrize(("changes", "control", "mutation"), CASES, ids=shown)
def test_control_catches_its_mutation(
    network: Builder, changes: dict[str, Any], control: Control, mutation: Mutation
) -> None:
    """Each control reports a network in which one thing was changed."""
    assert control(mutation(network(**changes))) != []

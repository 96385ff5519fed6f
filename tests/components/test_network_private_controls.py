"""The controls of a network without NAT and of one with a regional NAT gateway, each with mutations that it catches.

What holds for every network is in test_network_controls.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.captures import Capture
from tests.components import CLOSED, REGIONAL, Control, Mutation, changed, shown, without
from tests.components.conftest import (
    ASSOCIATION,
    EIP,
    ENDPOINT,
    GROUP,
    INGRESS,
    NAT,
    ROUTE,
    SECOND_RANGE,
    SUBNET,
    TABLE,
    VPC,
    Builder,
    default_routes,
)

ZONES = ("a", "b", "c")
SERVICES = {"ec2", "ecr.api", "ecr.dkr", "sts", "ssm", "sqs", "eks", "eks-auth", "logs", "elasticloadbalancing"}


def way_out_of_a_closed_network(captured: Capture) -> list[str]:
    """Only public subnets have a default route, and there is no NAT gateway."""
    ways = [name for name in default_routes(captured) if not name.startswith("network-public-")]
    return ways + [r.urn for r in (*captured.of_type(NAT), *captured.of_type(EIP))]


def foreign_endpoints(captured: Capture) -> list[str]:
    """Each API that nodes and controllers call is inside the VPC, in every zone, under its usual name, and no other."""
    endpoints = [r for r in captured.of_type(ENDPOINT) if r.inputs["vpcEndpointType"] == "Interface"]
    names = {r.inputs["serviceName"] for r in endpoints}
    wrong = sorted(names ^ {f"com.amazonaws.ap-northeast-2.{service}" for service in SERVICES})
    subnets = {captured.one(SUBNET, f"network-private-{key}").urn for key in ZONES}
    group = captured.one(GROUP, "network-endpoints").urn
    for endpoint in endpoints:
        right = (
            endpoint.inputs.get("privateDnsEnabled") is True
            and set(endpoint.property_dependencies["subnetIds"]) == subnets
            and endpoint.property_dependencies["securityGroupIds"] == (group,)
            and endpoint.source("vpcId") == captured.one(VPC, "network-vpc").urn
        )
        wrong += [] if right else [endpoint.name]
    return wrong


def open_endpoint_group(captured: Capture) -> list[str]:
    """HTTPS from the VPC's ranges and nothing else, each rule for itself and described; nothing goes out."""
    (group,) = captured.of_type(GROUP)
    wrong = [key for key, closed in (("ingress", None), ("egress", [])) if group.inputs.get(key) != closed]
    wrong += ["has a fixed name"] if "name" in group.inputs or not group.inputs.get("namePrefix") else []
    # The provider's own description says nothing.
    described = [(r.name, r.inputs.get("description")) for r in (group, *captured.of_type(INGRESS))]
    wrong += [name for name, text in described if text in (None, "", "Managed by Pulumi")]
    wrong += [] if group.source("vpcId") == captured.one(VPC, "network-vpc").urn else ["not of this VPC"]
    ranges = {captured.one(VPC, "network-vpc").inputs["cidrBlock"]}
    ranges |= {r.inputs["cidrBlock"] for r in captured.of_type(SECOND_RANGE)}
    rules = {
        (r.source("securityGroupId"), *(r.inputs.get(key) for key in ("cidrIpv4", "ipProtocol", "fromPort", "toPort")))
        for r in captured.of_type(INGRESS)
    }
    wanted = {(group.urn, range_, "tcp", 443, 443) for range_ in ranges}
    sources = {"cidrIpv6", "prefixListId", "referencedSecurityGroupId"}
    others = [r.name for r in captured.of_type(INGRESS) if sources & r.inputs.keys()]
    return wrong + others + [str(rule) for rule in rules ^ wanted]


def strayed_pods(captured: Capture) -> list[str]:
    """Pod subnets come after their range and use the table of their own zone's private subnet."""
    tables = {r.source("subnetId"): r.source("routeTableId") for r in captured.of_type(ASSOCIATION)}
    (added,) = captured.of_type(SECOND_RANGE)
    wrong = []
    for key in ZONES:
        subnet = captured.one(SUBNET, f"network-pods-{key}")
        wrong += [] if added.urn in captured.needs(subnet) else [f"{subnet.name} does not wait for its range"]
        if tables.get(subnet.urn) != captured.one(TABLE, f"network-private-{key}").urn:
            wrong.append(f"{subnet.name} does not leave as its zone's nodes do")
    return wrong


def zonal_nat(captured: Capture) -> list[str]:
    """One NAT gateway of the VPC, not of a subnet; every private subnet leaves by it; AWS chooses its addresses."""
    (nat,) = captured.of_type(NAT)
    wrong = [key for key in ("subnetId", "allocationId", "availabilityZoneAddresses") if key in nat.inputs]
    wrong += [r.urn for r in captured.of_type(EIP)]
    if (nat.inputs.get("availabilityMode"), nat.inputs.get("connectivityType")) != ("regional", "public"):
        wrong.append("not a regional one")
    if nat.source("vpcId") != captured.one(VPC, "network-vpc").urn:
        wrong.append("not of this VPC")
    ways = default_routes(captured)
    for key in ZONES:
        way = ways.get(f"network-private-{key}")
        if way is None or "natGatewayId" not in way.inputs or way.source("natGatewayId") != nat.urn:
            wrong.append(f"private-{key} does not leave by it")
    return wrong


def _pods_in_public(captured: Capture) -> Capture:
    association = captured.one(ASSOCIATION, "network-pods-a")
    public = {**association.property_dependencies, "routeTableId": (captured.one(TABLE, "network-public").urn,)}
    return captured.changed(ASSOCIATION, association.name, property_dependencies=public)


def _endpoint_in_fewer_zones(captured: Capture) -> Capture:
    deps = captured.one(ENDPOINT, "network-endpoints-sqs").property_dependencies
    fewer = {**deps, "subnetIds": deps["subnetIds"][1:]}
    return captured.changed(ENDPOINT, "network-endpoints-sqs", property_dependencies=fewer)


def _endpoint_without_its_group(captured: Capture) -> Capture:
    deps = {**captured.one(ENDPOINT, "network-endpoints-sts").property_dependencies, "securityGroupIds": ()}
    return captured.changed(ENDPOINT, "network-endpoints-sts", property_dependencies=deps)


def _group_of_another_vpc(captured: Capture) -> Capture:
    group = captured.one(GROUP, "network-endpoints")
    other = {**group.property_dependencies, "vpcId": (captured.one(SUBNET, "network-private-a").urn,)}
    return captured.changed(GROUP, group.name, property_dependencies=other)


def _added_rule(captured: Capture) -> Capture:
    rule = captured.one(INGRESS, "network-endpoints-https-vpc")
    another = replace(rule, urn=f"{rule.urn}-ssh", name="ssh", inputs={**rule.inputs, "fromPort": 22, "toPort": 22})
    return replace(captured, resources=[*captured.resources, another])


def _cluster_on_the_internet(captured: Capture) -> Capture:
    association = captured.one(ASSOCIATION, "network-cluster-a")
    public = {**association.property_dependencies, "routeTableId": (captured.one(TABLE, "network-public").urn,)}
    return captured.changed(ASSOCIATION, association.name, property_dependencies=public)


CLOSED_MUTATIONS: list[tuple[Control, Mutation]] = [
    (way_out_of_a_closed_network, _pods_in_public),
    (way_out_of_a_closed_network, _cluster_on_the_internet),
    (foreign_endpoints, changed(ENDPOINT, "network-endpoints-ec2", {"privateDnsEnabled": None})),
    (foreign_endpoints, changed(ENDPOINT, "network-endpoints-ec2", {"vpcEndpointType": "GatewayLoadBalancer"})),
    (foreign_endpoints, changed(ENDPOINT, "network-endpoints-logs", {"serviceName": "com.amazonaws.us-east-1.logs"})),
    (foreign_endpoints, changed(ENDPOINT, "network-s3", {"vpcEndpointType": "Interface"})),
    (foreign_endpoints, without(ENDPOINT, "network-endpoints-eks-auth")),
    (foreign_endpoints, _endpoint_in_fewer_zones),
    (foreign_endpoints, _endpoint_without_its_group),
    (open_endpoint_group, changed(INGRESS, "network-endpoints-https-vpc", {"cidrIpv4": "0.0.0.0/0"})),
    (open_endpoint_group, changed(INGRESS, "network-endpoints-https-vpc", {"fromPort": 0})),
    (open_endpoint_group, changed(INGRESS, "network-endpoints-https-vpc", {"ipProtocol": "-1"})),
    (open_endpoint_group, changed(INGRESS, "network-endpoints-https-vpc", {"cidrIpv6": "::/0"})),
    (open_endpoint_group, changed(INGRESS, "network-endpoints-https-vpc", {"description": None})),
    (open_endpoint_group, changed(GROUP, "network-endpoints", {"description": None})),
    (open_endpoint_group, changed(GROUP, "network-endpoints", {"description": "Managed by Pulumi"})),
    (open_endpoint_group, _group_of_another_vpc),
    (open_endpoint_group, changed(GROUP, "network-endpoints", {"name": "endpoints"})),
    (open_endpoint_group, changed(GROUP, "network-endpoints", {"egress": None})),
    (open_endpoint_group, changed(GROUP, "network-endpoints", {"ingress": [{"fromPort": 443}]})),
    (open_endpoint_group, without(INGRESS, "network-endpoints-https-pods")),
    (open_endpoint_group, _added_rule),
    (strayed_pods, _pods_in_public),
    (strayed_pods, changed(SUBNET, "network-pods-b", dependencies=())),
]
REGIONAL_MUTATIONS: list[tuple[Control, Mutation]] = [
    (zonal_nat, changed(NAT, "network-nat-regional", {"availabilityMode": None})),
    (zonal_nat, changed(NAT, "network-nat-regional", {"connectivityType": "private"})),
    (zonal_nat, changed(NAT, "network-nat-regional", {"subnetId": "subnet-1"})),
    (zonal_nat, changed(ROUTE, "network-private-b-default", {"natGatewayId": None})),
]
CASES = [
    *((CLOSED, *case) for case in CLOSED_MUTATIONS),
    *((REGIONAL, *case) for case in REGIONAL_MUTATIONS),
]
CONTROLS = list({(shown(changes), control): (changes, control) for changes, control, _ in CASES}.values())


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

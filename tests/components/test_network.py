"""What the network registers for different zones, NAT choices and partitions."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest
from pulumi_aws.ec2.eip import Eip

from components.network.component import Network, NetworkArgs
from components.place import Place
from tests.captures import UNKNOWN
from tests.components import CLOSED
from tests.components.conftest import (
    ASSOCIATION,
    CLUSTER,
    EIP,
    ENDPOINT,
    GATEWAY,
    INGRESS,
    KEY,
    NAT,
    RESERVATION,
    ROLE,
    ROLE_POLICY,
    ROUTE,
    SECOND_RANGE,
    SUBNET,
    TABLE,
    Builder,
    default_routes,
)
from tests.conftest import ACCOUNT, CaptureProgram


def test_plan_decides_the_ranges(network: Builder) -> None:
    """The registered ranges are the plan's."""
    ranges = {r.name.removeprefix("network-"): r.inputs["cidrBlock"] for r in network().of_type(SUBNET)}
    assert (ranges["private-c"], ranges["public-b"], ranges["cluster-c"]) == (
        "10.0.64.0/19",
        "10.0.196.0/22",
        "10.0.226.0/24",
    )


def test_single_nat_stands_in_the_zone_with_the_lowest_slot(network: Builder) -> None:
    """One gateway, one address, and all private subnets leave by it."""
    captured = network(nat="single", zones={"ap-northeast-2a": 3, "ap-northeast-2b": 1, "ap-northeast-2c": 2})
    (nat,) = captured.of_type(NAT)
    assert nat.source("subnetId") == captured.one(SUBNET, "network-public-b").urn
    ways = [route for name, route in default_routes(captured).items() if "private" in name]
    assert [route.source("natGatewayId") for route in ways] == [nat.urn] * 3
    assert len(captured.of_type(EIP)) == 1


CHOICES = [("none", "single"), ("single", "per-az"), ("per-az", "regional"), ("regional", "none")]


@pytest.mark.parametrize(("before", "after"), CHOICES)
def test_another_choice_of_nat_changes_only_gateways_and_routes(network: Builder, before: str, after: str) -> None:
    """Subnets, tables and associations stay what and where they were."""
    old, new = (
        {r.urn: (r.inputs, r.property_dependencies) for r in captured.resources if r.type not in {NAT, EIP, ROUTE}}
        for captured in (network(nat=before), network(nat=after))
    )
    assert old == new


def test_without_nat_no_private_subnet_leaves(network: Builder) -> None:
    """A closed network has no gateway for private subnets and no default route in their tables."""
    captured = network(nat="none")
    assert (captured.of_type(NAT), captured.of_type(EIP)) == ([], [])
    assert not [name for name in default_routes(captured) if "private" in name]


@pytest.mark.parametrize("changes", [{}, CLOSED, {"nat": "regional"}], ids=["per-az", "closed", "regional"])
def test_adding_a_zone_touches_no_other(network: Builder, changes: dict[str, Any]) -> None:
    """A fourth zone only adds; endpoints learn the new table or subnet and nothing else changes."""
    three = {"ap-northeast-2a": 0, "ap-northeast-2b": 1, "ap-northeast-2c": 2}
    before, after = network(zones=three, **changes), network(zones={**three, "ap-northeast-2d": 3}, **changes)
    later = {r.urn: r.inputs for r in after.resources}
    assert set(before.urns) < set(later)
    changed = {r.type for r in before.resources if later[r.urn] != r.inputs}
    assert changed == {ENDPOINT}


@pytest.mark.parametrize(
    "changes", [{"nat": "per-az"}, CLOSED, {"nat": "regional"}], ids=["per-az", "closed", "regional"]
)
def test_egress_keeps_the_network_alive_for_its_users(capture: CaptureProgram, changes: dict[str, Any]) -> None:
    """Whoever depends on `egress` starts after every way out of the private subnets and goes before them."""
    args = NetworkArgs(
        cluster_name=CLUSTER,
        cidr="10.0.0.0/16",
        zones={"ap-northeast-2a": 0, "ap-northeast-2c": 2},
        flow_log_retention_days=90,
        place=Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT),
        **changes,
    )

    def program() -> None:
        network = Network("network", args)
        Eip("user", opts=pulumi.ResourceOptions(depends_on=network.egress))

    captured = capture(program)
    needed = captured.needs(captured.one(EIP, "user"))
    types = (NAT, ROUTE, ENDPOINT, GATEWAY, INGRESS, RESERVATION, SECOND_RANGE)
    path = [registration for type_ in types for registration in captured.of_type(type_)]
    path += [r for r in captured.of_type(ASSOCIATION) if "cluster" not in r.name]
    assert {r.urn for r in path} <= needed


def test_documents_are_known_before_anything_exists(network: Builder) -> None:
    """A first preview shows every policy whole."""
    captured = network(preview=True)
    documents = [
        captured.one(KEY, "network-flow-logs").inputs["policy"],
        captured.one(ROLE, "network-flow-logs-delivery").inputs["assumeRolePolicy"],
        captured.one(ROLE_POLICY, "network-flow-logs-delivery").inputs["policy"],
    ]
    assert captured.one(SUBNET, "network-private-a").inputs["vpcId"] == UNKNOWN
    assert all(json.loads(document)["Version"] == "2012-10-17" for document in documents)
    assert UNKNOWN not in "".join(documents)


@pytest.mark.parametrize(
    ("partition", "region", "logs"),
    [
        ("aws-cn", "cn-northwest-1", "logs.cn-northwest-1.amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "logs.us-gov-west-1.amazonaws.com"),
    ],
)
def test_other_partitions_have_their_own_arns(network: Builder, partition: str, region: str, logs: str) -> None:
    """No ARN of the commercial partition appears elsewhere, and the log service has the partition's domain."""
    captured = network(
        partition=partition, region=region, zones={f"{region}a": 0, f"{region}b": 1}, permissions_boundary=None
    )
    registered = json.dumps([dict(r.inputs) for r in captured.resources])
    assert "arn:aws:" not in registered
    assert logs in registered


def test_zones_of_another_region_are_refused(network: Builder) -> None:
    """The error names both regions in one line, and nothing was registered."""
    captured = network(zones={"us-east-1a": 0}, expect=ValueError)
    rule = "zones=us-east-1a: they lie in us-east-1, the stack in ap-northeast-2; use zones of ap-northeast-2"
    assert (str(captured.error), captured.resources) == (rule, [])


def test_endpoints_have_their_partitions_names(network: Builder) -> None:
    """In China the names of most services begin otherwise, that of the log service does not."""
    captured = network(
        partition="aws-cn", region="cn-north-1", zones={"cn-north-1a": 0}, permissions_boundary=None, **CLOSED
    )
    names = {r.name: r.inputs["serviceName"] for r in captured.of_type(ENDPOINT)}
    assert names["network-endpoints-ecr-api"] == "cn.com.amazonaws.cn-north-1.ecr.api"
    assert names["network-endpoints-logs"] == "com.amazonaws.cn-north-1.logs"
    assert names["network-s3"] == "com.amazonaws.cn-north-1.s3"


def test_pods_get_subnets_of_their_own(network: Builder) -> None:
    """The output names them by zone; without a range it is empty, and the private subnets are for pods as well."""
    (outputs,) = (v for urn, v in network(**CLOSED).outputs.items() if urn.endswith("::network"))
    assert set(outputs["pod_subnet_ids"]) == {"ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"}
    assert not set(outputs["pod_subnet_ids"].values()) & set(outputs["private_subnet_ids"])
    (outputs,) = (v for urn, v in network().outputs.items() if urn.endswith("::network"))
    assert outputs["pod_subnet_ids"] == {}


def test_a_range_for_pods_leaves_the_rest_as_it_is(network: Builder) -> None:
    """Nothing but the reservations moves, from the private subnets to the pods'."""
    before, after = network(), network(pod_cidr="100.64.0.0/16")
    later = {r.urn: (r.inputs, r.property_dependencies) for r in after.resources}
    gone = [r for r in before.resources if later.get(r.urn) != (r.inputs, r.property_dependencies)]
    assert {r.type for r in gone} == {RESERVATION}
    assert {r.name.split("-")[1] for r in gone} == {"private"}


def test_protection_is_the_vpcs_and_the_control_planes(network: Builder) -> None:
    """A protected network can still lose a NAT gateway, and a pods' subnet, but nothing that the cluster stands in."""
    captured = network(protect=True, **CLOSED)
    zones = ("a", "b", "c")
    assert sorted(r.name for r in captured.resources if r.protect) == [
        *(f"network-cluster-{zone}" for zone in zones),
        "network-vpc",
    ]
    assert len(captured.of_type(TABLE)) == 5


def test_pod_ranges_are_checked_before_anything_is_made(network: Builder) -> None:
    """The planner's line is the error."""
    captured = network(pod_cidr="10.0.0.0/16", expect=ValueError)
    rule = "pod_cidr=10.0.0.0/16: overlaps the VPC's 10.0.0.0/16; use a range outside it"
    assert (str(captured.error), captured.resources) == (rule, [])

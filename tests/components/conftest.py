"""The network and Karpenter on one example cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_aws.provider import Provider

from components.place import Place
from tests.captures import Capture, Registration
from tests.conftest import ACCOUNT, CaptureProgram

CLUSTER = "demo"
TAGS = {"project": "demo", "owner": "platform"}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
NAT = "aws:ec2/natGateway:NatGateway"
EIP = "aws:ec2/eip:Eip"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
RESERVATION = "aws:ec2/subnetCidrReservation:SubnetCidrReservation"
SECOND_RANGE = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY = "aws:kms/key:Key"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
BUDGET = "aws:budgets/budget:Budget"
COST_TAG = "aws:costexplorer/costAllocationTag:CostAllocationTag"
ALIAS = "aws:kms/alias:Alias"
EMAILS = ("ops@example.com", "oncall@example.com")
Builder = Callable[..., Capture]
_COMMON = {
    "cluster_name": CLUSTER,
    "region": "ap-northeast-2",
    "partition": "aws",
    "account_id": ACCOUNT,
    "permissions_boundary": BOUNDARY,
    "tags": TAGS,
}
_PLACE = ("region", "partition", "account_id", "permissions_boundary", "tags")
_NETWORK = {
    **_COMMON,
    "cidr": "10.0.0.0/16",
    "zones": {"ap-northeast-2a": 0, "ap-northeast-2b": 1, "ap-northeast-2c": 2},
    "nat": "per-az",
    "flow_log_retention_days": 90,
}

WATCHED: dict[str, Any] = {
    "cluster_name": CLUSTER,
    "emails": EMAILS,
    "monthly_budget": 400,
    "cost_allocation_tags": ("project", "stage"),
    "nat_gateway_ids": {"a": "nat-1", "b": "nat-2"},
    "subnet_ids": {"private-a": "subnet-1", "private-b": "subnet-2"},
    "queue_name": "demo-karpenter",
    "rule_names": {"spot-interruption": "demo-spot", "rebalance": "demo-rebalance"},
    "certificate_arns": {"domain": f"arn:aws:acm:ap-northeast-2:{ACCOUNT}:certificate/1"},
    "global_certificate_arns": {"images": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/2"},
    "vault_name": "demo",
    "free_addresses": 64,
    "log_retention_days": 90,
}


@pytest.fixture(scope="session")
def network(capture: CaptureProgram) -> Builder:
    """Register a network; keyword arguments replace the example's."""
    from components.network.component import Network, NetworkArgs

    return _builder(capture, _NETWORK, lambda args: Network("network", NetworkArgs(**args)))


@pytest.fixture(scope="session")
def karpenter(capture: CaptureProgram) -> Builder:
    """Register Karpenter's AWS side; keyword arguments replace the example's."""
    from components.identity.pod_identity import PodIdentity
    from components.karpenter.component import Karpenter, KarpenterArgs

    def register(args: dict[str, Any]) -> None:
        name = args["cluster_name"]
        identity = PodIdentity(cluster_name=name, ready_cluster_name=name, place=args["place"])
        Karpenter("karpenter", KarpenterArgs(**{"eks_cluster_name": name, "identity": identity, **args}))

    return _builder(capture, _COMMON, register)


@pytest.fixture(scope="session")
def observability(capture: CaptureProgram) -> Builder:
    """Register what watches a stack, with a provider for us-east-1 unless `apart` is false."""
    from components.observability.component import Observability, ObservabilityArgs

    def register(args: dict[str, Any]) -> None:
        here = Provider("aws", region=args["place"].region)
        there = Provider("aws-global", region="us-east-1") if args.pop("apart") else None
        watch = ObservabilityArgs(**args, global_provider=there)
        Observability("watch", watch, pulumi.ResourceOptions(providers=[here]))

    return _builder(capture, {**_COMMON, **WATCHED, "apart": True}, register)


def _builder(capture: CaptureProgram, example: dict[str, Any], register: Callable[[dict[str, Any]], object]) -> Builder:
    """Register each set of arguments once: nothing changes a capture."""
    known: dict[str, Capture] = {}

    def build(*, preview: bool = False, expect: type[Exception] | None = None, **changes: Any) -> Capture:
        args = {**example, **changes}
        place = {key: args[key] for key in _PLACE}
        key = json.dumps([args, preview])
        if key not in known:
            known[key] = capture(
                lambda: register({**{key: args[key] for key in args if key not in place}, "place": Place(**place)}),
                preview=preview,
                expect=expect,
                partition=args["partition"],
                region=args["region"],
            )
        return known[key]

    return build


def is_global(registration: Registration) -> bool:
    """Whether it goes to us-east-1 by the provider that the `observability` fixture makes."""
    return "::aws-global::" in registration.provider


def default_routes(captured: Capture) -> dict[str, Registration]:
    """The way out of each subnet, by the subnet's name: association, table, default route."""
    routes = {r.source("routeTableId"): r for r in captured.of_type(ROUTE)}
    names = {r.urn: r.name for r in captured.of_type(SUBNET)}
    tables = {names[r.source("subnetId")]: r.source("routeTableId") for r in captured.of_type(ASSOCIATION)}
    return {subnet: routes[table] for subnet, table in tables.items() if table in routes}

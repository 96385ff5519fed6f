"""Every row of the finders against AWS: moto, or canned answers in AWS's own form where moto has none."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from ops.errors import OpsError
from ops.finders import ROWS, Finder, Repeatable, row_of
from ops.search import Found, Wanted, find, wait
from tests.ops import edge
from tests.ops.observability import OBSERVABILITY, canned_budget
from tests.ops.self_managed import SELF_MANAGED
from tests.ops.storage import STORAGE

REGION = "eu-west-1"
PLACE = {"account": "123456789012", "partition": "aws", "region": REGION}
OWN = {"Name": "p", "Project": "platform"}
# What a second stack of the same program carries.
TWIN = {"Name": "p", "Project": "platform-2"}
CHECKOUT = Path(__file__).parent.parent.parent
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)

Inputs = dict[str, Any]
Tags = dict[str, str]


@functools.cache
def client(service: str) -> Any:
    """One for all tests: making one takes longer than a test."""
    return boto3.Session("test", "test", region_name=REGION).client(service)


def pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def spec(kind: str, tags: Tags) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": pairs(tags)}] if tags else []


def vpc() -> str:
    return str(client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def subnet() -> tuple[str, str]:
    network = vpc()
    return network, client("ec2").create_subnet(VpcId=network, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]


def nat_inputs() -> Inputs:
    address = client("ec2").allocate_address(Domain="vpc")
    return {"subnetId": subnet()[1], "allocationId": address["AllocationId"]}


def table_inputs() -> Inputs:
    network, in_it = subnet()
    ec2 = client("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network)
    table = ec2.create_route_table(VpcId=network)["RouteTable"]["RouteTableId"]
    return {
        "routeTableId": table,
        "subnetId": in_it,
        "gatewayId": gateway,
        "destinationCidrBlock": "0.0.0.0/0",
    }


def make_route(inputs: Inputs, tags: Tags) -> str:
    client("ec2").create_route(
        RouteTableId=inputs["routeTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=inputs["gatewayId"]
    )
    # The checksum of the destination, as the provider writes it.
    return f"r-{inputs['routeTableId']}1080289494"


def make_group(inputs: Inputs, tags: Tags) -> str:
    made = client("ec2").create_security_group(
        VpcId=inputs["vpcId"],
        GroupName=inputs["name"],
        Description="endpoints",
        TagSpecifications=spec("security-group", tags),
    )
    return str(made["GroupId"])


def rule_inputs() -> Inputs:
    group = make_group({"vpcId": vpc(), "name": "endpoints"}, {})
    return {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "10.0.0.0/16"}


def permissions(inputs: Inputs, cidr: str) -> list[dict[str, Any]]:
    return [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": cidr}]}]


def make_ingress(inputs: Inputs, tags: Tags) -> str:
    def allow(cidr: str) -> str:
        answer = client("ec2").authorize_security_group_ingress(
            GroupId=inputs["securityGroupId"],
            IpPermissions=permissions(inputs, cidr),
            TagSpecifications=spec("security-group-rule", tags),
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    # One for another range, with the same tags.
    allow("10.9.0.0/16")
    return allow(inputs["cidrIpv4"])


def make_egress(inputs: Inputs, tags: Tags) -> str:
    make_ingress(inputs, tags)
    answer = client("ec2").authorize_security_group_egress(
        GroupId=inputs["securityGroupId"],
        IpPermissions=permissions(inputs, inputs["cidrIpv4"]),
        TagSpecifications=spec("security-group-rule", tags),
    )
    return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def make_flow_log(inputs: Inputs, tags: Tags) -> str:
    made = client("ec2").create_flow_logs(
        ResourceIds=[inputs["vpcId"]],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flow",
        # One destination takes one flow log; the twin's has another.
        LogDestinationType="cloud-watch-logs",
        DeliverLogsPermissionArn=f"arn:aws:iam::123456789012:role/{tags['Project']}",
        TagSpecifications=spec("vpc-flow-log", tags),
    )
    return str(made["FlowLogIds"][0])


def flow_log_inputs() -> Inputs:
    client("logs").create_log_group(logGroupName="flow")
    for tags in (OWN, TWIN):
        client("iam").create_role(RoleName=tags["Project"], AssumeRolePolicyDocument=TRUST)
    return {"vpcId": vpc()}


def role_policy_inputs() -> Inputs:
    client("iam").create_role(RoleName="role-1a2b3c4", AssumeRolePolicyDocument=TRUST)
    return {"role": "role-1a2b3c4", "name": "rights-1a2b3c4"}


def make_role_policy(inputs: Inputs, tags: Tags) -> str:
    # One that is not it, on the same role.
    for name in ("other", inputs["name"]):
        client("iam").put_role_policy(RoleName=inputs["role"], PolicyName=name, PolicyDocument=POLICY)
    return "role-1a2b3c4:rights-1a2b3c4"


def make_key(inputs: Inputs, tags: Tags) -> str:
    tag_list = [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
    return str(client("kms").create_key(Description=inputs["description"], Tags=tag_list)["KeyMetadata"]["KeyId"])


def make_alias(inputs: Inputs, tags: Tags) -> str:
    client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return str(inputs["name"])


def make_log_group(inputs: Inputs, tags: Tags) -> str:
    client("logs").create_log_group(logGroupName=inputs["name"], tags=tags)
    client("logs").create_log_group(logGroupName=inputs["name"] + "-more", tags=tags)
    return str(inputs["name"])


@dataclass(frozen=True)
class Case:
    """How a test makes what a row looks for.

    Attributes:
        inputs: Makes what the resource refers to and returns its inputs.
        make: Makes the resource with these tags and returns its id.
    """

    inputs: Callable[[], Inputs]
    make: Callable[[Inputs, Tags], str]


CASES = {
    "aws:ec2/vpc:Vpc": Case(
        lambda: {"cidrBlock": "10.9.0.0/16"},
        lambda i, t: client("ec2").create_vpc(CidrBlock=i["cidrBlock"], TagSpecifications=spec("vpc", t))["Vpc"][
            "VpcId"
        ],
    ),
    "aws:ec2/subnet:Subnet": Case(
        lambda: {"vpcId": vpc(), "cidrBlock": "10.0.1.0/24"},
        lambda i, t: client("ec2").create_subnet(
            VpcId=i["vpcId"], CidrBlock=i["cidrBlock"], TagSpecifications=spec("subnet", t)
        )["Subnet"]["SubnetId"],
    ),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": Case(
        lambda: {"vpcId": vpc(), "cidrBlock": "100.64.0.0/16"},
        lambda i, t: client("ec2").associate_vpc_cidr_block(VpcId=i["vpcId"], CidrBlock=i["cidrBlock"])[
            "CidrBlockAssociation"
        ]["AssociationId"],
    ),
    "aws:ec2/securityGroup:SecurityGroup": Case(lambda: {"vpcId": vpc(), "name": "endpoints-1a2b3c4"}, make_group),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Case(rule_inputs, make_ingress),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Case(rule_inputs, make_egress),
    "aws:ec2/internetGateway:InternetGateway": Case(
        lambda: {"vpcId": vpc()},
        lambda i, t: client("ec2").create_internet_gateway(TagSpecifications=spec("internet-gateway", t))[
            "InternetGateway"
        ]["InternetGatewayId"],
    ),
    "aws:ec2/eip:Eip": Case(
        lambda: {"domain": "vpc"},
        lambda i, t: client("ec2").allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip", t))[
            "AllocationId"
        ],
    ),
    "aws:ec2/natGateway:NatGateway": Case(
        nat_inputs,
        lambda i, t: client("ec2").create_nat_gateway(
            SubnetId=i["subnetId"], AllocationId=i["allocationId"], TagSpecifications=spec("natgateway", t)
        )["NatGateway"]["NatGatewayId"],
    ),
    "aws:ec2/routeTable:RouteTable": Case(
        lambda: {"vpcId": vpc()},
        lambda i, t: client("ec2").create_route_table(VpcId=i["vpcId"], TagSpecifications=spec("route-table", t))[
            "RouteTable"
        ]["RouteTableId"],
    ),
    "aws:ec2/route:Route": Case(table_inputs, make_route),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Case(
        table_inputs,
        lambda i, t: client("ec2").associate_route_table(RouteTableId=i["routeTableId"], SubnetId=i["subnetId"])[
            "AssociationId"
        ],
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Case(
        lambda: {"vpcId": vpc(), "serviceName": f"com.amazonaws.{REGION}.s3"},
        lambda i, t: client("ec2").create_vpc_endpoint(
            VpcId=i["vpcId"],
            ServiceName=i["serviceName"],
            VpcEndpointType="Gateway",
            TagSpecifications=spec("vpc-endpoint", t),
        )["VpcEndpoint"]["VpcEndpointId"],
    ),
    "aws:ec2/flowLog:FlowLog": Case(flow_log_inputs, make_flow_log),
    "aws:ec2/launchTemplate:LaunchTemplate": Case(
        lambda: {"name": "nodes-1a2b3c4"},
        lambda i, t: client("ec2").create_launch_template(
            LaunchTemplateName=i["name"],
            LaunchTemplateData={"InstanceType": "t3.medium"},
            TagSpecifications=spec("launch-template", t),
        )["LaunchTemplate"]["LaunchTemplateId"],
    ),
    "aws:iam/role:Role": Case(
        lambda: {"name": "role-1a2b3c4"},
        lambda i, t: client("iam").create_role(RoleName=i["name"], AssumeRolePolicyDocument=TRUST, Tags=pairs(t))[
            "Role"
        ]["RoleName"],
    ),
    "aws:iam/policy:Policy": Case(
        lambda: {"name": "policy", "path": "/"},
        lambda i, t: client("iam").create_policy(PolicyName=i["name"], PolicyDocument=POLICY, Tags=pairs(t))["Policy"][
            "Arn"
        ],
    ),
    "aws:iam/rolePolicy:RolePolicy": Case(role_policy_inputs, make_role_policy),
    "aws:iam/instanceProfile:InstanceProfile": Case(
        lambda: {"name": "karpenter-1a2b3c4"},
        lambda i, t: client("iam").create_instance_profile(InstanceProfileName=i["name"], Tags=pairs(t))[
            "InstanceProfile"
        ]["InstanceProfileName"],
    ),
    "aws:kms/key:Key": Case(lambda: {"description": "Secrets of platform-dev"}, make_key),
    "aws:kms/alias:Alias": Case(
        lambda: {"name": "alias/platform", "targetKeyId": client("kms").create_key()["KeyMetadata"]["KeyId"]},
        make_alias,
    ),
    "aws:cloudwatch/logGroup:LogGroup": Case(lambda: {"name": "/aws/eks/platform-dev/cluster"}, make_log_group),
    "aws:sqs/queue:Queue": Case(
        lambda: {"name": "platform-dev-karpenter"},
        lambda i, t: client("sqs").create_queue(QueueName=i["name"], tags=t)["QueueUrl"],
    ),
    **{type_: Case(*pair) for type_, pair in {**STORAGE, **edge.EDGE, **OBSERVABILITY, **SELF_MANAGED}.items()},
}


def finder(type_: str) -> Finder:
    row = ROWS[type_]
    assert isinstance(row, Finder)
    return row


def look(type_: str, inputs: Inputs, tags: Tags = OWN) -> str | None:
    row = finder(type_)
    found = find(row, Wanted(inputs=inputs, tags=tags, place=PLACE), client(row.service))
    return found.id if found else None


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS in this process."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # Half a second each time, and nothing here starts an instance.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        yield


def test_every_type_of_the_program_has_a_row() -> None:
    """Those of the golden lists, and those that pulumi-eks makes inside its Cluster."""
    urns = [line for path in CHECKOUT.glob("tests/golden/*.txt") for line in path.read_text().splitlines()]
    types = {urn.split("::")[2].rpartition("$")[2] for urn in urns}
    remote = {"aws:eks/cluster:Cluster", "aws:eks/accessEntry:AccessEntry"}
    remote |= {"aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "pulumi:providers:kubernetes"}
    # Components make nothing themselves, so that their registration cannot be pending.
    custom = {type_ for type_ in types | remote if not type_.startswith(("platform:", "eks:"))}
    assert len(custom) > 30
    assert [type_ for type_ in sorted(custom) if row_of(type_) is None] == []


def test_every_finder_is_tested() -> None:
    """Here, or below with canned answers."""
    rows = {type_ for type_, row in ROWS.items() if isinstance(row, Finder)}
    assert rows == set(CASES) | set(CANNED)


@pytest.mark.parametrize("type_", CASES)
def test_what_the_create_made_is_found(type_: str) -> None:
    """By name, parents and tags, in the form of id that the provider reads."""
    inputs = CASES[type_].inputs()
    made = CASES[type_].make(inputs, OWN)
    assert look(type_, inputs) == made
    it = dict.fromkeys(("InstanceId", "LoadBalancerArn", "NatGatewayId", "VolumeId"), made)
    wait(finder(type_), Found(made, {}, {**inputs, "it": it}), client(finder(type_).service))


@pytest.mark.parametrize("type_", CASES)
def test_what_is_not_there_is_not_found(type_: str) -> None:
    """Neither is it an error."""
    assert look(type_, CASES[type_].inputs()) is None


@pytest.mark.parametrize("type_", [type_ for type_ in CASES if finder(type_).tags])
def test_a_twin_of_another_stack_is_not_taken(type_: str) -> None:
    """One tag of another value is enough; where the name is the same, the operator hears of it."""
    inputs = CASES[type_].inputs()
    made = CASES[type_].make(inputs, TWIN)
    if finder(type_).unique:
        with pytest.raises(OpsError, match="stands in its place with tags Project=platform-2 instead of"):
            look(type_, inputs)
    else:
        assert look(type_, inputs) is None
    assert look(type_, inputs, TWIN) == made


def test_one_with_more_tags_is_neither_taken_nor_ignored() -> None:
    """Somebody may have tagged what the create made, or made something alike: people can tell."""
    type_ = "aws:ec2/vpc:Vpc"
    inputs = CASES[type_].inputs()
    made = CASES[type_].make(inputs, {**OWN, "Owner": "x"})
    with pytest.raises(OpsError, match=f"{made} stands in its place with tags Owner=x instead of none"):
        look(type_, inputs)


def test_without_tags_a_nameless_resource_is_not_looked_for() -> None:
    """Any VPC of the same range would do."""
    with pytest.raises(OpsError, match="neither a unique name nor tags"):
        look("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16"}, {})


def test_what_is_going_away_is_not_taken() -> None:
    """A deleted NAT gateway stays in the answers for an hour, a key for its waiting period."""
    nat = "aws:ec2/natGateway:NatGateway"
    inputs = CASES[nat].inputs()
    client("ec2").delete_nat_gateway(NatGatewayId=CASES[nat].make(inputs, OWN))
    assert look(nat, inputs) is None
    key = "aws:kms/key:Key"
    client("kms").schedule_key_deletion(KeyId=CASES[key].make(CASES[key].inputs(), OWN), PendingWindowInDays=7)
    assert look(key, CASES[key].inputs()) is None


def test_a_gateway_of_another_vpc_is_not_taken() -> None:
    """An internet gateway that is attached elsewhere is somebody's, whatever its tags."""
    type_ = "aws:ec2/internetGateway:InternetGateway"
    made = CASES[type_].make({}, OWN)
    client("ec2").attach_internet_gateway(InternetGatewayId=made, VpcId=vpc())
    assert look(type_, {"vpcId": vpc()}) is None


CLUSTER = {"clusterName": "platform-dev"}
PRINCIPAL = "arn:aws:iam::123456789012:role/nodes"
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@dataclass(frozen=True)
class Canned:
    """AWS's answers about one resource.

    Attributes:
        answers: Operation and answer, in the order in which they are asked for; TAGS stands for the tags, PAIRS for
            them as a list.
        waits: What the waiter asks and hears.
    """

    inputs: Inputs
    answers: tuple[tuple[str, Any], ...]
    id: str
    outputs: Inputs = field(default_factory=dict)
    waits: tuple[str, Any] | None = None


TAGS, PAIRS = object(), object()
SUBNET = "subnet-0a1b2c3d4e5f60718"
CANNED = {
    # Moto has neither of these two.
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": Canned(
        {"subnetId": SUBNET, "cidrBlock": "10.0.0.128/25", "reservationType": "prefix"},
        (
            (
                "get_subnet_cidr_reservations",
                {
                    "SubnetIpv4CidrReservations": [
                        {"SubnetCidrReservationId": "scr-1", "Cidr": "10.0.0.64/26"},
                        {"SubnetCidrReservationId": "scr-2", "Cidr": "10.0.0.128/25"},
                    ],
                    "SubnetIpv6CidrReservations": [],
                },
            ),
        ),
        "scr-2",
    ),
    # These three it has in part.
    "aws:cloudfront/originAccessControl:OriginAccessControl": Canned(
        {"name": "images"},
        (
            (
                "list_origin_access_controls",
                edge.listed("OriginAccessControlList", edge.control("E1", "other"), edge.control("E2", "images")),
            ),
        ),
        "E2",
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": Canned(
        {"name": "images"},
        (
            (
                "list_response_headers_policies",
                edge.listed("ResponseHeadersPolicyList", edge.policy("p-1", "other"), edge.policy("p-2", "images")),
            ),
        ),
        "p-2",
    ),
    "aws:cloudfront/distribution:Distribution": Canned(
        {"aliases": ["images.example.com"], "comment": "images"},
        (
            (
                "list_distributions",
                edge.listed(
                    "DistributionList",
                    edge.distribution("E2", "images.example.com"),
                    edge.distribution("E3", "other.example.com"),
                ),
            ),
            # The other one's are not asked for.
            ("list_tags_for_resource", {"Tags": {"Items": PAIRS}}),
        ),
        "E2",
        waits=("get_distribution", edge.deployed("E2")),
    ),
    "aws:backup/selection:Selection": Canned(
        {"planId": "plan-1", "name": "volumes"},
        (
            (
                "list_backup_selections",
                {
                    "BackupSelectionsList": [
                        {"SelectionId": "s-1", "SelectionName": "file-system"},
                        {"SelectionId": "s-2", "SelectionName": "volumes"},
                    ]
                },
            ),
        ),
        "s-2",
    ),
    "aws:budgets/budget:Budget": Canned(*canned_budget(PAIRS)),
    "aws:eks/cluster:Cluster": Canned(
        {"name": "platform-dev"},
        (("describe_cluster", {"cluster": {"name": "platform-dev", "tags": TAGS}}),),
        "platform-dev",
        waits=("describe_cluster", {"cluster": {"status": "ACTIVE"}}),
    ),
    "aws:eks/nodeGroup:NodeGroup": Canned(
        {**CLUSTER, "nodeGroupName": "nodes-1a2b3c4"},
        (("describe_nodegroup", {"nodegroup": {"nodegroupName": "nodes-1a2b3c4", "tags": TAGS}}),),
        "platform-dev:nodes-1a2b3c4",
        waits=("describe_nodegroup", {"nodegroup": {"status": "ACTIVE"}}),
    ),
    "aws:eks/addon:Addon": Canned(
        {**CLUSTER, "addonName": "vpc-cni"},
        (("describe_addon", {"addon": {"addonName": "vpc-cni", "tags": TAGS}}),),
        "platform-dev:vpc-cni",
        waits=("describe_addon", {"addon": {"status": "ACTIVE"}}),
    ),
    "aws:eks/accessEntry:AccessEntry": Canned(
        {**CLUSTER, "principalArn": PRINCIPAL},
        (("describe_access_entry", {"accessEntry": {"principalArn": PRINCIPAL, "tags": TAGS}}),),
        f"platform-dev:{PRINCIPAL}",
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Canned(
        {**CLUSTER, "principalArn": PRINCIPAL, "policyArn": ADMIN},
        (
            (
                "list_associated_access_policies",
                {"associatedAccessPolicies": [{"policyArn": ADMIN.replace("Admin", "View")}, {"policyArn": ADMIN}]},
            ),
        ),
        f"platform-dev#{PRINCIPAL}#{ADMIN}",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Canned(
        {**CLUSTER, "namespace": "kube-system", "serviceAccount": "karpenter"},
        (
            ("list_pod_identity_associations", {"associations": [{"associationId": "a-1"}]}),
            ("describe_pod_identity_association", {"association": {"associationId": "a-1", "tags": TAGS}}),
        ),
        "a-1",
        {"associationId": "a-1"},
    ),
}


def _filled(answer: Any, tags: Tags) -> Any:
    if isinstance(answer, dict):
        return {key: _filled(value, tags) for key, value in answer.items()}
    return tags if answer is TAGS else pairs(tags) if answer is PAIRS else answer


@contextmanager
def _canned(type_: str, tags: Tags) -> Iterator[Any]:
    canned, aws = CANNED[type_], client(finder(type_).service)
    with Stubber(aws) as stub:
        for operation, answer in canned.answers:
            stub.add_response(operation, _filled(answer, tags))
        if canned.waits:
            stub.add_response(*canned.waits)
        yield aws


def _wanted(type_: str) -> Wanted:
    return Wanted(inputs=CANNED[type_].inputs, tags=OWN, place=PLACE)


@pytest.mark.parametrize("type_", CANNED)
def test_what_aws_answers_is_found_and_waited_for(type_: str) -> None:
    """The calls have the form that AWS's service model asks for."""
    with _canned(type_, OWN) as eks:
        found = find(finder(type_), _wanted(type_), eks)
        assert found is not None
        assert (found.id, found.outputs) == (CANNED[type_].id, CANNED[type_].outputs)
        wait(finder(type_), found, eks)


@pytest.mark.parametrize("type_", CANNED)
def test_what_aws_does_not_have_is_not_found(type_: str) -> None:
    """AWS says so by an error, or by an empty list."""
    eks = client(finder(type_).service)
    with Stubber(eks) as stub:
        stub.add_client_error(CANNED[type_].answers[0][0], "ResourceNotFoundException")
        assert find(finder(type_), _wanted(type_), eks) is None


@pytest.mark.parametrize("type_", [type_ for type_ in CANNED if finder(type_).tags])
def test_a_twin_in_eks_is_not_taken(type_: str) -> None:
    """The operator hears of it."""
    with _canned(type_, TWIN) as eks, pytest.raises(OpsError, match="stands in its place"):
        find(finder(type_), _wanted(type_), eks)


def test_a_regional_gateway_is_found_by_its_vpc_and_not_taken_for_a_zonal_one() -> None:
    """It lies in no subnet and has addresses that AWS chose."""
    row, ec2 = finder("aws:ec2/natGateway:NatGateway"), client("ec2")
    both = [
        {"NatGatewayId": "nat-zonal", "AvailabilityMode": "zonal", "Tags": pairs(OWN)},
        {"NatGatewayId": "nat-regional", "AvailabilityMode": "regional", "Tags": pairs(OWN)},
    ]
    filters = [{"Name": "vpc-id", "Values": ["vpc-1"]}, {"Name": "state", "Values": ["pending", "available"]}]
    with Stubber(ec2) as stub:
        stub.add_response("describe_nat_gateways", {"NatGateways": both}, {"Filters": filters})
        inputs = {"vpcId": "vpc-1", "availabilityMode": "regional"}
        found = find(row, Wanted(inputs=inputs, tags=OWN, place=PLACE), ec2)
    assert found is not None
    assert found.id == "nat-regional"


def test_what_failed_is_not_adopted_silently() -> None:
    """A cluster that AWS could not make is named; nothing waits for ever."""
    row, eks = finder("aws:eks/cluster:Cluster"), client("eks")
    with Stubber(eks) as stub:
        stub.add_response("describe_cluster", {"cluster": {"status": "FAILED"}})
        with pytest.raises(OpsError, match="platform-dev is there but not complete"):
            wait(row, Found("platform-dev", {}, {"name": "platform-dev"}), eks)


def test_a_refusal_is_not_taken_for_absence() -> None:
    """Without the right to look, everything would seem to be missing."""
    row, eks = finder("aws:eks/cluster:Cluster"), client("eks")
    with Stubber(eks) as stub:
        stub.add_client_error("describe_cluster", "AccessDeniedException")
        with pytest.raises(OpsError, match="AWS refuses describe_cluster"):
            find(row, _wanted("aws:eks/cluster:Cluster"), eks)


def test_repeatable_types_say_why() -> None:
    """A row without a finder needs a reason."""
    assert all(row.why for row in ROWS.values() if isinstance(row, Repeatable))

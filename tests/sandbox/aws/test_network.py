"""Networks: further ranges, reservations, regional NAT gateways, interface endpoints, rules of security groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.aws.calls import AwsError
from sandbox.protocol import HostError
from tests.sandbox.aws.examples import EXAMPLES
from tests.sandbox.aws.world import Made, World, allow

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ASSOCIATION = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
RESERVATION = "aws:ec2/subnetCidrReservation:SubnetCidrReservation"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
NAT = "aws:ec2/natGateway:NatGateway"
ROUTE = "aws:ec2/route:Route"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

Change = Callable[[World], dict[str, Any]]


def refused(world: World, token: str, inputs: dict[str, Any]) -> str:
    """Return the code with which AWS refuses."""
    with pytest.raises(AwsError) as caught:
        world.make(token, **inputs)
    return caught.value.code


def read(world: World, made: Made, inputs: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    state = made.outputs if inputs else {}
    return world.host.read(made.token, world.urn(made.token, "thing"), made.id, inputs, state)


def replaced(world: World, made: Made, **changes: Any) -> set[str]:
    """Return the inputs whose change forces a replacement."""
    given = {key: value for key, value in made.inputs.items() if key != "__defaults"}
    news = world.check(made.token, {**given, **changes}, olds=made.inputs)
    return set(world.host.diff(made.token, world.urn(made.token, "thing"), made.outputs, made.inputs, news).replace)


# Further ranges of a VPC ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "further", "allowed"),
    [
        ("10.20.0.0/16", "100.64.0.0/16", True),
        ("10.20.0.0/16", "10.21.0.0/16", True),
        ("10.20.0.0/16", "10.0.0.0/17", True),
        ("10.1.0.0/16", "10.0.0.0/17", False),
        ("10.20.0.0/16", "172.16.0.0/16", False),
        ("10.20.0.0/16", "192.168.0.0/16", False),
        ("10.20.0.0/16", "198.19.0.0/20", False),
        ("10.20.0.0/16", "10.20.128.0/17", False),
        ("172.16.0.0/16", "172.20.0.0/16", True),
        ("172.16.0.0/16", "172.31.0.0/16", False),
        ("192.168.0.0/20", "192.168.16.0/20", True),
        ("100.64.0.0/16", "100.65.0.0/16", True),
        ("100.64.0.0/16", "10.0.0.0/16", False),
        ("10.20.0.0/16", "100.64.0.0/15", False),
        ("10.20.0.0/16", "100.64.0.0/29", False),
        ("10.20.0.0/16", "100.64.0.1/16", False),
    ],
)
def test_a_further_range_is_allowed_beside_the_first(world: World, first: str, further: str, allowed: bool) -> None:
    """AWS takes a range of the same private block or of 100.64.0.0/10, of a VPC's size, that overlaps none."""
    inputs = {"vpcId": world.make(VPC, cidrBlock=first).id, "cidrBlock": further}
    if allowed:
        world.delete(world.make(ASSOCIATION, **inputs))
    else:
        assert refused(world, ASSOCIATION, inputs) in {"InvalidVpc.Range", "InvalidParameterValue"}


def test_a_vpc_has_five_ranges(world: World) -> None:
    """The sixth range is refused; a place that became free is free."""
    vpc = world.make(VPC, cidrBlock="10.20.0.0/16")
    further = [world.make(ASSOCIATION, vpcId=vpc.id, cidrBlock=f"100.{64 + index}.0.0/16") for index in range(4)]
    inputs = {"vpcId": vpc.id, "cidrBlock": "100.70.0.0/16"}
    assert refused(world, ASSOCIATION, inputs) == "CidrLimitExceeded"
    world.delete(further[0])
    assert world.make(ASSOCIATION, **inputs).id


def test_a_range_with_a_subnet_stays(world: World) -> None:
    """A subnet holds its range; once the range is gone, no subnet comes into it."""
    vpc = world.make(VPC, cidrBlock="10.20.0.0/16")
    association = world.make(ASSOCIATION, vpcId=vpc.id, cidrBlock="100.64.0.0/16")
    place = {"vpcId": vpc.id, "cidrBlock": "100.64.0.0/18", "availabilityZone": "eu-west-1a"}
    subnet = world.make(SUBNET, **place)
    with pytest.raises(AwsError, match=r"InvalidCidrBlock\.InUse"):
        world.delete(association)
    world.delete(subnet)
    world.delete(association)
    assert refused(world, SUBNET, place) == "InvalidSubnet.Range"
    world.delete(vpc)


# Reservations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cidrBlock": "10.0.9.0/25"}, "should be within subnet CIDR block"),
        ({"cidrBlock": "10.0.0.1/25"}, "CIDR block"),
        ({"reservationType": "everything"}, "for parameter reservationType is invalid"),
        ({"subnetId": "subnet-0123456789abcdef0"}, r"InvalidSubnetID\.NotFound"),
    ],
)
def test_a_reservation_of_the_wrong_shape_is_refused(world: World, change: dict[str, Any], message: str) -> None:
    """A reservation is a range of its subnet, of one of two types."""
    with pytest.raises(AwsError, match=message):
        world.make(RESERVATION, **{**EXAMPLES[RESERVATION].inputs(world), **change})


def test_reservations_do_not_overlap(world: World) -> None:
    """A second reservation over the first is refused; beside it, it passes."""
    inputs = EXAMPLES[RESERVATION].inputs(world)
    first = world.make(RESERVATION, **inputs)
    with pytest.raises(AwsError, match="overlap"):
        world.make(RESERVATION, **{**inputs, "cidrBlock": "10.0.0.192/26"})
    second = world.make(RESERVATION, **{**inputs, "cidrBlock": "10.0.0.64/26", "reservationType": "explicit"})
    for made in (first, second):
        world.delete(made)


# Regional NAT gateways ----------------------------------------------------------------------------------------------


def regional(world: World) -> dict[str, Any]:
    assert world.gateway.id
    return {"availabilityMode": "regional", "vpcId": world.vpc.id, "tags": {"a": "b"}}


def test_a_regional_gateway_lives_and_leaves_nothing(world: World) -> None:
    """Made for a VPC, read, unchanged, tagged, imported and deleted, it takes its own route table with it."""
    inputs = regional(world)
    before = world.inventory("ec2")
    made = world.make(NAT, **inputs)
    assert (made["availabilityMode"], made["autoProvisionZones"], made["vpcId"]) == (
        "regional",
        "enabled",
        world.vpc.id,
    )
    assert made["routeTableId"].startswith("rtb-")
    assert "subnetId" not in made.outputs
    assert read(world, made, made.inputs) == (made.id, made.inputs, made.outputs)
    assert replaced(world, made) == set()
    assert replaced(world, made, vpcId="vpc-0123456789abcdef0") == {"vpcId"}
    made = world.update(made, tags={"a": "c"})
    assert made["tags"] == {"a": "c"}
    _, imported, _ = read(world, made, {})
    assert (imported["availabilityMode"], imported["vpcId"]) == ("regional", world.vpc.id)
    world.delete(made)
    assert world.inventory("ec2") == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda world: {"subnetId": world.subnet_ids[0]}, "InvalidParameterCombination"),
        (lambda world: {"allocationId": "eipalloc-1"}, "InvalidParameterCombination"),
        (lambda world: {"connectivityType": "private"}, "InvalidParameterCombination"),
        (lambda world: {"vpcId": None}, "MissingParameter"),
        (lambda world: {"availabilityMode": "zonal", "vpcId": None}, "MissingParameter"),
        (lambda world: {"availabilityMode": "galactic"}, "InvalidParameterValue"),
        (lambda world: {"vpcId": world.make(VPC, cidrBlock="10.8.0.0/16").id}, "Gateway.NotAttached"),
    ],
)
def test_a_gateway_of_the_wrong_shape_is_refused(world: World, change: Change, code: str) -> None:
    """A regional gateway takes a VPC with an internet gateway and nothing else; a zonal one needs a subnet."""
    inputs = {**regional(world), **change(world)}
    assert refused(world, NAT, {name: value for name, value in inputs.items() if value is not None}) == code


def test_a_regional_gateway_with_own_addresses_is_said_to_be_unknown(world: World) -> None:
    """Addresses of the program's own are not played, and the sandbox says so."""
    with pytest.raises(HostError, match="are not played"):
        world.make(NAT, **regional(world), availabilityZoneAddresses=[{"availabilityZone": "eu-west-1a"}])


def test_what_a_regional_gateway_stands_on_stays(world: World) -> None:
    """Internet gateway and VPC refuse to go before it; subnets do not hold it."""
    vpc = world.make(VPC, cidrBlock="10.8.0.0/16")
    gateway = world.make(GATEWAY, vpcId=vpc.id)
    subnet = world.make(SUBNET, vpcId=vpc.id, cidrBlock="10.8.0.0/24")
    nat = world.make(NAT, availabilityMode="regional", vpcId=vpc.id)
    world.delete(subnet)
    for made in (gateway, vpc):
        with pytest.raises(AwsError, match="DependencyViolation"):
            world.delete(made)
    for made in (nat, gateway, vpc):
        world.delete(made)


def test_routes_lead_through_a_regional_gateway(world: World) -> None:
    """A route takes it by its id; a gateway that is gone, or of another VPC, is refused."""
    nat = world.make(NAT, **regional(world))
    table = world.make("aws:ec2/routeTable:RouteTable", vpcId=world.vpc.id)
    inputs = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": nat.id}
    route = world.make(ROUTE, **inputs)
    assert route["natGatewayId"] == nat.id
    other = world.make(VPC, cidrBlock="10.8.0.0/16")
    foreign = world.make("aws:ec2/routeTable:RouteTable", vpcId=other.id)
    assert refused(world, ROUTE, {**inputs, "routeTableId": foreign.id}) == "InvalidParameterValue"
    world.delete(route)
    world.delete(nat)
    assert refused(world, ROUTE, inputs) == "InvalidNatGatewayID.NotFound"


# Interface endpoints ------------------------------------------------------------------------------------------------


def interface(world: World) -> dict[str, Any]:
    vpc = world.make(VPC, cidrBlock="10.6.0.0/16", enableDnsHostnames=True)
    subnets = [
        world.make(SUBNET, vpcId=vpc.id, cidrBlock=f"10.6.{index}.0/24", availabilityZone=f"eu-west-1{zone}")
        for index, zone in enumerate("ab")
    ]
    group = world.make(GROUP, vpcId=vpc.id, description="endpoints")
    return {
        "vpcId": vpc.id,
        "serviceName": "com.amazonaws.eu-west-1.ecr.api",
        "vpcEndpointType": "Interface",
        "subnetIds": [subnet.id for subnet in subnets],
        "securityGroupIds": [group.id],
        "privateDnsEnabled": True,
        "policy": allow("ecr:*", Principal="*"),
        "tags": {"a": "b"},
    }


def test_an_interface_endpoint_lives_and_leaves_nothing(world: World) -> None:
    """Made, read, unchanged, changed in place, imported and deleted: its network interfaces come and go with it."""
    inputs = interface(world)
    before = world.inventory("ec2")
    made = world.make(ENDPOINT, **inputs)
    assert len(made["networkInterfaceIds"]) == 2
    assert made["dnsEntries"][0]["dnsName"].endswith(".ecr.api.eu-west-1.vpce.amazonaws.com")
    assert read(world, made, made.inputs) == (made.id, made.inputs, made.outputs)
    assert replaced(world, made) == set()
    assert replaced(world, made, serviceName="com.amazonaws.eu-west-1.ecr.dkr") == {"serviceName"}
    group = world.make(GROUP, vpcId=inputs["vpcId"], description="other")
    made = world.update(
        made, subnetIds=inputs["subnetIds"][:1], securityGroupIds=[group.id], privateDnsEnabled=False, policy=allow("*")
    )
    assert (made["subnetIds"], made["privateDnsEnabled"]) == (inputs["subnetIds"][:1], False)
    assert len(made["networkInterfaceIds"]) == 1
    assert read(world, made, made.inputs) == (made.id, made.inputs, made.outputs)
    _, imported, _ = read(world, made, {})
    assert imported["securityGroupIds"] == [group.id]
    world.delete(made)
    world.delete(group)
    assert world.inventory("ec2") == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda world: {"serviceName": "com.amazonaws.eu-west-1.nothing"}, "InvalidServiceName"),
        (lambda world: {"serviceName": "com.amazonaws.eu-central-1.ecr.api"}, "InvalidServiceName"),
        (lambda world: {"subnetIds": world.subnet_ids}, "InvalidSubnetID.NotFound"),
        (lambda world: {"securityGroupIds": [world.security_group.id]}, "InvalidParameter"),
        (lambda world: {"securityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        (lambda world: {"routeTableIds": [world.route_table.id]}, "InvalidParameter"),
        (lambda world: {"policy": "{"}, "InvalidPolicyDocument"),
        (lambda world: {"vpcEndpointType": "Gateway"}, "InvalidParameter"),
    ],
)
def test_an_endpoint_of_the_wrong_shape_is_refused(world: World, change: Change, code: str) -> None:
    """The service exists in the region, subnets and groups are of the VPC, and the policy is JSON."""
    assert refused(world, ENDPOINT, {**interface(world), **change(world)}) == code


def test_an_endpoint_has_one_subnet_in_a_zone(world: World) -> None:
    """Two subnets of one zone are refused, when it is made and when it changes."""
    inputs = interface(world)
    twin = world.make(SUBNET, vpcId=inputs["vpcId"], cidrBlock="10.6.9.0/24", availabilityZone="eu-west-1a")
    subnets = [*inputs["subnetIds"], twin.id]
    assert refused(world, ENDPOINT, {**inputs, "subnetIds": subnets}) == "DuplicateSubnetsInSameZone"
    made = world.make(ENDPOINT, **inputs)
    with pytest.raises(AwsError, match="DuplicateSubnetsInSameZone"):
        world.update(made, subnetIds=subnets)


@pytest.mark.parametrize("attribute", ["enableDnsSupport", "enableDnsHostnames"])
def test_private_names_need_the_attributes_of_the_vpc(world: World, attribute: str) -> None:
    """Private DNS is refused in a VPC without DNS support or host names; without private DNS it passes."""
    vpc = world.make(VPC, cidrBlock="10.6.0.0/16", **{"enableDnsHostnames": True, attribute: False})
    subnet = world.make(SUBNET, vpcId=vpc.id, cidrBlock="10.6.0.0/24", availabilityZone="eu-west-1a")
    inputs = {
        "vpcId": vpc.id,
        "serviceName": "com.amazonaws.eu-west-1.sts",
        "vpcEndpointType": "Interface",
        "subnetIds": [subnet.id],
    }
    with pytest.raises(AwsError, match="requires both enableDnsSupport and enableDnsHostnames"):
        world.make(ENDPOINT, **inputs, privateDnsEnabled=True)
    assert world.make(ENDPOINT, **inputs)["privateDnsEnabled"] is False


def test_a_private_name_has_one_endpoint(world: World) -> None:
    """The second endpoint of a service with private DNS is refused, until the first is gone."""
    inputs = interface(world)
    first = world.make(ENDPOINT, **inputs)
    with pytest.raises(AwsError, match=r"conflicting DNS domain for api\.ecr\.eu-west-1\.amazonaws\.com"):
        world.make(ENDPOINT, **inputs)
    second = world.make(ENDPOINT, **{**inputs, "privateDnsEnabled": False})
    with pytest.raises(AwsError, match="conflicting DNS domain"):
        world.update(second, privateDnsEnabled=True)
    world.delete(first)
    assert world.update(second, privateDnsEnabled=True)["privateDnsEnabled"] is True


def test_what_an_endpoint_stands_on_stays(world: World) -> None:
    """Its network interfaces hold subnet, security group and VPC until it is gone."""
    inputs = interface(world)
    made = world.make(ENDPOINT, **inputs)
    held = [
        Made(SUBNET, inputs["subnetIds"][0], {}, {}),
        Made(GROUP, inputs["securityGroupIds"][0], {}, {"vpcId": inputs["vpcId"]}),
        Made(VPC, inputs["vpcId"], {}, {}),
    ]
    for thing in held:
        with pytest.raises(AwsError, match="DependencyViolation"):
            world.delete(thing)
    for thing in (made, *held[:2], Made(SUBNET, inputs["subnetIds"][1], {}, {}), held[2]):
        world.delete(thing)


def test_an_endpoint_without_a_group_gets_the_default_one(world: World) -> None:
    """AWS puts the VPC's default group on the interfaces of an endpoint that names none."""
    inputs = {name: value for name, value in interface(world).items() if name != "securityGroupIds"}
    made = world.make(ENDPOINT, **inputs)
    vpc = read(world, Made(VPC, inputs["vpcId"], {}, {}), {})[2]
    assert made["securityGroupIds"] == [vpc["defaultSecurityGroupId"]]


# Security groups ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "change", "code"),
    [
        (INGRESS, {"cidrIpv4": None}, "MissingParameter"),
        (INGRESS, {"cidrIpv6": "2001:db8::/32"}, "MissingParameter"),
        (INGRESS, {"toPort": None}, "InvalidParameterValue"),
        (INGRESS, {"fromPort": 500}, "InvalidParameterValue"),
        (INGRESS, {"toPort": 70000}, "InvalidParameterValue"),
        (INGRESS, {"ipProtocol": "-1"}, "InvalidParameterCombination"),
        (INGRESS, {"description": "für alle"}, "InvalidParameterValue"),
        (INGRESS, {"description": "d" * 256}, "InvalidParameterValue"),
        (INGRESS, {"securityGroupId": "sg-0123456789abcdef0"}, "InvalidGroup.NotFound"),
        (EGRESS, {"referencedSecurityGroupId": "sg-0123456789abcdef0"}, "InvalidGroup.NotFound"),
        (GROUP, {"description": "what's in it"}, "InvalidParameterValue"),
        (GROUP, {"name": "a'b"}, "InvalidParameterValue"),
        (
            GROUP,
            {"egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "description": "é"}]},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_rule_of_the_wrong_shape_is_refused(world: World, token: str, change: dict[str, Any], code: str) -> None:
    """A rule has one source, ports in order, and a description of the characters that EC2 takes."""
    inputs = {**EXAMPLES[token].inputs(world), **change}
    assert refused(world, token, {name: value for name, value in inputs.items() if value is not None}) == code


def test_a_rule_comes_once(world: World) -> None:
    """The same rule again is refused, whatever its description says."""
    inputs = EXAMPLES[INGRESS].inputs(world)
    made = world.make(INGRESS, **inputs)
    assert refused(world, INGRESS, {**inputs, "description": "other"}) == "InvalidPermission.Duplicate"
    other = world.make(INGRESS, **{**inputs, "fromPort": 80})
    for rule in (made, other):
        world.delete(rule)


def test_a_rule_keeps_the_kind_of_its_source(world: World) -> None:
    """EC2 changes a rule's range for another, and not for a group."""
    made = world.make(INGRESS, **EXAMPLES[INGRESS].inputs(world))
    with pytest.raises(AwsError, match="Invalid rule type"):
        world.update(made, cidrIpv4=None, referencedSecurityGroupId=world.security_group.id)
    world.delete(made)


def test_a_group_has_sixty_rules_a_way(world: World) -> None:
    """The sixty-first rule is refused."""
    group = world.make(GROUP, vpcId=world.vpc.id, description="many")
    common = {"securityGroupId": group.id, "ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/8"}
    for port in range(1, 61):
        world.make(INGRESS, **common, fromPort=port, toPort=port)
    assert refused(world, INGRESS, {**common, "fromPort": 61, "toPort": 61}) == "RulesPerSecurityGroupLimitExceeded"
    world.delete(group)


def test_a_new_group_lets_nothing_out(world: World) -> None:
    """The provider takes away the rule that AWS gives every new group."""
    made = world.make(GROUP, namePrefix="closed-", vpcId=world.vpc.id)
    assert made["name"].startswith("closed-")
    assert read(world, made, {})[2]["egress"] == []
    world.delete(made)

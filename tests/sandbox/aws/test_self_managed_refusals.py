"""What AWS would refuse of machines, balancers, parameters and issuers is refused, and its twin passes."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest

from sandbox.aws.calls import AwsError
from sandbox.aws.images import add_image
from tests.sandbox.aws.examples import EXAMPLES
from tests.sandbox.aws.examples.self_managed import (
    ATTACHMENT,
    BALANCER,
    GROUP,
    INSTANCE,
    LISTENER,
    PARAMETER,
    TARGET,
    VOLUME,
    balancer,
    group,
    instance,
    listener,
    machine,
    packed,
    volume,
)
from tests.sandbox.aws.world import REGION, Case, Made, World

PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
SUBNET = "aws:ec2/subnet:Subnet"
RESERVATION = "aws:ec2/subnetCidrReservation:SubnetCidrReservation"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"


def data(size: int) -> str:
    """Return user data of so many bytes before base64."""
    return base64.b64encode(random.Random(1).randbytes(size)).decode()


def other_vpc(world: World) -> Made:
    return world.make("aws:ec2/vpc:Vpc", world.unique("vpc"), cidrBlock="10.20.0.0/16", enableDnsHostnames=True)


def foreign_group(world: World) -> str:
    return world.make(SECURITY_GROUP, world.unique("g"), vpcId=other_vpc(world).id, description="d").id


def foreign_subnets(world: World) -> list[str]:
    vpc = other_vpc(world).id
    made = world.make(SUBNET, world.unique("s"), vpcId=vpc, cidrBlock="10.20.0.0/24", availabilityZone=f"{REGION}b")
    return [world.subnet_ids[0], made.id]


def second_of_zone(world: World) -> list[str]:
    made = world.make(
        SUBNET, world.unique("s"), vpcId=world.vpc.id, cidrBlock="10.0.77.0/24", availabilityZone=f"{REGION}a"
    )
    return [world.subnet_ids[0], made.id]


def pending_key(world: World) -> str:
    made = world.make("aws:kms/key:Key", world.unique("key"), policy=world.key_policy)
    world.delete(made)
    return str(made["arn"])


def udp_group(world: World) -> dict[str, Any]:
    check = {"protocol": "TCP", "interval": 10}
    made = world.make(GROUP, **group(world, protocol="UDP", healthCheck=check, preserveClientIp=None))
    return {"defaultActions": [{"type": "forward", "targetGroupArn": made.id}]}


def check(world: World, **more: Any) -> dict[str, Any]:
    return {"healthCheck": {**group(world)["healthCheck"], **more}}


CASES: dict[str, Case] = {
    "user data of 16 KB and one byte": Case(
        INSTANCE,
        lambda world: {"userDataBase64": data(16_385)},
        "InvalidParameterValue",
        lambda world: {"userDataBase64": data(16_384)},
    ),
    "user data that is no base64": Case(
        INSTANCE, lambda world: {"userDataBase64": "#cloud-config"}, r"InvalidUserData\.Malformed"
    ),
    "user data twice": Case(
        INSTANCE,
        lambda world: {"userData": "#cloud-config"},
        "InvalidParameterCombination",
        lambda world: {"userData": "#cloud-config", "userDataBase64": None},
    ),
    "an image that is not there": Case(
        INSTANCE, lambda world: {"ami": "ami-0123456789abcdef0"}, r"InvalidAMIID\.NotFound"
    ),
    "an image for another processor": Case(
        INSTANCE,
        lambda world: {"ami": add_image("ubuntu-24.04-arm64")},
        "InvalidParameterValue",
        lambda world: {"ami": add_image("ubuntu-24.04-arm64"), "instanceType": "t4g.small"},
    ),
    "an instance type that is not there": Case(
        INSTANCE, lambda world: {"instanceType": "t3.tiny"}, "InvalidParameterValue"
    ),
    "a zone that is not the subnet's": Case(
        INSTANCE,
        lambda world: {"availabilityZone": f"{REGION}b"},
        "InvalidParameterValue",
        lambda world: {"availabilityZone": f"{REGION}a"},
    ),
    "an address of another subnet": Case(
        INSTANCE,
        lambda world: {"privateIp": "10.0.1.20"},
        "InvalidParameterValue",
        lambda world: {"privateIp": "10.0.0.20"},
    ),
    "an address that AWS keeps": Case(
        INSTANCE,
        lambda world: {"privateIp": "10.0.0.3"},
        "InvalidParameterValue",
        lambda world: {"privateIp": "10.0.0.200"},
    ),
    "an address that somebody has": Case(
        INSTANCE,
        lambda world: {"privateIp": machine(world)["privateIp"]},
        r"InvalidIPAddress\.InUse",
        lambda world: {"privateIp": "10.0.0.201"},
    ),
    "a security group of another VPC": Case(
        INSTANCE, lambda world: {"vpcSecurityGroupIds": [foreign_group(world)]}, "InvalidParameter"
    ),
    "an instance profile that is not there": Case(
        INSTANCE, lambda world: {"iamInstanceProfile": "nobody"}, "Invalid IAM Instance Profile name"
    ),
    "an instance profile without a role": Case(
        INSTANCE,
        lambda world: {"iamInstanceProfile": world.make(PROFILE, world.unique("empty")).id},
        "no associated IAM Roles",
    ),
    "a root volume's key that goes": Case(
        INSTANCE,
        lambda world: {"rootBlockDevice": {"volumeSize": 30, "encrypted": True, "kmsKeyId": pending_key(world)}},
        "InvalidKmsKeyId",
        lambda world: {"rootBlockDevice": {"volumeSize": 30, "encrypted": True, "kmsKeyId": world.key["arn"]}},
    ),
    "65 hops to the metadata": Case(
        INSTANCE,
        lambda world: {"metadataOptions": {"httpPutResponseHopLimit": 65}},
        "InvalidParameterValue",
        lambda world: {"metadataOptions": {"httpPutResponseHopLimit": 64}},
    ),
    "a volume's key that goes": Case(
        VOLUME,
        lambda world: {"kmsKeyId": pending_key(world)},
        "InvalidKmsKeyId",
        lambda world: {"kmsKeyId": world.key["arn"]},
    ),
    "a volume in a zone that is not there": Case(
        VOLUME, lambda world: {"availabilityZone": f"{REGION}z"}, r"InvalidZone\.NotFound"
    ),
    "a volume too slow": Case(
        VOLUME, lambda world: {"iops": 2_999}, "InvalidParameterValue", lambda world: {"iops": 3_000}
    ),
    "a volume of another zone": Case(
        ATTACHMENT, lambda world: {"volumeId": volume(world, "b").id}, r"InvalidVolume\.ZoneMismatch"
    ),
    "a device that is none": Case(
        ATTACHMENT,
        lambda world: {"deviceName": "/dev/nvme1n1"},
        "InvalidParameterValue",
        lambda world: {"deviceName": "/dev/sdp"},
    ),
    "a device that is taken": Case(ATTACHMENT, lambda world: {"deviceName": "/dev/sda1"}, "is already in use"),
    "a balancer's name of 33": Case(
        BALANCER, lambda world: {"name": "b" * 33}, "ValidationError", lambda world: {"name": "b" * 32}
    ),
    "a name that is AWS's": Case(
        GROUP, lambda world: {"name": "internal-api"}, "ValidationError", lambda world: {"name": "api-internal"}
    ),
    "a balancer without subnets": Case(BALANCER, lambda world: {"subnets": None}, "ValidationError"),
    "a balancer twice in a zone": Case(
        BALANCER, lambda world: {"subnets": second_of_zone(world)}, "InvalidConfigurationRequest"
    ),
    "a balancer in two VPCs": Case(BALANCER, lambda world: {"subnets": foreign_subnets(world)}, "InvalidSubnet"),
    "a balancer with a group of another VPC": Case(
        BALANCER, lambda world: {"securityGroups": [foreign_group(world)]}, "InvalidSecurityGroup"
    ),
    "a check that waits longer than it pauses": Case(
        GROUP, lambda world: check(world, timeout=11), "ValidationError", lambda world: check(world, timeout=10)
    ),
    "a check of TCP with a path": Case(
        GROUP,
        lambda world: check(world, protocol="TCP"),
        "ValidationError",
        lambda world: {"healthCheck": {"protocol": "TCP", "interval": 10}},
    ),
    "a check with a relative path": Case(GROUP, lambda world: check(world, path="readyz"), "ValidationError"),
    "a group without a VPC": Case(GROUP, lambda world: {"vpcId": None}, "ValidationError"),
    "HTTP on a network load balancer": Case(LISTENER, lambda world: {"protocol": "HTTP"}, "ValidationError"),
    "TCP to a group of UDP": Case(LISTENER, udp_group, "InvalidLoadBalancerAction"),
    "a target that is not there": Case(TARGET, lambda world: {"targetId": "i-0123456789abcdef0"}, "InvalidTarget"),
    "a parameter's relative path": Case(
        PARAMETER, lambda world: {"name": "a/b"}, "ValidationException", lambda world: {"name": "/a/b"}
    ),
    "a parameter's name that is AWS's": Case(
        PARAMETER, lambda world: {"name": "/ssm/x"}, "ValidationException", lambda world: {"name": "/x/ssm"}
    ),
    "a parameter of 16 levels": Case(
        PARAMETER,
        lambda world: {"name": "/a" * 16},
        "HierarchyLevelLimitExceededException",
        lambda world: {"name": "/a" * 15},
    ),
    "a value of 4,097 bytes": Case(
        PARAMETER, lambda world: {"value": "x" * 4097}, "ValidationException", lambda world: {"value": "x" * 4096}
    ),
    "a parameter's key that goes": Case(PARAMETER, lambda world: {"keyId": pending_key(world)}, "InvalidKeyId"),
    "a key for what is no secret": Case(
        PARAMETER,
        lambda world: {"type": "String"},
        "ValidationException",
        lambda world: {"type": "String", "keyId": None},
    ),
    "an issuer without TLS": Case(
        PROVIDER,
        lambda world: {"url": "http://a.example.com"},
        "ValidationError",
        lambda world: {"url": "https://a.example.com"},
    ),
    "a thumbprint that is none": Case(
        PROVIDER,
        lambda world: {"thumbprintLists": ["g" * 40]},
        "ValidationError",
        lambda world: {"thumbprintLists": ["f" * 40]},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_aws_refuses_is_refused(world: World, case: Case) -> None:
    """The example made wrong is refused with AWS's code; its twin, as near to the limit as can be, passes."""
    example = EXAMPLES[case.token].inputs(world)
    with pytest.raises(AwsError, match=case.code):
        world.make(case.token, world.unique("bad"), **{**example, **case.change(world)})
    twin = {**EXAMPLES[case.token].inputs(world), **case.twin(world)}
    world.delete(world.make(case.token, world.unique("good"), **twin))


def test_no_automatic_address_comes_out_of_a_reservation(world: World) -> None:
    """Explicit reservations are for those who name an address; taken and kept ones are left out as well."""
    subnet = world.make(SUBNET, world.unique("s"), vpcId=world.vpc.id, cidrBlock="10.0.50.0/27")
    held = world.make(RESERVATION, subnetId=subnet.id, cidrBlock="10.0.50.16/28", reservationType="explicit")
    fixed = machine(world, subnetId=subnet.id, privateIp="10.0.50.16")
    automatic = [machine(world, subnetId=subnet.id) for _ in range(12)]
    assert [one["privateIp"] for one in automatic] == [f"10.0.50.{last}" for last in range(4, 16)]
    with pytest.raises(AwsError, match="InsufficientFreeAddressesInSubnet"):
        machine(world, subnetId=subnet.id)
    world.delete(held)
    more = machine(world, subnetId=subnet.id)
    assert more["privateIp"] == "10.0.50.17"
    for one in (fixed, more, *automatic):
        world.delete(one)
    world.delete(subnet)


def test_a_volume_is_attached_once_and_stays_while_it_is(world: World) -> None:
    """A second instance does not get it, and nobody deletes it, before it is detached."""
    one, other, disk = machine(world), machine(world), volume(world)
    held = world.make(ATTACHMENT, deviceName="/dev/sdf", instanceId=one.id, volumeId=disk.id)
    with pytest.raises(AwsError, match="VolumeInUse"):
        world.make(ATTACHMENT, deviceName="/dev/sdf", instanceId=other.id, volumeId=disk.id)
    with pytest.raises(AwsError, match="VolumeInUse"):
        world.delete(disk)
    world.delete(held)
    again = world.make(ATTACHMENT, deviceName="/dev/sdf", instanceId=other.id, volumeId=disk.id)
    for made in (again, disk, one, other):
        world.delete(made)


def test_a_protected_instance_stays(world: World) -> None:
    """Termination protection refuses the delete; without it the instance and its interface go."""
    made = machine(world, disableApiTermination=True)
    with pytest.raises(AwsError, match="OperationNotPermitted"):
        world.delete(made)
    world.delete(world.update(made, disableApiTermination=False))
    filters = [{"Name": "network-interface-id", "Values": [made["primaryNetworkInterfaceId"]]}]
    assert world.client("ec2").describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []


def test_what_an_instance_stands_on_stays(world: World) -> None:
    """Subnet and security group wait for the instance's interface."""
    subnet = world.make(SUBNET, world.unique("s"), vpcId=world.vpc.id, cidrBlock="10.0.51.0/24")
    closed = world.make(SECURITY_GROUP, world.unique("g"), vpcId=world.vpc.id, description="d")
    made = machine(world, subnetId=subnet.id, vpcSecurityGroupIds=[closed.id])
    for held in (subnet, closed):
        with pytest.raises(AwsError, match="DependencyViolation"):
            world.delete(held)
    for one in (made, subnet, closed):
        world.delete(one)


def test_user_data_replaces_only_where_the_program_says_so(world: World) -> None:
    """Changed user data stops and starts the instance, or replaces it when the program wants that."""
    for wanted in (False, True):
        made = machine(world, userDataReplaceOnChange=wanted)
        news = {**made.inputs, "userDataBase64": packed("#cloud-config\nruncmd: []\n")}
        result = world.host.diff(INSTANCE, world.urn(INSTANCE, "thing"), made.outputs, made.inputs, news)
        assert result.changed == ("userDataBase64",)
        assert bool(result.replace) == wanted
        world.delete(made)


def test_a_balancer_has_groups_from_the_start_or_never(world: World) -> None:
    """A network load balancer changes its groups in place, but gets none and loses none."""
    bare = world.check(BALANCER, balancer(world, name="one", securityGroups=None))
    grouped = world.check(BALANCER, balancer(world, name="one"))
    others = {**grouped, "securityGroups": ["sg-0123456789abcdef0"]}
    urn = world.urn(BALANCER, "thing")
    assert world.host.diff(BALANCER, urn, {}, bare, grouped).replace == ("securityGroups",)
    assert world.host.diff(BALANCER, urn, {}, grouped, others).replace == ()


def test_a_protected_balancer_stays(world: World) -> None:
    """Deletion protection refuses the delete; a balancer's interfaces hold its subnets and go with it."""
    subnet = world.make(SUBNET, world.unique("s"), vpcId=world.vpc.id, cidrBlock="10.0.52.0/24")
    made = world.make(
        BALANCER, world.unique("b"), **balancer(world, subnets=[subnet.id], enableDeletionProtection=True)
    )
    with pytest.raises(AwsError, match="OperationNotPermitted"):
        world.delete(made)
    with pytest.raises(AwsError, match="DependencyViolation"):
        world.delete(subnet)
    world.delete(world.update(made, enableDeletionProtection=False))
    world.delete(subnet)


def test_a_group_that_a_listener_forwards_to_stays(world: World) -> None:
    """A target group goes after its listener, and a port has one listener."""
    inputs = listener(world)
    made = world.make(LISTENER, **inputs)
    with pytest.raises(AwsError, match="DuplicateListener"):
        world.make(LISTENER, **inputs)
    arn = inputs["defaultActions"][0]["targetGroupArn"]
    held = Made(GROUP, arn, {}, {"arn": arn})
    with pytest.raises(AwsError, match="ResourceInUse"):
        world.delete(held)
    world.delete(made)
    world.delete(held)


def test_a_private_zone_points_to_a_balancer(world: World) -> None:
    """An alias into the balancers' zone leads to a balancer that exists; nobody outside hears of the zone."""
    zone = world.make(ZONE, name="one.internal", vpcs=[{"vpcId": world.vpc.id}])
    made = world.make(BALANCER, world.unique("b"), **balancer(world))
    alias = {"name": made["dnsName"], "zoneId": made["zoneId"], "evaluateTargetHealth": False}
    common = {"zoneId": zone.id, "name": "api.one.internal", "type": "A"}
    with pytest.raises(AwsError, match="that target was not found"):
        world.make(RECORD, **common, aliases=[{**alias, "name": "other.elb.eu-west-1.amazonaws.com"}])
    record = world.make(RECORD, **common, aliases=[alias])
    assert record["fqdn"] == "api.one.internal"
    with pytest.raises(AwsError, match="ConflictingDomainExists"):
        world.make(ZONE, name="one.internal", vpcs=[{"vpcId": world.vpc.id}])
    with pytest.raises(AwsError, match="InvalidVPCId"):
        world.make(ZONE, name="two.internal", vpcs=[{"vpcId": "vpc-0123456789abcdef0"}])
    for one in (record, made, zone):
        world.delete(one)


def test_a_private_zone_takes_another_vpc(world: World) -> None:
    """VPCs change in place; a zone never turns public."""
    zone = world.make(ZONE, name="three.internal", vpcs=[{"vpcId": world.vpc.id}])
    other = other_vpc(world).id
    urn = world.urn(ZONE, "thing")
    news = {**zone.inputs, "vpcs": [{"vpcId": other}]}
    assert world.host.diff(ZONE, urn, zone.outputs, zone.inputs, news).replace == ()
    moved = world.update(zone, vpcs=[{"vpcId": other}])
    assert [one["vpcId"] for one in moved["vpcs"]] == [other]
    public = {name: value for name, value in zone.inputs.items() if name != "vpcs"}
    assert world.host.diff(ZONE, urn, zone.outputs, zone.inputs, public).replace == ("vpcs",)
    world.delete(moved)


def test_a_parameter_keeps_its_type(world: World) -> None:
    """A secret does not become plain text in place; a new value is a new version."""
    made = world.make(PARAMETER, **EXAMPLES[PARAMETER].inputs(world))
    with pytest.raises(AwsError, match="HierarchyTypeMismatchException"):
        world.update(made, type="String", keyId=None)
    assert world.update(made, value="new")["version"] == made["version"] + 1
    world.delete(made)


def test_an_issuer_has_one_provider(world: World) -> None:
    """The second provider of a URL is refused."""
    made = world.make(PROVIDER, url="https://one.example.com", clientIdLists=["sts.amazonaws.com"])
    with pytest.raises(AwsError, match="EntityAlreadyExists"):
        world.make(PROVIDER, url="https://one.example.com", clientIdLists=["sts.amazonaws.com"])
    world.delete(made)


def test_machines_leave_nothing(world: World) -> None:
    """An instance takes its root volume, its interface and its address along."""
    before = world.inventory("ec2")
    inputs = instance(world)
    world.delete(world.make(INSTANCE, **inputs))
    assert world.inventory("ec2") == before

"""What tests of the finders make of instances, volumes, load balancers, parameters and issuers."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from typing import Any

import boto3

REGION = "eu-west-1"
Inputs = dict[str, Any]
Tags = dict[str, str]
# Of what a case stands on: ELB takes no empty list.
OTHER = {"Name": "other"}
IMAGE = "ami-0123456789abcdef0"


@functools.cache
def client(service: str) -> Any:
    return boto3.Session("test", "test", region_name=REGION).client(service)


def pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def spec(kind: str, tags: Tags) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": pairs(tags)}] if tags else []


def network() -> tuple[str, str]:
    vpc = client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=f"{REGION}a")
    return vpc, made["Subnet"]["SubnetId"]


def instance_inputs() -> Inputs:
    return {"subnetId": network()[1], "ami": IMAGE, "instanceType": "t3.small"}


def make_instance(inputs: Inputs, tags: Tags) -> str:
    def run(address: str) -> str:
        answer = client("ec2").run_instances(
            MinCount=1,
            MaxCount=1,
            ImageId=inputs["ami"],
            InstanceType=inputs["instanceType"],
            SubnetId=inputs["subnetId"],
            PrivateIpAddress=address,
            TagSpecifications=spec("instance", tags),
        )
        return str(answer["Instances"][0]["InstanceId"])

    # One that is gone, with the same tags.
    client("ec2").terminate_instances(InstanceIds=[run("10.0.0.20")])
    return run("10.0.0.21")


def make_volume(inputs: Inputs, tags: Tags) -> str:
    made = client("ec2").create_volume(
        AvailabilityZone=inputs["availabilityZone"], Size=inputs["size"], TagSpecifications=spec("volume", tags)
    )
    return str(made["VolumeId"])


def attachment_inputs() -> Inputs:
    volume = make_volume({"availabilityZone": f"{REGION}a", "size": 20}, {})
    return {"deviceName": "/dev/sdf", "instanceId": make_instance(instance_inputs(), {}), "volumeId": volume}


def make_attachment(inputs: Inputs, tags: Tags) -> str:
    names = {"Device": "deviceName", "InstanceId": "instanceId", "VolumeId": "volumeId"}
    client("ec2").attach_volume(**{parameter: inputs[name] for parameter, name in names.items()})
    # The checksum of device, instance and volume, as the provider writes it.
    return f"vai-{zlib.crc32('-'.join([*(inputs[name] for name in names.values()), '']).encode())}"


def make_balancer(inputs: Inputs, tags: Tags) -> str:
    made = client("elbv2").create_load_balancer(
        Name=inputs["name"], Type="network", Scheme="internal", Subnets=[network()[1]], Tags=pairs(tags)
    )
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


def make_group(inputs: Inputs, tags: Tags) -> str:
    made = client("elbv2").create_target_group(
        Name=inputs["name"], Port=6443, Protocol="TCP", VpcId=network()[0], TargetType="instance", Tags=pairs(tags)
    )
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def make_listener(inputs: Inputs, tags: Tags) -> str:
    group = make_group({"name": "targets"}, OTHER)

    def listen(port: int) -> str:
        made = client("elbv2").create_listener(
            LoadBalancerArn=inputs["loadBalancerArn"],
            Port=port,
            Protocol=inputs["protocol"],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
            Tags=pairs(tags),
        )
        return str(made["Listeners"][0]["ListenerArn"])

    # One on another port, with the same tags.
    listen(443)
    return listen(inputs["port"])


def make_parameter(inputs: Inputs, tags: Tags) -> str:
    client("ssm").put_parameter(Name=inputs["name"], Value="x", Type="SecureString", Tags=pairs(tags))
    client("ssm").put_parameter(Name=f"{inputs['name']}-more", Value="x", Type="String", Tags=pairs(tags))
    return str(inputs["name"])


def make_issuer(inputs: Inputs, tags: Tags) -> str:
    made = client("iam").create_open_id_connect_provider(
        Url=inputs["url"], ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40], Tags=pairs(tags)
    )
    return str(made["OpenIDConnectProviderArn"])


Pair = tuple[Callable[[], Inputs], Callable[[Inputs, Tags], str]]
SELF_MANAGED: dict[str, Pair] = {
    "aws:ec2/instance:Instance": (instance_inputs, make_instance),
    "aws:ebs/volume:Volume": (lambda: {"availabilityZone": f"{REGION}a", "size": 20}, make_volume),
    "aws:ec2/volumeAttachment:VolumeAttachment": (attachment_inputs, make_attachment),
    "aws:lb/loadBalancer:LoadBalancer": (lambda: {"name": "platform-api"}, make_balancer),
    "aws:lb/targetGroup:TargetGroup": (lambda: {"name": "platform-api"}, make_group),
    "aws:lb/listener:Listener": (
        lambda: {"loadBalancerArn": make_balancer({"name": "b"}, OTHER), "port": 6443, "protocol": "TCP"},
        make_listener,
    ),
    "aws:ssm/parameter:Parameter": (lambda: {"name": "/kubernetes/platform/join/token"}, make_parameter),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        lambda: {"url": "https://issuer.example.com"},
        make_issuer,
    ),
}

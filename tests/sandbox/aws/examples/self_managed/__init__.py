"""Examples of what a cluster without EKS is made of: machines, volumes, balancers, parameters, public documents."""

from __future__ import annotations

import base64
import gzip
from typing import Any

from sandbox.aws.images import add_image
from tests.sandbox.aws.world import REGION, Example, Made, World

INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
ATTACHMENT = "aws:ec2/volumeAttachment:VolumeAttachment"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
GROUP = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
TARGET = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
PARAMETER = "aws:ssm/parameter:Parameter"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"


def packed(text: str) -> str:
    """Return user data as cloud-init takes it packed: base64 of gzip."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def profile(world: World) -> Made:
    role = world.role("ec2.amazonaws.com").id
    return world.make("aws:iam/instanceProfile:InstanceProfile", world.unique("profile"), role=role)


def instance(world: World, **more: Any) -> dict[str, Any]:
    return {
        "ami": add_image("ubuntu-24.04"),
        "instanceType": "t3.small",
        "subnetId": world.subnet_ids[0],
        "vpcSecurityGroupIds": [world.security_group.id],
        "associatePublicIpAddress": False,
        "iamInstanceProfile": profile(world).id,
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "rootBlockDevice": {"volumeType": "gp3", "volumeSize": 30, "encrypted": True, "tags": {"Name": "root"}},
        "creditSpecification": {"cpuCredits": "standard"},
        "maintenanceOptions": {"autoRecovery": "default"},
        "userDataBase64": packed("#cloud-config\n"),
        "monitoring": True,
        "tags": {"Name": "machine"},
        **more,
    }


def other_instance(world: World) -> dict[str, Any]:
    return {
        "instanceType": "t3.medium",
        "vpcSecurityGroupIds": [
            world.make("aws:ec2/securityGroup:SecurityGroup", world.unique("g"), vpcId=world.vpc.id).id
        ],
        "iamInstanceProfile": profile(world).id,
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 2},
        "rootBlockDevice": {"volumeType": "gp3", "volumeSize": 40, "encrypted": True, "tags": {"Name": "other"}},
        "creditSpecification": {"cpuCredits": "unlimited"},
        "maintenanceOptions": {"autoRecovery": "disabled"},
        "userDataBase64": packed("#cloud-config\nruncmd: []\n"),
        "monitoring": False,
        "tags": {"Name": "machine", "a": "b"},
    }


def machine(world: World, **more: Any) -> Made:
    """Make an instance."""
    return world.make(INSTANCE, world.unique("machine"), **instance(world, **more))


def volume(world: World, zone: str = "a") -> Made:
    return world.make(VOLUME, availabilityZone=f"{REGION}{zone}", size=20, type="gp3", encrypted=True)


def attachment(world: World) -> dict[str, Any]:
    return {"deviceName": "/dev/sdf", "instanceId": machine(world).id, "volumeId": volume(world).id}


def balancer(world: World, **more: Any) -> dict[str, Any]:
    return {
        "loadBalancerType": "network",
        "internal": True,
        "subnets": world.subnet_ids,
        "securityGroups": [world.security_group.id],
        "enableCrossZoneLoadBalancing": True,
        "ipAddressType": "ipv4",
        "tags": {"a": "b"},
        **more,
    }


def group(world: World, **more: Any) -> dict[str, Any]:
    return {
        "name": world.unique("targets"),
        "port": 6443,
        "protocol": "TCP",
        "vpcId": world.vpc.id,
        "preserveClientIp": "false",
        "deregistrationDelay": 30,
        "healthCheck": {
            "protocol": "HTTPS",
            "path": "/readyz",
            "port": "6443",
            "matcher": "200",
            "interval": 10,
            "timeout": 6,
            "healthyThreshold": 2,
            "unhealthyThreshold": 2,
        },
        "tags": {"a": "b"},
        **more,
    }


def listener(world: World, **more: Any) -> dict[str, Any]:
    return {
        "loadBalancerArn": world.make(BALANCER, world.unique("balancer"), **balancer(world)).id,
        "port": 6443,
        "protocol": "TCP",
        "defaultActions": [{"type": "forward", "targetGroupArn": world.make(GROUP, **group(world)).id}],
        "tags": {"a": "b"},
        **more,
    }


def target(world: World) -> dict[str, Any]:
    made = world.make(GROUP, **group(world))
    return {"targetGroupArn": made.id, "targetId": machine(world).id, "port": 6443}


def parameter(world: World, **more: Any) -> dict[str, Any]:
    return {
        "name": f"/kubernetes/one/control-plane/{world.unique('ca')}",
        "type": "SecureString",
        "keyId": world.key["arn"],
        "tier": "Standard",
        "value": "secret",
        "description": "d",
        "tags": {"a": "b"},
        **more,
    }


def document(world: World) -> dict[str, Any]:
    bucket = world.make("aws:s3/bucket:Bucket", bucket=world.unique("bucket")).id
    return {
        "bucket": bucket,
        "key": ".well-known/openid-configuration",
        "content": "{}",
        "contentType": "application/json",
        "cacheControl": "max-age=60",
        "tags": {"a": "b"},
    }


SELF_MANAGED: dict[str, Example] = {
    INSTANCE: Example(
        instance,
        other_instance,
        lambda world: {"subnetId": world.subnet_ids[1]},
        unread=("userDataBase64",),
    ),
    VOLUME: Example(
        lambda world: {
            "availabilityZone": f"{REGION}a",
            "size": 20,
            "type": "gp3",
            "encrypted": True,
            "tags": {"a": "b"},
        },
        lambda world: {"size": 40, "iops": 4000, "throughput": 250, "tags": {"a": "c"}},
        lambda world: {"availabilityZone": f"{REGION}b"},
    ),
    ATTACHMENT: Example(
        attachment,
        replace=lambda world: {"deviceName": "/dev/sdg"},
        imported=lambda made: f"{made['deviceName']}:{made['volumeId']}:{made['instanceId']}",
    ),
    BALANCER: Example(
        balancer,
        lambda world: {
            "enableCrossZoneLoadBalancing": False,
            "securityGroups": [
                world.make("aws:ec2/securityGroup:SecurityGroup", world.unique("g"), vpcId=world.vpc.id).id
            ],
            "tags": {"a": "c"},
        },
        lambda world: {"internal": False},
    ),
    GROUP: Example(
        group,
        lambda world: {
            "healthCheck": {**group(world)["healthCheck"], "path": "/livez", "matcher": "200-299"},
            "deregistrationDelay": 60,
            "preserveClientIp": "true",
            "tags": {"a": "c"},
        },
        lambda world: {"port": 443},
    ),
    LISTENER: Example(
        listener,
        lambda world: {
            "port": 443,
            "defaultActions": [{"type": "forward", "targetGroupArn": world.make(GROUP, **group(world)).id}],
            "tags": {"a": "c"},
        },
        lambda world: {"loadBalancerArn": world.make(BALANCER, world.unique("balancer"), **balancer(world)).id},
    ),
    TARGET: Example(target, replace=lambda world: {"port": 443}, importable=False),
    PARAMETER: Example(
        parameter,
        lambda world: {"value": "other", "description": "e", "tags": {"a": "c"}},
        lambda world: {"name": "/kubernetes/other"},
    ),
    OBJECT: Example(
        document,
        lambda world: {"content": '{"a": 1}', "cacheControl": "no-store", "tags": {"a": "c"}},
        lambda world: {"key": "keys.json"},
        unread=("content",),
    ),
}

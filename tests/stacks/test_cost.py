"""The estimate counts what the program registers, room by room, and no type of resource is forgotten."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line
from ops.cost.estimate import COMPONENTS, estimate
from settings import Settings
from tests.captures import Capture, Registration
from tests.conftest import CaptureProgram
from tests.whole_stacks import STACKS, Values, WholeStack, capture_stack, stack_sections

TODAY: Final = date(2026, 11, 21)
Count = Callable[[Registration], int]


def one(_: Registration) -> int:
    return 1


def zones_of_endpoint(endpoint: Registration) -> int:
    return len(endpoint.inputs["subnetIds"]) if endpoint.inputs.get("vpcEndpointType") == "Interface" else 0


def gateway_endpoint(endpoint: Registration) -> int:
    return int(endpoint.inputs.get("vpcEndpointType") in (None, "Gateway"))


def desired(group: Registration) -> int:
    return int(group.inputs["scalingConfig"]["desiredSize"])


def subnets_counted(target: Registration) -> int:
    """Return how many subnets the function is told to count; other targets tell nothing."""
    return len(json.loads(target.inputs["input"])["subnets"]) if "input" in target.inputs else 0


# How many of an item a resource is, where the estimate has it as fixed.
PAID: Final[dict[str, dict[str, Count]]] = {
    "aws:acm/certificate:Certificate": {Item.CERTIFICATE: one},
    "aws:cloudwatch/dashboard:Dashboard": {Item.DASHBOARD: one},
    "aws:cloudwatch/eventTarget:EventTarget": {Item.METRIC: subnets_counted},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {Item.ALARM: one},
    "aws:ec2/eip:Eip": {Item.IPV4: one},
    "aws:ec2/natGateway:NatGateway": {Item.NAT: one},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {Item.ENDPOINT: zones_of_endpoint, Item.GATEWAY_ENDPOINT: gateway_endpoint},
    "aws:eks/cluster:Cluster": {Item.CONTROL_PLANE: one},
    "aws:eks/nodeGroup:NodeGroup": {"t3.medium on demand": desired},
    "aws:ebs/volume:Volume": {Item.DISK: lambda volume: int(volume.inputs["size"])},
    "aws:kms/key:Key": {Item.KEY: one},
    "aws:lb/loadBalancer:LoadBalancer": {
        Item.NETWORK_LOAD_BALANCER: one,
        Item.IPV4: lambda balancer: 0 if balancer.inputs["internal"] else len(balancer.inputs["subnets"]),
    },
    "aws:route53/zone:Zone": {Item.ZONE: one},
    "aws:secretsmanager/secret:Secret": {Item.SECRET: one},
    "aws:wafv2/webAcl:WebAcl": {Item.FIREWALL: one, Item.FIREWALL_RULE: lambda acl: len(acl.inputs["rules"])},
}
# What a resource costs by use: as many lines in the estimate as there are resources, or one line for all.
USED: Final[dict[str, Item]] = {
    "aws:cloudwatch/logGroup:LogGroup": Item.LOG_INGEST,
    "aws:s3/bucket:Bucket": Item.S3,
}
USED_TOGETHER: Final[dict[str, tuple[Item, ...]]] = {
    "aws:backup/plan:Plan": (Item.BACKUP_DISKS,),
    "aws:cloudfront/distribution:Distribution": (Item.CDN_GB, Item.CDN_REQUESTS),
    "aws:cognito/userPool:UserPool": (Item.LOGIN,),
    "aws:ecr/repository:Repository": (Item.IMAGES,),
    "aws:efs/fileSystem:FileSystem": (Item.FILE_SYSTEM, Item.BACKUP_FILES),
    "aws:lambda/function:Function": (Item.FUNCTION,),
    "aws:sns/topic:Topic": (Item.MAIL,),
    "aws:sqs/queue:Queue": (Item.QUEUE,),
}
# The disk of a base node; that of Karpenter's nodes is the tree's.
DISK_OF: Final = "aws:ec2/launchTemplate:LaunchTemplate"
# Its type, its root volume and its detailed monitoring.
MACHINE: Final = "aws:ec2/instance:Instance"
# Costs nothing by itself, or nothing beyond what stands above.
FREE: Final = frozenset(
    {
        "aws:backup/selection:Selection",
        "aws:backup/vault:Vault",
        "aws:backup/vaultPolicy:VaultPolicy",
        "aws:budgets/budget:Budget",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:cloudfront/originAccessControl:OriginAccessControl",
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/logDelivery:LogDelivery",
        "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
        "aws:cloudwatch/logDeliverySource:LogDeliverySource",
        "aws:cognito/userGroup:UserGroup",
        "aws:cognito/userPoolClient:UserPoolClient",
        "aws:cognito/userPoolDomain:UserPoolDomain",
        "aws:costexplorer/costAllocationTag:CostAllocationTag",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/subnetCidrReservation:SubnetCidrReservation",
        "aws:ec2/tag:Tag",
        "aws:ec2/volumeAttachment:VolumeAttachment",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:efs/accessPoint:AccessPoint",
        "aws:efs/backupPolicy:BackupPolicy",
        "aws:efs/fileSystemPolicy:FileSystemPolicy",
        "aws:efs/mountTarget:MountTarget",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:kms/alias:Alias",
        "aws:lambda/permission:Permission",
        "aws:lb/listener:Listener",
        "aws:lb/targetGroup:TargetGroup",
        "aws:lb/targetGroupAttachment:TargetGroupAttachment",
        "aws:route53/record:Record",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketLogging:BucketLogging",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        "aws:secretsmanager/secretVersion:SecretVersion",
        "aws:sns/topicPolicy:TopicPolicy",
        "aws:sns/topicSubscription:TopicSubscription",
        "aws:sqs/queuePolicy:QueuePolicy",
        # Of the standard tier.
        "aws:ssm/parameter:Parameter",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
    }
)
FREE_PACKAGES: Final = (
    "aws:iam/",
    "eks:",
    "kubernetes:",
    "platform:",
    "pulumi:providers:",
    "random:",
    "tls:",
)
# Choices that the stack files do not make.
VARIANTS: Final[dict[str, Values]] = {
    "closed": {
        "network": {"nat": "none", "privateEndpoints": True},
        "gitops": {"charts": {"mirror": "https://charts.example.com"}, "images": {"registry": "registry.example.com"}},
    },
    "us-east-1": {
        "aws": {"region": "us-east-1"},
        "network": {"zones": {"us-east-1a": 0, "us-east-1b": 1, "us-east-1c": 2}},
        "edge": {"firewall": True},
    },
    "per-az": {"network": {"nat": "per-az", "privateEndpoints": True}},
    "pods apart": {"network": {"podCidr": "100.64.0.0/16"}},
    "no edge": {
        "edge": {"domain": None, "hostedZoneId": None, "delegate": False, "login": False},
        "storage": {"buckets": {"logs": "platform-dev-logs", "backups": "platform-dev-backups"}},
    },
    "no images": {"storage": {"buckets": {"logs": "platform-dev-logs", "backups": "platform-dev-backups"}}},
    "little": {
        "storage": {"fileSystem": False, "repositories": []},
        "secrets": {"entries": {}},
        "edge": {"login": False, "firewall": True},
        "nodes": {"count": {"min": 4, "desired": 4, "max": 5}},
    },
}


def room(registration: Registration) -> str:
    """Return the component that the resource belongs to, as the estimate names it."""
    outermost = registration.urn.split("::")[2].partition("$")[0]
    return outermost.split(":")[1] if outermost.startswith("platform:") else "none"


def registered(stack: Capture) -> Counter[tuple[str, str]]:
    """Count what is paid for whether it is used or not, by room and item."""
    counts: Counter[tuple[str, str]] = Counter()
    for registration in stack.resources:
        for item, count in PAID.get(registration.type, {}).items():
            counts[room(registration), item] += count(registration)
        if registration.type == MACHINE:
            place, inputs = room(registration), registration.inputs
            counts[place, f"{inputs['instanceType']} on demand"] += 1
            counts[place, Item.DISK] += int(inputs["rootBlockDevice"]["volumeSize"])
            counts[place, Item.METRIC] += 7 * bool(inputs.get("monitoring"))
        if registration.type == DISK_OF:
            (mapping,) = registration.inputs["blockDeviceMappings"]
            nodes = sum(desired(group) for group in stack.of_type("aws:eks/nodeGroup:NodeGroup"))
            counts[room(registration), Item.DISK] += nodes * int(mapping["ebs"]["volumeSize"])
    return +counts


def estimated(lines: tuple[Line, ...]) -> Counter[tuple[str, str]]:
    """Count the same in the estimate."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines:
        if line.kind == "fixed" and line.item != Item.IAM:
            counts[line.component, str(line.item)] += int(line.quantity)
    return counts


def used(stack: Capture) -> Counter[tuple[str, str]]:
    """Count the lines that use has to have, by room and item."""
    counts: Counter[tuple[str, str]] = Counter()
    for registration in stack.resources:
        if registration.type in USED:
            counts[room(registration), USED[registration.type]] += 1
        for item in USED_TOGETHER.get(registration.type, ()):
            counts[room(registration), item] = 1
    return counts


def estimated_use(lines: tuple[Line, ...]) -> Counter[tuple[str, str]]:
    """Count the lines that the estimate has of them."""
    known = {*USED.values(), *(item for items in USED_TOGETHER.values() for item in items)}
    return Counter((line.component, str(line.item)) for line in lines if line.item in known)


def lines_of(stack: str, changes: Values | None = None) -> tuple[Line, ...]:
    sections: dict[str, Any] = stack_sections(stack, changes)
    return estimate(stack, Settings.parse(sections, today=TODAY), Assumptions()).lines


def forgotten(stack: Capture) -> Iterator[str]:
    """Yield the types of which nobody has said whether they cost anything."""
    known = {*PAID, *USED, *USED_TOGETHER, DISK_OF, MACHINE} | FREE
    yield from sorted(
        {one.type for one in stack.resources if one.type not in known and not one.type.startswith(FREE_PACKAGES)}
    )


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("stack", STACKS)
def test_estimate_counts_what_is_registered(whole_stack: WholeStack, stack: str, component: str) -> None:
    """NAT gateways, keys, secrets, alarms, firewalls and all else: each room has as many as it registers."""
    found, wanted = estimated(lines_of(stack)), registered(whole_stack(stack))
    assert {key: found[key] for key in found if key[0] == component} == {
        key: wanted[key] for key in wanted if key[0] == component
    }


@pytest.mark.parametrize("stack", STACKS)
def test_estimate_has_what_costs_by_use(whole_stack: WholeStack, stack: str) -> None:
    """Each log group and bucket has a line of its own, and whatever else costs by use has one in its room."""
    assert estimated_use(lines_of(stack)) == used(whole_stack(stack))


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_are_counted_too(capture: CaptureProgram, variant: str) -> None:
    """With other choices than the stack files', the estimate still counts what is registered."""
    stack = capture_stack(capture, "dev", VARIANTS[variant])
    lines = lines_of("dev", VARIANTS[variant])
    assert estimated(lines) == registered(stack)
    assert estimated_use(lines) == used(stack)
    assert list(forgotten(stack)) == []


def test_regional_gateway_counts_for_every_zone(capture: CaptureProgram) -> None:
    """One resource, but a price and an address in each zone that it is active in; the addresses are AWS's."""
    changes: Values = {"network": {"nat": "regional"}}
    stack = capture_stack(capture, "dev", changes)
    wanted, found = registered(stack), estimated(lines_of("dev", changes))
    zones = len(stack_sections("dev")["network"]["zones"])
    assert (wanted["network", Item.NAT], found["network", Item.NAT]) == (1, zones)
    assert (wanted["network", Item.IPV4], found["network", Item.IPV4]) == (0, zones)
    rest = {key: count for key, count in found.items() if key[1] not in (Item.NAT, Item.IPV4)}
    assert rest == {key: count for key, count in wanted.items() if key[1] != Item.NAT}


@pytest.mark.parametrize("stack", STACKS)
def test_no_type_is_forgotten(whole_stack: WholeStack, stack: str) -> None:
    """Of every type that is registered somebody has said what it costs, or that it costs nothing."""
    assert list(forgotten(whole_stack(stack))) == []


@pytest.mark.parametrize("type_", [*PAID, *USED, *USED_TOGETHER, DISK_OF])
def test_a_missing_resource_is_noticed(whole_stack: WholeStack, type_: str) -> None:
    """Without the resources of a type that costs something the counts no longer agree; no row is there in vain."""
    stacks = [whole_stack(stack) for stack in STACKS]
    lesser = [replace(stack, resources=[one for one in stack.resources if one.type != type_]) for stack in stacks]
    assert [(registered(stack), used(stack)) for stack in lesser] != [
        (registered(stack), used(stack)) for stack in stacks
    ]


def test_a_forgotten_type_is_noticed(whole_stack: WholeStack) -> None:
    """A type that nobody has priced is named."""
    stack = whole_stack("dev")
    database = replace(stack.one("aws:sqs/queue:Queue", "karpenter-interruption"), type="aws:rds/instance:Instance")
    assert list(forgotten(replace(stack, resources=[*stack.resources, database]))) == ["aws:rds/instance:Instance"]

"""Rules of load balancers, target groups and listeners."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
GROUP = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
TARGET = "aws:lb/targetGroupAttachment:TargetGroupAttachment"

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html and …TargetGroup.html
NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
NETWORK = ("TCP", "TLS", "UDP", "TCP_UDP")
APPLICATION = ("HTTP", "HTTPS")
# Listener's protocol → what its target groups speak;
# https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html
FORWARDS = {"TCP": ("TCP",), "TLS": ("TCP", "TLS"), "UDP": ("UDP", "TCP_UDP"), "TCP_UDP": ("TCP_UDP",)}


@rule(BALANCER, GROUP, at="check")
def plain_name(case: Case) -> None:
    """Names have at most 32 letters, digits and hyphens, none of them at an end; `internal-` is AWS's own."""
    name = case["name"]
    if isinstance(name, str) and (not NAME.fullmatch(name) or name.startswith("internal-")):
        reason = (
            f"The name '{name}' is not valid: at most 32 alphanumeric characters or hyphens, not beginning or ending "
            "with a hyphen, not beginning with 'internal-'"
        )
        raise error("ValidationError", "Create", reason)


@rule(BALANCER, at="check")
def subnets_or_mappings(case: Case) -> None:
    """A balancer has subnets, in one way; Gateway Load Balancers are not played."""
    ways = [name for name in ("subnets", "subnetMappings") if case.inputs.get(name)]
    if len(ways) != 1:
        reason = "You must specify either subnets or subnet mappings"
        raise error("ValidationError", "CreateLoadBalancer", reason)
    if case["loadBalancerType"] not in (None, "network", "application"):
        reason = f"load balancers of type {case['loadBalancerType']} are not played"
        raise error("ValidationError", "CreateLoadBalancer", reason)


@rule(BALANCER, at="create")
def one_subnet_per_zone(case: Case) -> None:
    """Subnets exist, each in another zone of one VPC; an application load balancer has two."""
    given = case["subnets"] or [one["subnetId"] for one in case["subnetMappings"] or ()]
    try:
        subnets = case.call("ec2", "describe_subnets", SubnetIds=given)["Subnets"]
    except AwsError as failure:
        if not failure.gone:
            raise
        raise error("SubnetNotFound", "CreateLoadBalancer", f"One of the subnets {given} does not exist") from None
    zones = [one["AvailabilityZone"] for one in subnets]
    if len({*zones}) != len(zones):
        reason = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise error("InvalidConfigurationRequest", "CreateLoadBalancer", reason)
    if len({one["VpcId"] for one in subnets}) > 1:
        raise error("InvalidSubnet", "CreateLoadBalancer", "All subnets must belong to the same VPC")
    if case["loadBalancerType"] == "application" and len(zones) < 2:
        reason = "At least two subnets in two different Availability Zones must be specified"
        raise error("ValidationError", "CreateLoadBalancer", reason)
    _groups(case, subnets[0]["VpcId"])
    _way_out(case, subnets[0]["VpcId"])


def _groups(case: Case, vpc: str) -> None:
    wanted = case["securityGroups"] or []
    filters = [{"Name": "group-id", "Values": wanted}]
    found = case.call("ec2", "describe_security_groups", Filters=filters)["SecurityGroups"] if wanted else []
    if len([one for one in found if one["VpcId"] == vpc]) != len({*wanted}):
        reason = f"One or more security groups are invalid: {', '.join(wanted)} have to be in {vpc}"
        raise error("InvalidSecurityGroup", "CreateLoadBalancer", reason)


def _way_out(case: Case, vpc: str) -> None:
    """An internet-facing balancer's VPC has an internet gateway."""
    filters = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    if case["internal"] or case.call("ec2", "describe_internet_gateways", Filters=filters)["InternetGateways"]:
        return
    raise error("InvalidSubnet", "CreateLoadBalancer", f"VPC {vpc} has no internet gateway")


@rule(BALANCER, at="create")
def balancer_is_new(case: Case) -> None:
    """A name is one balancer's."""
    found = case.call("elbv2", "describe_load_balancers")["LoadBalancers"]
    if case["name"] in [one["LoadBalancerName"] for one in found]:
        reason = f"A load balancer with the same name '{case['name']}' exists, but with different settings"
        raise error("DuplicateLoadBalancerName", "CreateLoadBalancer", reason)


@rule(BALANCER, at="delete")
def balancer_is_unprotected(case: Case) -> None:
    """A protected balancer stays."""
    try:
        found = case.call("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=case.id)["Attributes"]
    except AwsError as failure:
        if failure.gone:
            return
        raise
    if {"Key": "deletion_protection.enabled", "Value": "true"} in found:
        reason = f"Load balancer '{case.id}' cannot be deleted because deletion protection is enabled"
        raise error("OperationNotPermitted", "DeleteLoadBalancer", reason)


@rule(GROUP, at="check")
def group_shape(case: Case) -> None:
    """A group of instances or addresses has port, protocol and VPC; a TCP group's targets are reached as such."""
    if case["targetType"] == "lambda":
        return
    for name in ("port", "protocol", "vpcId"):
        if case.inputs.get(name) is None:
            raise error("ValidationError", "CreateTargetGroup", f"A {name} must be specified")
    if case["protocol"] not in (None, *NETWORK, *APPLICATION):
        raise error("ValidationError", "CreateTargetGroup", f"protocol {case['protocol']} is not played")
    if isinstance(case["port"], int) and not 1 <= case["port"] <= 65535:
        raise error("ValidationError", "CreateTargetGroup", f"Port {case['port']} has to be between 1 and 65535")
    if case.inputs.get("preserveClientIp") is not None and case["protocol"] in APPLICATION:
        reason = "Target group attribute preserve_client_ip.enabled is not supported for HTTP and HTTPS"
        raise error("InvalidConfigurationRequest", "ModifyTargetGroupAttributes", reason)


@rule(GROUP, at="check")
def health_check(case: Case) -> None:
    """A health check's numbers are within their limits; paths and codes belong to HTTP and HTTPS."""
    check = case["healthCheck"] or {}
    protocol = check.get("protocol") or (case["protocol"] if case["protocol"] in APPLICATION else "TCP")
    if protocol not in ("TCP", *APPLICATION):
        _refuse_check(f"Health check protocol {protocol} is not supported")
    if protocol == "TCP" and (check.get("path") or check.get("matcher")):
        _refuse_check("Health check path and matcher are not supported with protocol TCP")
    for name, low, high in (
        ("interval", 5, 300),
        ("timeout", 2, 120),
        ("healthyThreshold", 2, 10),
        ("unhealthyThreshold", 2, 10),
    ):
        value = check.get(name)
        if isinstance(value, int) and not low <= value <= high:
            _refuse_check(f"Health check {name} {value} has to be between {low} and {high}")
    interval, timeout = check.get("interval"), check.get("timeout")
    if isinstance(interval, int) and isinstance(timeout, int) and timeout > interval:
        _refuse_check(f"Health check timeout {timeout} must be smaller than or equal to the interval {interval}")
    if isinstance(check.get("path"), str) and not check["path"].startswith("/"):
        _refuse_check(f"Health check path '{check['path']}' must begin with a '/' character")


def _refuse_check(reason: str) -> None:
    raise error("ValidationError", "CreateTargetGroup", reason)


@rule(LISTENER, at="create")
@rule(LISTENER, at="update")
def listener_fits(case: Case) -> None:
    """A listener speaks what its balancer can, forwards to groups that speak it too, and has its port alone."""
    found = case.call("elbv2", "describe_load_balancers", LoadBalancerArns=[case["loadBalancerArn"]])
    kind, vpc = found["LoadBalancers"][0]["Type"], found["LoadBalancers"][0]["VpcId"]
    protocol = case["protocol"]
    if protocol not in (NETWORK if kind == "network" else APPLICATION):
        reason = f"Listener protocol '{protocol}' is not supported for a {kind} load balancer"
        raise error("ValidationError", "CreateListener", reason)
    others = case.call("elbv2", "describe_listeners", LoadBalancerArn=case["loadBalancerArn"])["Listeners"]
    if case["port"] in [one["Port"] for one in others if one["ListenerArn"] != case.id]:
        reason = f"A listener already exists on port {case['port']} of '{case['loadBalancerArn']}'"
        raise error("DuplicateListener", "CreateListener", reason)
    for action in case["defaultActions"] or ():
        if action.get("targetGroupArn"):
            _group_fits(case, action["targetGroupArn"], protocol, vpc)


def _group_fits(case: Case, arn: str, protocol: str, vpc: str) -> None:
    group = case.call("elbv2", "describe_target_groups", TargetGroupArns=[arn])["TargetGroups"][0]
    allowed = FORWARDS.get(protocol, APPLICATION)
    if group["Protocol"] not in allowed:
        reason = f"Listener protocol {protocol} cannot forward to target group protocol {group['Protocol']}"
        raise error("InvalidLoadBalancerAction", "CreateListener", reason)
    if group.get("VpcId") != vpc:
        reason = f"The target group {arn} and the load balancer are in different VPCs"
        raise error("InvalidConfigurationRequest", "CreateListener", reason)


@rule(TARGET, at="create")
def target_exists(case: Case) -> None:
    """A target is a running instance of the group's VPC, or an address."""
    group = case.call("elbv2", "describe_target_groups", TargetGroupArns=[case["targetGroupArn"]])["TargetGroups"][0]
    if group["TargetType"] != "instance":
        return
    found = _instances(case, str(case["targetId"]))
    if not found:
        reason = f"The following targets are not valid instances: '{case['targetId']}'"
        raise error("InvalidTarget", "RegisterTargets", reason)
    if found[0]["State"]["Name"] != "running":
        reason = f"The following targets are not in a running state and cannot be registered: '{case['targetId']}'"
        raise error("InvalidTarget", "RegisterTargets", reason)
    if found[0]["VpcId"] != group["VpcId"]:
        reason = f"The following targets are not in the target group VPC: '{case['targetId']}'"
        raise error("InvalidTarget", "RegisterTargets", reason)


def _instances(case: Case, unique: str) -> list[dict[str, Any]]:
    try:
        answer = case.call("ec2", "describe_instances", InstanceIds=[unique])["Reservations"]
    except AwsError:
        return []
    return [one for reservation in answer for one in reservation["Instances"]]

"""Steps of load balancers, target groups and what is registered with them."""

from __future__ import annotations

import time
from typing import Any

from sandbox.aws.codec import tag_list
from sandbox.aws.session import Scope, Session
from sandbox.protocol import Properties

__all__ = [
    "create_balancer",
    "create_group",
    "deregister",
    "read_balancer_attributes",
    "read_group",
    "read_target",
    "register",
    "set_balancer_attributes",
    "set_group_attributes",
    "set_health_check",
]

# Input → attribute of the balancer.
BALANCER = {
    "dnsRecordClientRoutingPolicy": "dns_record.client_routing_policy",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
}
# Input → attribute of the target group.
GROUP = {
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
    "preserveClientIp": "preserve_client_ip.enabled",
    "proxyProtocolV2": "proxy_protocol_v2.enabled",
}
# Part of `healthCheck` → parameter of the target group.
HEALTH_CHECK = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}


def create_balancer(session: Session, scope: Scope) -> dict[str, Any]:
    """Make a balancer; its attributes are set afterwards."""
    mappings = [
        {
            "SubnetId": one["subnetId"],
            "AllocationId": one.get("allocationId"),
            "PrivateIPv4Address": one.get("privateIpv4Address"),
        }
        for one in scope["subnetMappings"] or ()
    ]
    params = {
        "Name": scope["name"],
        "Type": scope["loadBalancerType"],
        "Scheme": "internal" if scope["internal"] else "internet-facing",
        "IpAddressType": scope["ipAddressType"],
        "Subnets": scope["subnets"],
        "SubnetMappings": mappings,
        "SecurityGroups": scope["securityGroups"],
        "Tags": scope["tagList"],
    }
    return session.call("create_load_balancer", **_given(params))


def set_balancer_attributes(session: Session, scope: Scope) -> None:
    """Write every attribute that the program gives."""
    _set(session, "modify_load_balancer_attributes", {"LoadBalancerArn": scope["id"]}, BALANCER, scope)


def read_balancer_attributes(session: Session, scope: Scope) -> Properties:
    """Return attributes and tags under the names of the provider's properties."""
    found = session.call("describe_load_balancer_attributes", LoadBalancerArn=scope["id"])["Attributes"]
    return {**_told(found, BALANCER), **_tags(session, scope["id"])}


def create_group(session: Session, scope: Scope) -> dict[str, Any]:
    """Make a target group."""
    params = {
        "Name": scope["name"],
        "Port": scope["port"],
        "Protocol": scope["protocol"],
        "ProtocolVersion": scope["protocolVersion"],
        "VpcId": scope["vpcId"],
        "TargetType": scope["targetType"],
        "IpAddressType": scope["ipAddressType"],
        "Tags": scope["tagList"],
        **_health_check(scope),
    }
    return session.call("create_target_group", **_given(params))


def set_health_check(session: Session, scope: Scope) -> None:
    """Write the health check."""
    session.call("modify_target_group", TargetGroupArn=scope["id"], **_given(_health_check(scope)))


def set_group_attributes(session: Session, scope: Scope) -> None:
    """Write every attribute that the program gives."""
    _set(session, "modify_target_group_attributes", {"TargetGroupArn": scope["id"]}, GROUP, scope)


def read_group(session: Session, scope: Scope) -> Properties:
    """Return a target group under the names of the provider's properties."""
    group = session.call("describe_target_groups", TargetGroupArns=[scope["id"]])["TargetGroups"][0]
    attributes = session.call("describe_target_group_attributes", TargetGroupArn=scope["id"])["Attributes"]
    check = {name: group.get(parameter) for name, parameter in HEALTH_CHECK.items()}
    if group.get("HealthCheckProtocol") in ("HTTP", "HTTPS"):
        check["matcher"] = group.get("Matcher", {}).get("HttpCode")
    return {
        "arn": group["TargetGroupArn"],
        "arnSuffix": group["TargetGroupArn"].rpartition(":")[2],
        "healthCheck": {name: value for name, value in check.items() if value is not None},
        "ipAddressType": group.get("IpAddressType"),
        "name": group["TargetGroupName"],
        "port": group.get("Port"),
        "protocol": group.get("Protocol"),
        "protocolVersion": group.get("ProtocolVersion"),
        "targetType": group["TargetType"],
        "vpcId": group.get("VpcId"),
        "loadBalancerArns": group.get("LoadBalancerArns") or None,
        **_told(attributes, GROUP),
        **_tags(session, scope["id"]),
    }


def register(session: Session, scope: Scope) -> dict[str, Any]:
    """Register a target."""
    session.call("register_targets", TargetGroupArn=scope["targetGroupArn"], Targets=[_target(scope)])
    return {"Id": f"{scope['targetGroupArn']}-{time.time_ns()}"}


def read_target(session: Session, scope: Scope) -> Properties | None:
    """Return a registered target; none when it is not registered any more."""
    params = {"TargetGroupArn": scope["targetGroupArn"], "Targets": [_target(scope)]}
    health = session.call("describe_target_health", **params)["TargetHealthDescriptions"]
    if not health or health[0]["TargetHealth"].get("Reason") in (
        "Target.NotRegistered",
        "Target.DeregistrationInProgress",
    ):
        return None
    names = ("availabilityZone", "port", "targetGroupArn", "targetId")
    return {name: scope[name] for name in names if scope[name] is not None}


def deregister(session: Session, scope: Scope) -> None:
    """Take a target out; one that is out already, as its instance is gone, is no error."""
    if read_target(session, scope) is not None:
        session.call("deregister_targets", TargetGroupArn=scope["targetGroupArn"], Targets=[_target(scope)])


def _health_check(scope: Scope) -> dict[str, Any]:
    given = scope["healthCheck"] or {}
    found = {parameter: given.get(name) for name, parameter in HEALTH_CHECK.items()}
    return {**found, "Matcher": {"HttpCode": given["matcher"]} if given.get("matcher") else None}


def _target(scope: Scope) -> dict[str, Any]:
    names = {"Id": "targetId", "Port": "port", "AvailabilityZone": "availabilityZone"}
    return _given({parameter: scope[name] for parameter, name in names.items()})


def _set(session: Session, operation: str, which: dict[str, str], attributes: dict[str, str], scope: Scope) -> None:
    pairs = {key: scope[name] for name, key in attributes.items() if scope[name] is not None}
    written = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in pairs.items()}
    if written:
        session.call(operation, **which, Attributes=tag_list(written))


def _told(found: list[dict[str, str]], attributes: dict[str, str]) -> Properties:
    live = {one["Key"]: one["Value"] for one in found}
    return {name: live[key] for name, key in attributes.items() if live.get(key) not in (None, "")}


def _tags(session: Session, arn: str) -> Properties:
    return {"Tags": session.call("describe_tags", ResourceArns=[arn])["TagDescriptions"][0]["Tags"]}


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value not in (None, [], {})}

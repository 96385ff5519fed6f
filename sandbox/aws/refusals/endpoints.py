"""Rules of interface and gateway endpoints."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.refusals.registry import Case, error, rule

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"

CREATE = "CreateVpcEndpoint"
# What a type of endpoint has no use for.
FOREIGN = {"Gateway": ("subnetIds", "securityGroupIds", "privateDnsEnabled"), "Interface": ("routeTableIds",)}


@rule(ENDPOINT, at="check")
def endpoint_parameters(case: Case) -> None:
    """A gateway endpoint has no interfaces, an interface endpoint no routes; a policy is JSON."""
    kind = case["vpcEndpointType"] or "Gateway"
    for name in FOREIGN.get(kind, ()):
        if case.inputs.get(name):
            raise error("InvalidParameter", CREATE, f"Endpoint type ({kind}) does not support the parameter {name}.")
    if case["policy"] is not None:
        try:
            complete = bool(json.loads(case["policy"])["Statement"])
        except (ValueError, KeyError, TypeError):
            complete = False
        if not complete:
            raise error("InvalidPolicyDocument", CREATE, "The specified policy document is not a valid JSON policy.")


@rule(ENDPOINT, at="create")
def endpoint_service(case: Case) -> None:
    """An endpoint's service exists in the region and comes in the wanted type."""
    name, kind = case["serviceName"], case["vpcEndpointType"] or "Gateway"
    if not name:
        return
    found = case.call("ec2", "describe_vpc_endpoint_services", ServiceNames=[name]) if _served(case, name) else {}
    if not found.get("ServiceDetails"):
        raise error("InvalidServiceName", CREATE, f"The Vpc Endpoint Service '{name}' does not exist")
    kinds = {service["ServiceType"] for detail in found["ServiceDetails"] for service in detail["ServiceType"]}
    if kind not in kinds:
        raise error(
            "InvalidParameter",
            CREATE,
            f"Endpoint type ({kind}) does not match available service types ({sorted(kinds)}).",
        )
    tables = case["routeTableIds"] or []
    if tables:
        case.call("ec2", "describe_route_tables", RouteTableIds=tables)


@rule(ENDPOINT, at="create")
@rule(ENDPOINT, at="update")
def endpoint_places(case: Case) -> None:
    """An interface endpoint has at most one subnet in a zone; subnets and security groups are of its VPC."""
    if case["vpcEndpointType"] != "Interface":
        return
    zones: dict[str, str] = {}
    subnets = case["subnetIds"] or []
    for subnet in case.call("ec2", "describe_subnets", SubnetIds=subnets)["Subnets"] if subnets else []:
        if subnet["VpcId"] != case["vpcId"]:
            reason = f"The subnet ID '{subnet['SubnetId']}' does not exist in VPC {case['vpcId']}"
            raise error("InvalidSubnetID.NotFound", CREATE, reason)
        other = zones.setdefault(subnet["AvailabilityZone"], subnet["SubnetId"])
        if other != subnet["SubnetId"]:
            reason = f"Found another VPC endpoint subnet in the availability zone of {subnet['SubnetId']}"
            raise error("DuplicateSubnetsInSameZone", CREATE, reason)
    groups = case["securityGroupIds"] or []
    for group in case.call("ec2", "describe_security_groups", GroupIds=groups)["SecurityGroups"] if groups else []:
        if group["VpcId"] != case["vpcId"]:
            reason = f"Security group {group['GroupId']} and VPC {case['vpcId']} belong to different networks"
            raise error("InvalidParameter", CREATE, reason)


@rule(ENDPOINT, at="create")
@rule(ENDPOINT, at="update")
def endpoint_name(case: Case) -> None:
    """Private DNS needs both DNS attributes of the VPC, and one endpoint of a service in it has the name."""
    if case["vpcEndpointType"] != "Interface" or not case["privateDnsEnabled"]:
        return
    vpc, service = case["vpcId"], case["serviceName"]
    for name, member in (("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")):
        found = case.call("ec2", "describe_vpc_attribute", VpcId=vpc, Attribute=name)
        if not found[member]["Value"]:
            reason = (
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes "
                f"set to true for {vpc}"
            )
            raise error("InvalidParameter", CREATE, reason)
    for other in case.call("ec2", "describe_vpc_endpoints", Filters=_by("vpc-id", vpc))["VpcEndpoints"]:
        same = other["ServiceName"] == service and other["VpcEndpointId"] != case.id and other["State"] != "deleted"
        if same and other["VpcEndpointType"] == "Interface" and other["PrivateDnsEnabled"]:
            domain = ".".join(reversed(service.split(".")[3:])) + f".{case.session.region}.amazonaws.com"
            reason = (
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain "
                f"for {domain} in the VPC {vpc}"
            )
            raise error("InvalidParameter", CREATE, reason)


def _by(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


def _served(case: Case, name: str) -> bool:
    return name in case.call("ec2", "describe_vpc_endpoint_services")["ServiceNames"]

"""Rules of the network: what has to be attached, empty or gone first."""

from __future__ import annotations

from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

SUBNET = "aws:ec2/subnet:Subnet"
VPC = "aws:ec2/vpc:Vpc"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
ROUTE = "aws:ec2/route:Route"
EIP = "aws:ec2/eip:Eip"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
NAT = "aws:ec2/natGateway:NatGateway"


@rule(ROUTE, at="create")
@rule(ROUTE, at="update")
def route_gateway(case: Case) -> None:
    """A route's internet gateway is attached to the route table's VPC."""
    gateway = case["gatewayId"]
    if not str(gateway or "").startswith("igw-"):
        return
    table = case.call("ec2", "describe_route_tables", RouteTableIds=[case["routeTableId"]])["RouteTables"][0]
    found = case.call("ec2", "describe_internet_gateways", InternetGatewayIds=[gateway])["InternetGateways"][0]
    if table["VpcId"] not in [attachment["VpcId"] for attachment in found.get("Attachments", [])]:
        reason = f"route table {table['RouteTableId']} and network gateway {gateway} belong to different networks"
        raise error("InvalidParameterValue", "CreateRoute", reason)


@rule(ROUTE, at="check")
def route_target(case: Case) -> None:
    """A route has exactly one destination and one target."""
    destinations = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
    targets = [
        name
        for name in case.inputs
        if name.endswith(("GatewayId", "InterfaceId", "EndpointId", "ConnectionId", "NetworkArn"))
        or name == "gatewayId"
    ]
    for what, names in (("destination", destinations), ("target", targets)):
        if len([name for name in names if case.inputs.get(name) is not None]) != 1:
            raise error("InvalidParameterCombination", "CreateRoute", f"A route takes exactly one {what}.")


@rule(SUBNET, at="delete")
def subnet_is_free(case: Case) -> None:
    """A subnet that holds network interfaces or NAT gateways stays."""
    interfaces = case.call("ec2", "describe_network_interfaces", Filters=_by("subnet-id", case.id))["NetworkInterfaces"]
    if interfaces:
        raise error(
            "DependencyViolation", "DeleteSubnet", f"The subnet '{case.id}' has dependencies and cannot be deleted."
        )


@rule(VPC, at="delete")
def vpc_is_free(case: Case) -> None:
    """A VPC with gateways, endpoints, interfaces or own security groups stays."""
    gateways = case.call("ec2", "describe_internet_gateways", Filters=_by("attachment.vpc-id", case.id))[
        "InternetGateways"
    ]
    endpoints = case.call("ec2", "describe_vpc_endpoints", Filters=_by("vpc-id", case.id))["VpcEndpoints"]
    interfaces = case.call("ec2", "describe_network_interfaces", Filters=_by("vpc-id", case.id))["NetworkInterfaces"]
    groups = case.call("ec2", "describe_security_groups", Filters=_by("vpc-id", case.id))["SecurityGroups"]
    own = [group for group in groups if group["GroupName"] != "default"]
    if gateways or own or interfaces or [endpoint for endpoint in endpoints if endpoint["State"] != "deleted"]:
        raise error("DependencyViolation", "DeleteVpc", f"The vpc '{case.id}' has dependencies and cannot be deleted.")


@rule(GATEWAY, at="delete")
def no_public_addresses(case: Case) -> None:
    """A gateway leaves its VPC only when no public address is mapped in there."""
    vpc = case["vpcId"]
    if not vpc:
        return
    nats = case.call(
        "ec2", "describe_nat_gateways", Filters=[*_by("vpc-id", vpc), {"Name": "state", "Values": ["available"]}]
    )["NatGateways"]
    if any(nat["ConnectivityType"] == "public" for nat in nats):
        reason = (
            f"Network {vpc} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        )
        raise error("DependencyViolation", "DetachInternetGateway", reason)


@rule(EIP, at="delete")
def address_is_free(case: Case) -> None:
    """An address in use stays."""
    try:
        found = case.call("ec2", "describe_addresses", AllocationIds=[case.id])["Addresses"]
    except AwsError as failure:
        if failure.gone:
            return
        raise
    if found and found[0].get("AssociationId"):
        raise error(
            "InvalidIPAddress.InUse",
            "ReleaseAddress",
            f"Address with allocation id {case.id} cannot be released because it is in use.",
        )


@rule(NAT, at="create")
def nat_address(case: Case) -> None:
    """A public NAT gateway has an address that nothing else uses, in a VPC with an internet gateway."""
    if case["connectivityType"] == "private":
        return
    if not case["allocationId"]:
        raise error(
            "MissingParameter",
            "CreateNatGateway",
            "The request must include the AllocationId parameter. Add the required parameter and retry the request.",
        )
    found = case.call("ec2", "describe_addresses", AllocationIds=[case["allocationId"]])["Addresses"][0]
    if found.get("AssociationId"):
        reason = f"Elastic IP address [{case['allocationId']}] is already associated"
        raise error("Resource.AlreadyAssociated", "CreateNatGateway", reason)
    vpc = case.call("ec2", "describe_subnets", SubnetIds=[case["subnetId"]])["Subnets"][0]["VpcId"]
    if not case.call("ec2", "describe_internet_gateways", Filters=_by("attachment.vpc-id", vpc))["InternetGateways"]:
        raise error("Gateway.NotAttached", "CreateNatGateway", f"Network {vpc} has no Internet gateway attached")


@rule(ENDPOINT, at="create")
def endpoint_service(case: Case) -> None:
    """An endpoint's service exists in the region and comes in the wanted type."""
    name, kind = case["serviceName"], case["vpcEndpointType"] or "Gateway"
    if not name:
        return
    found = case.call("ec2", "describe_vpc_endpoint_services", ServiceNames=[name]) if _served(case, name) else {}
    if not found.get("ServiceDetails"):
        raise error("InvalidServiceName", "CreateVpcEndpoint", f"The Vpc Endpoint Service '{name}' does not exist")
    kinds = {service["ServiceType"] for detail in found["ServiceDetails"] for service in detail["ServiceType"]}
    if kind not in kinds:
        raise error(
            "InvalidParameter",
            "CreateVpcEndpoint",
            f"Endpoint type ({kind}) does not match available service types ({sorted(kinds)}).",
        )
    tables = case["routeTableIds"] or []
    if tables:
        case.call("ec2", "describe_route_tables", RouteTableIds=tables)


@rule(FLOW_LOG, at="create")
def flow_log_delivery(case: Case) -> None:
    """A flow log's role exists and may be assumed by the delivery service; its log group exists."""
    if case["logDestinationType"] not in (None, "cloud-watch-logs"):
        return
    name = str(case["iamRoleArn"] or "").rpartition("/")[2]
    try:
        role = case.call("iam", "get_role", RoleName=name or "-")["Role"]
    except AwsError as failure:
        if not failure.gone:
            raise
        role = {}
    if role.get("Arn") != case["iamRoleArn"] or "vpc-flow-logs.amazonaws.com" not in str(
        role.get("AssumeRolePolicyDocument")
    ):
        raise error("InvalidParameter", "CreateFlowLogs", f"Unable to assume given IAM role: {case['iamRoleArn']}")
    group = str(case["logDestination"] or "").partition(":log-group:")[2].removesuffix(":*")
    found = case.call("logs", "describe_log_groups", logGroupNamePrefix=group or "-")["logGroups"]
    if group not in [entry["logGroupName"] for entry in found]:
        raise error("InvalidParameter", "CreateFlowLogs", f"LogDestination: {case['logDestination']} does not exist.")


@rule(GROUP, at="check")
def group_name(case: Case) -> None:
    """A security group's name and description are short and plain; names do not begin like ids."""
    name, text = case["name"], case["description"]
    if isinstance(name, str) and (len(name) > 255 or name.startswith("sg-")):
        raise error(
            "InvalidParameterValue", "CreateSecurityGroup", f"Value ({name}) for parameter GroupName is invalid."
        )
    if isinstance(text, str) and len(text) > 255:
        raise error(
            "InvalidParameterValue", "CreateSecurityGroup", f"Value ({text}) for parameter GroupDescription is invalid."
        )


@rule(GROUP, at="delete")
def group_is_free(case: Case) -> None:
    """A security group on a network interface, or named by another group's rule, stays."""
    interfaces = case.call("ec2", "describe_network_interfaces", Filters=_by("group-id", case.id))["NetworkInterfaces"]
    groups = case.call("ec2", "describe_security_groups", Filters=_by("vpc-id", str(case["vpcId"])))["SecurityGroups"]
    if interfaces or any(_mentions(group, case.id) for group in groups if group["GroupId"] != case.id):
        raise error("DependencyViolation", "DeleteSecurityGroup", f"resource {case.id} has a dependent object")


def _by(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


def _served(case: Case, name: str) -> bool:
    return name in case.call("ec2", "describe_vpc_endpoint_services")["ServiceNames"]


def _mentions(group: dict[str, Any], other: str) -> bool:
    permissions = [*group.get("IpPermissions", []), *group.get("IpPermissionsEgress", [])]
    return any(
        pair.get("GroupId") == other for permission in permissions for pair in permission.get("UserIdGroupPairs", [])
    )

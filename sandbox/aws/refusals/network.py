"""Rules of the network: what has to be attached, empty or gone first."""

from __future__ import annotations

from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.protocol import HostError

SUBNET = "aws:ec2/subnet:Subnet"
VPC = "aws:ec2/vpc:Vpc"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
ROUTE = "aws:ec2/route:Route"
EIP = "aws:ec2/eip:Eip"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
NAT = "aws:ec2/natGateway:NatGateway"

AVAILABLE = {"Name": "state", "Values": ["available"]}


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


@rule(ROUTE, at="create")
@rule(ROUTE, at="update")
def route_nat(case: Case) -> None:
    """A route's NAT gateway exists, in the route table's VPC."""
    unique = case["natGatewayId"]
    if not unique:
        return
    table = case.call("ec2", "describe_route_tables", RouteTableIds=[case["routeTableId"]])["RouteTables"][0]
    found = case.call("ec2", "describe_nat_gateways", NatGatewayIds=[unique], Filters=[AVAILABLE])["NatGateways"]
    if not found:
        raise error("InvalidNatGatewayID.NotFound", "CreateRoute", f"The natGateway ID '{unique}' does not exist")
    if found[0]["VpcId"] != table["VpcId"]:
        reason = f"route table {table['RouteTableId']} and NAT gateway {unique} belong to different networks"
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
    nats = case.call("ec2", "describe_nat_gateways", Filters=[*_by("vpc-id", case.id), AVAILABLE])["NatGateways"]
    if gateways or nats or own or interfaces or [endpoint for endpoint in endpoints if endpoint["State"] != "deleted"]:
        raise error("DependencyViolation", "DeleteVpc", f"The vpc '{case.id}' has dependencies and cannot be deleted.")


@rule(GATEWAY, at="delete")
def no_public_addresses(case: Case) -> None:
    """A gateway leaves its VPC only when no public address is mapped in there."""
    vpc = case["vpcId"]
    if not vpc:
        return
    nats = case.call("ec2", "describe_nat_gateways", Filters=[*_by("vpc-id", vpc), AVAILABLE])["NatGateways"]
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


@rule(NAT, at="check")
def nat_mode(case: Case) -> None:
    """A zonal NAT gateway lies in a subnet; a regional one is public, belongs to a VPC, and AWS gives it addresses."""
    if case["availabilityMode"] == "regional":
        for name in ("subnetId", "allocationId", "privateIp", "secondaryAllocationIds"):
            if case.inputs.get(name):
                reason = f"The parameter {name} cannot be used with a regional NAT gateway."
                raise error("InvalidParameterCombination", "CreateNatGateway", reason)
        if case["connectivityType"] == "private":
            reason = "A regional NAT gateway does not support private connectivity."
            raise error("InvalidParameterCombination", "CreateNatGateway", reason)
        if not case.inputs.get("vpcId"):
            raise error("MissingParameter", "CreateNatGateway", _missing("VpcId"))
        if case.inputs.get("availabilityZoneAddresses"):
            raise HostError("regional NAT gateways with addresses of one's own are not played: see network_gaps.py")
    elif case["availabilityMode"] not in (None, "zonal"):
        reason = f"Value ({case['availabilityMode']}) for parameter AvailabilityMode is invalid."
        raise error("InvalidParameterValue", "CreateNatGateway", reason)
    elif not case.inputs.get("subnetId"):
        raise error("MissingParameter", "CreateNatGateway", _missing("SubnetId"))
    elif case.inputs.get("availabilityZoneAddresses"):
        reason = "The parameter AvailabilityZoneAddresses needs a regional NAT gateway."
        raise error("InvalidParameterCombination", "CreateNatGateway", reason)


@rule(NAT, at="create")
def nat_address(case: Case) -> None:
    """A zonal public NAT gateway has an address that nothing else uses."""
    if case["connectivityType"] == "private" or case["availabilityMode"] == "regional":
        return
    if not case["allocationId"]:
        raise error("MissingParameter", "CreateNatGateway", _missing("AllocationId"))
    found = case.call("ec2", "describe_addresses", AllocationIds=[case["allocationId"]])["Addresses"][0]
    if found.get("AssociationId"):
        reason = f"Elastic IP address [{case['allocationId']}] is already associated"
        raise error("Resource.AlreadyAssociated", "CreateNatGateway", reason)


@rule(NAT, at="create")
def nat_way_out(case: Case) -> None:
    """A public NAT gateway lies in a VPC with an internet gateway."""
    if case["connectivityType"] == "private":
        return
    vpc = case["vpcId"] or case.call("ec2", "describe_subnets", SubnetIds=[case["subnetId"]])["Subnets"][0]["VpcId"]
    if not case.call("ec2", "describe_internet_gateways", Filters=_by("attachment.vpc-id", vpc))["InternetGateways"]:
        raise error("Gateway.NotAttached", "CreateNatGateway", f"Network {vpc} has no Internet gateway attached")


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


def _by(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


def _missing(parameter: str) -> str:
    return f"The request must include the {parameter} parameter. Add the required parameter and retry the request."

"""Steps of gateways, endpoints and launch templates."""

from __future__ import annotations

from typing import Any

from sandbox.aws.calls import recipe
from sandbox.aws.compare import same
from sandbox.aws.session import Scope, Session

__all__ = [
    "attach_internet_gateway",
    "delete_nat_gateway",
    "find_cidr_association",
    "find_reservation",
    "modify_endpoint",
    "new_template_version",
    "set_default_version",
]


def attach_internet_gateway(session: Session, scope: Scope) -> None:
    """Attach the gateway to its VPC, after detaching it from the former one."""
    if former := scope.olds.get("vpcId"):
        session.call("detach_internet_gateway", InternetGatewayId=scope["id"], VpcId=former)
    if scope["vpcId"]:
        session.call("attach_internet_gateway", InternetGatewayId=scope["id"], VpcId=scope["vpcId"])


def delete_nat_gateway(session: Session, scope: Scope) -> None:
    """Delete the gateway and what AWS takes away with it: its address's association and its network interface."""
    found = session.call("describe_nat_gateways", NatGatewayIds=[scope["id"]])["NatGateways"]
    if not found or found[0]["State"] == "deleted":
        return
    session.call("delete_nat_gateway", NatGatewayId=scope["id"])
    for address in found[0].get("NatGatewayAddresses", []):
        if "AssociationId" in address:
            session.call("disassociate_address", AssociationId=address["AssociationId"])
        # moto leaves it, and the subnet could not be deleted. A regional gateway has none.
        session.call("delete_network_interface", NetworkInterfaceId=address["NetworkInterfaceId"])


def find_cidr_association(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return a VPC's further range by the id of its association."""
    filters = [{"Name": "cidr-block-association.association-id", "Values": [scope["id"]]}]
    for vpc in session.call("describe_vpcs", Filters=filters)["Vpcs"]:
        for one in vpc.get("CidrBlockAssociationSet", []):
            if one["AssociationId"] == scope["id"] and one["CidrBlockState"]["State"] == "associated":
                return {"VpcId": vpc["VpcId"], "CidrBlock": one["CidrBlock"]}
    return None


def find_reservation(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return a subnet's reservation by its id; without the subnet, as in an import, look into all."""
    subnets = [scope["subnetId"]] if scope["subnetId"] else _subnets(session)
    for subnet in subnets:
        found = session.call("get_subnet_cidr_reservations", SubnetId=subnet)
        for one in [*found["SubnetIpv4CidrReservations"], *found["SubnetIpv6CidrReservations"]]:
            if one["SubnetCidrReservationId"] == scope["id"]:
                return dict(one)
    return None


def _subnets(session: Session) -> list[str]:
    return [subnet["SubnetId"] for subnet in session.call("describe_subnets")["Subnets"]]


def modify_endpoint(session: Session, scope: Scope) -> None:
    """Bring the endpoint's lists from old to new by additions and removals."""
    params: dict[str, Any] = {"VpcEndpointId": scope["id"]}
    for name, word in (
        ("routeTableIds", "RouteTableIds"),
        ("subnetIds", "SubnetIds"),
        ("securityGroupIds", "SecurityGroupIds"),
    ):
        old, new = set(scope.olds.get(name) or []), set(scope[name] or [])
        params |= {f"Add{word}": sorted(new - old), f"Remove{word}": sorted(old - new)}
    if scope["policy"] != scope.olds.get("policy"):
        params["PolicyDocument"] = scope["policy"]
    if not same(scope["privateDnsEnabled"], scope.olds.get("privateDnsEnabled")):
        params["PrivateDnsEnabled"] = bool(scope["privateDnsEnabled"])
    session.call("modify_vpc_endpoint", **{name: value for name, value in params.items() if value not in ([], None)})
    _route_to_endpoint(session, scope, params)


def _route_to_endpoint(session: Session, scope: Scope, params: dict[str, Any]) -> None:
    # AWS keeps the routes to a gateway endpoint itself; moto does so only when it creates and deletes one.
    if scope.inputs.get("vpcEndpointType") != "Gateway":
        return
    for table in params.get("AddRouteTableIds", []):
        route = {"RouteTableId": table, "DestinationPrefixListId": scope["prefixListId"], "GatewayId": scope["id"]}
        session.call("create_route", **route)
    for table in params.get("RemoveRouteTableIds", []):
        session.call("delete_route", RouteTableId=table, DestinationPrefixListId=scope["prefixListId"])


def new_template_version(session: Session, scope: Scope) -> None:
    """Write the template's next version, and make it the default when the program asks for that."""
    text = "create_launch_template_version * {LaunchTemplateId: id, VersionDescription: description}"
    params = session.params(text, scope)
    params.pop("LaunchTemplateName", None)
    answer = session.call(recipe(text).operation, **params)
    if scope["updateDefaultVersion"]:
        number = str(answer["LaunchTemplateVersion"]["VersionNumber"])
        session.call("modify_launch_template", LaunchTemplateId=scope["id"], DefaultVersion=number)


def set_default_version(session: Session, scope: Scope) -> None:
    """Make the wanted version the default one."""
    if scope["defaultVersion"]:
        session.call(
            "modify_launch_template", LaunchTemplateId=scope["id"], DefaultVersion=str(scope["defaultVersion"])
        )

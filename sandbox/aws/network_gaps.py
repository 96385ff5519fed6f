"""What moto's EC2 lacks of the network: regional NAT gateways, interface endpoints' interfaces, whole rules.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import InvalidParameterValue
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.ec2.models.vpcs import VPC, VPCBackend
from moto.ec2.responses.nat_gateways import NatGateways
from moto.ec2.responses.subnets import Subnets
from moto.ec2.responses.vpcs import VPCs
from moto.ec2.utils import add_tag_specification, random_nat_gateway_id

__all__ = ["NETWORK_GAPS"]

# moto's own, called by what stands in for them.
_ASSOCIATIONS = VPC.get_cidr_block_association_set
_CREATE_ENDPOINT = VPCBackend.create_vpc_endpoint
_CREATE_NAT = NatGateways.create_nat_gateway
_CREATE_RESERVATION = Subnets.create_subnet_cidr_reservation
_DELETE_NAT = NatGatewayBackend.delete_nat_gateway
_MODIFY_ENDPOINT = VPCs.modify_vpc_endpoint
_MODIFY_RULES = SecurityGroupBackend.modify_security_group_rules


class RegionalNatGateway(NatGateway):
    """A NAT gateway of a whole VPC, in the mode in which AWS provides zones and addresses.

    It has no subnet and no network interface, and a route table of its own to the internet gateway
    (https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html).
    """

    def __init__(self, backend: Any, vpc_id: str, tags: dict[str, str]) -> None:
        self.id = random_nat_gateway_id()
        self.ec2_backend = backend
        self._created_at = utcnow()
        self.vpc_id = vpc_id
        self.subnet_id = None  # type: ignore[assignment]  # a zonal gateway always has one
        self.address_set = []
        self.state = "available"
        self.connectivity_type = "public"
        self.availability_mode = "regional"
        self.auto_provision_zones = "enabled"
        self.auto_scaling_ips = "enabled"
        self.route_table_id = _gateway_table(backend, vpc_id)
        self.add_tags(tags)


def _gateway_table(backend: Any, vpc_id: str) -> str:
    table = str(backend.create_route_table(vpc_id).id)
    gateways = backend.describe_internet_gateways(filters={"attachment.vpc-id": [vpc_id]})
    if gateways:
        backend.create_route(table, "0.0.0.0/0", gateway_id=gateways[0].id)
    return table


def _create_nat_gateway(response: Any) -> Any:
    get = response._get_param  # noqa: SLF001 - moto's own way for its responses, inherited by none of ours
    if get("AvailabilityMode") != "regional":
        return _CREATE_NAT(response)
    tags = add_tag_specification(get("TagSpecifications", []))
    # What is abstract belongs to CloudFormation; moto makes its own gateways in the same way.
    gateway = RegionalNatGateway(response.ec2_backend, get("VpcId"), tags)  # type: ignore[abstract]
    response.ec2_backend.nat_gateways[gateway.id] = gateway
    return ActionResult({"NatGateway": gateway})


def _delete_nat_gateway(backend: Any, nat_gateway_id: str) -> Any:
    gateway = backend.nat_gateways.get(nat_gateway_id)
    if isinstance(gateway, RegionalNatGateway) and gateway.state != "deleted":
        backend.delete_route_table(gateway.route_table_id)
    return _DELETE_NAT(backend, nat_gateway_id)


def _current_associations(vpc: Any, ipv6: bool = False) -> list[dict[str, Any]]:
    # moto keeps what was disassociated, and lets subnets into it.
    return [one for one in _ASSOCIATIONS(vpc, ipv6) if one["cidr_block_state"]["state"] == "associated"]


def _create_reservation(response: Any) -> Any:
    answer: Any = _CREATE_RESERVATION(response)
    text = response._get_param("Description")  # noqa: SLF001 - as above
    answer.result["SubnetCidrReservation"].description = text
    return answer


def _create_endpoint(backend: Any, *args: Any, **kwargs: Any) -> Any:
    endpoint = _CREATE_ENDPOINT(backend, *args, **kwargs)
    if endpoint.vpc_endpoint_type == "Interface":
        if not endpoint.security_group_ids:
            endpoint.security_group_ids = [backend.get_default_security_group(endpoint.vpc_id).id]
        host = f"{endpoint.id}-{secrets.token_hex(4)}.{endpoint.service_name.split('.', 3)[3]}"
        name = f"{host}.{backend.region_name}.vpce.amazonaws.com"
        endpoint.dns_entries = [{"dns_name": name, "hosted_zone_id": f"Z{secrets.token_hex(10).upper()}"}]
        _place_interfaces(backend, endpoint)
    return endpoint


def _modify_endpoint(response: Any) -> Any:
    answer = _MODIFY_ENDPOINT(response)
    get, backend = response._get_param, response.ec2_backend  # noqa: SLF001 - as above
    endpoint = backend.describe_vpc_endpoints(vpc_end_point_ids=[get("VpcEndpointId")])[0]
    if get("PrivateDnsEnabled") is not None:
        endpoint.private_dns_enabled = str(get("PrivateDnsEnabled")).lower() == "true"
    if endpoint.vpc_endpoint_type == "Interface":
        _place_interfaces(backend, endpoint)
    return answer


def _place_interfaces(backend: Any, endpoint: Any) -> None:
    """Give an endpoint one interface in each of its subnets, with its security groups."""
    for unique in endpoint.network_interface_ids:
        backend.enis.pop(unique, None)
    text = f"VPC Endpoint Interface {endpoint.id}"
    groups = endpoint.security_group_ids
    # Without an address moto takes a free one of the subnet.
    endpoint.network_interface_ids = [
        backend.create_network_interface(subnet, "", group_ids=groups, description=text).id
        for subnet in endpoint.subnet_ids or []
    ]


# Member of a rule's source → where moto keeps it.
_SOURCES = ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")


def _modify_rules(backend: Any, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
    group = backend.get_security_group_by_name_or_id(group_id)
    for unique, new in rules.items():
        old = group.get_rule(unique)
        if old is not None and _sources_of(old) != {name for name in _SOURCES if new.get(name)}:
            raise InvalidParameterValue(
                f"Invalid rule type for security group rule '{unique}'. "
                f"You may not specify another kind of source for an existing rule of {', '.join(_sources_of(old))}."
            )
        # moto wants ports of a rule for all protocols, which has none, and takes over IPv4 ranges alone.
        _MODIFY_RULES(backend, group_id, {unique: {"FromPort": -1, "ToPort": -1, **new}})
        old.from_port, old.to_port = new.get("FromPort"), new.get("ToPort")
        text = {"Description": new["Description"]} if new.get("Description") else {}
        ranges = _given({"CidrIp": new.get("CidrIpv4"), "CidrIpv6": new.get("CidrIpv6")})
        source = _given({"GroupId": new.get("ReferencedGroupId")})
        old.prefix_list_id = new.get("PrefixListId")
        old.source_group = {**old.source_group, "Description": None, **source, **text} if source else {}
        old.ip_range = {**ranges, **text} if ranges else {}


def _sources_of(rule: Any) -> set[str]:
    kept = (rule.cidr_ipv4, rule.cidr_ipv6, rule.prefix_list_id, rule.source_group)
    return {name for name, value in zip(_SOURCES, kept, strict=True) if value}


def _description(rule: Any) -> Any:
    # moto forgets the description of a rule whose source is a group.
    return rule.ip_range.get("Description") or rule.source_group.get("Description")


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


NETWORK_GAPS: tuple[tuple[type, str, Callable[..., Any] | property | str], ...] = (
    (NatGateway, "availability_mode", "zonal"),
    (NatGateways, "create_nat_gateway", _create_nat_gateway),
    (NatGatewayBackend, "delete_nat_gateway", _delete_nat_gateway),
    (SecurityGroupBackend, "modify_security_group_rules", _modify_rules),
    (SecurityGroupRule, "description", property(_description)),
    (Subnets, "create_subnet_cidr_reservation", _create_reservation),
    (VPC, "get_cidr_block_association_set", _current_associations),
    (VPCBackend, "create_vpc_endpoint", _create_endpoint),
    (VPCs, "modify_vpc_endpoint", _modify_endpoint),
)

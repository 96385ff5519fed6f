"""Whether packets would arrive in the emulated VPC: routes, security groups and private names, no more.

Network ACLs are taken for the open ones that every VPC begins with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from sandbox.machines.instance import Instance

_ANYWHERE: Final = "0.0.0.0/0"
_HTTPS: Final = 443


class NetworkError(Exception):
    """A packet would not arrive, or a name has no address; the message says where it ends."""


class Network:
    """Looks at one region's EC2, load balancers and private zones as they are at the moment of each question.

    Args:
        aws: Returns a client by service.
    """

    def __init__(self, aws: Any) -> None:
        self._aws = aws

    def reaches_internet(self, instance: Instance) -> None:
        """Raise `NetworkError` unless an instance reaches public addresses on TCP 443 and resolves their names."""
        self._resolver(instance.vpc)
        subnet = str(instance.described["SubnetId"])
        route = self._default_route(subnet, instance.vpc)
        if gateway := route.get("NatGatewayId"):
            self._through_nat(gateway)
        elif str(route.get("GatewayId", "")).startswith("igw-"):
            if not instance.described.get("PublicIpAddress"):
                raise NetworkError(f"{subnet} leads to an internet gateway, but without public address")
        else:
            raise NetworkError(f"{subnet}: its default route leads to no gateway that this module knows")
        if not any(
            _covers(permission, _HTTPS) and _ranges_hold(permission, None)
            for permission in self._permissions(instance.groups, "IpPermissionsEgress")
        ):
            raise NetworkError(f"no security group of {instance.id} lets TCP {_HTTPS} out to {_ANYWHERE}")

    def faces_internet(self, subnet: str, vpc: str) -> None:
        """Raise `NetworkError` unless a subnet's packets come from and go to the internet directly."""
        if not str(self._default_route(subnet, vpc).get("GatewayId", "")).startswith("igw-"):
            raise NetworkError(f"{subnet} leads to no internet gateway")

    def _resolver(self, vpc: str) -> None:
        answer = self._aws("ec2").describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")
        if not answer["EnableDnsSupport"]["Value"]:
            raise NetworkError(f"{vpc} has no resolver: enableDnsSupport is off")

    def _default_route(self, subnet: str, vpc: str) -> Mapping[str, Any]:
        tables = self._aws("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        own = [t for t in tables if any(a.get("SubnetId") == subnet for a in t["Associations"])]
        main = [t for t in tables if any(a.get("Main") for a in t["Associations"])]
        for table in own or main:
            for route in table["Routes"]:
                if route.get("DestinationCidrBlock") == _ANYWHERE and route.get("State", "active") == "active":
                    return dict(route)
        raise NetworkError(f"{subnet} has no active route to {_ANYWHERE}")

    def _through_nat(self, gateway: str) -> None:
        found = self._aws("ec2").describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
        if not found or found[0]["State"] != "available":
            raise NetworkError(f"{gateway} is not available")
        if found[0].get("ConnectivityType", "public") != "public":
            raise NetworkError(f"{gateway} is private: it leads to no public address")
        if found[0].get("SubnetId"):  # a regional one has none and makes its own way out
            route = self._default_route(found[0]["SubnetId"], found[0]["VpcId"])
            if not str(route.get("GatewayId", "")).startswith("igw-"):
                raise NetworkError(f"{gateway}: its own subnet leads to no internet gateway")

    # Security groups -----------------------------------------------------------------------------------------------

    def admit(self, client: Instance, server: Instance, port: int) -> None:
        """Raise `NetworkError` unless TCP from one instance arrives at another."""
        self.leave(client.groups, client.id, server.address, server.groups, port)
        self.enter(server.groups, server.id, client.address, client.groups, port)

    def leave(self, own: Iterable[str], who: str, address: str, groups: Iterable[str], port: int) -> None:
        """Raise `NetworkError` unless these security groups let TCP out to an address that has these groups."""
        if not self._held(own, "IpPermissionsEgress", address, groups, port):
            raise NetworkError(f"no security group of {who} lets TCP {port} out to {address}")

    def enter(self, own: Iterable[str], who: str, address: str, groups: Iterable[str], port: int) -> None:
        """Raise `NetworkError` unless these security groups let TCP in from an address that has these groups."""
        if not self._held(own, "IpPermissions", address, groups, port):
            raise NetworkError(f"no security group of {who} lets TCP {port} in from {address}")

    def _held(self, own: Iterable[str], key: str, address: str, groups: Iterable[str], port: int) -> bool:
        others = set(groups)
        return any(
            _covers(permission, port)
            and (_ranges_hold(permission, address) or not others.isdisjoint(_peers(permission)))
            for permission in self._permissions(own, key)
        )

    def _permissions(self, groups: Iterable[str], key: str) -> list[Mapping[str, Any]]:
        wanted = list(groups)
        if not wanted:
            return []
        found = self._aws("ec2").describe_security_groups(GroupIds=wanted)["SecurityGroups"]
        return [permission for group in found for permission in group[key]]

    # Names -----------------------------------------------------------------------------------------------------------

    def resolve(self, vpc: str, name: str) -> tuple[list[str], str]:
        """Return the addresses of a private name, or the DNS name of the load balancer that it is an alias of."""
        ec2, route53 = self._aws("ec2"), self._aws("route53")
        for attribute, member in (
            ("enableDnsSupport", "EnableDnsSupport"),
            ("enableDnsHostnames", "EnableDnsHostnames"),
        ):
            if not ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[member]["Value"]:
                raise NetworkError(f"{vpc} answers no private name: {attribute} is off")
        wanted = f"{name.lower().removesuffix('.')}."
        return _record(route53, self._private_zone(vpc, wanted), wanted)

    def _private_zone(self, vpc: str, name: str) -> Mapping[str, Any]:
        for zone in self._private_zones(self._aws("route53"), vpc):
            if name.endswith(f".{zone['Name']}"):
                return zone
        raise NetworkError(f"no private zone of {vpc} holds {name}")

    def _private_zones(self, route53: Any, vpc: str) -> list[Mapping[str, Any]]:
        """Return the private zones of a VPC, the most specific name first."""
        zones = [zone for zone in route53.list_hosted_zones()["HostedZones"] if zone["Config"]["PrivateZone"]]
        held = [
            zone
            for zone in zones
            if any(one["VPCId"] == vpc for one in route53.get_hosted_zone(Id=zone["Id"]).get("VPCs", []))
        ]
        return sorted(held, key=lambda zone: -len(zone["Name"]))


def _record(route53: Any, zone: Mapping[str, Any], name: str) -> tuple[list[str], str]:
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    for record in records:
        if (str(record["Name"]).lower(), record["Type"]) == (name, "A"):
            alias = record.get("AliasTarget", {}).get("DNSName", "")
            return [value["Value"] for value in record.get("ResourceRecords", [])], str(alias)
    raise NetworkError(f"private zone {zone['Name']} has no A {name}")


def _covers(permission: Mapping[str, Any], port: int) -> bool:
    protocol = str(permission["IpProtocol"])
    return protocol == "-1" or (protocol in ("tcp", "6") and permission["FromPort"] <= port <= permission["ToPort"])


def _ranges_hold(permission: Mapping[str, Any], address: str | None) -> bool:
    """Say whether the permission's ranges hold an address, or with None all of them."""
    ranges = [ip_network(one["CidrIp"]) for one in permission.get("IpRanges", [])]
    if address is None:
        return any(one.prefixlen == 0 for one in ranges)
    return any(ip_address(address) in one for one in ranges)


def _peers(permission: Mapping[str, Any]) -> set[str]:
    return {str(pair["GroupId"]) for pair in permission.get("UserIdGroupPairs", []) if pair.get("GroupId")}

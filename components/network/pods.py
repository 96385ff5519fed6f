"""Room in subnets: ranges of their own for pods, and the parts that only prefixes, or only fixed addresses, take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
from pulumi_aws.ec2.route_table_association import RouteTableAssociation
from pulumi_aws.ec2.subnet import Subnet
from pulumi_aws.ec2.subnet_cidr_reservation import SubnetCidrReservation
from pulumi_aws.ec2.vpc_ipv4_cidr_block_association import VpcIpv4CidrBlockAssociation

from components.network.plan import ZonePlan
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class PodSubnetsArgs:
    """What the pod subnets need to know.

    Attributes:
        cidr: The range that the VPC gets in addition.
        zones: The plan of each zone, with its pod subnet.
        route_table_ids: Table of each zone's private subnet, by zone key: pods leave as nodes do.
    """

    cluster_name: str
    vpc_id: pulumi.Input[str]
    cidr: str
    zones: Sequence[ZonePlan]
    route_table_ids: Mapping[str, pulumi.Input[str]]
    place: Place


class PodSubnets(pulumi.ComponentResource):
    """A second range of the VPC with one subnet per zone, where only pods' network interfaces are.

    The VPC CNI has to be told of them (custom networking). The subnets carry none of the tags by which Karpenter and
    load balancers look for subnets: nothing else is to be made here.

    Attributes:
        subnets: By zone name.
        ready: What must exist before a pod gets an address here.
    """

    subnets: dict[str, Subnet]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: PodSubnetsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the range and its subnets."""
        super().__init__("platform:network:PodSubnets", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        added = VpcIpv4CidrBlockAssociation(name, vpc_id=args.vpc_id, cidr_block=args.cidr, opts=child)
        self.subnets, self.ready = {}, []
        for zone in args.zones:
            if zone.pods is None:
                raise ValueError(f"zones={zone.name}: its plan has no pod subnet; plan the network with pod_cidr")
            key = f"{name}-{zone.key}"
            subnet = Subnet(
                key,
                vpc_id=args.vpc_id,
                availability_zone=zone.name,
                cidr_block=str(zone.pods),
                map_public_ip_on_launch=False,
                tags={**args.place.tags, "Name": f"{args.cluster_name}-pods-{zone.key}"},
                # AWS knows the range only once it is associated.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[added]),
            )
            self.ready.append(
                RouteTableAssociation(
                    key, subnet_id=subnet.id, route_table_id=args.route_table_ids[zone.key], opts=child
                )
            )
            self.ready.extend(reserve_prefixes(key, subnet.id, zone.prefixes, child))
            self.subnets[zone.name] = subnet
        self.register_outputs({"subnet_ids": {zone: subnet.id for zone, subnet in self.subnets.items()}})


def reserve_fixed(
    name: str, subnet_id: pulumi.Input[str], range_: IPv4Network, opts: pulumi.ResourceOptions
) -> SubnetCidrReservation:
    """Keep addresses that AWS chooses out of the range, for machines whose addresses are written down."""
    return SubnetCidrReservation(
        f"{name}-fixed",
        subnet_id=subnet_id,
        cidr_block=str(range_),
        reservation_type="explicit",
        description="Fixed addresses of machines",
        opts=opts,
    )


def reserve_prefixes(
    name: str, subnet_id: pulumi.Input[str], ranges: tuple[IPv4Network, IPv4Network], opts: pulumi.ResourceOptions
) -> list[SubnetCidrReservation]:
    """Keep single addresses out of the ranges of a subnet; see `ZonePlan.prefixes`."""
    quarter, half = ranges
    return [
        SubnetCidrReservation(
            f"{name}-prefixes-{part}",
            subnet_id=subnet_id,
            cidr_block=str(range_),
            reservation_type="prefix",
            description="Prefixes of pods",
            opts=opts,
        )
        for part, range_ in (("quarter", quarter), ("half", half))
    ]

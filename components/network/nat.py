"""NAT gateways, zonal ones with an address each or a regional one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pulumi
from pulumi_aws.ec2.eip import Eip
from pulumi_aws.ec2.nat_gateway import NatGateway

from components.network.plan import REGIONAL


def create_nat_gateways(
    name: str,
    keys: Iterable[str],
    vpc_id: pulumi.Input[str],
    public_subnet_ids: Mapping[str, pulumi.Input[str]],
    tags: Callable[[str], Mapping[str, str]],
    opts: pulumi.ResourceOptions,
) -> dict[str, NatGateway]:
    """Create the NAT gateways.

    Args:
        name: Begins the logical names.
        keys: As `NetworkPlan.nat_gateways` gives them.
        vpc_id: For the regional gateway.
        public_subnet_ids: For the others, by zone key.
        tags: Give a resource its tags, by its role.
        opts: Parent, and the internet gateway to wait for: AWS detaches it only when nothing in the VPC holds a
            public address any more.
    """
    gateways = {}
    for key in sorted(set(keys)):
        role = f"nat-{key}"
        if key == REGIONAL:
            # Without zones and addresses it is in automatic mode: AWS extends it to the zones that are in use.
            gateways[key] = NatGateway(
                f"{name}-{role}",
                availability_mode="regional",
                connectivity_type="public",
                vpc_id=vpc_id,
                tags=tags(role),
                opts=opts,
            )
            continue
        address = Eip(f"{name}-{role}", domain="vpc", tags=tags(role), opts=opts)
        gateways[key] = NatGateway(
            f"{name}-{role}",
            allocation_id=address.id,
            subnet_id=public_subnet_ids[key],
            tags=tags(role),
            opts=opts,
        )
    return gateways

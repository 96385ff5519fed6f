"""Interface endpoints: the AWS APIs that nodes and controllers call, inside the VPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws.ec2.security_group import SecurityGroup
from pulumi_aws.ec2.vpc_endpoint import VpcEndpoint
from pulumi_aws.vpc import SecurityGroupIngressRule

from components.network.plan import ENDPOINT_SERVICES, service_name
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointsArgs:
    """What the endpoints need to know.

    Attributes:
        subnet_ids: One subnet per zone; each endpoint takes an address in each.
        clients: Ranges that may call, by a stable name.
    """

    cluster_name: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    clients: Mapping[str, str]
    place: Place


class Endpoints(pulumi.ComponentResource):
    """The interface endpoints of a network that may have no way out, under the services' usual names.

    IAM has no endpoint in a VPC, and neither has the pricing API: who needs them in a network without NAT has to do
    without (Karpenter does: https://karpenter.sh/docs/getting-started/getting-started-with-karpenter/#private-clusters).

    Attributes:
        ready: What must exist before a call gets through.
    """

    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: EndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the endpoints and their security group."""
        super().__init__("platform:network:Endpoints", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = self._create_group(name, args)
        self.ready = [
            SecurityGroupIngressRule(
                f"{name}-https-{client}",
                security_group_id=group.id,
                description=f"HTTPS from {client}",
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                tags={**args.place.tags, "Name": f"{args.cluster_name}-endpoints-{client}"},
                opts=child,
            )
            for client, cidr in args.clients.items()
        ]
        for service in ENDPOINT_SERVICES:
            key = service.replace(".", "-")
            endpoint = VpcEndpoint(
                f"{name}-{key}",
                vpc_id=args.vpc_id,
                service_name=service_name(args.place.partition, args.place.region, service),
                vpc_endpoint_type="Interface",
                subnet_ids=list(args.subnet_ids),
                security_group_ids=[group.id],
                private_dns_enabled=True,
                tags={**args.place.tags, "Name": f"{args.cluster_name}-{key}"},
                opts=child,
            )
            self.ready.append(endpoint)
        self.register_outputs({"security_group_id": group.id})

    def _create_group(self, name: str, args: EndpointsArgs) -> SecurityGroup:
        return SecurityGroup(
            name,
            # Not the other way round: AWS refuses names that begin with sg-, which a cluster's may.
            name_prefix=f"endpoints-{args.cluster_name}-",
            description=f"Interface endpoints of {args.cluster_name}",
            vpc_id=args.vpc_id,
            # An endpoint answers and never calls; said aloud, because AWS opens a new group to everything.
            egress=[],
            tags={**args.place.tags, "Name": f"{args.cluster_name}-endpoints"},
            opts=pulumi.ResourceOptions(parent=self),
        )

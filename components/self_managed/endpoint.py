"""Where the API is found: a name inside the VPC that is there before any machine, and load balancers before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws.lb import (
    Listener,
    ListenerDefaultActionArgs,
    LoadBalancer,
    TargetGroup,
    TargetGroupHealthCheckArgs,
)
from pulumi_aws.route53 import Record, RecordAliasArgs, Zone, ZoneVpcArgs

from components.karpenter.names import fit
from components.place import Place
from components.self_managed.spec import API_PORT, ClusterSpec

# Of load balancers and target groups.
NAME_LIMIT: Final = 32
# Seconds. What has asked once asks again within a minute of a change.
_TTL: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointArgs:
    """What the endpoint needs to know.

    Attributes:
        internal_balancer_id: Security group; needed with more than one control plane.
        public_balancer_id: Security group that says who reaches the API from the internet. None: nobody does.
        protect: Whether AWS and Pulumi refuse to delete the load balancers, and Pulumi the zone.
    """

    spec: ClusterSpec
    vpc_id: pulumi.Input[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    internal_balancer_id: pulumi.Input[str] | None = None
    public_balancer_id: pulumi.Input[str] | None = None
    protect: bool = False
    place: Place

    def __post_init__(self) -> None:
        """Refuse control planes that nobody finds."""
        planes = self.spec.control_planes
        if len(planes) > 1 and self.internal_balancer_id is None:
            raise ValueError(f"internal_balancer_id=None: {len(planes)} control planes stand behind a load balancer")
        if len(planes) == 1 and planes[0].address is None:
            raise ValueError(f"address=None of {planes[0].name}: the API's name points at it; give it a fixed address")


class Endpoint(pulumi.ComponentResource):
    """The private zone with the API's name in it, and network load balancers before the control planes.

    One control plane is found by its fixed address. Three stand behind an internal load balancer. Certificates know the
    name only, so that a load balancer can be added or replaced without a new one.

    Attributes:
        server: URL for who is outside: of the public load balancer if there is one, else of the name in the VPC. What
            answers there says `api.<cluster>.internal`, which a kubeconfig has to expect (tls-server-name).
        target_group_arns: By load balancer, `internal` and `public`; control planes are to be put into each.
        ready: What must exist before a machine boots: an answer "no such name" would be remembered for a day.
    """

    server: pulumi.Output[str]
    target_group_arns: dict[str, pulumi.Output[str]]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: EndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register zone, record and load balancers."""
        super().__init__("platform:self_managed:Endpoint", name, None, opts)
        self._name = name
        self._args = args
        self.target_group_arns, self.ready = {}, []
        internal = None
        if args.internal_balancer_id is not None:
            internal = self._create_balancer("internal", args.private_subnet_ids, args.internal_balancer_id)
        self._create_record(internal)
        self.server = pulumi.Output.from_input(f"https://{args.spec.endpoint}:{API_PORT}")
        if args.public_balancer_id is not None:
            public = self._create_balancer("public", args.public_subnet_ids, args.public_balancer_id)
            self.server = pulumi.Output.format("https://{0}:{1}", public.dns_name, API_PORT)
        self.register_outputs({"server": self.server, "target_group_arns": self.target_group_arns})

    def _child(self, *, protect: bool = False) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect or None)

    def _tags(self, role: str) -> dict[str, str]:
        return {**self._args.place.tags, "Name": f"{self._args.spec.name}-{role}"}

    def _create_record(self, balancer: LoadBalancer | None) -> None:
        """Create the zone, which only the VPC sees, and the API's name in it."""
        spec = self._args.spec
        zone = Zone(
            f"{self._name}-zone",
            name=f"{spec.name}.internal",
            comment=f"API of {spec.name}",
            vpcs=[ZoneVpcArgs(vpc_id=self._args.vpc_id, vpc_region=self._args.place.region)],
            tags=self._tags("internal"),
            opts=self._child(protect=self._args.protect),
        )
        alias = None
        if balancer is not None:
            name, zone_id = balancer.dns_name, balancer.zone_id
            alias = [RecordAliasArgs(name=name, zone_id=zone_id, evaluate_target_health=False)]
        record = Record(
            f"{self._name}-record",
            zone_id=zone.zone_id,
            name=spec.endpoint,
            type="A",
            # An alias has its target's.
            ttl=None if alias else _TTL,
            records=None if alias else [str(spec.control_planes[0].address)],
            aliases=alias,
            opts=self._child(),
        )
        self.ready.append(record)

    def _create_balancer(
        self, role: str, subnet_ids: Sequence[pulumi.Input[str]], security_group_id: pulumi.Input[str]
    ) -> LoadBalancer:
        """Create a load balancer with its listener; it sends to every control plane that is ready, in any zone."""
        args = self._args
        # AWS refuses names that begin with internal-.
        physical = fit(args.spec.name, NAME_LIMIT, before={"internal": "api-", "public": "api-public-"}[role])
        balancer = LoadBalancer(
            f"{self._name}-{role}",
            name=physical,
            load_balancer_type="network",
            internal=role == "internal",
            subnets=list(subnet_ids),
            security_groups=[security_group_id],
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=args.protect,
            ip_address_type="ipv4",
            tags=self._tags(f"api-{role}"),
            opts=self._child(protect=args.protect),
        )
        group = self._create_target_group(role, physical)
        listener = Listener(
            f"{self._name}-{role}",
            load_balancer_arn=balancer.arn,
            port=API_PORT,
            protocol="TCP",
            default_actions=[ListenerDefaultActionArgs(type="forward", target_group_arn=group.arn)],
            tags=self._tags(f"api-{role}"),
            opts=self._child(),
        )
        self.target_group_arns[role] = group.arn
        if role == "internal":
            # Machines find the API by it; the public one is for who is outside, and takes minutes.
            self.ready.append(listener)
        return balancer

    def _create_target_group(self, role: str, physical: str) -> TargetGroup:
        return TargetGroup(
            f"{self._name}-{role}",
            name=physical,
            vpc_id=self._args.vpc_id,
            port=API_PORT,
            protocol="TCP",
            target_type="instance",
            # A control plane that reaches itself by way of the load balancer would see its own address as the source:
            # https://repost.aws/knowledge-center/target-connection-fails-load-balancer.
            preserve_client_ip="false",
            # Seconds; watches last for minutes and open again elsewhere.
            deregistration_delay=30,
            connection_termination=True,
            health_check=TargetGroupHealthCheckArgs(
                protocol="HTTPS",
                path="/readyz",
                port=str(API_PORT),
                matcher="200",
                interval=10,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=2,
            ),
            tags=self._tags(f"api-{role}"),
            opts=self._child(),
        )

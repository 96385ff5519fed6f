"""Builds what the plan says: VPC, subnets, routes, gateways, endpoints and flow logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
from pulumi_aws.ec2.default_security_group import DefaultSecurityGroup
from pulumi_aws.ec2.internet_gateway import InternetGateway
from pulumi_aws.ec2.nat_gateway import NatGateway
from pulumi_aws.ec2.route import Route
from pulumi_aws.ec2.route_table import RouteTable
from pulumi_aws.ec2.route_table_association import RouteTableAssociation
from pulumi_aws.ec2.subnet import Subnet
from pulumi_aws.ec2.vpc import Vpc
from pulumi_aws.ec2.vpc_endpoint import VpcEndpoint

from components.network.endpoints import Endpoints, EndpointsArgs
from components.network.flow_logs import FlowLogs, FlowLogsArgs
from components.network.nat import create_nat_gateways
from components.network.plan import Nat, NetworkPlan, ZonePlan, plan_network
from components.network.pods import PodSubnets, PodSubnetsArgs, reserve_fixed, reserve_prefixes
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkArgs:
    """What the network needs to know.

    Attributes:
        cluster_name: Karpenter finds the private subnets by it.
        overlay: Whether pods have an overlay's addresses, which AWS never sees, and machines join by themselves.
            Nothing is then reserved for prefixes, each private subnet has a range of fixed addresses
            (`ZonePlan.fixed`), and there are no subnets for a control plane of EKS and no tags for Karpenter.
        cidr: The VPC's range, /16 to /20.
        pod_cidr: A second range, /16 to /20, that pods take their addresses from instead of the private subnets.
        zones: Slot (0 to 5) by availability zone name; a zone keeps its slot, see `plan_network`.
        nat: How private subnets reach the internet. `single` stands in the zone with the lowest slot: when that zone
            fails, no private subnet gets out. `regional` is one gateway that AWS extends to the zones in use, with
            addresses of its own choice; until it stands in a new zone, that zone's traffic goes by another one
            (https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html).
        private_endpoints: Whether the VPC has endpoints for the AWS APIs that a cluster calls. Without them and
            without NAT no node joins.
        flow_log_retention_days: One of the periods that CloudWatch Logs offers.
        protect: Whether Pulumi refuses to delete the VPC and the control plane's subnets: EKS keeps these for ever
            (https://github.com/aws/containers-roadmap/issues/170), and a zone that goes would take one of them away.
    """

    cluster_name: str
    cidr: str
    pod_cidr: str | None = None
    overlay: bool = False
    zones: Mapping[str, int]
    nat: Nat
    private_endpoints: bool = False
    flow_log_retention_days: int
    protect: bool = False
    place: Place

    @property
    def plan(self) -> NetworkPlan:
        """Where every subnet lies."""
        pod_cidr = None if self.pod_cidr is None else IPv4Network(self.pod_cidr)
        return plan_network(IPv4Network(self.cidr), self.zones, pod_cidr)

    def __post_init__(self) -> None:
        """Refuse zones of another region, and a range for pods that have an overlay; the plan refuses the rest."""
        if self.overlay and self.pod_cidr is not None:
            raise ValueError(f"pod_cidr={self.pod_cidr}: pods of an overlay take no addresses of the VPC; leave it out")
        plan = self.plan
        if plan.region != self.place.region:
            raise ValueError(
                f"zones={', '.join(self.zones)}: they lie in {plan.region}, the stack in {self.place.region}; "
                f"use zones of {self.place.region}"
            )


class Network(pulumi.ComponentResource):
    """A VPC with private, public and cluster subnets in every zone, flow logs and a closed default security group.

    Security groups of what runs here are left to others.

    Attributes:
        private_subnet_ids: For nodes, and for pods unless these have a range of their own; in the order of the zones'
            slots, as all three lists.
        public_subnet_ids: For internet-facing load balancers.
        cluster_subnet_ids: For the control plane's network interfaces; without a way to the internet. Empty with an
            overlay.
        pod_subnet_ids: For pods, by zone name; empty without a range of their own.
        zone_subnet_ids: The private ones again, by the zone's key.
        workload_subnet_ids: Those that nodes and pods take addresses of, by role and zone's key, such as `private-a`.
        nat_gateway_ids: By the key of their zone, or `regional`.
        egress: Everything between a private subnet and AWS. What runs in these subnets takes it as `depends_on`:
            it then starts with a working network, and on destroy goes before the network does.
    """

    vpc_id: pulumi.Output[str]
    private_subnet_ids: list[pulumi.Output[str]]
    public_subnet_ids: list[pulumi.Output[str]]
    cluster_subnet_ids: list[pulumi.Output[str]]
    pod_subnet_ids: Mapping[str, pulumi.Output[str]]
    zone_subnet_ids: Mapping[str, pulumi.Output[str]]
    workload_subnet_ids: Mapping[str, pulumi.Output[str]]
    nat_gateway_ids: Mapping[str, pulumi.Output[str]]
    flow_log_group_name: pulumi.Output[str]
    egress: list[pulumi.Resource]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the network."""
        super().__init__("platform:network:Network", name, None, opts)
        self._name = name
        self._args = args
        self._plan = args.plan
        self.egress = []

        vpc = self._create_vpc()
        gateway = InternetGateway(f"{name}-igw", vpc_id=vpc.id, tags=self._tags("igw"), opts=self._child())
        public, public_table = self._create_public(vpc, gateway)
        nat_gateways = create_nat_gateways(
            name,
            self._plan.nat_gateways(args.nat).values(),
            vpc.id,
            {key: subnet.id for key, subnet in public.items()},
            self._tags,
            self._child(gateway),
        )
        private, private_tables = self._create_private(vpc, nat_gateways)
        private_ids = self._reserve_fixed(private) if args.overlay else [subnet.id for subnet in private]
        cluster, cluster_tables = ([], []) if args.overlay else self._create_cluster(vpc)
        pods = self._create_pod_subnets(vpc, private_tables)
        self._create_s3_endpoint(vpc, [public_table, *cluster_tables, *private_tables.values()])
        if args.private_endpoints:
            self._create_endpoints(vpc, private_ids)
        flow_logs = self._create_flow_logs(vpc)

        self.vpc_id = vpc.id
        self.private_subnet_ids = private_ids
        self.public_subnet_ids = [subnet.id for subnet in public.values()]
        self.cluster_subnet_ids = [subnet.id for subnet in cluster]
        self.pod_subnet_ids = {zone: subnet.id for zone, subnet in pods.items()}
        self.zone_subnet_ids = {zone.key: id_ for zone, id_ in zip(self._plan.zones, private_ids, strict=True)}
        self.workload_subnet_ids = {
            **{f"private-{key}": subnet_id for key, subnet_id in self.zone_subnet_ids.items()},
            **{f"pod-{zone.key}": pods[zone.name].id for zone in self._plan.zones if zone.name in pods},
        }
        self.nat_gateway_ids = {key: gateway.id for key, gateway in nat_gateways.items()}
        self.flow_log_group_name = flow_logs.log_group_name
        roles = ("private", "public", "cluster", "pod")
        shown = ("vpc_id", *(f"{role}_subnet_ids" for role in roles), "flow_log_group_name")
        self.register_outputs({output: getattr(self, output) for output in shown})

    def _child(self, *needs: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(needs))

    def _tags(self, role: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**self._args.place.tags, "Name": f"{self._args.cluster_name}-{role}", **(extra or {})}

    def _create_vpc(self) -> Vpc:
        """Create the VPC and take every rule out of its default security group."""
        vpc = Vpc(
            f"{self._name}-vpc",
            cidr_block=str(self._plan.cidr),
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={**self._args.place.tags, "Name": self._args.cluster_name},
            opts=pulumi.ResourceOptions(parent=self, protect=self._args.protect or None),
        )
        closed = self._tags("default-closed")
        DefaultSecurityGroup(
            f"{self._name}-default", vpc_id=vpc.id, ingress=[], egress=[], tags=closed, opts=self._child()
        )
        return vpc

    def _create_subnet(
        self,
        vpc: Vpc,
        role: str,
        zone: ZonePlan,
        extra_tags: Mapping[str, str] | None = None,
        protect: bool = False,
    ) -> Subnet:
        ranges = {"private": zone.private, "public": zone.public, "cluster": zone.cluster}
        return Subnet(
            f"{self._name}-{role}-{zone.key}",
            vpc_id=vpc.id,
            availability_zone=zone.name,
            cidr_block=str(ranges[role]),
            map_public_ip_on_launch=False,
            tags=self._tags(f"{role}-{zone.key}", extra_tags),
            opts=pulumi.ResourceOptions(parent=self, protect=protect or None),
        )

    def _create_table(self, vpc: Vpc, role: str) -> RouteTable:
        return RouteTable(f"{self._name}-{role}", vpc_id=vpc.id, tags=self._tags(role), opts=self._child())

    def _associate(self, role: str, subnet: Subnet, table: RouteTable) -> RouteTableAssociation:
        return RouteTableAssociation(
            f"{self._name}-{role}", subnet_id=subnet.id, route_table_id=table.id, opts=self._child()
        )

    def _route(
        self,
        role: str,
        table: RouteTable,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> None:
        """Send what leaves the VPC to the gateway."""
        route = Route(
            f"{self._name}-{role}-default",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self._child(),
        )
        self.egress.append(route)

    def _create_public(self, vpc: Vpc, gateway: InternetGateway) -> tuple[dict[str, Subnet], RouteTable]:
        """Create the public subnets, by zone key, and their one way out."""
        table = self._create_table(vpc, "public")
        self._route("public", table, gateway_id=gateway.id)
        subnets = {}
        for zone in self._plan.zones:
            subnet = self._create_subnet(vpc, "public", zone, {"kubernetes.io/role/elb": "1"})
            self.egress.append(self._associate(f"public-{zone.key}", subnet, table))
            subnets[zone.key] = subnet
        return subnets, table

    def _create_private(self, vpc: Vpc, nats: Mapping[str, NatGateway]) -> tuple[list[Subnet], dict[str, RouteTable]]:
        """Create the private subnets, each with a table of its own: another choice of NAT changes routes only."""
        karpenter = {} if self._args.overlay else {"karpenter.sh/discovery": self._args.cluster_name}
        discovery = {"kubernetes.io/role/internal-elb": "1", **karpenter}
        gateways = self._plan.nat_gateways(self._args.nat)
        subnets, tables = [], {}
        for zone in self._plan.zones:
            role = f"private-{zone.key}"
            subnet = self._create_subnet(vpc, "private", zone, discovery)
            table = self._create_table(vpc, role)
            self.egress.append(self._associate(role, subnet, table))
            if zone.key in gateways:
                self._route(role, table, nat_gateway_id=nats[gateways[zone.key]].id)
            if zone.pods is None and not self._args.overlay:
                self.egress += reserve_prefixes(f"{self._name}-{role}", subnet.id, zone.prefixes, self._child())
            subnets.append(subnet)
            tables[zone.key] = table
        return subnets, tables

    def _reserve_fixed(self, subnets: list[Subnet]) -> list[pulumi.Output[str]]:
        """Set the fixed addresses of each subnet apart, and return its id only then: before anything takes them."""
        ids = []
        for zone, subnet in zip(self._plan.zones, subnets, strict=True):
            fixed = reserve_fixed(f"{self._name}-private-{zone.key}", subnet.id, zone.fixed, self._child())
            self.egress.append(fixed)
            ids.append(pulumi.Output.all(subnet.id, fixed.id).apply(lambda both: str(both[0])))
        return ids

    def _create_cluster(self, vpc: Vpc) -> tuple[list[Subnet], list[RouteTable]]:
        """Create the subnets of the control plane's network interfaces; their table knows the VPC only."""
        table = self._create_table(vpc, "cluster")
        subnets = []
        for zone in self._plan.zones:
            subnet = self._create_subnet(vpc, "cluster", zone, protect=self._args.protect)
            self._associate(f"cluster-{zone.key}", subnet, table)
            subnets.append(subnet)
        return subnets, [table]

    def _create_pod_subnets(self, vpc: Vpc, tables: Mapping[str, RouteTable]) -> Mapping[str, Subnet]:
        """Create the pods' own range and its subnets, by zone name."""
        if self._args.pod_cidr is None:
            return {}
        pods = PodSubnets(
            f"{self._name}-pods",
            PodSubnetsArgs(
                cluster_name=self._args.cluster_name,
                vpc_id=vpc.id,
                cidr=self._args.pod_cidr,
                zones=self._plan.zones,
                route_table_ids={key: table.id for key, table in tables.items()},
                place=self._args.place,
            ),
            self._child(),
        )
        self.egress += pods.ready
        return pods.subnets

    def _create_endpoints(self, vpc: Vpc, subnet_ids: list[pulumi.Output[str]]) -> None:
        """Keep the calls to AWS's APIs inside the VPC."""
        args = self._args
        clients = {"vpc": args.cidr, **({} if args.pod_cidr is None else {"pods": args.pod_cidr})}
        endpoints = Endpoints(
            f"{self._name}-endpoints",
            EndpointsArgs(
                cluster_name=args.cluster_name,
                vpc_id=vpc.id,
                subnet_ids=subnet_ids,
                clients=clients,
                place=args.place,
            ),
            self._child(),
        )
        self.egress += endpoints.ready

    def _create_s3_endpoint(self, vpc: Vpc, tables: list[RouteTable]) -> None:
        """Keep the traffic to S3, image layers above all, off the NAT gateways and their bill."""
        endpoint = VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{self._args.place.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags=self._tags("s3"),
            opts=self._child(),
        )
        self.egress.append(endpoint)

    def _create_flow_logs(self, vpc: Vpc) -> FlowLogs:
        args = self._args
        return FlowLogs(
            f"{self._name}-flow-logs",
            FlowLogsArgs(
                vpc_id=vpc.id,
                cluster_name=args.cluster_name,
                retention_days=args.flow_log_retention_days,
                place=args.place,
            ),
            self._child(),
        )

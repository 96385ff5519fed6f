"""Security groups of the machines and of the API's load balancers: the port table as rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws.ec2 import SecurityGroup
from pulumi_aws.vpc import SecurityGroupEgressRule, SecurityGroupIngressRule

from components.place import Place
from components.self_managed.ports import Flow, Group, flows, groups


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityGroupsArgs:
    """What the groups need to know.

    Attributes:
        control_planes: How many; more than one stand behind an internal load balancer.
        public_access_cidrs: Who reaches the API's public load balancer; empty means there is none.
        outbound_ports: TCP ports of the internet that machines and pods may call beside 443 and 80. A pod's packets
            leave the cluster with its node's address and so under these rules.
        file_system_cidrs: Where mount targets of EFS are.
    """

    cluster_name: str
    vpc_id: pulumi.Input[str]
    control_planes: int
    public_access_cidrs: Sequence[str] = ()
    outbound_ports: Sequence[int] = ()
    file_system_cidrs: Sequence[str] = ()
    place: Place


class SecurityGroups(pulumi.ComponentResource):
    """The groups and all their rules; both ends of a flow have one each, and nothing else is let through.

    Attributes:
        node_id: Every machine is in it. It alone carries the cluster's tag: the load balancer controller puts its rules
            there, and gives up on a machine with two tagged groups.
        control_plane_id: For control planes, beside the nodes' one.
        internal_balancer_id: None with a single control plane.
        public_balancer_id: None without ranges that may reach it.
        ready: The rules: without them a machine that boots reaches nothing.
    """

    node_id: pulumi.Output[str]
    control_plane_id: pulumi.Output[str]
    internal_balancer_id: pulumi.Output[str] | None
    public_balancer_id: pulumi.Output[str] | None
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: SecurityGroupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register groups and rules."""
        super().__init__("platform:self_managed:SecurityGroups", name, None, opts)
        self._name = name
        self._args = args
        public = bool(args.public_access_cidrs)
        made = {group: self._create_group(group) for group in groups(control_planes=args.control_planes, public=public)}
        ids: Mapping[str, pulumi.Output[str]] = {group: resource.id for group, resource in made.items()}
        self.ready = []
        for flow in flows(
            control_planes=args.control_planes,
            public_access_cidrs=args.public_access_cidrs,
            outbound_ports=args.outbound_ports,
            file_system_cidrs=args.file_system_cidrs,
        ):
            self._create_rules(flow, ids)
        self.node_id = ids["nodes"]
        self.control_plane_id = ids["control-planes"]
        self.internal_balancer_id = ids.get("internal-balancer")
        self.public_balancer_id = ids.get("public-balancer")
        self.register_outputs({"node_id": self.node_id, "control_plane_id": self.control_plane_id})

    def _tags(self, role: str) -> dict[str, str]:
        return {**self._args.place.tags, "Name": f"{self._args.cluster_name}-{role}"}

    def _create_group(self, group: Group) -> SecurityGroup:
        cluster_name = self._args.cluster_name
        owned = {f"kubernetes.io/cluster/{cluster_name}": "owned"} if group == "nodes" else {}
        return SecurityGroup(
            f"{self._name}-{group}",
            # Not the other way round: AWS refuses names that begin with sg-, which a cluster's may. And no list of
            # rules, not even an empty one: it would take out those that are resources of their own.
            name_prefix=f"{group}-{cluster_name}-",
            description=f"{group.capitalize().replace('-', ' ')} of {cluster_name}",
            vpc_id=self._args.vpc_id,
            tags={**self._tags(group), **owned},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_rules(self, flow: Flow, ids: Mapping[str, pulumi.Output[str]]) -> None:
        """Open the source's way out and the target's way in, where these are groups."""
        child = pulumi.ResourceOptions(parent=self)
        first, last = flow.ports
        for kind, here, there, way in (
            (SecurityGroupEgressRule, flow.source, flow.target, "to"),
            (SecurityGroupIngressRule, flow.target, flow.source, "from"),
        ):
            if here not in ids:
                continue
            role = f"{here}-{flow.key}-{way}-{_word(there)}"
            rule = kind(
                f"{self._name}-{role}",
                security_group_id=ids[here],
                description=f"{flow.description} {way} {there}",
                ip_protocol=flow.protocol,
                from_port=first,
                to_port=last,
                referenced_security_group_id=ids.get(there),
                cidr_ipv4=None if there in ids else there,
                tags=self._tags(role),
                opts=child,
            )
            self.ready.append(rule)


def _word(side: str) -> str:
    """Return a group or range as a part of a name."""
    return {"0.0.0.0/0": "anywhere"}.get(side, side.replace(".", "-").replace("/", "-"))

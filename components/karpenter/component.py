"""Builds Karpenter's AWS side: identities, the nodes' way into the cluster, and the interruption queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws.cloudwatch import EventRule, EventTarget
from pulumi_aws.eks import AccessEntry
from pulumi_aws.iam import InstanceProfile, Role, RolePolicyAttachment
from pulumi_aws.sqs import Queue, QueuePolicy

from components.identity import policy as identity
from components.identity.workload import Former, Grant, Workload, WorkloadIdentity
from components.karpenter import policy
from components.karpenter.controller import controller_policies
from components.karpenter.rules import RULES, TARGET_ID
from components.place import Place

# Logical names of the policies: kebab-case, and kept when upstream renames one.
_POLICY_ROLES = {
    "NodeLifecycle": "node-lifecycle",
    "IAMIntegration": "iam-integration",
    "EKSIntegration": "eks-integration",
    "Interruption": "interruption",
    "ZonalShift": "zonal-shift",
    "ResourceDiscovery": "resource-discovery",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class KarpenterArgs:
    """What Karpenter's AWS side needs to know.

    Attributes:
        cluster_name: Scopes every document, so it has to be known at preview.
        eks_cluster_name: The same name as the cluster's output, so that the cluster exists before its access entry.
        identity: Gives the controller's service account its role.
        isolated: Whether the controller reaches AWS through endpoints in the VPC only. IAM has none, so the nodes'
            instance profile is made here and not by Karpenter.
    """

    cluster_name: str
    eks_cluster_name: pulumi.Input[str]
    identity: WorkloadIdentity
    place: Place
    isolated: bool = False


class Karpenter(pulumi.ComponentResource):
    """Node role, controller role with six policies, interruption queue with five rules.

    The controller, its CRDs and its NodePools come from GitOps; the spot service-linked role is the account's.

    Attributes:
        queue_name: Goes to the chart as `settings.interruptionQueue`.
        rule_names: Of the events' rules, by kind.
        node_role_name: Goes to the EC2NodeClass as `spec.role`.
        instance_profile_name: Goes to it as `spec.instanceProfile` instead, where there is one.
    """

    queue_name: pulumi.Output[str]
    rule_names: Mapping[str, pulumi.Output[str]]
    node_role_name: pulumi.Output[str]
    node_role_arn: pulumi.Output[str]
    instance_profile_name: pulumi.Output[str] | None
    controller_role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: KarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register Karpenter's AWS side."""
        super().__init__("platform:karpenter:Karpenter", name, None, opts)
        self._name = name
        self._args = args
        self._scope = policy.Scope(
            cluster_name=args.cluster_name,
            **args.place.where,
        )
        node_role = self._create_node_role()
        controller = self._create_controller_role()
        queue, permission = self._create_queue()
        self.rule_names = self._create_rules(queue, permission)

        self.queue_name = queue.name
        self.node_role_name = node_role.name
        self.node_role_arn = node_role.arn
        self.instance_profile_name = self._create_instance_profile(node_role).name if args.isolated else None
        self.controller_role_arn = controller.role_arn
        self.register_outputs(
            {
                "queue_name": self.queue_name,
                "node_role_name": self.node_role_name,
                "node_role_arn": self.node_role_arn,
                "instance_profile_name": self.instance_profile_name,
                "controller_role_arn": self.controller_role_arn,
            }
        )

    def _child(self, *needs: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(needs))

    def _create_node_role(self) -> Role:
        """Create the role of the nodes that Karpenter launches, and let them join the cluster."""
        role = Role(
            f"{self._name}-node",
            name=self._scope.names.node_role,
            description=f"Nodes that Karpenter launches for {self._args.cluster_name}",
            assume_role_policy=policy.render(policy.node_trust(self._scope)),
            permissions_boundary=self._args.place.permissions_boundary,
            tags=dict(self._args.place.tags),
            opts=self._child(),
        )
        for purpose, managed in identity.NODE_POLICIES.items():
            RolePolicyAttachment(
                f"{self._name}-node-{purpose}",
                role=role.name,
                policy_arn=self._scope.managed_policy(managed),
                opts=self._child(),
            )
        AccessEntry(
            f"{self._name}-node",
            cluster_name=self._args.eks_cluster_name,
            principal_arn=role.arn,
            type="EC2_LINUX",
            tags=dict(self._args.place.tags),
            opts=self._child(),
        )
        return role

    def _create_instance_profile(self, role: Role) -> InstanceProfile:
        return InstanceProfile(
            f"{self._name}-node",
            name=self._scope.names.instance_profile,
            role=role.name,
            tags={**self._args.place.tags, **policy.instance_profile_tags(self._scope)},
            opts=self._child(),
        )

    def _create_controller_role(self) -> Grant:
        """Give the controller's service account its rights; before, the resources lay right under this component."""
        args, names = self._args, self._scope.names
        documents = controller_policies(self._scope, isolated=args.isolated)
        workload = Workload(
            namespace=policy.NAMESPACE,
            service_account=policy.SERVICE_ACCOUNT,
            documents={_POLICY_ROLES[kind]: document for kind, document in documents.items()},
            description=f"Karpenter's controller in {args.cluster_name}",
            role_name=names.controller_role,
            policy_names={_POLICY_ROLES[kind]: name for kind, name in names.policies.items()},
            former=Former(parent=self, prefix=self._name),
        )
        return args.identity.grant(f"{self._name}-controller", workload, self._child())

    def _create_queue(self) -> tuple[Queue, QueuePolicy]:
        """Create the queue. A notice is worth nothing after five minutes: its instance is gone."""
        queue = Queue(
            f"{self._name}-interruption",
            name=self._scope.names.queue,
            message_retention_seconds=300,
            sqs_managed_sse_enabled=True,
            tags=dict(self._args.place.tags),
            opts=self._child(),
        )
        permission = QueuePolicy(
            f"{self._name}-interruption",
            queue_url=queue.id,
            policy=policy.render(policy.queue_policy(self._scope)),
            opts=self._child(),
        )
        return queue, permission

    def _create_rules(self, queue: Queue, permission: QueuePolicy) -> dict[str, pulumi.Output[str]]:
        """Send the five kinds of events to the queue, from the moment on that they may."""
        names = {}
        for rule in RULES:
            event_rule = EventRule(
                f"{self._name}-{rule.kind}",
                name=self._scope.names.rules[rule.kind],
                description=rule.description,
                event_pattern=rule.pattern,
                tags=dict(self._args.place.tags),
                opts=self._child(),
            )
            EventTarget(
                f"{self._name}-{rule.kind}",
                rule=event_rule.name,
                arn=queue.arn,
                target_id=TARGET_ID,
                opts=self._child(permission),
            )
            names[rule.kind] = event_rule.name
        return names

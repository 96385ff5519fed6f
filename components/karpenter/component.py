"""Builds Karpenter's AWS side: identities, the nodes' way into the cluster, and the interruption queue."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws.cloudwatch import EventRule, EventTarget
from pulumi_aws.eks import AccessEntry, PodIdentityAssociation
from pulumi_aws.iam import Policy, Role, RolePolicyAttachment
from pulumi_aws.sqs import Queue, QueuePolicy

from components.identity import policy as identity
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
    """

    cluster_name: str
    eks_cluster_name: pulumi.Input[str]
    place: Place


class Karpenter(pulumi.ComponentResource):
    """Node role, controller role with six policies, interruption queue with five rules.

    The controller, its CRDs and its NodePools come from GitOps; the spot service-linked role is the account's.

    Attributes:
        queue_name: Goes to the chart as `settings.interruptionQueue`.
        node_role_name: Goes to the EC2NodeClass as `spec.role`.
    """

    queue_name: pulumi.Output[str]
    node_role_name: pulumi.Output[str]
    node_role_arn: pulumi.Output[str]
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
        controller_role = self._create_controller_role()
        queue, permission = self._create_queue()
        self._create_rules(queue, permission)

        self.queue_name = queue.name
        self.node_role_name = node_role.name
        self.node_role_arn = node_role.arn
        self.controller_role_arn = controller_role.arn
        self.register_outputs(
            {
                "queue_name": self.queue_name,
                "node_role_name": self.node_role_name,
                "node_role_arn": self.node_role_arn,
                "controller_role_arn": self.controller_role_arn,
            }
        )

    def _child(self, *needs: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(needs))

    def _create_role(self, role: str, physical_name: str, description: str, trust: policy.Document) -> Role:
        return Role(
            f"{self._name}-{role}",
            name=physical_name,
            description=description,
            assume_role_policy=policy.render(trust),
            permissions_boundary=self._args.place.permissions_boundary,
            tags=dict(self._args.place.tags),
            opts=self._child(),
        )

    def _create_node_role(self) -> Role:
        """Create the role of the nodes that Karpenter launches, and let them join the cluster."""
        description = f"Nodes that Karpenter launches for {self._args.cluster_name}"
        role = self._create_role("node", self._scope.names.node_role, description, policy.node_trust(self._scope))
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

    def _create_controller_role(self) -> Role:
        """Create the controller's role and hand it to its service account, once it can do its work."""
        description = f"Karpenter's controller in {self._args.cluster_name}"
        trust = policy.controller_trust(self._scope)
        role = self._create_role("controller", self._scope.names.controller_role, description, trust)
        attachments = []
        for kind, document in controller_policies(self._scope).items():
            permission = Policy(
                f"{self._name}-{_POLICY_ROLES[kind]}",
                name=self._scope.names.policies[kind],
                policy=policy.render(document),
                tags=dict(self._args.place.tags),
                opts=self._child(),
            )
            attachment = RolePolicyAttachment(
                f"{self._name}-{_POLICY_ROLES[kind]}", role=role.name, policy_arn=permission.arn, opts=self._child()
            )
            attachments.append(attachment)
        PodIdentityAssociation(
            f"{self._name}-controller",
            cluster_name=self._args.eks_cluster_name,
            namespace=policy.NAMESPACE,
            service_account=policy.SERVICE_ACCOUNT,
            role_arn=role.arn,
            tags=dict(self._args.place.tags),
            # The controller checks its rights at start and reports the missing ones as errors of its node classes.
            opts=self._child(*attachments),
        )
        return role

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

    def _create_rules(self, queue: Queue, permission: QueuePolicy) -> None:
        """Send the five kinds of events to the queue, from the moment on that they may."""
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

"""EKS Pod Identity: a role per service account, which EKS hands to the account's pods."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws.eks import PodIdentityAssociation
from pulumi_aws.iam import Policy, Role, RolePolicyAttachment

from components.identity import policy
from components.identity.workload import Document, Former, Grant, Workload
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class PodIdentityRoleArgs:
    """What the role of one service account needs to know.

    Attributes:
        cluster_name: Physical name, for the trust policy, which is known at preview.
        ready_cluster_name: The same name as an output of what must exist before the association.
    """

    cluster_name: str
    ready_cluster_name: pulumi.Input[str]
    workload: Workload
    place: Place


class PodIdentityRole(pulumi.ComponentResource):
    """Role, its policies, and the association that hands it to one service account of one cluster.

    Attributes:
        role_arn: Known once the association exists.
    """

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the identity."""
        super().__init__("platform:identity:PodIdentityRole", name, None, opts)
        self._name = name
        self._args = args
        self._workload = args.workload
        role = self._create_role()
        attachments = [self._attach(role, purpose, text) for purpose, text in self._workload.documents.items()]
        association = PodIdentityAssociation(
            name,
            cluster_name=args.ready_cluster_name,
            namespace=self._workload.namespace,
            service_account=self._workload.service_account,
            role_arn=role.arn,
            tags=dict(args.place.tags),
            # Controllers check their rights at start; pods that start between two attachments would lack some.
            opts=self._child(name, *attachments),
        )
        self.role_arn = association.role_arn
        self.register_outputs({"role_arn": self.role_arn})

    def _child(self, former_name: str, *needs: pulumi.Resource) -> pulumi.ResourceOptions:
        former = self._workload.former
        aliases = [pulumi.Alias(name=former_name, parent=former.parent)] if former else []
        return pulumi.ResourceOptions(parent=self, depends_on=list(needs), aliases=aliases)

    def _create_role(self) -> Role:
        args = self._args
        trust = policy.pod_identity_trust(
            account_id=args.place.account_id,
            cluster=policy.cluster_arn(**args.place.where, cluster_name=args.cluster_name),
            namespace=self._workload.namespace,
            service_account=self._workload.service_account,
        )
        return Role(
            self._name,
            name=self._workload.role_name,
            description=self._workload.description,
            assume_role_policy=_render(trust),
            permissions_boundary=args.place.permissions_boundary,
            tags=dict(args.place.tags),
            opts=self._child(self._name),
        )

    def _attach(self, role: Role, purpose: str, document: Document) -> RolePolicyAttachment:
        name = f"{self._name}-{purpose}"
        former_name = _former_name(self._workload.former, purpose, name)
        permission = Policy(
            name,
            name=self._workload.policy_names.get(purpose),
            policy=_render(document),
            tags=dict(self._args.place.tags),
            opts=self._child(former_name),
        )
        return RolePolicyAttachment(name, role=role.name, policy_arn=permission.arn, opts=self._child(former_name))


@dataclass(frozen=True, kw_only=True, slots=True)
class PodIdentity:
    """Gives service accounts of one EKS cluster roles, through its Pod Identity agent.

    Attributes:
        cluster_name: Physical name.
        ready_cluster_name: The same name as the cluster's output.
    """

    cluster_name: str
    ready_cluster_name: pulumi.Input[str]
    place: Place

    def grant(self, name: str, workload: Workload, opts: pulumi.ResourceOptions) -> Grant:
        """Register the role and its association; the service account needs no annotation."""
        args = PodIdentityRoleArgs(
            cluster_name=self.cluster_name,
            ready_cluster_name=self.ready_cluster_name,
            workload=workload,
            place=self.place,
        )
        identity = PodIdentityRole(name, args, opts)
        return Grant(resource=identity, role_arn=identity.role_arn)


def _former_name(former: Former | None, purpose: str, name: str) -> str:
    return f"{former.prefix}-{purpose}" if former else name


def _render(document: Document) -> str:
    return json.dumps(document, separators=(",", ":"))

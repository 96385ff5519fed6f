"""EKS Pod Identity: a role per service account, which EKS hands to the account's pods."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws.eks import PodIdentityAssociation

from components.identity import policy
from components.identity.service_account_role import ServiceAccountRole, render
from components.identity.workload import Grant, Workload
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
        workload, place = args.workload, args.place
        trust = policy.pod_identity_trust(
            account_id=place.account_id,
            cluster=policy.cluster_arn(**place.where, cluster_name=args.cluster_name),
            namespace=workload.namespace,
            service_account=workload.service_account,
        )
        account_role = ServiceAccountRole(component=self, name=name, workload=workload, place=place)
        role, attachments = account_role.create(render(trust))
        association = PodIdentityAssociation(
            name,
            cluster_name=args.ready_cluster_name,
            namespace=workload.namespace,
            service_account=workload.service_account,
            role_arn=role.arn,
            tags=dict(place.tags),
            # Controllers check their rights at start; pods that start between two attachments would lack some.
            opts=account_role.child(name, *attachments),
        )
        self.role_arn = association.role_arn
        self.register_outputs({"role_arn": self.role_arn})


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

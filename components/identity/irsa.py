"""IRSA: a role per service account, which the account's pods take by their own tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi

from components.identity import policy
from components.identity.service_account_role import ServiceAccountRole, render
from components.identity.workload import Grant, Workload
from components.place import Place

ANNOTATION: Final = "eks.amazonaws.com/role-arn"


@dataclass(frozen=True, kw_only=True, slots=True)
class IrsaRoleArgs:
    """What the role of one service account needs to know.

    Attributes:
        issuer: URL that the cluster's tokens name, without a slash at the end.
        provider_arn: IAM's provider for it.
    """

    issuer: str
    provider_arn: pulumi.Input[str]
    workload: Workload
    place: Place


class IrsaRole(pulumi.ComponentResource):
    """Role that one service account of one cluster may take, and its policies.

    Attributes:
        role_arn: Known once the role can do everything.
    """

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: IrsaRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the identity."""
        super().__init__("platform:identity:IrsaRole", name, None, opts)
        workload = args.workload
        trust = pulumi.Output.from_input(args.provider_arn).apply(
            lambda arn: render(
                policy.irsa_trust(
                    provider_arn=arn,
                    issuer=args.issuer,
                    namespace=workload.namespace,
                    service_account=workload.service_account,
                )
            )
        )
        account_role = ServiceAccountRole(component=self, name=name, workload=workload, place=args.place)
        role, attachments = account_role.create(trust)
        # Controllers check their rights at start; pods that start between two attachments would lack some.
        attached = pulumi.Output.all(*(attachment.policy_arn for attachment in attachments))
        self.role_arn = pulumi.Output.all(role.arn, attached).apply(lambda known: str(known[0]))
        self.register_outputs({"role_arn": self.role_arn})


@dataclass(frozen=True, kw_only=True, slots=True)
class Irsa:
    """Gives service accounts of one cluster roles, through the cluster's own OIDC issuer.

    The annotation alone does nothing: a webhook (https://github.com/aws/amazon-eks-pod-identity-webhook), or the pod's
    own specification, has to mount a token for `sts.amazonaws.com` and name the role in `AWS_ROLE_ARN`.

    Attributes:
        issuer: URL that the cluster's tokens name, without a slash at the end.
        provider_arn: IAM's provider for it.
    """

    issuer: str
    provider_arn: pulumi.Input[str]
    place: Place

    def grant(self, name: str, workload: Workload, opts: pulumi.ResourceOptions) -> Grant:
        """Register the role; the service account has to carry its ARN."""
        args = IrsaRoleArgs(issuer=self.issuer, provider_arn=self.provider_arn, workload=workload, place=self.place)
        identity = IrsaRole(name, args, opts)
        return Grant(resource=identity, role_arn=identity.role_arn, annotations={ANNOTATION: identity.role_arn})

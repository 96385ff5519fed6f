"""The account's service-linked role for EC2 Spot."""

from __future__ import annotations

import pulumi
from pulumi_aws.iam import ServiceLinkedRole, get_roles

_SERVICE = "spot.amazonaws.com"
_PATH = f"/aws-service-role/{_SERVICE}/"


class SpotServiceLinkedRole(pulumi.ComponentResource):
    """The role without which the account's first spot request fails: taken over when it is there, made when not.

    An account has one, whoever made it, so it is never deleted: `destroy` only forgets it. A role that exists is
    imported under the same URN that would have made it, so the second run of either case changes nothing.
    Source: https://karpenter.sh/docs/troubleshooting/#missing-service-linked-role.

    Attributes:
        arn: The role's ARN.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, invoke_opts: pulumi.InvokeOptions, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("platform:eks:SpotServiceLinkedRole", name, None, opts)
        existing = get_roles(name_regex="^AWSServiceRoleForEC2Spot$", path_prefix=_PATH, opts=invoke_opts).arns
        role = ServiceLinkedRole(
            name,
            aws_service_name=_SERVICE,
            opts=pulumi.ResourceOptions(
                parent=self,
                import_=existing[0] if existing else None,
                retain_on_delete=True,
                # Whoever made the role may have described and tagged it; that stays theirs.
                ignore_changes=["description", "tags", "customSuffix"],
            ),
        )
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})

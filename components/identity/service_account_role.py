"""A role with one service account's policies, whatever mechanism hands it to the account's pods."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws.iam import Policy, Role, RolePolicyAttachment

from components.identity.workload import Document, Workload
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceAccountRole:
    """What a mechanism registers under its component, by the component's logical name.

    Attributes:
        component: Parent of everything.
        name: Its logical name, and the role's.
    """

    component: pulumi.Resource
    name: str
    workload: Workload
    place: Place

    def create(self, trust: pulumi.Input[str]) -> tuple[Role, list[RolePolicyAttachment]]:
        """Register the role and attach its policies.

        Args:
            trust: Who may take it, as rendered.
        """
        role = Role(
            self.name,
            name=self.workload.role_name,
            description=self.workload.description,
            assume_role_policy=trust,
            permissions_boundary=self.place.permissions_boundary,
            tags=dict(self.place.tags),
            opts=self.child(self.name),
        )
        return role, [self._attach(role, purpose, text) for purpose, text in self.workload.documents.items()]

    def child(self, former_name: str, *needs: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return a child's options; the name is the one that it had before it came under the component."""
        former = self.workload.former
        aliases = [pulumi.Alias(name=former_name, parent=former.parent)] if former else []
        return pulumi.ResourceOptions(parent=self.component, depends_on=list(needs), aliases=aliases)

    def _attach(self, role: Role, purpose: str, document: Document) -> RolePolicyAttachment:
        name = f"{self.name}-{purpose}"
        former = self.workload.former
        former_name = f"{former.prefix}-{purpose}" if former else name
        permission = Policy(
            name,
            name=self.workload.policy_names.get(purpose),
            policy=render(document),
            tags=dict(self.place.tags),
            opts=self.child(former_name),
        )
        return RolePolicyAttachment(name, role=role.name, policy_arn=permission.arn, opts=self.child(former_name))


def render(document: Document) -> str:
    """Write the document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))

"""Who may use the cluster's API: access entries of four kinds, each with one policy of EKS for the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi_eks as eks
from pulumi_aws.eks import AccessPolicyAssociationAccessScopeArgs

# By name of the association; the name is part of its URN.
_POLICIES: Final[Mapping[str, str]] = {"admin": "AmazonEKSClusterAdminPolicy", "view": "AmazonEKSViewPolicy"}
_BREAK_GLASS: Final[Mapping[str, str]] = {"access": "break-glass"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Role ARNs by stable names; no name and no role may occur twice.

    Attributes:
        administrators: May do everything.
        break_glass: May do everything as well, for the day on which nobody else gets in. Their entries carry the tag
            `access: break-glass`, so that an alarm on their use finds them without a list of its own.
        ci_apply: Pipelines that run `pulumi up`, which installs CRDs and Argo CD: no policy below cluster
            administration may write those.
        ci_read: Pipelines that look at the cluster; AmazonEKSViewPolicy shows them no Secrets. A preview that has the
            API server check Kubernetes objects (server-side dry run) needs more than that.
    """

    administrators: Mapping[str, str]
    break_glass: Mapping[str, str] = field(default_factory=dict)
    ci_apply: Mapping[str, str] = field(default_factory=dict)
    ci_read: Mapping[str, str] = field(default_factory=dict)

    def entries(self, partition: str) -> dict[str, eks.AccessEntryArgs]:
        """Return the access entries, by the names given."""
        return {
            name: eks.AccessEntryArgs(
                principal_arn=role_arn,
                access_policies={policy: _association(partition, _POLICIES[policy])},
                tags=dict(tags) if tags else None,
            )
            for roles, policy, tags in self._kinds()
            for name, role_arn in roles.items()
        }

    def _kinds(self) -> Iterator[tuple[Mapping[str, str], str, Mapping[str, str]]]:
        yield self.administrators, "admin", {}
        yield self.break_glass, "admin", _BREAK_GLASS
        yield self.ci_apply, "admin", {}
        yield self.ci_read, "view", {}


def _association(partition: str, policy: str) -> eks.AccessPolicyAssociationArgs:
    return eks.AccessPolicyAssociationArgs(
        policy_arn=f"arn:{partition}:eks::aws:cluster-access-policy/{policy}",
        access_scope=AccessPolicyAssociationAccessScopeArgs(type="cluster"),
    )

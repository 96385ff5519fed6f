"""How a component asks for an identity of a service account, without knowing the mechanism behind it.

On EKS the mechanism is Pod Identity. A cluster that runs its own control plane has IRSA instead, which answers with an
annotation for the service account: whoever renders the service account puts `Grant.annotations` on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pulumi

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Former:
    """Where resources lay in the stack's state before they came under an identity; they are kept, not replaced.

    Attributes:
        parent: Component that registered them itself.
        prefix: Began the logical names of the policies.
    """

    parent: pulumi.Resource
    prefix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """A service account, and what it may do in the account.

    Attributes:
        namespace: The service account's namespace.
        service_account: Its name.
        documents: Policy documents by purpose. The purposes are part of logical names: kebab-case, and kept.
        description: Of the role.
        role_name: Physical name, at most 64 characters; none lets Pulumi make one.
        policy_names: Physical names of the policies by purpose, at most 128 characters; what is not named gets one.
    """

    namespace: str
    service_account: str
    documents: Mapping[str, Document]
    description: str
    role_name: str | None = None
    policy_names: Mapping[str, str] = field(default_factory=dict)
    former: Former | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """The identity that a service account has.

    Attributes:
        resource: Complete when the service account can do everything; for `after`.
        role_arn: The role that its pods act as.
        annotations: What the service account must carry; empty where AWS keeps the association.
    """

    resource: pulumi.Resource
    role_arn: pulumi.Output[str]
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


class WorkloadIdentity(Protocol):
    """A mechanism that gives service accounts roles of AWS."""

    def grant(self, name: str, workload: Workload, opts: pulumi.ResourceOptions) -> Grant:
        """Register what the workload needs under the logical name.

        Args:
            name: Unique in the stack, and kept.
            workload: Who may do what.
            opts: The caller's parent.
        """
        ...

"""The identities of the controllers that GitOps brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.identity.policies.controllers import CONTROLLERS, Controller, Reach
from components.identity.policies.scope import Scope
from components.identity.workload import Grant, Workload, WorkloadIdentity
from components.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class ControllersArgs:
    """What the controllers' identities need to know.

    Attributes:
        cluster_name: Scopes every document, so it has to be known at preview.
        identity: The mechanism that the cluster has.
        reach: What the controllers may reach beyond what carries the cluster's name.
        controllers: Those that the variant has, by name.
    """

    cluster_name: str
    identity: WorkloadIdentity
    reach: Reach
    controllers: Mapping[str, Controller] = field(default_factory=lambda: CONTROLLERS)
    place: Place


class Controllers(pulumi.ComponentResource):
    """One identity per controller of the table in policies/controllers.py.

    The controllers themselves come from GitOps, after this: pods that start before their association have no
    credentials until they restart (https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html).

    Attributes:
        grants: By the controller's name; a controller without a document has none.
        role_arns: The same grants' roles.
    """

    grants: Mapping[str, Grant]
    role_arns: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: ControllersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the identities."""
        super().__init__("platform:identity:Controllers", name, None, opts)
        scope = Scope(cluster_name=args.cluster_name, **args.place.where)
        wanted = {key: controller.documents(scope, args.reach) for key, controller in args.controllers.items()}
        self.grants = {
            key: args.identity.grant(
                f"{name}-{key}",
                Workload(
                    namespace=args.controllers[key].namespace,
                    service_account=args.controllers[key].service_account,
                    documents=documents,
                    description=f"{key} in {args.cluster_name}",
                ),
                pulumi.ResourceOptions(parent=self),
            )
            for key, documents in wanted.items()
            if documents
        }
        self.role_arns = {key: grant.role_arn for key, grant in self.grants.items()}
        self.register_outputs({"role_arns": self.role_arns})

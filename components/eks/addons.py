"""EKS add-ons: pinned, each with an identity of its own where it needs one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
from pulumi_aws.eks import Addon
from pulumi_aws.iam import Policy, Role, RolePolicyAttachment

from components.identity import policy as identity
from components.place import Place

if TYPE_CHECKING:
    from pulumi_aws.eks import AddonPodIdentityAssociationArgsDict


@dataclass(frozen=True, kw_only=True, slots=True)
class AddonIdentity:
    """What a service account of `kube-system` may do: a policy that AWS manages, documents of our own, or both.

    Attributes:
        policy: Name of a managed policy, with its path below `policy/`.
        documents: Policy documents by purpose. The purposes are part of logical names: kebab-case, and kept.
    """

    service_account: str
    policy: str | None = None
    documents: Mapping[str, identity.Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.policy is None and not self.documents:
            raise ValueError(f"{self.service_account} is to get a role without a right; name a policy or a document")


@dataclass(frozen=True, kw_only=True, slots=True)
class AddonSpec:
    """One add-on: exact version, configuration as JSON text, identity."""

    version: str
    configuration: pulumi.Input[str] | None = None
    identity: AddonIdentity | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AddonsArgs:
    """What a group of add-ons needs to know.

    Attributes:
        cluster_name: Physical name, for ARNs.
        ready_cluster_name: The same name as an output of what must exist before the add-ons.
        addons: Specification by the add-on's name.
    """

    cluster_name: str
    ready_cluster_name: pulumi.Input[str]
    addons: Mapping[str, AddonSpec]
    place: Place


class Addons(pulumi.ComponentResource):
    """A group of EKS add-ons that come at the same point of the order.

    Attributes:
        cluster_name: Known once every add-on of the group is active; take it as input to come after them.
    """

    cluster_name: pulumi.Output[str]

    def __init__(self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:eks:Addons", name, None, opts)
        addons = [self._create_addon(name, addon, spec, args) for addon, spec in args.addons.items()]
        self.cluster_name = pulumi.Output.all(*(addon.cluster_name for addon in addons)).apply(
            lambda _: args.cluster_name
        )
        self.register_outputs({"cluster_name": self.cluster_name})

    def _create_addon(self, name: str, addon: str, spec: AddonSpec, args: AddonsArgs) -> Addon:
        associations: list[AddonPodIdentityAssociationArgsDict] | None = None
        if spec.identity is not None:
            role_arn = self._create_role(f"{name}-{addon}", spec.identity, args)
            associations = [{"role_arn": role_arn, "service_account": spec.identity.service_account}]
        return Addon(
            f"{name}-{addon}",
            cluster_name=args.ready_cluster_name,
            addon_name=addon,
            addon_version=spec.version,
            configuration_values=spec.configuration,
            pod_identity_associations=associations,
            # On create nobody else has configured the add-on; later what was set by hand must not be lost silently.
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="PRESERVE",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_role(self, name: str, wanted: AddonIdentity, args: AddonsArgs) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        trust = identity.pod_identity_trust(
            account_id=args.place.account_id,
            cluster=identity.cluster_arn(**args.place.where, cluster_name=args.cluster_name),
            namespace="kube-system",
            service_account=wanted.service_account,
        )
        role = Role(
            name,
            assume_role_policy=json.dumps(trust),
            permissions_boundary=args.place.permissions_boundary,
            opts=child,
        )
        attachments = [
            RolePolicyAttachment(logical, role=role.name, policy_arn=policy_arn, opts=child)
            for logical, policy_arn in self._create_policies(name, wanted, args.place).items()
        ]
        # The add-on's pods must not start with a role that has no rights yet.
        ready = pulumi.Output.all(role.arn, *(attachment.policy_arn for attachment in attachments))
        return ready.apply(lambda values: str(values[0]))

    def _create_policies(self, name: str, wanted: AddonIdentity, place: Place) -> dict[str, pulumi.Input[str]]:
        """Return the policies to attach by the attachment's logical name."""
        policies: dict[str, pulumi.Input[str]] = {}
        if wanted.policy is not None:
            policies[name] = identity.managed_policy_arn(place.partition, wanted.policy)
        for purpose, document in wanted.documents.items():
            policy = Policy(
                f"{name}-{purpose}",
                policy=json.dumps(document, separators=(",", ":")),
                opts=pulumi.ResourceOptions(parent=self),
            )
            policies[f"{name}-{purpose}"] = policy.arn
        return policies

"""Who the machines are: a role for control planes, and one for all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws.iam import InstanceProfile, Role, RolePolicy, RolePolicyAttachment

from components.identity.policies.scope import Document, Scope
from components.identity.policy import NODE_POLICIES, managed_policy_arn, node_trust
from components.place import Place
from components.self_managed import policy
from components.self_managed.names import plan_names


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineRolesArgs:
    """What the roles may reach.

    Attributes:
        control_plane_key_arn: Encrypts the control planes' secrets.
        join_key_arn: Encrypts the join token.
        backups_bucket: Name of the bucket of etcd's snapshots. Its key has to be a bucket key.
        logs_bucket: Name of the bucket of audit logs.
    """

    cluster_name: str
    control_plane_key_arn: pulumi.Input[str]
    join_key_arn: pulumi.Input[str]
    backups_bucket: str
    logs_bucket: str
    place: Place


class MachineRoles(pulumi.ComponentResource):
    """Two roles with instance profiles of the same names.

    Pods that use the host's network reach their machine's role, so that no role has a right for pods but the one that
    the cloud controller manager uses on control planes.

    Attributes:
        control_plane_profile: Name of the instance profile, known once its role may do everything.
        worker_profile: Of all other machines, likewise.
        control_plane_role_arn: As planned, so known before the role exists.
        worker_role_arn: Likewise.
        ready: What has to stand before a machine starts.
    """

    control_plane_profile: pulumi.Output[str]
    worker_profile: pulumi.Output[str]
    control_plane_role_arn: str
    worker_role_arn: str
    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: MachineRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register roles, their policies and profiles."""
        super().__init__("platform:self_managed:MachineRoles", name, None, opts)
        self._name = name
        self._args = args
        self._scope = Scope(cluster_name=args.cluster_name, **args.place.where)
        names = plan_names(args.cluster_name)
        keys = pulumi.Output.all(args.control_plane_key_arn, args.join_key_arn)
        control_plane = self._create(
            "control-plane",
            names.control_plane_role,
            keys.apply(lambda arns: policy.control_plane_secrets(self._scope, key_arn=arns[0], join_key_arn=arns[1])),
            policy.control_plane_documents(
                self._scope, backups_bucket=args.backups_bucket, logs_bucket=args.logs_bucket
            ),
        )
        worker = self._create(
            "worker",
            names.worker_role,
            keys.apply(lambda arns: policy.worker_secrets(self._scope, join_key_arn=arns[1])),
            policy.worker_documents(),
        )
        self.control_plane_profile = control_plane.name
        self.worker_profile = worker.name
        self.control_plane_role_arn = policy.role_arn(self._scope, names.control_plane_role)
        self.worker_role_arn = policy.role_arn(self._scope, names.worker_role)
        self.ready = [control_plane, worker]
        shown = ("control_plane_profile", "worker_profile", "control_plane_role_arn", "worker_role_arn")
        self.register_outputs({output: getattr(self, output) for output in shown})

    def _create(
        self, purpose: str, role_name: str, secrets: pulumi.Output[Document], documents: Mapping[str, Document]
    ) -> InstanceProfile:
        """Register a role with its policies, and the profile by which instances take it."""
        place = self._args.place
        child = pulumi.ResourceOptions(parent=self)
        name = f"{self._name}-{purpose}"
        role = Role(
            name,
            name=role_name,
            description=f"{purpose} machines of {self._args.cluster_name}",
            assume_role_policy=policy.render(node_trust(place.partition)),
            permissions_boundary=place.permissions_boundary,
            tags=dict(place.tags),
            opts=child,
        )
        rights: list[pulumi.Resource] = [
            RolePolicy(f"{name}-secrets", role=role.name, policy=secrets.apply(policy.render), opts=child),
            *(
                RolePolicy(f"{name}-{key}", role=role.name, policy=policy.render(text), opts=child)
                for key, text in documents.items()
            ),
            RolePolicyAttachment(
                f"{name}-images",
                role=role.name,
                policy_arn=managed_policy_arn(place.partition, NODE_POLICIES["images"]),
                opts=child,
            ),
        ]
        return InstanceProfile(
            name,
            name=role_name,
            role=role.name,
            tags=dict(place.tags),
            # A machine asks for its secrets in its first minute.
            opts=pulumi.ResourceOptions(parent=self, depends_on=rights),
        )

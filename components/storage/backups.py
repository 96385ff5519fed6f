"""Daily backups by AWS Backup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
from pulumi_aws.backup import (
    Plan,
    PlanRuleArgs,
    PlanRuleLifecycleArgs,
    Selection,
    SelectionConditionArgs,
    SelectionConditionStringEqualArgs,
    Vault,
    VaultPolicy,
)
from pulumi_aws.iam import Role, RolePolicy

from components.place import Place
from components.storage import documents
from components.storage.names import plan_names
from components.storage.policy import VOLUME_TAG, render

# UTC; a day has the same hour everywhere then, and no hour twice.
SCHEDULE: Final = "cron(0 17 * * ? *)"
_START_MINUTES: Final = 60
_COMPLETION_MINUTES: Final = 24 * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupsArgs:
    """What the backups need to know.

    Attributes:
        cluster_name: Names the vault and the plan, and tells the cluster's volumes from others.
        retention_days: Age at which a backup goes.
        arns: What is backed up beside the cluster's volumes, by a name that stays.
        key_arn: Encrypts what AWS Backup itself stores. A volume's snapshot keeps the volume's key.
        keep: Whether a destroy leaves the vault behind, with its policy and the backups in it.
        protect: Whether Pulumi refuses to delete the vault.
    """

    cluster_name: str
    retention_days: int
    arns: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    key_arn: pulumi.Input[str]
    keep: bool = False
    protect: bool = False
    place: Place


class Backups(pulumi.ComponentResource):
    """A vault that a plan fills every day with the cluster's volumes and what else is named.

    Restoring is left to a role that is made for it (docs/runbooks/restore.md): it may make volumes and file systems,
    which nobody should be able to at all times.

    Attributes:
        vault_name: Where the recovery points are.
    """

    vault_name: pulumi.Output[str]

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register vault, plan and role."""
        super().__init__("platform:storage:Backups", name, None, opts)
        self._name = name
        self._args = args
        self._names = plan_names(args.cluster_name)
        role, permission = self._create_role()
        vault = self._create_vault(permission)
        plan = self._create_plan(vault)
        self._select(plan, role, permission)
        self.vault_name = vault.name
        self.register_outputs({"vault_name": self.vault_name})

    def _create_vault(self, permission: RolePolicy) -> Vault:
        """Create the vault. On destroy its policy goes first, so that it does not stand in the vault's own way.

        The role that made the backups goes last: AWS Backup deletes them with it, and one that it cannot delete stays
        as EXPIRED and holds the vault (https://docs.aws.amazon.com/aws-backup/latest/devguide/deleting-backups.html).
        """
        args = self._args
        kept = args.keep or None
        vault = Vault(
            self._name,
            name=self._names.vault,
            kms_key_arn=args.key_arn,
            force_destroy=not args.keep,
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[permission], protect=args.protect or None, retain_on_delete=kept
            ),
        )
        VaultPolicy(
            self._name,
            backup_vault_name=vault.name,
            policy=render(documents.vault_policy()),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=kept),
        )
        return vault

    def _create_plan(self, vault: Vault) -> Plan:
        args = self._args
        return Plan(
            self._name,
            name=self._names.vault,
            rules=[
                PlanRuleArgs(
                    rule_name="daily",
                    target_vault_name=vault.name,
                    schedule=SCHEDULE,
                    start_window=_START_MINUTES,
                    completion_window=_COMPLETION_MINUTES,
                    lifecycle=PlanRuleLifecycleArgs(delete_after=args.retention_days),
                    recovery_point_tags=dict(args.place.tags),
                )
            ],
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_role(self) -> tuple[Role, RolePolicy]:
        args = self._args
        child = pulumi.ResourceOptions(parent=self)
        role = Role(
            self._name,
            name=self._names.backup_role,
            description=f"Backs up what {args.cluster_name} stores",
            assume_role_policy=render(documents.backup_trust(account_id=args.place.account_id)),
            permissions_boundary=args.place.permissions_boundary,
            tags=dict(args.place.tags),
            opts=child,
        )
        permission = RolePolicy(
            self._name,
            role=role.name,
            policy=render(documents.backup(self._names.vault, **args.place.where)),
            opts=child,
        )
        return role, permission

    def _select(self, plan: Plan, role: Role, permission: RolePolicy) -> None:
        """Take the cluster's volumes by their tag, and what else there is by its ARN."""
        place = self._args.place
        # AWS changes no selection, and a plan has no two of one name.
        alone = pulumi.ResourceOptions(parent=self, depends_on=[permission], delete_before_replace=True)
        by_name = SelectionConditionStringEqualArgs(key=f"aws:ResourceTag/{VOLUME_TAG}", value=self._args.cluster_name)
        Selection(
            f"{self._name}-volumes",
            name="volumes",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[f"arn:{place.partition}:ec2:{place.region}:{place.account_id}:volume/*"],
            conditions=[SelectionConditionArgs(string_equals=[by_name])],
            opts=alone,
        )
        for resource, arn in self._args.arns.items():
            Selection(
                f"{self._name}-{resource}",
                name=resource,
                plan_id=plan.id,
                iam_role_arn=role.arn,
                resources=[arn],
                opts=alone,
            )

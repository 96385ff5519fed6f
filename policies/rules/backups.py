"""Backups: control D8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import statements, trusted

# Five weeks: what was lost early in a month is still there when the month's accounts are made.
_DAYS: Final = 35
# The EBS CSI driver tags every volume with it
# (https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/options.md, k8s-tag-cluster-id).
_VOLUME_TAG: Final = "ebs.csi.aws.com/cluster-name"
_UNDELETED: Final = frozenset({"backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"})


@rule("D8", types=[tokens.VAULT], whole=True)
def vault_keeps_backups(vault: Resource, stack: Stack) -> Iterator[Fault]:
    """A vault is encrypted by a key of this program, and its policy lets nobody delete or shorten a backup."""
    if not stack.source(vault, "kmsKeyArn", tokens.KEY):
        yield Fault("kmsKeyArn", "is no key of this program", "pass the key's ARN")
    policies = stack.users(vault, "backupVaultName", tokens.VAULT_POLICY)
    refused = {
        action
        for policy in policies
        for s in statements(policy, "policy")
        if not s.allow and not s.conditions and any("*" in names for names in s.principals.values())
        for action in s.actions
    }
    if missing := sorted(_UNDELETED - refused):
        yield Fault("policy", f"lets somebody {', '.join(missing)}", "deny it to everybody in a VaultPolicy")


@rule("D8", types=[tokens.BACKUP_PLAN], whole=True)
def plan_runs_and_ends(plan: Resource, stack: Stack) -> Iterator[Fault]:
    """A plan runs by a schedule, into a vault of this program, and its backups stay for five weeks in production."""
    least = _DAYS if stack.options.production else 1
    for index in range(len(plan.items("rules"))):
        if not plan.get(f"rules.{index}.schedule"):
            yield Fault(f"rules.{index}.schedule", "is missing", "say when it runs")
        days = plan.get(f"rules.{index}.lifecycle.deleteAfter")
        if not days or days < least:
            yield Fault(f"rules.{index}.lifecycle.deleteAfter", f"is {days or 'for ever'}", f"set {least} or more")
        if not plan.get(f"rules.{index}.targetVaultName") or not stack.source(plan, "rules", tokens.VAULT):
            yield Fault(f"rules.{index}.targetVaultName", "is no vault of this program", "pass the vault's name")
    if not plan.items("rules"):
        yield Fault("rules", "there is none", "add one")
    if not stack.users(plan, "planId", tokens.BACKUP_SELECTION):
        yield Fault("selection", "there is none, so that nothing is backed up", "add one")


@rule("D8", types=[tokens.BACKUP_SELECTION], whole=True)
def selection_is_named_and_has_a_role(selection: Resource, stack: Stack) -> Iterator[Fault]:
    """A selection is of a plan of this program, says what it takes, and its role is AWS Backup's alone."""
    if not stack.source(selection, "planId", tokens.BACKUP_PLAN):
        yield Fault("planId", "is no plan of this program", "pass the plan's id")
    if not selection.items("resources") or "*" in selection.items("resources"):
        yield Fault("resources", "is everything of the account", "name what is to be backed up")
    roles = stack.source(selection, "iamRoleArn", tokens.ROLE)
    if not roles:
        yield Fault("iamRoleArn", "is no role of this program", "pass one made for it")
    for role in roles:
        names = {name for s in trusted(role) for names in s.principals.values() for name in names}
        if names != {"backup.amazonaws.com"}:
            yield Fault("iamRoleArn", f"{role.name} is not AWS Backup's alone", "trust backup.amazonaws.com only")
        held = [p for t in (tokens.ROLE_POLICY, tokens.ATTACHMENT) for p in stack.users(role, "role", t)]
        if not held:
            yield Fault("iamRoleArn", f"{role.name} may back nothing up", "give it a policy")


@rule("D8", types=[tokens.FILE_SYSTEM, tokens.DATABASE, tokens.DATABASE_CLUSTER, tokens.TABLE], whole=True)
def what_holds_data_is_backed_up(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """File systems, databases and tables are in the backup plan by their ARN."""
    if not stack.users(resource, "resources", tokens.BACKUP_SELECTION):
        yield Fault("backup", "no selection of the plan names it", "add one with its ARN")


@rule("D8", types=[tokens.CLUSTER, tokens.VPC], whole=True)
def volumes_are_backed_up(resource: Resource, stack: Stack) -> Iterator[Fault]:
    """The volumes that the cluster's EBS driver makes are in the backup plan by the tag that it gives them."""
    if resource.type == tokens.VPC:
        # Machines of a self-managed cluster, whose driver attaches volumes to what has its tag.
        clusters = {machine.tags[_VOLUME_TAG] for machine in stack.of(tokens.INSTANCE) if _VOLUME_TAG in machine.tags}
    elif "aws-ebs-csi-driver" in {addon.get("addonName") for addon in stack.of(tokens.ADDON)}:
        clusters = {str(resource.get("name"))}
    else:
        return
    for cluster in sorted(clusters):
        if not any(_takes_volumes(s, cluster) for s in stack.of(tokens.BACKUP_SELECTION)):
            yield Fault("backup", f"no selection takes the volumes of {cluster}", f"select by the tag {_VOLUME_TAG}")


def _takes_volumes(selection: Resource, cluster: str) -> bool:
    volumes = any(str(arn).endswith(":volume/*") for arn in selection.items("resources"))
    paths = [
        f"conditions.{index}.stringEquals.{inner}"
        for index in range(len(selection.items("conditions")))
        for inner in range(len(selection.items(f"conditions.{index}.stringEquals")))
    ]
    tags = {(selection.get(f"{path}.key"), selection.get(f"{path}.value")) for path in paths}
    return volumes and (f"aws:ResourceTag/{_VOLUME_TAG}", cluster) in tags

"""Backups, control by control (D8), each with mutations that the control catches."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from components.eks import documents as eks
from components.storage import documents
from components.storage.names import plan_names
from components.storage.plan import RECOVERY
from ops.stateful import STATEFUL
from tests.captures import Capture
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT, CaptureProgram
from tests.iam import Call, Target, allowed
from tests.storage import (
    ALIAS,
    BOUNDARY,
    BUCKET,
    ENCRYPTION,
    FILES,
    KEY,
    MOUNT,
    PLAN,
    REGION,
    REPOSITORY,
    ROLE,
    ROLE_POLICY,
    SELECTION,
    TAGS,
    VAULT,
    VAULT_POLICY,
    VERSIONING,
    Build,
    statements,
    storage_of,
    without_a_way_back,
)

NAME = "storage-vault"


@pytest.fixture(scope="module")
def storage(capture: CaptureProgram) -> Build:
    return storage_of(capture)


def volumes_left_out(captured: Capture) -> list[str]:
    """The cluster's volumes are taken by the tag that its EBS driver sets, and no other cluster's."""
    selection = captured.one(SELECTION, f"{NAME}-volumes")
    equal = [{"key": "aws:ResourceTag/ebs.csi.aws.com/cluster-name", "value": "demo"}]
    volumes = [f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/*"]
    exact = selection.inputs.get("conditions") == [{"stringEquals": equal}] and selection.inputs["resources"] == volumes
    return [] if exact and selection.source("planId") == captured.one(PLAN, NAME).urn else [selection.urn]


def lost_backups(captured: Capture) -> list[str]:
    """Backups lie in the vault, under the data key, for the days asked for, and begin within an hour of their time."""
    vault, plan = captured.one(VAULT, NAME), captured.one(PLAN, NAME)
    (rule,) = plan.inputs["rules"]
    wanted = {"targetVaultName": "demo", "lifecycle": {"deleteAfter": 35}, "startWindow": 60, "completionWindow": 1440}
    encrypted = vault.property_dependencies["kmsKeyArn"] == (captured.one(KEY, "storage-data").urn,)
    planned = wanted.items() <= rule.items() and vault.urn in plan.property_dependencies["rules"]
    return ([] if encrypted else [vault.urn]) + ([] if planned else [plan.urn])


def deletable_backups(captured: Capture) -> list[str]:
    """Whoever may do everything by IAM may not delete a backup or shorten its time, but may still read one."""
    policy = captured.one(VAULT_POLICY, NAME)
    everything = {"Effect": "Allow", "Principal": "*", "Action": "backup:*", "Resource": "*"}
    point = Target(arn=f"arn:aws:backup:{REGION}:{ACCOUNT}:recovery-point:1")
    through = {
        verb: allowed(
            [*statements(policy), everything], Call(action=f"backup:{verb}", targets=[point], principal="AWS:x")
        )
        for verb in ("DeleteRecoveryPoint", "UpdateRecoveryPointLifecycle", "DescribeRecoveryPoint")
    }
    wanted = {"DeleteRecoveryPoint": False, "UpdateRecoveryPointLifecycle": False, "DescribeRecoveryPoint": True}
    in_place = policy.source("backupVaultName") == captured.one(VAULT, NAME).urn
    return [] if through == wanted and in_place else [policy.urn]


def loose_backup_role(captured: Capture) -> list[str]:
    """AWS Backup alone takes the role, for this account; it is bounded, and has its rights before it works."""
    role = captured.one(ROLE, NAME)
    (trust,) = statements(role, "assumeRolePolicy")
    guarded = trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    ours = trust["Principal"] == {"Service": "backup.amazonaws.com"} and guarded
    bounded = role.inputs.get("permissionsBoundary") == BOUNDARY and role.inputs.get("name") == "demo-backup"
    permission = captured.one(ROLE_POLICY, NAME).urn
    early = [r.urn for r in captured.of_type(SELECTION) if permission not in r.dependencies]
    return ([] if ours and bounded else [role.urn]) + early


def _trusting(captured: Capture) -> Capture:
    trust = statements(captured.one(ROLE, NAME), "assumeRolePolicy")
    del trust[0]["Condition"]
    trust[0]["Condition"] = {}
    return captured.changed(ROLE, NAME, {"assumeRolePolicy": json.dumps({"Statement": trust})})


def _rule(**changes: object) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        (rule,) = captured.one(PLAN, NAME).inputs["rules"]
        return captured.changed(PLAN, NAME, {"rules": [{**rule, **changes}]})

    return mutate


def _table(captured: Capture) -> Capture:
    """Somebody registers a table and leaves the plan as it is."""
    table = replace(captured.one(FILES, "storage-files"), type="aws:dynamodb/table:Table", urn="urn:table")
    return replace(captured, resources=[*captured.resources, table])


FILES_SELECTION = f"{NAME}-file-system"
MUTATIONS: list[tuple[Control, Mutation]] = [
    (without_a_way_back, without(SELECTION, FILES_SELECTION)),
    (without_a_way_back, changed(SELECTION, FILES_SELECTION, property_dependencies={"resources": (), "planId": ()})),
    (without_a_way_back, without(PLAN, NAME)),
    (without_a_way_back, _rule(schedule="cron(0 17 ? * SUN *)")),
    (without_a_way_back, _rule(lifecycle={"deleteAfter": 1})),
    (without_a_way_back, without(VERSIONING, "storage-backups")),
    (without_a_way_back, changed(VERSIONING, "storage-logs", {"versioningConfiguration": {"status": "Suspended"}})),
    (without_a_way_back, changed(KEY, "storage-data", {"deletionWindowInDays": 7})),
    (without_a_way_back, _table),
    (volumes_left_out, changed(SELECTION, f"{NAME}-volumes", {"conditions": None})),
    (volumes_left_out, changed(SELECTION, f"{NAME}-volumes", {"resources": ["*"]})),
    (lost_backups, changed(VAULT, NAME, property_dependencies={"kmsKeyArn": ()})),
    (lost_backups, _rule(startWindow=480)),
    (lost_backups, _rule(lifecycle={"deleteAfter": 7})),
    (deletable_backups, changed(VAULT_POLICY, NAME, {"policy": json.dumps({"Statement": []})})),
    (loose_backup_role, _trusting),
    (loose_backup_role, changed(ROLE, NAME, {"permissionsBoundary": None})),
    (loose_backup_role, changed(SELECTION, FILES_SELECTION, dependencies=())),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS)
def test_control_holds(storage: Build, control: Control) -> None:
    """The backups break no control."""
    assert control(storage()) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS)
def test_control_catches_its_mutation(storage: Build, control: Control, mutation: Mutation) -> None:
    """Each control reports backups of which one thing was changed."""
    assert control(mutation(storage())) != []


@pytest.mark.parametrize("keep", [True, False])
def test_a_kept_vault_keeps_its_backups(storage: Build, keep: bool) -> None:
    """A destroy leaves the vault and its policy, and takes plan, selections and role away."""
    captured = storage(keep_data=keep)
    kept = {r.type for r in captured.resources if r.retain_on_delete and r.type.startswith(("aws:backup/", "aws:iam/"))}
    assert kept == ({VAULT, VAULT_POLICY} if keep else set())
    assert captured.one(VAULT, NAME).inputs["forceDestroy"] is not keep


def test_the_vaults_policy_goes_before_the_vault(storage: Build) -> None:
    """On destroy the policy, which forbids deleting backups, does not stand in the way of a vault that is not kept."""
    captured = storage(keep_data=False)
    assert captured.one(VAULT, NAME).urn in captured.needs(captured.one(VAULT_POLICY, NAME))


def test_the_role_outlives_the_vault(storage: Build) -> None:
    """On destroy the backups are deleted while the role is there that AWS Backup deletes them with."""
    captured = storage(keep_data=False)
    role, permission = captured.one(ROLE, NAME), captured.one(ROLE_POLICY, NAME)
    assert {role.urn, permission.urn} <= captured.needs(captured.one(VAULT, NAME))


def test_volumes_are_backed_up_without_a_file_system(storage: Build) -> None:
    """The plan takes volumes whether there is a file system or not."""
    captured = storage(file_system=False)
    assert [r.name for r in captured.of_type(SELECTION)] == [f"{NAME}-volumes"]
    assert without_a_way_back(captured) == []


def test_what_is_stateful_has_a_way_back() -> None:
    """Every type that the operators' guard takes for stateful has its row, and each row says how or why not."""
    assert set(STATEFUL) - set(RECOVERY) == set()
    assert [type_ for type_, row in RECOVERY.items() if not row.how.endswith(".")] == []


@pytest.mark.parametrize("length", [1, 50, 51, 64, 100])
def test_names_fit(length: int) -> None:
    """Whatever the cluster's name, AWS takes what is named after it, and long names stay apart."""
    names, others = plan_names("n" * length), plan_names("n" * (length - 1) + "m")
    assert 2 <= len(names.vault) <= 50
    assert len(names.creation_token) <= 64
    assert max(len(names.backup_role), len(names.push_role)) <= 64
    for field in ("vault", "creation_token", "backup_role", "push_role", "key_alias"):
        assert getattr(names, field) != getattr(others, field), field


def test_key_takes_further_statements(storage: Build) -> None:
    """A service that uses the data key without a grant is named in the key's policy."""
    statement = {"Sid": "AllowX", "Principal": {"Service": "cloudfront.amazonaws.com"}}
    found = statements(storage(key_statements=[statement]).one(KEY, "storage-data"))
    assert [s["Sid"] for s in found] == ["AllowAccountAdministration", "AllowX"]


def test_backup_restores_nothing() -> None:
    """The role that backs up cannot make a volume, a file system or an instance."""
    document = documents.backup("demo", region=REGION, partition="aws", account_id=ACCOUNT)
    actions = [action for statement in document["Statement"] for action in statement["Action"]]
    assert [a for a in actions if re.search(r":(Restore|Run|PassRole|CreateVolume|CreateFile)", a)] == []


def test_tags_are_the_places(storage: Build) -> None:
    """Whatever can carry tags carries the place's, recovery points too."""
    captured = storage()
    tagged = [r for r in captured.resources if "tags" in r.inputs]
    assert {BUCKET, FILES, VAULT, PLAN, ROLE, KEY} <= {r.type for r in tagged}
    assert [r.urn for r in tagged if not TAGS.items() <= r.inputs["tags"].items()] == []
    assert captured.one(PLAN, NAME).inputs["rules"][0]["recoveryPointTags"] == TAGS


def test_volumes_get_the_tags_of_the_bill() -> None:
    """Given tags, the EBS driver puts them on every volume; without, its configuration is as before."""
    assert json.loads(eks.ebs_csi_configuration(TAGS))["controller"]["extraVolumeTags"] == TAGS
    assert "extraVolumeTags" not in json.loads(eks.ebs_csi_configuration())["controller"]


def test_what_has_one_place_leaves_it_first(storage: Build) -> None:
    """What holds nothing, and of which AWS takes no second one, goes before its successor comes (control T7)."""
    captured = storage()
    early = {r.type for r in captured.resources if r.delete_before_replace}
    assert early == {MOUNT, SELECTION}
    assert [r.urn for r in captured.resources if r.type in early and not r.delete_before_replace] == []


def test_what_holds_something_is_never_deleted_to_be_replaced(storage: Build) -> None:
    """A stateful resource with a name of its own stays when its successor cannot be made: the `up` fails instead."""
    kept = [r for r in storage().resources if r.type in RECOVERY]
    assert len(kept) >= 7
    assert [r.urn for r in kept if r.delete_before_replace] == []


def test_a_preview_shows_the_same_resources(storage: Build) -> None:
    """Nothing waits for a value that only AWS knows: a preview has every resource."""
    assert storage(preview=True).urns == storage().urns


def test_every_component_shows_its_outputs(storage: Build) -> None:
    """Each component says what it made, once, and each child lies under one."""
    captured = storage()
    components = {r.urn for r in captured.resources if not r.custom}
    assert set(captured.outputs) == components
    assert [r.urn for r in captured.resources if r.custom and r.parent not in components] == []


def test_data_key_encrypts_all_but_logs(storage: Build) -> None:
    """One key, under an alias that a later stack finds it by, encrypts bucket, files, images and backups."""
    captured = storage()
    (key,) = captured.of_type(KEY)
    users = {r.type for r in captured.resources for urns in r.property_dependencies.values() if key.urn in urns}
    assert users == {ALIAS, ENCRYPTION, FILES, REPOSITORY, VAULT}
    assert [r.inputs["name"] for r in captured.of_type(ALIAS)] == ["alias/demo-data"]

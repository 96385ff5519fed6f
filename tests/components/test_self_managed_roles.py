"""The machines' roles as registered; what they may do is judged in tests/iam/test_self_managed_roles.py."""

from __future__ import annotations

import json
from typing import Final

import pytest

from components.self_managed.roles import MachineRoles, MachineRolesArgs
from tests.captures import UNKNOWN, Capture
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT, CaptureProgram
from tests.storage import BOUNDARY, PLACE, ROLE, ROLE_POLICY, TAGS

COMPONENT: Final = "platform:self_managed:MachineRoles"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROFILE: Final = "aws:iam/instanceProfile:InstanceProfile"
KEYS: Final = tuple(f"arn:aws:kms:ap-northeast-2:{ACCOUNT}:key/{name}" for name in ("control-plane", "join"))
PURPOSES: Final = {
    "roles-control-plane": {"secrets", "cloud-controller", "snapshots", "audit", "metrics", "sessions"},
    "roles-worker": {"secrets", "sessions"},
}
NAMES: Final = {"roles-control-plane": "demo-control-plane", "roles-worker": "demo-worker"}


def register(cluster: str = "demo") -> MachineRoles:
    args = MachineRolesArgs(
        cluster_name=cluster,
        control_plane_key_arn=KEYS[0],
        join_key_arn=KEYS[1],
        backups_bucket="demo-backups",
        logs_bucket="demo-logs",
        place=PLACE,
    )
    return MachineRoles("roles", args)


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(register)


def foreign_trust(captured: Capture) -> list[str]:
    """A machine's role is EC2's to hand out, and nobody else's."""
    wanted = [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    roles = captured.of_type(ROLE)
    return [r.name for r in roles if json.loads(r.inputs["assumeRolePolicy"])["Statement"] != wanted]


def wrong_rights(captured: Capture) -> list[str]:
    """Each role has the policies of its purposes and, of AWS's, the one to pull images."""
    wrong = sorted({r.name for r in captured.of_type(ROLE)} ^ PURPOSES.keys())
    for role in captured.of_type(ROLE):
        own = {r.name for r in captured.of_type(ROLE_POLICY) if r.source("role") == role.urn}
        given = [r.inputs["policyArn"] for r in captured.of_type(ATTACHMENT) if r.source("role") == role.urn]
        right = own == {f"{role.name}-{purpose}" for purpose in PURPOSES[role.name]}
        images = ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"]
        wrong += [] if right and given == images else [role.name]
    return wrong


def early_profiles(captured: Capture) -> list[str]:
    """An instance cannot take its role before the role may do everything."""
    wrong = []
    for profile in captured.of_type(PROFILE):
        role = captured.one(ROLE, profile.name)
        kinds = (ROLE_POLICY, ATTACHMENT)
        rights = {r.urn for kind in kinds for r in captured.of_type(kind) if r.source("role") == role.urn}
        right = profile.source("role") == role.urn and rights <= captured.needs(profile)
        wrong += [] if right and profile.inputs["name"] == role.inputs["name"] else [profile.name]
    return wrong if len(captured.of_type(PROFILE)) == 2 else [*wrong, "profiles"]


def wrong_names(captured: Capture) -> list[str]:
    """Key policies and people know the roles by their names."""
    return [r.name for r in captured.of_type(ROLE) if r.inputs.get("name") != NAMES.get(r.name)]


def unbounded(captured: Capture) -> list[str]:
    """The permissions boundary reaches every role, and tags whatever can carry them."""
    wrong = [r.urn for r in captured.of_type(ROLE) if r.inputs.get("permissionsBoundary") != BOUNDARY]
    return wrong + [r.urn for kind in (ROLE, PROFILE) for r in captured.of_type(kind) if r.inputs.get("tags") != TAGS]


def strays(captured: Capture) -> list[str]:
    """Everything hangs under the component and nothing is kept or ignored by its own wish."""
    (component,) = captured.of_type(COMPONENT)
    own = [r for r in captured.resources if r.custom]
    return [r.urn for r in own if r.parent != component.urn or r.protect or r.retain_on_delete or r.ignore_changes]


_ROLE: Final = "roles-worker"
MUTATIONS: list[tuple[Control, Mutation]] = [
    (foreign_trust, changed(ROLE, _ROLE, {"assumeRolePolicy": '{"Statement": []}'})),
    (wrong_rights, without(ROLE_POLICY, "roles-worker-secrets")),
    (wrong_rights, without(ATTACHMENT, "roles-worker-images")),
    (wrong_rights, changed(ATTACHMENT, "roles-worker-images", {"policyArn": "arn:aws:iam::aws:policy/Admin"})),
    (early_profiles, changed(PROFILE, _ROLE, dependencies=())),
    (early_profiles, without(PROFILE, _ROLE)),
    (early_profiles, changed(PROFILE, _ROLE, {"name": "other"})),
    (wrong_names, changed(ROLE, _ROLE, {"name": "demo-control-plane"})),
    (unbounded, changed(ROLE, _ROLE, {"permissionsBoundary": None})),
    (unbounded, changed(PROFILE, _ROLE, {"tags": {}})),
    (strays, changed(ROLE, _ROLE, parent="")),
    (strays, changed(ROLE, _ROLE, protect=True)),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """The roles break no control."""
    assert control(captured) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(captured: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(captured)) != []


def test_role_arns_are_known_as_text(capture: CaptureProgram) -> None:
    """Other policies name the roles before they exist, by the ARN that they will have."""
    made: list[MachineRoles] = []
    found = capture(lambda: made.append(register()))
    arns = {r.name: f"arn:aws:iam::{ACCOUNT}:role/{r.inputs['name']}" for r in found.of_type(ROLE)}
    assert arns == {"roles-control-plane": made[0].control_plane_role_arn, "roles-worker": made[0].worker_role_arn}


def test_a_preview_shows_all_rights(capture: CaptureProgram) -> None:
    """With the keys' ARNs known every document is; without them all but the one that names the keys."""
    previewed = capture(register, preview=True)
    assert all(json.loads(r.inputs["policy"])["Statement"] for r in previewed.of_type(ROLE_POLICY))
    assert UNKNOWN not in {r.inputs["policy"] for r in previewed.of_type(ROLE_POLICY)}


def test_long_names_stay_within_their_limits(capture: CaptureProgram) -> None:
    """The longest cluster name that EKS takes gives two different role names of at most 64 characters."""
    found = capture(lambda: register(cluster="c" * 100))
    names = [r.inputs["name"] for r in found.of_type(ROLE)]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 64

"""Repositories and the push role, control by control (D5), each with mutations that the control catches."""

from __future__ import annotations

import json

import pytest

from tests.captures import Capture
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT, CaptureProgram
from tests.storage import (
    BOUNDARY,
    EXAMPLE,
    IMAGE_LIFECYCLE,
    KEY,
    PUSHER,
    REGION,
    REPOSITORY,
    ROLE,
    ROLE_POLICY,
    TAGS,
    Build,
    statements,
    storage_of,
)

REPOSITORY_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
IMAGES = "storage-registry-bubblepool"
PUSH = "storage-registry-push"
ARNS = [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}" for name in EXAMPLE["repositories"]]


@pytest.fixture(scope="module")
def storage(capture: CaptureProgram) -> Build:
    return storage_of(capture)


def unsafe_repositories(captured: Capture) -> list[str]:
    """Tags never change, images are scanned when they come, the data key encrypts them, and tags say whose they are."""
    data = captured.one(KEY, "storage-data").urn
    return [
        r.urn
        for r in captured.of_type(REPOSITORY)
        if r.inputs.get("imageTagMutability") != "IMMUTABLE"
        or r.inputs.get("imageScanningConfiguration") != {"scanOnPush": True}
        or [one["encryptionType"] for one in r.inputs.get("encryptionConfigurations", [])] != ["KMS"]
        or r.property_dependencies["encryptionConfigurations"] != (data,)
        or r.inputs.get("tags") != TAGS
    ]


def endless_repositories(captured: Capture) -> list[str]:
    """Untagged images go after 14 days, and of tagged ones the last 100 stay."""
    limits = {}
    for policy in captured.of_type(IMAGE_LIFECYCLE):
        rules = [rule["selection"] for rule in json.loads(policy.inputs["policy"])["rules"]]
        by_age = {s["tagStatus"]: s["countNumber"] for s in rules if s["countType"] == "sinceImagePushed"}
        by_count = {s["tagStatus"]: s["countNumber"] for s in rules if s["countType"] == "imageCountMoreThan"}
        limits[policy.source("repository")] = (by_age, by_count)
    return [r.urn for r in captured.of_type(REPOSITORY) if limits.get(r.urn) != ({"untagged": 14}, {"tagged": 100})]


def public_repositories(captured: Capture) -> list[str]:
    """No repository has a policy of its own, which could let others in."""
    return [r.urn for r in captured.of_type(REPOSITORY_POLICY)]


def loose_push_role(captured: Capture) -> list[str]:
    """The named roles alone take the push role, which is bounded and adds images to the named repositories alone."""
    role = captured.one(ROLE, PUSH)
    (trust,) = statements(role, "assumeRolePolicy")
    login, push = statements(captured.one(ROLE_POLICY, PUSH))
    bounded = role.inputs.get("permissionsBoundary") == BOUNDARY and role.inputs.get("name") == "demo-image-push"
    trusted = (trust["Principal"], trust["Action"]) == ({"AWS": [PUSHER]}, "sts:AssumeRole")
    named = (login["Action"], login["Resource"]) == ("ecr:GetAuthorizationToken", "*") and push["Resource"] == ARNS
    adds = all(word not in action for action in push["Action"] for word in ("*", "Delete", "Policy", "Mutability"))
    return [] if bounded and trusted and named and adds else [role.urn]


def _policy(captured: Capture, type_: str, key: str, **changes: object) -> Capture:
    document = statements(captured.one(type_, PUSH), key)
    document[-1] |= changes
    return captured.changed(type_, PUSH, {key: json.dumps({"Statement": document})})


def _kept_for_ever(captured: Capture) -> Capture:
    policy = json.loads(captured.one(IMAGE_LIFECYCLE, IMAGES).inputs["policy"])
    return captured.changed(IMAGE_LIFECYCLE, IMAGES, {"policy": json.dumps({"rules": policy["rules"][:1]})})


MUTATIONS: list[tuple[Control, Mutation]] = [
    (unsafe_repositories, changed(REPOSITORY, IMAGES, {"imageTagMutability": None})),
    (unsafe_repositories, changed(REPOSITORY, IMAGES, {"imageScanningConfiguration": {"scanOnPush": False}})),
    (unsafe_repositories, changed(REPOSITORY, IMAGES, {"encryptionConfigurations": [{"encryptionType": "AES256"}]})),
    (unsafe_repositories, changed(REPOSITORY, IMAGES, property_dependencies={"encryptionConfigurations": ()})),
    (unsafe_repositories, changed(REPOSITORY, IMAGES, {"tags": {}})),
    (endless_repositories, without(IMAGE_LIFECYCLE, IMAGES)),
    (endless_repositories, _kept_for_ever),
    (public_repositories, changed(IMAGE_LIFECYCLE, IMAGES, type=REPOSITORY_POLICY)),
    (loose_push_role, changed(ROLE, PUSH, {"permissionsBoundary": None})),
    (loose_push_role, lambda c: _policy(c, ROLE, "assumeRolePolicy", Principal={"AWS": "*"})),
    (loose_push_role, lambda c: _policy(c, ROLE_POLICY, "policy", Resource="*")),
    (loose_push_role, lambda c: _policy(c, ROLE_POLICY, "policy", Action=["ecr:*"])),
    (loose_push_role, lambda c: _policy(c, ROLE_POLICY, "policy", Action=["ecr:BatchDeleteImage"])),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS)
def test_control_holds(storage: Build, control: Control) -> None:
    """The registry breaks no control."""
    assert control(storage()) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS)
def test_control_catches_its_mutation(storage: Build, control: Control, mutation: Mutation) -> None:
    """Each control reports a registry of which one thing was changed."""
    assert control(mutation(storage())) != []


@pytest.mark.parametrize("keep", [True, False])
def test_kept_repositories_keep_their_images(storage: Build, keep: bool) -> None:
    """A destroy leaves repositories and what they forget; else they go with their images."""
    captured = storage(keep_data=keep)
    registered = [*captured.of_type(REPOSITORY), *captured.of_type(IMAGE_LIFECYCLE)]
    assert {r.retain_on_delete for r in registered} == {keep}
    assert {r.inputs["forceDelete"] for r in captured.of_type(REPOSITORY)} == {not keep}
    assert {r.protect for r in captured.of_type(REPOSITORY)} == {True}
    assert not captured.one(ROLE, PUSH).retain_on_delete


def test_a_repository_less_moves_no_other(storage: Build) -> None:
    """Repositories are known by their names: taking the first away touches no other."""
    before = {r.urn: r.inputs for r in storage().of_type(REPOSITORY)}
    left = {r.urn: r.inputs for r in storage(repositories=EXAMPLE["repositories"][1:]).of_type(REPOSITORY)}
    assert left == {urn: before[urn] for urn in left}
    assert len(before) - len(left) == 1


@pytest.mark.parametrize("changes", [{"pushers": {}}, {"repositories": []}])
def test_nobody_pushes_without_pushers_or_repositories(storage: Build, changes: dict[str, object]) -> None:
    """Without anybody to take it, or anything to push to, there is no push role."""
    captured = storage(**changes)
    assert [r.name for r in captured.of_type(ROLE)] == ["storage-vault"]
    (outputs,) = (o for urn, o in captured.outputs.items() if urn.endswith("storage:Storage::storage"))
    assert outputs.get("push_role_arn") is None


def test_images_are_found_by_their_url(storage: Build) -> None:
    """Whoever deploys takes each repository's URL by the repository's name."""
    (outputs,) = (o for urn, o in storage().outputs.items() if urn.endswith("storage:Storage::storage"))
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    assert outputs["repository_urls"] == {name: f"{host}/{name}" for name in EXAMPLE["repositories"]}
    assert outputs["push_role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/demo-image-push"

"""Keys of data: who may use them, how long they can be had back, and what stays (control D6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.encryption.key import DataKey, DataKeyArgs
from components.encryption.policy import account_administers, key_policy
from tests.captures import Capture
from tests.components import Control, Mutation, changed
from tests.conftest import ACCOUNT, CaptureProgram
from tests.storage import ALIAS, KEY, PLACE, TAGS, statements

WHERE = {"partition": "aws", "account_id": ACCOUNT}
MAIL = {
    "Sid": "AllowMail",
    "Effect": "Allow",
    "Principal": {"Service": "ses.amazonaws.com"},
    "Action": "kms:Decrypt",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
}


def a_key(capture: CaptureProgram, **changes: Any) -> Capture:
    """Register a key for mail."""
    args = {"alias": "demo-mail", "description": "Encrypts mail", "statements": [MAIL], **changes}
    return capture(lambda: DataKey("mail", DataKeyArgs(**args, place=PLACE)))


def weak_keys(captured: Capture) -> list[str]:
    """A key rotates, can be had back for 30 days, has an alias and tags, and its policy names who uses it."""
    aliased = {urn for alias in captured.of_type(ALIAS) for urn in alias.property_dependencies["targetKeyId"]}
    return [
        key.urn
        for key in captured.of_type(KEY)
        if key.inputs.get("enableKeyRotation") is not True
        or key.inputs.get("deletionWindowInDays") != 30
        or key.inputs.get("tags") != TAGS
        or key.urn not in aliased
        or any("*" in json.dumps(s["Principal"]) for s in statements(key))
        or account_administers(**WHERE) not in statements(key)
    ]


MUTATIONS: list[tuple[Control, Mutation]] = [
    (weak_keys, changed(KEY, "mail", {"enableKeyRotation": None})),
    (weak_keys, changed(KEY, "mail", {"deletionWindowInDays": 7})),
    (weak_keys, changed(KEY, "mail", {"tags": {}})),
    (weak_keys, changed(KEY, "mail", {"policy": json.dumps({"Statement": [{**MAIL, "Principal": {"AWS": "*"}}]})})),
    (weak_keys, changed(KEY, "mail", {"policy": json.dumps({"Statement": [MAIL]})})),
    (weak_keys, changed(ALIAS, "mail", property_dependencies={"targetKeyId": ()})),
]


def test_key_is_strong(capture: CaptureProgram) -> None:
    """A key rotates, waits 30 days when deleted, and is the account's and the named services' alone."""
    captured = a_key(capture)
    assert weak_keys(captured) == []
    assert statements(captured.one(KEY, "mail"))[1:] == [MAIL]
    assert captured.one(ALIAS, "mail").inputs["name"] == "alias/demo-mail"


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS)
def test_control_catches_its_mutation(capture: CaptureProgram, control: Control, mutation: Mutation) -> None:
    """The control reports a key of which one thing was changed."""
    assert control(mutation(a_key(capture))) != []


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("protect", [True, False])
def test_key_is_kept_and_protected_as_asked(capture: CaptureProgram, keep: bool, protect: bool) -> None:
    """A kept key keeps the alias that it is found by; only the key itself is protected."""
    captured = a_key(capture, keep=keep, protect=protect)
    key, alias = captured.one(KEY, "mail"), captured.one(ALIAS, "mail")
    assert (key.retain_on_delete, alias.retain_on_delete) == (keep, keep)
    assert (key.protect, alias.protect) == (protect, False)


def test_key_shows_its_arn(capture: CaptureProgram) -> None:
    """Who encrypts with the key gets the key's ARN, not the alias's, and its id."""
    (outputs,) = a_key(capture).outputs.values()
    assert outputs["arn"] == f"arn:aws:kms:ap-northeast-2:{ACCOUNT}:key/{outputs['key_id']}"


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["arn:aws:iam::1:root", "*"]}, None])
def test_a_key_for_anybody_is_refused(principal: Any) -> None:
    """A statement that lets everybody use the key is an error, however it says so."""
    with pytest.raises(ValueError, match=r"^AllowMail: .*; name an account or service$"):
        key_policy([{**MAIL, "Principal": principal}], **WHERE)


def test_the_old_place_of_the_statement_is_gone() -> None:
    """Log groups' keys and the cluster's begin with the one statement, which is made in one place."""
    from components.eks.documents import secrets_key_policy
    from components.observability.policy import log_group_key

    first = account_administers(**WHERE)
    assert log_group_key("arn", region="ap-northeast-2", **WHERE)["Statement"][0] == first
    assert json.loads(secrets_key_policy(**WHERE))["Statement"] == [first]
    assert json.loads(key_policy([], **WHERE))["Statement"] == [first]

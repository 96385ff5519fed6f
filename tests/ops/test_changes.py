"""What a preview says is lost: from steps in the engine's own form."""

from __future__ import annotations

from typing import Any

import pytest

from ops.changes import Change, configuration, errors, losses, settings_changed

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}


def step(op: str, type_: str = "aws:ec2/vpc:Vpc", name: str = "vpc", **more: Any) -> dict[str, Any]:
    """Return a step of `pulumi preview --json`; `old` and `new` are inputs, `state` goes into the old state."""
    state = {"type": type_, "inputs": more.pop("old", {}), **more.pop("state", {})}
    urn = f"urn:pulumi:dev::platform::{type_}::{name}"
    return {"op": op, "urn": urn, "oldState": state, "newState": {"inputs": more.pop("new", {})}, **more}


def preview(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"steps": list(steps)}


@pytest.mark.parametrize("op", ["replace", "create-replacement", "delete-replaced", "import-replacement", "delete"])
def test_what_holds_state_and_goes_is_a_loss(op: str) -> None:
    """Replaced or deleted, whichever step of it the engine shows."""
    (loss,) = losses(preview(step(op)))
    assert loss.verb == ("deleted" if op == "delete" else "replaced")
    assert loss.name == "aws:ec2/vpc:Vpc vpc"


@pytest.mark.parametrize("op", ["same", "update", "create", "read", "refresh"])
def test_what_stays_is_no_loss(op: str) -> None:
    """A change in place keeps what is there."""
    assert losses(preview(step(op))) == []


def test_types_without_state_may_go() -> None:
    """A route is made again as it was."""
    assert losses(preview(step("replace", "aws:ec2/route:Route"))) == []


def test_what_falls_with_its_holder_is_not_said_again() -> None:
    """A subnet goes with its VPC; alone it is a loss of its own."""
    subnet = step("replace", "aws:ec2/subnet:Subnet", name="private-a")
    assert [loss.name for loss in losses(preview(subnet))] == ["aws:ec2/subnet:Subnet private-a"]
    assert [loss.name for loss in losses(preview(subnet, step("replace")))] == ["aws:ec2/vpc:Vpc vpc"]


def test_what_is_retained_or_given_up_before_is_no_loss() -> None:
    """The one stays in AWS, the other was replaced by an earlier run."""
    kept = step("delete", state={"retainOnDelete": True})
    given_up = step("delete", state={"delete": True})
    assert losses(preview(kept, given_up)) == []


def test_a_replacement_that_retains_the_old_one_is_a_loss() -> None:
    """What the old one holds is not in the new one, and the program sees the new one only."""
    (loss,) = losses(preview(step("replace", state={"retainOnDelete": True})))
    assert loss.retained


def test_a_replacement_that_marks_the_old_one_is_a_loss() -> None:
    """Where the new one is made first, the engine shows the old one as marked for deletion."""
    assert len(losses(preview(step("replace", state={"delete": True})))) == 1


def test_one_loss_per_resource_those_with_a_reason_first() -> None:
    """The reader sees the cause before what follows from it."""
    follows = step("replace", name="follows")
    cause = step("replace", name="cause", old={"cidrBlock": "a"}, new={"cidrBlock": "b"}, replaceReasons=["cidrBlock"])
    found = losses(preview(follows, step("create-replacement", name="follows"), cause))
    assert [loss.name for loss in found] == ["aws:ec2/vpc:Vpc cause", "aws:ec2/vpc:Vpc follows"]


def test_the_property_is_told_to_the_leaf() -> None:
    """Only what differs inside of what forces the replacement."""
    old = {"network": {"range": "172.20.0.0/16", "family": "ipv4"}, "tags": {"a": "1"}}
    new = {"network": {"range": "172.21.0.0/16", "family": "ipv4"}, "tags": {"a": "2"}}
    (loss,) = losses(preview(step("replace", old=old, new=new, replaceReasons=["network"])))
    assert [str(change) for change in loss.changes] == ['network.range from "172.20.0.0/16" to "172.21.0.0/16"']


def test_a_detailed_diff_says_which_of_the_changes_forces_it() -> None:
    """Real providers name the path; what is updated in place is no reason."""
    diff = {"cidrBlock": {"kind": "update-replace"}, "tags.a": {"kind": "update"}}
    old, new = {"cidrBlock": "a", "tags": {"a": "1"}}, {"cidrBlock": "b", "tags": {"a": "2"}}
    (loss,) = losses(preview(step("replace", old=old, new=new, detailedDiff=diff, replaceReasons=["cidrBlock"])))
    assert [change.path for change in loss.changes] == ["cidrBlock"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (UNKNOWN, "what is known only afterwards"),
        (SECRET, "a secret"),
        ("[secret]", "a secret"),
        (None, "nothing"),
        ("x" * 200, '"' + "x" * 79 + "..."),
    ],
)
def test_values_are_shown_short_and_without_secrets(value: Any, text: str) -> None:
    """A line is for people, and goes into logs."""
    assert str(Change(path="p", old=1, new=value)) == f"p from 1 to {text}"


def test_protection_is_read_from_the_state() -> None:
    """The program may have dropped it in the same change; what stands is what the state says."""
    assert losses(preview(step("replace", state={"protect": True})))[0].protected
    assert not losses(preview(step("replace")))[0].protected


def test_configuration_is_the_same_from_each_source() -> None:
    """`pulumi config` and the history give objects, a preview gives their JSON."""
    told = {"p:a": {"value": '{"x":1}', "objectValue": {"x": 1}, "secret": False}, "p:b": {"value": "2"}}
    assert configuration(told) == configuration({"p:a": '{"x": 1}', "p:b": "2"}) == {"p:a": {"x": 1}, "p:b": "2"}
    assert configuration({"p:s": {"secret": True}, "p:t": "{not json"}) == {"p:s": "[secret]", "p:t": "{not json"}


def test_settings_are_compared_leaf_by_leaf() -> None:
    """What came and what went counts too."""
    before = {"p:a": {"x": 1, "y": [1]}, "p:gone": "1"}
    now = {"p:a": {"x": 2, "y": [1], "new": True}}
    assert [str(change) for change in settings_changed(before, now)] == [
        "p:a.new from nothing to true",
        "p:a.x from 1 to 2",
        'p:gone from "1" to nothing',
    ]


def test_errors_are_told_once_and_warnings_not() -> None:
    """The engine repeats what a resource says for the stack."""
    said = [{"severity": "error", "message": "error: bad\n"}] * 2 + [{"severity": "warning", "message": "w"}]
    assert errors({"diagnostics": said}) == ["bad"]

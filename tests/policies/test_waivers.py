"""waivers.yaml: every entry is whole, counts today, and covers a finding."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from policies import waivers
from policies.catalog import all_rules
from policies.controls import load
from policies.resources import Resource
from policies.waivers import Waiver, WaiversError
from tests.policies import Findings, Program

ENTRY = """
waivers:
  - id: some-rule
    resource: network-*
    stack: dev
    reason: Development may lose a zone, and nobody waits for it there.
    expires: 2027-01-31
"""


def _load(folder: Path, text: str) -> tuple[Waiver, ...]:
    path = folder / "waivers.yaml"
    path.write_text(text)
    return waivers.load(path)


def test_entry_is_read(tmp_path: Path) -> None:
    """An entry with all its fields is taken as it is."""
    (waiver,) = _load(tmp_path, ENTRY)
    assert (waiver.id, waiver.resource, waiver.stack, waiver.expires) == (
        "some-rule",
        "network-*",
        "dev",
        date(2027, 1, 31),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("waivers:", "exceptions:", "holds no list `waivers`"),
        ("    expires: 2027-01-31\n", "", "expires is missing; add it"),
        ("2027-01-31", '"2027-01-31"', "expires is no day"),
        ("2027-01-31", "never", "expires is no day"),
        ("stack: dev", "stage: dev", "stage is unknown; the keys are expires, id, reason, resource, stack"),
        ("stack: dev", "stack: 1", "stack is no text; write one"),
        ("some-rule", '""', "id is no text; write one"),
        ("Development may lose a zone, and nobody waits for it there.", "It is fine.", "reason has 11 characters"),
    ],
)
def test_wrong_entry_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A field that is missing, unknown or of another form ends in a line that says which and what to write."""
    assert old in ENTRY
    with pytest.raises(WaiversError) as caught:
        _load(tmp_path, ENTRY.replace(old, new))
    assert said in str(caught.value)


def test_no_waiver_has_expired() -> None:
    """A waiver that no longer counts is mended or decided anew before anything is released."""
    assert list(waivers.expired(waivers.load(), date.today())) == []


@pytest.mark.parametrize(("day", "said"), [(date(2027, 1, 31), "expired on"), (date(2024, 1, 1), "two years")])
def test_expiry_is_noticed(tmp_path: Path, day: date, said: str) -> None:
    """On its last day a waiver has expired; one for many years is no waiver."""
    (line,) = waivers.expired(_load(tmp_path, ENTRY), day)
    assert said in line


def test_every_waiver_covers_a_finding(findings: Callable[[str], Findings], stacks: list[str]) -> None:
    """A waiver of a rule that nothing needs any longer goes; checkov's are its own test's business."""
    rules = {rule.id for rule in all_rules()}
    used = {waiver for stack in stacks for waiver in findings(stack).used}
    assert {waiver for waiver in waivers.load() if waiver.id in rules} - used == set()


def test_every_waiver_of_a_control_is_about_a_resource(programs: Callable[[str], Program], stacks: list[str]) -> None:
    """A control that tests prove is waived for a resource that is there."""
    controls = {control.id for control in load()}
    for waiver in (w for w in waivers.load() if w.id in controls):
        found = [r.name for stack in stacks for r in programs(stack).resources if _covers(waiver, r, stack)]
        assert found, waiver


def _covers(waiver: Waiver, resource: Resource, stack: str) -> bool:
    return waiver.covers(waiver.id, name=resource.name, urn=resource.urn, stack=stack)


def test_waivers_name_what_exists() -> None:
    """A misspelt rule or control would waive nothing."""
    known = {rule.id for rule in all_rules()} | {control.id for control in load()}
    # checkov's ids, and those of tests/iam such as I3-escalations, are their own tests' business.
    assert {w.id for w in waivers.load() if not re.match(r"CKV|I\d+-", w.id)} <= known


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({}, True),
        ({"name": "network-vpc", "urn": "x"}, True),
        ({"name": "other", "urn": "urn:pulumi:dev::platform::aws:ec2/vpc:Vpc::network-a"}, False),
        ({"id_": "another-rule"}, False),
        ({"stack": "prod"}, False),
        ({"name": "cluster"}, False),
    ],
)
def test_waiver_covers_only_what_it_names(tmp_path: Path, fields: dict[str, str], covered: bool) -> None:
    """Rule, resource and stack all have to be those of the entry."""
    (waiver,) = _load(tmp_path, ENTRY)
    asked = {"id_": "some-rule", "name": "network-a", "urn": "urn:pulumi:dev", "stack": "dev", **fields}
    assert waiver.covers(**asked) is covered

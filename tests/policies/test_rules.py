"""The rules on the real programs: nothing is wrong with a stack but what is waived."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policies.catalog import all_rules
from tests.policies import PROGRAMS, Findings, Program


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_wrong(findings: Callable[[str], Findings], name: str) -> None:
    """A stack, or a variant of one, breaks no rule that no waiver names."""
    assert [f"{violation.rule.id}: {violation.message}" for violation in findings(name).open] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_rules_see_every_value(programs: Callable[[str], Program], name: str) -> None:
    """Nothing that a rule reads is unknown in a capture, so that no rule passes because it could not look."""
    from policies.resources import NotKnownError, Stack

    program = programs(name)
    stack = Stack(program.resources, program.options)
    unseen = []
    for rule in all_rules():
        for resource in stack.of(*rule.types):
            try:
                list(rule.check(resource, stack) if rule.takes_stack else rule.check(resource))
            except NotKnownError:
                unseen.append(f"{rule.id} on {resource.name}")
    assert unseen == []


def test_rules_are_named_once_and_say_what_they_ask_for() -> None:
    """An id is one rule's, and its text is a sentence: both end in messages and in docs/controls.md."""
    rules = all_rules()
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.text.endswith(".") and rule.controls and rule.types for rule in rules)

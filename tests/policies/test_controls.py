"""docs/controls.md: no control is open, and what it says is what is there."""

from __future__ import annotations

import ast
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from policies import waivers
from policies.catalog import MODULES, all_rules
from policies.controls import PAGE, Control, StackFile, load, page, stacks
from policies.waivers import Waiver

CHECKOUT = Path(__file__).parent.parent.parent
GROUPS = {"N": 12, "E": 11, "I": 12, "W": 6, "K": 11, "P": 11, "D": 8}
DEV = StackFile(name="dev", variant="eks")
PROD = StackFile(name="prod", variant="eks")
OWN = StackFile(name="own", variant="self-managed")


@cache
def _functions(path: str) -> frozenset[str]:
    file = CHECKOUT / path
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_page_is_up_to_date() -> None:
    """The committed page is what the data make of it; `python -m policies.controls` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page(load(), waivers.load(), stacks())


@pytest.mark.parametrize("stack", stacks(), ids=lambda stack: stack.name)
def test_no_control_is_open(stack: StackFile) -> None:
    """Each control is proved, waived with a reason, another issue's, or about the other variant."""
    assert [control.id for control in load() if control.state(stack, waivers.load()) == "open"] == []


def test_every_control_of_the_groups_is_there() -> None:
    """None was forgotten, and none is left to another issue."""
    ids = [control.id for control in load()]
    assert len(set(ids)) == len(ids)
    wanted = {f"{letter}{number}" for letter, count in GROUPS.items() for number in range(1, count + 1)}
    assert wanted <= set(ids)
    assert [control.id for control in load() if control.later] == []


def test_tests_exist() -> None:
    """Each test that a control names is a function of that file, and one that pytest collects."""
    named = sorted({test for control in load() for test in control.tests})
    missing = [test for test in named if test.partition("::")[2] not in _functions(test.partition("::")[0])]
    assert missing == []
    assert all(test.partition("::")[2].startswith("test_") for test in named)


def test_every_rule_belongs_to_a_module_of_the_catalog() -> None:
    """A module that the catalog leaves out would not be in the pack."""
    known = {module.__name__.rpartition(".")[2] for module in MODULES}
    files = {path.stem for path in (CHECKOUT / "policies" / "rules").glob("[a-z]*.py")}
    assert files == known
    assert {rule.check.__module__.rpartition(".")[2] for rule in all_rules()} == known


def _control(**fields: object) -> Control:
    values = {"id": "X1", "text": "", "variant": "", "rules": (), "tests": (), "later": "", "note": "", **fields}
    return Control(**values)  # type: ignore[arg-type]


def test_state_is_told_from_what_is_there() -> None:
    """Without rule and test a control is open; a waiver of it, or of its rule, counts in its stack only."""
    waiver = Waiver(id="a-rule", resource="*", reason="", expires=date.max, stack="dev")
    assert _control().state(DEV, []) == "open"
    assert _control(tests=("t",)).state(DEV, [waiver]) == "proved"
    assert _control(rules=("a-rule",)).state(DEV, [waiver]) == "waived"
    assert _control(rules=("a-rule",)).state(PROD, [waiver]) == "proved"
    assert _control(later="soon").state(DEV, []) == "later"


def test_a_control_of_the_other_variant_does_not_concern_a_stack() -> None:
    """It is neither open nor proved there, and in stacks of its own variant it is as open as any other."""
    assert [_control(variant="eks").state(stack, []) for stack in (DEV, OWN)] == ["open", "n/a"]
    assert [_control(variant="self-managed", tests=("t",)).state(stack, []) for stack in (DEV, OWN)] == [
        "n/a",
        "proved",
    ]


def test_only_controls_that_name_a_variants_parts_are_left_out() -> None:
    """EKS's, Karpenter's and node groups' do not concern machines, and theirs not EKS; all others concern both."""
    eks = {control.id for control in load() if control.variant == "eks"}
    assert eks == {*(f"E{n}" for n in range(1, 12)), *(f"K{n}" for n in range(1, 12)), "W5"}
    assert {c.id for c in load() if c.variant == "self-managed"} == {f"P{n}" for n in range(1, 12)}


def test_an_open_control_shows() -> None:
    """The page says open, and counts it."""
    text = page([_control(id="N1")], [], [DEV])
    assert "| dev | 0 | 0 | 1 | 0 | 0 | 0 | 0 |" in text
    assert "| N1 |  |  |  | open |" in text

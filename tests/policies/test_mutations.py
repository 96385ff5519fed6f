"""The rules notice what is changed for the worse: their mutation score, which is whole but for what is excused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from policies import tokens
from policies.catalog import all_rules
from tests.policies import Program
from tests.policies.mutations import Mutation, catchers, excuses, is_caught, is_excused, mutate, rows, systematic

# Everything that keeps somebody out, or that something is found by, logged to or encrypted with.
SECURITY_TYPES = sorted(
    {type_ for rule in all_rules() for type_ in rule.types}
    - {tokens.SERVICE_LINKED_ROLE, tokens.KUBERNETES_PROVIDER, tokens.APPLICATION, "pulumi:providers:aws"}
)
Programs = Callable[[str], Program]


@pytest.mark.parametrize(("control", "row"), rows(), ids=lambda value: value if isinstance(value, str) else None)
def test_listed_mutation_is_caught(programs: Programs, control: str, row: dict[str, Any]) -> None:
    """A rule of the control finds the change."""
    program = programs(str(row.get("program", "prod")))
    mutation = mutate(control, row, program)
    assert is_caught(mutation, program), mutation.id


def test_mutation_score(programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    """Every change that concerns a control is caught; what concerns none is listed with its reason."""
    found: list[Mutation] = []
    for name in ("prod", "closed", "quorum"):
        found += systematic(name, programs(name), SECURITY_TYPES)
    survivors = [mutation for mutation in found if not is_caught(mutation, programs(mutation.program))]
    used = [excuse for excuse in excuses() if any(is_excused(mutation, excuse) for mutation in survivors)]
    excused = [m for m in survivors if any(is_excused(m, excuse) for excuse in used)]
    left = [mutation.id for mutation in survivors if mutation not in excused]
    total = len(found) - len(excused)
    with capsys.disabled():
        print(f"\nmutation score: {total - len(left)} of {total}", end="")
        print(f" ({len(rows())} listed ones apart; {len(excused)} concern no control)", *left, sep="\n  ")
    assert [e for e in excuses() if e not in used] == [], "excuses that nothing needs"
    assert left == []


def test_every_rule_is_shown_to_fail(programs: Programs) -> None:
    """No rule is there that finds nothing in any of the listed programs."""
    caught: set[str] = set()
    for control, row in rows():
        program = programs(str(row.get("program", "prod")))
        caught |= catchers(mutate(control, row, program), program)
    assert {rule.id for rule in all_rules()} - caught == set()


def test_every_rule_and_control_has_listed_mutations() -> None:
    """Each control that a rule proves has two changes at least."""
    listed: dict[str, int] = defaultdict(int)
    for control, _ in rows():
        listed[control] += 1
    proved = {control for rule in all_rules() for control in rule.controls}
    assert {control for control in proved if listed[control] < 2} == set()
    assert len(rows()) >= 120

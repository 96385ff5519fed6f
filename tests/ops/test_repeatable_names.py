"""What is made again, because that changes nothing, has to have the name that it had the first time."""

from __future__ import annotations

import pytest

from ops.finders import Repeatable, row_of
from sandbox.aws.rows import ROWS
from tests.whole_stacks import STACKS, WholeStack


@pytest.mark.parametrize("stack", STACKS)
def test_what_is_made_again_is_named_by_the_program(stack: str, whole_stack: WholeStack) -> None:
    """The provider would make up another name: an event rule with two targets calls twice and cannot be deleted."""
    named = {type_: row.auto.input for type_, row in ROWS.items() if row.auto}
    made_again = [
        one for one in whole_stack(stack).resources if one.type in named and isinstance(row_of(one.type), Repeatable)
    ]
    assert {"aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"} <= {
        one.type for one in made_again
    }
    assert [one.urn for one in made_again if not one.inputs.get(named[one.type])] == []

"""What the whole stacks register that holds something: each has a way back, or a reason for none (control D8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.storage.plan import RECOVERY
from ops.stateful import STATEFUL
from tests.storage import without_a_way_back
from tests.whole_stacks import STACKS, WholeStack


@pytest.mark.parametrize("stack", STACKS)
def test_everything_has_a_way_back(whole_stack: WholeStack, stack: str) -> None:
    """Every stateful resource of the stack is backed up, versioned, waits when deleted, or is made again."""
    captured = whole_stack(stack)
    assert without_a_way_back(captured) == []
    assert len({r.type for r in captured.resources} & (STATEFUL.keys() | RECOVERY.keys())) >= 6


@pytest.mark.parametrize("stack", STACKS)
def test_what_was_forgotten_is_seen(whole_stack: WholeStack, stack: str) -> None:
    """A database that somebody adds to the stack and to no plan is reported."""
    captured = whole_stack(stack)
    database = replace(captured.resources[-1], type="aws:rds/instance:Instance", urn="urn:database")
    assert without_a_way_back(replace(captured, resources=[*captured.resources, database])) == ["urn:database"]

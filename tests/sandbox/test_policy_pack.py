"""The policy pack under the real engine: it lets the stacks pass and stops a program that was changed for the worse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engine import EngineError
from sandbox.world import World
from tests.whole_stacks import STACKS

pytestmark = pytest.mark.engine
PACK = "policies"
# File, what it says, what it is made to say, and the rules that have to stop it: one that looks at a resource alone,
# one that compares resources.
CHANGES = (
    ("components/eks/nodes.py", '"http_tokens": "required"', '"http_tokens": "optional"', "metadata-needs-a-token"),
    ("components/network/component.py", "nats[gateways[zone.key]].id", 'nats["a"].id', "nodes-leave-by-their-own-zone"),
)


@pytest.mark.parametrize("stack", STACKS)
def test_stack_passes(start_quiet_world: Callable[[Path], World], checkout_copy: Path, stack: str) -> None:
    """A preview of the stack with the pack ends well: tier and waivers reach it."""
    world = start_quiet_world(checkout_copy)
    assert world.engine(stack).preview(policy_packs=[checkout_copy / PACK]).steps["create"] > 100


def test_changed_program_is_stopped(start_quiet_world: Callable[[Path], World], checkout_copy: Path) -> None:
    """The preview fails, before anything is made, and its message names rule, resource, property and remedy."""
    for file, old, new, _ in CHANGES:
        text = (checkout_copy / file).read_text(encoding="utf-8")
        assert old in text
        (checkout_copy / file).write_text(text.replace(old, new), encoding="utf-8")
    world = start_quiet_world(checkout_copy)
    with pytest.raises(EngineError) as caught:
        world.engine("prod").preview(policy_packs=[checkout_copy / PACK])
    for *_, rule in CHANGES:
        assert f"[mandatory]  {rule}" in str(caught.value)
    assert "metadataOptions.httpTokens: is not required; set required" in str(caught.value)
    assert "leaves by network-nat-a in another zone" in str(caught.value)

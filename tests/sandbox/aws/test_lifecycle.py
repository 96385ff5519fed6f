"""Every row from creation to deletion, against the emulated AWS."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sandbox.aws.rows import ROWS
from sandbox.protocol import UNKNOWN, HostError
from tests.sandbox.aws.examples import EXAMPLES
from tests.sandbox.aws.world import DEFAULT_TAGS, Made, World

CLUSTER = "aws:eks/cluster:Cluster"
BY_TYPE = pytest.mark.parametrize("token", sorted(EXAMPLES))
IMPORTABLE = pytest.mark.parametrize("token", sorted(token for token in EXAMPLES if EXAMPLES[token].importable))


def read(world: World, made: Made, inputs: dict[str, Any] | None = None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    state = made.outputs if inputs is None else {}
    return world.host.read(
        made.token, world.urn(made.token, "thing"), made.id, made.inputs if inputs is None else inputs, state
    )


def changes(world: World, made: Made, news: dict[str, Any]) -> tuple[set[str], set[str]]:
    result = world.host.diff(made.token, world.urn(made.token, "thing"), made.outputs, made.inputs, news)
    return set(result.changed), set(result.replace)


def assert_steady(world: World, made: Made) -> None:
    assert read(world, made) == (made.id, made.inputs, made.outputs)
    assert changes(world, made, made.inputs) == (set(), set())


def test_every_row_has_an_example() -> None:
    """A row without an example would be a row without a test."""
    assert ROWS.keys() == EXAMPLES.keys()


@BY_TYPE
def test_a_resource_lives_and_leaves_nothing(world: World, token: str) -> None:
    """Created, read, unchanged, updated in place and deleted, it leaves the account as it was."""
    example = EXAMPLES[token]
    inputs, update = example.inputs(world), example.update(world)
    services = {ROWS[token].service, "ec2", "logs"} if token == CLUSTER else {ROWS[token].service}
    before = world.inventory(*services)
    made = world.make(token, **inputs)
    assert_steady(world, made)
    if update:
        changed = {name for name in update if update[name] != inputs.get(name)}
        assert changes(world, made, world.check(token, {**inputs, **update}, olds=made.inputs)) == (changed, set())
        made = world.update(made, **update)
        assert_steady(world, made)
    world.delete(made)
    assert bool(read(world, made)[0]) == example.stays
    world.delete(made)
    after = world.inventory(*services)
    if token == CLUSTER:
        # The control plane makes its log group itself, and AWS leaves it behind.
        groups = after.pop("logs", {}).get("log groups", [])
        left = [name for name in groups if f"/aws/eks/{made.id}/" not in name]
        assert left == before.pop("logs", {}).get("log groups", [])
    assert after == before


@BY_TYPE
def test_a_change_of_what_is_fixed_replaces(world: World, token: str) -> None:
    """An input that no update covers needs a new resource."""
    example = EXAMPLES[token]
    replace = example.replace(world)
    if not replace:
        pytest.skip("every input of the type changes in place")
    inputs = example.inputs(world)
    made = Made(token, "id", world.check(token, inputs), {})
    changed, replaced = changes(world, made, world.check(token, {**inputs, **replace}, olds=made.inputs))
    assert changed == set(replace)
    assert replaced


@BY_TYPE
def test_a_preview_knows_the_inputs_and_nothing_else(world: World, token: str) -> None:
    """Before AWS is asked, outputs are the inputs, the region and the tags that will be; nothing is created."""
    inputs = world.check(token, EXAMPLES[token].inputs(world))
    before = world.inventory(ROWS[token].service)
    rid, outputs = world.host.create(token, world.urn(token, "thing"), inputs, True)
    assert rid == ""
    known = {name for name in outputs if not name.startswith("__")}
    assert known - {"region", "tagsAll"} == {name for name in inputs if not name.startswith("__")} - {"region"}
    assert world.inventory(ROWS[token].service) == before


@BY_TYPE
def test_unknown_inputs_pass_the_check(world: World, token: str) -> None:
    """At preview any input may be unknown yet, and that alone is no failure."""
    inputs = EXAMPLES[token].inputs(world)
    checked = world.check(token, dict.fromkeys(inputs, UNKNOWN))
    rid, outputs = world.host.create(token, world.urn(token, "thing"), checked, True)
    assert rid == ""
    assert all(outputs[name] == UNKNOWN for name in inputs)


@IMPORTABLE
def test_a_resource_can_be_imported(world: World, token: str) -> None:
    """Read with an id alone tells the inputs that the program would have given."""
    example = EXAMPLES[token]
    made = world.make(token, **example.inputs(world))
    rid, inputs, outputs = read(world, dataclasses.replace(made, id=example.imported(made)), {})
    assert rid == made.id
    result = world.host.diff(token, world.urn(token, "thing"), outputs, inputs, made.inputs)
    assert set(result.changed) == set(example.unread)
    world.delete(made)


@BY_TYPE
def test_an_input_that_the_type_lacks_is_refused(world: World, token: str) -> None:
    """A misspelt input is an error, not silence."""
    with pytest.raises(HostError, match=f"{token} has no input mispelled"):
        world.check(token, {**EXAMPLES[token].inputs(world), "mispelled": 1})


@pytest.mark.parametrize("token", sorted(token for token in EXAMPLES if ROWS[token].tags))
def test_default_tags_reach_every_resource(world: World, token: str) -> None:
    """The provider's default tags lie below the resource's own."""
    made = world.make(token, **{**EXAMPLES[token].inputs(world), "tags": {"own": "1"}})
    assert made["tagsAll"] == {**DEFAULT_TAGS, "own": "1"}
    assert made["tags"] == {"own": "1"}
    world.delete(made)

"""What each stack hands over is what the tree's chart takes; tests/gitops/test_program.py has how it is read."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.captures import Capture, Secret
from tests.gitops.tree import BOOTSTRAP, chart_schema
from tests.whole_stacks import STACKS, WholeStack, stack_sections

ROOT = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
# Sections that one variant hands over and the other has nothing to say in.
OF_VARIANT = {"eks": {"karpenter"}, "self-managed": set[str]()}


def handed(captured: Capture) -> dict[str, Any]:
    values: dict[str, Any] = captured.one(*ROOT).inputs["spec"]["source"]["helm"]["valuesObject"]
    return values


def faults(values: dict[str, Any]) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(chart_schema(BOOTSTRAP)).iter_errors(values)]


@pytest.mark.parametrize("stack", STACKS)
def test_the_schema_takes_what_each_stack_hands_over(whole_stack: WholeStack, stack: str) -> None:
    """One form for both variants, and the variant is told."""
    values, variant = handed(whole_stack(stack)), stack_sections(stack)["variant"]
    assert faults(values) == []
    assert values["cluster"]["variant"] == variant
    assert values.keys() & {"karpenter"} == OF_VARIANT[variant]


@pytest.mark.parametrize("stack", STACKS)
def test_the_schema_misses_what_is_not_handed_over(whole_stack: WholeStack, stack: str) -> None:
    """Each section but those that say "nothing" by being empty is asked for; and none that nobody knows is taken."""
    values = handed(whole_stack(stack))
    assert [key for key in values if not faults({name: item for name, item in values.items() if name != key})] == []
    assert faults({**values, "token": "x"}) != []


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_that_is_handed_over_is_secret(whole_stack: WholeStack, stack: str) -> None:
    """The root Application lies in etcd for all to read who may read Applications; a mark would make it unreadable."""
    values = handed(whole_stack(stack))
    assert not any(isinstance(item, Secret) for item in _walk(values))
    assert json.loads(json.dumps(values)) == values


def _walk(value: Any) -> list[Any]:
    below = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(inner for item in below for inner in _walk(item))]

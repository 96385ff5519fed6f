"""The model of durations on what the real engine builds: the promise holds, and the engine keeps the model's order."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from sandbox.durations.graph import layers
from sandbox.durations.stack import Stack
from sandbox.durations.telling import Durations
from sandbox.project import Project
from tests.sandbox.conftest import CHECKOUT
from tests.sandbox.without_kubernetes import Account, Steps

pytestmark = pytest.mark.engine

# Of which only pyproject.toml is read.
PROJECT = Project(CHECKOUT, CHECKOUT, {"git": "", "charts": ""}, lambda domain: "", lambda name: "")


@dataclass(frozen=True, kw_only=True)
class Life:
    """The state after `up`, and the steps of `up` and destroy as they ended."""

    states: list[dict[str, Any]]
    made: list[str]
    deleted: list[str]


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Bring dev up and destroy it."""
    with Account(CHECKOUT, tmp_path_factory.mktemp("dev"), "dev") as account:
        up = account.up({})
        states, down = account.engine.resources(), Steps()
        account.engine.destroy(down.note)
        return Life(states=states, made=_of("create", up), deleted=_of("delete", down))


def _of(step: str, steps: Steps) -> list[str]:
    return [line.removeprefix(f"{step} ") for line in steps.order if line.startswith(f"{step} ")]


def _lines(stack: Stack) -> Mapping[str, str]:
    """Return URNs as `Steps` names them; two components of one type and name are told apart by their children only."""
    return {urn: f"{one.type} {one.name}" for urn, one in stack.resources.items() if one.custom}


def told(states: list[dict[str, Any]], limits: Mapping[str, float]) -> str:
    """Return what people read."""
    out = io.StringIO()
    console = Console(file=out, width=160)
    durations = Durations(states, PROJECT.reasons, limits)
    durations.tell_up(console)
    durations.tell_destroy(console)
    return out.getvalue()


def test_dev_keeps_its_promise_and_every_order_on_its_path_has_a_reason(dev: Life) -> None:
    """The root Application is there after the control plane and four minutes of the model; else this raises."""
    limits = PROJECT.limits("dev")
    assert limits == {"kubernetes:argoproj.io/v1alpha1:Application::argocd-root": 555 + 4 * 60}
    text = told(dev.states, limits)
    assert "NodeGroup nodes until a node is Ready" in text
    assert "its pods need a node that is Ready" in text


def test_the_engine_makes_nothing_before_what_the_model_has_it_wait_for(dev: Life) -> None:
    """Nothing that a resource needs ends after it."""
    stack = Stack(dev.states)
    lines, at = _lines(stack), {line: index for index, line in enumerate(dev.made)}
    assert at.keys() >= set(lines.values())
    wrong = [
        f"{lines[urn]} before {lines[need]}"
        for urn, needs in stack.needs.items()
        for need in needs
        if urn in lines and need in lines and at[lines[need]] > at[lines[urn]]
    ]
    assert wrong == []


def test_the_engine_deletes_in_the_models_waves(dev: Life) -> None:
    """No deletion ends before the last one of an earlier wave."""
    stack = Stack(dev.states)
    lines = _lines(stack)
    depth = {
        lines[urn]: index
        for index, layer in enumerate(layers({urn: tuple(needs) for urn, needs in stack.needs.items()}))
        for urn in layer
        if urn in lines
    }
    order = [depth[line] for line in dev.deleted if line in depth]
    assert len(order) > 100
    assert order == sorted(order, reverse=True)


def test_argo_cd_goes_after_the_root_and_before_access_to_the_cluster(dev: Life) -> None:
    """And the nodes live until the root is gone."""
    at = {line: index for index, line in enumerate(dev.deleted)}
    root = at["kubernetes:argoproj.io/v1alpha1:Application argocd-root"]
    release, namespace = (
        at["kubernetes:helm.sh/v3:Release argocd-release"],
        at["kubernetes:core/v1:Namespace argocd-namespace"],
    )
    entries = [index for line, index in at.items() if line.startswith("aws:eks/access") and " cluster-" in line]
    assert len(entries) == 2
    assert root < release < namespace < min(entries) < at["aws:eks/cluster:Cluster cluster-eksCluster"]
    assert root < at["aws:eks/nodeGroup:NodeGroup nodes"]

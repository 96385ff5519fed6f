"""A stack with protected resources: a destroy is refused first, then the protection comes off, then it goes."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from sandbox.durations.table import DurationsError
from sandbox.engine import EngineError, Operation, Seen
from sandbox.kubernetes.control_plane import ClusterError
from sandbox.steps import Step, StepError
from sandbox.story import Story, StoryError
from sandbox.world import World

KEY = "urn:pulumi:prod::demo::aws:kms/key:Key::secrets"
REFUSAL = f'error: resource "{KEY}" cannot be deleted\nbecause it is protected.'
SEEN = {KEY: Seen(type="aws:kms/key:Key", parent="", custom=True)}


def done(**steps: int) -> Operation:
    return Operation(seconds=0, steps=steps, resources=SEEN, durations={KEY: 0})


@dataclass
class FakeWorld:
    """A world, its engine and its project in one: what they are asked goes into `asked`."""

    protected_urns: list[str] = field(default_factory=lambda: [KEY])
    refusal: str = REFUSAL
    values: dict[str, Any] = field(default_factory=lambda: {"demo:policy.off": True})
    unprotecting: Operation = field(default_factory=lambda: done(same=3, update=1))
    sticks: bool = False
    refused_deletes: bool = False
    keys: list[str] = field(default_factory=lambda: ["a"])
    left: list[tuple[str, str]] = field(default_factory=list)
    promised: dict[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    judged_by: list[list[str]] = field(default_factory=list)
    operated_by: list[list[str]] = field(default_factory=list)
    checkout: Path = field(default_factory=Path.cwd)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> FakeWorld:
        return self

    def engine(self, stack: str) -> FakeWorld:
        return self

    @property
    def reasons(self) -> dict[str, str]:
        return {}

    def limits(self, stack: str) -> dict[str, float]:
        return self.promised

    def steps(self, stack: str, when: str) -> list[Step]:
        commands = self.judged_by if when == "healthy" else self.operated_by
        return [Step(when=when, stacks=(), command=tuple(words), text="") for words in commands]

    @property
    def control_plane(self) -> FakeWorld:
        return self

    @property
    def api(self) -> object:
        raise ClusterError("no cluster here")

    def resources(self) -> list[dict[str, Any]]:
        return [{"urn": KEY, "type": "aws:kms/key:Key", "custom": True}]

    def inventory(self) -> dict[str, dict[str, list[str]]]:
        return {"kms": {"keys": list(self.keys)}}

    def leftovers(self) -> list[tuple[str, str]]:
        return self.left

    def preview(self, *, expect_no_changes: bool = False) -> Operation:
        return done(same=4)

    def up(self, on_event: object) -> Operation:
        self.asked.append("up")
        return self.unprotecting if "unprotect" in self.asked else done(create=4)

    def unprotect(self, stack: str) -> dict[str, Any]:
        self.asked.append("unprotect")
        if not self.sticks:
            self.protected_urns = []
        return self.values

    def protected(self) -> list[str]:
        return self.protected_urns

    def retained(self) -> frozenset[str]:
        return frozenset()

    def preview_destroy(self) -> Operation:
        self.asked.append("preview destroy")
        if self.refused_deletes:
            self.keys = []
        if self.refusal:
            raise EngineError(self.refusal)
        return done(delete=4)

    def destroy(self, on_event: object) -> Operation:
        self.asked.append("destroy")
        return done(delete=4)


def play(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Story, "_hand_over", lambda self: world.asked.append("hand-over"))
    monkeypatch.setattr(Story, "_placed", lambda self: None)
    told = io.StringIO()
    Story(Console(file=told, width=120), cast(World, world), "prod").play()
    return told.getvalue()


def test_a_protected_stack_is_refused_unprotected_and_destroyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this order; the refusal names what is protected, and the value that takes it off is shown."""
    world = FakeWorld()
    told = play(world, monkeypatch)
    assert world.asked == ["up", "hand-over", "preview destroy", "unprotect", "up", "destroy"]
    assert "1 resources are protected: a destroy is refused" in told
    assert "refused: aws:kms:Key secrets is protected" in told
    assert "demo:policy.off: true" in told
    assert "4 resources seen (3 same, 1 update)" in told.replace("1 resources seen", "4 resources seen")


def test_without_protected_resources_the_chapters_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried in vain and no value is touched."""
    world = FakeWorld(protected_urns=[])
    told = play(world, monkeypatch)
    assert world.asked == ["up", "hand-over", "destroy"]
    assert "protect" not in told


@pytest.mark.parametrize(
    ("world", "error"),
    [
        (FakeWorld(refusal=""), "a destroy was not refused, although 1 resources are protected"),
        (FakeWorld(refusal="error: no credentials"), "failed, but not because of protection:\nerror: no credentials"),
        (FakeWorld(refused_deletes=True), "the refused destroy changed something: kms keys a is gone"),
        (FakeWorld(values={}), r"\[tool.sandbox.unprotect\] in pyproject.toml names no value"),
        (FakeWorld(unprotecting=done(same=3, replace=1)), "taking protection off did more than that: replace"),
        (FakeWorld(sticks=True), f"still protected: {KEY}"),
    ],
    ids=["not refused", "another error", "not harmless", "no value", "more than protection", "without effect"],
)
def test_what_does_not_hold_ends_the_story(world: FakeWorld, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the stack is left alone."""
    with pytest.raises(StoryError, match=error.replace("(", r"\(")):
        play(world, monkeypatch)
    assert "destroy" not in world.asked


def test_what_a_destroy_left_ends_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its name at the end, where it is seen; what a chart keeps does not count."""
    left = [("ConfigMap", "default/forgotten"), ("CustomResourceDefinition", "widgets.example.com")]
    with pytest.raises(StoryError, match=r"left something behind:\nKubernetes ConfigMap default/forgotten$"):
        play(FakeWorld(protected_urns=[], left=left), monkeypatch)


def test_the_models_course_is_told_after_up_and_after_destroy(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the chapter to which it belongs, from the state that the engine has then."""
    chapters = play(FakeWorld(protected_urns=[], promised={"aws:kms/key:Key::secrets": 24}), monkeypatch).split(
        "\ndestroy"
    )
    assert "modelled critical path of `up`" in chapters[0]
    assert "secrets after 24 s of the model, at most 24 s promised" in chapters[0]
    assert "modelled course of destroy" in chapters[1]


def test_a_promise_that_the_model_breaks_ends_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is destroyed."""
    world = FakeWorld(protected_urns=[], promised={"aws:kms/key:Key::secrets": 23})
    with pytest.raises(DurationsError, match="secrets after 24 s of the model, at most 23 s promised"):
        play(world, monkeypatch)
    assert world.asked == ["up"]


def test_what_the_project_judges_a_stack_by_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the stack is up, with the world's environment; what it prints is shown."""
    command = ["{python}", "-c", "import os; print(os.environ['WORLD'] * 2)"]
    told = play(FakeWorld(protected_urns=[], judged_by=[command], environment={"WORLD": "offline"}), monkeypatch)
    assert "offlineoffline" in told


def test_a_judgement_that_does_not_hold_ends_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its exit code and what it said, before anything is destroyed."""
    world = FakeWorld(protected_urns=[], judged_by=[["{python}", "-c", "raise SystemExit('3 nodes are missing')"]])
    with pytest.raises(StepError, match="ended with 1\n3 nodes are missing"):
        play(world, monkeypatch)
    assert world.asked == ["up", "hand-over"]


def test_the_operator_acts_before_the_hand_over_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tree waits for, such as the values of secrets, is there by then."""
    world = FakeWorld(protected_urns=[], operated_by=[["{python}", "-c", "raise SystemExit('no value')"]])
    with pytest.raises(StepError, match="no value"):
        play(world, monkeypatch)
    assert world.asked == ["up"]

from __future__ import annotations

import runpy
from collections.abc import Callable

import pulumi
import pytest

from settings import Settings, SettingsError
from tests.bad_inputs import BAD_INPUTS, ROOT, TODAY, BadInput, engine_config, sections
from tests.captures import Capture
from tests.whole_stacks import STACKS

Run = Callable[..., Capture]
# Of `stacks`, by variant.
MODULES = {"eks": "eks", "self-managed": "self_managed"}


@pytest.fixture(autouse=True)
def _frozen_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settings._today", lambda: TODAY)


def _program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"))


def _assert_refused(captured: Capture, *lines: str) -> None:
    """Nothing was registered, read or asked for, and the error is exactly the lines."""
    assert captured.resources == []
    assert captured.reads == []
    assert captured.calls == []
    assert captured.exports == {}
    assert str(captured.error) == "\n".join(lines)


@pytest.mark.parametrize("row", BAD_INPUTS, ids=lambda row: row.id)
def test_nothing_is_registered(capture: Run, row: BadInput) -> None:
    """A bad input ends the real program in its line before the first resource."""
    captured = capture(_program, stack=row.stack, config=engine_config(row.sections), expect=SettingsError)
    _assert_refused(captured, row.line)


def test_an_empty_stack_is_refused(capture: Run) -> None:
    """A stack without configuration ends the same way, with a line for each section of the variant taken then."""
    captured = capture(_program, config={}, expect=pulumi.RunError)
    assert captured.resources == []
    assert len(str(captured.error).split("\n")) == len(sections("dev").keys() - {"variant"})


def test_a_secret_is_refused_and_not_shown(capture: Run) -> None:
    """No key takes a secret, for it would end in clear text in the state; nothing of its section is shown."""
    config = engine_config(sections("dev") | {"aws": {"accountId": "s3cr3t", "region": 7}})
    captured = capture(_program, config=config, secrets=("platform:aws",), expect=SettingsError)
    _assert_refused(
        captured, "platform:aws: holds a secret value, and none of its keys is a secret; store it without --secret"
    )


def test_a_secret_section_that_does_not_exist_is_refused(capture: Run) -> None:
    """The same holds for a key that nobody knows."""
    config = engine_config(sections("dev")) | {"platform:token": "s3cr3t"}
    captured = capture(_program, config=config, secrets=("platform:token",), expect=SettingsError)
    assert captured.resources == []
    assert "s3cr3t" not in str(captured.error)
    assert str(captured.error).startswith("platform:token: ")


def test_other_namespaces_are_left_alone(capture: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of providers and of Pulumi are no business of the settings."""
    seen: list[Settings] = []

    def build(settings: Settings) -> dict[str, pulumi.Input[str]]:
        seen.append(settings)
        return {}

    monkeypatch.setattr("stacks.eks.build", build)
    config = engine_config(sections("dev")) | {"aws:region": "us-east-1", "pulumi:disable-default-providers": '["*"]'}
    capture(_program, config=config)
    assert [settings.aws.region for settings in seen] == ["ap-northeast-2"]


@pytest.mark.parametrize("stack", STACKS)
def test_a_good_stack_gets_past_the_settings(capture: Run, monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
    """The control for the rows above: unchanged, the program does register resources and exports."""

    def build(settings: Settings) -> dict[str, pulumi.Input[str]]:
        pulumi.ComponentResource("platform:test:Marker", settings.cluster.name)
        return {"clusterName": settings.cluster.name}

    monkeypatch.setattr(f"stacks.{MODULES[sections(stack)['variant']]}.build", build)
    captured = capture(_program, stack=stack, config=engine_config(sections(stack)))
    assert [resource.name for resource in captured.resources] == [f"platform-{stack}"]
    assert captured.exports == {"clusterName": f"platform-{stack}"}

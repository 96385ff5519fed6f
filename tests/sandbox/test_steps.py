"""Commands that an operator runs once a stack is up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.steps import StepError, read_steps

_ECHO = ["{python}", "-c", "import sys; print('{stack}', sys.stdin.read())"]


def test_a_command_gets_the_stack_and_its_input(tmp_path: Path) -> None:
    """Placeholders are filled in; each `{random}` is a long value of its own."""
    (step,) = read_steps([{"when": "up", "command": _ECHO, "input": '{"a": "{random}", "b": "{random}"}'}])
    stack, text = step.run("dev", tmp_path, {}).split(" ", 1)
    first, second = text.split('"')[3], text.split('"')[7]
    assert stack == "dev"
    assert len(first) > 20
    assert first != second


def test_what_it_reads_is_not_in_the_error(tmp_path: Path) -> None:
    """A value that was made up stays unknown to whoever reads the story."""
    words = ["{python}", "-c", "raise SystemExit('broken')"]
    (step,) = read_steps([{"when": "up", "command": words, "input": "secret-{random}"}])
    with pytest.raises(StepError, match="ended with 1\nbroken") as caught:
        step.run("dev", tmp_path, {})
    assert "secret-" not in str(caught.value)


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ({"when": "later", "command": ["x"]}, "one of up, healthy"),
        ({"when": "up"}, "needs a command"),
        ({"when": "up", "command": ["x"], "stdin": ""}, "unknown key stdin"),
    ],
    ids=["moment", "no command", "unknown key"],
)
def test_what_is_no_step_is_refused(found: dict[str, Any], error: str) -> None:
    """A step that would never run is not passed over."""
    with pytest.raises(StepError, match=error):
        read_steps([found])

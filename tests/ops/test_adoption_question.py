"""`up` takes nothing over that nobody agreed to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.engine import Pulumi


@pytest.mark.parametrize(
    ("options", "answer", "asked", "called"),
    [
        ([], "y\n", True, ["look", "take over", "guard", "up"]),
        ([], "n\n", True, ["look"]),
        ([], "", True, ["look"]),
        (["--yes"], "", False, ["take over", "guard", "up"]),
    ],
)
def test_up_asks_before_it_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], answer: str, asked: bool, called: list[str]
) -> None:
    """It says what it would take over and asks; who says no, or nobody, finds the state as it was."""
    calls: list[str] = []
    guarded: list[None] = []

    def guard(*_: Any) -> None:
        # The first one comes before anything is looked for.
        if guarded:
            calls.append("guard")
        guarded.append(None)

    def adopt(*_: Any, dry: bool) -> bool:
        calls.append("look" if dry else "take over")
        return True

    def up(*_: Any) -> int:
        calls.append("up")
        return 0

    monkeypatch.setattr(cli, "_recover", lambda *_, **__: None)
    monkeypatch.setattr(cli, "_guard", guard)
    monkeypatch.setattr(cli, "_adopt", adopt)
    monkeypatch.setattr(Pulumi, "up", up)
    result = CliRunner().invoke(cli.app, ["up", "--stack", "dev", "--cwd", str(tmp_path), *options], input=answer)
    assert ("Take them over?" in result.output) is asked
    assert calls == called
    assert (result.exit_code == 0) is ("up" in called)

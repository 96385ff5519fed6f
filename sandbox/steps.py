"""What an operator runs once a stack is up, as `[[tool.sandbox.steps]]` in pyproject.toml says."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# Right after `up`, while the hand-over goes on; or when all is healthy, as a judgement of the stack.
MOMENTS: Final = ("up", "healthy")
_KEYS: Final = {"when", "stacks", "command", "input"}


class StepError(Exception):
    """A step is not one, or it did not end with 0."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command.

    Attributes:
        when: One of `MOMENTS`.
        stacks: Which stacks it is for; empty for all.
        command: Word by word; `{python}` is the one that runs the sandbox, `{stack}` the stack's name.
        text: What it reads; `{random}` is a value that nobody has seen, another one each time.
    """

    when: str
    stacks: tuple[str, ...]
    command: tuple[str, ...]
    text: str

    def words(self, stack: str) -> list[str]:
        """Return the command's words for a stack, but for the interpreter, which is long and says nothing."""
        return [word.replace("{stack}", stack) for word in self.command]

    def run(self, stack: str, folder: Path, environment: Mapping[str, str]) -> str:
        """Run it in a folder and return what it prints. Raise `StepError` unless it ends with 0."""
        words = [sys.executable if word == "{python}" else word for word in self.words(stack)]
        done = subprocess.run(
            words,
            cwd=folder,
            env=dict(environment),
            input=re.sub(r"\{random\}", lambda _: secrets.token_urlsafe(24), self.text),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StepError(
                f"{' '.join(self.words(stack))} ended with {done.returncode}\n{done.stderr}{done.stdout[-4000:]}"
            )
        return done.stdout


def read_steps(found: list[dict[str, Any]]) -> list[Step]:
    """Read `[[tool.sandbox.steps]]`. Raise `StepError` for what is none."""
    steps = []
    for one in found:
        if unknown := sorted(one.keys() - _KEYS):
            raise StepError(f"[[tool.sandbox.steps]] has an unknown key {unknown[0]}")
        if one.get("when") not in MOMENTS or not one.get("command"):
            raise StepError(f"[[tool.sandbox.steps]] needs a command and `when`, one of {', '.join(MOMENTS)}: {one}")
        steps.append(
            Step(
                when=one["when"],
                stacks=tuple(one.get("stacks", ())),
                command=tuple(one["command"]),
                text=one.get("input", ""),
            )
        )
    return steps

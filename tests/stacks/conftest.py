"""Whole stacks, captured from the real __main__.py and the real stack files."""

from __future__ import annotations

import functools
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.captures import Capture
from tests.conftest import CaptureProgram

CHECKOUT = Path(__file__).parent.parent.parent
STACKS = sorted(path.name.split(".")[1] for path in CHECKOUT.glob("Pulumi.*.yaml"))
NO_SPOT_ROLE: dict[str, dict[str, list[str]]] = {"aws:iam/getRoles:getRoles": {"arns": [], "names": []}}

WholeStack = Callable[[str], Capture]


def stack_config(stack: str) -> dict[str, str]:
    """Return a stack's configuration as the engine hands it to a program: nested values as JSON text."""
    config = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


@pytest.fixture(scope="session")
def whole_stack(capture: CaptureProgram) -> WholeStack:
    """Return what a stack registers; each stack runs once."""

    @functools.cache
    def run(stack: str) -> Capture:
        program = lambda: runpy.run_path(str(CHECKOUT / "__main__.py"))  # noqa: E731 - a program is a callable
        return capture(program, stack=stack, config=stack_config(stack), functions=NO_SPOT_ROLE)

    return run

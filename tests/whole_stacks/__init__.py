"""Whole stacks, captured from the real __main__.py and the real stack files, as they are or with other values."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.captures import Capture

CHECKOUT = Path(__file__).parent.parent.parent
STACKS = sorted(path.name.split(".")[1] for path in CHECKOUT.glob("Pulumi.*.yaml"))
# An account without the Spot role, which holds the zone above both stacks' domains.
ACCOUNT: dict[str, dict[str, Any]] = {
    "aws:iam/getRoles:getRoles": {"arns": [], "names": []},
    "aws:route53/getZone:getZone": {"name": "example.com", "privateZone": False},
}

WholeStack = Callable[[str], Capture]
Values = Mapping[str, Mapping[str, Any]]


def stack_sections(stack: str, changes: Values | None = None) -> dict[str, Any]:
    """Return a stack's sections of `platform`, some of their keys changed."""
    config = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    sections = {key.removeprefix("platform:"): value for key, value in config.items()}
    for section, values in (changes or {}).items():
        sections[section] = {**sections[section], **values}
    return sections


def stack_config(stack: str, changes: Values | None = None) -> dict[str, str]:
    """Return a stack's configuration as the engine hands it to a program: nested values as JSON text."""
    sections = stack_sections(stack, changes).items()
    return {f"platform:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in sections}


def capture_stack(capture: Callable[..., Capture], stack: str, changes: Values | None = None) -> Capture:
    """Return what a stack registers, some of its values changed."""
    program = lambda: runpy.run_path(str(CHECKOUT / "__main__.py"))  # noqa: E731 - a program is a callable
    return capture(program, stack=stack, config=stack_config(stack, changes), functions=ACCOUNT)

"""What the rules find in each stack and in the variants that no stack file has."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from tests.conftest import CaptureProgram
from tests.policies import PROGRAMS, Findings, Program, find, program
from tests.whole_stacks import STACKS


@pytest.fixture(scope="session")
def stacks() -> list[str]:
    """Return the stacks that have a file."""
    return STACKS


@pytest.fixture(scope="session")
def programs(capture: CaptureProgram) -> Callable[[str], Program]:
    """Return a stack or a variant by name; each is run once."""
    return functools.cache(lambda name: program(capture, PROGRAMS[name]))


@pytest.fixture(scope="session")
def findings(programs: Callable[[str], Program]) -> Callable[[str], Findings]:
    """Return what the rules find in a stack or a variant, less what is waived."""
    return functools.cache(lambda name: find(programs(name)))

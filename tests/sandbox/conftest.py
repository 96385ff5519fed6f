"""Sandboxes for the tests that need a whole one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.applications import Application, ApplicationWatch
from sandbox.world import World

CHECKOUT = Path(__file__).parent.parent.parent


def hand_over(world: World, stack: str = "dev", kubeconfig: Path | None = None) -> list[Application]:
    """Do what an operator does after `up`, wait until the whole tree is healthy and return its Applications.

    Args:
        world: With the stack up in it.
        stack: Its name.
        kubeconfig: With which to look; by default the sandbox's own.
    """
    for step in world.project.steps(stack, "up"):
        step.run(stack, world.checkout, world.environment)
    return ApplicationWatch(kubeconfig or world.kubeconfig).until_healthy("root", timeout=600)


@pytest.fixture(scope="module")
def start_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], World]]:
    """Return a function that starts a sandbox on a checkout; all end with the module."""
    with ExitStack() as stack:

        def start(checkout: Path) -> World:
            return stack.enter_context(World(checkout, tmp_path_factory.mktemp("sandbox") / "world"))

        yield start


@pytest.fixture(scope="module")
def start_quiet_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], World]]:
    """Return a function that starts a sandbox for previews, without a Kubernetes API."""
    with ExitStack() as stack:

        def start(checkout: Path) -> World:
            folder = tmp_path_factory.mktemp("sandbox") / "world"
            return stack.enter_context(World(checkout, folder, kubernetes=False))

        yield start


@pytest.fixture(scope="module")
def checkout_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout, less what Git ignores, that a test may break."""
    folder = tmp_path_factory.mktemp("checkout")
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listing, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in [*filter(None, found.split("\0")), ".tools.json"]:
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
    return folder

"""The engine is killed while machines are ordered: `ops up` goes on, and a destroy takes what is there."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.leftovers import Inventory
from sandbox.world import World
from tests.sandbox.conftest import CHECKOUT
from tests.sandbox.self_managed import STACK, WITHOUT_TREE, Platform, with_workers, worker

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.life]

SMALL = with_workers(
    {f"k8s-worker-{name}": worker(name[0]) for name in ("a", "b", "c", "a2", "b2", "c2", "a3")}, **WITHOUT_TREE
)
MACHINES = 8


def _kill_up(platform: Platform, machines: int) -> None:
    """Start `pulumi up` and kill it when so many machines are there."""
    command = ["pulumi", "up", "--stack", STACK, "--yes", "--skip-preview", "--non-interactive"]
    world = platform.world
    with subprocess.Popen(
        command, cwd=world.project.folder, env=world.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 180
        while len(platform.instances()) < machines:
            assert process.poll() is None, "it was over before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()


def _counts(inventory: Inventory) -> Counter[str]:
    return Counter(
        {
            f"{service} {kind}": len(names)
            for service, kinds in inventory.items()
            for kind, names in kinds.items()
            if names and service != "pending deletion"
        }
    )


def test_half_of_the_machines(start_world: Callable[[Path], World]) -> None:
    """After a kill: recovered and destroyed nothing is left; recovered and brought up it is as if nothing had been."""
    platform = Platform(start_world(CHECKOUT))
    platform.write(SMALL)
    _kill_up(platform, machines=5)
    recovered = platform.ops("recover")
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    assert platform.destroy() == []

    _kill_up(platform, machines=5)
    result = platform.ops("up", "--yes", "--skip-preview")
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(platform.instances()) == len(platform.ready()) == MACHINES
    assert set(platform.engine.preview(expect_no_changes=True).steps) <= {"same", "read"}
    assert [row for row in platform.verify() if row["state"] == "fail"] == []
    killed = _counts(platform.world.inventory())
    assert platform.destroy() == []

    platform.up()
    assert _counts(platform.world.inventory()) == killed
    assert platform.destroy() == []

"""The engine is killed in the middle of `up`; the next `up` ends where a clean one would have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.leftovers import Inventory, leftovers
from sandbox.world import World
from tests.sandbox.conftest import CHECKOUT, hand_over

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.life]


def _counts(inventory: Inventory) -> Counter[str]:
    return Counter(
        {f"{s} {kind}": len(names) for s, kinds in inventory.items() for kind, names in kinds.items() if names}
    )


def _kill_up(world: World, made: int) -> None:
    """Start `pulumi up` and kill it when AWS holds so many more things than before."""
    before = sum(_counts(world.inventory()).values())
    command = ["pulumi", "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        command, cwd=world.project.folder, env=world.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 60
        while sum(_counts(world.inventory()).values()) < before + made:
            assert process.poll() is None, "it was over before it could be killed"
            assert time.monotonic() < deadline
        process.kill()


def _up(world: World) -> tuple[int, str]:
    """Run `ops up` and return its exit code and what it said; that comes with the failure, too, if it does not end."""
    command = [
        sys.executable,
        "-m",
        "ops",
        "up",
        "--stack",
        "dev",
        "--cwd",
        str(world.project.folder),
        "--yes",
        "--skip-preview",
    ]
    log = world.folder / "up.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=world.environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = process.wait(240)
        except subprocess.TimeoutExpired:
            # The whole session: the engine outlives a kill of `ops` alone, and goes on in a world that is gone.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            pytest.fail(f"`ops up` did not end within 240 s; it said\n{log.read_text(encoding='utf-8')}")
    return code, log.read_text(encoding="utf-8")


def test_up_after_two_kills_is_a_clean_up(start_world: Callable[[Path], World]) -> None:
    """Two kills at different depths, no hand-work: as many of each thing as after a clean run, and all can go."""
    world = start_world(CHECKOUT)
    engine = world.engine("dev")
    before = world.inventory()
    engine.up()
    hand_over(world)
    clean = _counts(world.inventory())
    retained = engine.retained()
    engine.destroy()
    # What a destroy keeps is there from now on; the second life starts from it.
    kept = _counts(world.inventory())
    assert [str(left) for left in leftovers(before, world.inventory(), retained) if not left.reason] == []

    _kill_up(world, made=12)
    first = _up_and_kill_again(world)
    code, said = _up(world)
    assert code == 0, first + said
    hand_over(world)
    pending = {kind: count for kind, count in kept.items() if kind.startswith("pending deletion")}
    assert _counts(world.inventory()) == clean + Counter(pending)
    assert set(engine.preview(expect_no_changes=True).steps) == {"same"}
    # What the counts do not show, such as a second policy inside of a role, would hold what it belongs to.
    retained = engine.retained()
    engine.destroy()
    assert [str(left) for left in leftovers(before, world.inventory(), retained) if not left.reason] == []


def _up_and_kill_again(world: World) -> str:
    """Run `ops recover`, so that the second kill finds another depth, and kill the engine again."""
    command = [sys.executable, "-m", "ops", "recover", "--stack", "dev", "--cwd", str(world.project.folder)]
    result = subprocess.run(
        command, cwd=CHECKOUT, env=world.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    _kill_up(world, made=25)
    return result.stdout

"""Ratio of a stack's preview to a bare program's with as many resources, both on the sandbox, in one run.

Run it with `make bench`. The bare program uses the same SDK, engine and provider host, so the ratio is what the
platform's own code costs: imports, planning, components, and waiting of one resource for another.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.world import World

CHECKOUT = Path(__file__).resolve().parent.parent
_ROUNDS = 5
_LIMIT = 1.3


def main(stack: str = "dev") -> int:
    """Print both medians and their ratio; return 1 when it is above the limit."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        World(CHECKOUT, Path(folder) / "world", kubernetes=False) as world,
    ):
        resources = len(world.engine(stack).preview().resources)
        bare = _bare_project(Path(folder) / "bare", resources - 2, world.environment)
        world.engine(stack)
        platform_times, bare_times = [], []
        for _ in range(_ROUNDS):  # alternating, so that a slow spell of the machine hits both
            platform_times.append(_preview(world.project.folder, stack, world.environment))
            bare_times.append(_preview(bare, "bare", world.environment))
    platform, trivial = statistics.median(platform_times), statistics.median(bare_times)
    ratio = platform / trivial
    print(
        f"preview of {resources} resources: {stack} {platform:.2f} s, bare program {trivial:.2f} s, "
        f"ratio {ratio:.2f} (limit {_LIMIT})"
    )
    return 0 if ratio <= _LIMIT else 1


def _bare_project(folder: Path, resources: int, environment: Mapping[str, str]) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        f"name: bare\nruntime: python\nmain: {CHECKOUT / 'bench' / 'bare'}\n", encoding="utf-8"
    )
    for command in (["stack", "init", "bare"], ["config", "set", "bare:resources", str(resources)]):
        subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=folder,
            env=dict(environment),
            check=True,
            capture_output=True,
        )
    return folder


def _preview(project: Path, stack: str, environment: Mapping[str, str]) -> float:
    started = time.monotonic()
    subprocess.run(
        ["pulumi", "preview", "--stack", stack, "--non-interactive"],
        cwd=project,
        env=dict(environment),
        check=True,
        capture_output=True,
    )
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

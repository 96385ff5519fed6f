"""Ratio of a stack's preview to a bare program's with as many resources, both on the sandbox, in one run.

Run it with `make bench`. Both use the same engine and provider host. The ratio that is judged compares with a bare
program that imports the same SDK packages: it is what the platform's own code costs, its planning, its components and
the waiting of one resource for another. The other ratio, for the record, compares with one that imports one package.
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
        projects = {stack: world.project.folder, "sdks": bare, "plain": bare}
        times: dict[str, list[float]] = {name: [] for name in projects}
        for _ in range(_ROUNDS):  # in turn, so that a slow spell of the machine hits all
            for name, project in projects.items():
                times[name].append(_preview(project, name, world.environment))
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    ratio = median[stack] / median["sdks"]
    print(
        f"preview of {resources} resources: {stack} {median[stack]:.2f} s; bare program with the same SDKs "
        f"{median['sdks']:.2f} s, ratio {ratio:.2f} (limit {_LIMIT}); with one SDK {median['plain']:.2f} s, "
        f"ratio {median[stack] / median['plain']:.2f}"
    )
    return 0 if ratio <= _LIMIT else 1


def _bare_project(folder: Path, resources: int, environment: Mapping[str, str]) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        f"name: bare\nruntime: python\nmain: {CHECKOUT / 'bench' / 'bare'}\n", encoding="utf-8"
    )
    for name, sdks in (("sdks", "true"), ("plain", "false")):
        _run(folder, environment, "stack", "init", name)
        _run(folder, environment, "config", "set", "bare:resources", str(resources))
        _run(folder, environment, "config", "set", "bare:sdks", sdks)
    return folder


def _preview(project: Path, stack: str, environment: Mapping[str, str]) -> float:
    started = time.monotonic()
    _run(project, environment, "preview", "--stack", stack)
    return time.monotonic() - started


def _run(project: Path, environment: Mapping[str, str], *command: str) -> None:
    subprocess.run(
        ["pulumi", *command, "--non-interactive"], cwd=project, env=dict(environment), check=True, capture_output=True
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

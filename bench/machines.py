"""Time and memory of a preview by the number of machines, on the sandbox, in one run.

Run it with `make bench`. A cluster of a thousand machines is to cost as much a machine as one of a hundred, and the
largest process of a preview, engine or program, less than a gigabyte.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from sandbox.world import World

CHECKOUT = Path(__file__).resolve().parent.parent
_STACK = "nodes14"
_SIZES = (14, 100, 1000)
# Of a further machine, beyond a hundred against up to a hundred; the engine's own noise is in it.
_LIMIT = 1.3
_MOST_MEBIBYTES = 1024


def main() -> int:
    """Print seconds and memory of each size; return 1 when a machine costs more the more there are."""
    seconds, memory = {}, {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        World(CHECKOUT, Path(folder) / "world", kubernetes=False) as world,
    ):
        path = world.project.folder / f"Pulumi.{_STACK}.yaml"
        engine = world.engine(_STACK)
        engine.preview()  # warms what Python compiles
        for size in _SIZES:
            _resize(path, size)
            started = time.monotonic()
            resources = len(engine.preview().resources)
            seconds[size] = time.monotonic() - started
            memory[size] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            print(f"{size:5} machines: {resources} resources, {seconds[size]:.1f} s, {memory[size]} MiB")
    small, middle, large = _SIZES
    first = (seconds[middle] - seconds[small]) / (middle - small)
    further = (seconds[large] - seconds[middle]) / (large - middle)
    print(
        f"a further machine: {1000 * first:.0f} ms up to {middle}, {1000 * further:.0f} ms beyond, "
        f"ratio {further / first:.2f} (limit {_LIMIT})"
    )
    return 0 if further / first <= _LIMIT and memory[large] < _MOST_MEBIBYTES else 1


def _resize(path: Path, size: int) -> None:
    """Give the stack so many machines."""
    stack: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    machines = stack["config"]["platform:machines"]
    workers = machines["workers"]
    shape = workers["k8s-monitoring"]
    for number in range(size - machines["controlPlanes"] - len(workers)):
        workers[f"worker-{number:04}"] = {
            **shape,
            "zone": list(stack["config"]["platform:network"]["zones"])[number % 3],
        }
    machines["total"] = machines["controlPlanes"] + len(workers)
    stack["config"]["platform:cluster"]["podCidr"] = "172.16.0.0/12"
    path.write_text(yaml.safe_dump(stack, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""How long `platform gitops render` takes: every stack, one after the other.

Run it with `make bench`. Charts of others are looked for as the command does: in the user's cache, else where they lie.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# Seconds for all stacks together on two processors that have nothing else to do.
_LIMIT = 20


def main() -> int:
    """Print how long each stack takes; return 1 when all together take longer than the limit."""
    total = 0.0
    for stack in sorted(file.name.split(".")[1] for file in CHECKOUT.glob("Pulumi.*.yaml")):
        started = time.monotonic()
        command = [sys.executable, "-m", "ops", "gitops", "render", "--stack", stack]
        subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
        seconds = time.monotonic() - started
        print(f"gitops render --stack {stack}: {seconds:.1f} s")
        total += seconds
    print(f"all stacks: {total:.1f} s (limit {_LIMIT} s)")
    return 0 if total <= _LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())

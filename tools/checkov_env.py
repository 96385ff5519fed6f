"""checkov's environment, made only when somebody wants it: `python3 -m tools.checkov_env`, which `make checkov` runs.

It lies in the user's cache and not in .venv: checkov pins a hundred packages, some of them the program's own in other
versions. One folder per lock file, so that clones at different commits do not undo each other's.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tools import python_env
from tools.catalog import UV
from tools.download import Downloader
from tools.setup import ROOT, Setup, say
from tools.store import SetupError, Store, default_root

PROJECT = ROOT / "tools" / "checkov"


def folder() -> Path:
    """Name the environment of the lock file as it is now."""
    return default_root() / "checkov" / python_env.fingerprint(PROJECT)[:16]


def program() -> Path:
    """Return checkov itself.

    Raises:
        SetupError: The environment is not there; the message says how to make it.
    """
    if not python_env.is_current(PROJECT, folder()):
        raise SetupError(f"checkov is not there: {folder()} is missing or not finished; run `make checkov`")
    return folder() / "bin" / "checkov"


def main() -> int:
    """Make the environment if it is not there, and return the exit code."""
    started = time.monotonic()
    if python_env.is_current(PROJECT, folder()):
        return 0
    setup = Setup(store=Store(default_root()), downloader=Downloader(say))
    try:
        uv, _ = setup.provide(UV)
        python_env.synchronise(PROJECT, uv, say, folder())
    except SetupError as error:
        print(f"set-up: checkov: {error}", file=sys.stderr)
        return 1
    say(f"set up: checkov in {folder()} ({time.monotonic() - started:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

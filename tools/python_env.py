"""The Python side of the set-up: locked environments, the program's in .venv."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from tools.build import run_with_life
from tools.store import SetupError, UnavailableError

_INPUTS = ("uv.lock", "pyproject.toml")


def fingerprint(root: Path) -> str:
    """Sum up what the environment is made from."""
    digest = hashlib.sha256()
    for name in _INPUTS:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def is_current(root: Path, folder: Path | None = None) -> bool:
    """Whether the environment was made from the root's lock file as it is now; it is .venv unless a folder is named."""
    folder = folder or root / ".venv"
    stamp = folder / ".setup-stamp"
    if not ((folder / "bin" / "python").exists() and stamp.is_file()):
        return False
    return stamp.read_text() == fingerprint(root)


def synchronise(root: Path, uv: Path, say: Callable[[str], None], folder: Path | None = None) -> None:
    """Make the environment what the root's lock file says; it is .venv unless a folder is named."""
    folder = folder or root / ".venv"
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment["UV_PROJECT_ENVIRONMENT"] = str(folder)
    wanted = fingerprint(root)
    try:
        command = (str(uv), "sync", "--frozen", "--compile-bytecode")
        run_with_life(command, "Python environment", say, cwd=root, env=environment)
    except UnavailableError as error:
        raise SetupError(
            f"Python environment: {error}\n"
            "Ways out: let this machine reach the package index (UV_DEFAULT_INDEX names a mirror), "
            "or copy uv's cache folder from a machine that has it"
        ) from error
    (folder / ".setup-stamp").write_text(wanted)

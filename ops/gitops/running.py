"""Helm, kustomize and git as they are run here."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ops.errors import OpsError

# Which tools `make setup` brought, and where they are.
_LISTING: Final = Path(__file__).resolve().parents[2] / ".tools.json"
# Seconds after which a tool that works on local files only is not going to end.
_LONGEST: Final = 120

Tool = Callable[[str], Path]


def tool(name: str) -> Path:
    """Return where a tool is: the one that `make setup` brought, else the one in PATH.

    Raises:
        OpsError: There is none.
    """
    listing: Mapping[str, str] = json.loads(_LISTING.read_text(encoding="utf-8")) if _LISTING.is_file() else {}
    brought = Path(listing.get(name, ""))
    found = str(brought) if name in listing and brought.is_file() else shutil.which(name)
    if found is None:
        raise OpsError(f"{name} is neither brought by `make setup` nor in PATH; run `make setup`")
    return Path(found)


class RunError(OpsError):
    """A tool refused; the message is its own, in one line."""


def run(
    program: Path,
    *arguments: str,
    given: str = "",
    folder: Path | None = None,
    seconds: float = _LONGEST,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program and return what it prints.

    Args:
        program: What to run.
        arguments: Its words.
        given: Its standard input.
        folder: Where it runs.
        seconds: How long it may take.
        environment: In place of the caller's own.

    Raises:
        RunError: It failed or took too long.
    """
    try:
        done = subprocess.run(
            [program, *arguments],
            check=False,
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=folder,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise RunError(f"{program.name} did not end within {seconds:.0f} s") from error
    if done.returncode:
        raise RunError(" ".join(done.stderr.split()).removeprefix("Error: ") or f"{program.name} failed")
    return done.stdout

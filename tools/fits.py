"""Which version found on PATH serves for the one pinned, and how it is found out."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def parse(text: str) -> tuple[int, int, int] | None:
    """Take the first version out of what a tool prints."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def same_minor(found: str, pinned: str) -> bool:
    """Accept any patch of the pinned minor."""
    mine, theirs = parse(pinned), parse(found)
    return mine is not None and theirs is not None and mine[:2] == theirs[:2]


def within_one_minor(found: str, pinned: str) -> bool:
    """Accept the skew that kubectl supports."""
    mine, theirs = parse(pinned), parse(found)
    return mine is not None and theirs is not None and mine[0] == theirs[0] and abs(mine[1] - theirs[1]) <= 1


def same_major_from(found: str, pinned: str) -> bool:
    """Accept the pinned minor and everything newer below the next major."""
    mine, theirs = parse(pinned), parse(found)
    return mine is not None and theirs is not None and mine[0] == theirs[0] and theirs[1] >= mine[1]


class Probe:
    """Asks programs for their version and remembers the answers.

    Some programs need a second to say their version, so an answer is kept until the file changes.

    Args:
        memory: File of the answers, shared by all clones.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory

    def version(self, program: Path, arguments: tuple[str, ...]) -> str:
        """Return what the program prints, or an empty string when it cannot be run."""
        status = program.stat()
        key = " ".join((str(program), *arguments))
        seen = [status.st_mtime_ns, status.st_size]
        answers = self._read()
        known = answers.get(key)
        if isinstance(known, list) and known[:2] == seen:
            return str(known[2])
        answer = _ask(program, arguments)
        self._write({**answers, key: [*seen, answer]})
        return answer

    def _read(self) -> dict[str, object]:
        try:
            answers = json.loads(self._memory.read_text())
        except (OSError, ValueError):
            return {}
        return answers if isinstance(answers, dict) else {}

    def _write(self, answers: dict[str, object]) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        part = self._memory.with_suffix(f".part-{os.getpid()}")
        part.write_text(json.dumps(answers, indent=1))
        part.replace(self._memory)


def _ask(program: Path, arguments: tuple[str, ...]) -> str:
    try:
        result = subprocess.run(
            [program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.decode(errors="replace").strip()[:200] if result.returncode == 0 else ""

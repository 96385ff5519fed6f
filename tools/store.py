"""The user's cache folder: one folder per tool and version, shared by every clone and every CI run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.catalog import Tool


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


class UnavailableError(Exception):
    """One way to a tool is not open here; the next one may be."""


def default_root() -> Path:
    """Name the cache folder of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "aws-kubernetes-platform" / "tools"


class Store:
    """Where results are kept.

    A result appears by rename only, so whoever sees it sees all of it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, tool: Tool) -> Path:
        """Name the folder of one tool's version."""
        return self.root / tool.name / tool.version

    def path(self, tool: Tool) -> Path:
        """Name the result: the program, or the folder of a data set."""
        return self.folder(tool) if tool.is_data else self.folder(tool) / tool.name

    def holds(self, tool: Tool) -> bool:
        """Whether the result is there, whole."""
        if tool.is_data:
            return all((self.folder(tool) / name).is_file() for name in tool.files)
        return os.access(self.path(tool), os.X_OK)

    @contextmanager
    def claim(self, tool: Tool, say: Callable[[str], None]) -> Iterator[Path]:
        """Keep other set-ups off this tool and lend an empty folder to work in."""
        folder = self.folder(tool)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"{tool.name} {tool.version}: another set-up is at work on it; waiting")
                fcntl.flock(lock, fcntl.LOCK_EX)
            for left_over in folder.glob(".part-*"):  # of a set-up that was killed: the lock says it is gone
                shutil.rmtree(left_over, ignore_errors=True)
            work = folder / f".part-{os.getpid()}"
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def publish(self, tool: Tool, work: Path) -> None:
        """Move what lies in the work folder to its place, the tool itself last."""
        names = tool.files or (tool.name,)
        if missing := [name for name in names if not (work / name).is_file()]:
            raise SetupError(f"{tool.name} {tool.version}: {', '.join(missing)} did not come out of it")
        extras = sorted(path.name for path in work.iterdir() if path.is_file() and path.name not in names)
        for name in (*extras, *names):
            part = work / name
            part.chmod(0o644 if tool.is_data else 0o755)
            part.replace(self.folder(tool) / name)

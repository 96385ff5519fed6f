"""Child processes that never outlive their parent, and what a crash left of them.

On Linux the kernel kills a child when its parent dies. Everywhere a file names each child with its start time, so that
the next start can end what is left without ever touching a process that merely got the same number.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# Runs in the child: asks the kernel for SIGKILL at the parent's death, then becomes the real program. The parent may
# have died before the request, which the changed parent number shows. A `preexec_fn` would do the same, but may
# deadlock in a process with threads.
_LAUNCH = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("parent has died")
os.execv(sys.argv[2], sys.argv[2:])
"""
# The kernel takes the death of the *thread* that forked for the parent's death, so all forks come from one that stays.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.2
_TAIL_LINES = 15
# Below the range of outgoing connections, one of which could take a port before its server does.
_PORTS = range(20000, 32000)


class ProcessError(Exception):
    """A process did not start, ended too early, or belongs to somebody else."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A running child.

    Attributes:
        name: Its name within the folder.
        log: File with what it printed.
    """

    name: str
    log: Path
    popen: subprocess.Popen[bytes]

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def tail(self) -> str:
        """Return the last lines of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    def wait_until(self, ready: Callable[[], bool], *, timeout: float, what: str) -> None:
        """Wait until `ready` says so. Raise `ProcessError` with the log's tail when the process ends or time is up."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.alive:
                raise ProcessError(f"{self.name} ended with code {self.popen.returncode} before {what}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name}: no {what} within {timeout:.0f} s:\n{self.tail()}")
            time.sleep(0.05)


class Supervisor:
    """Starts and ends the child processes of one folder.

    Args:
        folder: Gets `logs/`, `pids/`, `home/` and `tmp/`. What a dead owner left running in it is ended first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("logs", "pids", "home", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        sweep(folder)
        self._processes: dict[str, Process] = {}

    @property
    def processes(self) -> Mapping[str, Process]:
        """The children by name, dead ones too until they are stopped."""
        return dict(self._processes)

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Process:
        """Start a program with a minimal environment plus `environment`. Its absolute path comes first in `command`."""
        log = self.folder / "logs" / f"{name}.log"
        words = [str(word) for word in command]
        if not os.access(words[0], os.X_OK):
            raise ProcessError(f"{name}: {words[0]} is not a program; run `make setup`")
        # Nothing of the caller's environment: a proxy or a foreign cluster in it must not reach the children.
        variables = {"PATH": os.defpath, "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *words]
        with log.open("ab") as output:
            popen = _SPAWNER.submit(
                subprocess.Popen,
                launch,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=variables | dict(environment or {}),
                cwd=self.folder,
                start_new_session=True,
            ).result()
        process = Process(name=name, log=log, popen=popen)
        self._processes[name] = process
        record = {"owner": _identity(os.getpid()), "process": _identity(popen.pid)}
        (self.folder / "pids" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
        return process

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        active: Callable[[], bool] = lambda: True,
    ) -> tuple[int, str]:
        """Run a program to its end and return its exit code and what it printed. Its log does not stay.

        `active` is asked again and again; when it says no, the program is stopped.
        """
        process = self.start(name, command, environment)
        try:
            while process.alive and active():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.popen.wait(_POLL_SECONDS)
            self.stop(name)
            return process.popen.wait(), process.log.read_text(encoding="utf-8", errors="replace")
        finally:
            self.stop(name)
            process.log.unlink(missing_ok=True)

    def stop(self, *names: str) -> None:
        """End the named children: SIGTERM to each, SIGKILL to what has not ended a few seconds later."""
        ending = [self._processes.pop(name) for name in names if name in self._processes]
        for process in reversed(ending):
            _signal_group(process.popen.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(max(0.0, deadline - time.monotonic()))
            # Always: the group may hold a grandchild although its leader has gone.
            _signal_group(process.popen.pid, signal.SIGKILL)
            process.popen.wait()
            (self.folder / "pids" / f"{process.name}.json").unlink(missing_ok=True)


def sweep(folder: Path) -> list[str]:
    """End what a dead owner left running in a folder and return the names.

    Raise `ProcessError` when the owner is alive: then the folder is in use.
    """
    swept: list[str] = []
    for file in sorted((folder / "pids").glob("*.json")):
        record = _read(file)
        owner, process = record.get("owner", {}), record.get("process", {})
        if owner == _identity(os.getpid()):
            continue
        if _is(owner):
            raise ProcessError(f"{folder} is in use by process {owner['pid']}: stop that one first")
        if _is(process):
            _signal_group(int(process["pid"]), signal.SIGKILL)
            swept.append(file.stem)
        file.unlink(missing_ok=True)
    return swept


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on."""
    with contextlib.ExitStack() as held:
        found: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            candidate = held.enter_context(socket.socket())
            # As servers do; else a port whose last connections linger looks taken.
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                candidate.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise ProcessError(f"no {count} free ports between {_PORTS.start} and {_PORTS.stop}")


def _read(file: Path) -> dict[str, dict[str, str | int]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return {}  # the crash came while it was written
    return found if isinstance(found, dict) else {}


def _identity(pid: int) -> dict[str, str | int]:
    return {"pid": pid, "started": _started(pid)}


def _is(identity: Mapping[str, str | int]) -> bool:
    started = identity.get("started")
    return bool(started) and _started(int(identity["pid"])) == started


def _started(pid: int) -> str:
    """Return what tells this process from any other with its number, or "" when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        # No such process, or no such folder outside Linux.
        listing = ["ps", "-o", "lstart=", "-p", str(pid)]
        proc = Path("/proc/self").exists()
        return "" if proc else subprocess.run(listing, capture_output=True, text=True, check=False).stdout.strip()
    # Field 22 of the file, counted after the name, which may hold spaces: ticks since boot, so the boot counts too.
    return "" if fields[0] == "Z" else f"{boot}/{fields[19]}"


def _signal_group(pid: int, number: signal.Signals) -> None:
    # Each child leads a session of its own, so its number is also its group's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

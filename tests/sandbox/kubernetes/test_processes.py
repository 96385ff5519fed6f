"""Child processes: none outlives its parent, and no foreign one is ever touched."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox.kubernetes.processes import ProcessError, Supervisor, free_ports, sweep
from tests.sandbox.kubernetes.conftest import until

_SLEEP = ["/bin/sleep", "60"]
_PARENT = """
import sys, time
from pathlib import Path
from sandbox.kubernetes.processes import Supervisor
print(Supervisor(Path(sys.argv[1])).start("child", ["/bin/sleep", "60"]).popen.pid, flush=True)
time.sleep(60)
"""


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _parent(folder: Path) -> tuple[subprocess.Popen[str], int]:
    popen = subprocess.Popen([sys.executable, "-c", _PARENT, str(folder)], stdout=subprocess.PIPE, text=True)
    assert popen.stdout is not None
    return popen, int(popen.stdout.readline())


def _kill(popen: subprocess.Popen[str]) -> None:
    popen.kill()
    popen.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start sweeps")
def test_a_killed_parent_takes_its_children_along(tmp_path: Path) -> None:
    """A child is gone as soon as its parent was killed with SIGKILL."""
    parent, child = _parent(tmp_path)
    assert _runs(child)
    _kill(parent)
    until(lambda: not _runs(child), 30)


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """A child started in a thread runs on when the thread ends, and ends when it is stopped."""
    supervisor = Supervisor(tmp_path)
    thread = threading.Thread(target=supervisor.start, args=("child", _SLEEP))
    thread.start()
    thread.join()
    process = supervisor.processes["child"]
    with pytest.raises(subprocess.TimeoutExpired):
        process.popen.wait(0.3)
    supervisor.stop("child")
    assert not process.alive
    assert not list((tmp_path / "pids").iterdir())


def test_stop_without_names_ends_nothing(tmp_path: Path) -> None:
    """Stopping no process leaves all running."""
    supervisor = Supervisor(tmp_path)
    process = supervisor.start("child", _SLEEP)
    supervisor.stop()
    assert process.alive
    supervisor.stop("child")


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process deaf to SIGTERM ends by SIGKILL after the grace time."""
    monkeypatch.setattr("sandbox.kubernetes.processes._GRACE_SECONDS", 0.2)
    supervisor = Supervisor(tmp_path)
    process = supervisor.start("deaf", ["/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 60; done"])
    process.wait_until(lambda: "deaf" in process.tail(), timeout=30, what="word")
    supervisor.stop("deaf")
    assert process.popen.returncode == -signal.SIGKILL


def _leftover(folder: Path, process: dict[str, int | str]) -> Path:
    pids = folder / "pids"
    pids.mkdir(parents=True, exist_ok=True)
    file = pids / "old.json"
    file.write_text(json.dumps({"owner": {"pid": 1, "started": "another boot"}, "process": process}))
    return file


def test_sweep_ends_what_a_crash_left(tmp_path: Path) -> None:
    """A process whose owner is dead is ended by the next start in the folder."""
    parent, _ = _parent(tmp_path / "a")
    record = json.loads((tmp_path / "a" / "pids" / "child.json").read_text())
    file = _leftover(tmp_path / "b", record["process"])
    assert sweep(tmp_path / "b") == ["old"]
    until(lambda: not _runs(record["process"]["pid"]), 30)
    assert not file.exists()
    _kill(parent)


def test_sweep_never_ends_a_foreign_process(tmp_path: Path) -> None:
    """A process that merely got the number of a dead one is left alone."""
    with subprocess.Popen(_SLEEP, start_new_session=True) as foreign:
        file = _leftover(tmp_path, {"pid": foreign.pid, "started": "another boot/1"})
        assert sweep(tmp_path) == []
        assert foreign.poll() is None
        assert not file.exists()
        foreign.kill()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """A folder whose owner lives is refused, and the owner's children run on."""
    parent, child = _parent(tmp_path)
    with pytest.raises(ProcessError, match=f"in use by process {parent.pid}"):
        Supervisor(tmp_path)
    assert _runs(child)
    _kill(parent)


def test_a_failed_start_quotes_the_log(tmp_path: Path) -> None:
    """The error of a process that ended too early carries its code and its last words."""
    process = Supervisor(tmp_path).start("broken", ["/bin/sh", "-c", "echo no such flag; exit 3"])
    with pytest.raises(ProcessError, match=r"broken ended with code 3 before ready:\nno such flag"):
        process.wait_until(lambda: False, timeout=30, what="ready")


def test_children_get_nothing_of_the_callers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy or kubeconfig in the caller's environment does not reach a child."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    code, output = Supervisor(tmp_path).run("env", ["/usr/bin/env"], {"ANSWER": "42"})
    assert code == 0
    assert "ANSWER=42" in output
    assert "PROXY" not in output
    assert not (tmp_path / "logs" / "env.log").exists()


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """A tool that is not there is an error that says how to get it."""
    with pytest.raises(ProcessError, match="make setup"):
        Supervisor(tmp_path).start("gone", [tmp_path / "gone"])


def test_free_ports_are_distinct_and_below_the_outgoing_range() -> None:
    """Ports handed out are different ones that no outgoing connection may take."""
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32768

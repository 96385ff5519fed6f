"""The sandbox as a process: one per folder, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.conftest import CHECKOUT

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


def _start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "start", "--stack", "dev", "--folder", str(folder)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait_until_it_runs(process: subprocess.Popen[str]) -> str:
    """Read the environment that it prints, up to the last line."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("cd "):
            return "".join(printed)
    raise AssertionError("".join(printed))


def _processes(folder: Path) -> list[str]:
    """Return the command lines that name the folder, less those of the sandbox itself."""
    listing = subprocess.run(["ps", "-ewwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in listing.splitlines() if str(folder) in line]
    return [line for line in lines if " -m sandbox start" not in line]


def _wait_until(gone: Path, seconds: float = 60) -> list[str]:
    deadline = time.monotonic() + seconds
    while (left := _processes(gone)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    folder = tmp_path / "world"
    with _start(folder) as process:
        try:
            _wait_until_it_runs(process)
            yield process, folder
        finally:
            process.kill()


def _wait_for_etcd(folder: Path) -> None:
    deadline = time.monotonic() + 120
    while not any("etcd" in line for line in _processes(folder)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_sandbox_leaves_no_process_and_no_file(
    running: tuple[subprocess.Popen[str], Path], number: signal.Signals
) -> None:
    """Ctrl-C, or a polite end from outside, takes everything with it."""
    process, folder = running
    _wait_for_etcd(folder)
    process.send_signal(number)
    process.wait(120)
    assert _wait_until(folder) == []
    assert not folder.exists()


def test_second_start_in_a_folder_is_refused_and_harms_nothing(running: tuple[subprocess.Popen[str], Path]) -> None:
    """The second one says who is there; the first one goes on."""
    process, folder = running
    with _start(folder) as second:
        output, _ = second.communicate(timeout=120)
    assert second.returncode == 1
    assert "already running" in output
    assert process.poll() is None
    assert folder.exists()


def test_crashed_sandbox_leaves_no_process_and_the_next_takes_over(
    running: tuple[subprocess.Popen[str], Path],
) -> None:
    """Killed without warning, its children die with it, and its folder is no obstacle."""
    process, folder = running
    _wait_for_etcd(folder)
    process.kill()
    process.wait(60)
    assert _wait_until(folder) == []
    with _start(folder) as second:
        _wait_until_it_runs(second)
        second.send_signal(signal.SIGINT)
        second.wait(120)
    assert not folder.exists()


def test_foreign_settings_do_not_reach_the_sandbox(tmp_path: Path) -> None:
    """A user's own profile, token or cluster is not in the environment that the engine gets."""
    foreign = {"AWS_PROFILE": "production", "PULUMI_ACCESS_TOKEN": "x", "KUBECONFIG": "/home/me/.kube/config"}
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", "start", "--stack", "dev", "--folder", str(tmp_path / "world")],
        cwd=CHECKOUT,
        env=os.environ | foreign,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        printed = _wait_until_it_runs(process)
        process.send_signal(signal.SIGINT)
        process.wait(120)
    assert "unset AWS_PROFILE" in printed
    assert "unset PULUMI_ACCESS_TOKEN" in printed
    assert f"export KUBECONFIG={tmp_path}" in printed


def test_unknown_stack_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """A typing mistake ends in one line, before anything starts."""
    result = subprocess.run(
        [sys.executable, "-m", "sandbox", "preview", "--stack", "stagging", "--folder", str(tmp_path / "world")],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert "no stack stagging" in result.stdout
    assert "dev, nodes14, prod" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr

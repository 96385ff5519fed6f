"""The language host under the real engine."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.language import LanguageHost
from sandbox.tools import load_tools

pytestmark = pytest.mark.engine
CHECKOUT = Path(__file__).parent.parent.parent


class Engine:
    """The pulumi command on a project whose program a test writes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.program = folder / "program"
        self.program.mkdir()
        self._folder = folder
        (folder / "Pulumi.yaml").write_text(f"name: demo\nruntime: python\nmain: {self.program}\n")
        self._pulumi = str(load_tools(CHECKOUT)["pulumi"])
        self._environment = os.environ | {
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_DEBUG_LANGUAGES": f"python:{port}",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        assert self.run("stack", "init", "dev").returncode == 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._pulumi, *arguments, "--non-interactive"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def write(self, text: str) -> None:
        (self.program / "__main__.py").write_text(text)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    host = LanguageHost()
    try:
        yield Engine(tmp_path, host.serve())
    finally:
        host.stop()


def test_program_runs_and_what_it_prints_is_shown(engine: Engine) -> None:
    """Output, configuration and exports go the way they go with the official plugin."""
    engine.write("import pulumi\nprint('hello from the program')\npulumi.export('stack', pulumi.get_stack())\n")
    result = engine.run("up", "--yes", "--skip-preview")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "hello from the program" in result.stdout
    assert engine.run("stack", "output", "stack").stdout.strip() == "dev"


def test_every_run_is_a_fresh_process(engine: Engine) -> None:
    """Preview and update of one `pulumi up` see no module state of each other."""
    (engine.program / "counter.py").write_text("count = 0\n")
    engine.write("import counter\ncounter.count += 1\nprint('count is', counter.count)\n")
    result = engine.run("up", "--yes")
    assert "count is 1" in result.stdout
    assert "count is 2" not in result.stdout


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import pulumi\nraise pulumi.RunError('demo:x = 1: too small; use 2')\n", "demo:x = 1: too small; use 2"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("import os\nos._exit(9)\n", "ended with code 9"),
    ],
)
def test_failing_program_fails_the_operation_and_says_why(engine: Engine, program: str, said: str) -> None:
    """An error of the program, even its sudden end, is the operation's error."""
    engine.write(program)
    result = engine.run("preview")
    assert result.returncode != 0
    assert said in result.stdout + result.stderr


def test_error_of_the_user_has_no_traceback(engine: Engine) -> None:
    """`RunError` is for whoever wrote the configuration; a traceback would bury its line."""
    engine.write("import pulumi\nraise pulumi.RunError('demo:x = 1: too small')\n")
    result = engine.run("preview")
    assert "Traceback" not in result.stdout + result.stderr


def test_program_ends_with_its_host(tmp_path: Path) -> None:
    """A host that stops takes a running program with it."""
    host = LanguageHost()
    engine = Engine(tmp_path, host.serve())
    marker = tmp_path / "pid"
    engine.write(f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n")
    thread = threading.Thread(target=engine.run, args=("preview",))
    thread.start()
    deadline = time.monotonic() + 30
    while not (marker.exists() and marker.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    host.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), signal.SIG_DFL)
    thread.join(30)
    assert not thread.is_alive()

"""Ctrl-C while the engine works: it is the engine that ends what is under way, and nobody ends the engine meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
# Answers what `ops` asks, then works until Ctrl-C, and takes a second to end in order.
_PULUMI = """#!{python}
import pathlib, signal, sys, time
answers = {{"config": "{{}}", "stack": '{{"deployment": {{"resources": []}}}}'}}
if sys.argv[1] in answers or "--json" in sys.argv:
    print(answers.get(sys.argv[1], '{{"steps": []}}'))
    sys.exit()
def end(*_):
    time.sleep(1)
    pathlib.Path({ended!r}).touch()
    sys.exit(5)
signal.signal(signal.SIGINT, end)
pathlib.Path({began!r}).touch()
time.sleep(60)
"""
_OPS = "import sys, ops.cli; ops.cli.app(sys.argv[1:])"
# As `make preview` does it.
_ON_AWS = (
    "import pathlib, sys, tools.on_aws as t; t._LISTING = pathlib.Path('.tools.json'); sys.exit(t.main(sys.argv[1:]))"
)


@pytest.mark.parametrize("program", [_OPS, _ON_AWS], ids=["ops", "make"])
def test_the_engine_ends_in_order(program: str, tmp_path: Path) -> None:
    """A terminal tells the whole group; who would kill the engine then leaves its lock and creates without an end."""
    began, ended = tmp_path / "began", tmp_path / "ended"
    for name in ("pulumi", "pulumi-language-python"):
        (tmp_path / name).write_text(_PULUMI.format(python=sys.executable, began=str(began), ended=str(ended)))
        (tmp_path / name).chmod(0o755)
    (tmp_path / ".tools.json").write_text(f'{{"pulumi": "{tmp_path}/pulumi"}}')
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example",
    }
    command = [sys.executable, "-c", program, "preview", "--stack", "dev"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not began.exists():
            assert process.poll() is None, "it was over before it began"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 5
    assert ended.exists()

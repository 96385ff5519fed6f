"""How many steps `up` does at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ops.engine import PARALLEL, Pulumi


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ([], [f"--parallel={PARALLEL}"]),
        (["--yes"], ["--yes", f"--parallel={PARALLEL}"]),
        (["--parallel", "4"], ["--parallel", "4"]),
        (["--parallel=4"], ["--parallel=4"]),
        (["-p", "4", "--yes"], ["-p", "4", "--yes"]),
    ],
)
def test_up_waits_for_many_things_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], called: list[str]
) -> None:
    """The engine's own number goes by the machine's cores, though every step waits for AWS; who says one is heard."""
    seen = tmp_path / "seen"
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f"#!{sys.executable}\nimport sys\nopen({str(seen)!r}, 'w').write(chr(10).join(sys.argv[1:]))\n")
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert Pulumi(tmp_path, "dev").up(given) == 0
    assert seen.read_text().split("\n") == ["up", "--stack", "dev", *called]

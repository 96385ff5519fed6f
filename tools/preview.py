"""`make preview` on real AWS: says in one line what is missing, else hands over to `python -m ops preview`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import botocore.session

_LISTING = Path(__file__).resolve().parent.parent / ".tools.json"


def missing(path: str, stack: str) -> str | None:
    """Name the first thing that a preview on real AWS lacks here."""
    offline = f"or preview offline: make preview STACK={stack} OFFLINE=1"
    if botocore.session.Session().get_credentials() is None:
        return f"no AWS credentials found; set AWS_PROFILE or log in (aws sso login), {offline}"
    if shutil.which("pulumi-language-python", path=path) is None:
        return f"this pulumi was built without its Python plugin; put an official pulumi on PATH, {offline}"
    return None


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run the preview and return its exit code."""
    parser = argparse.ArgumentParser(prog="preview", description=__doc__)
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args(arguments).stack
    pulumi = Path(json.loads(_LISTING.read_text())["pulumi"])
    path = os.pathsep.join((str(pulumi.parent), environment.get("PATH", os.defpath)))
    if lack := missing(path, stack):
        print(f"preview: {lack}", file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "ops", "preview", "--stack", stack]
    return subprocess.run(command, env={**environment, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

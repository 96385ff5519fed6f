"""`make preview`, `up` and `down` on real AWS: say in one line what is missing, else hand over to `python -m ops`."""

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
    """Name the first thing that an operation on real AWS lacks here."""
    offline = f"or preview offline: make preview STACK={stack} OFFLINE=1"
    if botocore.session.Session().get_credentials() is None:
        return f"no AWS credentials found; set AWS_PROFILE or log in (aws sso login), {offline}"
    if shutil.which("pulumi-language-python", path=path) is None:
        return f"this pulumi was built without its Python plugin; put an official pulumi on PATH, {offline}"
    return None


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run the operation and return its exit code."""
    parser = argparse.ArgumentParser(prog="on_aws", description=__doc__)
    parser.add_argument("operation", choices=("preview", "up", "down"))
    parser.add_argument("--stack", required=True)
    given = parser.parse_args(arguments)
    pulumi = Path(json.loads(_LISTING.read_text())["pulumi"])
    path = os.pathsep.join((str(pulumi.parent), environment.get("PATH", os.defpath)))
    if lack := missing(path, given.stack):
        print(f"{given.operation}: {lack}", file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "ops", given.operation, "--stack", given.stack]
    with subprocess.Popen(command, env={**environment, "PATH": path}) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # The terminal told them as well; `subprocess.run` would kill them before the engine has ended in order.
                continue


if __name__ == "__main__":
    sys.exit(main())

"""Runs the real Helm for releases whose charts come from the mirror."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.certificates import write_private
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.processes import Supervisor


class HelmError(Exception):
    """Helm failed; the message is Helm's own."""


@dataclass(frozen=True, kw_only=True)
class InstalledRelease:
    """The newest revision of a release, as Helm keeps it."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    version: str
    app_version: str
    values: Mapping[str, Any]


class Helm:
    """Helm with homes of its own.

    Args:
        program: The helm binary.
        supervisor: Runs it, so that it never outlives the sandbox.
        authority: File with the certificate authority of the chart mirror.
    """

    def __init__(self, program: Path, supervisor: Supervisor, authority: Path) -> None:
        self._program = program
        self._supervisor = supervisor
        home = supervisor.folder / "helm"
        home.mkdir(exist_ok=True)
        self._home = home
        self._environment = {"SSL_CERT_FILE": str(authority)} | {
            f"HELM_{part}_HOME": str(home / part.lower()) for part in ("CACHE", "CONFIG", "DATA")
        }
        self._numbers = itertools.count(1)

    def run(
        self, *words: str, values: Mapping[str, Any] | None = None, active: Callable[[], bool] = lambda: True
    ) -> str:
        """Run Helm and return what it printed. Raise `HelmError` when it fails.

        `values` go to Helm as a file that only the owner can read and that is removed afterwards. When `active` says
        no, Helm is stopped: it then marks the release as failed, and the next run starts from that.
        """
        name = f"helm-{next(self._numbers)}"
        file = self._home / f"{name}.json"
        command: list[str | Path] = [self._program, *words]
        if values is not None:
            write_private(file, json.dumps(values).encode())
            command += ["--values", file]
        try:
            code, output = self._supervisor.run(name, command, self._environment, active)
        finally:
            file.unlink(missing_ok=True)
        if code:
            raise HelmError(_complaint(output) or f"helm ended with code {code}")
        return output


def installed(api: Api, namespace: str, name: str) -> InstalledRelease | None:
    """Return a release's newest revision, or None when it is not installed."""
    selector = {"labelSelector": f"owner=helm,name={name}"}
    secrets = api.request("GET", f"/api/v1/namespaces/{namespace}/secrets", query=selector).get("items") or []
    if not secrets:
        return None
    newest = max(secrets, key=lambda secret: int(secret["metadata"]["labels"]["version"]))
    # Base64 by Helm inside the base64 of every Secret.
    record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(newest["data"]["release"]))))
    metadata = record["chart"]["metadata"]
    return InstalledRelease(
        name=name,
        namespace=namespace,
        revision=int(record["version"]),
        status=str(record["info"]["status"]),
        chart=str(metadata["name"]),
        version=str(metadata["version"]),
        app_version=str(metadata.get("appVersion", "")),
        values=record.get("config") or {},
    )


def _complaint(output: str) -> str:
    lines: Sequence[str] = output.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("Error:")), 0)
    return "\n".join(lines[first:]).removeprefix("Error: ").strip()

"""Packed charts of others: from their repositories, kept in the user's cache, or from a folder."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ops.errors import OpsError
from ops.gitops.running import RunError, Tool, run

# Repository, chart and version to the packed chart.
Charts = Callable[[str, str, str], Path]
_LONGEST: Final = 60


class MissingChartError(OpsError):
    """A chart cannot be had now; the message says why."""


def from_folder(folder: Path) -> Charts:
    """Return charts that lie in a folder as `<name>-<version>.tgz`, whichever repository they are of."""

    def find(_: str, name: str, version: str) -> Path:
        package = folder / f"{name}-{version}.tgz"
        if not package.is_file():
            raise MissingChartError(f"{folder} has no {package.name}")
        return package

    return find


class Pulled:
    """Charts from their repositories. A repository that did not answer is not asked again.

    Args:
        tool: Finds Helm.
        cache: Where packages are kept, by repository; they are of exact versions and never change.
    """

    def __init__(self, tool: Tool, cache: Path | None = None) -> None:
        self._tool = tool
        self._cache = cache or _cache()
        self._silent: dict[str, str] = {}
        self._locks: dict[str, threading.Lock] = {}

    def __call__(self, repository: str, name: str, version: str) -> Path:
        """Return the packed chart.

        Raises:
            MissingChartError: The repository does not answer.
            OpsError: It answers, and has no such chart or version.
        """
        package = self._cache / hashlib.sha256(repository.encode()).hexdigest()[:16] / f"{name}-{version}.tgz"
        with self._locks.setdefault(repository, threading.Lock()):
            if package.is_file():
                return package
            if repository in self._silent:
                raise MissingChartError(self._silent[repository])
            try:
                self._pull(repository, name, version, package)
            except RunError as error:
                if "not found" in str(error):
                    raise OpsError(f"{repository} has no chart {name} of version {version}") from error
                # Helm tells the whole way to the cause; the end of it is the cause.
                cause = str(error).rpartition('": ')[2]
                self._silent[repository] = f"{repository} does not answer: {cause}"
                raise MissingChartError(self._silent[repository]) from error
        return package

    def _pull(self, repository: str, name: str, version: str, package: Path) -> None:
        # An address without a scheme is an OCI registry's, for Argo CD as well.
        where = [name, "--repo", repository]
        if not repository.startswith(("https://", "http://")):
            where = [f"oci://{repository.removeprefix('oci://')}/{name}"]
        package.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=package.parent) as folder:
            run(self._tool("helm"), "pull", *where, "--version", version, "--destination", folder, seconds=_LONGEST)
            (pulled,) = Path(folder).glob("*.tgz")
            pulled.replace(package)


def asks_for_apis(chart: Path) -> bool:
    """Return whether what a chart, packed or a folder, renders may depend on the kinds that the cluster has."""
    word = "Capabilities.APIVersions"
    if chart.is_dir():
        return any(word in file.read_text(encoding="utf-8") for file in chart.rglob("templates/**/*") if file.is_file())
    with tarfile.open(chart) as package:
        files = (package.extractfile(member) for member in package if "/templates/" in member.name and member.isfile())
        return any(word.encode() in file.read() for file in files if file is not None)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "aws-kubernetes-platform" / "charts"

"""The stand-in charts as tests see them: what is known of the real ones, and what Helm makes of the stand-ins."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.chart_mirror import CHARTS, pack

CHARTS_BY_NAME: Final = {file.parent.name: file.parent for file in sorted(CHARTS.glob("*/chart.yaml"))}
Objects = dict[tuple[str, str], dict[str, Any]]


def facts(chart: str) -> dict[str, Any]:
    """Return what is known of the real chart; see sandbox/charts/README.md."""
    known: dict[str, Any] = json.loads((CHARTS_BY_NAME[chart] / "keys.json").read_text(encoding="utf-8"))
    return known


def data(chart: str) -> dict[str, Any]:
    """Return what the stand-in is made of."""
    made: dict[str, Any] = yaml.safe_load((CHARTS_BY_NAME[chart] / "chart.yaml").read_text(encoding="utf-8"))
    return made


class StandIns:
    """Stand-ins rendered by the real Helm; the same rendering is done once.

    Each has one small CRD in place of its own, which would take most of the time.

    Args:
        helm: The program.
        folder: Gets the packed charts; is there.
    """

    def __init__(self, helm: Path, folder: Path) -> None:
        self._helm, self._folder = helm, folder
        self._known: dict[str, Objects] = {}
        crd = {"kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"}}
        (folder / "crd.yaml").write_text(json.dumps(crd), encoding="utf-8")
        self._crds = {data(chart)["crds"]["from"]: folder for chart in CHARTS_BY_NAME if "crds" in data(chart)}

    def render(self, chart: str, values: Mapping[str, Any], release: str = "", namespace: str = "ns") -> Objects:
        """Return what a chart makes, by kind and name, without the CRDs that Helm installs by itself.

        Args:
            chart: The chart's name.
            values: What it is given.
            release: The release's name; the chart's own without it.
            namespace: Where the release goes.

        Raises:
            RuntimeError: Helm refuses; with its message.
        """
        key = json.dumps([chart, values, release, namespace])
        if key not in self._known:
            self._known[key] = self._render(chart, values, release or chart, namespace)
        return self._known[key]

    def _render(self, chart: str, values: Mapping[str, Any], release: str, namespace: str) -> Objects:
        package = self._folder / f"{chart}.tgz"
        if not package.is_file():
            package.write_bytes(pack(CHARTS_BY_NAME[chart], CHARTS / "standin", self._crds)[1])
        command = [
            str(self._helm),
            "template",
            release,
            str(package),
            "--skip-crds",
            "--namespace",
            namespace,
            "--values",
            "-",
        ]
        done = subprocess.run(
            command, check=False, input=json.dumps(values), capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        found = yaml.load_all(done.stdout, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return {(thing["kind"], thing["metadata"]["name"]): thing for thing in found if thing}


def nested(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return values given by dotted path as maps in maps; a dot inside a key has a backslash before it."""
    made: dict[str, Any] = {}
    for path, value in values:
        *above, last = [part.replace("\0", ".") for part in path.replace("\\.", "\0").split(".")]
        at = made
        for part in above:
            at = at.setdefault(part, {})
        at[last] = value
    return made

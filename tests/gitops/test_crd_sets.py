"""The tree is held against the kinds of the very versions that its charts install."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import versions
from sandbox.chart_mirror import CHARTS
from sandbox.crds import BY_HAND
from tests.gitops.tree import CHECKOUT
from tools.crd_sets import CRD_SETS

# Sets of another version than the application's, and why.
_OTHER: Final = {
    "argocd": (versions.ARGOCD_CLI, "those of the binary that plays Argo CD; it may run ahead of the chart's"),
    "external-secrets": (versions.EXTERNAL_SECRETS_CRDS, "no later release is a Go module"),
    "load-balancer": (versions.LOAD_BALANCER_CRDS, "no release is a Go module; this commit carries 3.2.2"),
}
_CHARTS: Final[dict[str, dict[str, Any]]] = {
    file.parent.name: chart
    for file in sorted(CHARTS.glob("*/chart.yaml"))
    if "crds" in (chart := yaml.safe_load(file.read_text(encoding="utf-8")))
}
_SETS: Final = {row.name.removesuffix("-crds"): row.version for row in CRD_SETS}


@pytest.mark.parametrize("name", _CHARTS)
def test_kinds_are_of_the_version_that_the_chart_installs(name: str) -> None:
    """A chart's CRDs are of its application's version, or another version is known and explained."""
    chart = _CHARTS[name]
    kinds, installed = chart["crds"]["from"], chart["appVersion"].removeprefix("v")
    if kinds in _SETS:
        assert _SETS[kinds] == (_OTHER[kinds][0] if kinds in _OTHER else installed)
    else:
        assert _source(BY_HAND / kinds) == {installed}


def test_every_set_belongs_to_a_chart() -> None:
    """No set is provided, or kept by hand, that no chart brings."""
    by_hand = {folder.name for folder in BY_HAND.iterdir() if folder.is_dir()}
    assert {chart["crds"]["from"] for chart in _CHARTS.values()} == set(_SETS) | by_hand
    assert set(_OTHER) < set(_SETS)


def test_rabbitmq_kind_is_that_of_its_operator() -> None:
    """The kind that lies in the tree names as its source the version of the operator that runs."""
    folder = CHECKOUT / "gitops/platform/data-operators"
    source = re.search(r"/blob/v([\d.]+)/", (folder / "rabbitmqclusters.yaml").read_text(encoding="utf-8"))
    image = re.search(r"/cluster-operator:([\d.]+)", (folder / "deployment.yaml").read_text(encoding="utf-8"))
    assert source is not None
    assert image is not None
    assert source[1] == image[1]


def _source(folder: Path) -> set[str]:
    """Return the versions in the addresses that the files of a set name as their source."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.yaml"))]
    return {text.partition("/tree/v")[2].partition("/")[0] for text in texts}

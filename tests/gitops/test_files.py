"""Every file of the tree is reached from an Application, and every path that is named is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import pytest
import yaml

from ops.gitops.rendering import sources_of
from tests.gitops.tree import BOOTSTRAP, CHECKOUT, Tree, chart_schema

# Text by path below the checkout.
Files = Mapping[str, str]
# What a template reads beside itself.
_FILES = re.compile(r'\.Files\.(?:Glob|Get) "([^"]+)"')
_CHART = ("Chart.yaml", "values.yaml", "values.schema.json")


def _files() -> Files:
    paths = [path for path in (CHECKOUT / "gitops").rglob("*") if path.is_file()]
    return {str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8") for path in paths}


def _roots(*trees: Tree) -> set[str]:
    paths = {BOOTSTRAP}
    for tree in trees:
        sources = [source for application in tree.applications for source in sources_of(application)]
        paths |= {source["path"] for source in sources if "path" in source}
    # Which of them a stack takes is a value: each that the schema allows counts.
    overlays = chart_schema(BOOTSTRAP)["properties"]["workloads"]["properties"]["overlay"]["enum"]
    chosen = tuple(f"/overlays/{overlay}" for overlay in overlays)
    several = {path.rpartition("/")[0] for path in paths if path.endswith(chosen)}
    return paths | {f"{folder}/{overlay}" for folder in several for overlay in overlays}


def _reached(files: Files, folder: str) -> Iterator[str]:
    """Yield what Helm or kustomize reads of a folder, and the paths that are named without being there."""
    kustomization = f"{folder}/kustomization.yaml"
    if kustomization not in files:
        templates = [path for path in files if path.startswith(f"{folder}/templates/")]
        yield from (*(f"{folder}/{name}" for name in _CHART), *templates)
        globs = {glob for path in templates for glob in _FILES.findall(files[path])}
        yield from (path for path in files for glob in globs if PurePosixPath(path).match(f"{folder}/{glob}"))
        return
    yield kustomization
    content = yaml.safe_load(files[kustomization])
    for entry in _entries(content):
        path = _joined(folder, entry)
        if path in files:
            yield path
        else:
            yield from _reached(files, path)


def _entries(content: Mapping[str, object]) -> Iterator[str]:
    for key in ("resources", "components", "configurations"):
        entries = content.get(key, [])
        assert isinstance(entries, list)
        yield from entries
    patches = content.get("patches", [])
    assert isinstance(patches, list)
    yield from (patch["path"] for patch in patches if "path" in patch)


def _joined(folder: str, entry: str) -> str:
    steps: list[str] = []
    for step in (*PurePosixPath(folder).parts, *PurePosixPath(entry).parts):
        if step == "..":
            steps.pop()
        elif step != ".":
            steps.append(step)
    return "/".join(steps)


def _all_reached(files: Files, roots: set[str]) -> set[str]:
    return {path for root in roots for path in _reached(files, root)}


def test_every_file_is_reached(tree: Tree, self_managed_tree: Tree) -> None:
    """No file lies in the tree that Argo CD would never look at, in any stack; none is named that is not there."""
    files = _files()
    assert _all_reached(files, _roots(tree, self_managed_tree)) == set(files)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gitops/workloads/bubblepool/base/deployment.yaml", "kind: Deployment"),
        ("gitops/workloads/components/kafka/kustomization.yaml", "kind: Component"),
        ("gitops/platform/monitoring/notes.txt", "to do"),
        ("gitops/workloads/guestbook/overlays/demo/kustomization.yaml", "resources: [../../base]"),
    ],
)
def test_a_file_that_nobody_reads_is_noticed(path: str, text: str, tree: Tree, self_managed_tree: Tree) -> None:
    """A file more, and what is reached is not all."""
    files = {**_files(), path: text}
    assert set(files) - _all_reached(files, _roots(tree, self_managed_tree)) == {path}


@pytest.mark.parametrize(
    "path",
    [
        "gitops/workloads/apis/overlays/my/deployment-patch.yaml",
        "gitops/workloads/bubblepool/base/names.yaml",
        "gitops/platform/namespaces/baseline/limit-range.yaml",
        "gitops/platform/secret-store/values.schema.json",
    ],
)
def test_a_file_that_is_missing_is_noticed(path: str, tree: Tree, self_managed_tree: Tree) -> None:
    """A file fewer, and something is named that is not there."""
    files = {name: text for name, text in _files().items() if name != path}
    assert _all_reached(files, _roots(tree, self_managed_tree)) - set(files)

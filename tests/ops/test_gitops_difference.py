"""What two renderings differ in."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.gitops.charts import from_folder
from ops.gitops.difference import Difference, compare
from ops.gitops.rendering import Rendered, Renderer
from ops.gitops.running import tool
from tests.ops.demo_tree import application, demo_project, ours, pack, replace, root

_APPS = "tree/root/templates/applications.yaml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The demo project; the chart of others is there in the first of two versions."""
    pack(tmp_path / "charts")
    return demo_project(tmp_path / "project")


def _render(project: Path) -> list[Rendered]:
    return Renderer(project, tool, from_folder(project.parent / "charts"), "1.36").render(root(title="x"))


def _things(difference: Difference) -> list[tuple[str, str, str]]:
    return [(one.change, one.application, one.thing) for one in difference.objects]


def test_same_tree_does_not_differ(project: Path) -> None:
    """Without a change there is nothing to say, and the summary says so."""
    difference = compare(_render(project), _render(project))
    assert not difference
    assert difference.text() == "Applications: no difference\nObjects: no difference\n"


def test_changed_object_is_shown_with_its_lines(project: Path) -> None:
    """The diff names Application and object on both sides."""
    before = _render(project)
    replace(project, "tree/web/overlay/kustomization.yaml", "1.0.0", "1.1.0")
    difference = compare(before, _render(project))
    assert _things(difference) == [
        ("changed", "service-one", "Deployment.apps/services/one-web"),
        ("changed", "service-two", "Deployment.apps/services/two-web"),
        ("changed", "web", "Deployment.apps/web/web"),
    ]
    lines = difference.objects[2].lines
    assert lines[:2] == ("--- a/web/Deployment.apps/web/web", "+++ b/web/Deployment.apps/web/web")
    assert [line.split()[-1] for line in lines if line[0] in "+-"][2:] == [
        "registry.example.com/web:1.0.0", "registry.example.com/web:1.1.0",
    ]  # fmt: skip
    assert difference.summary() == "Applications: changed service-one, service-two, web\nObjects: 3 changed\n"


def test_added_and_removed_are_told_apart(project: Path) -> None:
    """An Application that comes or goes does so with all its objects, and its parent shows it as an object."""
    before = _render(project)
    replace(project, _APPS, application("plain", -1, ours("tree/plain")), application("new", 0, ours("tree/plain")))
    difference = compare(before, _render(project))
    assert _things(difference) == [
        ("added", "new", "ConfigMap/new/settings"),
        ("added", "new", "Namespace/plain"),
        ("removed", "plain", "ConfigMap/plain/settings"),
        ("removed", "plain", "Namespace/plain"),
        ("added", "root", "Application.argoproj.io/argocd/new"),
        ("removed", "root", "Application.argoproj.io/argocd/plain"),
    ]
    assert difference.objects[0].lines[0] == "--- /dev/null"
    assert difference.objects[2].lines[1] == "+++ /dev/null"
    assert difference.document()["applications"] == {"added": ["new"], "changed": ["root"], "removed": ["plain"]}
    assert difference.summary().endswith("Objects: 3 added; 3 removed\n")


def test_chart_that_cannot_be_had_differs_by_what_it_gets(project: Path) -> None:
    """Its values and its version are compared in place of its objects."""
    replace(project, _APPS, "targetRevision: 1.2.3", "targetRevision: 7.0.0")
    before = _render(project)
    replace(project, _APPS, "size: 3", "size: 4")
    (changed, application_) = compare(before, _render(project)).objects
    assert (changed.application, changed.thing, application_.application) == ("mixed", "chart other", "root")
    assert [line for line in changed.lines[2:] if line[0] in "+-"] == ["-    size: 3", "+    size: 4"]

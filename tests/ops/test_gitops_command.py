"""`platform gitops render`: what it prints, writes and ends with."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.gitops import command
from tests.ops.demo_tree import change, committed, demo_project, pack, replace

_APPS = "tree/root/templates/applications.yaml"
_STACK = ("--stack", "test")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The demo project, with the chart of others at hand."""
    pack(tmp_path / "charts")
    return demo_project(tmp_path / "project")


def _run(project: Path, *words: str, charts: bool = True, stack: tuple[str, ...] = _STACK) -> Result:
    chosen = ["--charts-from", str(project.parent / "charts")] if charts else []
    return CliRunner().invoke(app, ["gitops", "render", *stack, "--cwd", str(project), *chosen, *words])


def test_stream_has_every_object_below_its_source(project: Path) -> None:
    """One document per object, in the order of the waves, after lines that name the source and the examples."""
    done = _run(project)
    assert (done.exit_code, done.stderr) == (0, "")
    heads = [line for line in done.stdout.splitlines() if line.startswith("# Application")]
    assert heads[1] == "# Application plain (wave -1) · source tree/plain of https://git.example.com/demo.git at main"
    assert heads[3] == "# Application mixed (wave 2) · source chart other 1.2.3 of https://charts.example.com"
    assert done.stdout.startswith("# Stack test, Kubernetes 1.36\n# Examples, for only a deployed stack")
    assert "\n#   network\n" in done.stdout
    kinds = [thing["kind"] for thing in yaml.safe_load_all(done.stdout) if thing]
    assert kinds == [
        "Application", "Application", "Application", "ApplicationSet", "Namespace", "ConfigMap", "Deployment",
        "ConfigMap", "CustomResourceDefinition", "Room", "Deployment", "Deployment",
    ]  # fmt: skip


def test_only_one_application_is_shown(project: Path) -> None:
    """--application chooses by name."""
    done = _run(project, "--application", "web")
    (thing,) = [thing for thing in yaml.safe_load_all(done.stdout) if thing]
    assert thing["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/web:1.0.0"


def test_json_has_the_same(project: Path) -> None:
    """--json names stack, examples, what Pulumi makes, and each Application with sources and objects."""
    document = json.loads(_run(project, "--json").stdout)
    assert (document["stack"], document["kubernetes"], document["examples"]) == ("test", "1.36", ["network"])
    assert document["root"]["application"]["spec"]["source"]["helm"]["valuesObject"]["queue"] == "demo-queue"
    assert document["root"]["project"]["spec"] == {"description": "The root."}
    mixed = next(one for one in document["applications"] if one["name"] == "mixed")
    assert (mixed["wave"], mixed["namespace"], mixed["project"]) == (2, "mixed", "demo")
    assert [len(source["objects"]) for source in mixed["sources"]] == [1, 2]
    assert [source["notRendered"] for source in mixed["sources"]] == [None, None]


def test_files_are_one_per_application(project: Path) -> None:
    """--output writes what else is printed, and names the files."""
    done = _run(project, "--output", str(project / "out"))
    names = ["root", "plain", "web", "mixed", "service-one", "service-two"]
    assert [Path(line).name for line in done.stdout.splitlines()] == [f"{name}.yaml" for name in names]
    things = list(yaml.safe_load_all((project / "out/plain.yaml").read_text(encoding="utf-8")))
    assert [thing["kind"] for thing in things if thing] == ["Namespace", "ConfigMap"]


def test_chart_that_cannot_be_had_is_shown_by_its_values(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The rest is rendered, a line on stderr says so, and only --require-charts makes it a failure."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    replace(project, _APPS, "https://charts.example.com", "https://127.0.0.1:1")
    done = _run(project, charts=False)
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("note: Application mixed: chart other is not rendered: https://127.0.0.1:1 does not answer")
    assert "# NOT RENDERED: https://127.0.0.1:1 does not" in done.stdout
    assert "# The values that the chart gets:\n#   size: 3\n#" in done.stdout
    assert "kind: Room" in done.stdout
    assert _run(project, "--require-charts", charts=False).exit_code == command.CHARTS_MISSING
    assert _run(project, "--require-charts").exit_code == 0


def test_object_that_comes_twice_is_warned_of(project: Path) -> None:
    """As Argo CD warns; what is printed is what is applied."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {from: local}\n"
    change(project, "tree/local/templates/again.yaml", text)
    done = _run(project, "--application", "mixed")
    assert done.stderr == "warning: Application mixed: ConfigMap/mixed/other comes twice; the last one is applied\n"
    assert [thing["data"] for thing in yaml.safe_load_all(done.stdout) if thing and "data" in thing] == [
        {"from": "local"}
    ]


_MISTAKES = {
    "stack": ((), ("--stack", "tset"), "error: stack tset: there is no Pulumi.tset.yaml; known stacks: test"),
    "application": (
        ("--application", "wbe"),
        _STACK,
        "error: stack test has no Application wbe; there are root, plain, web, mixed, service-one, service-two",
    ),
    "application-in-diff": (
        ("--diff", "HEAD", "--application", "wbe"),
        _STACK,
        "error: stack test has no Application wbe, nor had it at HEAD",
    ),
    "revision": (
        ("--diff", "mian"),
        _STACK,
        "error: --diff mian: there is no such revision; fetch it, or name another one",
    ),
    "revision-as-option": (
        ("--diff", "--help"),
        _STACK,
        "error: --diff --help: there is no such revision; fetch it, or name another one",
    ),
    "two-forms": (("--output", "out", "--json"), _STACK, "error: --output goes with neither --json nor --diff"),
}


@pytest.mark.parametrize("mistake", _MISTAKES)
def test_mistake_ends_in_one_line(project: Path, mistake: str) -> None:
    """What was meant differently is said in one line, and the exit code is not that of a difference."""
    committed(project)
    words, stack, line = _MISTAKES[mistake]
    done = _run(project, *words, stack=stack)
    assert (done.exit_code, done.stdout, done.stderr) == (command.FAILED, "", f"{line}\n")


def test_values_that_a_chart_refuses_are_named(project: Path) -> None:
    """Helm's refusal comes with Application, path and key."""
    replace(project, "Pulumi.test.yaml", "first", "much-too-long")
    done = _run(project)
    (line,) = done.stderr.splitlines()
    assert done.exit_code == command.FAILED
    assert line.startswith("error: Application root, tree/root: values don't meet the specifications")
    assert line.endswith("- at '/title': maxLength: got 13, want 8")


def test_folder_without_git_has_no_revisions(project: Path) -> None:
    """--diff needs a repository."""
    done = _run(project, "--diff", "HEAD")
    assert done.exit_code == command.FAILED
    assert "no git repository, so there is no revision HEAD to compare with" in done.stderr


def test_diff_is_of_tree_and_program(project: Path) -> None:
    """What changed since the revision is shown, whether in the tree or in the stack's values; exit code as of diff."""
    committed(project)
    done = _run(project, "--diff", "HEAD")
    assert (done.exit_code, done.stdout) == (0, "Applications: no difference\nObjects: no difference\n")
    replace(project, "tree/web/overlay/kustomization.yaml", "1.0.0", "1.1.0")
    replace(project, "Pulumi.test.yaml", "first", "second")
    replace(project, "tree/root/templates/applications.yaml", "name: plain\n", "name: '{{ .Values.title }}'\n")
    done = _run(project, "--diff", "HEAD")
    assert done.exit_code == command.DIFFERENT
    assert "+++ b/web/Deployment.apps/web/web\n" in done.stdout
    assert "image: registry.example.com/web:1.1.0\n" in done.stdout
    assert "Applications: added second; changed root, service-one, service-two, web; removed plain" in done.stdout
    document = json.loads(_run(project, "--diff", "HEAD", "--json", "--application", "web").stdout)
    assert [one["object"] for one in document["objects"]] == ["Deployment.apps/web/web"]
    assert document["applications"] == {"added": [], "changed": ["web"], "removed": []}


def test_diff_leaves_the_checkout_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither files nor git's own state change, nor is anything left in the temporary folder."""
    committed(project)
    folder = project.parent / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = _files(project)
    assert _run(project, "--diff", "HEAD").exit_code == 0
    assert _files(project) == before
    assert list(folder.iterdir()) == []


def _files(folder: Path) -> dict[str, float]:
    files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file): file.stat().st_mtime for file in files}

"""A stack's root Application: from the program, with examples for what only AWS knows, or from a deployed stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ops.errors import OpsError
from ops.gitops import values
from ops.gitops.program import EXAMPLES, paths
from ops.gitops.values import Root, of_program, of_state
from tests.gitops.tree import BOOTSTRAP, chart_schema
from tests.ops.demo_tree import change, demo_project, replace
from tests.whole_stacks import CHECKOUT, STACKS, WholeStack, stack_sections

ROOT = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The demo project."""
    return demo_project(tmp_path)


def _values(root: Root) -> Any:
    return root.application["spec"]["source"]["helm"]["valuesObject"]


def test_what_is_known_is_real_and_the_rest_an_example(project: Path) -> None:
    """Names come from inputs; an id is an example of the right form, and said to be one."""
    root = of_program(project, "test")
    assert _values(root)["queue"] == "demo-queue"
    assert _values(root)["title"] == "first"
    assert _values(root)["tags"] == {"team": "demo"}
    assert root.examples == ("network",)
    assert (root.kubernetes, (root.project or {})["metadata"]["name"]) == ("1.36", "bootstrap")
    assert _values(of_program(project, "test")) == _values(root)


def test_stacks_have_examples_of_their_own(project: Path) -> None:
    """Nobody takes one stack's example for another's."""
    change(project, "Pulumi.other.yaml", (project / "Pulumi.test.yaml").read_text(encoding="utf-8"))
    assert _values(of_program(project, "test"))["network"] != _values(of_program(project, "other"))["network"]


def test_encrypted_configuration_is_not_needed(project: Path) -> None:
    """A secret of the stack's file stands for itself: nobody here has the key."""
    with (project / "Pulumi.test.yaml").open("a", encoding="utf-8") as file:
        file.write("  demo:password: {secure: AAABAQ==}\n")
    assert _values(of_program(project, "test"))["title"] == "first"


def test_surroundings_do_not_matter(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the shell's credentials nor its Pulumi reach the program."""
    replace(project, "__main__.py", 'config.require("title")', 'str([k for k in __import__("os").environ if k in '
            '("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "PULUMI_ACCESS_TOKEN", "KUBECONFIG")])')  # fmt: skip
    for name in ("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "PULUMI_ACCESS_TOKEN", "KUBECONFIG"):
        monkeypatch.setenv(name, "x")
    assert _values(of_program(project, "test"))["title"] == "[]"


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("Pulumi.test.yaml", "demo:title: first", "demo:broken: x", "refuses: demo:broken is said; and has to go"),
        ("Pulumi.test.yaml", "demo:title", "demo:tilte", "demo:title"),
        ("__main__.py", "import pulumi", "import pulimi", "No module named 'pulimi'"),
        ("__main__.py", "queue.id", "queue.url_of", "'CustomResource' object has no attribute 'url_of'"),
        ("__main__.py", "aws:ec2/vpc:Vpc", "aws:ec2/other:Other", "network of the hand-over is computed"),
        ("__main__.py", '"root", {"project"', '"tree", {"project"', "asks for no Application called root"),
    ],
    ids=["refusal", "missing-key", "import", "attribute", "no-example", "no-root"],
)
def test_what_is_wrong_is_one_line(project: Path, name: str, old: str, new: str, complaint: str) -> None:
    """A program that refuses, breaks or hands over what cannot be known ends in one line that says so."""
    replace(project, name, old, new)
    with pytest.raises(OpsError) as refusal:
        of_program(project, "test")
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_unknown_stack_names_the_known_ones(project: Path) -> None:
    """A stack is one that has a file."""
    with pytest.raises(OpsError, match=r"there is no Pulumi\.tset\.yaml; known stacks: test"):
        of_program(project, "tset")


@pytest.mark.parametrize("stack", STACKS)
def test_hand_over_of_each_stack_is_complete(stack: str, whole_stack: WholeStack) -> None:
    """The chart's schema takes it, it has the keys of the real program, and only what AWS computes is an example."""
    root = of_program(CHECKOUT, stack)
    assert list(jsonschema.Draft7Validator(chart_schema(BOOTSTRAP)).iter_errors(_values(root))) == []
    captured = whole_stack(stack).one(*ROOT).inputs["spec"]["source"]["helm"]["valuesObject"]
    ours, theirs = _leaves(_values(root)), _leaves(captured)
    differing = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    assert differing <= set(root.examples)
    assert root.kubernetes == stack_sections(stack)["cluster"]["version"]


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {} if isinstance(value, dict | list) and value else {path: value}
    for key, item in below:
        step = f"[{key}]" if isinstance(value, list) else f".{key}"
        found |= _leaves(item, f"{path}{step}".lstrip("."))
    return found


def test_every_example_is_of_a_type_that_a_stack_has(whole_stack: WholeStack) -> None:
    """The table has no row for what no stack makes."""
    made = {row.type for stack in STACKS for row in whole_stack(stack).resources}
    assert EXAMPLES.keys() - made == set()


def test_paths_are_those_of_examples() -> None:
    """A value that contains an example is one, at any depth."""
    value = {"a": [{"b": "https://d1.example.com"}, "x"], "c": {"d.e/f": "d1"}, "g": 1}
    assert sorted(paths(value, {"d1"})) == ["a[0].b", "c.d.e/f"]


class _Pulumi:
    """A backend with a state."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def __call__(self, folder: Path, stack: str) -> _Pulumi:
        return self

    def export(self) -> dict[str, Any]:
        return json.loads(json.dumps(self.state))  # type: ignore[no-any-return]


def _resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}
    inputs = {"kind": kind, "metadata": {"name": name}, "spec": {"a": "real", "b": secret}, "__defaults": []}
    return {"type": f"kubernetes:argoproj.io/v1alpha1:{kind}", "inputs": inputs, **more}


def test_deployed_stack_has_its_own_values(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come out of the state as they are; what is secret stays so, and what is to be deleted does not count."""
    resources = [
        {"type": "pulumi:pulumi:Stack"},
        _resource("Application", "other"),
        _resource("AppProject", "bootstrap"),
        _resource("Application", "root"),
        {**_resource("Application", "root", delete=True), "inputs": {"metadata": {"name": "root"}}},
    ]
    monkeypatch.setattr(values, "Pulumi", _Pulumi({"deployment": {"resources": resources}}))
    root = of_state(project, "test")
    spec = {"a": "real", "b": "[secret]"}
    assert root.application == {"kind": "Application", "metadata": {"name": "root"}, "spec": spec}
    assert (root.project or {})["spec"] == spec
    assert root.examples == ()


def test_stack_that_is_not_deployed_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a root Application in its state there is nothing to render by."""
    monkeypatch.setattr(values, "Pulumi", _Pulumi({"deployment": {}}))
    with pytest.raises(OpsError, match="stack test is not deployed"):
        of_state(project, "test")

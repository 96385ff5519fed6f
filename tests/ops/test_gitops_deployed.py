"""`platform gitops render --deployed`, with the state of a real backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.engine import Pulumi
from tests.ops.demo_tree import demo_project, pack, replace, root

pytestmark = pytest.mark.engine

_STACK = "urn:pulumi:test::demo::pulumi:pulumi:Stack::demo-test"
_PROVIDER = "urn:pulumi:test::demo::pulumi:providers:kubernetes::kubernetes"
_TYPE = "kubernetes:argoproj.io/v1alpha1:Application"


def _resources(application: dict[str, Any]) -> list[dict[str, Any]]:
    provider = {"urn": _PROVIDER, "custom": True, "id": "1", "type": "pulumi:providers:kubernetes", "parent": _STACK}
    made = {"urn": f"urn:pulumi:test::demo::{_TYPE}::root", "custom": True, "id": "argocd/root", "type": _TYPE}
    whole = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **application}
    return [
        {"urn": _STACK, "custom": False, "type": "pulumi:pulumi:Stack"},
        provider,
        {**made, "parent": _STACK, "provider": f"{_PROVIDER}::1", "inputs": whole, "outputs": whole},
    ]


def test_values_are_those_of_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree is rendered with what the stack was deployed with, and nothing in it is an example."""
    (tmp_path / "state").mkdir()
    pack(tmp_path / "charts")
    project = demo_project(tmp_path / "project")
    replace(project, "tree/root/templates/applications.yaml", "name: plain\n", "name: '{{ .Values.title }}'\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'state'}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "demo")
    pulumi = Pulumi(project, "test")
    pulumi._run("stack", "init", "test")
    words = ["gitops", "render", "--stack", "test", "--cwd", str(project), "--charts-from", str(tmp_path / "charts")]
    before = CliRunner().invoke(app, [*words, "--deployed"])
    assert (before.exit_code, before.stderr.count("\n")) == (2, 1)
    assert before.stderr.startswith("error: stack test is not deployed: its state has no Application called root")
    state = pulumi.export()
    state["deployment"]["resources"] = _resources(root(title="deployed", network="vpc-0123"))
    pulumi.import_(state)
    done = CliRunner().invoke(app, [*words, "--deployed", "--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["examples"] == []
    assert [one["name"] for one in document["applications"]][:2] == ["root", "deployed"]
    missing = CliRunner().invoke(app, [*words, "--deployed", "--stack", "tset"])
    assert missing.stderr == "error: stack tset: there is no Pulumi.tset.yaml; known stacks: test\n"

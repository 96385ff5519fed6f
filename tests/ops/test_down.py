"""`down` ends what would hold a destroy up, and touches nothing when the destroy would be refused or is not wanted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.testing import CliRunner, Result

from ops import cli
from ops.down import end_syncs
from ops.engine import Pulumi
from ops.errors import OpsError

APPLICATIONS: Final = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
CANARY: Final = "canary-51d0"


class Cluster:
    """An API server that has Applications only.

    Attributes:
        phases: Of each Application's last sync; None for one that never had any.
        patches: What was sent, by the Application's name.
        status: What it answers with.
        gone: An Application that goes between list and patch.
    """

    def __init__(self) -> None:
        self.phases: dict[str, str | None] = {"root": "Running", "monitoring": "Running", "platform": "Succeeded"}
        self.phases["new"] = None
        self.patches: dict[str, Any] = {}
        self.status = 200
        self.gone = ""
        self.port = 0

    @property
    def kubeconfig(self) -> dict[str, Any]:
        server = {"server": f"http://127.0.0.1:{self.port}"}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "demo", "cluster": server}],
            "users": [{"name": "demo", "user": {"token": CANARY}}],
            "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "demo"}}],
            "current-context": "demo",
        }

    def answer(self, method: str, path: str, body: Any) -> Any:
        if method == "PATCH":
            name = path.removeprefix(f"{APPLICATIONS}/")
            if name == self.gone:
                return None
            self.patches[name] = body
            return {}
        assert path == APPLICATIONS
        return {
            "items": [
                {"metadata": {"name": name}, "status": {"operationState": {"phase": phase}} if phase else {}}
                for name, phase in self.phases.items()
            ]
        }


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = made.answer(self.command, self.path.partition("?")[0], json.loads(body or b"null"))
            status = 404 if found is None else made.status
            said = json.dumps(found if status == 200 else {"kind": "Status"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class Stack:
    """What the engine is asked."""

    def __init__(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        self.variant, self.protected = "eks", False
        self.outputs: dict[str, Any] = {"kubeconfig": json.dumps(cluster.kubeconfig)}
        self.calls: list[list[str]] = []
        monkeypatch.setattr(cli, "_recover", lambda *_, **__: self.calls.append(["recover"]))
        monkeypatch.setattr(Pulumi, "export", lambda _: self._state())
        monkeypatch.setattr(Pulumi, "outputs", lambda _: self.outputs)
        monkeypatch.setattr(Pulumi, "config", lambda _: {"platform:variant": {"value": self.variant}})
        monkeypatch.setattr(Pulumi, "destroy", lambda _, words: self._destroy(words))

    def _destroy(self, words: list[str]) -> int:
        self.calls.append(["destroy", *words])
        return 0

    def _state(self) -> dict[str, Any]:
        urns = [f"urn:pulumi:dev::demo::kubernetes:x:X::{name}" for name in ("argocd-root", "cluster", "key", "vpc")]
        return {"deployment": {"resources": [{"urn": urn, "protect": self.protected} for urn in urns]}}

    def down(self, folder: Path, *words: str, answer: str = "") -> Result:
        return CliRunner().invoke(cli.app, ["down", "--stack", "dev", "--cwd", str(folder), *words], input=answer)


@pytest.fixture
def stack(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return Stack(cluster, monkeypatch)


def test_syncs_are_ended_and_the_stack_destroyed(cluster: Cluster, stack: Stack, tmp_path: Path) -> None:
    """Only those that are under way, in Argo CD's own way; further words go to the engine, no credential is shown."""
    result = stack.down(tmp_path, "--yes", "--skip-preview")
    assert result.exit_code == 0, result.output
    ended = {"status": {"operationState": {"phase": "Terminating"}}}
    assert cluster.patches == {"root": ended, "monitoring": ended}
    assert "ended the syncs of monitoring, root" in result.output
    assert stack.calls == [["recover"], ["destroy", "--yes", "--skip-preview"]]
    assert CANARY not in result.output


def test_a_self_managed_stacks_program_runs(stack: Stack, tmp_path: Path) -> None:
    """Else the engine refuses: what happens before a machine goes is in the program."""
    stack.variant = "self-managed"
    stack.down(tmp_path, "--yes")
    assert stack.calls[-1] == ["destroy", "--run-program", "--yes"]


@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "nobody"])
def test_who_does_not_agree_finds_all_as_it_was(cluster: Cluster, stack: Stack, tmp_path: Path, answer: str) -> None:
    """A sync that was ended does not begin again by itself."""
    result = stack.down(tmp_path, answer=answer)
    assert result.exit_code == 1
    assert cluster.patches == {}
    assert stack.calls == [["recover"]]


def test_who_agrees_is_asked_by_the_engine_too(cluster: Cluster, stack: Stack, tmp_path: Path) -> None:
    """It shows what goes."""
    stack.down(tmp_path, answer="y\n")
    assert stack.calls[-1] == ["destroy"]
    assert cluster.patches.keys() == {"root", "monitoring"}


def test_a_protected_stack_is_left_alone(cluster: Cluster, stack: Stack, tmp_path: Path) -> None:
    """With the names of what is protected, and where it says how that is taken off."""
    stack.protected = True
    result = stack.down(tmp_path, "--yes")
    assert result.exit_code == 1
    assert "4 resources are protected (argocd-root, cluster, key, …)" in result.output
    assert "docs/runbooks/decommission.md" in result.output
    assert (cluster.patches, stack.calls) == ({}, [["recover"]])


@pytest.mark.parametrize(
    ("status", "warning"),
    [(403, "warning: the cluster refuses: 403 Forbidden"), (404, ""), (0, "warning: the cluster does not answer")],
    ids=["refused", "no Argo CD", "no cluster"],
)
def test_a_cluster_that_cannot_be_asked_is_destroyed_all_the_same(
    cluster: Cluster, stack: Stack, tmp_path: Path, status: int, warning: str
) -> None:
    """It says what may come of it. Half a stack has no Argo CD yet, or no cluster."""
    cluster.status = status
    if not status:
        stack.outputs["kubeconfig"] = json.dumps(cluster.kubeconfig).replace(f":{cluster.port}", ":1")
    result = stack.down(tmp_path, "--yes")
    assert warning in result.output if warning else "warning" not in result.output
    assert stack.calls[-1] == ["destroy", "--yes"]


def test_an_application_that_goes_meanwhile_keeps_none_of_the_others(cluster: Cluster) -> None:
    """The rest is ended, and only that is told."""
    cluster.phases["zebra"], cluster.gone = "Running", "root"
    assert end_syncs(json.dumps(cluster.kubeconfig)) == ["monitoring", "zebra"]
    assert cluster.patches.keys() == {"monitoring", "zebra"}


def test_a_stack_without_outputs_is_destroyed(cluster: Cluster, stack: Stack, tmp_path: Path) -> None:
    """Its first `up` ended before there was a cluster."""
    stack.outputs = {}
    stack.down(tmp_path, "--yes")
    assert stack.calls[-1] == ["destroy", "--yes"]
    assert cluster.patches == {}


def test_a_kubeconfig_without_context_is_told(cluster: Cluster) -> None:
    """And is no traceback."""
    with pytest.raises(OpsError, match="the cluster does not answer"):
        end_syncs(json.dumps({**cluster.kubeconfig, "current-context": "other"}))


def test_another_kubeconfig_can_be_named(cluster: Cluster, stack: Stack, tmp_path: Path) -> None:
    """For whoever gets into the cluster by another way than the stack's own."""
    stack.outputs = {}
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(cluster.kubeconfig), encoding="utf-8")
    stack.down(tmp_path, "--yes", "--kubeconfig", str(file))
    assert cluster.patches.keys() == {"root", "monitoring"}

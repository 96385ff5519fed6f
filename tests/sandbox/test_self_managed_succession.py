"""Machines leave and come under the real engine: its order, its deletes, its destroys with and without the program."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sandbox.language import LanguageHost
from sandbox.protocol import DiffResult, HostError, Properties, ProviderHost
from sandbox.random_host import RandomHost
from sandbox.tools import load_tools
from tests.sandbox.conftest import CHECKOUT
from tests.self_managed.api import FakeApi, served

pytestmark = pytest.mark.engine

PROGRAM = """
import json
from dataclasses import replace
from pathlib import Path

from components.place import Place
from components.self_managed.leaving import Standing, StandingArgs, Succession
from components.self_managed.machines import Machines, MachinesArgs
from components.self_managed.readiness import Patience
from tests.self_managed import NODES14

wish = json.loads(Path(__file__).with_name("wish.json").read_text())
workers = tuple(replace(NODES14.workers[0], name=name) for name in wish["workers"])
spec = replace(NODES14, workers=workers, rollout=wish["rollout"])
succession = Succession(
    kubeconfig=wish["kubeconfig"],
    machines=[f"machines-{node.name}" for node in spec.nodes],
    version=spec.version,
    drain=Patience(limit=3, every=0.05),
    succession=Patience(limit=5, every=0.05),
    pause=2,
)
machines = Machines(
    "machines",
    MachinesArgs(
        spec=spec,
        image="ami-1",
        subnet_ids={node.zone: "subnet-1" for node in spec.nodes},
        user_data={node.name: wish["user_data"] for node in spec.nodes},
        control_plane_profile="control-plane",
        worker_profile="worker",
        node_group_id="sg-1",
        control_plane_group_id="sg-2",
        target_group_arns={},
        hooks=succession.hooks,
        volume_hooks=succession.volume_hooks,
        place=Place(region="ap-northeast-2", partition="aws", account_id="123456789012"),
    ),
)
Standing("standing", StandingArgs(succession=succession, after=machines.ready))
"""


class Ec2(ProviderHost):
    """Takes what it is given; an instance's node joins the API a moment after it was made.

    Attributes:
        refuse: Names of instances whose deletion fails once.
    """

    package = "aws"

    def __init__(self, api: FakeApi) -> None:
        super().__init__()
        self._api, self._ids = api, count()
        self.refuse: set[str] = set()
        self.joins = True

    def check(self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        return news

    def diff(self, token: str, urn: str, state: Properties, olds: Properties, news: Properties) -> DiffResult:
        changed = tuple(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        forced = {"instanceId", "ami", *(["userDataBase64"] if news.get("userDataReplaceOnChange") else [])}
        return DiffResult(changed=changed, replace=tuple(forced & set(changed)))

    def create(self, token: str, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        if preview:
            return "", inputs
        name, id_ = urn.rpartition("::machines-")[2], f"i-{next(self._ids)}"
        if token.endswith(":Instance"):
            self._say(f"launch {name}")
            if self.joins:
                threading.Timer(0.3, self._join, (name, id_)).start()
        return id_, inputs

    def update(self, token: str, urn: str, rid: str, state: Properties, news: Properties, preview: bool) -> Properties:
        return news

    def delete(self, token: str, urn: str, rid: str, state: Properties) -> None:
        name = urn.rpartition("::machines-")[2]
        if token.endswith(":Instance"):
            if name in self.refuse:
                self.refuse.remove(name)
                raise HostError("AWS has trouble")
            self._say(f"terminate {name}")
        if token.endswith(":VolumeAttachment"):
            self._say(f"detach {name}")

    def _join(self, name: str, id_: str) -> None:
        with self._api.lock:
            self._api.add_node(name, id_)
            self._api.said.append(f"ready {name}")

    def _say(self, text: str) -> None:
        with self._api.lock:
            self._api.said.append(text)


class Stack:
    """The program under the real engine."""

    def __init__(self, folder: Path, api: FakeApi, ec2: Ec2, ports: str) -> None:
        self.api, self.ec2 = api, ec2
        self._folder = folder
        self.wish: dict[str, Any] = {
            "kubeconfig": api.kubeconfig,
            "workers": ["a", "b", "c"],
            "user_data": "one",
            "rollout": 1,
        }
        self._program = folder / "program"
        self._program.mkdir()
        (self._program / "__main__.py").write_text(PROGRAM)
        (folder / "Pulumi.yaml").write_text(f"name: demo\nruntime: python\nmain: {self._program}\n")
        self._environment = os.environ | {
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_LANGUAGES": ports.split(";", maxsplit=1)[0],
            "PULUMI_DEBUG_PROVIDERS": ports.split(";")[1],
        }
        assert self.run("stack", "init", "dev").returncode == 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command with what is wished for now; what the API was asked for begins anew."""
        (self._program / "wish.json").write_text(json.dumps(self.wish))
        self.api.said.clear()
        pulumi = str(load_tools(CHECKOUT)["pulumi"])
        return subprocess.run(
            [pulumi, *arguments, "--non-interactive"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self, *, fails: bool = False) -> str:
        result = self.run("up", "--yes", "--skip-preview")
        said = result.stdout + result.stderr
        assert (result.returncode != 0) is fails, said
        self._until_all_have_joined()
        return said

    def _until_all_have_joined(self) -> None:
        """Wait for the nodes of machines that were launched last: nobody in the program has to."""
        deadline = time.monotonic() + 60
        while self.ec2.joins and self._count("launch") > self._count("ready"):
            assert time.monotonic() < deadline, self.api.said
            time.sleep(0.05)

    def _count(self, word: str) -> int:
        with self.api.lock:
            return sum(line.startswith(f"{word} ") for line in self.api.said)

    def destroy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("destroy", "--yes", "--skip-preview", *arguments)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A cluster of one control plane and three workers that is up."""
    with served(FakeApi()) as api:
        language, ec2, random = LanguageHost({"PYTHONPATH": str(CHECKOUT)}), Ec2(api), RandomHost()
        try:
            ports = f"python:{language.serve()};aws:{ec2.serve()},random:{random.serve()}"
            stack = Stack(tmp_path, api, ec2, ports)
            stack.up()
            yield stack
        finally:
            language.stop()
            ec2.stop()
            random.stop()


def _turn(name: str) -> list[str]:
    return [f"{word} {name}" for word in ("cordon", "delete", "terminate", "launch", "ready")]


@pytest.mark.parametrize("wish", [{"user_data": "two"}, {"rollout": 2}], ids=["user data", "rollout"])
def test_workers_are_replaced_one_by_one(stack: Stack, wish: dict[str, Any]) -> None:
    """Each worker's successor is Ready before the next is touched; the control plane keeps what it booted with."""
    stack.wish |= wish
    stack.up()
    turns = [stack.api.said[index : index + 5] for index in range(0, len(stack.api.said), 5)]
    assert sorted(turns) == [_turn(name) for name in "abc"]
    stack.up()
    assert stack.api.said == []


def test_one_less_and_one_more_touch_no_other(stack: Stack) -> None:
    """A worker that is taken out leaves, and the run tells so; a new one just comes."""
    stack.wish["workers"] = ["d", "a", "c"]
    said = stack.up()
    assert "b: cordoned; its pods move" in said
    assert "Task was destroyed" not in said
    assert [line for line in stack.api.said if line[-1] in "ac"] == []
    assert [line for line in stack.api.said if line.endswith(" b")] == ["cordon b", "delete b", "terminate b"]
    assert set(stack.api.nodes) == {"k8s-master", "a", "c", "d"}


def test_a_control_plane_is_replaced_with_its_volume(stack: Stack) -> None:
    """Told to by hand: it leaves the cluster before its volume stops it, and the volume stays what it is."""
    urn = "urn:pulumi:dev::demo::platform:self_managed:Machines$aws:ec2/instance:Instance::machines-k8s-master"
    result = stack.run("up", "--yes", "--skip-preview", "--replace", urn)
    assert result.returncode == 0, result.stdout + result.stderr
    words = ("cordon {}", "delete {}", "detach {}-etcd", "terminate {}", "launch {}")
    assert stack.api.said[:5] == [word.format("k8s-master") for word in words]
    volume = "aws:ebs/volume:Volume"
    assert not [line for line in result.stdout.splitlines() if volume in line and ("delet" in line or "replac" in line)]


def test_a_failure_ends_the_rollout_and_the_next_run_goes_on(stack: Stack) -> None:
    """Of three workers the one whose pods may not go stays, at most one other is replaced; then all are done."""
    for name in "abc":
        stack.api.add_pod(f"web-{name}", name)
        stack.api.refusals[f"web-{name}"] = -1
    stack.wish["user_data"] = "two"
    said = stack.up(fails=True)
    (first,) = (line[-1] for line in stack.api.said if line.startswith("cordon"))
    assert stack.api.said == [f"cordon {first}"]
    assert f"{first} is not deleted: 1 of its pods are still there" in said
    assert f"kubectl uncordon {first}" in said
    others = {name for name in "abc" if f"machines-{name} stays as it is: machines-{first} could not leave" in said}
    assert others == {*"abc"} - {first}
    assert "Task was destroyed" not in said
    assert "Traceback" not in said
    stack.api.refusals.clear()
    stack.up()
    assert sorted(line for line in stack.api.said if line.startswith("launch")) == ["launch a", "launch b", "launch c"]


def test_a_successor_that_does_not_join_ends_the_rollout(stack: Stack) -> None:
    """One machine is away and nobody else goes; the failure names both."""
    stack.ec2.joins = False
    stack.wish["user_data"] = "two"
    said = stack.up(fails=True)
    (gone,) = (line[-1] for line in stack.api.said if line.startswith("terminate"))
    assert f"machines-{gone} was to be replaced first, and its successor" in said
    assert len([line for line in stack.api.said if line.startswith("launch")]) == 1


def test_a_destroy_moves_no_pod(stack: Stack) -> None:
    """Without the program the engine refuses; with it all machines go at once, although no pod may leave."""
    stack.api.add_pod("web", "a")
    stack.api.refusals["web"] = -1
    refused = stack.destroy()
    assert refused.returncode != 0
    assert "--run-program" in refused.stdout + refused.stderr
    assert stack.api.said == []
    done = stack.destroy("--run-program")
    assert done.returncode == 0, done.stdout + done.stderr
    names = ("a", "b", "c", "k8s-master")
    assert sorted(stack.api.said) == ["detach k8s-master-etcd", *(f"terminate {name}" for name in names)]


def test_a_destroy_that_was_cut_off_goes_on(stack: Stack) -> None:
    """The mark went the first time; the second destroy knows by its absence, and moves no pod either."""
    stack.api.add_pod("web", "a")
    stack.api.refusals["web"] = -1
    stack.ec2.refuse = {"a"}
    first = stack.destroy("--run-program")
    assert first.returncode != 0
    assert "AWS has trouble" in first.stdout + first.stderr
    second = stack.destroy("--run-program")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "terminate a" in stack.api.said
    assert not [line for line in stack.api.said if line.startswith(("cordon", "evict", "delete"))]

"""A stack under the real engine and the emulated AWS, with a stand-in for Kubernetes: an `up` in seconds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import yaml
from pulumi.automation import EngineEvent

from sandbox.aws import AwsEmulator, AwsHost
from sandbox.eks.host import EksHost
from sandbox.engine import Engine, Operation
from sandbox.environment import sandbox_environment
from sandbox.kubernetes.host import KubernetesHost
from sandbox.language import LanguageHost
from sandbox.leftovers import Inventory, Leftover, leftovers
from sandbox.project import Project
from sandbox.protocol import DiffResult, Properties, ProviderHost
from sandbox.tools import load_tools
from tests.bad_inputs import changed
from tests.sandbox.aws.world import Effects

_QUIET = ("same", "read")


class _Objects(ProviderHost):
    """Takes Kubernetes objects and releases as they come, and keeps none."""

    package, version = "kubernetes", KubernetesHost.version

    def check(self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        return news

    def diff(self, token: str, urn: str, state: Properties, olds: Properties, news: Properties) -> DiffResult:
        return DiffResult(changed=tuple(key for key in sorted({*olds, *news}) if olds.get(key) != news.get(key)))

    def create(self, token: str, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        status = {"status": {"namespace": inputs["namespace"]}} if "helm.sh" in token else {}
        return "" if preview else urn.rpartition("::")[2], {**inputs, **status}

    def read(
        self, token: str, urn: str, rid: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        return rid, inputs, state

    def update(self, token: str, urn: str, rid: str, state: Properties, news: Properties, preview: bool) -> Properties:
        return self.create(token, urn, news, preview)[1]

    def delete(self, token: str, urn: str, rid: str, state: Properties) -> None:
        pass


@dataclass
class Steps:
    """What one operation changed.

    Attributes:
        changes: Logical names by the engine's word for the step, without what stayed the same.
        inputs: Names of the changed inputs, by `<type token> <logical name>`.
        order: `<step> <type token> <logical name>`, in the order in which the steps ended.
    """

    changes: dict[str, set[str]] = field(default_factory=dict)
    inputs: dict[str, list[str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def note(self, event: EngineEvent) -> None:
        """Take an event of the engine."""
        begun, ended = event.resource_pre_event, event.res_outputs_event
        step = begun.metadata if begun else ended.metadata if ended else None
        if step is None or step.op.value in _QUIET:
            return
        name = step.urn.rpartition("::")[2]
        if ended:
            self.order.append(f"{step.op.value} {step.type} {name}")
            return
        self.changes.setdefault(step.op.value, set()).add(name)
        if step.diffs:
            self.inputs[f"{step.type} {name}"] = sorted(step.diffs)


class Account:
    """An emulated account with one stack in it.

    Args:
        checkout: Folder of the program.
        folder: Where everything lies.
        stack: Whose file is run, with other values.
    """

    def __init__(self, checkout: Path, folder: Path, stack: str) -> None:
        self._checkout, self._folder, self._stack = checkout, folder, stack
        self._parts = ExitStack()
        self._before: Inventory | None = None

    def __enter__(self) -> Account:
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def _start(self) -> None:
        tools = load_tools(self._checkout)
        aws = AwsEmulator(self._folder / "aws")
        self._parts.callback(aws.stop)
        self._endpoint = aws.start()
        hosts: dict[str, ProviderHost | EksHost] = {
            "aws": AwsHost(self._endpoint, Effects()),
            "eks": EksHost(),
            "kubernetes": _Objects(),
        }
        for host in hosts.values():
            self._parts.callback(host.stop)
        language = LanguageHost()
        self._parts.callback(language.stop)
        endpoints = {"git": "https://git", "charts": "https://charts"}
        project = Project(self._checkout, self._folder / "project", endpoints, aws.add_zone, aws.add_image)
        project.prepare()
        environment = sandbox_environment(
            folder=self._folder,
            tools=tools,
            ports={package: host.serve() for package, host in hosts.items()},
            language_port=language.serve(),
            aws_endpoint=self._endpoint,
            kubeconfig=self._folder / "kubeconfig",
            argocd_port=0,
        )
        self._file = project.folder / f"Pulumi.{self._stack}.yaml"
        self._stored = self._file.read_text(encoding="utf-8")
        self._environment = environment
        self.engine = Engine(project.folder, self._stack, environment, tools["pulumi"])
        self._inventory = aws.inventory

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def client(self, service: str) -> Any:
        """Return a client of the emulated AWS."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name="ap-northeast-2", endpoint_url=self._endpoint, **keys)

    def write(self, values: Mapping[str, Any]) -> None:
        """Write the stack's file with values at slash-separated paths below a section's name."""
        content = yaml.safe_load(self._file.read_text(encoding="utf-8"))
        stored = yaml.safe_load(self._stored)["config"]
        sections = {key.removeprefix("platform:"): value for key, value in stored.items()}
        content["config"] = {f"platform:{key}": value for key, value in changed(sections, values).items()}
        self._file.write_text(yaml.safe_dump(content), encoding="utf-8")

    def preview(self, values: Mapping[str, Any]) -> Steps:
        """Preview the stack with values of its own."""
        self.write(values)
        steps = Steps()
        self.engine.preview(steps.note)
        return steps

    def up(self, values: Mapping[str, Any]) -> Steps:
        """Bring the stack up with values of its own."""
        if self._before is None:
            self._before = self._inventory()
        self.write(values)
        steps = Steps()
        self.engine.up(steps.note)
        return steps

    def destroy(self) -> list[str]:
        """Destroy the stack and return what is left of all that came since the first `up` and should not be."""
        before = self._before or {}
        retained = self.engine.retained()
        self.engine.destroy()
        return [str(one) for one in leftovers(before, self._inventory(), retained) if not one.reason]

    def new(self) -> list[Leftover]:
        """Return all that is there and was not before the first `up`, or the other way round."""
        return leftovers(self._before or {}, self._inventory())

    def ops(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the operator's command line on the stack, as `make up` does."""
        if self._before is None:
            self._before = self._inventory()
        command = [sys.executable, "-m", "ops", words[0], "--stack", self._stack, "--cwd", str(self._file.parent)]
        return subprocess.run(
            [*command, *words[1:]],
            cwd=self._checkout,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def again(self) -> Operation:
        """Refresh and preview; raise `EngineError` if anything differs."""
        self.engine.refresh(expect_no_changes=True)
        return self.engine.preview(expect_no_changes=True)

"""A self-managed stack in a sandbox, with other values than its file's, and what operators do with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import yaml
from kubernetes import client, config

from sandbox.aws.console import CONSOLE
from sandbox.leftovers import leftovers, why_kept
from sandbox.world import World
from tests.bad_inputs import changed
from tests.sandbox.conftest import CHECKOUT
from tests.sandbox.without_kubernetes import Steps

STACK: Final = "nodes14"
CLUSTER: Final = "platform-nodes14"
REGION: Final = "ap-northeast-2"
PARAMETERS: Final = f"/kubernetes/{CLUSTER}/"


# A revision that Git does not have, so that no tree comes: for lives that are about the machines.
WITHOUT_TREE: Final = {"gitops/revision": "none"}


def worker(zone: str, **labels: str) -> dict[str, Any]:
    """Return a small worker of a zone, such as `a`."""
    return {
        "role": "worker",
        "zone": f"{REGION}{zone}",
        "instanceType": "t3.small",
        "labels": labels,
        "taints": [],
        "diskGiB": 30,
    }


def with_workers(workers: Mapping[str, Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Return values of a stack with one control plane and these workers."""
    return {"machines/total": 1 + len(workers), "machines/workers": dict(workers), **more}


class Platform:
    """The stack in a sandbox.

    Args:
        world: A started sandbox.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine = world.engine(STACK)
        self._file = world.project.folder / f"Pulumi.{STACK}.yaml"
        self._stored = yaml.safe_load(self._file.read_text(encoding="utf-8"))["config"]
        self._before = world.inventory()

    # The stack -----------------------------------------------------------------------------------------------------

    def write(self, values: Mapping[str, Any]) -> None:
        """Write the stack's file with values at slash-separated paths below a section's name."""
        content = yaml.safe_load(self._file.read_text(encoding="utf-8"))
        sections = {key.removeprefix("platform:"): value for key, value in self._stored.items()}
        content["config"] = {f"platform:{key}": value for key, value in changed(sections, values).items()}
        self._file.write_text(yaml.safe_dump(content), encoding="utf-8")

    def section(self, name: str) -> dict[str, Any]:
        """Return a section of the stack's file as it is now."""
        return dict(yaml.safe_load(self._file.read_text(encoding="utf-8"))["config"][f"platform:{name}"])

    def up(self, values: Mapping[str, Any] | None = None) -> Steps:
        """Bring the stack up, with values of its own."""
        if values is not None:
            self.write(values)
        steps = Steps()
        self.engine.up(steps.note)
        return steps

    def replace(self, *names: str) -> str:
        """Have resources replaced, as a runbook says; return what the engine printed."""
        urns = [one["urn"] for one in self.engine.resources() if one["urn"].rpartition("::")[2] in names]
        assert len(urns) == len(names)
        result = self.pulumi("up", "--yes", "--skip-preview", *(f"--replace={urn}" for urn in urns))
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def pulumi(self, *words: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the engine's command line on the stack."""
        return self._run(["pulumi", *words, "--stack", STACK], self.world.project.folder, timeout)

    def ops(self, *words: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the operators' command line on the stack."""
        command = [sys.executable, "-m", "ops", words[0], "--stack", STACK, "--cwd", str(self.world.project.folder)]
        return self._run([*command, *words[1:]], CHECKOUT, timeout)

    def _run(self, command: list[str], folder: Path, timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env=self.world.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def verify(self) -> list[dict[str, str]]:
        """Return the rows of `platform verify` by the kubeconfig that the stack puts out.

        What runs on a node that came just now needs a moment: rows that fail are asked for again, for five minutes.
        """
        words, deadline = ("verify", "--json", "--kubeconfig", str(self.kubeconfig())), time.monotonic() + 300
        while (result := self.ops(*words)).returncode == 1 and time.monotonic() < deadline:
            time.sleep(3)
        rows = list(json.loads(result.stdout)["rows"]) if result.returncode < 2 else []
        assert result.returncode == 0, [row for row in rows if row["state"] == "fail"] or result.stderr
        return rows

    def left(self, retained: frozenset[str]) -> list[str]:
        """Return what is there since the beginning, in AWS and of the last cluster, and not on purpose."""
        aws = leftovers(self._before, self.world.inventory(), retained)
        kubernetes = [
            f"Kubernetes {kind} {name}"
            for kind, name in self.world.leftovers()
            if kind != "CustomResourceDefinition" and not why_kept("Kubernetes", name, retained)
        ]
        return [*(str(one) for one in aws if not one.reason), *kubernetes]

    def destroy(self) -> list[str]:
        """Destroy the stack and return what is left."""
        retained = self.engine.retained()
        self.engine.destroy()
        return self.left(retained)

    def down(self) -> tuple[str, list[str]]:
        """Take the stack down as an operator does; return what was said and what is left."""
        retained = self.engine.retained()
        result = self.ops("down", "--yes", "--skip-preview", timeout=900)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout, self.left(retained)

    # Its cluster ---------------------------------------------------------------------------------------------------

    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig, as the stack puts it out."""
        result = self.pulumi("stack", "output", "kubeconfig", "--show-secrets")
        assert result.returncode == 0, result.stderr
        path = self.world.folder / "administrator.json"
        path.write_text(result.stdout, encoding="utf-8")
        return path

    def core(self) -> client.CoreV1Api:
        """Return a client by that kubeconfig."""
        return client.CoreV1Api(config.new_client_from_config(config_file=str(self.kubeconfig())))

    def nodes(self) -> dict[str, Any]:
        """Return the nodes by name."""
        return {node.metadata.name: node for node in self.core().list_node().items}

    def ready(self) -> set[str]:
        """Return the names of the nodes that are Ready."""
        return {
            name
            for name, node in self.nodes().items()
            if any((one.type, one.status) == ("Ready", "True") for one in node.status.conditions)
        }

    # Its AWS -------------------------------------------------------------------------------------------------------

    def aws(self, service: str) -> Any:
        """Return a client of the emulated AWS."""
        environment = self.world.environment
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def instances(self) -> dict[str, dict[str, Any]]:
        """Return the instances that run, by node."""
        found = [
            instance
            for reservation in self.aws("ec2").describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] == "running"
        ]
        return {_name(one).removeprefix(f"{CLUSTER}-"): one for one in found}

    def secrets(self) -> dict[str, str]:
        """Return what the machines are given and nobody else may read, by the parameter's name."""
        pages = self.aws("ssm").get_paginator("get_parameters_by_path")
        found = pages.paginate(Path=PARAMETERS, Recursive=True, WithDecryption=True)
        return {one["Name"].removeprefix(PARAMETERS): one["Value"] for page in found for one in page["Parameters"]}

    def console(self, instance_id: str) -> str:
        """Return what a machine printed."""
        return CONSOLE.text(instance_id)


def _name(instance: Mapping[str, Any]) -> str:
    return str(next(tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name"))


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)

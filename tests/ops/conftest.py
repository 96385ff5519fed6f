"""A small program on the emulated AWS, with an engine that can be killed while creates are under way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.emulator import AwsEmulator
from sandbox.aws.host import AwsHost
from sandbox.environment import sandbox_environment
from sandbox.language import LanguageHost
from sandbox.protocol import HostError, Properties
from sandbox.tools import load_tools

CHECKOUT = Path(__file__).parent.parent.parent

PROGRAM = """
import pulumi
from pulumi_aws import Provider, ProviderDefaultTagsArgs
from pulumi_aws.ec2.subnet import Subnet
from pulumi_aws.ec2.vpc import Vpc
from pulumi_aws.iam import Role
from pulumi_aws.sqs import Queue

aws = Provider("aws", region="eu-west-1", allowed_account_ids=["123456789012"],
               default_tags=ProviderDefaultTagsArgs(tags={"Project": "ops"}))
opts = pulumi.ResourceOptions(provider=aws)
vpc = Vpc("vpc", cidr_block="10.0.0.0/16", enable_dns_hostnames=True, tags={"Name": "ops"}, opts=opts)
Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.1.0/24", tags={"Name": "ops"}, opts=opts)
Role("role", assume_role_policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action":'
     ' "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}', opts=opts)
Queue("queue", name="ops", message_retention_seconds=300, opts=opts)
pulumi.export("vpc", vpc.arn)
"""


class HeldHost(AwsHost):
    """An AWS provider whose creates can be held at one point.

    Attributes:
        held: Types whose creates wait, with how: `made` before the wait, `late` after it, `lost` never.
        reached: Types that wait.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint, None)
        self.held: dict[str, str] = {}
        self.reached: set[str] = set()
        self.changed = threading.Condition()
        self.release = threading.Event()

    def create(self, token: str, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        how = "" if preview else self.held.get(token, "")
        made = super().create(token, urn, inputs, preview) if how in ("", "made") else None
        if how:
            with self.changed:
                self.reached.add(token)
                self.changed.notify_all()
            self.release.wait(60)
        if how == "lost":
            raise HostError("the request never reached AWS")
        return made or super().create(token, urn, inputs, preview)


class Stage:
    """The program, its stack `dev`, and the AWS below."""

    def __init__(self, folder: Path, aws: AwsEmulator, host: HeldHost, environment: dict[str, str]) -> None:
        self.folder, self.aws, self.host, self.environment = folder, aws, host, environment

    def pulumi(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `pulumi` in the project."""
        command = ["pulumi", *words, "--stack", "dev", "--non-interactive"]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def ops(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the operator's command line on the project."""
        command = [sys.executable, "-m", "ops", words[0], "--stack", "dev", "--cwd", str(self.folder), *words[1:]]
        return subprocess.run(
            command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def start_up(self, held: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start `pulumi up` and return once all held creates are under way."""
        self.host.held, self.host.reached = held, set()
        self.host.release.clear()
        command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive"]
        # A file, not a pipe: nobody reads it before the end.
        with (self.folder / "up.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        with self.host.changed:
            assert self.host.changed.wait_for(lambda: self.host.reached == set(held), 60), "no create came"
        return process

    def kill_up(self, held: dict[str, str], release_after: float = 0) -> None:
        """Kill the engine while the held creates are under way; let them go on afterwards."""
        process = self.start_up(held)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.host.held = {}
        threading.Timer(release_after, self.host.release.set).start()

    def state(self) -> dict[str, Any]:
        """Return the exported deployment."""
        return dict(json.loads(self.pulumi("stack", "export").stdout)["deployment"])

    def outputs(self) -> dict[str, list[str]]:
        """Return by URN which outputs are recorded."""
        return {r["urn"]: sorted(r.get("outputs", {})) for r in self.state()["resources"]}

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many there are in AWS, by service and kind."""
        return {
            service: {kind: len(ids) for kind, ids in kinds.items()} for service, kinds in self.aws.inventory().items()
        }


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A project with an empty stack, on an empty AWS."""
    aws = AwsEmulator(tmp_path / "aws")
    host = HeldHost(endpoint := aws.start())
    language = LanguageHost()
    try:
        environment = sandbox_environment(
            folder=tmp_path,
            tools={"pulumi": load_tools(CHECKOUT)["pulumi"]},
            ports={"aws": host.serve()},
            language_port=language.serve(),
            aws_endpoint=endpoint,
            kubeconfig=tmp_path / "kubeconfig",
            argocd_port=0,
        )
        project = tmp_path / "project"
        project.mkdir()
        (project / "Pulumi.yaml").write_text("name: ops\nruntime: python\n", encoding="utf-8")
        (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
        made = Stage(project, aws, host, environment)
        subprocess.run(
            ["pulumi", "stack", "init", "dev"], cwd=project, env=environment, capture_output=True, check=True
        )
        yield made
    finally:
        host.release.set()
        language.stop()
        host.stop()
        aws.stop()

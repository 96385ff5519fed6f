"""Settings that would replace cluster, key or VPC, changed on a stack that is up: refused with the reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from sandbox.leftovers import leftovers
from sandbox.world import World
from tests.bad_inputs import changed
from tests.sandbox.conftest import CHECKOUT

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Values set at slash-separated paths below a section's name, and what the refusal has to say."""

    values: dict[str, Any]
    says: tuple[str, ...]


# Production takes a tag or a full commit id; the sandbox's repository has no such commit.
_NO_TREE = "0" * 40
_CLUSTER = "aws:eks/cluster:Cluster cluster-eksCluster would be replaced: "
# All settings that reach an input of cluster, secrets key or VPC which AWS does not change in place.
EDITS = {
    "cluster name": Edit(
        values={"cluster/name": "another"},
        says=(_CLUSTER + 'name from "platform-{stack}" to "another" (from platform:cluster.name)',),
    ),
    "service range": Edit(
        values={"cluster/serviceCidr": "172.21.0.0/16"},
        says=(
            _CLUSTER + 'kubernetesNetworkConfig.serviceIpv4Cidr from "172.20.0.0/16" to "172.21.0.0/16"'
            " (from platform:cluster.serviceCidr)",
        ),
    ),
    "VPC range": Edit(
        values={"network/cidr": "10.20.0.0/16"},
        says=("aws:ec2/vpc:Vpc network-vpc would be replaced: cidrBlock from ", "(from platform:network.cidr)"),
    ),
    "region": Edit(
        values={"aws/region": "us-east-1", "network/zones": {"us-east-1a": 0, "us-east-1b": 1, "us-east-1c": 2}},
        says=('platform:aws.region = "us-east-1": the stack lies in ap-northeast-2, ',),
    ),
    "account": Edit(
        values={"aws/accountId": "210987654321"},
        says=('platform:aws.accountId = "210987654321": the stack lies in account 123456789012; ',),
    ),
    "older version": Edit(
        values={"cluster/version": "1.35", "nodes/amiRelease": "1.35.6-20260714"},
        says=('platform:cluster.version = "1.35": the cluster is at 1.36, and a control plane does not go back; ',),
    ),
    "version after next": Edit(
        values={"cluster/version": "1.38"},
        says=('platform:cluster.version = "1.38": ', 'write "1.37", then "1.38", an `up` each'),
    ),
}


class UpStack:
    """A stack that is up, and the stack file that it came from."""

    def __init__(self, world: World, stack: str) -> None:
        self.world, self.stack = world, stack
        self.file = world.project.folder / f"Pulumi.{stack}.yaml"
        self.stored = self.file.read_text(encoding="utf-8")
        # No tree: what its controllers make in AWS meanwhile is none of the refused run's.
        self.write({"gitops/revision": _NO_TREE})
        world.engine(stack).up()
        self.stored = self.file.read_text(encoding="utf-8")

    def write(self, values: dict[str, Any]) -> None:
        content = yaml.safe_load(self.stored)
        sections = {key.removeprefix("platform:"): value for key, value in content["config"].items()}
        content["config"] = {f"platform:{key}": value for key, value in changed(sections, values).items()}
        self.file.write_text(yaml.safe_dump(content), encoding="utf-8")

    def state(self) -> bytes:
        (file,) = (self.world.folder / "state").rglob(f"stacks/**/{self.stack}.json")
        return file.read_bytes()

    def ops_up(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ops", "up", "--stack", self.stack, "--cwd", str(self.world.project.folder)]
        return subprocess.run(
            [*command, "--yes", "--skip-preview"],
            cwd=CHECKOUT,
            env=self.world.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture(scope="module", params=["dev", "prod"])
def up_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpStack]:
    # One sandbox at a time: pytest runs all tests of a parameter before the next one's.
    with World(CHECKOUT, tmp_path_factory.mktemp("sandbox") / "world") as world:
        yield UpStack(world, request.param)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_the_edit_is_refused_with_its_reason(up_stack: UpStack, edit: Edit) -> None:
    """In dev, where nothing is protected, as in prod; neither AWS nor the state is another one afterwards."""
    before, state = up_stack.world.inventory(), up_stack.state()
    up_stack.write(edit.values)
    refused = up_stack.ops_up()
    up_stack.file.write_text(up_stack.stored, encoding="utf-8")
    assert refused.returncode == 1, refused.stdout + refused.stderr
    for text in edit.says:
        assert text.format(stack=up_stack.stack) in refused.stderr
    assert all(line.count("; ") >= 1 for line in refused.stderr.splitlines())
    assert leftovers(before, up_stack.world.inventory()) == []
    assert up_stack.state() == state


def test_what_is_protected_is_let_go_by_no_option(up_stack: UpStack) -> None:
    """Every line in prod about cluster, key and VPC says so; in dev every line names its option."""
    up_stack.write({"cluster/name": "another"})
    lines = up_stack.ops_up().stderr.splitlines()
    up_stack.file.write_text(up_stack.stored, encoding="utf-8")
    (line,) = [line for line in lines if _CLUSTER in line]
    assert ("it is protected" in line) == (up_stack.stack == "prod")
    assert ("--allow-loss 'urn:" in line) == (up_stack.stack == "dev")

"""The host under the real Pulumi engine."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation
from pulumi.automation import OpType

from sandbox.aws import AwsEmulator, AwsHost
from sandbox.tools import load_tools
from tests.sandbox.aws.world import ACCOUNT, REGION, Effects, trust

# A program that the engine stopped leaves its event loop to the garbage collector: it is collected here, and not in
# the middle of another test.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CHECKOUT = Path(__file__).parents[3]
# The stack, the provider, and what the program below makes.
RESOURCES = 13


def program(settings: dict[str, Any]) -> Callable[[], None]:
    """Return a program with a network, roles, a cluster, a node group, a queue and a function."""

    def run() -> None:
        import pulumi_aws as aws

        tags = aws.ProviderDefaultTagsArgs(tags={"environment": "test"})
        provider = aws.Provider("aws", region=REGION, allowed_account_ids=[ACCOUNT], default_tags=tags)
        opts = pulumi.ResourceOptions(provider=provider)
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=opts)
        zones = aws.get_availability_zones(opts=pulumi.InvokeOptions(provider=provider)).names[:2]
        subnets = [
            aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone=zone, opts=opts)
            for index, zone in enumerate(zones)
        ]
        ids = [subnet.id for subnet in subnets]
        role = aws.iam.Role("cluster", assume_role_policy=trust("eks.amazonaws.com"), opts=opts)
        nodes = aws.iam.Role("nodes", assume_role_policy=trust("ec2.amazonaws.com"), opts=opts)
        cluster = aws.eks.Cluster(
            "cluster",
            role_arn=role.arn,
            vpc_config={"subnet_ids": ids},
            access_config={"authentication_mode": "API"},
            opts=opts,
        )
        scaling = aws.eks.NodeGroupScalingConfigArgs(min_size=1, desired_size=settings["desired"], max_size=3)
        aws.eks.NodeGroup(
            "nodes",
            cluster_name=cluster.name,
            node_role_arn=nodes.arn,
            subnet_ids=ids,
            scaling_config=scaling,
            opts=opts,
        )
        queue = aws.sqs.Queue("queue", name="queue", opts=opts)
        policy = queue.arn.apply(
            lambda arn: json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn}],
                }
            )
        )
        aws.sqs.QueuePolicy("queue", queue_url=queue.id, policy=policy, opts=opts)
        runner = aws.iam.Role("function", assume_role_policy=trust("lambda.amazonaws.com"), opts=opts)
        files: dict[str, pulumi.Asset | pulumi.Archive] = {"index.py": pulumi.StringAsset(settings["code"])}
        aws.lambda_.Function(
            "function",
            code=pulumi.AssetArchive(files),
            handler="index.handler",
            runtime="python3.13",
            role=runner.arn,
            opts=opts,
        )
        if settings["unknown"]:
            pulumi.CustomResource("aws:rds/instance:Instance", "instance", {}, opts)
        pulumi.export("endpoint", cluster.endpoint)

    return run


@dataclass
class Play:
    """A stack of the program on an account of its own."""

    stack: automation.Stack
    emulator: AwsEmulator
    settings: dict[str, Any]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    engine = load_tools(CHECKOUT)["pulumi"]
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    emulator = AwsEmulator(tmp_path / "aws")
    host = AwsHost(emulator.start(), Effects())
    settings: dict[str, Any] = {"desired": 2, "unknown": False, "code": "def handler(event, context): ..."}
    yield Play(_stack(tmp_path, host.serve(), program(settings)), emulator, settings)
    host.stop()
    emulator.stop()
    gc.collect()


def _stack(folder: Path, port: int, run: Callable[[], None]) -> automation.Stack:
    backend = folder / "state"
    backend.mkdir()
    environment = {
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }
    place = automation.ProjectBackend(url=backend.as_uri())
    project = automation.ProjectSettings(name="test", runtime="python", backend=place)
    options = automation.LocalWorkspaceOptions(work_dir=str(folder), env_vars=environment, project_settings=project)
    return automation.create_or_select_stack("dev", project_name="test", program=run, opts=options)


def test_a_program_comes_stays_and_goes(play: Play) -> None:
    """Preview, up, up again and refresh without changes, a change in place, destroy: nothing is left."""
    before = play.emulator.inventory()
    assert play.stack.preview().change_summary == {OpType.CREATE: RESOURCES}
    assert play.emulator.inventory() == before
    up = play.stack.up()
    assert up.outputs["endpoint"].value == "https://127.0.0.1:6443"
    assert up.summary.resource_changes == {"create": RESOURCES}
    assert play.stack.up().summary.resource_changes == {"same": RESOURCES}
    assert play.stack.refresh().summary.resource_changes == {"same": RESOURCES}
    assert play.stack.preview(expect_no_changes=True).change_summary == {OpType.SAME: RESOURCES}
    play.settings["desired"] = 3
    assert play.stack.up().summary.resource_changes == {"same": RESOURCES - 1, "update": 1}
    play.settings["code"] += "  # changed"
    assert play.stack.up().summary.resource_changes == {"same": RESOURCES - 1, "update": 1}
    play.stack.destroy()
    assert play.emulator.inventory() == before


def test_an_unknown_type_stops_the_preview(play: Play) -> None:
    """The engine shows which row is missing, and creates nothing."""
    play.settings["unknown"] = True
    before = play.emulator.inventory()
    with pytest.raises(automation.CommandError, match="aws:rds/instance:Instance is not served; add a row for it"):
        play.stack.preview()
    assert play.emulator.inventory() == before

"""A program's transforms reach the children of the remote component `eks:index:Cluster`, through the real engine."""

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
from sandbox.aws.eks_api import EKS
from sandbox.eks.host import EksHost
from sandbox.protocol import ProviderHost
from sandbox.tools import load_tools
from tests.sandbox.aws.world import ACCOUNT, REGION, Effects, trust

# A program that the engine stopped leaves its event loop to the garbage collector: it is collected here, and not in
# the middle of another test.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CHECKOUT = Path(__file__).parents[3]
CLUSTER = "aws:eks/cluster:Cluster"


class _Kubernetes(ProviderHost):
    """The component makes a Kubernetes provider; nothing here uses it."""

    package = "kubernetes"
    version = "4.34.2"


def shift_zones(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Turn zonal shift on, which the component has no input for."""
    if args.type_ != CLUSTER:
        return None
    return pulumi.ResourceTransformResult({**args.props, "zonalShiftConfig": {"enabled": True}}, args.opts)


def protect(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Protect the cluster itself, not the component around it."""
    if args.type_ != CLUSTER:
        return None
    options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True))
    return pulumi.ResourceTransformResult(dict(args.props), options)


def program(transforms: list[Any]) -> Callable[[], None]:
    """Return a program with a cluster by the remote component."""

    def run() -> None:
        import pulumi_aws as aws
        import pulumi_eks as eks

        provider = aws.Provider("aws", region=REGION, allowed_account_ids=[ACCOUNT])
        opts = pulumi.ResourceOptions(provider=provider)
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=opts)
        subnets = [
            aws.ec2.Subnet(
                zone, vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone=f"{REGION}{zone}", opts=opts
            )
            for index, zone in enumerate("ab")
        ]
        role = aws.iam.Role("cluster", assume_role_policy=trust("eks.amazonaws.com"), opts=opts)
        eks.Cluster(
            "main",
            name="main",
            vpc_id=vpc.id,
            subnet_ids=[subnet.id for subnet in subnets],
            service_role=role,
            authentication_mode=eks.AuthenticationMode.API,
            create_oidc_provider=False,
            skip_default_node_group=True,
            skip_default_security_groups=True,
            use_default_vpc_cni=True,
            opts=pulumi.ResourceOptions(providers=[provider], transforms=transforms),
        )

    return run


@dataclass
class Play:
    """Makes stacks of a program on an account of its own."""

    folder: Path
    emulator: AwsEmulator
    ports: dict[str, int]

    def stack(self, transforms: list[Any]) -> automation.Stack:
        """Return the stack of the program with these transforms on the component."""
        backend = self.folder / "state"
        backend.mkdir(exist_ok=True)
        environment = {
            "PULUMI_BACKEND_URL": backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in self.ports.items()),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        place = automation.ProjectBackend(url=backend.as_uri())
        project = automation.ProjectSettings(name="test", runtime="python", backend=place)
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self.folder), env_vars=environment, project_settings=project
        )
        return automation.create_or_select_stack("dev", project_name="test", program=program(transforms), opts=options)


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    engine = load_tools(CHECKOUT)["pulumi"]
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    emulator = AwsEmulator(tmp_path / "aws")
    hosts: dict[str, ProviderHost | EksHost] = {
        "aws": AwsHost(emulator.start(), Effects()),
        "eks": EksHost(),
        "kubernetes": _Kubernetes(),
    }
    yield Play(tmp_path, emulator, {name: host.serve() for name, host in hosts.items()})
    for host in hosts.values():
        host.stop()
    emulator.stop()
    gc.collect()


def test_a_transform_sets_what_the_component_has_no_input_for(play: Play) -> None:
    """A property that a transform gives the child cluster arrives at the EKS API, on creation and on a later change."""
    stack = play.stack([])
    stack.up()
    record = EKS.state.get("cluster", REGION, "main")
    assert "zonalShiftConfig" not in record
    changed = dict(play.stack([shift_zones]).up().summary.resource_changes or {})
    assert changed.pop(OpType.UPDATE) == 1
    assert [*changed] == [OpType.SAME]
    assert record["zonalShiftConfig"] == {"enabled": True}
    stack.destroy()


def test_a_transform_protects_a_child(play: Play) -> None:
    """Options that a transform gives the child cluster hold: the engine refuses to delete it."""
    stack = play.stack([shift_zones, protect])
    stack.up()
    assert EKS.state.get("cluster", REGION, "main")["zonalShiftConfig"] == {"enabled": True}
    resources = json.loads(json.dumps(stack.export_stack().deployment))["resources"]
    assert [one["type"] for one in resources if one.get("protect")] == [CLUSTER]
    with pytest.raises(automation.CommandError, match="protected"):
        stack.destroy()

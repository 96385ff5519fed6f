"""A stack from before the identities keeps its controller's role, policies and association, under the real engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation
from pulumi.automation import OpType

from components.identity import policy
from components.identity.pod_identity import PodIdentity
from components.identity.workload import Former, Workload
from components.place import Place
from sandbox.aws import AwsEmulator, AwsHost
from sandbox.tools import ToolsError, load_tools
from tests.sandbox.aws.world import ACCOUNT, REGION, Effects, trust

pytestmark = pytest.mark.engine

CHECKOUT = Path(__file__).parents[2]
PLACE = Place(region=REGION, partition="aws", account_id=ACCOUNT, tags={"project": "demo"})
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "pricing:GetProducts", "Resource": "*"}],
}
Layout = Callable[[pulumi.Resource, pulumi.Output[str]], None]


def program(layout: Layout) -> Callable[[], None]:
    """Return a program with a cluster and a component, which registers the controller's rights as the layout does."""

    def run() -> None:
        import pulumi_aws as aws

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
        cluster = aws.eks.Cluster(
            "cluster",
            name="demo",
            role_arn=role.arn,
            vpc_config={"subnet_ids": [subnet.id for subnet in subnets]},
            access_config={"authentication_mode": "API"},
            opts=opts,
        )
        component = pulumi.ComponentResource(
            "platform:karpenter:Karpenter", "karpenter", None, pulumi.ResourceOptions(providers=[provider])
        )
        layout(component, cluster.name)

    return run


def before(parent: pulumi.Resource, cluster_name: pulumi.Output[str]) -> None:
    """Version 0.1.0: everything right under the component."""
    import pulumi_aws as aws

    child = pulumi.ResourceOptions(parent=parent)
    documents = policy.pod_identity_trust(
        account_id=ACCOUNT,
        cluster=policy.cluster_arn(**PLACE.where, cluster_name="demo"),
        namespace="kube-system",
        service_account="karpenter",
    )
    tags = dict(PLACE.tags)
    role = aws.iam.Role(
        "karpenter-controller",
        name="demo-karpenter-controller",
        description="test",
        assume_role_policy=json.dumps(documents, separators=(",", ":")),
        tags=tags,
        opts=child,
    )
    text = json.dumps(DOCUMENT, separators=(",", ":"))
    right = aws.iam.Policy("karpenter-pricing", name="DemoPricing", policy=text, tags=tags, opts=child)
    attached = aws.iam.RolePolicyAttachment("karpenter-pricing", role=role.name, policy_arn=right.arn, opts=child)
    aws.eks.PodIdentityAssociation(
        "karpenter-controller",
        cluster_name=cluster_name,
        namespace="kube-system",
        service_account="karpenter",
        role_arn=role.arn,
        tags=tags,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[attached]),
    )


def after(parent: pulumi.Resource, cluster_name: pulumi.Output[str], *, former: bool = True) -> None:
    """Since then: through an identity."""
    workload = Workload(
        namespace="kube-system",
        service_account="karpenter",
        documents={"pricing": DOCUMENT},
        description="test",
        role_name="demo-karpenter-controller",
        policy_names={"pricing": "DemoPricing"},
        former=Former(parent=parent, prefix="karpenter") if former else None,
    )
    identity = PodIdentity(cluster_name="demo", ready_cluster_name=cluster_name, place=PLACE)
    identity.grant("karpenter-controller", workload, pulumi.ResourceOptions(parent=parent))


def forgetful(parent: pulumi.Resource, cluster_name: pulumi.Output[str]) -> None:
    """Through an identity that does not say where the resources were."""
    after(parent, cluster_name, former=False)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Layout], automation.Stack]]:
    try:
        engine = load_tools(CHECKOUT)["pulumi"]
    except (ToolsError, KeyError):
        pytest.skip("make setup has not run")
    monkeypatch.setenv("PATH", f"{engine.parent}{os.pathsep}{os.environ['PATH']}")
    emulator = AwsEmulator(tmp_path / "aws")
    host = AwsHost(emulator.start(), Effects())
    backend = tmp_path / "state"
    backend.mkdir()
    environment = {
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_DEBUG_PROVIDERS": f"aws:{host.serve()}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }
    place = automation.ProjectBackend(url=backend.as_uri())
    project = automation.ProjectSettings(name="test", runtime="python", backend=place)
    options = automation.LocalWorkspaceOptions(work_dir=str(tmp_path), env_vars=environment, project_settings=project)

    def select(layout: Layout) -> automation.Stack:
        run = program(layout)
        return automation.create_or_select_stack("dev", project_name="test", program=run, opts=options)

    yield select
    host.stop()
    emulator.stop()


def operations(changes: Any) -> dict[str, int]:
    return {OpType(kind).value: count for kind, count in dict(changes or {}).items()}


def test_an_older_stack_gains_a_component_and_loses_nothing(stack: Callable[[Layout], automation.Stack]) -> None:
    """The update makes the identity's component and touches nothing else; the next preview has nothing to do."""
    stack(before).up()
    forgotten = operations(stack(forgetful).preview().change_summary)
    assert forgotten["create"] == 5
    assert forgotten["delete"] == 4
    moved = operations(stack(after).up().summary.resource_changes)
    assert moved.keys() == {"create", "same"}
    assert moved["create"] == 1
    assert operations(stack(after).preview().change_summary).keys() == {"same"}
    assert operations(stack(after).destroy().summary.resource_changes).keys() == {"delete"}

"""The stand-in for controllers, over the running API server and the emulated AWS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.aws.emulator import AwsEmulator
from sandbox.kubernetes.controllers import Controllers
from sandbox.kubernetes.karpenter import ROWS
from sandbox.kubernetes.releases import TOKEN
from sandbox.protocol import Properties
from tests.sandbox.kubernetes.conftest import Cluster, Provider, until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
_POOL = "kubernetes:karpenter.sh/v1:NodePool"
_TAGS = {"discovery": "controllers-test"}
_REFERENCE = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
_REQUIREMENT = {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}
_INPUTS: dict[str, Properties] = {
    _CLASS: {
        "metadata": {"name": "default"},
        "spec": {
            "role": "node",
            "amiSelectorTerms": [{"alias": "al2023@v20260714"}],
            "subnetSelectorTerms": [{"tags": _TAGS}],
            "securityGroupSelectorTerms": [{"tags": _TAGS}],
        },
    },
    _POOL: {
        "metadata": {"name": "general"},
        "spec": {"template": {"spec": {"nodeClassRef": _REFERENCE, "requirements": [_REQUIREMENT]}}},
    },
}


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    emulator = AwsEmulator(tmp_path)
    yield emulator.start()
    emulator.stop()


def _release(cluster: Cluster, chart: str, **changes: Any) -> Properties:
    source = {"chart": chart, "version": "1.14.1", "repositoryOpts": {"repo": cluster.mirror.url}}
    return source | {"name": chart, "namespace": "kube-system", "skipCrds": True} | changes


@pytest.fixture
def provider(cluster: Cluster) -> Iterator[Provider]:
    """A cluster with Karpenter's CRDs, a node class and a pool."""
    provider = cluster.provider()
    provider.create(TOKEN, "crds", _release(cluster, "karpenter-crd"))
    for token, inputs in _INPUTS.items():
        provider.create(token, "x", inputs)
    yield provider
    for token, name in ((_POOL, "general"), (_CLASS, "default")):
        provider.delete(
            token, "x", name, {"metadata": {"annotations": {"pulumi.com/deletionPropagationPolicy": "background"}}}
        )
    provider.delete(TOKEN, "controller", "kube-system/karpenter")
    provider.delete(TOKEN, "crds", "kube-system/karpenter-crd")


def _ready(cluster: Cluster, kind: str, name: str) -> str | None:
    conditions = cluster.get(kind, name).get("status", {}).get("conditions", [])
    return next((str(one["status"]) for one in conditions if one["type"] == "Ready"), None)


def _make_references(endpoint: str) -> None:
    access = {"endpoint_url": endpoint, "aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    ec2, iam = (boto3.client(service, region_name="eu-west-1", **access) for service in ("ec2", "iam"))
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    tags = [{"Key": key, "Value": value} for key, value in _TAGS.items()]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="nodes", Description="x", VpcId=vpc)["GroupId"]
    ec2.create_tags(Resources=[subnet, group], Tags=tags)
    iam.create_role(RoleName="node", AssumeRolePolicyDocument="{}")


def test_readiness_needs_the_controller_and_its_references(cluster: Cluster, provider: Provider, endpoint: str) -> None:
    """Without the controller there is no status, without references it is False, with both True; deletion completes."""
    controllers = Controllers(cluster.control_plane, endpoint, ROWS)
    api = cluster.control_plane.api
    controllers.reconcile(api)
    assert _ready(cluster, "ec2nodeclass", "default") is None
    provider.create(TOKEN, "controller", _release(cluster, "karpenter", values={"settings": {"clusterName": "demo"}}))
    controllers.reconcile(api)
    assert _ready(cluster, "ec2nodeclass", "default") == "False"
    assert _ready(cluster, "nodepool", "general") == "False"
    before = cluster.get("ec2nodeclass", "default")["metadata"]["resourceVersion"]
    controllers.reconcile(api)
    assert cluster.get("ec2nodeclass", "default")["metadata"]["resourceVersion"] == before
    _make_references(endpoint)
    controllers.start()
    until(lambda: _ready(cluster, "nodepool", "general") == "True")
    assert len(cluster.get("ec2nodeclass", "default")["status"]["subnets"]) == 1
    api.request("DELETE", "/apis/karpenter.k8s.aws/v1/ec2nodeclasses/default")
    until(lambda: cluster.get("ec2nodeclass", "default") == {})
    until(lambda: _ready(cluster, "nodepool", "general") == "False")
    controllers.stop()

"""Karpenter's stand-in over the running API server, scheduler and the emulated AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.kubernetes.api import Api
from sandbox.kubernetes.controllers import Controllers
from sandbox.kubernetes.karpenter import ROWS
from sandbox.kubernetes.releases import TOKEN
from sandbox.provisioning.karpenter import Karpenter
from sandbox.volumes.provisioner import Volumes
from tests.sandbox.kubernetes.conftest import DISCOVERY, Aws, Cluster, until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_PODS = "/api/v1/namespaces/machines/pods"
_CLASS = {
    "apiVersion": "karpenter.k8s.aws/v1",
    "kind": "EC2NodeClass",
    "metadata": {"name": "default"},
    "spec": {
        "role": "node",
        "amiSelectorTerms": [{"alias": "al2023@v20260714"}],
        "subnetSelectorTerms": [{"tags": DISCOVERY}],
        "securityGroupSelectorTerms": [{"tags": DISCOVERY}],
        "kubelet": {"maxPods": 58},
        "tags": {"team": "platform"},
    },
}
_POOL = {
    "apiVersion": "karpenter.sh/v1",
    "kind": "NodePool",
    "metadata": {"name": "general"},
    "spec": {
        "limits": {"nodes": "2"},
        "template": {
            "metadata": {"labels": {"node-type": "general"}},
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "requirements": [
                    {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["t3", "m5"]},
                    {"key": "karpenter.k8s.aws/instance-size", "operator": "In", "values": ["medium", "large"]},
                    {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
                ],
            },
        },
    },
}
_AWAY_FROM_BASE = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "karpenter.sh/nodepool", "operator": "Exists"}]}]
        }
    }
}


@dataclass
class Place:
    """A cluster with Karpenter, a node class and a pool, in an AWS with what they refer to."""

    cluster: Cluster
    api: Api
    aws: Aws

    def pod(self, name: str, cpu: str = "300m", **spec: Any) -> None:
        container = {"name": "main", "image": "example.com/x:1", "resources": {"requests": {"cpu": cpu}}}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": "machines"}},
            "spec": {"containers": [container], "affinity": _AWAY_FROM_BASE, **spec},
        }
        self.api.request("POST", _PODS, body)

    def node_of(self, name: str) -> dict[str, Any]:
        """Return the node of a pod that runs; {} while it does not."""
        pod = self.api.request("GET", f"{_PODS}/{name}")
        if pod["status"]["phase"] != "Running":
            return {}
        return self.api.request("GET", f"/api/v1/nodes/{pod['spec']['nodeName']}")

    def claims(self) -> list[dict[str, Any]]:
        found = self.api.request("GET", "/apis/karpenter.sh/v1/nodeclaims")["items"]
        return list(found)

    def told(self) -> str:
        """Return what Karpenter has told about pods, line by line."""
        events = self.api.request("GET", "/api/v1/namespaces/machines/events")["items"]
        return "\n".join(one["message"] for one in events if one.get("source", {}).get("component") == "karpenter")

    def instances(self) -> list[dict[str, Any]]:
        pages = self.aws.ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        return [one for reservation in pages["Reservations"] for one in reservation["Instances"]]


@pytest.fixture(scope="module")
def karpenter(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster in which Karpenter's controller runs."""
    provider = cluster.provider()
    source = {"version": "1.14.1", "repositoryOpts": {"repo": cluster.mirror.url}, "namespace": "kube-system"}
    for chart, values in (("karpenter-crd", {}), ("karpenter", {"settings": {"clusterName": "demo"}})):
        given = {"chart": chart, "name": chart, "skipCrds": chart == "karpenter", "values": values}
        provider.create(TOKEN, chart, source | given)
    yield cluster
    for chart in ("karpenter", "karpenter-crd"):
        provider.delete(TOKEN, chart, f"kube-system/{chart}")


@pytest.fixture
def place(karpenter: Cluster, aws: Aws) -> Iterator[Place]:
    cluster, api = karpenter, karpenter.control_plane.api
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": "machines"}})
    api.request("POST", "/apis/karpenter.k8s.aws/v1/ec2nodeclasses", _CLASS)
    api.request("POST", "/apis/karpenter.sh/v1/nodepools", _POOL)
    works = (Karpenter(), Volumes(lambda: "demo"))
    controllers = Controllers(cluster.control_plane, aws.endpoint, ROWS, works)
    controllers.start()
    made = Place(cluster, api, aws)
    try:
        yield made
        api.request("DELETE", "/api/v1/namespaces/machines")
        until(lambda: not cluster.get("namespace", "machines"))
        for path in ("karpenter.sh/v1/nodepools/general", "karpenter.k8s.aws/v1/ec2nodeclasses/default"):
            api.request("DELETE", f"/apis/{path}", {"propagationPolicy": "Foreground"})
        until(lambda: not cluster.get("nodepool", "general") and not cluster.get("ec2nodeclass", "default"))
        assert made.instances() == []
    finally:
        controllers.stop()


def _allow(place: Place) -> None:
    """Give the controller a role and let the nodes' role join."""
    account = {"namespace": "kube-system", "serviceAccount": "karpenter", "roleArn": place.aws.controller_role}
    place.aws.eks.create_pod_identity_association(clusterName="demo", **account)
    place.aws.eks.create_access_entry(clusterName="demo", principalArn=place.aws.node_role, type="EC2_LINUX")


def _held(check: Callable[[], bool], seconds: float = 4) -> bool:
    """Say whether something stays true for a while."""
    with pytest.raises(AssertionError, match="did not happen in time"):
        until(lambda: not check(), seconds)
    return True


def test_pods_get_a_machine_and_lose_it_with_the_pool(place: Place) -> None:
    """One node for what fits on one, as EC2 instance with Karpenter's tags; the pool's end terminates it."""
    _allow(place)
    for name in ("one", "two", "three"):
        place.pod(name)
    until(lambda: all(place.node_of(name) for name in ("one", "two", "three")))
    nodes = [place.node_of(name) for name in ("one", "two", "three")]
    assert len({node["metadata"]["name"] for node in nodes}) == 1
    labels = nodes[0]["metadata"]["labels"]
    assert labels["node-type"] == "general"
    assert labels["karpenter.sh/nodepool"] == "general"
    assert labels["karpenter.sh/capacity-type"] == "spot"
    assert labels["node.kubernetes.io/instance-type"] == "t3.medium"
    assert nodes[0]["status"]["allocatable"]["pods"] == "58"
    (instance,) = place.instances()
    assert nodes[0]["spec"]["providerID"].endswith(f"{labels['topology.kubernetes.io/zone']}/{instance['InstanceId']}")
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert {
        "team": "platform",
        "karpenter.sh/nodepool": "general",
        "eks:eks-cluster-name": "demo",
        "kubernetes.io/cluster/demo": "owned",
    }.items() <= tags.items()
    until(lambda: any(one["type"] == "Ready" for one in place.claims()[0]["status"]["conditions"]))


def test_limits_hold(place: Place) -> None:
    """Two nodes are what the pool allows: what would need a third waits, with Karpenter's word on it."""
    _allow(place)
    for name in ("one", "two", "three"):
        place.pod(name, cpu="1500m")
    until(lambda: len(place.claims()) == 2)
    until(lambda: sum(bool(place.node_of(name)) for name in ("one", "two", "three")) == 2)
    until(lambda: "Failed to schedule pod" in place.told())
    assert _held(lambda: len(place.claims()) == 2)


@pytest.mark.parametrize(
    "spec",
    [
        {"affinity": {}, "nodeSelector": {"node-type": "other"}},
        {"nodeSelector": {"topology.kubernetes.io/zone": "eu-west-1x"}},
        {"nodeSelector": {"kubernetes.io/arch": "arm64"}},
    ],
    ids=["label", "zone", "architecture"],
)
def test_what_no_pool_can_make_stays_pending(place: Place, spec: dict[str, Any]) -> None:
    """No machine is made that would not help."""
    _allow(place)
    place.pod("one", **spec)
    assert _held(lambda: not place.claims() and not place.node_of("one"))


def test_without_rights_nothing_comes(place: Place) -> None:
    """A controller without a role starts no instance, and an instance whose role EKS does not know never joins."""
    place.pod("one")
    until(lambda: "has neither a Pod Identity association nor AWS_ROLE_ARN" in place.told())
    assert place.instances() == []
    agent = {"clusterName": "demo", "addonName": "eks-pod-identity-agent"}
    place.aws.eks.delete_addon(**agent)
    account = {"namespace": "kube-system", "serviceAccount": "karpenter", "roleArn": place.aws.controller_role}
    place.aws.eks.create_pod_identity_association(clusterName="demo", **account)
    until(lambda: "has no add-on eks-pod-identity-agent" in place.told())
    assert place.instances() == []
    place.aws.eks.create_addon(**agent)
    until(place.instances)
    assert _held(lambda: not place.node_of("one"))
    place.aws.eks.create_access_entry(clusterName="demo", principalArn=place.aws.node_role, type="EC2_LINUX")
    until(lambda: place.node_of("one"))

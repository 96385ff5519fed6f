"""A node leaves a real API server: what its eviction, its budgets and its preconditions answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.self_managed.cluster_api import ClusterAccess, ClusterApi
from components.self_managed.draining import Drain
from components.self_managed.readiness import Patience
from tests.sandbox.kubernetes.conftest import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

NODE = "leaving"
_PODS = "/api/v1/namespaces/default/pods"
_BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


@pytest.fixture
def kubeconfig(cluster: Cluster) -> str:
    return json.dumps(yaml.safe_load(cluster.control_plane.kubeconfig.read_text()))


@pytest.fixture
def api(cluster: Cluster) -> Iterator[Any]:
    """A node with a pod that runs and one of a DaemonSet, and a budget that allows nothing."""
    api = cluster.control_plane.api
    spec = {"providerID": "aws:///ap-northeast-2a/i-leaving"}
    api.request("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}, "spec": spec})
    budget = {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 0}
    api.request(
        "POST",
        _BUDGETS,
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": budget},
    )
    for name in ("web", "proxy"):
        _run(api, name)
    yield api
    for path in (f"{_BUDGETS}/web", f"{_PODS}/web", f"{_PODS}/proxy", f"/api/v1/nodes/{NODE}"):
        try:
            api.request("DELETE", path, {"gracePeriodSeconds": 0})
        except Exception as error:  # noqa: BLE001 most of it is gone by then
            assert "not found" in str(error)  # noqa: PT017


def _run(api: Any, name: str) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "proxy", "uid": "1", "controller": True}
    metadata = {"name": name, "labels": {"app": name}, "ownerReferences": [owner] if name == "proxy" else []}
    container = {"name": "web", "image": "example.com/web"}
    spec = {"nodeName": NODE, "containers": [container], "terminationGracePeriodSeconds": 0}
    api.request("POST", _PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    api.request("PATCH", f"{_PODS}/{name}/status", {"status": status}, content_type="application/merge-patch+json")


def test_a_node_leaves_within_its_budgets(api: Any, kubeconfig: str) -> None:
    """A budget that refuses is told and asked again; once it allows it, pod and node go; the DaemonSet's pod stays."""

    async def story(patience: Patience) -> None:
        drain = Drain(ClusterAccess(kubeconfig), patience, "i-leaving")
        assert await drain.begin()
        await drain.until_empty()
        await drain.finish()

    with pytest.raises(TimeoutError, match=r"leaving is not deleted: 1 of .*\n  default/web: 429 Cannot evict pod"):
        asyncio.run(story(Patience(limit=1, every=0.1)))
    assert api.request("GET", f"/api/v1/nodes/{NODE}")["spec"]["unschedulable"] is True
    api.request("DELETE", f"{_BUDGETS}/web")
    asyncio.run(story(Patience(limit=20, every=0.1)))
    assert ClusterApi(kubeconfig).node(NODE) is None


def test_an_administrator_finds_the_api_ready(kubeconfig: str) -> None:
    """The two questions of the wait are answered by a real server, and so is the one for a node that is not there."""
    api = ClusterApi(kubeconfig)
    assert api.unready() is None
    assert api.node("nobody") is None
    assert api.node_on("i-nobody") is None

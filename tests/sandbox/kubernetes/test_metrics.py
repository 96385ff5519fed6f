"""The stand-in for metrics-server over the running API server: what an autoscaler learns by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.kubernetes.api import Api
from sandbox.kubernetes.controllers import Controllers
from sandbox.kubernetes.metrics import Metrics
from tests.sandbox.kubernetes.conftest import Cluster, until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_APPS = "/apis/apps/v1/namespaces"
_SCALERS = "/apis/autoscaling/v2/namespaces/scaled/horizontalpodautoscalers"


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    resources = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    container = {"name": "main", "image": "example.com/x:1", "resources": resources}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


@pytest.fixture
def api(cluster: Cluster) -> Iterator[Api]:
    """A namespace with a Deployment and its autoscaler, in a cluster where the stand-in works."""
    api = cluster.control_plane.api
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": "scaled"}})
    api.request("POST", f"{_APPS}/scaled/deployments", _deployment("web"))
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3, "metrics": [metric]}
    api.request("POST", _SCALERS, {"metadata": {"name": "web"}, "spec": spec})
    controllers = Controllers(cluster.control_plane, "http://127.0.0.1:1", (), (Metrics(),))
    controllers.start()
    yield api
    controllers.stop()
    api.request("DELETE", f"{_APPS}/kube-system/deployments/metrics-server")
    api.request("DELETE", "/api/v1/namespaces/scaled")
    until(lambda: not cluster.get("namespace", "scaled"))
    api.request("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pods.metrics.k8s.io")


def _active(api: Api) -> str:
    status = api.request("GET", f"{_SCALERS}/web").get("status") or {}
    found = [one for one in status.get("conditions") or [] if one["type"] == "ScalingActive"]
    return str(found[0]["reason"]) if found else ""


def test_an_autoscaler_reckons_only_with_metrics_server(api: Api) -> None:
    """Without it the controller manager says that it gets no metrics; with it, what the pods use."""
    until(lambda: _active(api) == "FailedGetResourceMetric")
    api.request("POST", f"{_APPS}/kube-system/deployments", _deployment("metrics-server"))
    until(lambda: _active(api) == "ValidMetricFound", 90)
    metrics = api.request("GET", f"{_SCALERS}/web")["status"]["currentMetrics"]
    assert metrics[0]["resource"]["current"]["averageUtilization"] == 10

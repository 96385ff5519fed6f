"""metrics-server as a work of `controllers`: what autoscalers ask of the metrics API, as long as its Deployment works.

The API itself is played by a CRD of the same group and version, since nobody runs behind an APIService here. Pods use a
tenth of the CPU and half of the memory that they ask for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sandbox.kubernetes.api import APPLY, MERGE, Api, ApiError, Manifest
from sandbox.kubernetes.controllers import available
from sandbox.kubernetes.row import Surroundings
from sandbox.provisioning.amounts import Amount

_GROUP: Final = "metrics.k8s.io"
_VERSION: Final = "v1beta1"
_ROOT: Final = f"/apis/{_GROUP}/{_VERSION}"
_FREE: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_CRD: Final = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": f"pods.{_GROUP}",
        # Groups below k8s.io want it: https://github.com/kubernetes/enhancements/pull/1111
        "annotations": {"api-approved.kubernetes.io": "unapproved, the sandbox's stand-in for an aggregated API"},
    },
    "spec": {
        "group": _GROUP,
        "scope": "Namespaced",
        "names": {"kind": "PodMetrics", "listKind": "PodMetricsList", "plural": "pods", "singular": "pod"},
        "versions": [{"name": _VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": _FREE}}],
    },
}
# A metric counts once it is younger than the pod's readiness by this.
_WINDOW: Final = "1s"


class Metrics:
    """Writes metrics of the pods in namespaces that have an autoscaler."""

    def __call__(self, around: Surroundings) -> None:
        """Work one round."""
        api = around.api
        if not available(api, "kube-system", "metrics-server"):
            return
        scalers = api.request("GET", "/apis/autoscaling/v2/horizontalpodautoscalers").get("items") or []
        for namespace in sorted({str(one["metadata"]["namespace"]) for one in scalers}):
            if api.kind(f"{_GROUP}/{_VERSION}", "PodMetrics") is None:
                query = {"fieldManager": "metrics-server", "force": "true"}
                path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pods.{_GROUP}"
                api.request("PATCH", path, dict(_CRD), content_type=APPLY, query=query)
                return
            _measure(api, namespace)


def _measure(api: Api, namespace: str) -> None:
    pods = api.request("GET", f"/api/v1/namespaces/{namespace}/pods").get("items") or []
    for pod in pods:
        if pod["status"].get("phase") != "Running" or "deletionTimestamp" in pod["metadata"]:
            continue
        path = f"{_ROOT}/namespaces/{namespace}/pods"
        made = _metrics(pod)
        try:
            api.request("PATCH", f"{path}/{pod['metadata']['name']}", made, content_type=MERGE)
        except ApiError as error:
            if error.status != 404:
                raise
            api.request("POST", path, made)


def _metrics(pod: Manifest) -> dict[str, Any]:
    metadata = pod["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
    containers = []
    for one in pod["spec"]["containers"]:
        asked = Amount.of((one.get("resources") or {}).get("requests") or {})
        usage = Amount(cpu=asked.cpu // 10, memory=asked.memory // 2).quantities()
        containers.append({"name": one["name"], "usage": {key: usage[key] for key in ("cpu", "memory")}})
    return {
        "apiVersion": f"{_GROUP}/{_VERSION}",
        "kind": "PodMetrics",
        "metadata": {"name": metadata["name"], "labels": metadata.get("labels") or {}, "ownerReferences": [owner]},
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window": _WINDOW,
        "containers": containers,
    }

"""How Karpenter empties a node before its machine ends."""

from __future__ import annotations

from typing import Final

from sandbox.kubernetes.api import MERGE, Api, ApiError, Manifest
from sandbox.provisioning.selection import tolerated
from sandbox.provisioning.sight import Sight, leaves

_DISRUPTED: Final = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}


class Drain:
    """Empties nodes: https://karpenter.sh/docs/concepts/disruption/#termination-controller.

    Args:
        sight: The cluster.
    """

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._api: Api = sight.api

    def empty(self, node: Manifest) -> bool:
        """Ask its pods to leave, and say whether all have left and no volume is attached any more."""
        name, taints = node["metadata"]["name"], node["spec"].get("taints") or []
        if _DISRUPTED["key"] not in {taint["key"] for taint in taints}:
            change = {"spec": {"taints": [*taints, _DISRUPTED]}}
            self._api.request("PATCH", f"/api/v1/nodes/{name}", change, content_type=MERGE)
        pods = [
            pod
            for pod in self._sight.pods
            if pod["spec"].get("nodeName") == name
            and not any(one["kind"] in ("DaemonSet", "Node") for one in pod["metadata"].get("ownerReferences") or [])
            and not tolerated([_DISRUPTED], pod["spec"].get("tolerations") or [])
        ]
        for pod in pods:
            if not leaves(pod):
                self._evict(pod)
        return not pods and self._detached(name)

    def _evict(self, pod: Manifest) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
        try:
            self._api.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body)
        except ApiError as error:
            # A PodDisruptionBudget wants it to stay for now; or it has gone.
            if error.status not in (404, 429):
                raise

    def _detached(self, node: str) -> bool:
        found = self._api.request("GET", "/apis/storage.k8s.io/v1/volumeattachments").get("items") or []
        return not any(one["spec"]["nodeName"] == node for one in found)

    def remove(self, name: str) -> None:
        """Delete a node whose machine has gone, with the pods that nobody can end any more."""
        node = f"/api/v1/nodes/{name}"
        self._api.request("PATCH", node, {"metadata": {"finalizers": None}}, content_type=MERGE)
        try:
            self._api.request("DELETE", node)
        except ApiError as error:
            if error.status != 404:
                raise
        # Such as those of DaemonSets: their kubelet will never say that they have ended.
        for pod in self._sight.pods:
            if pod["spec"].get("nodeName") == name:
                path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
                try:
                    self._api.request("DELETE", path, {"gracePeriodSeconds": 0})
                except ApiError as error:
                    if error.status != 404:
                        raise

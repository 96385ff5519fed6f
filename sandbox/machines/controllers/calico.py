"""Calico: what its operator makes of an Installation, and the addresses that its CNI plugin gives to pods.

https://docs.tigera.io/calico/latest/reference/installation/api
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_network
from itertools import islice
from typing import Any, Final

import yaml

from sandbox.kubernetes.api import APPLY, MERGE, Api, ApiError, Manifest
from sandbox.machines.controllers.view import View
from sandbox.machines.network import NetworkError
from sandbox.machines.pods import ADDRESS

_API: Final = "operator.tigera.io/v1"
_NAMESPACE: Final = "calico-system"
_TYPHA: Final = 5473
_EVERYTHING: Final = [{"operator": "Exists"}]
_CONTROLLERS: Final = [
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
]


def operate(view: View) -> None:
    """Do the operator's work, if it runs."""
    kind = view.api.kind(_API, "Installation")
    if kind is None or not view.running(k8s_app="tigera-operator"):
        return
    for installation in view.api.list(kind):
        trouble = _trouble(view.api, installation)
        if not trouble:
            for path, manifest in _objects(installation, len(view.nodes)):
                _apply(view.api, path, manifest)
        ready = not trouble and _available(view)
        _judge(view.api, installation, trouble, ready)


def _trouble(api: Api, installation: Manifest) -> str:
    """Return what the operator holds against an Installation."""
    if installation["metadata"]["name"] != "default":
        return "the Installation has to be called default"
    found = api.request("GET", "/api/v1/namespaces/kube-system/configmaps/kubeadm-config")
    networking = (yaml.safe_load(found["data"]["ClusterConfiguration"]) or {}).get("networking") or {}
    allowed = [ip_network(one) for one in str(networking.get("podSubnet", "")).split(",") if one]
    for pool in _pools(installation):
        if allowed and not any(isinstance(one, IPv4Network) and pool.subnet_of(one) for one in allowed):
            return f"IPPool {pool} is not within the platform's configured pod network CIDR(s)"
    return ""


def _pools(installation: Mapping[str, Any]) -> list[IPv4Network]:
    pools = (installation.get("spec", {}).get("calicoNetwork") or {}).get("ipPools") or []
    return [IPv4Network(pool["cidr"]) for pool in pools]


def _objects(installation: Manifest, nodes: int) -> Iterator[tuple[str, Manifest]]:
    """Yield what the operator makes, each with the path of its collection. All of it goes with the Installation."""
    owner = _owner(installation)
    namespace = {"name": _NAMESPACE, "ownerReferences": [owner]}
    yield "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": namespace}
    registry = str(installation.get("spec", {}).get("registry", "quay.io/"))
    for name in ("calico-node", "calico-typha", "calico-kube-controllers"):
        metadata = {"name": name, "namespace": _NAMESPACE, "ownerReferences": [owner]}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        yield f"/api/v1/namespaces/{_NAMESPACE}/serviceaccounts", account
        yield _workload(name, metadata, registry, nodes)


def _owner(installation: Manifest) -> Manifest:
    metadata = installation["metadata"]
    return {
        "apiVersion": _API,
        "kind": "Installation",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }


def _workload(name: str, metadata: Manifest, registry: str, nodes: int) -> tuple[str, Manifest]:
    on_host = name != "calico-kube-controllers"
    pod: dict[str, Any] = {
        "serviceAccountName": name,
        "hostNetwork": on_host,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-node-critical" if on_host else "system-cluster-critical",
        "tolerations": _EVERYTHING if on_host else _CONTROLLERS,
        "containers": [{"name": name, "image": f"{registry}calico/{name.removeprefix('calico-')}:sandbox"}],
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"k8s-app": name}},
        "template": {"metadata": {"labels": {"k8s-app": name}}, "spec": pod},
    }
    if name == "calico-typha":
        # The operator's own scale: https://docs.tigera.io/calico/latest/reference/typha/overview
        spec["replicas"] = min(3, max(1, nodes // 2))
    kind, plural = ("DaemonSet", "daemonsets") if name == "calico-node" else ("Deployment", "deployments")
    path = f"/apis/apps/v1/namespaces/{_NAMESPACE}/{plural}"
    return path, {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _apply(api: Api, path: str, manifest: Manifest) -> None:
    query = {"fieldManager": "tigera-operator", "force": "true"}
    api.request("PATCH", f"{path}/{manifest['metadata']['name']}", manifest, content_type=APPLY, query=query)


def _available(view: View) -> bool:
    here = view.running(k8s_app="calico-node")
    return bool(here) and len(here) == len(view.nodes) and bool(view.running(k8s_app="calico-typha"))


def _judge(api: Api, installation: Manifest, trouble: str, ready: bool) -> None:
    """Write the conditions of the Installation and of the operator's own status object."""
    said = {
        "Available": (ready, "AllObjectsAvailable" if ready else "ResourceNotReady"),
        "Progressing": (not ready and not trouble, "Progressing"),
        "Degraded": (bool(trouble), "ResourceValidationError" if trouble else "NotDegraded"),
    }
    _status(api, "Installation", installation, {**said, "Ready": said["Available"]}, trouble)
    kind = api.kind(_API, "TigeraStatus")
    if kind is not None:
        name = "calico"
        if (there := api.get(kind, None, name)) is None:
            metadata = {"name": name, "ownerReferences": [_owner(installation)]}
            _apply(api, kind.path(), {"apiVersion": _API, "kind": "TigeraStatus", "metadata": metadata})
        else:
            _status(api, "TigeraStatus", there, said, trouble)


def _status(api: Api, kind_name: str, there: Manifest, said: Mapping[str, tuple[bool, str]], message: str) -> None:
    before = {one["type"]: one for one in (there.get("status") or {}).get("conditions") or []}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = []
    for name, (value, reason) in said.items():
        same = before.get(name, {}).get("status") == str(value)
        conditions.append(
            {
                "type": name,
                "status": str(value),
                "reason": reason,
                "message": message,
                "lastTransitionTime": before[name]["lastTransitionTime"] if same else now,
            }
        )
    kind = api.kind(_API, kind_name)
    if kind is not None and conditions != (there.get("status") or {}).get("conditions"):
        change = {"status": {"conditions": conditions}}
        name = there["metadata"]["name"]
        try:
            api.patch(kind, None, name, change, subresource="status")
        except ApiError as error:
            if error.status != 404:  # a stand-in's CRD may have no such subresource
                raise
            api.patch(kind, None, name, change)


# The network itself ------------------------------------------------------------------------------------------------


def connected(view: View) -> set[str]:
    """Return the nodes whose calico-node is ready: it runs, and reaches a Typha.

    Packets between machines pass their security groups; between pods of one machine nothing is in the way.
    """
    typhas = [one for one in map(view.instance_under, view.running(k8s_app="calico-typha")) if one]
    found = set()
    for pod in view.running(k8s_app="calico-node"):
        own = view.instance_under(pod)
        if own is not None and any(_reaches(view, own, other) for other in typhas):
            found.add(str(pod["spec"]["nodeName"]))
    return found


def _reaches(view: View, client: Any, server: Any) -> bool:
    if client.id == server.id:
        return True
    try:
        view.fabric.network(client.region).admit(client, server, _TYPHA)
    except NetworkError:
        return False
    return True


def give_addresses(view: View, nodes: set[str]) -> None:
    """Give an address of the pool to each pod that waits for one on a connected node."""
    waiting = [
        pod
        for pod in view.pods
        if pod["spec"].get("nodeName") in nodes
        and not pod["spec"].get("hostNetwork")
        and ADDRESS not in (pod["metadata"].get("annotations") or {})
    ]
    kind = view.api.kind(_API, "Installation")
    if not waiting or kind is None:
        return
    pools = [pool for installation in view.api.list(kind) for pool in _pools(installation)]
    taken = {(pod["metadata"].get("annotations") or {}).get(ADDRESS) for pod in view.pods}
    free = (str(address) for pool in pools for address in islice(pool.hosts(), 1, None) if str(address) not in taken)
    for pod, address in zip(waiting, free, strict=False):
        change = {"metadata": {"annotations": {ADDRESS: address}}}
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        view.api.request("PATCH", path, change, content_type=MERGE)

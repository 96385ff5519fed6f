"""The Kubernetes behind the emulated EKS cluster: one control plane that comes and goes with it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from sandbox.aws.effects import ClusterAccess, NodeGroupSpec
from sandbox.certificates import Authority
from sandbox.kubernetes.api import MERGE, Api, Manifest
from sandbox.kubernetes.inventory import Inventory, inventory, inventory_of_machines
from sandbox.kubernetes.nodes import nodes
from sandbox.kubernetes.processes import Supervisor
from sandbox.kubernetes.servers import Servers
from sandbox.protocol import HostError

_GROUP = "eks.amazonaws.com/nodegroup"
_NODES_SECONDS = 300.0


class ClusterError(HostError):
    """What EKS, or this sandbox with its one API server, refuses."""


class ClusterServers(Protocol):
    """The processes of one control plane."""

    api: Api

    def start(self, kubeconfig: Path) -> None:
        """Start all, wait until they work and write a kubeconfig with full rights."""

    def stop(self) -> None:
        """End all."""


class ControlPlane:
    """Starts and stops a real control plane and registers the nodes of node groups in it.

    Args:
        folder: For data, logs and secrets. What a crash left running in it is ended.
        tools: Path by tool: etcd, kube-apiserver, kube-scheduler, kube-controller-manager, kwok.
        authority: Signs the API server's certificate; by default one of its own.
        prefix_delegation: Whether nodes take as many pods as with prefix delegation.

    Attributes:
        kubeconfig: File with full rights; there once the control plane has been started.
        cluster: Name of the cluster, or None when there is none.
        managed: Whether that cluster is EKS's; else machines made it.
        leftovers: What the last cluster still held when it was deleted.
    """

    def __init__(
        self,
        folder: Path,
        tools: Mapping[str, Path],
        *,
        authority: Authority | None = None,
        prefix_delegation: bool = False,
    ) -> None:
        self.supervisor = Supervisor(folder)
        self.authority = authority or Authority(folder / "certificates")
        self.kubeconfig = folder / "kubeconfig"
        self.cluster: str | None = None
        self.managed = True
        self.leftovers: Inventory = {}
        self._data = folder / "control-plane"
        self._tools = tools
        self._prefix_delegation = prefix_delegation
        self._servers: ClusterServers | None = None
        self._before: Inventory = {}
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start an empty control plane and wait until it works. Does nothing when one runs."""
        with self._lock:
            if self._servers is None:
                self._start(lambda folder: Servers(folder, self._tools, self.supervisor, self.authority), inventory)

    def _start(self, make: Callable[[Path], ClusterServers], take: Callable[[Api], Inventory]) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        servers = make(self._data)
        try:
            servers.start(self.kubeconfig)
            self._before = take(servers.api)
        except BaseException:
            servers.stop()
            raise
        self._servers = servers

    def stop(self) -> None:
        """Stop it and forget all that it held. Idempotent."""
        with self._lock:
            servers, self._servers, self.cluster, self.managed = self._servers, None, None, True
            if servers is not None:
                servers.stop()
            self.kubeconfig.unlink(missing_ok=True)
            shutil.rmtree(self._data, ignore_errors=True)

    @property
    def api(self) -> Api:
        """A client with full rights. Raise `ClusterError` when nothing runs."""
        servers = self._servers
        if servers is None:
            raise ClusterError("no API server runs: no cluster exists (yet, or any more)")
        return servers.api

    @property
    def access(self) -> ClusterAccess:
        """How clients reach the API server."""
        return ClusterAccess(endpoint=self.api.endpoint, certificate_authority=self.authority.base64)

    def inventory(self) -> Inventory:
        """Return what exists beyond that with which the control plane started: names by kind."""
        if self._servers is None:
            return {}
        now = (inventory if self.managed else inventory_of_machines)(self.api)
        added = {kind: sorted(set(names) - set(self._before.get(kind, []))) for kind, names in now.items()}
        return {kind: names for kind, names in added.items() if names}

    # What happens in EKS ------------------------------------------------------------------------------------------

    def cluster_created(self, name: str) -> ClusterAccess:
        """Bring the API server up. Raise `ClusterError` for a second cluster: there is one API server."""
        with self._lock:
            self._refuse_second(name, managed=True)
            self.start()
            self.cluster = name
            return self.access

    def machine_cluster_created(self, name: str, make: Callable[[Path], ClusterServers]) -> None:
        """Bring up the control plane that a machine describes. Raise `ClusterError` for a second cluster.

        Args:
            name: Of the cluster.
            make: Makes the servers; gets an empty folder.
        """
        with self._lock:
            self._refuse_second(name, managed=False)
            if self.cluster is None:
                # One may run that was started ahead of an EKS cluster.
                self.stop()
                self._start(make, inventory_of_machines)
                self.cluster, self.managed = name, False

    def _refuse_second(self, name: str, *, managed: bool) -> None:
        if self.cluster is not None and (self.cluster, self.managed) != (name, managed):
            raise ClusterError(
                f"cluster {self.cluster!r} exists and a sandbox has one API server: delete it before {name!r} comes"
            )

    def cluster_deleted(self, name: str) -> None:
        """Take the API server down, with all that is in it; `leftovers` says what that was."""
        with self._lock:
            if self.cluster == name:
                self.leftovers = self.inventory()
                self.stop()

    def node_group_created(self, spec: NodeGroupSpec) -> None:
        """Bring a group's nodes to the specification and wait until they are Ready."""
        with self._lock:
            self._require(spec.cluster)
            api = self.api
            wanted = {
                node["metadata"]["name"]: dict(node)
                for node in nodes(spec, prefix_delegation=self._prefix_delegation, version=self._version())
            }
            present = {node["metadata"]["name"] for node in self._nodes(spec.name)}
            for name, node in wanted.items():
                _register(api, node, exists=name in present)
            self._remove(sorted(present - wanted.keys()))
        self._wait(lambda: all(map(_ready, self._nodes(spec.name))), f"nodes of {spec.name} are not Ready")

    def node_group_deleted(self, cluster: str, name: str) -> None:
        """Drain a group's nodes and remove them."""
        with self._lock:
            if self.cluster == cluster:
                self._remove([node["metadata"]["name"] for node in self._nodes(name)])

    def _require(self, cluster: str) -> None:
        if self.cluster != cluster:
            raise ClusterError(f"no cluster {cluster!r} exists here")

    def _version(self) -> str:
        return str(self.api.request("GET", "/version")["gitVersion"])

    def _nodes(self, group: str) -> list[Manifest]:
        items = self.api.request("GET", "/api/v1/nodes", query={"labelSelector": f"{_GROUP}={group}"}).get("items")
        return list(items or [])

    def _remove(self, names: list[str]) -> None:
        api = self.api
        for name in names:
            api.request("PATCH", f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}}, content_type=MERGE)
            for pod in _pods(api, name):
                api.request(
                    "DELETE", f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
                )
        self._wait(lambda: not any(_pods(api, name) for name in names), f"pods do not leave {', '.join(names)}")
        for name in names:
            api.request("DELETE", f"/api/v1/nodes/{name}")

    def _wait(self, done: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _NODES_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise ClusterError(f"{otherwise} after {_NODES_SECONDS:.0f} s")
            time.sleep(0.1)


def _register(api: Api, node: Manifest, *, exists: bool) -> None:
    if not exists:
        api.request("POST", "/api/v1/nodes", node)
        return
    change = {"metadata": {"labels": node["metadata"]["labels"]}, "spec": {"taints": node["spec"]["taints"]}}
    api.request("PATCH", f"/api/v1/nodes/{node['metadata']['name']}", change, content_type=MERGE)


def _pods(api: Api, node: str) -> list[Manifest]:
    return list(api.request("GET", "/api/v1/pods", query={"fieldSelector": f"spec.nodeName={node}"}).get("items") or [])


def _ready(node: Manifest) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

"""The control plane that comes and goes with the emulated cluster, and its node groups."""

from __future__ import annotations

import contextlib
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes.control_plane import ClusterError, ControlPlane
from tests.sandbox.kubernetes.conftest import ZONES, Cluster, group

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


def _nodes(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    query = {"labelSelector": f"eks.amazonaws.com/nodegroup={name}"}
    return list(cluster.control_plane.api.request("GET", "/api/v1/nodes", query=query)["items"])


def test_a_second_cluster_is_refused(cluster: Cluster) -> None:
    """There is one API server, so another name is refused, and the same one is told the same access."""
    with pytest.raises(ClusterError, match=r"'demo' exists .* before 'other' comes"):
        cluster.control_plane.cluster_created("other")
    assert cluster.control_plane.cluster_created("demo") == cluster.control_plane.access


def test_the_base_group_is_ready_in_its_zones(cluster: Cluster) -> None:
    """Each zone has one Ready node of the group, with room for as many pods as its interfaces allow."""
    nodes = _nodes(cluster, "base")
    assert sorted(node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes) == list(ZONES)
    ready = [one for node in nodes for one in node["status"]["conditions"] if one["type"] == "Ready"]
    assert [one["status"] for one in ready] == ["True"] * 3
    assert {node["status"]["allocatable"]["pods"] for node in nodes} == {"17"}


def test_a_group_grows_shrinks_and_goes(cluster: Cluster) -> None:
    """A changed group keeps the nodes that stay, takes new labels over, and its deletion removes all."""
    plane = cluster.control_plane
    plane.node_group_created(group(name="extra", desired=1))
    first = {node["metadata"]["uid"] for node in _nodes(cluster, "extra")}
    plane.node_group_created(group(name="extra", desired=2, labels={"role": "changed"}))
    grown = _nodes(cluster, "extra")
    assert len(grown) == 2
    assert first < {node["metadata"]["uid"] for node in grown}
    assert {node["metadata"]["labels"]["role"] for node in grown} == {"changed"}
    plane.node_group_created(group(name="extra", desired=1))
    assert {node["metadata"]["uid"] for node in _nodes(cluster, "extra")} == first
    plane.node_group_deleted("demo", "extra")
    assert not _nodes(cluster, "extra")


def test_pods_leave_a_node_before_it_goes(cluster: Cluster) -> None:
    """A pod of a deleted group is evicted, not left behind on a node that is gone."""
    plane = cluster.control_plane
    plane.node_group_created(group(name="short", desired=1, labels={"role": "short"}))
    container = {"name": "c", "image": "sandbox.invalid/c"}
    spec = {"nodeSelector": {"role": "short"}, "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "evicted"}, "spec": spec}
    plane.api.request("POST", "/api/v1/namespaces/default/pods", pod)
    plane._wait(lambda: cluster.get("pod", "evicted")["status"]["phase"] == "Running", "not running")
    plane.node_group_deleted("demo", "short")
    assert cluster.get("pod", "evicted") == {}


def test_a_group_of_another_cluster_is_refused(cluster: Cluster) -> None:
    """Nodes can only join the cluster that exists."""
    with pytest.raises(ClusterError, match="no cluster 'other'"):
        cluster.control_plane.node_group_created(group(cluster="other"))


def test_the_inventory_shows_what_was_added(cluster: Cluster) -> None:
    """The inventory has nothing of the server's own, and everything else by kind and name."""
    before = cluster.control_plane.inventory().get("Namespace", [])
    created = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "added"}}
    cluster.control_plane.api.request("POST", "/api/v1/namespaces", created)
    found = cluster.control_plane.inventory()
    assert found["Namespace"] == sorted([*before, "added"])
    assert not {"default", "kube-system"} & set(found["Namespace"])
    assert len(found["Node"]) == 3
    cluster.control_plane.api.request("DELETE", "/api/v1/namespaces/added")


def test_secrets_of_the_control_plane_are_private(cluster: Cluster) -> None:
    """The kubeconfig, the token file and every key can be read by their owner only."""
    folder = cluster.control_plane.kubeconfig.parent
    private = [cluster.control_plane.kubeconfig, *folder.rglob("tokens.csv"), *folder.rglob("*.key")]
    assert len(private) >= 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}


def _links(folder: Path) -> Iterator[str]:
    for file in folder.iterdir():
        # The process goes on meanwhile and closes some of them.
        with contextlib.suppress(FileNotFoundError):
            yield str(file.readlink())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_control_plane_listens_on_loopback_only(cluster: Cluster) -> None:
    """No process of the control plane has a port that another machine could reach."""
    names = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kwok")
    running = cluster.control_plane.supervisor.processes
    sockets: set[str] = set()
    for name in names:
        links = _links(Path(f"/proc/{running[name].popen.pid}/fd"))
        sockets |= {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}
    assert listening == {"0100007F"}


def test_without_a_cluster_there_is_no_api(tmp_path: Path, tools: Mapping[str, Path]) -> None:
    """A control plane that was not started has no API, no inventory, and can be stopped."""
    plane = ControlPlane(tmp_path, tools)
    with pytest.raises(ClusterError, match="no cluster exists"):
        plane.api  # noqa: B018
    assert plane.inventory() == {}
    plane.cluster_deleted("demo")
    plane.stop()


def test_a_deleted_cluster_leaves_nothing(tmp_path: Path, tools: Mapping[str, Path]) -> None:
    """Deleting a cluster ends its processes, removes its data, and says what was still in it; the next one is empty."""
    plane = ControlPlane(tmp_path, tools)
    try:
        endpoint = plane.cluster_created("one").endpoint
        pids = [process.popen.pid for process in plane.supervisor.processes.values()]
        created = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "forgotten"}}
        plane.api.request("POST", "/api/v1/namespaces", created)
        plane.cluster_deleted("one")
        assert plane.leftovers == {"Namespace": ["forgotten"]}
        listing = subprocess.run(["ps", "-o", "pid=", "-p", ",".join(map(str, pids))], capture_output=True, check=False)
        assert not listing.stdout.strip()
        assert not plane.kubeconfig.exists()
        assert not list(tmp_path.glob("control-plane"))
        assert plane.cluster_created("two").endpoint != endpoint
        assert plane.inventory() == {}
    finally:
        plane.stop()

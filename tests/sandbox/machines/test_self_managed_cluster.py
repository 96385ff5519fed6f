"""Machines become a cluster: one control plane and two workers, from their user data alone."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from sandbox.kubernetes.api import Api
from sandbox.kubernetes.inventory import inventory_of_machines
from tests.sandbox.machines import NAME, TOKEN, Lab, Wanted, ready, until

pytestmark = pytest.mark.cluster

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
MASTER = Wanted(
    name="master", control_plane=True, taints=({"key": _CONTROL_PLANE, "effect": "NoSchedule"},), labels={"phase": "0"}
)
WORKERS = (
    Wanted(name="one", labels={"domain": "one"}, taints=({"key": "domain", "value": "one", "effect": "NoSchedule"},)),
    Wanted(name="two", labels={"domain": "two"}, instance_type="t3.small"),
)


@pytest.fixture(scope="module")
def ids(lab: Lab) -> dict[str, str]:
    """Instances by name, all started at once, workers first."""
    found = {wanted.name: lab.run(wanted) for wanted in (*WORKERS, MASTER)}
    for identity in found.values():
        lab.wait_for_console(identity, "phase=done", timeout=180)
    return found


def _taints(node: dict[str, Any] | None) -> set[str]:
    return {one["key"] for one in (node or {}).get("spec", {}).get("taints") or []}


def test_nodes_join_with_what_their_files_say(lab: Lab, ids: dict[str, str]) -> None:
    """Each node has its labels, taints, provider id and address, and waits for network and cloud controller."""
    node = lab.node("one")
    assert node is not None
    labels = {key: value for key, value in node["metadata"]["labels"].items() if not key.startswith("beta.")}
    assert labels == {
        "domain": "one",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "one",
        "kubernetes.io/os": "linux",
    }
    assert node["spec"]["providerID"] == f"aws:///eu-west-1a/{ids['one']}"
    assert not ready(node)
    assert _taints(node) >= {"domain", _UNINITIALIZED, "node.kubernetes.io/not-ready"}
    master = lab.node("master")
    assert master is not None
    assert _CONTROL_PLANE in master["metadata"]["labels"]
    assert _CONTROL_PLANE in _taints(master)


def test_cluster_is_what_kubeadm_makes(lab: Lab, ids: dict[str, str]) -> None:
    """The cluster's own authority signs, the service accounts' key is the parameter's, CoreDNS and proxy are there."""
    kube_root = lab.api.request("GET", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
    assert kube_root["data"]["ca.crt"].strip() == lab.certificate.strip()
    info = lab.api.request("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info")
    cluster = yaml.safe_load(info["data"]["kubeconfig"])["clusters"][0]["cluster"]
    assert cluster["server"] == f"https://api.{NAME}.internal:6443"
    assert base64.b64decode(cluster["certificate-authority-data"]).decode().strip() == lab.certificate.strip()
    assert lab.api.request("GET", "/apis/apps/v1/namespaces/kube-system/deployments/coredns")
    assert lab.api.request("GET", "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")


def test_inventory_leaves_out_what_controllers_make_for_themselves(lab: Lab, ids: dict[str, str]) -> None:
    """Their service accounts come when each of them begins, which may be long after the first look at the cluster."""
    path = "/api/v1/namespaces/kube-system/serviceaccounts"
    lab.api.request("POST", path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "somebodys"}})
    there = {f"kube-system/{one['metadata']['name']}" for one in lab.api.request("GET", path)["items"]}
    counted = {"kube-system/coredns", "kube-system/kube-proxy", "kube-system/somebodys"}
    assert set(inventory_of_machines(lab.api)["ServiceAccount"]) == counted
    assert len(there - counted) > 20
    lab.api.request("DELETE", f"{path}/somebodys")


def test_nodes_speak_with_their_own_identity(lab: Lab, ids: dict[str, str]) -> None:
    """The API server knows each kubelet as system:node and judges it as such: it may not touch another's Node."""
    managed = (lab.node("one") or {})["metadata"]["managedFields"]
    assert managed
    csrs = lab.api.request("GET", "/apis/certificates.k8s.io/v1/certificatesigningrequests")["items"]
    clients = [one for one in csrs if one["spec"]["signerName"].endswith("client-kubelet")]
    assert {one["spec"]["username"] for one in clients} == {f"system:bootstrap:{TOKEN.partition('.')[0]}"}
    pki = lab.machines.around.folder / ids["one"] / "var/lib/kubelet/pki"
    own = Api(
        lab.api.endpoint,
        lab.machines.around.folder / ids["one"] / "etc/kubernetes/pki/ca.crt",
        server_name=f"api.{NAME}.internal",
        certificate=(pki / "kubelet-client.crt", pki / "kubelet-client.key"),
    )
    change = {"metadata": {"labels": {"domain": "mine"}}}
    with pytest.raises(Exception, match="is not allowed to modify node"):
        own.request("PATCH", "/api/v1/nodes/two", change, content_type="application/merge-patch+json")
    own.close()


def test_pod_network_needs_calico_and_pods_a_cloud_controller(lab: Lab, ids: dict[str, str]) -> None:
    """Off the host's network a cloud controller waits for Calico, then for metadata; on it, it introduces the nodes."""
    lab.install("aws-cloud-controller-manager", host_network=False)
    until(lambda: _phases(lab, "aws-cloud-controller-manager") == ["Pending"], 30, lambda: "no pod of the controller")
    lab.install("installations.operator.tigera.io", "tigera-operator")
    until(lambda: all(ready(lab.node(name)) for name in ids), 60, lambda: "nodes are not Ready")
    lab.wait_for_console(ids["master"], "unable to read the instance metadata")
    assert all(_UNINITIALIZED in _taints(lab.node(name)) for name in ids)
    lab.install("aws-cloud-controller-manager", "kubelet-csr-approver")
    until(
        lambda: not any(_UNINITIALIZED in _taints(lab.node(name)) for name in ids), 60, lambda: "nobody lifts the taint"
    )
    node = lab.node("two") or {}
    assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "eu-west-1a"
    assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "t3.small"
    until(lambda: _served(lab) == {"master", "one", "two"}, 60, lambda: f"serving certificates: {_served(lab)}")


def _phases(lab: Lab, app: str) -> list[str]:
    pods = lab.api.request("GET", "/api/v1/pods", query={"labelSelector": f"k8s-app={app}"})["items"]
    return [pod["status"]["phase"] for pod in pods if pod["spec"].get("nodeName")]


def _served(lab: Lab) -> set[str]:
    csrs = lab.api.request("GET", "/apis/certificates.k8s.io/v1/certificatesigningrequests")["items"]
    return {
        one["spec"]["username"].rpartition(":")[2]
        for one in csrs
        if one["spec"]["signerName"].endswith("kubelet-serving") and (one.get("status") or {}).get("certificate")
    }


def test_pods_have_addresses_of_the_pool(lab: Lab, ids: dict[str, str]) -> None:
    """Pods run in Calico's pool, those on the host's network under their node's address."""
    until(lambda: len(_addresses(lab, "kube-dns")) == 2, 60, lambda: "CoreDNS does not run")
    assert all(address.startswith("100.64.") for address in _addresses(lab, "kube-dns"))
    assert set(_addresses(lab, "kube-proxy")) == {one.address for one in lab.machines.around.fabric.instances()}


def _addresses(lab: Lab, app: str) -> list[str]:
    pods = lab.api.request("GET", "/api/v1/pods", query={"labelSelector": f"k8s-app={app}"})["items"]
    return [pod["status"]["podIP"] for pod in pods if pod["status"].get("phase") == "Running"]


def test_node_of_a_terminated_machine_goes(lab: Lab, ids: dict[str, str]) -> None:
    """Its kubelet falls silent, the node lifecycle controller notices, and the cloud controller deletes the Node."""
    lab.terminate(ids["two"])
    until(lambda: lab.node("two") is None, 120, lambda: "the Node is still there")
    assert ready(lab.node("one"))


def test_last_control_plane_takes_the_cluster_along(lab: Lab, ids: dict[str, str]) -> None:
    """With its only control plane the cluster ends; what somebody had put into it is told, what kubeadm made is not."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "left"}}
    lab.apply(namespace)
    lab.terminate(ids["master"])
    until(lambda: lab.control_plane.cluster is None, 30, lambda: "the cluster is still there")
    assert "left" in lab.control_plane.leftovers["Namespace"]
    assert "Node" not in lab.control_plane.leftovers
    assert "calico-system" not in lab.control_plane.leftovers["Namespace"]
    until(lambda: not lab.control_plane.supervisor.processes, 30, lambda: "processes are left")

"""What a kubelet may say of its node, and where the real scheduler puts pods on the fourteen."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.self_managed.registration import check_label
from tests.gitops.pods import kustomized
from tests.sandbox.kubernetes.conftest import until
from tests.self_managed import APIS, NODES14, WORKER_NAMES, arguments, documents, filled, node, rendered
from tests.self_managed.processes import KubeadmControlPlane, kubeconfig

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def as_node(control_plane: KubeadmControlPlane) -> str:
    """Return the name of a kubeconfig with a kubelet's certificate, as the cluster signs it for a token's holder."""
    key, pki = ec.generate_private_key(ec.SECP256R1()), control_plane.folder / "etc/kubernetes/pki"
    signer = load_pem_private_key((pki / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    names = {NameOID.ORGANIZATION_NAME: "system:nodes", NameOID.COMMON_NAME: "system:node:k8s-redis"}
    start = datetime.now(UTC) - timedelta(minutes=5)
    builder = x509.CertificateBuilder(
        subject_name=x509.Name([x509.NameAttribute(oid, value) for oid, value in names.items()]),
        issuer_name=authority.subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=start + timedelta(hours=1),
    )
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = builder.add_extension(usage, critical=False).sign(signer, SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    encoded = {
        "client-certificate-data": base64.b64encode(certificate).decode(),
        "client-key-data": base64.b64encode(private).decode(),
    }
    file = control_plane.folder / "etc/kubernetes" / "node.conf"
    file.write_text(kubeconfig(control_plane, **encoded), encoding="utf-8")
    return file.name


def registered(control_plane: KubeadmControlPlane, as_node: str, labels: Mapping[str, str], name: str) -> str:
    """Register a node as its kubelet would, without keeping it, and return what the server says."""
    taints = [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in node("k8s-redis").taints]
    made = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"taints": taints, "providerID": "aws:///ap-northeast-2b/i-0123456789abcdef0"},
    }
    words = ("create", "--dry-run=server", "--validate=false", "--filename=-")
    return control_plane.kubectl(*words, kubeconfig=as_node, check=False, text=json.dumps(made))


@pytest.mark.parametrize(
    "key",
    [
        "domain",
        "workload",
        "phase",
        "example.com/team",
        "node.kubernetes.io/pool",
        "kubelet.kubernetes.io/x",
        "node-role.kubernetes.io/api",
        "node-restriction.kubernetes.io/x",
        "k8s.io/domain",
        "kubernetes.io/x",
        "app.kubernetes.io/name",
        "a.b.k8s.io/x",
    ],
)
def test_our_rule_for_labels_is_the_servers(control_plane: KubeadmControlPlane, as_node: str, key: str) -> None:
    """What is refused before anything is made is what the server refuses a kubelet, and nothing else."""
    try:
        check_label(key, "value")
        accepted = True
    except ValueError:
        accepted = False
    said = registered(control_plane, as_node, {key: "value"}, "k8s-redis")
    assert ("created" in said) is accepted, said
    assert accepted or "is not allowed to set the following labels" in said


def test_every_nodes_own_labels_and_taints_are_accepted(control_plane: KubeadmControlPlane, as_node: str) -> None:
    """The labels of the fourteen, each as a kubelet's."""
    for worker in NODES14.workers:
        assert "created" in registered(control_plane, as_node, worker.labels, "k8s-redis")


def test_a_kubelet_registers_no_other_node(control_plane: KubeadmControlPlane, as_node: str) -> None:
    """Whoever has one machine has one node."""
    assert "is not allowed" in registered(control_plane, as_node, {}, "k8s-api-auth")


def joined(name: str) -> dict[str, Any]:
    """Return the node that a machine becomes, by what kubeadm is told on it, with room for one pod below."""
    registration = documents(filled(rendered(name)))["JoinConfiguration"]["nodeRegistration"]
    labels = dict(
        label.split("=") for label in arguments(registration, "kubeletExtraArgs")["node-labels"][0].split(",")
    )
    return ready(registration["name"], labels, registration["taints"])


def ready(name: str, labels: Mapping[str, str], taints: list[dict[str, str]]) -> dict[str, Any]:
    room = {"cpu": "2", "memory": "2Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"taints": taints},
        "status": {"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def pod(domain: str, number: int) -> dict[str, Any]:
    """Return a pod of an API as the documents have them: it selects its domain and tolerates that taint."""
    container = {"name": "api", "image": "registry.example.com/api:1", "resources": {"requests": {"cpu": "1500m"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{domain}-{number}", "labels": {"domain": domain}},
        "spec": {
            "nodeSelector": {"domain": domain},
            "tolerations": [{"key": "domain", "value": domain, "effect": "NoSchedule"}],
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }


def register(control_plane: KubeadmControlPlane, nodes: list[dict[str, Any]]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes})
    control_plane.kubectl("create", "--filename=-", text=text)
    words = ("apply", "--server-side", "--force-conflicts", "--subresource=status", "--filename=-")
    control_plane.kubectl(*words, text=text)


def placed(control_plane: KubeadmControlPlane) -> dict[str, set[str]]:
    """Return the nodes of each domain's pods; empty for one that fits nowhere, `?` while the scheduler has not said."""
    found: dict[str, set[str]] = {}
    for item in json.loads(control_plane.kubectl("get", "pods", "--output=json"))["items"]:
        said = {condition.get("reason") for condition in item["status"].get("conditions", [])}
        without = "" if "Unschedulable" in said else "?"
        found.setdefault(item["metadata"]["labels"]["domain"], set()).add(item["spec"].get("nodeName", without))
    return found


@pytest.fixture(scope="module")
def fourteen(control_plane: KubeadmControlPlane) -> KubeadmControlPlane:
    """The control plane, with the nodes that its machines become."""
    register(control_plane, [joined(name) for name in WORKER_NAMES])
    return control_plane


def test_each_apis_pods_lie_on_its_own_node_or_wait(fourteen: KubeadmControlPlane) -> None:
    """A second pod waits where the first has taken the room: `k8s-worker-storage` has the label `domain=scan`, too.

    A node with that label and without a taint takes it at once: it is the taint that keeps it away.
    """
    control_plane = fourteen
    pods = [pod(domain, number) for domain in APIS for number in (1, 2)]
    control_plane.kubectl("create", "-f-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    own = {domain: {f"k8s-api-{domain}", ""} for domain in APIS}
    until(lambda: placed(control_plane) == own)
    register(control_plane, [ready("bare", {"domain": "scan"}, [])])
    until(lambda: placed(control_plane)["scan"] == {"k8s-api-scan", "bare"})
    assert {domain: nodes for domain, nodes in placed(control_plane).items() if domain != "scan"} == {
        domain: nodes for domain, nodes in own.items() if domain != "scan"
    }


def of_the_tree(tools: Mapping[str, Path], path: str) -> list[dict[str, Any]]:
    """Return a pod of each Deployment of a kustomization, as the tree has it but for accounts that are not here."""
    pods = []
    for thing in kustomized(tools.__getitem__, path):
        if thing["kind"] == "Deployment":
            template = thing["spec"]["template"]
            template["spec"].pop("serviceAccountName")
            pods.append(
                {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": thing["metadata"]["name"]}}
            )
    return pods


def test_pods_of_the_tree_lie_on_their_own_nodes(fourteen: KubeadmControlPlane, tools: Mapping[str, Path]) -> None:
    """Each API's pod and each worker's, whatever else lies on its node: a label that two nodes share misleads none."""
    fourteen.kubectl("create", "namespace", "tree")
    paths = [*(f"gitops/workloads/apis/overlays/{domain}" for domain in APIS), "gitops/workloads/workers"]
    pods = [pod for path in paths for pod in of_the_tree(tools, path)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
    in_tree = "--namespace=tree"
    until(lambda: "default" in fourteen.kubectl("get", "serviceaccounts", in_tree, "--output=name"))
    fourteen.kubectl("create", "--filename=-", in_tree, text=text)
    own = {f"{domain}-api": f"k8s-api-{domain}" for domain in APIS}
    own |= {"ai-worker": "k8s-worker-ai", "storage-worker": "k8s-worker-storage"}

    def found() -> dict[str, str | None]:
        items = json.loads(fourteen.kubectl("get", "pods", in_tree, "--output=json"))["items"]
        return {item["metadata"]["name"]: item["spec"].get("nodeName") for item in items}

    until(lambda: found() == own)

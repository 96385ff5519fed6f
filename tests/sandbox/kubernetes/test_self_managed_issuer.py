"""The real API server, started with keys as the platform makes them: what it publishes and whom it knows."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.self_managed import pki_math
from components.self_managed.kubeconfig import ADMIN_GROUP, ADMIN_USER, kubeconfig
from components.self_managed.names import CONTROL_PLANE_FILES
from sandbox.kubernetes.processes import Supervisor, free_ports
from tests.self_managed import ISSUER
from tests.self_managed.pki import Material, material

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

# The binding that kubeadm makes when it initialises a cluster.
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "kubeadm:cluster-admins"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ADMIN_GROUP}],
}


@dataclass(frozen=True, kw_only=True)
class Server:
    """The API server of one cluster, and who made its keys."""

    url: str
    made: Material
    folder: Path
    kubectl: Path

    def get(self, path: str) -> str:
        """Ask with the token of a system account."""
        trust = ssl.create_default_context(cadata=self.made.values["ca-crt"])
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": "Bearer root"})
        with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def ready(self) -> bool:
        try:
            return self.get("/readyz") == "ok"
        except (urllib.error.URLError, OSError):
            return False

    def as_administrator(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl with the exported kubeconfig."""
        file = self.folder / "kubeconfig"
        file.write_text(
            kubeconfig(
                cluster="demo",
                server=self.url,
                ca_pem=self.made.values["ca-crt"],
                certificate_pem=self.made.admin_certificate,
                key_pem=self.made.admin_key,
                tls_server_name="api.demo.internal",
            )
        )
        command = [str(self.kubectl), f"--kubeconfig={file}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def server(tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The API server with certificates that the real kubeadm made from the platform's authorities."""
    folder, made = tmp_path_factory.mktemp("issuer"), material()
    pki = folder / "pki"
    for key, path in CONTROL_PLANE_FILES.items():
        target = pki / path.removeprefix("/etc/kubernetes/pki/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(made.values[key])
    _leaves(tools["kubeadm"], folder)
    etcd, peer, port = free_ports(3)
    supervisor = Supervisor(folder / "processes")
    found = Server(url=f"https://127.0.0.1:{port}", made=made, folder=folder, kubectl=tools["kubectl"])
    try:
        supervisor.start("etcd", _etcd(tools["etcd"], folder, etcd, peer))
        process = supervisor.start("kube-apiserver", _api_server(tools["kube-apiserver"], folder, etcd, port))
        process.wait_until(found.ready, timeout=90, what="answer")
        yield found
    finally:
        supervisor.stop("kube-apiserver", "etcd")


def _leaves(kubeadm: Path, folder: Path) -> None:
    configuration = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": "v1.36.4",
        "controlPlaneEndpoint": "api.demo.internal:6443",
        "certificatesDir": str(folder / "pki"),
        "apiServer": {"certSANs": ["127.0.0.1"]},
    }
    file = folder / "kubeadm.yaml"
    file.write_text(json.dumps(configuration))
    subprocess.run([kubeadm, "init", "phase", "certs", "all", "--config", file], check=True, capture_output=True)


def _etcd(program: Path, folder: Path, port: int, peer: int) -> list[str | Path]:
    client, other = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    return [
        program,
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={other}",
        f"--initial-advertise-peer-urls={other}",
        f"--initial-cluster=default={other}",
        "--unsafe-no-fsync",
    ]


def _api_server(program: Path, folder: Path, etcd: int, port: int) -> list[str | Path]:
    pki, tokens = folder / "pki", folder / "tokens.csv"
    tokens.write_text('root,root,root,"system:masters"\n')
    return [
        program,
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=192.0.2.1",
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-jwks-uri={ISSUER}/{pki_math.KEYS_PATH}",
        f"--token-auth-file={tokens}",
        "--service-cluster-ip-range=172.20.0.0/16",
        "--authorization-mode=RBAC",
    ]


def test_key_set_is_the_served_one(server: Server) -> None:
    """What is published for AWS is what the API server serves for its key, the key's name included."""
    assert json.loads(pki_math.jwks(server.made.values["sa-pub"])) == json.loads(server.get("/openid/v1/jwks"))


def test_configuration_is_the_served_one(server: Server) -> None:
    """The published document says the same as the API server's own."""
    served = json.loads(server.get(f"/{pki_math.CONFIGURATION_PATH}"))
    assert json.loads(pki_math.openid_configuration(ISSUER)) == served


def test_administrator_may_do_all_and_can_be_revoked(server: Server) -> None:
    """The exported certificate has every right as long as kubeadm's binding stands, and none without it."""
    told = server.as_administrator("auth", "whoami", "-o", "json")
    assert told.returncode == 0, told.stderr
    who = json.loads(told.stdout)["status"]["userInfo"]
    assert (who["username"], ADMIN_GROUP in who["groups"]) == (ADMIN_USER, True)
    assert "system:masters" not in who["groups"]
    assert "Forbidden" in server.as_administrator("get", "nodes").stderr
    file = server.folder / "binding.json"
    file.write_text(json.dumps(BINDING))
    root = [str(server.kubectl), f"--kubeconfig={os.devnull}", f"--server={server.url}", "--token=root"]
    root.append(f"--certificate-authority={server.folder / 'pki/ca.crt'}")
    for verb, allowed in (("create", True), ("delete", False)):
        done = subprocess.run([*root, verb, "-f", str(file)], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (server.as_administrator("get", "nodes").returncode == 0) is allowed

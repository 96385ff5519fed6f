"""The processes of a Kubernetes control plane: etcd, API server, scheduler, controller manager, and kwok as kubelet."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.certificates import Authority, private_key_pem, write_private
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.processes import Process, Supervisor, free_ports

_START_SECONDS = 90.0
# What EKS gives a cluster whose VPC lies in 10.0.0.0/8.
_SERVICE_RANGE = "172.20.0.0/16"
_ISSUER = "https://kubernetes.default.svc"
_CLIENTS = ("kube-apiserver", "kube-scheduler", "kube-controller-manager", "kwok")


class Servers:
    """One control plane, from empty to running; a new one each time.

    Args:
        folder: For its data and secrets; must be empty.
        tools: Path by tool.
        supervisor: Starts the processes.
        authority: Signs the API server's certificate.
    """

    def __init__(self, folder: Path, tools: Mapping[str, Path], supervisor: Supervisor, authority: Authority) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._tools = tools
        self._supervisor = supervisor
        self._authority = authority
        self._token = secrets.token_urlsafe(32)
        self._etcd, self._peer, self._port, self._kubelet = free_ports(4)
        self.endpoint = f"https://127.0.0.1:{self._port}"
        self.api = Api(self.endpoint, authority.file, self._token)

    def start(self, kubeconfig: Path) -> None:
        """Start all, wait until they work and write a kubeconfig with full rights."""
        write_private(kubeconfig, self._kubeconfig().encode())
        self.start_api()
        followers = [
            self._start_scheduler(kubeconfig),
            self._start_controllers(kubeconfig),
            self._start_kubelet(kubeconfig),
        ]
        followers[1].wait_until(self._controllers_work, timeout=_START_SECONDS, what="sign of work")
        for follower in followers:
            follower.wait_until(lambda: True, timeout=0, what="work began")

    def start_api(self) -> None:
        """Start the store and the API server alone and wait until it works: it judges objects, nobody acts on them."""
        self._start_etcd()
        server = self._start_api_server()
        server.wait_until(self.api.ready, timeout=_START_SECONDS, what="ready API")

    def stop(self) -> None:
        """End all."""
        self.api.close()
        self._supervisor.stop(*_CLIENTS)
        # Last: without it the API server would wait for its store until it is killed.
        self._supervisor.stop("etcd")

    def _controllers_work(self) -> bool:
        # Pods need a service account, which the controller manager makes in each namespace.
        kind = self.api.kind("v1", "ServiceAccount")
        return kind is not None and all(
            self.api.get(kind, namespace, "default") for namespace in ("default", "kube-system")
        )

    def _start_etcd(self) -> Process:
        client, peer = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peer}"
        return self._supervisor.start(
            "etcd",
            [
                self._tools["etcd"],
                f"--data-dir={self._folder / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                # The data need not outlive the process, and waiting for the disk is what makes etcd slow.
                "--unsafe-no-fsync",
                "--log-level=warn",
            ],
        )

    def _start_api_server(self) -> Process:
        certificate = self._authority.issue(
            "kube-apiserver", ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc", "172.20.0.1"]
        )
        tokens = self._folder / "tokens.csv"
        write_private(tokens, f'{self._token},admin,admin,"system:masters"\n'.encode())
        key = self._folder / "service-accounts.key"
        write_private(key, private_key_pem(ec.generate_private_key(ec.SECP256R1())))
        return self._supervisor.start(
            "kube-apiserver",
            [
                self._tools["kube-apiserver"],
                f"--etcd-servers=http://127.0.0.1:{self._etcd}",
                f"--secure-port={self._port}",
                "--bind-address=127.0.0.1",
                # Nobody is to find the server by its address in the cluster; without these it wants a network.
                "--advertise-address=192.0.2.1",
                "--endpoint-reconciler-type=none",
                f"--cert-dir={self._folder}",
                f"--tls-cert-file={certificate.certificate}",
                f"--tls-private-key-file={certificate.key}",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                f"--service-account-issuer={_ISSUER}",
                f"--service-cluster-ip-range={_SERVICE_RANGE}",
                f"--token-auth-file={tokens}",
                "--authorization-mode=Node,RBAC",
                "--anonymous-auth=false",
                "--allow-privileged=true",
                "--profiling=false",
            ],
        )

    def _start_scheduler(self, kubeconfig: Path) -> Process:
        access = [
            f"--{name}={kubeconfig}" for name in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
        ]
        return self._supervisor.start(
            "kube-scheduler", [self._tools["kube-scheduler"], *access, "--leader-elect=false", "--secure-port=0"]
        )

    def _start_controllers(self, kubeconfig: Path) -> Process:
        return self._supervisor.start(
            "kube-controller-manager",
            [
                self._tools["kube-controller-manager"],
                f"--kubeconfig={kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
                f"--root-ca-file={self._authority.file}",
                f"--service-account-private-key-file={self._folder / 'service-accounts.key'}",
                f"--service-cluster-ip-range={_SERVICE_RANGE}",
                # The defaults spare a shared API server; here they would only make everybody wait.
                "--kube-api-qps=200",
                "--kube-api-burst=400",
            ],
        )

    def _start_kubelet(self, kubeconfig: Path) -> Process:
        return self._supervisor.start(
            "kwok",
            [
                self._tools["kwok"],
                f"--kubeconfig={kubeconfig}",
                "--manage-all-nodes=true",
                "--node-lease-duration-seconds=40",
                "--cidr=10.0.0.1/24",
                "--node-ip=10.0.0.1",
                f"--server-address=127.0.0.1:{self._kubelet}",
            ],
        )

    def _kubeconfig(self) -> str:
        cluster = {"server": self.endpoint, "certificate-authority-data": self._authority.base64}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "sandbox", "cluster": cluster}],
                "users": [{"name": "admin", "user": {"token": self._token}}],
                "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "admin"}}],
                "current-context": "sandbox",
            }
        )

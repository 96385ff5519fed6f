"""A cluster's control plane as kubeadm's static pods describe it, as processes on loopback."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.certificates import Authority, write_private
from sandbox.kubernetes.api import APPLY, Api, ApiError, Manifest
from sandbox.kubernetes.processes import Process, Supervisor, free_ports
from sandbox.machines.kubeadm import Configuration, Document, Flags, Kubeadm, KubeadmError, Mounts
from sandbox.machines.pods import STAGES

_START_SECONDS: Final = 90.0
_CLIENTS: Final = ("kube-apiserver", "kube-scheduler", "kube-controller-manager", "kwok")
# What every API server that kubeadm makes answers to, whatever its address.
_NAME: Final = "kubernetes"


class KubeadmServers:
    """One control plane from the files of the machine that initialises it.

    The certificates, kubeconfigs, flags and volumes are those that kubeadm makes of the machine's configuration.
    Changed are addresses and ports, the folder of etcd's data, and leader election, which one process each does
    without.
    A second certificate and a token let the sandbox itself in.

    Args:
        folder: For what the machine does not know of; must be empty.
        root: Folder that stands for the machine's `/`.
        etcd: Folder of etcd's data; what is in it is taken over.
        tools: Path by tool.
        supervisor: Starts the processes.
        authority: Signs the certificate by which the sandbox knows the API server.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        etcd: Path,
        tools: Mapping[str, Path],
        supervisor: Supervisor,
        authority: Authority,
    ) -> None:
        folder.mkdir(parents=True)
        self._folder, self._root, self._data = folder, root, etcd
        self._tools = tools
        self._supervisor = supervisor
        self._authority = authority
        self._token = secrets.token_urlsafe(32)
        self._etcd, self._peer, self._port, self._kubelet = free_ports(4)
        self.endpoint = f"https://127.0.0.1:{self._port}"
        self.api = Api(self.endpoint, authority.file, self._token)
        self._kubeadm = Kubeadm(tools["kubeadm"], supervisor, root, "init")
        self._configuration: Configuration | None = None

    @property
    def port(self) -> int:
        """Port of the API server on loopback."""
        return self._port

    def prepare(self, configuration: Configuration) -> None:
        """Make certificates and manifests. Raise `KubeadmError` when kubeadm refuses."""
        self._kubeadm.configure(configuration)
        self._kubeadm.make_files()
        self._configuration = configuration

    def start(self, kubeconfig: Path) -> None:
        """Start all, wait until they work, and write a kubeconfig with full rights for the sandbox."""
        write_private(kubeconfig, self._kubeconfig(self._authority.base64, "").encode())
        pods = self._kubeadm.manifests()
        self._start_etcd(pods["etcd"])
        server = self._start_api_server(pods["kube-apiserver"])
        server.wait_until(self.api.ready, timeout=_START_SECONDS, what="ready API")
        followers = [
            self._start_follower("kube-controller-manager", pods, kube_api_qps="200", kube_api_burst="400"),
            self._start_follower("kube-scheduler", pods),
            self._start_pods(kubeconfig),
        ]
        self._fill()
        for follower in followers:
            follower.wait_until(lambda: True, timeout=0, what="work began")

    def stop(self) -> None:
        """End all."""
        self.api.close()
        self._supervisor.stop(*_CLIENTS)
        self._supervisor.stop("etcd")

    # Processes -----------------------------------------------------------------------------------------------------

    def _start_etcd(self, pod: Document) -> Process:
        flags = Flags(pod, Mounts(pod, self._root))
        client, peer = f"https://127.0.0.1:{self._etcd}", f"https://127.0.0.1:{self._peer}"
        flags.put(
            advertise_client_urls=client,
            data_dir=str(self._data),
            initial_advertise_peer_urls=peer,
            initial_cluster=f"{flags.get('name')}={peer}",
            listen_client_urls=client,
            listen_peer_urls=peer,
            # The data need not outlive the computer, and waiting for the disk is what makes etcd slow.
            unsafe_no_fsync="true",
            log_level="warn",
        )
        flags.drop("listen-metrics-urls")
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._run("etcd", flags.words)

    def _start_api_server(self, pod: Document) -> Process:
        mounts = Mounts(pod, self._root)
        flags = Flags(pod, mounts)
        own = self._authority.issue("machine-apiserver")
        tokens = self._folder / "tokens.csv"
        write_private(tokens, f'{self._token},sandbox,sandbox,"system:masters"\n'.encode())
        if file := flags.get("admission-control-config-file"):
            flags.put(admission_control_config_file=str(self._admission(Path(file), mounts)))
        flags.put(
            bind_address="127.0.0.1",
            endpoint_reconciler_type="none",
            etcd_servers=f"https://127.0.0.1:{self._etcd}",
            secure_port=str(self._port),
            tls_sni_cert_key=f"{own.certificate},{own.key}:127.0.0.1",
            token_auth_file=str(tokens),
        )
        return self._run("kube-apiserver", flags.words)

    def _start_follower(self, name: str, pods: Mapping[str, Document], **more: str) -> Process:
        pod = pods[name]
        flags = Flags(pod, Mounts(pod, self._root))
        for file in flags.kubeconfigs:
            self._lead_home(file)
        flags.put(leader_elect="false", secure_port="0", **more)
        return self._run(name, flags.words)

    def _start_pods(self, kubeconfig: Path) -> Process:
        stages = self._folder / "stages.yaml"
        stages.write_text(yaml.safe_dump_all(STAGES), encoding="utf-8")
        words = [
            f"--kubeconfig={kubeconfig}",
            f"--config={stages}",
            "--manage-all-nodes=true",
            f"--server-address=127.0.0.1:{self._kubelet}",
        ]
        return self._run("kwok", words)

    def _run(self, name: str, words: list[str]) -> Process:
        return self._supervisor.start(name, [self._tools[name], *words])

    def _admission(self, file: Path, mounts: Mounts) -> Path:
        """Return a copy of an admission configuration whose plugins' files are where they are on this computer."""
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        for plugin in found.get("plugins", []):
            if path := plugin.get("path"):
                plugin["path"] = mounts.host(path) if path.startswith("/") else str(file.parent / path)
        copy = self._folder / "admission.yaml"
        copy.write_text(yaml.safe_dump(found), encoding="utf-8")
        return copy

    # What the API server holds -------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Bring in what `kubeadm init` brings in."""
        access = self._folder / "kubeadm.conf"
        write_private(access, self._kubeconfig(self._certificate_authority(), _NAME).encode())
        # kubeadm makes this binding only through the admin.conf at its own place.
        self._apply(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:cluster-admins",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "kubeadm:cluster-admins"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [
                    {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubeadm:cluster-admins"}
                ],
            },
        )
        self._kubeadm.fill_cluster(access)
        # kubeadm takes it from the kubeconfig that it is given, whose address is the sandbox's.
        self._publish_cluster_info()

    def _publish_cluster_info(self) -> None:
        assert self._configuration is not None
        cluster = self._configuration.get("ClusterConfiguration")
        advertised = self._configuration.get("InitConfiguration").get("localAPIEndpoint", {})
        server = cluster.get("controlPlaneEndpoint") or f"{advertised['advertiseAddress']}:6443"
        entry = {"server": f"https://{server}", "certificate-authority-data": self._certificate_authority()}
        info = {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "", "cluster": entry}]}
        path = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
        change: Manifest = {"data": {"kubeconfig": yaml.safe_dump(info)}}
        self.api.request("PATCH", path, change, content_type="application/merge-patch+json")

    def _apply(self, path: str, manifest: Manifest) -> None:
        try:
            query = {"fieldManager": "kubeadm", "force": "true"}
            self.api.request("PATCH", path, manifest, content_type=APPLY, query=query)
        except ApiError as error:
            raise KubeadmError(f"{path}: {error}") from error

    def _certificate_authority(self) -> str:
        assert self._configuration is not None
        admin = self._root / "etc/kubernetes/admin.conf"
        found = yaml.safe_load(admin.read_text(encoding="utf-8"))
        return str(found["clusters"][0]["cluster"]["certificate-authority-data"])

    def _lead_home(self, file: Path) -> None:
        """Have a kubeconfig of kubeadm's lead to the API server where it listens; its certificates stay."""
        found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        for entry in found["clusters"]:
            entry["cluster"] |= {"server": self.endpoint, "tls-server-name": _NAME}
        write_private(file, yaml.safe_dump(found).encode())

    def _kubeconfig(self, certificate_authority: str, name: str) -> str:
        cluster = {"server": self.endpoint, "certificate-authority-data": certificate_authority}
        if name:
            cluster["tls-server-name"] = name
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

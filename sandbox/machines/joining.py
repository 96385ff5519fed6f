"""What `kubeadm init` and `kubeadm join` do on a machine, up to the registered Node."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.certificates import write_private
from sandbox.kubernetes.api import MERGE, Api, ApiError
from sandbox.machines.around import Around, Member
from sandbox.machines.image_credentials import check_image_credentials
from sandbox.machines.kubelet import Kubelet, Registration, registration
from sandbox.machines.servers import KubeadmServers
from sandbox.machines.tls_bootstrap import JoinError, Server, client_certificate, discover

_PORT: Final = 6443
_SIGNED_SECONDS: Final = 60.0
_PKI: Final = "etc/kubernetes/pki"
_SHARED: Final = ("ca", "front-proxy-ca", "etcd/ca")
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_NOT_BALANCED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"


def initialise(around: Around, member: Member) -> Kubelet:
    """Make the cluster and its first node. What fails leaves nothing, as after `kubeadm reset`."""
    configuration = member.configuration
    cluster = str(configuration.get("ClusterConfiguration").get("clusterName") or "kubernetes")
    if around.control_plane.cluster is not None:
        raise JoinError(f"cluster {around.control_plane.cluster} is there: this machine has to join it")
    made: list[KubeadmServers] = []

    def make(folder: Path) -> KubeadmServers:
        servers = KubeadmServers(
            folder,
            member.root,
            _etcd_folder(around, member),
            around.tools,
            around.control_plane.supervisor,
            around.control_plane.authority,
        )
        servers.prepare(configuration)
        made.append(servers)
        return servers

    around.control_plane.machine_cluster_created(cluster, make)
    try:
        port = _listens(configuration.get("InitConfiguration"))
        around.fabric.listen(member.identity, port, made[0].port)
        kubelet = _first_kubelet(around, member, port)
        _forget_predecessor(around.control_plane.api, kubelet.what)
        kubelet.register()
        _mark(around.control_plane.api, kubelet.what)
    except BaseException:
        around.fabric.silence(member.identity)
        around.control_plane.cluster_deleted(cluster)
        raise
    return kubelet


def _listens(section: Mapping[str, Any]) -> int:
    return int((section.get("localAPIEndpoint") or {}).get("bindPort") or _PORT)


def _first_kubelet(around: Around, member: Member, port: int) -> Kubelet:
    """Return the kubelet whose identity kubeadm made itself."""
    conf = yaml.safe_load((member.root / "etc/kubernetes/kubelet.conf").read_text(encoding="utf-8"))
    user = conf["users"][0]["user"]
    files = _client_files(member)
    files[0].write_bytes(base64.b64decode(user["client-certificate-data"]))
    write_private(files[1], base64.b64decode(user["client-key-data"]))

    def connect() -> Api:
        here = around.fabric.local(around.fabric.instance(member.identity), port)
        server = Server(port=here, name="kubernetes")
        return server.client(member.root / _PKI / "ca.crt", certificate=files)

    return Kubelet(
        connect, _registration(around, member), member.hardware, member.configuration.get("KubeletConfiguration")
    )


def join(around: Around, member: Member) -> Kubelet:
    """Join a cluster, as a worker or as a further control plane."""
    section = member.configuration.get("JoinConfiguration")
    discovery = section.get("discovery") or {}
    asked = discovery.get("bootstrapToken") or {}
    token, what = str(asked.get("token", "")), _registration(around, member)
    reach = partial(_server, around, member, str(asked.get("apiServerEndpoint", "")))
    authority = member.root / _PKI / "ca.crt"
    found = authority if "controlPlane" not in section else member.root / "discovered.crt"
    discover(reach(), token, [str(pin) for pin in asked.get("caCertHashes") or []], found)
    if "controlPlane" in section:
        _check_shared(member.root / _PKI, found)
    bootstrap = reach().client(found, token=str(discovery.get("tlsBootstrapToken") or token))
    try:
        _refuse_double(bootstrap, what.name)
        kubelet_configuration = _published(bootstrap, "kubelet-config", "kubelet")
        folder = _client_files(member)[0].parent
        files = client_certificate(bootstrap, what.name, folder, member.active, _SIGNED_SECONDS)
    finally:
        bootstrap.close()
    kubelet = Kubelet(lambda: reach().client(found, certificate=files), what, member.hardware, kubelet_configuration)
    if "controlPlane" in section:
        _forget_predecessor(around.control_plane.api, what)
    kubelet.register()
    if "controlPlane" in section:
        _mark(around.control_plane.api, what)
        around.fabric.listen(member.identity, _listens(section["controlPlane"]), _local_port(around))
    return kubelet


def _server(around: Around, member: Member, endpoint: str) -> Server:
    return around.fabric.server(around.fabric.instance(member.identity), endpoint)


def _local_port(around: Around) -> int:
    """Return where the one API server of the sandbox listens: every control plane of a cluster answers by it."""
    return int(around.control_plane.api.endpoint.rpartition(":")[2])


def _registration(around: Around, member: Member) -> Registration:
    instance = around.fabric.instance(member.identity)
    arguments = member.configuration.kubelet_arguments()
    check_image_credentials(member.root, arguments)
    return registration(member.configuration.registration, arguments, instance.hostname, instance.address)


def _client_files(member: Member) -> tuple[Path, Path]:
    folder = member.root / "var/lib/kubelet/pki"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "kubelet-client.crt", folder / "kubelet-client.key"


def _etcd_folder(around: Around, member: Member) -> Path:
    """Return where etcd's data lies: on the machine's second volume, which may outlive it, else on its first."""
    etcd = (member.configuration.get("ClusterConfiguration").get("etcd") or {}).get("local") or {}
    path = str(etcd.get("dataDir") or "/var/lib/etcd").lstrip("/")
    _, others = around.fabric.instance(member.identity).volumes()
    return around.folder / "volumes" / others[0] / path if others else member.root / path


def _check_shared(pki: Path, discovered: Path) -> None:
    """Refuse a further control plane without the authorities, or with others than the cluster's."""
    wanted = [f"{name}.{part}" for name in _SHARED for part in ("crt", "key")] + ["sa.key", "sa.pub"]
    if missing := [name for name in wanted if not (pki / name).is_file()]:
        raise JoinError(f"a further control plane needs {', '.join(missing)} in /{_PKI}")
    if (pki / "ca.crt").read_bytes().strip() != discovered.read_bytes().strip():
        raise JoinError(f"/{_PKI}/ca.crt is not the cluster's")


def _refuse_double(api: Api, name: str) -> None:
    try:
        there = api.request("GET", f"/api/v1/nodes/{name}")
    except ApiError as error:
        if error.status == 404:
            return
        raise JoinError(f"the bootstrap token does not read Node {name}: {error}") from error
    conditions = there.get("status", {}).get("conditions") or []
    if any((one["type"], one["status"]) == ("Ready", "True") for one in conditions):
        raise JoinError(f'a Node with name "{name}" and status "Ready" already exists in the cluster')


def _published(api: Api, name: str, key: str) -> Mapping[str, Any]:
    found = api.request("GET", f"/api/v1/namespaces/kube-system/configmaps/{name}")
    return dict(yaml.safe_load(found["data"][key]) or {})


def _forget_predecessor(api: Api, what: Registration) -> None:
    """Remove the node of a former machine of this name: a control plane has the rights, and a script that does it."""
    try:
        there = api.request("GET", f"/api/v1/nodes/{what.name}")
    except ApiError as error:
        if error.status == 404:
            return
        raise
    if there["spec"].get("providerID", "") != what.provider_id:
        api.request("DELETE", f"/api/v1/nodes/{what.name}")


def _mark(api: Api, what: Registration) -> None:
    """Do what kubeadm's phase mark-control-plane does, which takes no kubeconfig but the one at its own place."""
    path = f"/api/v1/nodes/{what.name}"
    there = api.request("GET", path)
    taints = [dict(one) for one in there["spec"].get("taints") or []]
    known = {(one["key"], one["effect"]) for one in taints}
    taints += [dict(one) for one in what.taints if (one["key"], one["effect"]) not in known]
    labels = {_CONTROL_PLANE: "", _NOT_BALANCED: ""}
    api.request("PATCH", path, {"metadata": {"labels": labels}, "spec": {"taints": taints}}, content_type=MERGE)

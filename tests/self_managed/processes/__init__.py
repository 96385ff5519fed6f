"""A control plane as processes, with the very flags and files that kubeadm gives its static pods.

Nothing is containerised: the commands are taken from the manifests that the real kubeadm writes, and only the places of
files, addresses and ports in them are changed to ones that a test may use.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from components.self_managed.control_plane import AUDIT_FOLDER, RENDERED, control_plane_files
from components.self_managed.kubeadm import ETCD_DATA
from sandbox.kubernetes.processes import Process, Supervisor, free_ports
from tests.self_managed import documents, filled, rendered

_START_SECONDS: Final = 90.0
_MASTER: Final = "k8s-master"


def own_address() -> str:
    """Return an address of this machine other than loopback, which kubeadm refuses; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


class KubeadmControlPlane:
    """The master of the documents' cluster, on this machine.

    Args:
        folder: For all files; stands in for the machine's root.
        tools: Path by tool.
    """

    def __init__(self, folder: Path, tools: Mapping[str, Path]) -> None:
        self.folder = folder
        self.tools = tools
        self.address = own_address()
        self.port, client, peer, metrics, *others = free_ports(6)
        self.endpoint = f"https://{self.address}:{self.port}"
        self.etcd_endpoint = f"https://127.0.0.1:{client}"
        self.supervisor = Supervisor(folder / "processes")
        self._ports = {"2379": client, "2380": peer, "2381": metrics}
        self._secure_ports = dict(zip(("kube-controller-manager", "kube-scheduler"), others, strict=True))

    def at_home(self, text: str) -> str:
        """Say where things of a master are on this machine."""
        changes = {
            "/etc/kubernetes/": f"{self.folder}/etc/kubernetes/",
            AUDIT_FOLDER: f"{self.folder}{AUDIT_FOLDER}",
            ETCD_DATA: f"{self.folder}{ETCD_DATA}",
            "api.nodes14.internal:6443": f"{self.address}:{self.port}",
            '"10.0.0.20"': f'"{self.address}"',
            '"bindPort": 6443': f'"bindPort": {self.port}',
        }
        for theirs, ours in changes.items():
            text = text.replace(theirs, ours)
        return text

    def kubeadm(self, *words: str, text: str | None = None) -> str:
        """Run a command of kubeadm on the master's documents, or on others, and return what it says."""
        config = self.folder / "kubeadm.yaml"
        config.write_text(self.at_home(filled(text or rendered(_MASTER))), encoding="utf-8")
        command = [str(self.tools["kubeadm"]), *words, f"--config={config}"]
        dry_run = self.folder / "manifests"
        dry_run.mkdir(exist_ok=True)
        variables = {"PATH": os.defpath, "HOME": str(self.folder)}
        variables |= {"KUBEADM_INIT_DRYRUN_DIR": str(dry_run), "KUBEADM_JOIN_DRYRUN_DIR": str(dry_run)}
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=120)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    def kubectl(
        self, *words: str, kubeconfig: str = "super-admin.conf", text: str | None = None, check: bool = True
    ) -> str:
        """Run kubectl, with a text as its input, and return what it says; without `check` a failure is an answer."""
        command = [str(self.tools["kubectl"]), f"--kubeconfig={self.folder / 'etc/kubernetes' / kubeconfig}", *words]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, input=text)
        assert result.returncode == 0 or not check, result.stderr
        return result.stdout + result.stderr

    def start(self) -> None:
        """Make what kubeadm makes, up to the token, and start its processes."""
        self._write_files()
        place = f"{self.folder}/etc/kubernetes"
        self.kubeadm("init", "phase", "certs", "all")
        self.kubeadm("init", "phase", "kubeconfig", "all", f"--kubeconfig-dir={place}")
        self.kubeadm("init", "phase", "etcd", "local", "--dry-run")
        self.kubeadm("init", "phase", "control-plane", "all", "--dry-run")
        self._start("etcd")
        server = self._start("kube-apiserver")
        server.wait_until(self._ready, timeout=_START_SECONDS, what="ready API")
        followers = [self._start(component) for component in self._secure_ports]
        self.kubeadm("init", "phase", "upload-config", "all", f"--kubeconfig={place}/super-admin.conf")
        self.kubeadm("init", "phase", "bootstrap-token", f"--kubeconfig={place}/super-admin.conf")
        for follower in followers:
            follower.wait_until(lambda name=follower.name: self._leads(name), timeout=_START_SECONDS, what="lease")  # type: ignore[misc]
        followers[0].wait_until(self._signed, timeout=_START_SECONDS, what="signature of cluster-info")

    def stop(self) -> None:
        """End all, etcd last."""
        self.supervisor.stop(*self._secure_ports, "kube-apiserver")
        self.supervisor.stop("etcd")

    def _write_files(self) -> None:
        files = control_plane_files()
        for path, text in files.items():
            target = self.folder / RENDERED.get(path, path).removeprefix("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(filled(text), encoding="utf-8")
        for path in (AUDIT_FOLDER, ETCD_DATA):
            (self.folder / path.removeprefix("/")).mkdir(parents=True, mode=0o700)

    def command(self, component: str) -> list[str]:
        """Return the command of a static pod, with this machine's ports."""
        text = (self.folder / "manifests" / f"{component}.yaml").read_text(encoding="utf-8")
        words: list[str] = documents(text)["Pod"]["spec"]["containers"][0]["command"]
        for theirs, ours in self._ports.items():
            words = [word.replace(f":{theirs}", f":{ours}") for word in words]
        # The kubeconfig's path is kubeadm's own, whatever its configuration says.
        words = [word.replace("=/etc/kubernetes/", f"={self.folder}/etc/kubernetes/") for word in words]
        port = self._secure_ports.get(component)
        return words if port is None else [*words, f"--secure-port={port}"]

    def _start(self, component: str) -> Process:
        words = self.command(component)
        return self.supervisor.start(component, [self.tools[words[0]], *words[1:]])

    def _leads(self, name: str) -> bool:
        return name in self.kubectl("get", "leases", "--namespace=kube-system", "--output=name")

    def _signed(self) -> bool:
        # kubeadm's dry run of a join would put a token of its own in place of one that nobody has signed with yet.
        return "jws-kubeconfig-" in self.kubectl("get", "configmap/cluster-info", "--namespace=kube-public", "-o=yaml")

    def _ready(self) -> bool:
        return self.kubectl("get", "--raw=/readyz", check=False) == "ok"


def kubeconfig(control_plane: KubeadmControlPlane, **user: str) -> str:
    """Return a kubeconfig with other credentials, or none."""
    admin = yaml.safe_load((control_plane.folder / "etc/kubernetes/super-admin.conf").read_text(encoding="utf-8"))
    admin["users"][0]["user"] = dict(user)
    return yaml.safe_dump(admin)

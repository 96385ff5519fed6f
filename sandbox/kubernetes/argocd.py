"""Argo CD's real components, run as local processes for as long as their pods would run.

The pods themselves are only simulated, so this takes the place of their containers: a component's process runs while
the workload that would run it is Available, and starts again when the settings in its environment change.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from sandbox.kubernetes.api import Api, ApiError, Manifest
from sandbox.kubernetes.argocd_components import COMPONENTS, Addresses, Component
from sandbox.kubernetes.control_plane import ClusterError, ControlPlane
from sandbox.kubernetes.helm import InstalledRelease
from sandbox.kubernetes.processes import ProcessError, free_ports

CHART: Final = "argo-cd"
_POLL_SECONDS: Final = 0.5
# Which environment variable each key of a ConfigMap sets, by component and ConfigMap: as in Argo CD's own manifests.
_SETTINGS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = json.loads(
    Path(__file__).with_name("argocd_settings.json").read_text(encoding="utf-8")
)
# What Argo CD's API server makes at its first start; made for it, so that nobody has to wait for it.
_DEFAULT_PROJECT: Final = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}


class ArgoCd:
    """Runs Argo CD's processes while a release of its chart is installed.

    Args:
        control_plane: The Kubernetes that Argo CD works in.
        tools: Path by tool: argocd, redis, helm, kustomize.

    Attributes:
        server_port: Where Argo CD's API server listens while it runs, for the argocd command.
    """

    def __init__(self, control_plane: ControlPlane, tools: Mapping[str, Path]) -> None:
        self._control_plane = control_plane
        self._tools = tools
        (self.server_port,) = free_ports(1)
        self._instances: dict[tuple[str, str], _Instance] = {}

    def release_installed(self, release: InstalledRelease) -> None:
        """Start to run the processes of a release of Argo CD's chart."""
        key = (release.namespace, release.name)
        if release.chart == CHART and key not in self._instances:
            self._instances[key] = _Instance(self._control_plane, self._tools, release.namespace, self.server_port)

    def release_uninstalled(self, namespace: str, name: str) -> None:
        """End the processes of a release."""
        instance = self._instances.pop((namespace, name), None)
        if instance is not None:
            instance.stop()

    def stop(self) -> None:
        """End all. Idempotent."""
        for key in tuple(self._instances):
            self.release_uninstalled(*key)


class _Instance:
    """The processes of one release, kept in step with its workloads by a thread."""

    def __init__(
        self, control_plane: ControlPlane, tools: Mapping[str, Path], namespace: str, server_port: int
    ) -> None:
        self._control_plane = control_plane
        self._supervisor = control_plane.supervisor
        self._tools = tools
        self._namespace = namespace
        self._folder = self._supervisor.folder / "argocd"
        self._addresses = Addresses(namespace, server_port, *free_ports(len(fields(Addresses)) - 2))
        self._running: dict[str, Mapping[str, str]] = {}
        self._initialised = False
        self._endpoint = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="argocd", daemon=True)
        self._prepare()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _prepare(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for part in ("bin", "tls", "ssh", "gpg", "helm"):
            (self._folder / part).mkdir(parents=True)
        # The repo-server calls this even while signatures are not checked, and fails without it.
        wrapper = self._folder / "bin" / "git-verify-wrapper.sh"
        wrapper.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        wrapper.chmod(0o755)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    api = self._control_plane.api
                    if api.endpoint != self._endpoint:
                        self._stop_processes()
                        self._endpoint = api.endpoint
                    self._reconcile(api)
                except ClusterError:
                    # It is gone for good, or its only control plane is replaced: then it comes back with all it held.
                    self._stop_processes()
                except (ApiError, ProcessError):
                    pass  # the API server is busy or a port was taken: the next round tries again
                self._ended.wait(_POLL_SECONDS)
        finally:
            self._stop_processes()

    def _stop_processes(self) -> None:
        self._supervisor.stop(*self._running)
        self._running.clear()
        # The next cluster may be another one.
        self._initialised = False

    def _reconcile(self, api: Api) -> None:
        available = self._available(api)
        if "argocd-server" in available and not self._initialised:
            self._initialise(api)
        for component in COMPONENTS:
            name = f"argocd-{component.name}"
            wanted = (
                self._environment(api, component) if self._initialised and available & component.workloads else None
            )
            process = self._supervisor.processes.get(name)
            if name in self._running and (wanted != self._running[name] or process is None or not process.alive):
                self._supervisor.stop(name)
                del self._running[name]
            if wanted is not None and name not in self._running:
                self._write_mounts(api)
                self._supervisor.start(name, component.command(self._tools, self._addresses), wanted)
                self._running[name] = wanted

    def _available(self, api: Api) -> set[str]:
        """Return the names (by label) of the workloads with at least one pod that serves."""
        selector = {"labelSelector": "app.kubernetes.io/part-of=argocd"}
        found: list[Manifest] = []
        for plural in ("deployments", "statefulsets"):
            path = f"/apis/apps/v1/namespaces/{self._namespace}/{plural}"
            found += api.request("GET", path, query=selector).get("items") or []
        serving = [workload for workload in found if workload.get("status", {}).get("availableReplicas")]
        return {workload["metadata"]["labels"].get("app.kubernetes.io/name", "") for workload in serving}

    def _initialise(self, api: Api) -> None:
        """Do what Argo CD's API server does at its first start: the signing key and the default project."""
        kind, secret = api.kind("argoproj.io/v1alpha1", "AppProject"), api.kind("v1", "Secret")
        if kind is None or secret is None:
            return  # the CRD is not established yet
        stored = api.get(secret, self._namespace, "argocd-secret") or {}
        if "server.secretkey" not in (stored.get("data") or {}):
            key = base64.b64encode(base64.b64encode(secrets.token_bytes(32))).decode()
            api.patch(secret, self._namespace, "argocd-secret", {"data": {"server.secretkey": key}})
        if api.get(kind, self._namespace, "default") is None:
            manifest: Manifest = {
                "apiVersion": kind.api_version,
                "kind": kind.name,
                "metadata": {"name": "default"},
                "spec": _DEFAULT_PROJECT,
            }
            api.request("POST", kind.path(self._namespace), manifest)
        self._initialised = True

    def _environment(self, api: Api, component: Component) -> Mapping[str, str]:
        variables: dict[str, str] = {}
        for name, keys in _SETTINGS.get(component.name, {}).items():
            data = self._config(api, name)
            variables |= {variable: data[key] for key, variable in keys.items() if key in data}
        authority = str(self._control_plane.authority.file)
        folders = {self._folder / "bin": None} | {self._tools[tool].parent: None for tool in ("helm", "kustomize")}
        git = shutil.which("git")
        path = [*map(str, folders), *([str(Path(git).parent)] if git else []), "/usr/bin", "/bin"]
        return variables | {
            "PATH": ":".join(path),
            "KUBECONFIG": str(self._control_plane.kubeconfig),
            "ARGOCD_BINARY_NAME": f"argocd-{component.name}",
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_GNUPGHOME": str(self._folder / "gpg"),
            "ARGOCD_TLS_DATA_PATH": str(self._folder / "tls"),
            "ARGOCD_SSH_DATA_PATH": str(self._folder / "ssh"),
            # One process stands for all replicas, so it has all shards.
            "ARGOCD_CONTROLLER_REPLICAS": "1",
            "ARGOCD_CONTROLLER_SHARD": "0",
            "NAMESPACE": self._namespace,
            "KUBECACHEDIR": str(self._folder / "kubecache"),
            "ARGOCD_ASK_PASS_SOCK": self._socket(),
            **{f"HELM_{part}_HOME": str(self._folder / "helm") for part in ("CACHE", "CONFIG", "DATA")},
            # Git and everything written in Go trust the sandbox's servers.
            "SSL_CERT_FILE": authority,
            "GIT_SSL_CAINFO": authority,
        }

    def _socket(self) -> str:
        """Return where the repo-server passes passwords to Git; its default is one place for all sandboxes."""
        path = self._folder / "ask-pass.sock"
        # A socket's path is limited to 107 bytes; the process starts in the supervisor's folder.
        return str(path) if len(bytes(path)) < 108 else str(path.relative_to(self._supervisor.folder))

    def _write_mounts(self, api: Api) -> None:
        """Write the ConfigMaps that a pod would see as files."""
        for name, folder in (("argocd-tls-certs-cm", "tls"), ("argocd-ssh-known-hosts-cm", "ssh")):
            for key, text in self._config(api, name).items():
                (self._folder / folder / Path(key).name).write_text(text, encoding="utf-8")

    def _config(self, api: Api, name: str) -> Mapping[str, str]:
        with contextlib.suppress(KeyError):
            kind = api.kind("v1", "ConfigMap")
            found = kind and api.get(kind, self._namespace, name)
            return dict((found or {})["data"] or {})
        return {}

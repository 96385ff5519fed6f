"""Argo CD's real components over the running API server, the Git server and the chart mirror."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandbox.kubernetes.api import MERGE
from sandbox.kubernetes.argocd import _SETTINGS, ArgoCd
from sandbox.kubernetes.argocd_components import COMPONENTS
from sandbox.kubernetes.control_plane import ClusterError, ControlPlane
from sandbox.kubernetes.helm import InstalledRelease
from sandbox.kubernetes.releases import TOKEN
from sandbox.protocol import Properties
from tests.sandbox.kubernetes.conftest import Cluster, Provider, until

_APPLICATION = "kubernetes:argoproj.io/v1alpha1:Application"
_NAMESPACE = "kubernetes:core/v1:Namespace"
# Deletes children without the garbage collector, which learns of new kinds every 30 seconds only.
_FINALIZER = "resources-finalizer.argocd.argoproj.io/background"
_HEALTH = """hs = {status = "Progressing", message = ""}
local s = obj.status
if s ~= nil and s.health ~= nil and s.operationState ~= nil and s.operationState.phase == "Succeeded" then
  hs.status = s.health.status
end
return hs
"""
_VALUES: Properties = {
    "configs": {
        "cm": {"resource.customizations.health.argoproj.io_Application": _HEALTH},
        "params": {"controller.sync.wave.delay.seconds": "1"},
    }
}


def test_every_component_has_its_settings() -> None:
    """Each component's parameters are known by key, so that what the values say reaches its environment."""
    names = {component.name for component in COMPONENTS} - {"redis"}
    assert set(_SETTINGS) == names
    controller = _SETTINGS["application-controller"]["argocd-cmd-params-cm"]
    assert controller["controller.sync.timeout.seconds"] == "ARGOCD_APPLICATION_CONTROLLER_SYNC_TIMEOUT"
    assert _SETTINGS["application-controller"]["argocd-cm"]["timeout.reconciliation"] == "ARGOCD_RECONCILIATION_TIMEOUT"


class Servers:
    """A control plane in which one part of Argo CD serves, and who starts its processes: `seen` says over which API."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.supervisor, self.authority = folder, self, SimpleNamespace(file=folder)
        self.kubeconfig = folder / "kubeconfig"
        self.processes: dict[str, SimpleNamespace] = {}
        self.endpoint: str | None = "https://one"

    @property
    def api(self) -> Servers:
        if self.endpoint is None:
            raise ClusterError("no API server runs")
        return self

    def request(self, method: str, path: str, query: object = None) -> dict[str, Any]:
        labels = {"app.kubernetes.io/name": "argocd-server"}
        return {"items": [{"metadata": {"labels": labels}, "status": {"availableReplicas": 1}}]}

    def kind(self, api_version: str, name: str) -> str:
        return name

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return {"data": {"server.secretkey": "x"}}

    def start(self, name: str, words: list[object], variables: object) -> None:
        self.processes[name] = SimpleNamespace(alive=True, endpoint=self.endpoint)

    def stop(self, *names: str) -> None:
        for name in names:
            self.processes.pop(name, None)

    @property
    def seen(self) -> set[str | None]:
        return {process.endpoint for process in list(self.processes.values())}


@pytest.mark.parametrize("gap", [True, False], ids=["away for a while", "at once"])
def test_argocd_outlives_its_control_plane(tmp_path: Path, gap: bool) -> None:
    """A replaced control plane holds all it held: Argo CD's processes go with the old API and come with the new one."""
    servers = Servers(tmp_path)
    argocd = ArgoCd(cast(ControlPlane, servers), {tool: tmp_path / tool for tool in ("argocd", "helm", "kustomize")})
    release = InstalledRelease(
        name="argocd",
        namespace="argocd",
        revision=1,
        status="deployed",
        chart="argo-cd",
        version="10.1.1",
        app_version="v3.5.1",
        values={},
    )
    argocd.release_installed(release)
    try:
        until(lambda: servers.seen == {"https://one"})
        if gap:
            servers.endpoint = None
            until(lambda: not servers.processes)
        servers.endpoint = "https://two"
        until(lambda: servers.seen == {"https://two"})
    finally:
        argocd.stop()
    assert servers.processes == {}


def _application(cluster: Cluster, name: str, wave: int) -> Properties:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": "argocd",
            "annotations": {"argocd.argoproj.io/sync-wave": str(wave)},
            "finalizers": [_FINALIZER],
        },
        "spec": {
            "project": "default",
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
            "source": {"repoURL": cluster.git.url, "path": name, "targetRevision": "main"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


def _write_tree(cluster: Cluster, source: Path) -> None:
    """Write a root with two waves: a chart of the mirror whose pod finds no node yet, then a folder of manifests."""
    first = _application(cluster, "first", 0)
    values = {"settings": {"clusterName": "demo"}, "replicas": 1, "nodeSelector": {"wave": "first"}}
    chart = {"chart": "karpenter", "repoURL": cluster.mirror.url, "targetRevision": "1.14.1"}
    first["spec"]["source"] = chart | {"helm": {"skipCrds": True, "valuesObject": values}}
    for folder in ("root", "second"):
        (source / folder).mkdir()
    (source / "root" / "first.json").write_text(json.dumps(first))
    (source / "root" / "second.json").write_text(json.dumps(_application(cluster, "second", 1)))
    kustomization = {"resources": ["map.json"], "namePrefix": "a-"}
    (source / "second" / "kustomization.yaml").write_text(json.dumps(kustomization))
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"k": "v"}}
    (source / "second" / "map.json").write_text(json.dumps(made))
    cluster.git.refresh()


@pytest.fixture
def provider(cluster: Cluster) -> Iterator[Provider]:
    """A provider, with Argo CD installed by its chart."""
    provider = cluster.provider()
    provider.create(_NAMESPACE, "argocd", {"metadata": {"name": "argocd"}})
    source = {"chart": "argo-cd", "version": "10.1.1", "repositoryOpts": {"repo": cluster.mirror.url}}
    release = source | {"name": "argocd", "namespace": "argocd", "values": _VALUES}
    rid, _ = provider.create(TOKEN, "argocd", release)
    yield provider
    provider.delete(TOKEN, "argocd", rid)
    assert not [name for name in cluster.control_plane.supervisor.processes if name.startswith("argocd")]
    provider.delete(_NAMESPACE, "argocd", "argocd")


def _state(cluster: Cluster, name: str) -> tuple[str, str]:
    status: dict[str, Any] = cluster.get("application", name, "argocd").get("status", {})
    return status.get("sync", {}).get("status", ""), status.get("health", {}).get("status", "")


def _label(cluster: Cluster, value: str | None) -> None:
    api = cluster.control_plane.api
    name = api.request("GET", "/api/v1/nodes")["items"][0]["metadata"]["name"]
    api.request("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": {"wave": value}}}, content_type=MERGE)


def _variables(cluster: Cluster, name: str) -> dict[str, str]:
    pid = cluster.control_plane.supervisor.processes[name].popen.pid
    text = Path(f"/proc/{pid}/environ").read_text()
    return dict(line.partition("=")[::2] for line in text.split("\0") if line)


@pytest.mark.cluster
@pytest.mark.xdist_group("cluster")
def test_waves_gate_and_deletion_goes_backwards(cluster: Cluster, provider: Provider) -> None:
    """A wave waits for the one before to be Healthy; deleting the root removes all; a scaled-down part stops."""
    _write_tree(cluster, cluster.source)
    rid, _ = provider.create(_APPLICATION, "root", _application(cluster, "root", 0))
    until(lambda: _state(cluster, "first") == ("Synced", "Progressing"))
    assert _variables(cluster, "argocd-application-controller")["ARGOCD_SYNC_WAVE_DELAY"] == "1"
    assert cluster.get("application", "second", "argocd") == {}
    _label(cluster, "first")
    names = ("first", "second", "root")
    until(lambda: {_state(cluster, name) for name in names} == {("Synced", "Healthy")})
    assert cluster.get("configmap", "a-map")["data"] == {"k": "v"}
    background = {"metadata": {"annotations": {"pulumi.com/deletionPropagationPolicy": "background"}}}
    provider.delete(_APPLICATION, "root", rid, background, timeout=60)
    assert cluster.get("deployment", "first-karpenter") == {}
    assert cluster.get("configmap", "a-map") == {}
    _label(cluster, None)
    scale = {"spec": {"replicas": 0}}
    path = "/apis/apps/v1/namespaces/argocd/deployments/argocd-repo-server"
    cluster.control_plane.api.request("PATCH", path, scale, content_type=MERGE)
    until(lambda: "argocd-repo-server" not in cluster.control_plane.supervisor.processes)

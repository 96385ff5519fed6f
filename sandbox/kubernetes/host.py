"""The provider host of package `kubernetes`, over the sandbox's own API server."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc

from sandbox.kubernetes import objects
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.credentials import authenticate, entries
from sandbox.kubernetes.helm import Helm
from sandbox.kubernetes.objects import Mutable
from sandbox.kubernetes.releases import TOKEN, ReleaseListener, Releases, Repository
from sandbox.protocol import UNKNOWN, DiffResult, HostError, Properties, ProviderHost

_DELETE_SECONDS: Final = 600.0
# For so long a kubeconfig that was tried needs no second try.
_PROVEN_SECONDS: Final = 30.0
_SETTINGS: Final = {
    "kubeconfig",
    "context",
    "namespace",
    "enableConfigMapMutable",
    "enableSecretMutable",
    "deleteUnreachable",
}
# They change how the real provider talks or warns, not what it does.
_IGNORED: Final = {
    "enableServerSideApply",
    "helmReleaseSettings",
    "kubeClientSettings",
    "suppressDeprecationWarnings",
    "suppressHelmHookWarnings",
    "version",
}


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """One provider resource's configuration."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str = ""
    mutable: Mutable = field(default_factory=Mutable)
    delete_unreachable: bool = False


class KubernetesHost(ProviderHost):
    """Serves Kubernetes objects and Helm releases.

    It acts only while a cluster exists, and only for a kubeconfig that leads to that cluster's API server. Of an EKS
    cluster's kubeconfig it uses the sandbox's credentials in place of its own, which would call AWS; with the
    kubeconfig of a cluster that machines made it really connects before it acts.

    Args:
        control_plane: The Kubernetes to act on.
        charts: The Helm repository that releases may name.
        tools: Path by tool: helm.
        listeners: Told of each release that came or went.
    """

    package = "kubernetes"
    version = "4.34.2"

    def __init__(
        self,
        control_plane: ControlPlane,
        charts: Repository,
        tools: Mapping[str, Path],
        listeners: tuple[ReleaseListener, ...] = (),
    ) -> None:
        super().__init__()
        self._control_plane = control_plane
        helm = Helm(tools["helm"], control_plane.supervisor, control_plane.authority.file)
        self._releases = Releases(helm, charts, listeners)
        # Each provider resource of a program has a connection of its own to this host.
        self._settings: dict[str, _Settings] = {}
        self._cancelled: set[str] = set()
        self._proven: dict[tuple[str, str | None, str], float] = {}
        self._request = threading.local()

    def configure(self, values: Properties) -> None:
        """Take a provider's configuration. What it names is looked at when needed: the cluster may not exist yet."""
        unknown = sorted(values.keys() - _SETTINGS - _IGNORED)
        if unknown:
            raise HostError(
                f"provider settings not emulated: {', '.join(unknown)}; add them to sandbox/kubernetes/host.py"
            )
        kubeconfig = values.get("kubeconfig")
        # A connection may have the number of an earlier one.
        self._cancelled.discard(self._request.peer)
        self._settings[self._request.peer] = _Settings(
            kubeconfig=kubeconfig if kubeconfig is None or isinstance(kubeconfig, str) else json.dumps(kubeconfig),
            context=values.get("context"),
            namespace=str(values.get("namespace") or ""),
            mutable=Mutable(
                config_map=_truth(values.get("enableConfigMapMutable")),
                secret=_truth(values.get("enableSecretMutable")),
            ),
            delete_unreachable=_truth(values.get("deleteUnreachable")),
        )

    def check(self, token: str, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        # An automatic name is kept for the resource's life.
        name = (olds.get("metadata") or {}).get("name") if token != TOKEN else olds.get("name")
        if token == TOKEN:
            return self._releases.check(urn, ({"name": name} if name else {}) | news, seed)
        metadata = ({"name": name} if name else {}) | (news.get("metadata") or {})
        return objects.check(token, urn, news | {"metadata": metadata}, seed, self._provider().namespace)

    def diff(self, token: str, urn: str, state: Properties, olds: Properties, news: Properties) -> DiffResult:
        if token == TOKEN:
            return self._releases.diff(olds, news)
        return objects.diff(token, olds, news, self._provider().mutable)

    def create(self, token: str, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        if preview:
            return "", self._preview(token, urn, inputs)
        outputs = self._apply(token, urn, inputs)
        return (f"{inputs['namespace']}/{inputs['name']}" if token == TOKEN else objects.identifier(outputs)), outputs

    def read(
        self, token: str, urn: str, rid: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        api = self._connect()
        return self._releases.read(api, rid, inputs) if token == TOKEN else objects.read(api, token, rid, inputs)

    def update(self, token: str, urn: str, rid: str, state: Properties, news: Properties, preview: bool) -> Properties:
        if preview:
            return self._preview(token, urn, news)
        if token == TOKEN:
            return self._apply(token, urn, news)
        return objects.update(self._connect(), token, urn, rid, news)

    def delete(self, token: str, urn: str, rid: str, state: Properties) -> None:
        if self._control_plane.cluster is None and self._provider().delete_unreachable:
            return
        api = self._connect()
        if token == TOKEN:
            self._releases.delete(str(self._control_plane.kubeconfig), rid, state, self._active)
        elif objects.is_patch(token):
            objects.relinquish(api, token, urn, rid)
        else:
            objects.delete(api, token, rid, state, self._request.timeout or _DELETE_SECONDS, self._active)

    def invoke(self, token: str, args: Properties) -> Properties:
        raise HostError(f"{token} is not emulated: add it to sandbox/kubernetes/host.py")

    def _preview(self, token: str, urn: str, inputs: Properties) -> Properties:
        if token == TOKEN:
            return self._releases.preview(inputs)
        # Before the cluster exists its server cannot be asked.
        known = self._control_plane.cluster is not None and self._provider().kubeconfig not in (None, UNKNOWN)
        return objects.preview(self._connect() if known else None, urn, inputs)

    def _apply(self, token: str, urn: str, inputs: Properties) -> Properties:
        api = self._connect()
        if token == TOKEN:
            return self._releases.apply(api, str(self._control_plane.kubeconfig), inputs, self._active)
        return objects.apply(api, urn, inputs)

    def _active(self) -> bool:
        """Say whether the engine still waits for the answer: it may have been killed, or told to stop."""
        return self._request.peer not in self._cancelled and bool(self._request.context.is_active())

    def _provider(self) -> _Settings:
        return self._settings.get(self._request.peer) or next(reversed(self._settings.values()), _Settings())

    def _connect(self) -> Api:
        """Return a client for the server that the kubeconfig names. Raise `HostError` when it is not this sandbox's."""
        if self._control_plane.cluster is None:
            raise HostError("the Kubernetes cluster is unreachable: no cluster exists (yet, or any more)")
        settings = self._provider()
        if settings.kubeconfig in (None, UNKNOWN):
            raise HostError(
                "the kubernetes provider has no kubeconfig: pass the cluster's; the caller's own is never read here"
            )
        kubeconfig = str(settings.kubeconfig)
        if not self._control_plane.managed:
            self._authenticate(kubeconfig, settings.context)
            return self._control_plane.api
        cluster, _ = entries(kubeconfig, settings.context)
        access = self._control_plane.access
        if cluster.get("server") != access.endpoint:
            raise HostError(f"the kubeconfig names server {cluster.get('server')}, the cluster's is {access.endpoint}")
        if cluster.get("certificate-authority-data") != access.certificate_authority:
            raise HostError("the kubeconfig's certificate-authority-data is not the cluster's")
        return self._control_plane.api

    def _authenticate(self, kubeconfig: str, context: str | None) -> None:
        """Connect as the kubeconfig says, unless that has just been done."""
        key, now = (kubeconfig, context, self._control_plane.api.endpoint), time.monotonic()
        if now - self._proven.get(key, -_PROVEN_SECONDS) >= _PROVEN_SECONDS:
            authenticate(kubeconfig, context, self._control_plane.api)
            self._proven[key] = time.monotonic()

    # Who asks, and how long it may take: the base class passes on neither ------------------------------------------

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._scope(request, context):
            return super().Configure(request, context)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._scope(request, context):
            return super().Check(request, context)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._scope(request, context):
            return super().Diff(request, context)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._scope(request, context):
            return super().Create(request, context)

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._scope(request, context):
            return super().Read(request, context)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._scope(request, context):
            return super().Update(request, context)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        with self._scope(request, context):
            return super().Delete(request, context)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._cancelled.add(context.peer())
        return super().Cancel(request, context)

    @contextlib.contextmanager
    def _scope(self, request: Any, context: grpc.ServicerContext) -> Iterator[None]:
        self._request.peer, self._request.context = context.peer(), context
        self._request.timeout = float(getattr(request, "timeout", 0.0))
        yield


def _truth(value: Any) -> bool:
    # The engine hands a provider's settings over as text.
    return str(value).lower() == "true"

"""The command lines of Argo CD's components as local processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Addresses:
    """Where one Argo CD is: its namespace, and ports on loopback."""

    namespace: str
    server: int
    redis: int
    repo_server: int
    repo_server_metrics: int
    controller_metrics: int
    applicationset_metrics: int
    applicationset_probe: int
    applicationset_webhook: int
    server_metrics: int


@dataclass(frozen=True, kw_only=True)
class Component:
    """One process.

    Attributes:
        name: Its name, less the prefix `argocd-`.
        workloads: Label `app.kubernetes.io/name` of the workloads that would run it; one of them suffices.
        command: Returns its command line.
    """

    name: str
    workloads: frozenset[str]
    command: Callable[[Mapping[str, Path], Addresses], list[str | Path]]


def _loopback(port: int) -> str:
    return f"127.0.0.1:{port}"


def _redis(tools: Mapping[str, Path], at: Addresses) -> list[str | Path]:
    return [tools["redis"], _loopback(at.redis)]


def _repo_server(tools: Mapping[str, Path], at: Addresses) -> list[str | Path]:
    return [
        tools["argocd"],
        f"--redis={_loopback(at.redis)}",
        "--address=127.0.0.1",
        f"--port={at.repo_server}",
        "--metrics-address=127.0.0.1",
        f"--metrics-port={at.repo_server_metrics}",
        # Plain text on loopback; it then insists on having no authority for client certificates either.
        "--disable-tls",
        "--client-ca-path=",
    ]


def _application_controller(tools: Mapping[str, Path], at: Addresses) -> list[str | Path]:
    return [
        tools["argocd"],
        f"--namespace={at.namespace}",
        f"--redis={_loopback(at.redis)}",
        f"--repo-server={_loopback(at.repo_server)}",
        "--repo-server-plaintext",
        # The one port that is not on loopback alone: Argo CD has no setting for this address.
        f"--metrics-port={at.controller_metrics}",
    ]


def _applicationset_controller(tools: Mapping[str, Path], at: Addresses) -> list[str | Path]:
    return [
        tools["argocd"],
        f"--namespace={at.namespace}",
        f"--argocd-repo-server={_loopback(at.repo_server)}",
        "--repo-server-plaintext",
        f"--metrics-addr={_loopback(at.applicationset_metrics)}",
        f"--probe-addr={_loopback(at.applicationset_probe)}",
        f"--webhook-addr={_loopback(at.applicationset_webhook)}",
    ]


def _server(tools: Mapping[str, Path], at: Addresses) -> list[str | Path]:
    return [
        tools["argocd"],
        f"--namespace={at.namespace}",
        f"--redis={_loopback(at.redis)}",
        f"--repo-server={_loopback(at.repo_server)}",
        "--repo-server-plaintext",
        "--address=127.0.0.1",
        f"--port={at.server}",
        "--metrics-address=127.0.0.1",
        f"--metrics-port={at.server_metrics}",
        # For the argocd command of whoever works in the sandbox, who may do all there anyway.
        "--insecure",
        "--disable-auth",
    ]


COMPONENTS: Final = (
    Component(name="redis", workloads=frozenset({"argocd-redis", "redis-ha-haproxy"}), command=_redis),
    Component(name="repo-server", workloads=frozenset({"argocd-repo-server"}), command=_repo_server),
    Component(
        name="application-controller",
        workloads=frozenset({"argocd-application-controller"}),
        command=_application_controller,
    ),
    Component(
        name="applicationset-controller",
        workloads=frozenset({"argocd-applicationset-controller"}),
        command=_applicationset_controller,
    ),
    Component(name="server", workloads=frozenset({"argocd-server"}), command=_server),
)

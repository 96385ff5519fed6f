"""Argo CD's Applications as they are, read from the Kubernetes API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config


class ApplicationsError(Exception):
    """An Application did not become what it should, in time."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """One Application: name, sync wave, sync and health status, and what Argo CD says of it."""

    name: str
    wave: int
    sync: str
    health: str
    message: str = ""


class ApplicationWatch:
    """Looks at the Applications of namespace `argocd` again and again.

    Args:
        kubeconfig: File with access to the cluster.
    """

    def __init__(self, kubeconfig: Path) -> None:
        api = config.new_client_from_config(config_file=str(kubeconfig))
        self._objects = client.CustomObjectsApi(api)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the watch began."""
        return time.monotonic() - self._started

    def applications(self) -> list[Application]:
        """Return all Applications, in the order of their waves."""
        found = self._objects.list_namespaced_custom_object("argoproj.io", "v1alpha1", "argocd", "applications")
        return sorted(map(_application, found["items"]), key=lambda application: (application.wave, application.name))

    def until_healthy(
        self, root: str, timeout: float, on_change: Callable[[Application], None] = lambda _: None
    ) -> list[Application]:
        """Wait until the root and every other Application are Synced and Healthy, and return them.

        Raise `ApplicationsError`, with each laggard's own words, after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            applications = self.applications()
            for application in applications:
                on_change(application)
            late = [a for a in applications if (a.sync, a.health) != ("Synced", "Healthy")]
            if not late and any(a.name == root for a in applications) and len(applications) > 1:
                return applications
            if time.monotonic() > deadline:
                said = "; ".join(f"{a.name} is {a.sync}/{a.health} {a.message}".strip() for a in late)
                raise ApplicationsError(
                    f"not Synced and Healthy after {timeout:.0f} s: {said or 'no Application but the root'}"
                )
            time.sleep(0.5)


def _application(found: dict[str, Any]) -> Application:
    metadata, status = found["metadata"], found.get("status", {})
    annotations = metadata.get("annotations") or {}
    conditions = [condition.get("message", "") for condition in status.get("conditions", [])]
    operation = status.get("operationState", {})
    differs = [
        f"{one.get('kind')} {one.get('name')} is OutOfSync"
        for one in status.get("resources") or []
        if one.get("status") == "OutOfSync"
    ]
    messages = [*differs, *conditions, operation.get("message", "") if operation.get("phase") != "Succeeded" else ""]
    return Application(
        name=metadata["name"],
        wave=int(annotations.get("argocd.argoproj.io/sync-wave", "0")),
        sync=status.get("sync", {}).get("status", "Unknown"),
        health=status.get("health", {}).get("status", "Unknown"),
        message=" ".join(filter(None, messages)),
    )

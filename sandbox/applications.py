"""Argo CD's Applications as they are, read from the Kubernetes API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kubernetes import client, config

from sandbox.kubernetes.api import Api

_WAVE: Final = "argocd.argoproj.io/sync-wave"
_GROUP: Final = ("argoproj.io", "v1alpha1", "argocd")


class ApplicationsError(Exception):
    """An Application did not become what it should, in time."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """One Application: name, sync wave, sync and health status, what Argo CD says of it, its last operation's phase.

    One that an ApplicationSet made has the wave of the set.
    """

    name: str
    wave: int
    sync: str
    health: str
    message: str = ""
    operation: str = ""

    @property
    def through(self) -> bool:
        """Whether its parent may go on to the next wave: it was synced and works.

        Argo CD compares it a moment after its sync; until then it is told to be OutOfSync.
        """
        return self.good or (self.health, self.operation) == ("Healthy", "Succeeded")

    @property
    def good(self) -> bool:
        """Whether it is what Git says, and works."""
        return (self.sync, self.health) == ("Synced", "Healthy")


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
        return _read(self._list("applications"), self._list("applicationsets"))

    def expected(self) -> list[str]:
        """Return what ApplicationSets are still to make, by their names and numbers; empty when all is there."""
        made = self._list("applications")
        return [said for one in self._list("applicationsets") if (said := _missing(one, made))]

    def _list(self, plural: str) -> list[dict[str, Any]]:
        return list(self._objects.list_namespaced_custom_object(*_GROUP, plural)["items"])

    def until_healthy(
        self, root: str, timeout: float, on_change: Callable[[Application], None] = lambda _: None
    ) -> list[Application]:
        """Wait until the root and every other Application are Synced and Healthy, and return them.

        Those that ApplicationSets are to make count as well. Raise `ApplicationsError`, with each laggard's own words,
        after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            applications = self.applications()
            for application in applications:
                on_change(application)
            late = [a for a in applications if not a.good]
            complete = any(a.name == root for a in applications) and len(applications) > 1
            missing = self.expected() if not late else []
            if complete and not late and not missing:
                return applications
            if time.monotonic() > deadline:
                said = "; ".join([*(f"{a.name} is {a.sync}/{a.health} {a.message}".strip() for a in late), *missing])
                raise ApplicationsError(
                    f"not Synced and Healthy after {timeout:.0f} s: {said or 'no Application but the root'}"
                )
            time.sleep(0.5)


def applications(api: Api) -> list[Application]:
    """Return all Applications, in the order of their waves. Raise `ApiError` while there is no such kind."""
    root = "/apis/{}/{}/namespaces/{}".format(*_GROUP)
    sets = api.request("GET", f"{root}/applicationsets")["items"]
    return _read(api.request("GET", f"{root}/applications")["items"], sets)


def _read(found: list[dict[str, Any]], sets: list[dict[str, Any]]) -> list[Application]:
    waves = {one["metadata"]["name"]: _wave(one["metadata"]) for one in sets}
    read = [_application(one, waves) for one in found]
    return sorted(read, key=lambda application: (application.wave, application.name))


def _wave(metadata: Mapping[str, Any]) -> int:
    return int((metadata.get("annotations") or {}).get(_WAVE, "0"))


def _set_of(metadata: Mapping[str, Any]) -> str | None:
    owners = metadata.get("ownerReferences") or []
    return next((one["name"] for one in owners if one["kind"] == "ApplicationSet"), None)


def _missing(found: Mapping[str, Any], made: list[dict[str, Any]]) -> str:
    """Return in words what an ApplicationSet has not made yet; nothing when it has made all."""
    name = found["metadata"]["name"]
    there = [one["metadata"]["name"] for one in made if _set_of(one["metadata"]) == name]
    generators = found["spec"]["generators"]
    # How many the other generators make nobody knows but the controller.
    wanted = sum(len(one["list"].get("elements") or []) if set(one) == {"list"} else 1 for one in generators)
    if len(there) >= wanted:
        return ""
    conditions = (found.get("status") or {}).get("conditions") or []
    said = " ".join(one.get("message", "") for one in conditions if one["type"] == "ErrorOccurred")
    return f"ApplicationSet {name} made {len(there)} of {wanted} Applications {said}".strip()


def _application(found: dict[str, Any], sets: Mapping[str, int] | None = None) -> Application:
    metadata, status = found["metadata"], found.get("status", {})
    owner = _set_of(metadata)
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
        wave=(sets or {}).get(owner, 0) if owner else _wave(metadata),
        sync=status.get("sync", {}).get("status", "Unknown"),
        health=status.get("health", {}).get("status", "Unknown"),
        message=" ".join(filter(None, messages)),
        operation=operation.get("phase", ""),
    )

"""What stand-ins look at: one look at the cluster per round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.kubernetes.api import Api, Manifest
from sandbox.machines.fabric import Fabric
from sandbox.machines.instance import Instance


@dataclass(frozen=True)
class View:
    """The cluster at the beginning of a round.

    Attributes:
        api: Client with full rights.
        fabric: The network, with the instances.
        aws: Returns a region's clients by service.
    """

    api: Api
    fabric: Fabric
    aws: Callable[[str], Callable[[str], Any]]

    @cached_property
    def nodes(self) -> list[Manifest]:
        """All nodes."""
        return list(self.api.request("GET", "/api/v1/nodes").get("items") or [])

    @cached_property
    def pods(self) -> list[Manifest]:
        """All pods that are not being deleted."""
        found = self.api.request("GET", "/api/v1/pods").get("items") or []
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def running(self, **labels: str) -> list[Manifest]:
        """Return the Ready pods with these labels; `_` stands for `-`."""
        wanted = {name.replace("_", "-"): value for name, value in labels.items()}
        return [
            pod
            for pod in self.pods
            if wanted.items() <= (pod["metadata"].get("labels") or {}).items() and holds(pod, "Ready")
        ]

    def instance_of(self, node: Mapping[str, Any]) -> Instance | None:
        """Return the running instance that a node's provider id names."""
        identity = str(node.get("spec", {}).get("providerID", "")).rpartition("/")[2]
        return next((one for one in self.fabric.instances() if one.id == identity), None)

    def instance_under(self, pod: Manifest) -> Instance | None:
        """Return the instance that a pod runs on."""
        name = pod["spec"].get("nodeName")
        node = next((one for one in self.nodes if one["metadata"]["name"] == name), None)
        return self.instance_of(node) if node else None


def holds(manifest: Mapping[str, Any], condition: str) -> bool:
    """Say whether a condition of an object is True."""
    conditions = (manifest.get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == (condition, "True") for one in conditions)

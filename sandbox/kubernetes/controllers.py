"""Stand-in for controllers that only simulated pods would run: it writes the conditions that the real ones would.

Each row names a kind and says how its conditions follow from the cluster and from AWS. A controller works only while
its Deployment is Available: without it an object keeps the status it has, or gets none, as in a real cluster.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.kubernetes.api import Api, ApiError, Manifest
from sandbox.kubernetes.control_plane import ClusterError, ControlPlane

_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Condition:
    """One condition of an object's status."""

    type: str
    status: bool | None
    reason: str = ""
    message: str = ""

    @property
    def word(self) -> str:
        """The status in the API's words."""
        return "Unknown" if self.status is None else str(self.status)

    def manifest(self, generation: int, before: Sequence[Mapping[str, Any]]) -> Manifest:
        """Return it as the API has it; the time of transition stays while the status does."""
        found = next((old for old in before if (old.get("type"), old.get("status")) == (self.type, self.word)), {})
        return {
            "type": self.type,
            "status": self.word,
            "reason": self.reason or self.type,
            "message": self.message,
            "observedGeneration": generation,
            "lastTransitionTime": found.get("lastTransitionTime") or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a controller says of an object: its conditions, without `Ready`, and the rest of its status."""

    conditions: tuple[Condition, ...]
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a controller can look at."""

    api: Api
    aws: Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind and who cares for it.

    Attributes:
        controller: Label `app.kubernetes.io/name` of the Deployment that must be Available.
        namespace: Where that Deployment is.
        finalizers: Those that the controller itself takes off a deleted object.
        judge: Says what the controller would say.
    """

    api_version: str
    kind: str
    controller: str
    namespace: str
    finalizers: tuple[str, ...]
    judge: Callable[[Surroundings, Manifest], Verdict]


class Controllers:
    """Runs the stand-in for as long as it is started.

    Args:
        control_plane: The Kubernetes to work in; it may come and go.
        aws_endpoint: URL of the emulated AWS.
        rows: What to care for.
    """

    def __init__(self, control_plane: ControlPlane, aws_endpoint: str, rows: Sequence[Row]) -> None:
        self._control_plane = control_plane
        self._endpoint = aws_endpoint
        self._rows = rows
        self._clients: dict[tuple[str, str], Any] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)

    def start(self) -> None:
        """Start to work."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to work. Idempotent."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            if self._control_plane.cluster is not None:
                # Nothing runs any more, or a server is busy: the next round sees. Moto answers what it trips over, such
                # as a list that changes while it reads it, with a page for people.
                with contextlib.suppress(ClusterError, ApiError, BotoCoreError, ClientError, ResponseParserError):
                    self.reconcile(self._control_plane.api)

    def reconcile(self, api: Api) -> None:
        """Look once at every object of every row."""
        region = _region(api)
        around = Surroundings(api=api, aws=lambda service: self._client(service, region))
        for row in self._rows:
            kind = api.kind(row.api_version, row.kind)
            if kind is None or not _available(api, row):
                continue
            for manifest in api.list(kind):
                metadata = manifest["metadata"]
                kept = [name for name in metadata.get("finalizers", []) if name not in row.finalizers]
                if "deletionTimestamp" in metadata:
                    if kept != metadata.get("finalizers", []):
                        api.patch(kind, metadata.get("namespace"), metadata["name"], {"metadata": {"finalizers": kept}})
                    continue
                status = _status(manifest, row.judge(around, manifest))
                if status != {name: (manifest.get("status") or {}).get(name) for name in status}:
                    api.patch(
                        kind, metadata.get("namespace"), metadata["name"], {"status": status}, subresource="status"
                    )

    def _client(self, service: str, region: str) -> Any:
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,
                region_name=region,
                endpoint_url=self._endpoint,
                aws_access_key_id="sandbox",
                aws_secret_access_key="sandbox",
            )
        return self._clients[key]


def _status(manifest: Manifest, verdict: Verdict) -> Manifest:
    generation = int(manifest["metadata"]["generation"])
    before = (manifest.get("status") or {}).get("conditions") or []
    bad = [condition for condition in verdict.conditions if not condition.status]
    # False outweighs Unknown, as in the library that most controllers build their conditions with.
    ready = Condition("Ready", True)
    if bad:
        text = ", ".join(f"{condition.type}={condition.word} ({condition.message})" for condition in bad)
        ready = Condition(
            "Ready", False if any(condition.status is False for condition in bad) else None, "UnhealthyDependents", text
        )
    conditions = [condition.manifest(generation, before) for condition in (*verdict.conditions, ready)]
    return {**verdict.status, "conditions": conditions}


def _available(api: Api, row: Row) -> bool:
    path = f"/apis/apps/v1/namespaces/{row.namespace}/deployments"
    found = (
        api.request("GET", path, query={"labelSelector": f"app.kubernetes.io/name={row.controller}"}).get("items") or []
    )
    conditions = [
        condition for deployment in found for condition in deployment.get("status", {}).get("conditions") or []
    ]
    return any((condition["type"], condition["status"]) == ("Available", "True") for condition in conditions)


def _region(api: Api) -> str:
    """Return the region of the nodes: a controller learns it from where it runs."""
    items = api.request("GET", "/api/v1/nodes", query={"limit": "1"}).get("items") or []
    labels = items[0]["metadata"].get("labels", {}) if items else {}
    return str(labels.get("topology.kubernetes.io/region", "us-east-1"))

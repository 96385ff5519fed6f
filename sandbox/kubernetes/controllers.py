"""Stand-in for controllers that only simulated pods would run: it does what the real ones would do.

Each row names a kind and says how its status, its children and what it makes in AWS follow from the cluster and from
AWS. A controller works only while its Deployment is Available: without it an object keeps the status it has, or gets
none, as in a real cluster, and a deleted one stays.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.kubernetes.api import Api, ApiError, Kind, Manifest
from sandbox.kubernetes.children import Children
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.row import Condition, HeldError, Row, Surroundings, Verdict
from sandbox.protocol import HostError

__all__ = ["Condition", "Controllers", "HeldError", "Row", "Surroundings", "Verdict", "available"]

_POLL_SECONDS: Final = 1.0
# What another round would not see otherwise.
_REFUSALS: Final = (400, 403, 422)
# Nothing runs any more, or a server is busy: the next round sees. Moto answers what it trips over, such as a list that
# changes while it reads it, with a page for people.
_TROUBLE: Final = (HostError, BotoCoreError, ClientError, ResponseParserError)


class Controllers:
    """Runs the stand-in for as long as it is started.

    Args:
        control_plane: The Kubernetes to work in; it may come and go.
        aws_endpoint: URL of the emulated AWS.
        rows: What to care for.
        works: What else to do each round, by controllers whose work is more than a status.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        aws_endpoint: str,
        rows: Sequence[Row],
        works: Sequence[Callable[[Surroundings], None]] = (),
    ) -> None:
        self._control_plane = control_plane
        self._endpoint = aws_endpoint
        self._rows = rows
        self._works = works
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
        for number in itertools.count():
            if self._ended.wait(_POLL_SECONDS):
                return
            if self._control_plane.cluster is not None:
                with contextlib.suppress(*_TROUBLE):
                    self.reconcile(self._control_plane.api, number)

    def reconcile(self, api: Api, number: int = 0) -> None:
        """Look once at all objects of all rows, and do all works. What one trips over leaves the others their turn.

        Args:
            api: The server to look at.
            number: Of the round: some rows have their turn in some rounds only, all in the first.
        """
        home = _region(api)
        around = Surroundings(api=api, aws=lambda service, region=home: self._client(service, region))
        turns: list[Callable[[], None]] = [partial(_look, around, row) for row in self._rows if number % row.every == 0]
        turns += [partial(work, around) for work in self._works]
        for turn in turns:
            # A server that has gone would hold each of them for as long as a request may take.
            if self._ended.is_set():
                return
            with contextlib.suppress(*_TROUBLE):
                turn()

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


def _look(around: Surroundings, row: Row) -> None:
    kind = around.api.kind(row.api_version, row.kind)
    deployment = working(around.api, row.namespace, row.controller) if kind else None
    if kind is None or deployment is None:
        return
    around = Surroundings(api=around.api, aws=around.aws, deployment=deployment)
    for manifest in around.api.list(kind):
        # Items of a list do not say what they are.
        one = {**manifest, "apiVersion": row.api_version, "kind": row.kind}
        with contextlib.suppress(*_TROUBLE):
            _look_at(around, row, kind, one)


def _look_at(around: Surroundings, row: Row, kind: Kind, manifest: Manifest) -> None:
    try:
        if "deletionTimestamp" in manifest["metadata"]:
            _let_go(around, row, kind, manifest)
        elif row.concerns is None or row.concerns(around, manifest):
            _care(around, row, kind, manifest)
    except ApiError as error:
        if error.status in _REFUSALS:
            Children(around.api, row.controller).tell(manifest, "Warning", "ReconcileError", str(error))
        raise


def _let_go(around: Surroundings, row: Row, kind: Kind, manifest: Manifest) -> None:
    metadata = manifest["metadata"]
    before = metadata.get("finalizers", [])
    kept = [name for name in before if not any(_is(name, one) for one in row.finalizers)]
    if kept == before:
        return
    if row.release is not None:
        try:
            row.release(around, manifest)
        except HeldError as error:
            Children(around.api, row.controller).tell(manifest, "Warning", "FailedDeployModel", str(error))
            return
    around.api.patch(kind, metadata.get("namespace"), metadata["name"], {"metadata": {"finalizers": kept}})


def _care(around: Surroundings, row: Row, kind: Kind, manifest: Manifest) -> None:
    metadata = manifest["metadata"]
    namespace, name = metadata.get("namespace"), metadata["name"]
    finalizers = metadata.get("finalizers", [])
    wanted = row.hold(around, manifest) if row.hold else ""
    if wanted and wanted not in finalizers:
        around.api.patch(kind, namespace, name, {"metadata": {"finalizers": [*finalizers, wanted]}})
    verdict = row.judge(around, manifest)
    children = Children(around.api, row.controller)
    if verdict.children is not None:
        children.bring(manifest, verdict.children, row.owns)
    if verdict.event is not None:
        children.tell(manifest, *verdict.event)
    status = _status(row, manifest, verdict)
    if status != {name: (manifest.get("status") or {}).get(name) for name in status}:
        around.api.patch(kind, namespace, name, {"status": status}, subresource="status")


def _is(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _status(row: Row, manifest: Manifest, verdict: Verdict) -> Manifest:
    generation = int(manifest["metadata"].get("generation", 1)) if row.generation else None
    before = (manifest.get("status") or {}).get("conditions") or []
    bad = [condition for condition in verdict.conditions if not condition.status]
    # False outweighs Unknown, as in the library that most controllers build their conditions with.
    ready = Condition("Ready", True)
    if bad:
        text = ", ".join(f"{condition.type}={condition.word} ({condition.message})" for condition in bad)
        ready = Condition(
            "Ready", False if any(condition.status is False for condition in bad) else None, "UnhealthyDependents", text
        )
    said = (*verdict.conditions, ready) if row.summary else verdict.conditions
    conditions = [condition.manifest(generation, before, row.times) for condition in said]
    return {**verdict.status, **({"conditions": conditions} if conditions else {})}


def available(api: Api, namespace: str, app: str) -> bool:
    """Say whether a Deployment with label `app.kubernetes.io/name` is Available: whether a controller works."""
    return working(api, namespace, app) is not None


def working(api: Api, namespace: str, app: str) -> Manifest | None:
    """Return the Available Deployment with label `app.kubernetes.io/name`; in any namespace where none is given."""
    place = f"namespaces/{namespace}/" if namespace else ""
    query = {"labelSelector": f"app.kubernetes.io/name={app}"}
    for deployment in api.request("GET", f"/apis/apps/v1/{place}deployments", query=query).get("items") or []:
        conditions = (deployment.get("status") or {}).get("conditions") or []
        if any((condition["type"], condition["status"]) == ("Available", "True") for condition in conditions):
            return dict(deployment)
    return None


def _region(api: Api) -> str:
    """Return the region of the nodes: a controller learns it from where it runs."""
    items = api.request("GET", "/api/v1/nodes", query={"limit": "1"}).get("items") or []
    labels = items[0]["metadata"].get("labels", {}) if items else {}
    return str(labels.get("topology.kubernetes.io/region", "us-east-1"))

"""Objects that a controller makes for another object, and what it tells about it: owned children and events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.kubernetes.api import Api, ApiError, Kind, Manifest
from sandbox.protocol import HostError

__all__ = ["Children", "owner_reference", "within"]

_APPLIED: Final = "sandbox/applied"


def owner_reference(owner: Manifest) -> Manifest:
    """Return the reference of an object that belongs to `owner`, as controllers set it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


class Children:
    """Applies the children of one controller's objects, and removes those that are not wanted any more.

    Args:
        api: The server.
        manager: Who applies.
    """

    def __init__(self, api: Api, manager: str) -> None:
        self._api = api
        self._manager = manager

    def bring(self, owner: Manifest, wanted: Sequence[Manifest], kinds: Iterable[tuple[str, str]]) -> None:
        """Bring the owner's children to what is wanted.

        Args:
            owner: Whose children.
            wanted: Manifests without owner; in the owner's namespace where they name none.
            kinds: (API version, kind) of which children that are not wanted are deleted.
        """
        made = [self._owned(owner, manifest) for manifest in wanted]
        names = {(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in made}
        for manifest in made:
            self._apply(manifest)
        for api_version, kind_name in kinds:
            kind = self._kind(api_version, kind_name)
            for live in self._api.list(kind, owner["metadata"].get("namespace")):
                owners = [one["uid"] for one in live["metadata"].get("ownerReferences") or []]
                key = (api_version, kind_name, live["metadata"]["name"])
                if owner["metadata"]["uid"] in owners and key not in names and not _leaves(live):
                    self._api.delete(kind, live["metadata"].get("namespace"), key[2], propagation="Background")

    def tell(self, about: Manifest, kind: str, reason: str, message: str) -> None:
        """Write an event about an object; the same one only once.

        Args:
            about: The object.
            kind: `Normal` or `Warning`.
            reason: One word.
            message: For people.
        """
        metadata, text = about["metadata"], message[:1024]
        digest = hashlib.sha256(f"{metadata['uid']}{reason}{text}".encode()).hexdigest()[:16]
        namespace = metadata.get("namespace", "default")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": namespace,
                "uid": metadata["uid"],
            },
            "type": kind,
            "reason": reason,
            "message": text,
            "source": {"component": self._manager},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            self._api.request("POST", f"/api/v1/namespaces/{namespace}/events", event)
        except ApiError as error:
            if error.status != 409:
                raise

    def _owned(self, owner: Manifest, manifest: Manifest) -> Manifest:
        digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
        metadata = dict(manifest["metadata"])
        metadata.setdefault("namespace", owner["metadata"].get("namespace"))
        metadata["ownerReferences"] = [owner_reference(owner)]
        metadata["annotations"] = {**(metadata.get("annotations") or {}), _APPLIED: digest}
        return {**manifest, "metadata": metadata}

    def _apply(self, manifest: Manifest) -> None:
        """Apply a child unless it is there as wanted. Raise `HostError` where another's object has its name."""
        kind, metadata = self._kind(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]
        live = self._api.get(kind, metadata["namespace"], metadata["name"])
        if live is not None:
            owners = {one["uid"] for one in live["metadata"].get("ownerReferences") or [] if one.get("controller")}
            if owners - {one["uid"] for one in metadata["ownerReferences"]}:
                raise HostError(f"{kind.name} {metadata['name']} belongs to another controller")
            if _leaves(live):
                return
            if within({**manifest, "metadata": {"annotations": metadata["annotations"]}}, live):
                return
            applied = (live["metadata"].get("annotations") or {}).get(_APPLIED)
            if applied == metadata["annotations"][_APPLIED] and live["metadata"].get("generation") == 1:
                return  # as made: the server writes some values otherwise than they were said
        self._api.apply(kind, manifest, self._manager, force=True)

    def _kind(self, api_version: str, name: str) -> Kind:
        kind = self._api.kind(api_version, name)
        if kind is None:
            raise HostError(f"the API server serves no {name} of {api_version}")
        return kind


def within(wanted: Any, live: Any) -> bool:
    """Say whether all that is wanted is there: of maps each key, of lists each item in its place."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            name in live and within(value, live[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(wanted) == len(live)
            and all(within(one, other) for one, other in zip(wanted, live, strict=True))
        )
    return bool(wanted == live)


def _leaves(live: Manifest) -> bool:
    return "deletionTimestamp" in live["metadata"]

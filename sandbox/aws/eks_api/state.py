"""What EKS holds: records by kind, region and key, and how an operation sees them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.aws.effects import ClusterEffects
from sandbox.aws.eks_api.refusal import not_found
from sandbox.aws.session import ACCOUNT, PARTITION

__all__ = ["Record", "State", "new_update", "now"]

Record = dict[str, Any]


def now() -> datetime:
    """Return the time of an event."""
    return datetime.now(UTC).replace(microsecond=0)


def new_update(kind: str) -> Record:
    """Return the record of an update that is done already."""
    return {
        "update": {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [],
            "createdAt": now(),
            "errors": [],
        }
    }


@dataclass
class State:
    """All EKS records of an account. Guarded by `lock`, which nobody holds while effects run."""

    effects: ClusterEffects | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    records: dict[tuple[str, str], dict[tuple[str, ...], Record]] = field(default_factory=dict)

    def kind(self, kind: str, region: str) -> dict[tuple[str, ...], Record]:
        """Return the records of a kind in a region, by key."""
        return self.records.setdefault((kind, region), {})

    def of(self, kind: str, region: str, cluster: str) -> list[Record]:
        """Return a cluster's records of a kind."""
        return [record for key, record in self.kind(kind, region).items() if key[0] == cluster]

    def get(self, kind: str, region: str, *key: str) -> Record:
        """Return a record.

        Raises:
            EksError: There is none, or its cluster does not exist.
        """
        if kind != "cluster":
            self.get("cluster", region, key[0])
        record = self.kind(kind, region).get(key)
        if record is None:
            raise not_found(NOT_FOUND[kind].format(*key))
        return record

    def by_arn(self, region: str, arn: str) -> Record:
        """Return the record with an ARN, whatever its kind."""
        for kind, arn_name in ARN_NAMES.items():
            for record in self.kind(kind, region).values():
                if record[arn_name] == arn:
                    return record
        raise not_found(f"The specified resource could not be found: {arn}")

    def snapshot(self) -> Mapping[str, list[str]]:
        """Return everything that exists, by kind."""
        found: dict[str, list[str]] = {}
        with self.lock:
            for (kind, region), records in self.records.items():
                found.setdefault(kind, []).extend(f"{region}/{'/'.join(key)}" for key in records)
        return {kind: sorted(names) for kind, names in sorted(found.items()) if names}


def arn(region: str, path: str) -> str:
    """Return an EKS ARN."""
    return f"arn:{PARTITION}:eks:{region}:{ACCOUNT}:{path}"


ARN_NAMES = {
    "cluster": "arn",
    "nodegroup": "nodegroupArn",
    "addon": "addonArn",
    "accessEntry": "accessEntryArn",
    "podIdentityAssociation": "associationArn",
}

NOT_FOUND = {
    "cluster": "No cluster found for name: {0}.",
    "nodegroup": "No node group found for name: {1}.",
    "addon": "No addon: {1} found in cluster: {0}",
    "accessEntry": (
        "The specified principalArn could not be found. You can view your available access entries with "
        "'list-access-entries'."
    ),
    "podIdentityAssociation": "No association found with id: {1}",
}

"""What a destroy left behind, and what of it is there on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

# Names by service and kind, as the emulator lists them.
Inventory = Mapping[str, Mapping[str, Sequence[str]]]

# AWS does not delete these at once, whoever asks; the emulator lists them apart.
_PENDING = "pending deletion"
# Helm charts mark CRDs to be kept and Argo CD never deletes them: with them would go every object of their kind.
_KEPT_KINDS = {"CustomResourceDefinition": "kept by its chart; it went with the cluster"}


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that was not there before, or (`gone`) is no longer there.

    Attributes:
        place: AWS service or Kubernetes.
        gone: Whether it was there before and is missing now.
        kept: Why it is there on purpose, if it is.
    """

    place: str
    kind: str
    name: str
    gone: bool = False
    kept: str = ""

    @property
    def reason(self) -> str:
        """Why it does not count as left; empty when it does."""
        return self.kept or _KEPT_KINDS.get(self.kind, "")

    def __str__(self) -> str:
        """Say it in one line."""
        what = f"{self.place} {self.kind} {self.name}"
        return f"{what} is gone" if self.gone else f"{what} ({self.reason})" if self.reason else what


def leftovers(before: Inventory, after: Inventory, retained: Set[str] = frozenset()) -> list[Leftover]:
    """Return the differences between two inventories, service by service.

    Args:
        before: What was there at first.
        after: What is there now.
        retained: Ids of resources that the program itself retains on delete.
    """
    found = []
    for service in sorted(before.keys() | after.keys()):
        was, now = before.get(service, {}), after.get(service, {})
        for kind in sorted(was.keys() | now.keys()):
            old, new = set(was.get(kind, ())), set(now.get(kind, ()))
            found += [Leftover(place=service, kind=kind, name=name, gone=True) for name in sorted(old - new)]
            found += [
                Leftover(place=service, kind=kind, name=name, kept=why_kept(service, name, retained))
                for name in sorted(new - old)
            ]
    return found


def why_kept(service: str, name: str, retained: Set[str]) -> str:
    """Return why something is there on purpose; empty when it is not.

    Args:
        service: AWS service, or Kubernetes.
        name: Its name or id.
        retained: Ids of resources that the program itself retains on delete.
    """
    if service == _PENDING:
        return "scheduled for deletion; until then it can be had back"
    last = name.rpartition("/")[2]
    return "retained on delete by the program" if any(id_.rpartition("/")[2] == last for id_ in retained) else ""

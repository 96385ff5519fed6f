"""What a stand-in for a controller is made of: the kind that it cares for, what it looks at and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.kubernetes.api import Api, Manifest

__all__ = ["Condition", "HeldError", "Row", "Surroundings", "Verdict"]

_TRANSITION: Final = "lastTransitionTime"


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

    def manifest(
        self, generation: int | None, before: Sequence[Mapping[str, Any]], times: Sequence[str] = (_TRANSITION,)
    ) -> Manifest:
        """Return it as the API has it; its times stay while the status does."""
        found = next((old for old in before if (old.get("type"), old.get("status")) == (self.type, self.word)), {})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "type": self.type,
            "status": self.word,
            "reason": self.reason or self.type,
            "message": self.message,
            **({} if generation is None else {"observedGeneration": generation}),
            **{name: found.get(name) or now for name in times},
        }


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a controller says of an object.

    Attributes:
        conditions: Of its status; without the summary, where its row asks for one.
        status: The rest of its status. A field that is None goes.
        children: Objects that it is to have, without their owner; None leaves them as they are.
        event: Type, reason and message of what is told about it.
    """

    conditions: tuple[Condition, ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[Manifest, ...] | None = None
    event: tuple[str, str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a controller can look at.

    Attributes:
        aws: Returns a client by service and, where it is not the nodes' own, region.
        deployment: The controller's own; empty for what no row does.
        memory: What a controller has found out in this round.
    """

    api: Api
    aws: Callable[..., Any]
    deployment: Manifest = field(default_factory=dict)
    memory: dict[Any, Any] = field(default_factory=dict)

    def list(self, api_version: str, kind: str, namespace: str | None = None) -> list[Manifest]:
        """Return the objects of a kind; none where the server does not know it."""
        found = self.api.kind(api_version, kind)
        return self.api.list(found, namespace) if found else []

    def get(self, api_version: str, kind: str, namespace: str | None, name: str) -> Manifest | None:
        """Return an object, or None when there is none, or no such kind."""
        found = self.api.kind(api_version, kind)
        return self.api.get(found, namespace, name) if found else None


class HeldError(Exception):
    """What a deleted object stands for cannot go yet; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind and who cares for it.

    Attributes:
        controller: Label `app.kubernetes.io/name` of the Deployment that must be Available.
        namespace: Where that Deployment is; empty for anywhere.
        finalizers: Those that the controller itself takes off a deleted object; one that ends in `*` is a beginning.
        judge: Says what the controller would say, and does in AWS what it would do.
        summary: Whether a condition `Ready` sums the others up, as Karpenter's library has it.
        generation: Whether conditions name the generation that they are about.
        times: Times that a condition has.
        concerns: Whether an object is this controller's.
        hold: Names the finalizer that the controller puts on an object before it does anything for it; empty for none.
        release: Takes back what was done for a deleted object; raises `HeldError` to wait.
        owns: (API version, kind) of children that go when they are not wanted any more.
        every: How many rounds pass from look to look; more than one for those that ask AWS much.
    """

    api_version: str
    kind: str
    controller: str
    judge: Callable[[Surroundings, Manifest], Verdict]
    namespace: str = ""
    finalizers: tuple[str, ...] = ()
    summary: bool = True
    generation: bool = True
    times: tuple[str, ...] = (_TRANSITION,)
    concerns: Callable[[Surroundings, Manifest], bool] | None = None
    hold: Callable[[Surroundings, Manifest], str] | None = None
    release: Callable[[Surroundings, Manifest], None] | None = None
    owns: tuple[tuple[str, str], ...] = ()
    every: int = 1

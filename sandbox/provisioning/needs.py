"""What a pod asks of the machine that it is to run on, read from its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes.api import Manifest
from sandbox.provisioning.amounts import Amount, requests
from sandbox.provisioning.selection import Expression, Labels, selects

Term = tuple[Expression, ...]


@dataclass(frozen=True, kw_only=True)
class Others:
    """A rule about the pods that share a place with this one.

    Attributes:
        key: Label of nodes that says what a place is.
        selector: Which pods count.
        namespaces: Where they are.
        skew: By how many the pod's place may exceed the emptiest (a spread); 0 for an affinity.
        together: Whether such pods have to be there (affinity) or must not (anti-affinity); no matter for a spread.
        hard: Whether the pod rather waits.
    """

    key: str
    selector: Mapping[str, Any] | None
    namespaces: frozenset[str]
    skew: int = 0
    together: bool = False
    hard: bool = True

    def counts(self, pod: Needs) -> bool:
        """Say whether a pod is one of those."""
        return pod.namespace in self.namespaces and selects(self.selector, pod.labels)


@dataclass(frozen=True, kw_only=True)
class Needs:
    """A pod's needs.

    Attributes:
        uid: Of the pod.
        name: Of the pod.
        namespace: Of the pod.
        labels: Of the pod.
        amount: What it asks for.
        node_terms: Node selector and required node affinity: one of these has to hold.
        wishes: Preferred node affinity, the heaviest first.
        tolerations: Of the pod.
        others: Spreads, affinities and anti-affinities, with those that are only preferred.
        unknown: What of its needs is not played here.
    """

    uid: str
    name: str
    namespace: str
    labels: Labels
    amount: Amount
    node_terms: tuple[Term, ...] = ((),)
    wishes: tuple[Term, ...] = ()
    tolerations: Sequence[Mapping[str, Any]] = ()
    others: tuple[Others, ...] = ()
    unknown: tuple[str, ...] = field(default=())


def needs(pod: Manifest, volumes: Sequence[Sequence[Term]] = ()) -> Needs:
    """Read a pod.

    Args:
        pod: Its manifest.
        volumes: What its volumes ask of the node: of each the terms of which one has to hold.
    """
    metadata, spec = pod["metadata"], pod["spec"]
    affinity = spec.get("affinity") or {}
    node = affinity.get("nodeAffinity") or {}
    selector = tuple(
        {"key": key, "operator": "In", "values": [value]} for key, value in (spec.get("nodeSelector") or {}).items()
    )
    required = (node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or [{}]
    terms = [selector + _term(one) for one in required]
    for alternatives in volumes:
        terms = [term + more for term in terms for more in alternatives]
    preferred = sorted(
        node.get("preferredDuringSchedulingIgnoredDuringExecution") or [], key=lambda one: -int(one["weight"])
    )
    return Needs(
        uid=metadata["uid"],
        name=metadata["name"],
        namespace=metadata["namespace"],
        labels=metadata.get("labels") or {},
        amount=requests(spec),
        node_terms=tuple(terms),
        wishes=tuple(_term(one["preference"]) for one in preferred),
        tolerations=spec.get("tolerations") or [],
        others=tuple(_others(metadata, spec, affinity)),
        unknown=tuple(_unknown(spec, affinity)),
    )


def _term(found: Mapping[str, Any]) -> Term:
    return (*(found.get("matchExpressions") or []), *(found.get("matchFields") or []))


def _others(metadata: Manifest, spec: Manifest, affinity: Manifest) -> Iterator[Others]:
    own = frozenset({str(metadata["namespace"])})
    for spread in spec.get("topologySpreadConstraints") or []:
        yield Others(
            key=spread["topologyKey"],
            selector=_with_own(spread, metadata.get("labels") or {}),
            namespaces=own,
            skew=int(spread["maxSkew"]),
            hard=spread["whenUnsatisfiable"] == "DoNotSchedule",
        )
    for kind, together in (("podAffinity", True), ("podAntiAffinity", False)):
        found = affinity.get(kind) or {}
        hard = found.get("requiredDuringSchedulingIgnoredDuringExecution") or []
        soft = found.get("preferredDuringSchedulingIgnoredDuringExecution") or []
        for term, is_hard in [*((one, True) for one in hard), *((one["podAffinityTerm"], False) for one in soft)]:
            yield Others(
                key=term["topologyKey"],
                selector=_with_own(term, metadata.get("labels") or {}),
                namespaces=frozenset(term.get("namespaces") or own),
                together=together,
                hard=is_hard,
            )


def _with_own(rule: Mapping[str, Any], labels: Labels) -> Mapping[str, Any] | None:
    """Return the rule's selector, narrowed to pods with the same values of `matchLabelKeys`."""
    selector: Mapping[str, Any] | None = rule.get("labelSelector")
    keys = [key for key in rule.get("matchLabelKeys") or [] if key in labels]
    if selector is None or not keys:
        return selector
    more = [{"key": key, "operator": "In", "values": [labels[key]]} for key in keys]
    return {**selector, "matchExpressions": [*(selector.get("matchExpressions") or []), *more]}


def _unknown(spec: Manifest, affinity: Manifest) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        for term in (affinity.get(kind) or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or []:
            yield from (f"{kind}.{name}" for name in ("namespaceSelector", "mismatchLabelKeys") if name in term)
    for container in spec.get("containers") or []:
        asked = (container.get("resources") or {}).get("requests") or {}
        yield from (f"request of {name}" for name in asked if name not in ("cpu", "memory", "ephemeral-storage"))
        if not spec.get("hostNetwork"):
            yield from (f"hostPort {port['hostPort']}" for port in container.get("ports") or [] if port.get("hostPort"))

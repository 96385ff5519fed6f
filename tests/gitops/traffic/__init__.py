"""Who reaches whom by the tree's network policies, judged as Kubernetes describes them.

https://kubernetes.io/docs/concepts/services-networking/network-policies/. Rules see a connection after its Service was
resolved: ports are those of pods. What a node says to its own pods, such as probes, no policy stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Literal

from ops.gitops.objects import Object
from tests.gitops.pods import of_kind, selects
from tests.gitops.tree import Tree

Direction = Literal["Ingress", "Egress"]
# Peers of a rule are named the other way round.
_PEERS: Mapping[Direction, str] = {"Ingress": "from", "Egress": "to"}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection.

    Attributes:
        address: A pod's as well: rules about addresses hold for pods, too.
        namespace: Of a pod; empty for what is none.
        labels: Of a pod.
    """

    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a cluster.

    Attributes:
        policies: In the order of the tree.
        namespaces: Labels by name.
    """

    policies: tuple[Object, ...]
    namespaces: Mapping[str, Mapping[str, str]]

    def let(self, source: End, target: End, port: int, protocol: str = "TCP") -> bool:
        """Return whether a connection comes about: both ends have to agree."""
        return self._agrees("Egress", source, target, port, protocol) and self._agrees(
            "Ingress", target, source, port, protocol
        )

    def _agrees(self, direction: Direction, own: End, other: End, port: int, protocol: str) -> bool:
        mine = [each for each in self._of(own) if direction in each["spec"]["policyTypes"]]
        rules = [rule for each in mine for rule in each["spec"].get(direction.lower(), [])]
        return not mine or any(
            self._has_port(rule, port, protocol) and self._has_peer(rule.get(_PEERS[direction], []), own, other)
            for rule in rules
        )

    def _of(self, end: End) -> Iterator[Object]:
        for policy in self.policies:
            if end.namespace == policy["metadata"]["namespace"] and selects(policy["spec"]["podSelector"], end.labels):
                yield policy

    @staticmethod
    def _has_port(rule: Mapping[str, Any], port: int, protocol: str) -> bool:
        ports = [(each.get("protocol", "TCP"), each["port"]) for each in rule.get("ports", [])]
        return not ports or (protocol, port) in ports

    def _has_peer(self, peers: Iterable[Mapping[str, Any]], own: End, other: End) -> bool:
        peers = list(peers)
        return not peers or any(self._is(peer, own, other) for peer in peers)

    def _is(self, peer: Mapping[str, Any], own: End, other: End) -> bool:
        if "ipBlock" in peer:
            return ip_address(other.address) in ip_network(peer["ipBlock"]["cidr"])
        if not other.namespace:
            return False
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], self._labels(other.namespace)):
                return False
        elif other.namespace != own.namespace:
            return False
        return selects(peer.get("podSelector"), other.labels)

    def _labels(self, namespace: str) -> Mapping[str, str]:
        # The API server gives every namespace that label.
        return {"kubernetes.io/metadata.name": namespace, **self.namespaces.get(namespace, {})}


def policies_of(tree: Tree) -> Policies:
    """Return the policies of all that is rendered from this repository."""
    ours = list(tree.ours())
    namespaces = {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in of_kind(ours, "Namespace")}
    return Policies(tuple(of_kind(ours, "NetworkPolicy")), namespaces)

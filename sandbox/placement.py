"""Where pods are: that none waits, and that each is where `[[tool.sandbox.placement]]` in pyproject.toml says."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from sandbox.kubernetes.api import Api, Manifest

_KEYS: Final = {"stacks", "namespaces", "except", "labels", "nodes", "only", "beside"}
# Pods come and go even when all is Healthy, as at a rollout's end.
_SETTLE_SECONDS: Final = 45.0


class PlacementError(Exception):
    """A rule is none, or pods are not where they should be."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which pods are on which nodes. Pods of DaemonSets and static ones are wherever their nodes are.

    Attributes:
        stacks: Which stacks it is for; empty for all.
        namespaces: Patterns of the pods' namespaces.
        exempt: Patterns of namespaces that are not meant.
        labels: The pods' labels; empty for all pods.
        nodes: Labels of the nodes; `*` for any value, `{namespace}` for the pod's.
        only: Whether nobody else's pods are on such nodes.
        beside: Patterns of namespaces whose pods may be there all the same.
    """

    stacks: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ("*",)
    exempt: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    only: bool = False
    beside: tuple[str, ...] = ()

    def concerns(self, pod: Manifest) -> bool:
        """Say whether the rule speaks of a pod."""
        namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels") or {}
        named = any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)
        spared = any(fnmatchcase(namespace, pattern) for pattern in self.exempt)
        return named and not spared and self.labels.items() <= labels.items()

    def bears(self, pod: Manifest) -> bool:
        """Say whether a pod that the rule does not speak of may be on its nodes."""
        return any(fnmatchcase(pod["metadata"]["namespace"], pattern) for pattern in self.beside)

    def allows(self, pod: Manifest, node: Mapping[str, str]) -> bool:
        """Say whether a node with these labels is one for the pod."""
        wanted = {key: value.format(namespace=pod["metadata"]["namespace"]) for key, value in self.nodes.items()}
        return all(node.get(key) == value or (value == "*" and key in node) for key, value in wanted.items())

    def __str__(self) -> str:
        """Say it in words."""
        pods = ", ".join([*self.namespaces, *(f"{key}={value}" for key, value in self.labels.items())])
        pods += f" but {', '.join(self.exempt)}" if self.exempt else ""
        nodes = ", ".join(f"{key}={value}" for key, value in self.nodes.items())
        return f"pods of {pods} {'alone ' if self.only else ''}on nodes with {nodes}"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What was found.

    Attributes:
        table: Namespace, number of its pods, and its nodes with the number of pods on each.
        faults: What is not as it should be, in words.
    """

    table: list[tuple[str, int, str]]
    faults: list[str]


def read_rules(found: list[dict[str, Any]]) -> list[Rule]:
    """Read `[[tool.sandbox.placement]]`. Raise `PlacementError` for what is no rule."""
    rules = []
    for one in found:
        if unknown := sorted(one.keys() - _KEYS):
            raise PlacementError(f"[[tool.sandbox.placement]] has an unknown key {unknown[0]}")
        if not one.get("nodes"):
            raise PlacementError(f"[[tool.sandbox.placement]] names no nodes: {one}")
        rules.append(
            Rule(
                stacks=tuple(one.get("stacks", ())),
                namespaces=tuple(one.get("namespaces", ("*",))),
                exempt=tuple(one.get("except", ())),
                labels=one.get("labels", {}),
                nodes=one["nodes"],
                only=one.get("only", False),
                beside=tuple(one.get("beside", ())),
            )
        )
    return rules


def placement(api: Api, rules: list[Rule], seconds: float = _SETTLE_SECONDS) -> Placement:
    """Look where pods are, again for so long as something is not as it should be."""
    deadline = time.monotonic() + seconds
    while (found := _look(api, rules)).faults and time.monotonic() < deadline:
        time.sleep(1)
    return found


def _look(api: Api, rules: list[Rule]) -> Placement:
    nodes = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in _items(api, "nodes")}
    pods = [
        pod
        for pod in _items(api, "pods")
        if pod["status"].get("phase") != "Succeeded" and not _is_going(pod["metadata"])
    ]
    faults = [fault for pod in pods if (fault := _not_running(pod))]
    chosen = [pod for pod in pods if "nodeName" in pod["spec"] and not _belongs_to_node(pod)]
    for rule in rules:
        concerned = [pod for pod in chosen if rule.concerns(pod)]
        if not concerned:
            faults.append(f"{rule}: there is no such pod")
        faults += [
            f"{_name(pod)} is on {pod['spec']['nodeName']}; {rule}"
            for pod in concerned
            if not rule.allows(pod, nodes.get(pod["spec"]["nodeName"], {}))
        ]
        if rule.only:
            others = [pod for pod in chosen if not rule.concerns(pod) and not rule.bears(pod)]
            faults += [
                f"{_name(pod)} is on {pod['spec']['nodeName']}, which is not for it; {rule}"
                for pod in others
                if Rule(nodes=_any(rule.nodes)).allows(pod, nodes.get(pod["spec"]["nodeName"], {}))
            ]
    return Placement(table=_table(pods), faults=faults)


def _any(nodes: Mapping[str, str]) -> Mapping[str, str]:
    """Return labels of which the pod's namespace is no part."""
    return {key: "*" if "{namespace}" in value else value for key, value in nodes.items()}


def _table(pods: list[Manifest]) -> list[tuple[str, int, str]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for pod in pods:
        found[pod["metadata"]["namespace"]][pod["spec"].get("nodeName", "none")] += 1
    return [
        (namespace, sum(nodes.values()), ", ".join(f"{node} {count}" for node, count in sorted(nodes.items())))
        for namespace, nodes in sorted(found.items())
    ]


def _not_running(pod: Manifest) -> str:
    status = pod["status"]
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    if status.get("phase") == "Running" and conditions.get("Ready", {}).get("status") == "True":
        return ""
    said = [one.get("message", "") for one in conditions.values() if one["status"] != "True"]
    node = pod["spec"].get("nodeName", "no node")
    return f"{_name(pod)} is {status.get('phase', 'unknown')} on {node}: {' '.join(filter(None, said))}".strip(": ")


def _belongs_to_node(pod: Manifest) -> bool:
    return any(one["kind"] in ("DaemonSet", "Node") for one in pod["metadata"].get("ownerReferences") or [])


def _is_going(metadata: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in metadata


def _name(pod: Manifest) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _items(api: Api, plural: str) -> list[Manifest]:
    return list(api.request("GET", f"/api/v1/{plural}").get("items") or [])

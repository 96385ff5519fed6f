"""The cluster of the documents: fourteen nodes with the names, labels and taints that they ask for.

Where they say nothing, this is what the stack `nodes14` has: an infrastructure node has the label and the taint
`workload=<its name>`, a worker the taint of its `workload` label. `k8s-monitoring` has no taint, for somewhere there
must be room for what has no node of its own: Argo CD and the controllers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

import yaml

from components.self_managed.kubeadm import init_configuration, join_configuration
from components.self_managed.spec import ClusterSpec, NodeSpec, Role, Taint

VPC: Final = IPv4Network("10.0.0.0/16")
VERSION: Final = "1.36.4"
ISSUER: Final = "https://nodes14-issuer.s3.ap-northeast-2.amazonaws.com"
# Phase by domain.
APIS: Final[Mapping[str, str]] = {
    "auth": "1",
    "my": "1",
    "scan": "2",
    "character": "2",
    "location": "2",
    "info": "3",
    "chat": "3",
}
# Domain by worker.
WORKERS: Final[Mapping[str, str]] = {"ai": "ai", "storage": "scan"}
INFRASTRUCTURE: Final = ("postgresql", "redis", "rabbitmq", "monitoring")
UNTAINTED: Final = "k8s-monitoring"
_TYPES: Final[Mapping[str, str]] = {
    "k8s-api-scan": "t3.medium",
    "k8s-api-character": "t3.medium",
    "k8s-api-chat": "t3.medium",
    "k8s-worker-ai": "t3.large",
    "k8s-worker-storage": "t3.medium",
    "k8s-postgresql": "t3.large",
    "k8s-redis": "t3.medium",
    "k8s-rabbitmq": "t3.medium",
    "k8s-monitoring": "t3.large",
}
_ADDRESSES: Final = tuple(IPv4Address(text) for text in ("10.0.0.20", "10.0.32.21", "10.0.64.22"))


def zone(index: int) -> str:
    return f"ap-northeast-2{'abc'[index % 3]}"


def control_plane(name: str = "k8s-master", index: int = 0) -> NodeSpec:
    return NodeSpec(
        name=name,
        role="control-plane",
        zone=zone(index),
        instance_type="t3.large",
        address=_ADDRESSES[index],
        taints=(Taint(key="node-role.kubernetes.io/control-plane", value="", effect="NoSchedule"),),
    )


def _node(name: str, role: Role, index: int, labels: Mapping[str, str], taint: str) -> NodeSpec:
    taints = () if name == UNTAINTED else (Taint(key=taint, value=labels[taint], effect="NoSchedule"),)
    return NodeSpec(
        name=name,
        role=role,
        zone=zone(index),
        instance_type=_TYPES.get(name, "t3.small"),
        labels=labels,
        taints=taints,
    )


def workers() -> tuple[NodeSpec, ...]:
    """Return the thirteen that are no control plane, spread over three zones."""
    apis = [
        (f"k8s-api-{domain}", "api", {"domain": domain, "workload": "api", "phase": phase}, "domain")
        for domain, phase in APIS.items()
    ]
    works = [
        (f"k8s-worker-{name}", "worker", {"domain": domain, "workload": f"worker-{name}"}, "workload")
        for name, domain in WORKERS.items()
    ]
    others = [(f"k8s-{name}", "infrastructure", {"workload": name}, "workload") for name in INFRASTRUCTURE]
    rows: list[tuple[str, Role, dict[str, str], str]] = [*apis, *works, *others]  # type: ignore[list-item]
    return tuple(_node(name, role, index, labels, taint) for index, (name, role, labels, taint) in enumerate(rows))


def nodes14() -> ClusterSpec:
    """Return the cluster with its one control plane."""
    return ClusterSpec(
        name="nodes14",
        version=VERSION,
        region="ap-northeast-2",
        service_cidr=IPv4Network("172.20.0.0/16"),
        pod_cidr=IPv4Network("100.64.0.0/16"),
        issuer=ISSUER,
        control_planes=(control_plane(),),
        workers=workers(),
    )


def three_control_planes() -> ClusterSpec:
    """Return the same cluster with a control plane in each zone."""
    names = ("k8s-master", "k8s-master-2", "k8s-master-3")
    return replace(nodes14(), control_planes=tuple(control_plane(name, index) for index, name in enumerate(names)))


# What a machine fills in, for a machine that does not exist.
BLANKS: Final[Mapping[str, str]] = {
    "@JOIN_TOKEN@": "abcdef.0123456789abcdef",
    "@ENCRYPTION_KEY@": "c2l4dGVlbiBvciB0aGlydHktdHdvIGJ5dGVzIGhlcmU=",
    "@NODE_IP@": "10.0.0.20",
    "@PROVIDER_ID@": "aws:///ap-northeast-2a/i-0123456789abcdef0",
    "@INSTANCE_ID@": "i-0123456789abcdef0",
}
PIN: Final = f"sha256:{'5a' * 32}"


def filled(text: str) -> str:
    """Fill every blank, as the machine does before kubeadm reads the text."""
    for blank, value in BLANKS.items():
        text = text.replace(blank, value)
    return text


def documents(text: str) -> dict[str, dict[str, Any]]:
    """Return document by kind."""
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def arguments(component: Mapping[str, Any], key: str = "extraArgs") -> dict[str, list[str]]:
    """Return the values of each argument, in their order."""
    found: dict[str, list[str]] = {}
    for argument in component[key]:
        found.setdefault(argument["name"], []).append(argument["value"])
    return found


def node(name: str, spec: ClusterSpec | None = None) -> NodeSpec:
    """Return the node of that name."""
    return next(found for found in (spec or nodes14()).nodes if found.name == name)


def with_node(name: str, /, **changes: Any) -> ClusterSpec:
    """Return the cluster of the documents with one of its nodes changed."""
    spec = nodes14()

    def changed(nodes: tuple[NodeSpec, ...]) -> tuple[NodeSpec, ...]:
        return tuple(replace(found, **changes) if found.name == name else found for found in nodes)

    return replace(spec, control_planes=changed(spec.control_planes), workers=changed(spec.workers))


NODES14, THREE = nodes14(), three_control_planes()
WORKER_NAMES: Final = tuple(worker.name for worker in NODES14.workers)
JOINING: Final = ("k8s-master-2", "k8s-master-3")
# The machines whose documents are looked at: the fourteen, and two that join the first control plane.
MACHINES: Final = ("k8s-master", *WORKER_NAMES, *JOINING)


def rendered(name: str) -> str:
    """Return what a machine's user data holds: the first control plane begins, all others join."""
    if name == "k8s-master":
        return init_configuration(NODES14, node(name))
    spec = THREE if name in JOINING else NODES14
    return join_configuration(spec, node(name, spec), PIN)

"""How a machine becomes a node: its name, its labels and its taints, as kubelet and API server let them be."""

from __future__ import annotations

import re
from typing import Final

from components.self_managed.spec import NodeSpec, Taint

CONTROL_PLANE_TAINT: Final = Taint(key="node-role.kubernetes.io/control-plane", value="", effect="NoSchedule")

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WORD: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VALUE: Final = re.compile(rf"({_WORD})?")
_PART: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_KEY: Final = re.compile(rf"((?P<domain>{_PART}(\.{_PART})*)/)?{_WORD}")
_LONGEST_DOMAIN: Final = 253
_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_RESERVED: Final = ("kubernetes.io", "k8s.io")
# The domains below those in which a kubelet may label its own node (k8s.io/kubelet/pkg/apis/well_known_labels.go).
_KUBELET_DOMAINS: Final = ("kubelet.kubernetes.io", "node.kubernetes.io")
# It may set these, too, but they are facts: kubelet and cloud controller set them, and fight over another value.
_FACTS: Final = frozenset(
    {
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    }
)
_ROLE_DOMAIN: Final = "node-role.kubernetes.io"


def registered_taints(node: NodeSpec) -> tuple[Taint, ...]:
    """Return the taints that a node has from its first moment: a control plane has its own, named or not."""
    if node.role != "control-plane" or CONTROL_PLANE_TAINT in node.taints:
        return node.taints
    return (CONTROL_PLANE_TAINT, *node.taints)


def check_name(name: str) -> None:
    """Refuse what cannot be a node's name: raise `ValueError` with rule and fix.

    The cloud controller takes a name that begins with `i-` for an instance id.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a node's name has 1 to 63 of a-z, 0-9 and inner hyphens; write one such as k8s-worker-1")
    if name.startswith("i-"):
        raise ValueError("AWS's instance ids begin with i- and it would be taken for one; begin otherwise")


def check_label(key: str, value: str) -> None:
    """Refuse a label that a kubelet may not set or Kubernetes not take: raise `ValueError` with rule and fix.

    A kubelet with a forbidden key ends at its start, and its machine never becomes a node.
    """
    domain = _domain(key)
    if not _VALUE.fullmatch(value):
        raise ValueError("a label's value has at most 63 of A-Z, a-z, 0-9, '-', '_' and '.'; respell it")
    if domain == _ROLE_DOMAIN:
        raise ValueError("a kubelet may not name its node's role; remove it, the node's role says it")
    if key in _FACTS:
        raise ValueError("kubelet and cloud controller set it to what is the case; remove it")
    if _within(domain, _RESERVED) and not _within(domain, _KUBELET_DOMAINS):
        raise ValueError("a kubelet may set no such key of kubernetes.io or k8s.io; take one of your own")


def check_taint(key: str, value: str, effect: str, *, control_plane: bool = False) -> None:
    """Refuse a taint that kubeadm would pass on unread: raise `ValueError` with rule and fix.

    Args:
        key: With or without a domain.
        value: May be empty.
        effect: What happens to pods that do not tolerate it.
        control_plane: Whether the node is one, which has a taint that no other may have.
    """
    domain = _domain(key)
    if not _VALUE.fullmatch(value):
        raise ValueError("a taint's value has at most 63 of A-Z, a-z, 0-9, '-', '_' and '.'; respell it")
    if effect not in _EFFECTS:
        raise ValueError(f"{effect} is no effect of a taint; write one of {', '.join(_EFFECTS)}")
    own = CONTROL_PLANE_TAINT
    if _within(domain, _RESERVED) and not (control_plane and (key, value, effect) == (own.key, own.value, own.effect)):
        raise ValueError("Kubernetes sets and lifts the taints of its own domains; take a key of your own")


def _domain(key: str) -> str:
    match = _KEY.fullmatch(key)
    if match is None or len(match["domain"] or "") > _LONGEST_DOMAIN:
        raise ValueError("no key of Kubernetes, which is [domain/]name with at most 63 characters; respell it")
    return match["domain"] or ""


def _within(domain: str, parents: tuple[str, ...]) -> bool:
    return any(domain == parent or domain.endswith(f".{parent}") for parent in parents)

"""What a self-managed cluster must hold before anything of it is made.

Each of these ends, unrefused, in a machine that boots and never becomes the node it should be, or in pods on the wrong
one. What a name, a label or a taint by itself may be is in `registration`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from itertools import combinations
from typing import Final

from components.self_managed.registration import check_label, check_name, check_taint, registered_taints
from components.self_managed.spec import ClusterSpec, NodeSpec, Taint

DOMAIN: Final = "domain"
WORKLOAD: Final = "workload"
_HARD: Final = ("NoSchedule", "NoExecute")
_VERSION: Final = re.compile(r"1\.\d{1,3}\.\d{1,3}")
# What one of Calico's blocks of addresses holds; a node takes a second one when its first is full.
_BLOCK: Final = 64
# kubeadm wants two vCPUs and 1,700 MB of a control plane.
_TOO_SMALL: Final = (".nano", ".micro")
# kubeadm's own limit is the larger range; the smaller one has as many addresses as a small cluster has Services.
_LARGEST_SERVICES, _SMALLEST_SERVICES = 12, 24


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecFault:
    """One thing that is wrong with a cluster.

    Attributes:
        path: Attribute of `ClusterSpec`; below `control_planes` and `workers` the node's name, its attribute, a key.
        text: The rule, a semicolon, the fix.
    """

    path: tuple[str, ...]
    value: str
    text: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}={self.value}: {self.text}"


def spec_faults(spec: ClusterSpec, vpc_cidr: IPv4Network | None = None) -> Iterator[SpecFault]:
    """Yield everything that is wrong; with the VPC's range, what is wrong between it and the cluster as well."""
    yield from _shape(spec)
    yield from _ranges(spec, vpc_cidr)
    yield from _twice(spec)
    for path, node in _nodes(spec):
        yield from _control_plane(path, node) if path[0] == "control_planes" else _worker(path, node)
        yield from _registration(path, node)
        if not re.fullmatch(rf"{re.escape(spec.region)}[a-z]", node.zone):
            yield SpecFault(path=(*path, "zone"), value=node.zone, text=f"no zone of {spec.region}; take one of it")
        if node.address is not None and vpc_cidr is not None and node.address not in vpc_cidr:
            text = f"not in the VPC's {vpc_cidr}; take an address of the node's subnet"
            yield SpecFault(path=(*path, "address"), value=str(node.address), text=text)
    yield from _places(spec)


def validate_spec(spec: ClusterSpec, vpc_cidr: IPv4Network | None = None) -> None:
    """Raise `ValueError` with a line for each fault, as `key=value: rule; fix`."""
    faults = [str(fault) for fault in spec_faults(spec, vpc_cidr)]
    if faults:
        raise ValueError("\n".join(faults))


def _nodes(spec: ClusterSpec) -> Iterator[tuple[tuple[str, str], NodeSpec]]:
    for node in spec.control_planes:
        yield ("control_planes", node.name), node
    for node in spec.workers:
        yield ("workers", node.name), node


def _shape(spec: ClusterSpec) -> Iterator[SpecFault]:
    count = len(spec.control_planes)
    if count not in (1, 3):
        text = "etcd keeps its quorum with an odd number, and more than three are slower; write 1 or 3"
        yield SpecFault(path=("control_planes",), value=str(count), text=text)
    zones = [node.zone for node in spec.control_planes]
    if len(set(zones)) < len(zones):
        text = "a zone with two of them takes the quorum with it; give each its own"
        yield SpecFault(path=("control_planes",), value=", ".join(zones), text=text)
    if not _VERSION.fullmatch(spec.version):
        text = "kubeadm would ask the internet which version that is; write one such as 1.36.4"
        yield SpecFault(path=("version",), value=spec.version, text=text)
    if not spec.issuer.startswith("https://") or spec.issuer.endswith("/"):
        text = "AWS wants an https URL and compares it letter by letter; write it without a slash at the end"
        yield SpecFault(path=("issuer",), value=spec.issuer, text=text)


def _ranges(spec: ClusterSpec, vpc_cidr: IPv4Network | None) -> Iterator[SpecFault]:
    ranges = [("service_cidr", spec.service_cidr), ("pod_cidr", spec.pod_cidr)]
    if vpc_cidr is not None:
        ranges.insert(0, ("vpc_cidr", vpc_cidr))
    for (owner, first), (key, second) in combinations(ranges, 2):
        if first.overlaps(second):
            text = f"overlaps {owner} {first}, and packets would go astray; take another range"
            yield SpecFault(path=(key,), value=str(second), text=text)
    if not _LARGEST_SERVICES <= spec.service_cidr.prefixlen <= _SMALLEST_SERVICES:
        text = f"Services need a range from /{_LARGEST_SERVICES} to /{_SMALLEST_SERVICES}; write one of that size"
        yield SpecFault(path=("service_cidr",), value=str(spec.service_cidr), text=text)
    if spec.pod_cidr.num_addresses < 2 * _BLOCK * len(spec.nodes):
        text = f"{len(spec.nodes)} nodes take two blocks of {_BLOCK} addresses each; write a larger range"
        yield SpecFault(path=("pod_cidr",), value=str(spec.pod_cidr), text=text)


def _twice(spec: ClusterSpec) -> Iterator[SpecFault]:
    names: set[str] = set()
    addresses: set[str] = set()
    for path, node in _nodes(spec):
        if node.name in names:
            text = "two machines with one name fight for one node; change one"
            yield SpecFault(path=(*path, "name"), value=node.name, text=text)
        names.add(node.name)
        if str(node.address) in addresses:
            text = "two machines cannot have one address; change one"
            yield SpecFault(path=(*path, "address"), value=str(node.address), text=text)
        addresses.update([str(node.address)] if node.address is not None else [])


def _control_plane(path: tuple[str, str], node: NodeSpec) -> Iterator[SpecFault]:
    if node.role != "control-plane":
        text = "a control plane has the role control-plane; write that"
        yield SpecFault(path=(*path, "role"), value=node.role, text=text)
    if node.address is None:
        text = "the API is found at a fixed address; give it one"
        yield SpecFault(path=(*path, "address"), value="none", text=text)
    if node.instance_type.endswith(_TOO_SMALL):
        text = "a control plane needs 2 vCPUs and 1,700 MB; take t3.small or larger"
        yield SpecFault(path=(*path, "instance_type"), value=node.instance_type, text=text)


def _worker(path: tuple[str, str], node: NodeSpec) -> Iterator[SpecFault]:
    if node.role == "control-plane":
        text = "a control plane stands among the control planes; move it there or change its role"
        yield SpecFault(path=(*path, "role"), value=node.role, text=text)
    if node.role == "api":
        yield from _api(path, node)


def _api(path: tuple[str, str], node: NodeSpec) -> Iterator[SpecFault]:
    domain = node.labels.get(DOMAIN, "")
    own = Taint(key=DOMAIN, value=domain, effect="NoSchedule")
    for key, wanted in ((DOMAIN, domain), (WORKLOAD, "api")):
        if not wanted or node.labels.get(key) != wanted:
            text = f"an API's pods find their node by {key}={wanted or '<name>'}; add that label"
            yield SpecFault(path=(*path, "labels", key), value=node.labels.get(key, "none"), text=text)
    if domain and own not in node.taints:
        text = f"other APIs' pods could take its room; add {DOMAIN}={domain}:NoSchedule"
        yield SpecFault(path=(*path, "taints"), value=_shown(node.taints), text=text)
    for taint in node.taints:
        if taint != own and taint.effect in _HARD:
            text = f"its own pods tolerate {DOMAIN}={domain}:NoSchedule only and would wait for ever; remove it"
            yield SpecFault(path=(*path, "taints", taint.key), value=_shown((taint,)), text=text)


def _registration(path: tuple[str, str], node: NodeSpec) -> Iterator[SpecFault]:
    yield from _refusal((*path, "name"), node.name, partial(check_name, node.name))
    for key, value in node.labels.items():
        yield from _refusal((*path, "labels", key), value, partial(check_label, key, value))
    seen: set[tuple[str, str]] = set()
    for taint in node.taints:
        where, shown = (*path, "taints", taint.key), _shown((taint,))
        check = partial(check_taint, taint.key, taint.value, taint.effect)
        yield from _refusal(where, shown, partial(check, control_plane=path[0] == "control_planes"))
        if (taint.key, taint.effect) in seen:
            text = "a node has one taint for each key and effect, and the API refuses the second; remove one"
            yield SpecFault(path=where, value=shown, text=text)
        seen.add((taint.key, taint.effect))


def _refusal(path: tuple[str, ...], value: str, check: Callable[[], None]) -> Iterator[SpecFault]:
    try:
        check()
    except ValueError as error:
        yield SpecFault(path=path, value=value, text=str(error))


def _places(spec: ClusterSpec) -> Iterator[SpecFault]:
    """Refuse what lets the scheduler put pods where they do not belong, or nowhere.

    An API's pods select `domain` and tolerate that taint of their own domain, nothing else.
    """
    domains = {node.labels[DOMAIN] for node in spec.workers if node.role == "api" and DOMAIN in node.labels}
    for path, node in _nodes(spec):
        domain = node.labels.get(DOMAIN)
        if node.role == "api" or domain not in domains:
            continue
        if not any(taint.effect in _HARD and (taint.key, taint.value) != (DOMAIN, domain) for taint in node.taints):
            text = f"pods of the API {domain} select that label, too, and would come here; taint it by its {WORKLOAD}"
            yield SpecFault(path=(*path, "labels", DOMAIN), value=domain or "", text=text)
    if not any(not _is_closed(node) for node in spec.nodes):
        text = "each is tainted, and Argo CD and the controllers find no node; leave one without NoSchedule"
        yield SpecFault(path=("workers",), value=str(len(spec.workers)), text=text)


def _is_closed(node: NodeSpec) -> bool:
    return any(taint.effect in _HARD for taint in registered_taints(node))


def _shown(taints: tuple[Taint, ...]) -> str:
    return ", ".join(f"{taint.key}={taint.value}:{taint.effect}" for taint in taints) or "none"

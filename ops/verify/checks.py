"""The rows of the report, each from the cluster's specification and what was seen; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from components.self_managed.spec import ClusterSpec, NodeSpec
from ops.verify.observed import Observed, SeenNode, SeenWorkload

# `absent`: nobody has asked for it yet, because the Application that brings it is not in the tree. It is told, and no
# failure.
State = Literal["pass", "fail", "absent"]

_SHOWN: Final = 4
# What CoreDNS and the CSI driver's controller have, whatever the number of nodes.
_COREDNS: Final = 2
_CSI_CONTROLLERS: Final = 2
_ROLES: Final[Mapping[str, frozenset[str]]] = {
    # The documents' report shows none for the master, whose label and taint had got lost.
    "control-plane": frozenset({"control-plane"}),
    "api": frozenset({"api"}),
    "worker": frozenset({"worker"}),
    "infrastructure": frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the report.

    Attributes:
        id: The requirement's.
        check: What must hold.
        expected: What the stack's file asks for.
        found: What the cluster has; what differs, by name.
    """

    id: str
    check: str
    expected: str
    found: str
    state: State


def report(spec: ClusterSpec, seen: Observed) -> tuple[Row, ...]:
    """Return every row, in the order of the documents."""
    nodes = {node.name: node for node in seen.nodes}
    return (
        _count(spec, seen),
        _names(spec, nodes),
        _ready(spec, nodes),
        _roles(spec, nodes),
        *_labels(spec, nodes),
        _taints(spec, nodes),
        _placement(spec, seen),
        _daemon("V-12", "Calico runs on every node", "calico-node", spec, seen),
        _daemon("V-33", "node-exporter is up on every node", "prometheus-node-exporter", spec, seen, "monitoring"),
        _machines(spec, nodes),
        _version(spec, nodes),
        *_addons(spec, seen),
        _no_cert_manager(seen),
        _service(spec, seen),
    )


def _row(id_: str, check: str, expected: str, wrong: Iterable[str], found: str | None = None) -> Row:
    """Return a row that passes when nothing is wrong."""
    faults = list(wrong)
    more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    text = "; ".join(faults[:_SHOWN]) + more if faults else found or expected
    return Row(id=id_, check=check, expected=expected, found=text, state="fail" if faults else "pass")


def _count(spec: ClusterSpec, seen: Observed) -> Row:
    wanted, found = len(spec.nodes), len(seen.nodes)
    return _row("V-01", "number of nodes", str(wanted), [] if wanted == found else [str(found)])


def _names(spec: ClusterSpec, nodes: Mapping[str, SeenNode]) -> Row:
    wanted = {node.name for node in spec.nodes}
    missing = [f"{name} is missing" for name in sorted(wanted - nodes.keys())]
    strangers = [f"{name} is nobody's" for name in sorted(nodes.keys() - wanted)]
    return _row("V-02", "names of the nodes", "those of machines", [*missing, *strangers])


def _ready(spec: ClusterSpec, nodes: Mapping[str, SeenNode]) -> Row:
    wrong = [f"{node.name} is not Ready" for node in spec.nodes if node.name in nodes and not nodes[node.name].ready]
    ready = sum(node.ready for node in nodes.values())
    if not wrong and ready != len(spec.nodes):
        wrong = [f"{ready} Ready"]
    return _row("V-03", "nodes are Ready", f"{len(spec.nodes)} Ready", wrong)


def _roles(spec: ClusterSpec, nodes: Mapping[str, SeenNode]) -> Row:
    wrong = [
        f"{node.name}: {','.join(sorted(found.roles)) or '<none>'}"
        for node, found in _both(spec.nodes, nodes)
        if found.roles != _ROLES[node.role]
    ]
    return _row("V-03", "roles shown", "api, worker, control-plane, else <none>", wrong)


def _labels(spec: ClusterSpec, nodes: Mapping[str, SeenNode]) -> Iterator[Row]:
    apis = [node for node in spec.workers if node.role == "api"]
    for id_, phase in (("V-04", "1"), ("V-05", "2"), ("V-06", "3")):
        yield _labelled(
            id_, f"labels, phase {phase}", [node for node in apis if node.labels.get("phase") == phase], nodes
        )
    other = [node for node in apis if node.labels.get("phase") not in ("1", "2", "3")]
    workers = [node for node in spec.workers if node.role == "worker"]
    yield _labelled("V-07", "labels, workers", [*workers, *other], nodes)
    infrastructure = [node for node in spec.workers if node.role == "infrastructure"]
    yield _labelled("V-08", "labels, infrastructure", infrastructure, nodes)


def _labelled(id_: str, check: str, specs: Iterable[NodeSpec], nodes: Mapping[str, SeenNode]) -> Row:
    specs = list(specs)
    wrong = [
        f"{node.name}: {key}={found.labels.get(key, '<none>')}"
        for node, found in _both(specs, nodes)
        for key, value in node.labels.items()
        if found.labels.get(key) != value
    ]
    wrong += [f"{node.name} is missing" for node in specs if node.name not in nodes]
    return _row(id_, check, f"on {len(specs)} nodes", wrong)


def _taints(spec: ClusterSpec, nodes: Mapping[str, SeenNode]) -> Row:
    wrong = []
    for node, found in _both(spec.nodes, nodes):
        wanted = {f"{taint.key}={taint.value}:{taint.effect}" for taint in node.taints}
        if wanted != found.taints:
            wrong.append(f"{node.name}: {', '.join(sorted(found.taints)) or '<none>'}")
    wrong += [f"{node.name} is missing" for node in spec.nodes if node.name not in nodes]
    tainted = sum(bool(node.taints) for node in spec.nodes)
    return _row("V-09", "taints", f"on {tainted} nodes", wrong)


def _placement(spec: ClusterSpec, seen: Observed) -> Row:
    """Judge every pod that asks for a domain: it has to run on the one API node of that domain."""
    apis = [node for node in spec.workers if node.role == "api" and "domain" in node.labels]
    homes = {node.labels["domain"]: node.name for node in apis}
    # A worker may serve a domain too, and then its pods say so by `workload`.
    pods = [
        pod for pod in seen.pods if pod.selector.get("domain") in homes and pod.selector.get("workload", "api") == "api"
    ]
    check, expected = "API pods on their own domain's node", "each on its own"
    if not pods:
        return Row(id="V-10", check=check, expected=expected, found="no pod asks for a domain yet", state="absent")
    wrong = [
        f"{pod.namespace}/{pod.name} {f'on {pod.node}' if pod.node else pod.phase}"
        for pod in pods
        if pod.node != homes[pod.selector["domain"]] or pod.phase != "Running"
    ]
    return _row("V-10", check, expected, wrong, f"{len(pods)} pods")


def _daemon(id_: str, check: str, name: str, spec: ClusterSpec, seen: Observed, application: str | None = None) -> Row:
    """Judge a DaemonSet that has to be ready on every node.

    Args:
        id_: The requirement's.
        check: What must hold.
        name: The DaemonSet's, or its label `app.kubernetes.io/name`.
        spec: How many nodes there are.
        seen: Where to look.
        application: Brings it; while that is not in the tree the DaemonSet is not missed.
    """
    expected = f"{len(spec.nodes)} ready"
    found = next((one for one in seen.workloads if one.kind == "DaemonSet" and _is(one, name)), None)
    if found is None and application is not None and application not in seen.applications:
        return Row(id=id_, check=check, expected=expected, found=_not_asked(application), state="absent")
    ready = found.ready if found else 0
    return _row(id_, check, expected, [] if ready == len(spec.nodes) else [f"{ready} ready" if found else "not there"])


def _is(workload: SeenWorkload, name: str) -> bool:
    return name in (workload.name, workload.labels.get("app.kubernetes.io/name"))


def _not_asked(application: str) -> str:
    return f"Application {application} is not in the tree"


def _machines(spec: ClusterSpec, nodes: Mapping[str, SeenNode]) -> Row:
    """Judge that each node is the machine that it was planned to be, which the cloud controller manager found out."""
    wrong = []
    for node, found in _both(spec.nodes, nodes):
        kind = found.labels.get("node.kubernetes.io/instance-type")
        zone = found.labels.get("topology.kubernetes.io/zone")
        if (kind, zone) != (node.instance_type, node.zone):
            wrong.append(f"{node.name}: {kind} in {zone}")
        elif not found.provider_id.startswith(f"aws:///{node.zone}/i-"):
            wrong.append(f"{node.name}: provider id {found.provider_id or '<none>'}")
    return _row("D-04", "types, zones and provider ids", "as in machines", wrong)


def _version(spec: ClusterSpec, nodes: Mapping[str, SeenNode]) -> Row:
    wrong = [f"{name}: {node.version}" for name, node in nodes.items() if node.version != f"v{spec.version}"]
    return _row("D-08", "Kubernetes on every node", f"v{spec.version}", wrong)


def _addons(spec: ClusterSpec, seen: Observed) -> Iterator[Row]:
    yield _available("D-09", "CoreDNS", "coredns", _COREDNS, seen)
    csi = "aws-ebs-csi-driver"
    pods = len(spec.nodes) + _CSI_CONTROLLERS
    driver, daemon = seen.workload("Deployment", "ebs-csi-controller"), seen.workload("DaemonSet", "ebs-csi-node")
    if driver is None and daemon is None and csi not in seen.applications:
        yield Row(id="D-09", check="EBS CSI driver", expected=f"{pods} pods", found=_not_asked(csi), state="absent")
    else:
        ready = (driver.ready if driver else 0) + (daemon.ready if daemon else 0)
        yield _row("D-09", "EBS CSI driver", f"{pods} pods", [] if ready == pods else [f"{ready} ready"])
    yield _available("D-09", "metrics server", "metrics-server", 1, seen, "metrics-server")


def _available(id_: str, check: str, name: str, least: int, seen: Observed, application: str | None = None) -> Row:
    expected = f"{least} ready" if application is None else "all ready"
    found = seen.workload("Deployment", name)
    if found is None and application is not None and application not in seen.applications:
        return Row(id=id_, check=check, expected=expected, found=_not_asked(application), state="absent")
    if found is None:
        return _row(id_, check, expected, ["not there"])
    short = found.ready < max(least, found.wanted)
    return _row(
        id_, check, expected, [f"{found.ready} of {found.wanted} ready"] if short else [], f"{found.ready} ready"
    )


def _no_cert_manager(seen: Observed) -> Row:
    wrong = sorted(name for name in seen.crds if name.endswith("cert-manager.io"))
    wrong += ["namespace cert-manager"] if "cert-manager" in seen.namespaces else []
    return _row("D-10", "no cert-manager: TLS ends at the load balancer", "none", wrong)


def _service(spec: ClusterSpec, seen: Observed) -> Row:
    wanted = f"{spec.service_cidr.network_address + 1}:443"
    return _row(
        "D-11", "address of the API inside the cluster", wanted, [] if seen.service == wanted else [seen.service]
    )


def _both(specs: Iterable[NodeSpec], nodes: Mapping[str, SeenNode]) -> Iterator[tuple[NodeSpec, SeenNode]]:
    return ((node, nodes[node.name]) for node in specs if node.name in nodes)

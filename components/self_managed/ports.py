"""Who may reach whom at which port: the one table behind the security groups of a self-managed cluster.

What is not in it stays closed, NodePorts above all: the load balancer controller opens those that an Ingress needs in
the group that carries the cluster's tag, and closes them again. Pods and DNS need no rows: they travel in Calico's
VXLAN. Neither do DNS, time and metadata of the VPC, which security groups do not filter
(https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from components.self_managed.spec import API_PORT

Group = Literal["nodes", "control-planes", "internal-balancer", "public-balancer"]

ANYWHERE: Final = "0.0.0.0/0"
ETCD_PORTS: Final = (2379, 2380)
KUBELET_PORT: Final = 10250
VXLAN_PORT: Final = 4789
TYPHA_PORT: Final = 5473
NODE_EXPORTER_PORT: Final = 9100
NFS_PORT: Final = 2049
# HTTPS: package repositories, registries, Git, AWS's APIs. HTTP: Ubuntu's archives, whose packages are signed.
OUTBOUND_PORTS: Final = (443, 80)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """Connections that are let through.

    Attributes:
        key: What it is, for names of resources.
        source: A group, or a range of addresses.
        target: A group, or a range of addresses.
        ports: First and last.
    """

    key: str
    description: str
    source: str
    target: str
    ports: tuple[int, int]
    protocol: Literal["tcp", "udp"] = "tcp"


def groups(*, control_planes: int, public: bool) -> tuple[Group, ...]:
    """Return the groups that there are.

    Every machine is in `nodes`; control planes are in `control-planes` as well.
    """
    return (
        "nodes",
        "control-planes",
        *(("internal-balancer",) if control_planes > 1 else ()),
        *(("public-balancer",) if public else ()),
    )


def flows(
    *,
    control_planes: int,
    public_access_cidrs: Sequence[str] = (),
    outbound_ports: Sequence[int] = (),
    file_system_cidrs: Sequence[str] = (),
) -> tuple[Flow, ...]:
    """Return every flow of a cluster.

    Args:
        control_planes: With more than one of them etcd has members to talk to, and a load balancer stands before them.
        public_access_cidrs: Who reaches the API's public load balancer; empty means there is none.
        outbound_ports: Of the internet, TCP, beside HTTPS and HTTP, such as 22 for Git over SSH.
        file_system_cidrs: Where mount targets of EFS are.
    """
    return (
        *_api(control_planes, public_access_cidrs),
        *_between_nodes(),
        *_outbound(outbound_ports),
        *(
            Flow(key="nfs", description="EFS", source="nodes", target=cidr, ports=(NFS_PORT, NFS_PORT))
            for cidr in file_system_cidrs
        ),
        *([_etcd()] if control_planes > 1 else ()),
    )


def _api(control_planes: int, public_access_cidrs: Sequence[str]) -> Iterator[Flow]:
    """Yield the ways to the API; a load balancer's health checks go the same way as its traffic."""
    port = (API_PORT, API_PORT)
    pairs = [("nodes", "control-planes")]
    if control_planes > 1:
        pairs += [("nodes", "internal-balancer"), ("internal-balancer", "control-planes")]
    if public_access_cidrs:
        pairs += [*((cidr, "public-balancer") for cidr in public_access_cidrs), ("public-balancer", "control-planes")]
    for source, target in pairs:
        yield Flow(key="api", description="Kubernetes API", source=source, target=target, ports=port)


def _between_nodes() -> Iterator[Flow]:
    rows: tuple[tuple[str, str, int, Literal["tcp", "udp"]], ...] = (
        ("kubelet", "kubelet API", KUBELET_PORT, "tcp"),
        ("vxlan", "Calico VXLAN", VXLAN_PORT, "udp"),
        ("typha", "Calico Typha", TYPHA_PORT, "tcp"),
        # On the nodes' own network, since it looks at them.
        ("node-exporter", "node exporter", NODE_EXPORTER_PORT, "tcp"),
    )
    for key, description, port, protocol in rows:
        yield Flow(
            key=key, description=description, source="nodes", target="nodes", ports=(port, port), protocol=protocol
        )


def _outbound(more: Sequence[int]) -> Iterator[Flow]:
    for port in dict.fromkeys((*OUTBOUND_PORTS, *more)):
        name = {443: "https", 80: "http"}.get(port, f"tcp-{port}")
        yield Flow(key=name, description=f"{name} to the internet", source="nodes", target=ANYWHERE, ports=(port, port))


def _etcd() -> Flow:
    return Flow(
        key="etcd",
        description="etcd clients and peers",
        source="control-planes",
        target="control-planes",
        ports=ETCD_PORTS,
    )

"""Whether the base nodes hold what runs on them, with one zone lost: requests against what a node has for pods.

Only requests count, as for the scheduler. First-fit decreasing shows that an arrangement exists; the scheduler, which
spreads pods, may find a worse one when there is hardly any room left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from components.eks import kubelet

# What the machine and its firmware keep of an instance's nominal memory; Karpenter's own default
# (https://karpenter.sh/docs/reference/settings/, VM_MEMORY_OVERHEAD_PERCENT).
_MEMORY_OVERHEAD: Final = 0.075


class Room(NamedTuple):
    """What a node has, or a pod asks for.

    Attributes:
        cpu: Millicores.
        memory: MiB.
    """

    cpu: int
    memory: int
    pods: int = 1

    def holds(self, other: Room) -> bool:
        """Say whether the other fits in."""
        return all(mine >= theirs for mine, theirs in zip(self, other, strict=True))

    def less(self, other: Room) -> Room:
        """Return what is left."""
        return Room(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Workload(NamedTuple):
    """Pods of one kind.

    Attributes:
        apart: Whether each needs a node of its own.
        source: Where the requests come from.
    """

    name: str
    replicas: int
    request: Room
    source: str
    apart: bool = False


_OURS: Final = "our own choice, set where the controller is installed"
_EBS: Final = "10m and 40Mi per container: defaults of chart aws-ebs-csi-driver 2.64.0"

# On every node.
DAEMONS: Final = (
    Workload("aws-node", 1, Room(50, 0), "25m for each of its two containers: defaults of add-on vpc-cni"),
    Workload("kube-proxy", 1, Room(100, 0), "default of add-on kube-proxy"),
    Workload("eks-pod-identity-agent", 1, Room(10, 32), "requests nothing; what it takes is set aside all the same"),
    Workload("ebs-csi-node", 1, Room(30, 120), f"three containers; {_EBS}"),
    Workload("efs-csi-node", 1, Room(30, 96), _OURS),
    Workload("node-exporter", 1, Room(10, 24), _OURS),
)

# Everything but Karpenter, whose count is a setting.
CONTROLLERS: Final = (
    Workload("coredns", 2, Room(100, 70), "defaults of add-on coredns; spread over zones", apart=True),
    Workload("argocd-application-controller", 1, Room(100, 512), "components/argocd/chart_values.py"),
    Workload("argocd-repo-server", 1, Room(50, 256), "components/argocd/chart_values.py"),
    Workload("argocd-server", 1, Room(50, 128), "components/argocd/chart_values.py"),
    Workload("argocd-applicationset-controller", 1, Room(25, 128), "components/argocd/chart_values.py"),
    Workload("argocd-redis", 1, Room(25, 64), "components/argocd/chart_values.py"),
    Workload("aws-load-balancer-controller", 2, Room(50, 128), _OURS),
    Workload("ebs-csi-controller", 2, Room(60, 240), f"six containers; {_EBS}"),
    Workload("efs-csi-controller", 2, Room(30, 96), _OURS),
    Workload("argocd-notifications-controller", 1, Room(10, 64), "components/argocd/chart_values.py"),
    Workload("external-secrets", 1, Room(25, 128), _OURS),
    Workload("external-secrets-webhook", 1, Room(10, 64), _OURS),
    Workload("external-secrets-cert-controller", 1, Room(10, 64), _OURS),
    Workload("external-dns", 1, Room(25, 64), _OURS),
    Workload("metrics-server", 2, Room(50, 64), _OURS),
    Workload("argo-rollouts", 2, Room(50, 64), _OURS),
    Workload("kube-prometheus-stack-operator", 1, Room(25, 64), _OURS),
    Workload("kube-prometheus-stack-kube-state-metrics", 1, Room(10, 64), _OURS),
    Workload("kube-prometheus-stack-grafana", 1, Room(60, 256), f"with its two sidecars; {_OURS}"),
    Workload("prometheus", 1, Room(105, 536), f"with its reloader; {_OURS}"),
    Workload("alertmanager", 1, Room(15, 72), f"with its reloader; {_OURS}"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseNodes:
    """The base node group, as far as room goes.

    Attributes:
        memory_gib: Nominal memory of the instance type.
        max_pods: Pods per node.
        count: Nodes that are there in any case.
        zones: Zones that they are spread over.
        karpenter_replicas: Controllers of Karpenter.
        all_replicas: Whether every replica must run with a zone lost, as far as there are nodes for them; otherwise one
            of each is enough.
    """

    vcpus: int
    memory_gib: float
    max_pods: int
    count: int
    zones: int
    karpenter_replicas: int
    all_replicas: bool


def allocatable(*, vcpus: int, memory_gib: float, max_pods: int) -> Room:
    """Return what a node has for pods, daemons included."""
    memory = memory_gib * 1024 * (1 - _MEMORY_OVERHEAD)
    kept = kubelet.reserved_memory_mib(max_pods) + kubelet.SYSTEM_RESERVED["memory"]
    return Room(
        cpu=1000 * vcpus - kubelet.reserved_cpu_millicores(vcpus) - kubelet.SYSTEM_RESERVED["cpu"],
        memory=math.floor(memory - kept - kubelet.EVICTION_HARD_MEMORY * memory),
        pods=max_pods,
    )


def workloads(karpenter_replicas: int) -> tuple[Workload, ...]:
    """Return what runs on base nodes beside the daemons; Karpenter's replicas refuse to share a node."""
    karpenter = Workload("karpenter", karpenter_replicas, Room(250, 512), "gitops/bootstrap", apart=True)
    return (karpenter, *CONTROLLERS)


def total(pods: Iterable[Workload]) -> Room:
    """Return the sum of the requests of all replicas."""
    kinds = tuple(pods)
    return Room(*(sum(kind.replicas * kind.request[part] for kind in kinds) for part in range(len(Room._fields))))


def unplaced(pods: Iterable[Workload], nodes: Sequence[Room]) -> list[str]:
    """Place pods on nodes, each on the first with room, and return those left over.

    Pods that refuse to share a node come first, then the largest.
    """
    left = list(nodes)
    over = []
    for kind in sorted(pods, key=lambda kind: (kind.apart, kind.request.memory, kind.request.cpu), reverse=True):
        taken: set[int] = set()
        for _ in range(kind.replicas):
            free = (index for index, room in enumerate(left) if index not in taken and room.holds(kind.request))
            index = next(free, None)
            if index is None:
                over.append(kind.name)
                continue
            left[index] = left[index].less(kind.request)
            if kind.apart:
                taken.add(index)
    return over


def shortage(nodes: BaseNodes) -> str | None:
    """Return why the base nodes do not hold their pods, with the arithmetic, or nothing if they do."""
    room = allocatable(vcpus=nodes.vcpus, memory_gib=nodes.memory_gib, max_pods=nodes.max_pods).less(total(DAEMONS))
    pods = workloads(nodes.karpenter_replicas)
    remaining = nodes.count - math.ceil(nodes.count / nodes.zones)
    lost = [kind._replace(replicas=_replicas(kind, remaining, nodes)) for kind in pods]
    for when, count, wanted in (("all zones there", nodes.count, pods), ("a zone lost", remaining, lost)):
        over = unplaced(wanted, [room] * count)
        if over:
            asked = total(wanted)
            return (
                f"with {when}, {count} x {max(0, room.memory)} MiB and {room.cpu}m are left for controllers that ask "
                f"for {asked.memory} MiB and {asked.cpu}m, and no node holds {over[0]}"
            )
    return None


def _replicas(kind: Workload, nodes: int, plan: BaseNodes) -> int:
    if not plan.all_replicas:
        return 1
    return min(kind.replicas, nodes) if kind.apart else kind.replicas

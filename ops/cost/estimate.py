"""From settings to lines: what each component of a stack costs a month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from components.edge import estimate as edge
from components.eks import estimate as eks
from components.identity import estimate as identity
from components.karpenter import estimate as karpenter
from components.network import estimate as network
from components.network.plan import ENDPOINT_SERVICES
from components.observability import estimate as observability
from components.prices.assumptions import Assumptions
from components.prices.line import Kind, Line
from components.secrets import estimate as secrets
from components.self_managed import estimate as self_managed
from components.storage import estimate as storage
from rules.instance_types import offered
from rules.machines import cluster_spec
from settings import EksSettings, SelfManagedSettings

# In the order of creation.
COMPONENTS: Final = (
    "network",
    "eks",
    "self_managed",
    "karpenter",
    "storage",
    "edge",
    "secrets",
    "observability",
    "identity",
)
AnySettings = EksSettings | SelfManagedSettings
_NOTHING: Final = Decimal("0.00")
_GIB: Final = {"Gi": 1, "Ti": 1024}


@dataclass(frozen=True, kw_only=True, slots=True)
class StackCost:
    """What a stack costs a month.

    Attributes:
        at_limits: Karpenter's nodes when its limits are used up; none when no type has a price, or without Karpenter.
        on_demand: Karpenter's part when all nodes are on demand, as far as the capacity types allow it.
        budget: What the stack's budget warns beyond.
        unpriced_types: Instance types that Karpenter may make and that have no price.
    """

    stack: str
    region: str
    lines: tuple[Line, ...]
    at_limits: karpenter.AtLimits | None
    on_demand: Decimal
    budget: int
    unpriced_types: tuple[str, ...]

    @property
    def components(self) -> tuple[str, ...]:
        """What the stack is made of; the variants differ."""
        there = {line.component for line in self.lines}
        return tuple(component for component in COMPONENTS if component in there)

    def total(self, component: str | None = None, kind: Kind | None = None) -> Decimal:
        """Return USD a month of all lines with a price, or of a component's or a kind's."""
        wanted = (line for line in self.lines if component in (None, line.component) and kind in (None, line.kind))
        return total(wanted)

    def unpriced(self, component: str | None = None) -> tuple[Line, ...]:
        """Return the lines without a price, which no total has."""
        return tuple(line for line in self.lines if line.amount is None and component in (None, line.component))


def total(lines: Iterable[Line]) -> Decimal:
    """Return the sum of the amounts; what has no price counts for nothing."""
    return sum((line.amount for line in lines if line.amount is not None), _NOTHING)


def estimate(stack: str, settings: AnySettings, assumed: Assumptions) -> StackCost:
    """Return what a stack costs a month.

    Args:
        stack: Its name, for the report alone.
        settings: Decide what there is.
        assumed: How much of it is used.
    """
    region = settings.aws.region
    nodes = settings if isinstance(settings, EksSettings) else None
    shape = None if nodes is None else _karpenter(nodes)
    dear = replace(assumed, spot_share=Decimal(0))
    lines = (
        *network.lines(region, _network(settings), assumed),
        *_cluster(settings, assumed),
        *(() if shape is None else karpenter.lines(region, shape, assumed)),
        *storage.lines(region, _storage(settings), assumed),
        *edge.lines(region, _edge(settings), assumed),
        *secrets.lines(region, len(settings.secrets.entries) + settings.edge.login, assumed),
        *observability.lines(region, _observability(settings), assumed),
        *identity.lines(region),
    )
    return StackCost(
        stack=stack,
        region=region,
        lines=lines,
        at_limits=None if shape is None else karpenter.at_limits(region, shape),
        on_demand=_NOTHING if shape is None else total(karpenter.lines(region, shape, dear)),
        budget=settings.observability.monthly_budget,
        unpriced_types=() if shape is None else karpenter.unpriced(region, shape),
    )


def _network(settings: AnySettings) -> network.NetworkShape:
    return network.NetworkShape(
        zones=len(settings.network.zones),
        nat=settings.network.nat,
        endpoints=len(ENDPOINT_SERVICES) if settings.network.private_endpoints else 0,
        flow_log_retention_days=settings.network.flow_log_retention_days,
    )


def _cluster(settings: AnySettings, assumed: Assumptions) -> tuple[Line, ...]:
    if isinstance(settings, EksSettings):
        return eks.lines(settings.aws.region, _eks(settings), assumed)
    sections = (settings.aws, settings.cluster, settings.network, settings.machines, settings.storage)
    public = len(settings.network.zones) if settings.cluster.public_access_cidrs else 0
    return self_managed.lines(
        settings.aws.region, self_managed.shape(cluster_spec(*sections), public_zones=public), assumed
    )


def _eks(settings: EksSettings) -> eks.ClusterShape:
    return eks.ClusterShape(
        instance_type=settings.nodes.instance_type,
        nodes=settings.nodes.count.desired,
        disk_gib=settings.nodes.disk_gib,
        log_retention_days=settings.cluster.log_retention_days,
    )


def _karpenter(settings: EksSettings) -> karpenter.KarpenterShape:
    wanted = settings.karpenter
    types = offered(wanted.instance_families, wanted.instance_sizes)
    return karpenter.KarpenterShape(
        usual_type=settings.nodes.instance_type,
        types={name: karpenter.Size(type_.vcpus, type_.memory_gib) for name, type_ in types.items()},
        max_cpu=int(wanted.limits.cpu),
        max_memory_gib=_gib(wanted.limits.memory),
        max_nodes=wanted.limits.nodes,
        capacity_types=wanted.capacity_types,
        volume_gib=_gib(wanted.volume_size),
    )


def _storage(settings: AnySettings) -> storage.StorageShape:
    return storage.StorageShape(
        file_system=settings.storage.file_system, repositories=len(settings.storage.repositories)
    )


def _edge(settings: AnySettings) -> edge.EdgeShape:
    return edge.EdgeShape(
        domain=settings.edge.domain is not None,
        own_zone=settings.edge.delegate,
        images=settings.storage.buckets.images is not None,
        login=settings.edge.login,
        firewall=settings.edge.firewall,
        log_retention_days=settings.cluster.log_retention_days,
        zones=len(settings.network.zones),
    )


def _observability(settings: AnySettings) -> observability.ObservabilityShape:
    zones = len(settings.network.zones)
    regional = settings.network.nat == "regional"
    domain = settings.edge.domain is not None
    return observability.ObservabilityShape(
        nat_gateways=1 if regional else network.gateways(settings.network.nat, zones),
        # Those that nodes and pods take addresses of.
        subnets=zones if settings.network.pod_cidr is None else 2 * zones,
        certificates=int(domain),
        global_certificates=int(domain and settings.storage.buckets.images is not None),
        log_retention_days=settings.cluster.log_retention_days,
        karpenter=isinstance(settings, EksSettings),
    )


def _gib(quantity: str) -> int:
    return int(quantity[:-2]) * _GIB[quantity[-2:]]

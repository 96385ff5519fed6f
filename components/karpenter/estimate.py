"""What Karpenter costs a month: its queue and rules, and nodes from none to its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there
from components.prices.price import Price
from components.prices.table import instance_price, spot


class Size(NamedTuple):
    """What a node of a type counts for against the limits."""

    vcpus: int
    memory_gib: float


@dataclass(frozen=True, kw_only=True, slots=True)
class KarpenterShape:
    """What Karpenter may make, as far as it costs something.

    Attributes:
        usual_type: The type that nodes are reckoned as, when Karpenter may make it and it has a price.
        types: What Karpenter may make, by name.
        max_cpu: vCPUs of all nodes together.
        max_memory_gib: GiB of all nodes together.
        max_nodes: How many there may be.
        capacity_types: `spot`, `on-demand`, or both.
        volume_gib: Of each node.
    """

    usual_type: str
    types: Mapping[str, Size]
    max_cpu: int
    max_memory_gib: int
    max_nodes: int
    capacity_types: tuple[str, ...]
    volume_gib: int

    def most(self, instance_type: str) -> int:
        """Return how many nodes of one type the limits allow."""
        size = self.types[instance_type]
        return min(self.max_nodes, self.max_cpu // size.vcpus, int(self.max_memory_gib // size.memory_gib))

    def spot_share(self, wanted: Decimal) -> Decimal:
        """Return the share on spot, as far as the capacity types leave a choice."""
        if len(set(self.capacity_types)) == 1:
            return Decimal("spot" in self.capacity_types)
        return wanted


class AtLimits(NamedTuple):
    """The dearest type to use the limits up with, among those that have a price.

    A mix of types can reach further into all three limits at once, and then costs more.

    Attributes:
        nodes: How many of the type the limits allow.
        amount: USD a month, all on demand, disks included where they have a price.
    """

    instance_type: str
    nodes: int
    amount: Decimal


def reckoned_type(region: str, shape: KarpenterShape) -> str | None:
    """Return the type that nodes are reckoned as; none when no type that Karpenter may make has a price."""
    prices = _priced(region, shape)
    if shape.usual_type in prices:
        return shape.usual_type
    return min(prices, key=lambda name: (prices[name].usd, name), default=None)


def unpriced(region: str, shape: KarpenterShape) -> tuple[str, ...]:
    """Return the types that Karpenter may make and that have no price."""
    return tuple(sorted(shape.types.keys() - _priced(region, shape).keys()))


def lines(region: str, shape: KarpenterShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what Karpenter and its nodes cost a month, on average."""
    sheet = Sheet(component="karpenter", region=region)
    usage = (
        sheet.usage(Item.QUEUE, assumed.queue_requests_million, "queue_requests_million"),
        sheet.usage(Item.SERVICE_EVENTS, assumed.queue_requests_million, "what the rules send to the queue"),
    )
    return there((*usage, *_nodes(sheet, shape, assumed)))


def at_limits(region: str, shape: KarpenterShape) -> AtLimits | None:
    """Return what the nodes can cost at most; none when no type that Karpenter may make has a price."""
    sheet = Sheet(component="karpenter", region=region)
    found = []
    for name, hour in _priced(region, shape).items():
        nodes = shape.most(name)
        disks = sheet.fixed(Item.DISK, nodes * shape.volume_gib, "at the limits").amount
        found.append(AtLimits(name, nodes, hour.monthly(Decimal(nodes)) + (disks or 0)))
    return max(found, key=lambda filling: (filling.amount, filling.instance_type), default=None)


def _priced(region: str, shape: KarpenterShape) -> Mapping[str, Price]:
    prices = {name: instance_price(name, region) for name in shape.types}
    return {name: price for name, price in prices.items() if price is not None}


def _nodes(sheet: Sheet, shape: KarpenterShape, assumed: Assumptions) -> tuple[Line, ...]:
    name = reckoned_type(sheet.region, shape)
    most = shape.max_nodes if name is None else shape.most(name)
    nodes = most * assumed.karpenter_share
    share = shape.spot_share(assumed.spot_share)
    on_demand = None if name is None else instance_price(name, sheet.region)
    on_spot = None if on_demand is None else spot(on_demand, assumed.spot_discount)
    why = f"karpenter_share {assumed.karpenter_share} of at most {most}"
    return (
        sheet.instances(f"{name or 'nodes'} on demand", nodes * (1 - share), on_demand, "usage", why),
        sheet.instances(f"{name or 'nodes'} on spot", nodes * share, on_spot, "usage", f"{why}, {share} on spot"),
        sheet.usage(Item.DISK, nodes * shape.volume_gib, f"{nodes.normalize():f} nodes x {shape.volume_gib} GiB"),
    )

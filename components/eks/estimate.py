"""What the cluster and its base nodes cost a month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there
from components.prices.table import instance_price


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterShape:
    """A cluster, as far as it costs something.

    Attributes:
        nodes: The desired number of base nodes, which are always on demand.
        log_retention_days: Of the control plane's logs.
    """

    instance_type: str
    nodes: int
    disk_gib: int
    log_retention_days: int


def lines(region: str, shape: ClusterShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what the cluster costs a month.

    Its version is in standard support, for the settings refuse others; extended support costs six times as much.
    """
    sheet = Sheet(component="eks", region=region)
    nodes = Decimal(shape.nodes)
    return there(
        (
            sheet.fixed(Item.CONTROL_PLANE, 1, "one cluster"),
            sheet.instances(
                f"{shape.instance_type} on demand",
                nodes,
                instance_price(shape.instance_type, region),
                "fixed",
                "nodes.count.desired",
            ),
            sheet.fixed(Item.DISK, shape.nodes * shape.disk_gib, f"{shape.nodes} nodes x {shape.disk_gib} GiB"),
            sheet.fixed(Item.KEY, 2, "the cluster's Secrets, its logs"),
            sheet.usage(Item.KEY_REQUESTS, assumed.key_requests_10k, "key_requests_10k, of all rooms"),
            *sheet.logs(assumed.control_plane_log_gb, shape.log_retention_days, "control_plane_log_gb"),
        )
    )

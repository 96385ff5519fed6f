"""The nodes of the documents' example, three t3.medium in Seoul: what they cost, and what "with spot" can mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from components.prices.items import Item
from components.prices.line import Line, Sheet
from components.prices.table import instance_price, spot
from ops.cost.estimate import total

SEOUL: Final = "ap-northeast-2"
_TYPE: Final = "t3.medium"
_DISK_GIB: Final = 20
# What the documents take spot to save, and what a plan should: https://aws.amazon.com/ec2/spot/pricing/.
DOCUMENTS_DISCOUNT: Final = Decimal("0.65")
PLANNED_DISCOUNT: Final = Decimal("0.40")


class Row(NamedTuple):
    """One reading of the example."""

    what: str
    amount: Decimal


def nodes(region: str, on_demand: int, on_spot: int, discount: Decimal) -> Decimal:
    """Return what t3.medium nodes cost a month, some of them on spot."""
    sheet, hour = Sheet(component="eks", region=region), instance_price(_TYPE, region)
    cheaper = None if hour is None else spot(hour, discount)
    return total(
        (
            sheet.instances(f"{_TYPE} on demand", Decimal(on_demand), hour, "fixed", "the example"),
            sheet.instances(f"{_TYPE} on spot", Decimal(on_spot), cheaper, "fixed", "the example"),
        )
    )


def disks(region: str, count: int) -> Decimal:
    """Return what the disks of so many nodes cost a month."""
    return total([_sheet(region).fixed(Item.DISK, count * _DISK_GIB, "the example")])


def small_stack(region: str) -> tuple[Line, ...]:
    """Return the least that a stack has: two nodes with disks, one NAT gateway, one load balancer in two zones."""
    sheet = _sheet(region)
    return (
        sheet.fixed(Item.CONTROL_PLANE, 1, "one cluster"),
        sheet.instances(f"{_TYPE} on demand", Decimal(2), instance_price(_TYPE, region), "fixed", "two nodes"),
        sheet.fixed(Item.DISK, 2 * _DISK_GIB, "their disks"),
        sheet.fixed(Item.NAT, 1, "one gateway"),
        sheet.fixed(Item.IPV4, 1, "its address"),
        sheet.fixed(Item.LOAD_BALANCER, 1, "one, internet-facing"),
        sheet.fixed(Item.IPV4, 2, "its addresses, one in each zone"),
        sheet.fixed(Item.KEY, 1, "the cluster's Secrets"),
    )


def rows(region: str = SEOUL) -> tuple[Row, ...]:
    """Return the readings, from what the documents say to what a stack needs."""
    none = Decimal(0)
    return (
        Row("3 x t3.medium on demand", nodes(region, 3, 0, none)),
        Row("3 x t3.medium on spot at 65 % off", nodes(region, 0, 3, DOCUMENTS_DISCOUNT)),
        Row("1 on demand + 2 on spot at 65 % off", nodes(region, 1, 2, DOCUMENTS_DISCOUNT)),
        Row("1 on demand + 2 on spot at 40 % off", nodes(region, 1, 2, PLANNED_DISCOUNT)),
        Row("2 on demand alone", nodes(region, 2, 0, none)),
        Row("3 on demand + 3 x 20 GB gp3", nodes(region, 3, 0, none) + disks(region, 3)),
        Row("2 on demand + disks, control plane, NAT, load balancer, key", total(small_stack(region))),
    )


def _sheet(region: str) -> Sheet:
    return Sheet(component="eks", region=region)

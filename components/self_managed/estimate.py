"""What a cluster of one's own machines costs a month: instances, their disks, the way to the API, keys and alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there
from components.prices.table import instance_price
from components.self_managed.spec import ClusterSpec

# Detailed monitoring is billed as custom metrics, seven of each instance:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/manage-detailed-monitoring.html
_METRICS_PER_MACHINE: Final = 7
# Age of the newest snapshot and days left of the certificates, with an alarm on each.
_OWN_METRICS: Final = 2
# Of control planes' secrets and of the token that all join by.
_KEYS: Final = 2
# The issuer's two documents have a few kilobytes.
_ISSUER_GB: Final = Decimal("0.00001")


@dataclass(frozen=True, kw_only=True, slots=True)
class MachinesShape:
    """A cluster's machines, as far as they cost something.

    Attributes:
        types: How many instances there are of each type.
        root_gib: Of all root volumes together.
        etcd_gib: Of all etcd volumes together.
        public_zones: In how many zones the internet-facing balancer of the API has an address; 0 without one.
        internal_balancer: Whether several control planes stand behind one.
    """

    types: Mapping[str, int]
    root_gib: int
    etcd_gib: int
    public_zones: int
    internal_balancer: bool


def shape(spec: ClusterSpec, *, public_zones: int) -> MachinesShape:
    """Return the shape of a cluster."""
    members = len(spec.control_planes)
    return MachinesShape(
        types=dict(sorted(Counter(node.instance_type for node in spec.nodes).items())),
        root_gib=sum(node.disk_gib for node in spec.nodes),
        etcd_gib=members * spec.etcd_gib,
        public_zones=public_zones,
        internal_balancer=members > 1,
    )


def lines(region: str, wanted: MachinesShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what the machines cost a month. A parameter of the standard tier costs nothing."""
    sheet = Sheet(component="self_managed", region=region)
    balancers = int(wanted.internal_balancer) + int(wanted.public_zones > 0)
    count = sum(wanted.types.values())
    return there(
        (
            *(_instances(sheet, region, name, number) for name, number in wanted.types.items()),
            sheet.fixed(Item.DISK, wanted.root_gib, f"root volumes of {count} machines"),
            sheet.fixed(Item.DISK, wanted.etcd_gib, "volumes of etcd"),
            sheet.fixed(Item.METRIC, count * _METRICS_PER_MACHINE, "detailed monitoring of each machine"),
            sheet.fixed(Item.NETWORK_LOAD_BALANCER, balancers, "in front of the API"),
            sheet.fixed(Item.IPV4, wanted.public_zones, f"{wanted.public_zones} zones of the public balancer"),
            sheet.fixed(Item.ZONE, 1, "the API's name in the VPC"),
            sheet.fixed(Item.KEY, _KEYS, "control planes' secrets, the join token"),
            sheet.fixed(Item.ALARM, _OWN_METRICS, "etcd snapshots, certificates"),
            sheet.usage(Item.METRIC, Decimal(_OWN_METRICS), "etcd snapshots, certificates"),
            sheet.usage(Item.NLCU, Decimal(balancers), "one capacity unit each"),
            sheet.usage(Item.KEY_REQUESTS, assumed.key_requests_10k, "key_requests_10k, of all rooms"),
            sheet.usage(Item.S3, _ISSUER_GB, "two documents of the issuer"),
        )
    )


def _instances(sheet: Sheet, region: str, name: str, number: int) -> Line:
    price = instance_price(name, region)
    return sheet.instances(f"{name} on demand", Decimal(number), price, "fixed", "machines")

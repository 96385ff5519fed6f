"""What the edge costs a month: zone, certificates, firewall, CloudFront, log-in, and the tree's load balancers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from components.edge.rules import firewall_rules
from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there

_GLOBAL: Final = "us-east-1"
_NONE: Final = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeShape:
    """What faces the outside; without a domain there is none of it.

    Attributes:
        own_zone: Whether the stack has a hosted zone of its own.
        images: Whether CloudFront serves a bucket.
        login: Whether there is a user pool.
        firewall: Whether web ACLs stand before the load balancers and CloudFront.
        log_retention_days: Of the web ACLs' logs.
        zones: Availability zones, in each of which a load balancer has an address.
    """

    domain: bool
    own_zone: bool
    images: bool
    login: bool
    firewall: bool
    log_retention_days: int
    zones: int


def lines(region: str, shape: EdgeShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what the edge costs a month."""
    if not shape.domain:
        return ()
    sheet = Sheet(component="edge", region=region)
    balancers = assumed.load_balancers
    return there(
        (
            sheet.fixed(Item.ZONE, int(shape.own_zone), "edge.delegate"),
            sheet.fixed(Item.CERTIFICATE, 2 if shape.images else 1, "the domain's, and in us-east-1 the images'"),
            sheet.usage(Item.LOAD_BALANCER, balancers, "load_balancers"),
            sheet.usage(Item.LCU, balancers * assumed.lcus, "load_balancers x lcus"),
            sheet.usage(Item.IPV4, balancers * shape.zones, f"load_balancers x {shape.zones} zones"),
            *_firewall(sheet, shape, assumed),
            *(_firewall(Sheet(component="edge", region=_GLOBAL), shape, assumed) if shape.images else ()),
            *(_images(sheet, assumed) if shape.images else ()),
            sheet.usage(Item.LOGIN, assumed.users if shape.login else _NONE, "users"),
        )
    )


def _firewall(sheet: Sheet, shape: EdgeShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return the lines of one web ACL; CloudFront's lies in us-east-1 with its logs."""
    if not shape.firewall:
        return ()
    where = f"web ACL in {sheet.region}"
    return (
        sheet.fixed(Item.FIREWALL, 1, where),
        sheet.fixed(Item.FIREWALL_RULE, len(firewall_rules()), where),
        sheet.fixed(Item.KEY, 1, f"logs of the {where}"),
        sheet.usage(Item.FIREWALL_REQUESTS, assumed.requests_million, "requests_million"),
        *sheet.logs(assumed.firewall_log_gb, shape.log_retention_days, "firewall_log_gb"),
    )


def _images(sheet: Sheet, assumed: Assumptions) -> tuple[Line, ...]:
    return (
        sheet.usage(Item.S3, assumed.images_bucket_gb, "images_bucket_gb"),
        sheet.usage(Item.CDN_GB, assumed.cdn_gb, "cdn_gb"),
        sheet.usage(Item.CDN_REQUESTS, assumed.requests_million * 100, "requests_million"),
    )

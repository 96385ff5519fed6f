"""List prices of all but instances, by what is paid for and region.

https://aws.amazon.com/pricing/ has the last word. A region that is not in a row has no price there: a neighbour's would
be a guess. What AWS itself has at one price everywhere, or counts for the world, is under `EVERYWHERE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from components.prices.price import Price, Source, Unit
from components.prices.sources import (
    ACM_FREE,
    BILL_SEOUL,
    BILL_TOKYO,
    CHEATSHEET,
    CROSSING,
    GATEWAY_FREE,
    IAM_GUIDE,
    INFRACOST,
    LIST_TOKYO,
    NAT_COMPARED,
    RULES_SEOUL,
    SERVICE_EVENTS,
    TOOLS,
    WAF_EVERYWHERE,
    WORKSHOP,
)

EVERYWHERE: Final = "*"


class Item(StrEnum):
    """What can be paid for, as an estimate names it."""

    CONTROL_PLANE = "EKS control plane, standard support"
    NAT = "NAT gateway"
    NAT_GB = "through NAT"
    ENDPOINT = "interface endpoint in a zone"
    ENDPOINT_GB = "through interface endpoints"
    GATEWAY_ENDPOINT = "gateway endpoint"
    IPV4 = "public IPv4 address"
    DISK = "gp3 disk"
    SNAPSHOT = "EBS snapshot"
    LOAD_BALANCER = "application load balancer"
    LCU = "load balancer capacity unit"
    NETWORK_LOAD_BALANCER = "network load balancer"
    NLCU = "network load balancer capacity unit"
    EGRESS = "to the internet"
    CROSSING = "between zones, both directions"
    LOG_INGEST = "logs taken in"
    LOG_STORE = "logs kept"
    FILE_SYSTEM = "EFS, standard class"
    BACKUP_FILES = "backup of EFS"
    BACKUP_DISKS = "backup of EBS volumes"
    S3 = "S3, standard class"
    IMAGES = "container images in ECR"
    KEY = "KMS key"
    KEY_REQUESTS = "requests to KMS"
    SECRET = "secret"
    SECRET_CALLS = "reads of secrets"
    ZONE = "hosted zone"
    CERTIFICATE = "public certificate"
    FIREWALL = "WAF web ACL"
    FIREWALL_RULE = "WAF rule or managed group"
    FIREWALL_REQUESTS = "requests through WAF"
    CDN_GB = "CloudFront to viewers near the region"
    CDN_REQUESTS = "HTTPS requests to CloudFront"
    LOGIN = "users who log in by Cognito"
    QUEUE = "requests to SQS"
    SERVICE_EVENTS = "events of AWS services"
    DASHBOARD = "CloudWatch dashboard"
    ALARM = "CloudWatch alarm"
    METRIC = "custom metric"
    FUNCTION = "Lambda runs"
    MAIL = "alarm e-mails by SNS"
    IAM = "IAM roles and Pod Identity"


_US: Final = "us-east-1"
_SEOUL: Final = "ap-northeast-2"
_TOKYO: Final = "ap-northeast-1"
_SAME: Final = "the same in every region with a source"


class Row(NamedTuple):
    """The prices of one item.

    Attributes:
        by_region: Empty for what no source prices.
    """

    unit: Unit
    by_region: Mapping[str, Price]


class _Cell(NamedTuple):
    region: str
    usd: str
    sources: tuple[Source, ...]
    inferred: str | None


def _in(region: str, usd: str, *sources: Source, inferred: str | None = None) -> _Cell:
    return _Cell(region, usd, sources, inferred)


def _row(unit: Unit, *cells: _Cell) -> Row:
    prices = (
        (cell.region, Price(usd=Decimal(cell.usd), unit=unit, sources=cell.sources, inferred=cell.inferred))
        for cell in cells
    )
    return Row(unit, dict(prices))


PRICES: Final[Mapping[Item, Row]] = {
    # cluster
    Item.CONTROL_PLANE: _row(
        "h",
        _in(_US, "0.10", INFRACOST),
        _in(_SEOUL, "0.10", WORKSHOP, BILL_SEOUL, RULES_SEOUL),
        _in(_TOKYO, "0.10", inferred=_SAME),
    ),
    Item.DISK: _row(
        "GB-month",
        _in(_US, "0.080", INFRACOST),
        _in(_SEOUL, "0.0912", BILL_SEOUL, RULES_SEOUL, CHEATSHEET),
        _in(_TOKYO, "0.096", TOOLS),
    ),
    # network
    Item.NAT: _row(
        "h",
        _in(_US, "0.045", INFRACOST, NAT_COMPARED),
        _in(_SEOUL, "0.059", NAT_COMPARED, WORKSHOP, BILL_SEOUL),
        _in(_TOKYO, "0.062", LIST_TOKYO, BILL_TOKYO),
    ),
    Item.NAT_GB: _row(
        "GB",
        _in(_US, "0.045", INFRACOST, NAT_COMPARED),
        _in(_SEOUL, "0.059", NAT_COMPARED, WORKSHOP, BILL_SEOUL),
        _in(_TOKYO, "0.062", LIST_TOKYO, BILL_TOKYO),
    ),
    Item.ENDPOINT: _row(
        "h",
        _in(_US, "0.010", INFRACOST),
        _in(_SEOUL, "0.013", RULES_SEOUL, CHEATSHEET),
        _in(_TOKYO, "0.014", LIST_TOKYO, BILL_TOKYO),
    ),
    Item.ENDPOINT_GB: _row(
        "GB",
        _in(_US, "0.01", INFRACOST),
        _in(_SEOUL, "0.01", RULES_SEOUL, CHEATSHEET),
        _in(_TOKYO, "0.01", LIST_TOKYO),
    ),
    Item.GATEWAY_ENDPOINT: _row("h", _in(EVERYWHERE, "0", GATEWAY_FREE)),
    Item.IPV4: _row(
        "h",
        _in(_US, "0.005", INFRACOST),
        _in(_SEOUL, "0.005", BILL_SEOUL, RULES_SEOUL),
        _in(_TOKYO, "0.005", LIST_TOKYO),
    ),
    # Internet-facing; the tree's Ingress makes it.
    Item.LOAD_BALANCER: _row(
        "h",
        _in(_US, "0.0225", INFRACOST),
        _in(_SEOUL, "0.0225", RULES_SEOUL, BILL_SEOUL),
        _in(_TOKYO, "0.0243", BILL_TOKYO),
    ),
    Item.LCU: _row("h", _in(_US, "0.008", INFRACOST), _in(_SEOUL, "0.008", RULES_SEOUL)),
    # In front of a self-managed API.
    Item.NETWORK_LOAD_BALANCER: _row(
        "h",
        _in(_US, "0.0225", INFRACOST),
        _in(_SEOUL, "0.0225", RULES_SEOUL),
        _in(_TOKYO, "0.0243", inferred="as the application load balancer, as in every region with a source"),
    ),
    Item.NLCU: _row("h", _in(_US, "0.006", INFRACOST), _in(_SEOUL, "0.006", RULES_SEOUL)),
    Item.EGRESS: _row(
        "GB",
        _in(_US, "0.090", INFRACOST),
        _in(_SEOUL, "0.126", INFRACOST, CHEATSHEET),
        _in(_TOKYO, "0.114", INFRACOST),
    ),
    # Both sides of a zone's border pay 0.01: https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer
    Item.CROSSING: _row("GB", _in(EVERYWHERE, "0.02", INFRACOST, CROSSING)),
    # logs and storage
    Item.LOG_INGEST: _row("GB", _in(_US, "0.50", INFRACOST), _in(_SEOUL, "0.76", RULES_SEOUL, CHEATSHEET)),
    Item.LOG_STORE: _row("GB-month", _in(_US, "0.03", INFRACOST), _in(_SEOUL, "0.0314", RULES_SEOUL)),
    Item.S3: _row(
        "GB-month",
        _in(_US, "0.023", INFRACOST),
        _in(_SEOUL, "0.025", RULES_SEOUL, CHEATSHEET),
        _in(_TOKYO, "0.025", TOOLS),
    ),
    Item.FILE_SYSTEM: _row("GB-month", _in(_US, "0.30", INFRACOST)),
    Item.BACKUP_FILES: _row("GB-month", _in(_US, "0.06", INFRACOST)),
    Item.BACKUP_DISKS: _row("GB-month", _in(_US, "0.055", INFRACOST)),
    Item.SNAPSHOT: _row("GB-month", _in(_US, "0.05", INFRACOST), _in(_SEOUL, "0.05", RULES_SEOUL)),
    Item.IMAGES: _row(
        "GB-month",
        _in(_US, "0.10", INFRACOST),
        _in(_SEOUL, "0.10", RULES_SEOUL),
        _in(_TOKYO, "0.10", inferred=_SAME),
    ),
    # keys and secrets
    Item.KEY: _row(
        "month",
        _in(_US, "1.00", INFRACOST),
        _in(_SEOUL, "1.00", RULES_SEOUL),
        _in(_TOKYO, "1.00", inferred=_SAME),
    ),
    Item.KEY_REQUESTS: _row(
        "10k requests",
        _in(_US, "0.03", INFRACOST),
        _in(_SEOUL, "0.03", RULES_SEOUL),
        _in(_TOKYO, "0.03", inferred=_SAME),
    ),
    Item.SECRET: _row(
        "month",
        _in(_US, "0.40", INFRACOST),
        _in(_SEOUL, "0.40", RULES_SEOUL),
        _in(_TOKYO, "0.40", inferred=_SAME),
    ),
    Item.SECRET_CALLS: _row(
        "10k requests",
        _in(_US, "0.05", INFRACOST),
        _in(_SEOUL, "0.05", RULES_SEOUL),
        _in(_TOKYO, "0.05", inferred=_SAME),
    ),
    # edge
    Item.ZONE: _row("month", _in(EVERYWHERE, "0.50", INFRACOST)),
    Item.CERTIFICATE: _row("month", _in(EVERYWHERE, "0", ACM_FREE)),
    Item.FIREWALL: _row("month", _in(EVERYWHERE, "5.00", INFRACOST, WAF_EVERYWHERE)),
    Item.FIREWALL_RULE: _row("month", _in(EVERYWHERE, "1.00", INFRACOST, WAF_EVERYWHERE)),
    Item.FIREWALL_REQUESTS: _row("million", _in(EVERYWHERE, "0.60", INFRACOST, WAF_EVERYWHERE)),
    # By the viewers' place. Korea is not named in the source.
    Item.CDN_GB: _row(
        "GB",
        _in(_US, "0.085", INFRACOST),
        _in(_SEOUL, "0.120", INFRACOST, inferred="Korea counted as Asia Pacific"),
        _in(_TOKYO, "0.114", INFRACOST),
    ),
    Item.CDN_REQUESTS: _row(
        "10k requests",
        _in(_US, "0.010", INFRACOST),
        _in(_SEOUL, "0.012", INFRACOST, inferred="Korea counted as Asia Pacific"),
        _in(_TOKYO, "0.012", INFRACOST),
    ),
    Item.LOGIN: _row("month"),
    # messages and watching
    Item.QUEUE: _row("million", _in(_US, "0.40", INFRACOST)),
    Item.SERVICE_EVENTS: _row("million", _in(_US, "0", SERVICE_EVENTS), _in(EVERYWHERE, "0", inferred=_SAME)),
    Item.DASHBOARD: _row("month", _in(_US, "3.00", INFRACOST)),
    Item.ALARM: _row("month", _in(_US, "0.10", INFRACOST), _in(_SEOUL, "0.10", CHEATSHEET)),
    Item.METRIC: _row("month", _in(_US, "0.30", INFRACOST), _in(_SEOUL, "0.30", CHEATSHEET)),
    Item.FUNCTION: _row("million"),
    Item.MAIL: _row("million"),
    Item.IAM: _row("month", _in(EVERYWHERE, "0", IAM_GUIDE)),
}

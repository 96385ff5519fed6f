"""What watching costs a month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from components.karpenter.names import RULE_KINDS
from components.observability.alarms import Watched, plan
from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there
from components.prices.price import HOURS

_GLOBAL: Final = "us-east-1"


# The function runs every five minutes.
_RUNS_PER_HOUR: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservabilityShape:
    """What is watched, in numbers.

    Attributes:
        subnets: Those whose free addresses are counted.
        certificates: In the stack's region.
        global_certificates: In us-east-1.
        log_retention_days: Of the logs of the function that counts.
        karpenter: Whether it and a control plane of AWS are watched.
    """

    nat_gateways: int
    subnets: int
    certificates: int
    global_certificates: int
    log_retention_days: int
    karpenter: bool = True


def lines(region: str, shape: ObservabilityShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what watching costs a month. A budget without actions and cost allocation tags cost nothing."""
    here = Sheet(component="observability", region=region)
    far = Sheet(component="observability", region=_GLOBAL)
    # Where the stack lies in us-east-1 itself, one topic and key take all alarms.
    far_keys = int(shape.global_certificates > 0 and region != _GLOBAL)
    runs = Decimal(_RUNS_PER_HOUR * HOURS) / 1_000_000
    return there(
        (
            here.fixed(Item.DASHBOARD, 1, "Karpenter" if shape.karpenter else "Kubernetes"),
            here.fixed(Item.ALARM, _alarms(shape), f"in {region}"),
            far.fixed(Item.ALARM, shape.global_certificates, f"certificates in {_GLOBAL}"),
            here.fixed(Item.METRIC, shape.subnets, "free addresses of each subnet"),
            here.fixed(Item.KEY, 2, "alarms, logs of the function that counts addresses"),
            far.fixed(Item.KEY, far_keys, f"alarms in {_GLOBAL}"),
            here.usage(Item.FUNCTION, runs, "the function that counts addresses"),
            *here.logs(assumed.function_log_gb, shape.log_retention_days, "function_log_gb"),
            here.usage(Item.MAIL, assumed.alarm_mails / 1_000_000, "alarm_mails"),
        )
    )


def _alarms(shape: ObservabilityShape) -> int:
    watched = Watched(
        cluster_name="",
        queue_name="" if shape.karpenter else None,
        rules=dict.fromkeys(RULE_KINDS if shape.karpenter else (), ""),
        nat_gateways=_some(shape.nat_gateways),
        subnets=_some(shape.subnets),
        free_addresses=0,
        certificates=_some(shape.certificates),
        vault="",
        function="",
    )
    return len(plan(watched))


def _some(count: int) -> dict[str, str]:
    return {str(index): "" for index in range(count)}

"""Stand-ins for the operators of a cluster, as rows for `controllers`."""

from __future__ import annotations

from typing import Final

from sandbox.kubernetes.operators import (
    cloudnative_pg,
    external_secrets,
    prometheus_operator,
    rabbitmq,
    redis_operator,
    rollouts,
)
from sandbox.kubernetes.operators.load_balancers import rows as load_balancers

__all__ = ["ROWS"]

ROWS: Final = (
    *external_secrets.ROWS,
    *load_balancers.ROWS,
    *rollouts.ROWS,
    *prometheus_operator.ROWS,
    *cloudnative_pg.ROWS,
    *redis_operator.ROWS,
    *rabbitmq.ROWS,
)

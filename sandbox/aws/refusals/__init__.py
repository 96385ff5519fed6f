"""What AWS refuses and moto does not: rules by resource type and moment."""

from __future__ import annotations

from sandbox.aws.refusals import (  # noqa: F401 - importing registers the rules
    addresses,
    alarms,
    backups,
    balancers,
    billing,
    buckets,
    deliveries,
    distributions,
    domains,
    endpoints,
    federation,
    firewalls,
    functions,
    keys,
    login,
    machines,
    network,
    parameters,
    policies,
    queues,
    secrets,
    security_groups,
    storage,
    topics,
)
from sandbox.aws.refusals.registry import Case, refuse

__all__ = ["Case", "refuse"]

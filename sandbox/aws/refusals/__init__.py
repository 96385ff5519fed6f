"""What AWS refuses and moto does not: rules by resource type and moment."""

from __future__ import annotations

from sandbox.aws.refusals import (  # noqa: F401 - importing registers the rules
    addresses,
    endpoints,
    keys,
    network,
    policies,
    queues,
    security_groups,
)
from sandbox.aws.refusals.registry import Case, refuse

__all__ = ["Case", "refuse"]

"""What AWS refuses and moto does not: rules by resource type and moment."""

from __future__ import annotations

from sandbox.aws.refusals import keys, network, policies, queues  # noqa: F401 - importing registers the rules
from sandbox.aws.refusals.registry import Case, refuse

__all__ = ["Case", "refuse"]

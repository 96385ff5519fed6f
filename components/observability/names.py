"""The names that alarms, dashboards and runbooks look things up by, within the limits of AWS."""

from __future__ import annotations

from typing import Final

from components.karpenter.names import fit

# Where the free addresses of subnets are written to; no service of AWS writes there.
NAMESPACE: Final = "Platform/Network"
METRIC: Final = "FreeAddresses"
_FUNCTION_LIMIT: Final = 64
_BUDGET_LIMIT: Final = 100


def topic(cluster_name: str) -> str:
    """Name the topic of the alarms, and the alias of its key."""
    return f"{cluster_name}-alarms"


def dashboard(cluster_name: str, *, karpenter: bool) -> str:
    """Name the dashboard; with Karpenter as the documents call it."""
    return f"{'Karpenter' if karpenter else 'Kubernetes'}-{cluster_name}"


def function(cluster_name: str) -> str:
    """Name the function that counts free addresses, and the rule that starts it."""
    return fit(cluster_name, _FUNCTION_LIMIT, after="-free-addresses")


def log_group(cluster_name: str) -> str:
    """Name the function's log group; Lambda writes to the one of this name."""
    return f"/aws/lambda/{function(cluster_name)}"


def budget(cluster_name: str) -> str:
    """Name the monthly budget."""
    return fit(cluster_name, _BUDGET_LIMIT, after="-monthly")


def alarm(cluster_name: str, key: str) -> str:
    """Name an alarm."""
    return f"{cluster_name}-{key}"

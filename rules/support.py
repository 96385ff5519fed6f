"""Until when EKS supports a Kubernetes version, and which Karpenter fits it. State of 2026-11-20.

Sources: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html and
https://karpenter.sh/docs/upgrading/compatibility/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

# Last day of standard support. After it EKS upgrades the cluster by itself, for upgradePolicy is STANDARD.
STANDARD_SUPPORT_ENDS: Final[Mapping[str, date]] = {
    "1.33": date(2026, 7, 29),
    "1.34": date(2026, 12, 2),
    "1.35": date(2027, 3, 27),
    "1.36": date(2027, 8, 2),
}

# The oldest Karpenter that supports the Kubernetes version.
OLDEST_KARPENTER: Final[Mapping[str, str]] = {"1.34": "1.6", "1.35": "1.9", "1.36": "1.13"}

# An upgrade takes weeks of planning; that is when the warnings begin.
WARN_DAYS: Final = 90


def release(version: str) -> tuple[int, ...]:
    """Return the major and minor number, so that 1.9 sorts before 1.13."""
    return tuple(int(part) for part in version.removeprefix("v").split("-")[0].split(".")[:2])


def newest() -> str:
    """Return the newest Kubernetes version in the table."""
    return max(STANDARD_SUPPORT_ENDS, key=release)

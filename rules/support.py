"""Until when EKS supports a Kubernetes version, and which Karpenter and add-ons fit it. State of 2026-11-20.

Sources: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html,
https://karpenter.sh/docs/upgrading/compatibility/ and, for add-ons, the versions that clusters in public repositories
ran in autumn 2026 and https://docs.aws.amazon.com/eks/latest/userguide/managing-coredns.html. AWS itself answers by
`aws eks describe-addon-versions --kubernetes-version`, which needs an account.
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

# The oldest release of an add-on that was seen with the Kubernetes version. Newer ones are not refused: AWS publishes
# them every few weeks, and EKS refuses by itself what does not fit. kube-proxy is not here: it has Kubernetes' version.
OLDEST_ADDONS: Final[Mapping[str, Mapping[str, str]]] = {
    "1.34": {"coredns": "1.12"},
    "1.35": {"coredns": "1.13", "vpc-cni": "1.21", "aws-ebs-csi-driver": "1.63", "eks-pod-identity-agent": "1.3"},
    "1.36": {"coredns": "1.14", "vpc-cni": "1.22", "aws-ebs-csi-driver": "1.66", "eks-pod-identity-agent": "1.3"},
}

# An upgrade takes weeks of planning; that is when the warnings begin.
WARN_DAYS: Final = 90


def release(version: str) -> tuple[int, ...]:
    """Return the major and minor number, so that 1.9 sorts before 1.13."""
    return tuple(int(part) for part in version.removeprefix("v").split("-")[0].split(".")[:2])


def newest() -> str:
    """Return the newest Kubernetes version in the table."""
    return max(STANDARD_SUPPORT_ENDS, key=release)

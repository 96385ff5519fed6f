"""Third-party charts of the platform: where each is published, at which version."""

from __future__ import annotations

from collections.abc import Mapping

import versions
from components.argocd.handover import ChartHandover

_CHARTS: Mapping[str, ChartHandover] = {
    "argo-cd": ChartHandover(repository="https://argoproj.github.io/argo-helm", version=versions.ARGO_CD_CHART),
    # OCI, so Argo CD wants it without a scheme.
    "karpenter": ChartHandover(repository="public.ecr.aws/karpenter", version=versions.KARPENTER),
    "karpenter-crd": ChartHandover(repository="public.ecr.aws/karpenter", version=versions.KARPENTER),
}


def charts(mirror: str | None) -> dict[str, ChartHandover]:
    """Return every chart by name; with a mirror, all of them come from there."""
    return {
        name: ChartHandover(repository=mirror or chart.repository, version=chart.version)
        for name, chart in _CHARTS.items()
    }

"""Third-party charts of the platform: where each is published, at which version."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import versions
from components.argocd.handover import ChartHandover, Variant

_CALICO: Final = "https://docs.tigera.io/calico/charts"
_CHARTS: Final[Mapping[str, ChartHandover]] = MappingProxyType(
    {
        "argo-cd": ChartHandover(repository="https://argoproj.github.io/argo-helm", version=versions.ARGO_CD_CHART),
        # OCI, so Argo CD wants it without a scheme.
        "karpenter": ChartHandover(repository="public.ecr.aws/karpenter", version=versions.KARPENTER),
        "karpenter-crd": ChartHandover(repository="public.ecr.aws/karpenter", version=versions.KARPENTER),
        "crd.projectcalico.org.v1": ChartHandover(repository=_CALICO, version=versions.CALICO_CHART),
        "tigera-operator": ChartHandover(repository=_CALICO, version=versions.CALICO_CHART),
        "aws-cloud-controller-manager": ChartHandover(
            repository="https://kubernetes.github.io/cloud-provider-aws",
            version=versions.AWS_CLOUD_CONTROLLER_MANAGER_CHART,
        ),
        "kubelet-csr-approver": ChartHandover(
            repository="https://postfinance.github.io/kubelet-csr-approver", version=versions.KUBELET_CSR_APPROVER_CHART
        ),
        "aws-ebs-csi-driver": ChartHandover(
            repository="https://kubernetes-sigs.github.io/aws-ebs-csi-driver", version=versions.AWS_EBS_CSI_DRIVER_CHART
        ),
        "metrics-server": ChartHandover(
            repository="https://kubernetes-sigs.github.io/metrics-server", version=versions.METRICS_SERVER_CHART
        ),
        "aws-load-balancer-controller": ChartHandover(
            repository="https://aws.github.io/eks-charts", version=versions.AWS_LOAD_BALANCER_CONTROLLER_CHART
        ),
        "aws-efs-csi-driver": ChartHandover(
            repository="https://kubernetes-sigs.github.io/aws-efs-csi-driver", version=versions.AWS_EFS_CSI_DRIVER_CHART
        ),
        "external-secrets": ChartHandover(
            repository="https://charts.external-secrets.io", version=versions.EXTERNAL_SECRETS_CHART
        ),
        "external-dns": ChartHandover(
            repository="https://kubernetes-sigs.github.io/external-dns", version=versions.EXTERNAL_DNS_CHART
        ),
        "kube-prometheus-stack": ChartHandover(
            repository="https://prometheus-community.github.io/helm-charts",
            version=versions.KUBE_PROMETHEUS_STACK_CHART,
        ),
        "argo-rollouts": ChartHandover(
            repository="https://argoproj.github.io/argo-helm", version=versions.ARGO_ROLLOUTS_CHART
        ),
        "cloudnative-pg": ChartHandover(
            repository="https://cloudnative-pg.github.io/charts", version=versions.CLOUDNATIVE_PG_CHART
        ),
        "redis-operator": ChartHandover(
            repository="https://ot-container-kit.github.io/helm-charts", version=versions.REDIS_OPERATOR_CHART
        ),
    }
)
# What the tree brings; the others are the program's own.
_BOTH: Final = (
    "argo-rollouts",
    "aws-load-balancer-controller",
    "external-dns",
    "external-secrets",
    "kube-prometheus-stack",
    "metrics-server",
)
_TREE: Final[Mapping[Variant, tuple[str, ...]]] = MappingProxyType(
    {
        "eks": (*_BOTH, "aws-efs-csi-driver", "karpenter", "karpenter-crd"),
        "self-managed": (*_BOTH, "aws-ebs-csi-driver", "cloudnative-pg", "redis-operator"),
    }
)


def charts(mirror: str | None) -> dict[str, ChartHandover]:
    """Return every chart by name; with a mirror, all of them come from there."""
    return {
        name: ChartHandover(repository=mirror or chart.repository, version=chart.version)
        for name, chart in _CHARTS.items()
    }


def tree_charts(variant: Variant, mirror: str | None) -> dict[str, ChartHandover]:
    """Return the charts that the tree of a variant brings, by name."""
    every = charts(mirror)
    return {name: every[name] for name in _TREE[variant]}

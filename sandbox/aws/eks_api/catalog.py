"""What EKS offers: Kubernetes versions, add-ons, access policies."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ACCESS_POLICIES", "ADDONS", "LOG_TYPES", "VERSIONS", "addon_versions", "platform_version"]

VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36")

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")

# Add-on → its versions, newest first. Stands for `DescribeAddonVersions`; a version of the right form that is not
# listed is accepted, since AWS publishes new ones every few weeks. `{minor}` is the cluster's minor version where the
# add-on follows Kubernetes.
ADDONS: Mapping[str, tuple[str, ...]] = {
    "adot": ("v0.131.0-eksbuild.1",),
    "amazon-cloudwatch-observability": ("v4.10.0-eksbuild.1",),
    "aws-ebs-csi-driver": ("v1.64.0-eksbuild.1", "v1.62.0-eksbuild.1"),
    "aws-efs-csi-driver": ("v3.4.1-eksbuild.1", "v3.3.0-eksbuild.1"),
    "aws-fsx-csi-driver": ("v1.8.0-eksbuild.1",),
    "aws-guardduty-agent": ("v1.12.1-eksbuild.1",),
    "aws-mountpoint-s3-csi-driver": ("v2.4.0-eksbuild.1",),
    "aws-network-flow-monitoring-agent": ("v1.1.2-eksbuild.1",),
    "aws-privateca-connector-for-kubernetes": ("v1.6.0-eksbuild.1",),
    "aws-secrets-store-csi-driver-provider": ("v2.2.0-eksbuild.1",),
    "cert-manager": ("v1.20.1-eksbuild.1",),
    "coredns": ("v1.14.2-eksbuild.1", "v1.13.2-eksbuild.1"),
    "eks-node-monitoring-agent": ("v1.6.0-eksbuild.1",),
    "eks-pod-identity-agent": ("v1.3.10-eksbuild.3", "v1.3.10-eksbuild.2"),
    "external-dns": ("v0.21.0-eksbuild.1",),
    "fluent-bit": ("v4.2.2-eksbuild.1",),
    "kube-proxy": ("v{minor}.0-eksbuild.2",),
    "kube-state-metrics": ("v2.18.0-eksbuild.1",),
    "metrics-server": ("v0.8.1-eksbuild.1",),
    "prometheus-node-exporter": ("v1.10.2-eksbuild.3",),
    "snapshot-controller": ("v8.5.0-eksbuild.1",),
    "vpc-cni": ("v1.23.0-eksbuild.1", "v1.21.1-eksbuild.1"),
}

# https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
ACCESS_POLICIES = frozenset(
    {
        "AmazonAIOpsAssistantPolicy",
        "AmazonARCRegionSwitchScalingPolicy",
        "AmazonEKSACKPolicy",
        "AmazonEKSAdminPolicy",
        "AmazonEKSAdminViewPolicy",
        "AmazonEKSArgoCDClusterPolicy",
        "AmazonEKSArgoCDPolicy",
        "AmazonEKSAutoNodePolicy",
        "AmazonEKSBlockStorageClusterPolicy",
        "AmazonEKSBlockStoragePolicy",
        "AmazonEKSClusterAdminPolicy",
        "AmazonEKSClusterInsightsPolicy",
        "AmazonEKSComputeClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSEditPolicy",
        "AmazonEKSEventPolicy",
        "AmazonEKSHybridPolicy",
        "AmazonEKSKROPolicy",
        "AmazonEKSLoadBalancingClusterPolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingClusterPolicy",
        "AmazonEKSNetworkingPolicy",
        "AmazonEKSSecretReaderPolicy",
        "AmazonEKSViewPolicy",
        "AmazonSagemakerHyperpodClusterPolicy",
        "AmazonSagemakerHyperpodControllerPolicy",
    }
)


def addon_versions(name: str, kubernetes: str) -> list[str]:
    """Return an add-on's versions for a cluster version, newest first."""
    return [version.format(minor=kubernetes) for version in ADDONS.get(name, ())]


def platform_version(kubernetes: str) -> str:
    """Return the platform version that a new cluster gets."""
    return f"eks.{1 + 2 * (len(VERSIONS) - VERSIONS.index(kubernetes))}"

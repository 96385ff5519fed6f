"""Every pinned version, one constant each.

The line above a constant tells the update bot where newer versions are announced (see renovate.json).
Python packages are pinned in pyproject.toml, Go modules in tools/*/go.mod; tests compare what is named twice.
"""

from __future__ import annotations

from typing import Final

# --- Platform ---

# Kubernetes minor of both cluster variants; EKS offers it in standard support until 2027-08-02.
# renovate: datasource=endoflife-date depName=amazon-eks versioning=loose
KUBERNETES: Final = "1.36"

# Packages of self-managed nodes; their minor is that of the clusters.
# renovate: datasource=github-releases depName=kubernetes/kubernetes
KUBERNETES_NODES: Final = "1.36.4"

# What comes with them from the same repository; its revision of all of these is 1.1.
# renovate: datasource=github-releases depName=kubernetes-sigs/cri-tools
CRI_TOOLS: Final = "1.36.0"

# renovate: datasource=github-releases depName=containernetworking/plugins
CNI_PLUGINS: Final = "1.9.1"

# The first line with long support; 2.3.0 to 2.3.3 do not keep a pinned pause image.
# renovate: datasource=github-releases depName=containerd/containerd
CONTAINERD: Final = "2.3.5"

# The one that kubeadm of that version expects.
# renovate: datasource=docker depName=registry.k8s.io/pause
PAUSE: Final = "3.10.2"

# The machine image release; node groups and Karpenter take the same one.
# renovate: datasource=github-releases depName=awslabs/amazon-eks-ami
AL2023_RELEASE: Final = "v20260714"

# What EKS calls that image for a managed node group: the kubelet it carries and the release.
# renovate: datasource=github-releases depName=awslabs/amazon-eks-ami extractVersion=^v(?<version>.*)$
AL2023_NODE_GROUP_RELEASE: Final = "1.36.2-20260714"

# renovate: EKS add-on vpc-cni
ADDON_VPC_CNI: Final = "v1.22.4-eksbuild.3"

# renovate: EKS add-on coredns
ADDON_COREDNS: Final = "v1.14.3-eksbuild.23"

# renovate: EKS add-on kube-proxy
ADDON_KUBE_PROXY: Final = "v1.36.0-eksbuild.25"

# renovate: EKS add-on eks-pod-identity-agent
ADDON_POD_IDENTITY_AGENT: Final = "v1.3.10-eksbuild.3"

# renovate: EKS add-on aws-ebs-csi-driver
ADDON_EBS_CSI: Final = "v1.66.0-eksbuild.1"

# The controller's charts and the contract of its AWS side move together.
# renovate: datasource=github-releases depName=aws/karpenter-provider-aws
KARPENTER: Final = "1.14.1"

# renovate: datasource=helm depName=argo-cd registryUrl=https://argoproj.github.io/argo-helm
ARGO_CD_CHART: Final = "10.1.1"

# The Argo CD that the chart installs.
# renovate: datasource=github-releases depName=argoproj/argo-cd
ARGO_CD: Final = "3.4.4"

# The operator's chart and the chart of its CRDs come as one.
# renovate: datasource=helm depName=tigera-operator registryUrl=https://docs.tigera.io/calico/charts
CALICO_CHART: Final = "v3.32.1"

# renovate: datasource=helm depName=aws-cloud-controller-manager registryUrl=https://kubernetes.github.io/cloud-provider-aws
AWS_CLOUD_CONTROLLER_MANAGER_CHART: Final = "0.0.11"

# The controller's minor is that of Kubernetes; its chart lags behind.
# renovate: datasource=github-releases depName=kubernetes/cloud-provider-aws
AWS_CLOUD_CONTROLLER_MANAGER: Final = "v1.36.1"

# renovate: datasource=helm depName=kubelet-csr-approver registryUrl=https://postfinance.github.io/kubelet-csr-approver
KUBELET_CSR_APPROVER_CHART: Final = "1.2.14"

# renovate: datasource=helm depName=aws-ebs-csi-driver registryUrl=https://kubernetes-sigs.github.io/aws-ebs-csi-driver
AWS_EBS_CSI_DRIVER_CHART: Final = "2.64.0"

# renovate: datasource=helm depName=metrics-server registryUrl=https://kubernetes-sigs.github.io/metrics-server
METRICS_SERVER_CHART: Final = "3.13.1"

# renovate: datasource=helm depName=aws-load-balancer-controller registryUrl=https://aws.github.io/eks-charts
AWS_LOAD_BALANCER_CONTROLLER_CHART: Final = "3.5.0"

# renovate: datasource=helm depName=aws-efs-csi-driver registryUrl=https://kubernetes-sigs.github.io/aws-efs-csi-driver
AWS_EFS_CSI_DRIVER_CHART: Final = "4.4.1"

# renovate: datasource=helm depName=external-secrets registryUrl=https://charts.external-secrets.io
EXTERNAL_SECRETS_CHART: Final = "2.9.0"

# renovate: datasource=helm depName=external-dns registryUrl=https://kubernetes-sigs.github.io/external-dns
EXTERNAL_DNS_CHART: Final = "1.21.1"

# renovate: datasource=helm depName=kube-prometheus-stack registryUrl=https://prometheus-community.github.io/helm-charts
KUBE_PROMETHEUS_STACK_CHART: Final = "88.5.3"

# renovate: datasource=helm depName=argo-rollouts registryUrl=https://argoproj.github.io/argo-helm
ARGO_ROLLOUTS_CHART: Final = "2.41.0"

# renovate: datasource=helm depName=cloudnative-pg registryUrl=https://cloudnative-pg.github.io/charts
CLOUDNATIVE_PG_CHART: Final = "0.29.0"

# renovate: datasource=helm depName=redis-operator registryUrl=https://ot-container-kit.github.io/helm-charts
REDIS_OPERATOR_CHART: Final = "0.26.1"

# --- Kinds of operators: the CRDs that the tree is held against, of what the charts install ---

# renovate: datasource=github-releases depName=argoproj/argo-rollouts
ARGO_ROLLOUTS: Final = "1.9.0"

# renovate: datasource=github-releases depName=cloudnative-pg/cloudnative-pg
CLOUDNATIVE_PG: Final = "1.30.0"

# renovate: datasource=github-releases depName=prometheus-operator/prometheus-operator
PROMETHEUS_OPERATOR: Final = "0.93.1"

# The last release that is a Go module too: since 2.0.0 its tags do not agree with the module's path.
# renovate: datasource=go depName=github.com/external-secrets/external-secrets
EXTERNAL_SECRETS_CRDS: Final = "1.3.2"

# The controller's 3.2.2, whose tags do not agree with the module's path either.
# renovate: datasource=go depName=sigs.k8s.io/aws-load-balancer-controller
LOAD_BALANCER_CRDS: Final = "0.0.0-20260423195125-93ff3b5fdaad"

# --- Command-line tools that `make setup` provides ---

# renovate: datasource=pypi depName=uv
UV: Final = "0.13.8"

# renovate: datasource=github-releases depName=pulumi/pulumi
PULUMI_CLI: Final = "3.259.0"

# One version for kube-apiserver, kube-scheduler, kube-controller-manager, kubectl and kubeadm.
# renovate: datasource=github-releases depName=kubernetes/kubernetes
KUBERNETES_TOOLS: Final = "1.36.4"

# renovate: datasource=github-releases depName=etcd-io/etcd
ETCD: Final = "3.6.16"

# renovate: datasource=github-releases depName=kubernetes-sigs/kwok
KWOK: Final = "0.7.0"

# One binary is the CLI and all of the sandbox's Argo CD processes; it may run ahead of what the chart installs.
# renovate: datasource=github-releases depName=argoproj/argo-cd
ARGOCD_CLI: Final = "3.5.1"

# renovate: datasource=go depName=github.com/alicebob/miniredis/v2
MINIREDIS: Final = "2.38.0"

# renovate: datasource=github-releases depName=helm/helm
HELM: Final = "4.2.4"

# renovate: datasource=github-releases depName=kubernetes-sigs/kustomize extractVersion=^kustomize/v(?<version>.*)$
KUSTOMIZE: Final = "5.8.1"

# renovate: datasource=github-releases depName=yannh/kubeconform
KUBECONFORM: Final = "0.8.0"

# renovate: datasource=github-releases depName=rhysd/actionlint
ACTIONLINT: Final = "1.7.7"

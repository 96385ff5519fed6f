"""Which controllers get an identity of their own, under which service account, and what it may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from components.identity.policies.backups import argocd_backup
from components.identity.policies.ebs_csi import ebs_csi
from components.identity.policies.efs_csi import efs_csi
from components.identity.policies.external_dns import external_dns, external_dns_below
from components.identity.policies.external_secrets import chart_registry, secrets
from components.identity.policies.load_balancer_controller import load_balancer_controller
from components.identity.policies.monitoring import monitoring
from components.identity.policies.scope import Document, Scope

Documents = Mapping[str, Document]


# A document of more, at their longest names, would be over IAM's 6,144 characters.
MOST_ZONES: Final = 35
MOST_REPOSITORIES: Final = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What the controllers may reach in the account beyond what carries the cluster's name.

    Attributes:
        secrets_prefix: Ends in a slash.
        hosted_zone_ids: Route 53 zones that external-dns writes, at most `MOST_ZONES`.
        domain: What external-dns writes names below. With neither it gets no identity.
        domain_zone_id: The zone that holds the domain; none if it comes with the stack.
        chart_repositories: ECR repositories whose charts Argo CD reads, at most `MOST_REPOSITORIES`; with none nobody
            gets a right to.
        backups_bucket: S3 bucket that Argo CD's backups go to; without it nobody gets a right to.
        firewall: Whether the cluster has a web ACL, which the load balancer controller puts before load balancers.
    """

    secrets_prefix: str
    hosted_zone_ids: tuple[str, ...] = field(default=())
    chart_repositories: tuple[str, ...] = field(default=())
    domain: str | None = None
    domain_zone_id: str | None = None
    backups_bucket: str | None = None
    firewall: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Controller:
    """One controller.

    Attributes:
        namespace: Its service account's namespace.
        service_account: As its chart or add-on names it.
        documents: Makes what it may do, by purpose; none means no identity.
    """

    namespace: str
    service_account: str
    documents: Callable[[Scope, Reach], Documents]


def _external_secrets(scope: Scope, reach: Reach) -> Documents:
    charts = {"charts": chart_registry(scope, reach.chart_repositories)} if reach.chart_repositories else {}
    return {"secrets": secrets(scope, reach.secrets_prefix), **charts}


def _external_dns(scope: Scope, reach: Reach) -> Documents:
    named = {"records": external_dns(scope, reach.hosted_zone_ids)} if reach.hosted_zone_ids else {}
    if reach.domain is None:
        return named
    return {**named, "domain": external_dns_below(scope, reach.domain, reach.domain_zone_id)}


def _argocd_backup(scope: Scope, reach: Reach) -> Documents:
    return {} if reach.backups_bucket is None else {"objects": argocd_backup(scope, reach.backups_bucket)}


# Karpenter's identity belongs to its component and the EBS CSI driver's to its add-on. Argo CD itself has none: it
# calls no API of AWS, and the token for ECR comes from external-secrets.
CONTROLLERS: Final[Mapping[str, Controller]] = MappingProxyType(
    {
        "aws-load-balancer-controller": Controller(
            namespace="kube-system",
            service_account="aws-load-balancer-controller",
            documents=lambda scope, reach: load_balancer_controller(scope, firewall=reach.firewall),
        ),
        "aws-efs-csi-driver": Controller(
            namespace="kube-system",
            service_account="efs-csi-controller-sa",
            documents=lambda scope, _: {"access-points": efs_csi(scope)},
        ),
        "external-secrets": Controller(
            namespace="external-secrets", service_account="external-secrets", documents=_external_secrets
        ),
        "external-dns": Controller(namespace="external-dns", service_account="external-dns", documents=_external_dns),
        "monitoring": Controller(
            namespace="amazon-cloudwatch",
            service_account="cloudwatch-agent",
            documents=lambda scope, _: {"metrics-and-logs": monitoring(scope)},
        ),
        "argocd-backup": Controller(namespace="argocd", service_account="argocd-backup", documents=_argocd_backup),
    }
)

# On machines of one's own the EBS CSI driver comes from GitOps as well, for there are no add-ons of EKS.
SELF_MANAGED: Final[Mapping[str, Controller]] = MappingProxyType(
    {
        **{
            name: CONTROLLERS[name]
            for name in ("aws-load-balancer-controller", "external-secrets", "external-dns", "argocd-backup")
        },
        "aws-ebs-csi-driver": Controller(
            namespace="kube-system",
            service_account="ebs-csi-controller-sa",
            documents=lambda scope, _: {"volumes": ebs_csi(scope)},
        ),
    }
)

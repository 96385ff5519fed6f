"""What every load balancer of an Ingress has to be: values for the tree, which makes the Ingresses.

The spec of an IngressClassParams binds all Ingresses of its class, whatever their annotations say
(https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/main/docs/guide/ingress/ingress_class.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from components.storage.policy import LOAD_BALANCER_LOGS

API_VERSION: Final = "elbv2.k8s.aws/v1beta1"
# TLS 1.3, and 1.2 for those who cannot, with forward secrecy in both
# (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html).
SSL_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def load_balancer_attributes(*, logs_bucket: Any, protect: bool) -> list[dict[str, Any]]:
    """Return the attributes of the load balancer; a value may be an output.

    Args:
        logs_bucket: In the same region, with S3's own encryption: load balancers write with no other.
        protect: Whether AWS refuses to delete it. The controller then cannot either, so it is taken away before the
            Ingresses are.
    """
    attributes = {
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": logs_bucket,
        "access_logs.s3.prefix": LOAD_BALANCER_LOGS,
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.desync_mitigation_mode": "defensive",
        "deletion_protection.enabled": str(protect).lower(),
    }
    return [{"key": key, "value": value} for key, value in attributes.items()]


def class_params(
    *,
    certificate_arn: Any,
    logs_bucket: Any,
    protect: bool,
    web_acl_arn: Any | None = None,
    scheme: Literal["internal", "internet-facing"] = "internal",
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return the spec of an IngressClassParams; some values may be outputs.

    Args:
        certificate_arn: For every name that the Ingresses publish.
        logs_bucket: Where access logs go.
        protect: Whether AWS refuses to delete the load balancers.
        web_acl_arn: Of scope REGIONAL; none without a firewall.
        scheme: Whether the world reaches them, or only who is in the VPC or connected to it.
        tags: Go on load balancers, target groups and security groups, which no provider's default tags reach.
    """
    params: dict[str, Any] = {
        "scheme": scheme,
        # The VPC has no IPv6.
        "ipAddressType": "ipv4",
        "certificateArn": [certificate_arn],
        "sslPolicy": SSL_POLICY,
        # Takes effect for Ingresses that listen on both ports: see `ingress_annotations`.
        "sslRedirectPort": "443",
        "loadBalancerAttributes": load_balancer_attributes(logs_bucket=logs_bucket, protect=protect),
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    return params if web_acl_arn is None else {**params, "wafv2AclArn": web_acl_arn}


def ingress_annotations() -> dict[str, str]:
    """Return what an Ingress says itself: the ports, since a class cannot, and that HTTP only points to HTTPS."""
    prefix = "alb.ingress.kubernetes.io"
    return {f"{prefix}/listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]', f"{prefix}/ssl-redirect": "443"}

"""What load balancers of Ingresses have to be (control N11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.edge import ingress
from components.storage import policy

BUCKET = "demo-logs"
CERTIFICATE = "arn:aws:acm:ap-northeast-2:123456789012:certificate/1"
ACL = "arn:aws:wafv2:ap-northeast-2:123456789012:regional/webacl/demo/1"
TAGS = {"Project": "demo"}
PARAMS = ingress.class_params(certificate_arn=CERTIFICATE, logs_bucket=BUCKET, protect=True, web_acl_arn=ACL, tags=TAGS)
# Keys of the spec at aws-load-balancer-controller 3.5: an unknown one is dropped without a word.
KNOWN = {
    "certificateArn",
    "group",
    "inboundCIDRs",
    "ipAddressType",
    "loadBalancerAttributes",
    "namespaceSelector",
    "scheme",
    "sslPolicy",
    "sslRedirectPort",
    "subnets",
    "tags",
    "targetType",
    "wafv2AclArn",
}
Params = dict[str, Any]


def breaches(params: Params, annotations: dict[str, str]) -> list[str]:
    """Say which parts of N11 do not hold for an Ingress of the class."""
    attributes = {item["key"]: item["value"] for item in params["loadBalancerAttributes"]}
    ports = json.loads(annotations.get("alb.ingress.kubernetes.io/listen-ports", "[]"))
    checks = {
        "TLS 1.2 or newer": params.get("sslPolicy") == "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "certificate": params.get("certificateArn") == [CERTIFICATE],
        "HTTP is answered": {"HTTP": 80} in ports and {"HTTPS": 443} in ports,
        "by pointing to HTTPS": params.get("sslRedirectPort") == "443"
        and annotations.get("alb.ingress.kubernetes.io/ssl-redirect") == "443",
        "invalid headers": attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true",
        "desync": attributes.get("routing.http.desync_mitigation_mode") in {"defensive", "strictest"},
        "access logs": attributes.get("access_logs.s3.enabled") == "true",
        "their bucket": attributes.get("access_logs.s3.bucket") == BUCKET,
        "their prefix": attributes.get("access_logs.s3.prefix") == "elb",
        "deletion": attributes.get("deletion_protection.enabled") == "true",
        "internal": params.get("scheme") == "internal",
        "firewall": params.get("wafv2AclArn") == ACL,
        "tags": params.get("tags") == [{"key": "Project", "value": "demo"}],
    }
    return [name for name, holds in checks.items() if not holds]


def _attribute(key: str, value: str | None) -> Callable[[Params, dict[str, str]], object]:
    def mutate(params: Params, annotations: dict[str, str]) -> None:
        kept = [item for item in params["loadBalancerAttributes"] if item["key"] != key]
        assert len(kept) < len(params["loadBalancerAttributes"])
        params["loadBalancerAttributes"] = kept + ([] if value is None else [{"key": key, "value": value}])

    return mutate


def _param(key: str, value: Any) -> Callable[[Params, dict[str, str]], object]:
    return lambda params, annotations: params.update({key: value})


def _annotation(key: str, value: str) -> Callable[[Params, dict[str, str]], object]:
    return lambda params, annotations: annotations.update({f"alb.ingress.kubernetes.io/{key}": value})


MUTATIONS = [
    (_param("sslPolicy", "ELBSecurityPolicy-2016-08"), "TLS 1.2 or newer"),
    (_param("certificateArn", []), "certificate"),
    (_annotation("listen-ports", '[{"HTTPS": 443}]'), "HTTP is answered"),
    (_annotation("listen-ports", '[{"HTTP": 80}]'), "HTTP is answered"),
    (_annotation("ssl-redirect", "80"), "by pointing to HTTPS"),
    (_param("sslRedirectPort", None), "by pointing to HTTPS"),
    (_attribute("routing.http.drop_invalid_header_fields.enabled", None), "invalid headers"),
    (_attribute("routing.http.drop_invalid_header_fields.enabled", "false"), "invalid headers"),
    (_attribute("routing.http.desync_mitigation_mode", "monitor"), "desync"),
    (_attribute("access_logs.s3.enabled", None), "access logs"),
    (_attribute("access_logs.s3.bucket", "another"), "their bucket"),
    (_attribute("access_logs.s3.prefix", None), "their prefix"),
    (_attribute("deletion_protection.enabled", "false"), "deletion"),
    (_param("scheme", "internet-facing"), "internal"),
    (_param("wafv2AclArn", None), "firewall"),
    (_param("tags", []), "tags"),
]


def test_nothing_is_breached() -> None:
    """A protected stack's Ingresses meet every part of the control."""
    assert breaches(PARAMS, ingress.ingress_annotations()) == []


@pytest.mark.parametrize(
    ("mutate", "breach"), MUTATIONS, ids=[f"{i}-{breach}" for i, (_, breach) in enumerate(MUTATIONS)]
)
def test_each_part_matters(mutate: Callable[[Params, dict[str, str]], object], breach: str) -> None:
    """Whatever is changed is reported, by its own name and no other."""
    params, annotations = json.loads(json.dumps(PARAMS)), ingress.ingress_annotations()
    mutate(params, annotations)
    assert breaches(params, annotations) == [breach]


def test_class_knows_every_key() -> None:
    """The CRD has all keys, and attributes are texts, as it wants them."""
    assert PARAMS.keys() <= KNOWN
    assert all(isinstance(item["value"], str) for item in PARAMS["loadBalancerAttributes"])


def test_unprotected_stack_lets_its_load_balancers_go() -> None:
    """The attribute is said in both cases: leaving it out would leave the former value standing."""
    attributes = ingress.load_balancer_attributes(logs_bucket=BUCKET, protect=False)
    assert {"key": "deletion_protection.enabled", "value": "false"} in attributes


def test_firewall_and_publication_are_choices() -> None:
    """Without a web ACL the key is absent, since an empty ARN is refused; the scheme is the caller's."""
    params = ingress.class_params(
        certificate_arn=CERTIFICATE, logs_bucket=BUCKET, protect=False, scheme="internet-facing", tags={}
    )
    assert "wafv2AclArn" not in params
    assert params["scheme"] == "internet-facing"


def test_logs_go_where_the_bucket_lets_load_balancers_write() -> None:
    """The prefix is the one of the logs bucket's policy."""
    statements = policy.log_delivery(BUCKET, region="ap-northeast-2", partition="aws", account_id="123456789012")
    (written,) = [s for s in statements if "elasticloadbalancing" in s["Principal"]["Service"]]
    attributes = {i["key"]: i["value"] for i in PARAMS["loadBalancerAttributes"]}
    prefix = attributes["access_logs.s3.prefix"]
    assert written["Resource"] == [f"arn:aws:s3:::{BUCKET}/{prefix}/AWSLogs/123456789012/*"]

"""Rules about what neither stack registers: a sound registration passes, and each change for the worse is caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from policies import tokens
from policies.resources import UNKNOWN, Options, Resource
from tests.policies import Program, violations
from tests.policies.mutations import leaves, without

ACCOUNT = "123456789012"
CERTIFICATE = f"arn:aws:acm:ap-northeast-2:{ACCOUNT}:certificate/1"
REDIRECT = {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}
# As they have to be, in production.
SOUND: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "balancer": (
        "aws:lb/loadBalancer:LoadBalancer",
        {
            "internal": True,
            "loadBalancerType": "application",
            "accessLogs": {"enabled": True, "bucket": "demo-logs"},
            "dropInvalidHeaderFields": True,
            "desyncMitigationMode": "defensive",
            "enableDeletionProtection": True,
        },
    ),
    "network-balancer": (
        "aws:alb/loadBalancer:LoadBalancer",
        {
            "internal": True,
            "loadBalancerType": "network",
            "accessLogs": {"enabled": True, "bucket": "demo-logs"},
            "enableDeletionProtection": True,
        },
    ),
    "https": (
        "aws:lb/listener:Listener",
        {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "certificateArn": CERTIFICATE},
    ),
    "http": ("aws:alb/listener:Listener", {"protocol": "HTTP", "defaultActions": [REDIRECT]}),
    "tcp": ("aws:lb/listener:Listener", {"protocol": "TCP", "defaultActions": [{"type": "forward"}]}),
    "targets": ("aws:lb/targetGroup:TargetGroup", {"protocol": "HTTPS", "healthCheck": {"path": "/healthz"}}),
    "permission": (
        tokens.FUNCTION_PERMISSION,
        {
            "action": "lambda:InvokeFunction",
            "principal": "events.amazonaws.com",
            "sourceArn": f"arn:aws:events:ap-northeast-2:{ACCOUNT}:rule/x",
        },
    ),
    "url": (tokens.FUNCTION_URL, {"authorizationType": "AWS_IAM"}),
    "subscription": (tokens.SUBSCRIPTION, {"protocol": "https", "endpoint": "https://example.com"}),
}
WEAKER: list[tuple[str, Mapping[str, Any]]] = [
    ("balancer", {"internal": False}),
    ("balancer", {"accessLogs": {"enabled": False, "bucket": "demo-logs"}}),
    ("balancer", {"accessLogs": {"enabled": True}}),
    ("balancer", {"dropInvalidHeaderFields": False}),
    ("balancer", {"desyncMitigationMode": "monitor"}),
    ("balancer", {"enableDeletionProtection": False}),
    ("network-balancer", {"internal": None}),
    ("network-balancer", {"accessLogs": None}),
    ("network-balancer", {"loadBalancerType": None}),
    ("https", {"sslPolicy": "ELBSecurityPolicy-TLS13-1-0-2021-06"}),
    ("https", {"sslPolicy": "ELBSecurityPolicy-TLS-1-1-2017-01"}),
    ("https", {"sslPolicy": None}),
    ("https", {"certificateArn": None}),
    ("http", {"defaultActions": [{"type": "forward"}]}),
    ("http", {"defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTP"}}]}),
    ("http", {"defaultActions": None}),
    ("tcp", {"protocol": "HTTP"}),
    ("targets", {"healthCheck": None}),
    ("targets", {"healthCheck": {"enabled": False}}),
    ("permission", {"principal": "*"}),
    ("permission", {"sourceArn": None}),
    ("permission", {"sourceArn": "arn:aws:s3:::a-bucket"}),
    ("permission", {"sourceArn": f"arn:aws:events:ap-northeast-2:{ACCOUNT}:rule/*"}),
    ("permission", {"functionUrlAuthType": "NONE"}),
    ("url", {"authorizationType": "NONE"}),
    ("subscription", {"protocol": "http"}),
]
# Of what is handed over: how a load balancer is reached inside the VPC, and whose the bill is.
FREE = {"ipAddressType"}
HANDED_OVER = "spec.source.helm.valuesObject.edge.loadBalancer"


def _found(name: str, changes: Mapping[str, Any]) -> list[str]:
    type_, props = SOUND[name]
    changed = {key: value for key, value in {**props, **changes}.items() if value is not None}
    resource = Resource(type=type_, name=name, urn=f"urn:{name}", props=changed, sources={})
    # Alone, it is of no topic or function of its program: that is another rule's to say.
    alone = {"topic-is-of-this-program"}
    return [v.message for v in violations([resource], Options()) if v.rule.id not in alone]


@pytest.mark.parametrize("name", SOUND)
def test_sound_registration_passes(name: str) -> None:
    """What is as it has to be breaks no rule."""
    assert _found(name, {}) == []


@pytest.mark.parametrize(("name", "changes"), WEAKER, ids=lambda item: item if isinstance(item, str) else str(item))
def test_weaker_registration_is_caught(name: str, changes: Mapping[str, Any]) -> None:
    """One thing changed for the worse is found."""
    assert _found(name, changes)


def test_development_may_delete_its_load_balancers() -> None:
    """Deletion protection is production's; the rest holds everywhere."""
    type_, props = SOUND["balancer"]
    resource = Resource(
        type=type_, name="b", urn="urn:b", props={**props, "enableDeletionProtection": False}, sources={}
    )
    assert violations([resource], Options(tier="development")) == []
    assert violations([resource], Options(decommission=True)) == []


def test_each_value_of_the_handover_matters(programs: Callable[[str], Program]) -> None:
    """Every value that the tree is told of its load balancers is asked for, but for those that keep nobody out."""
    program = programs("prod")
    (root,) = (r for r in program.resources if r.type == tokens.APPLICATION)
    told = [path for path, _ in leaves(root.get(HANDED_OVER)) if path not in FREE and not path.startswith("tags.")]
    assert len(told) >= 15
    unseen = [path for path in told if not violations([without(root, f"{HANDED_OVER}.{path}")], program.options)]
    assert unseen == []


def _root(**changes: Any) -> Resource:
    keys = ("access_logs.s3.enabled", "routing.http.drop_invalid_header_fields.enabled", "deletion_protection.enabled")
    attributes = {
        **dict.fromkeys(keys, "true"),
        "access_logs.s3.bucket": UNKNOWN,
        "access_logs.s3.prefix": "elb",
        "routing.http.desync_mitigation_mode": "defensive",
    }
    told = {
        "scheme": "internal",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "sslRedirectPort": "443",
        "certificateArn": [UNKNOWN],
        "wafv2AclArn": UNKNOWN,
        "loadBalancerAttributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }
    values = {"edge": {"domain": "demo.example.com", "loadBalancer": {**told, **changes}}}
    props = {"spec": {"source": {"helm": {"valuesObject": values}}}}
    return Resource(type=tokens.APPLICATION, name="root", urn="urn:root", props=props, sources={})


def test_handover_is_judged_before_everything_is_known() -> None:
    """At a first preview the certificate is not known yet: what is known is judged all the same."""
    assert violations([_root()], Options()) == []
    assert [v.fault.path for v in violations([_root(scheme="internet-facing")], Options())] == [
        "edge.loadBalancer.scheme"
    ]


@pytest.mark.parametrize(("source", "faults"), [("urn:client", []), (None, ["secretString"])])
def test_secret_value_is_judged_by_where_it_comes_from(source: str | None, faults: list[str]) -> None:
    """A value that is not known yet comes from a resource; one that comes from none stands in the program."""
    secret = Resource(type=tokens.SECRET, name="secret", urn="urn:secret", props={}, sources={})
    sources = {"secretId": frozenset({secret.urn}), "secretString": frozenset({source} if source else set())}
    props = {"secretId": UNKNOWN, "secretString": UNKNOWN}
    version = Resource(type=tokens.SECRET_VERSION, name="version", urn="urn:version", props=props, sources=sources)
    found = [v.fault.path for v in violations([secret, version], Options()) if v.resource is version]
    assert found == faults

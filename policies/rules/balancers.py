"""Load balancers, the program's own and those of Ingresses: control N11."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule

# TLS 1.2 or 1.3 and nothing older
# (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html).
_TLS: Final = re.compile(r"ELBSecurityPolicy-(TLS13-1-[23]-[\w-]+|FS-1-2-[\w-]+|TLS-1-2-[\w-]+)")
# What a network load balancer passes on unread.
_UNREAD: Final = ("TCP", "UDP", "TCP_UDP")
_DESYNC: Final = ("defensive", "strictest")
# What an Ingress's load balancer is told, by attribute; None: any value.
_ATTRIBUTES: Final[Mapping[str, tuple[str, ...] | None]] = {
    "access_logs.s3.enabled": ("true",),
    "access_logs.s3.bucket": None,
    "access_logs.s3.prefix": None,
    "routing.http.drop_invalid_header_fields.enabled": ("true",),
    "routing.http.desync_mitigation_mode": _DESYNC,
}
_HANDED_OVER: Final = "spec.source.helm.valuesObject.edge"


@rule("N11", types=tokens.BALANCERS)
def balancer_is_internal(balancer: Resource) -> Iterator[Fault]:
    """A load balancer is internal; one that shall be public is named in the waivers."""
    if not balancer.true("internal"):
        yield Fault("internal", "is not true", "set true")


@rule("N11", types=tokens.BALANCERS, whole=True)
def balancer_logs(balancer: Resource, stack: Stack) -> Iterator[Fault]:
    """A load balancer logs who calls; a network one that passes TCP on knows no requests and writes no logs."""
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html: TLS only.
    listeners = [one for type_ in tokens.LISTENERS for one in stack.users(balancer, "loadBalancerArn", type_)]
    passes_on = listeners and all(one.get("protocol") in _UNREAD for one in listeners)
    if balancer.get("loadBalancerType") == "network" and passes_on:
        return
    if not balancer.true("accessLogs.enabled") or not balancer.get("accessLogs.bucket"):
        yield Fault("accessLogs", "go nowhere", "set enabled and the bucket")


@rule("N11", types=tokens.BALANCERS)
def balancer_is_strict(balancer: Resource, stack: Stack) -> Iterator[Fault]:
    """A load balancer refuses malformed requests, and production's is not deleted by mistake."""
    if balancer.get("loadBalancerType") in (None, "application"):
        if not balancer.true("dropInvalidHeaderFields"):
            yield Fault("dropInvalidHeaderFields", "is not true", "set true")
        if balancer.get("desyncMitigationMode") not in _DESYNC:
            yield Fault("desyncMitigationMode", "is neither defensive nor strictest", "set defensive")
    if stack.options.production and not stack.options.decommission and not balancer.true("enableDeletionProtection"):
        yield Fault("enableDeletionProtection", "is not true", "set true")


@rule("N11", types=[tokens.CLASSIC_BALANCER])
def balancer_is_of_this_generation(_balancer: Resource) -> Iterator[Fault]:
    """There are no classic load balancers: they know no TLS 1.3 and no redirect."""
    yield Fault("type", "is a classic load balancer", "make an application or network load balancer")


@rule("N11", types=tokens.LISTENERS)
def listener_speaks_tls(listener: Resource) -> Iterator[Fault]:
    """A listener speaks TLS 1.2 or newer with a certificate; one for HTTP only points to HTTPS."""
    protocol = listener.get("protocol")
    if protocol in ("HTTPS", "TLS"):
        if not _TLS.fullmatch(str(listener.get("sslPolicy"))):
            yield Fault("sslPolicy", f"is {listener.get('sslPolicy')}", "set ELBSecurityPolicy-TLS13-1-2-2021-06")
        if not listener.get("certificateArn"):
            yield Fault("certificateArn", "is missing", "pass a certificate that is issued")
    elif protocol not in _UNREAD:
        for index, action in enumerate(listener.items("defaultActions")):
            redirect = action.get("redirect") or {}
            if action.get("type") != "redirect" or redirect.get("protocol") != "HTTPS":
                yield Fault(f"defaultActions.{index}", "answers without TLS", "redirect to HTTPS")
        if not listener.items("defaultActions"):
            yield Fault("defaultActions", "are missing", "redirect to HTTPS")


@rule("N11", types=tokens.TARGET_GROUPS)
def targets_are_asked_how_they_are(group: Resource) -> Iterator[Fault]:
    """A target group asks its targets how they are, so that no request goes to one that is ill."""
    if not group.get("healthCheck") or group.get("healthCheck.enabled") is False:
        yield Fault("healthCheck", "is left to AWS or off", "say what is asked")


@rule("N11", types=[tokens.APPLICATION])
def ingresses_are_told_to_be_strict(application: Resource, stack: Stack) -> Iterator[Fault]:
    """What the tree is told of load balancers: internal, TLS 1.2 or newer, redirect, logs, no malformed requests."""
    if not application.given(f"{_HANDED_OVER}.domain"):
        return
    told = application.get(f"{_HANDED_OVER}.loadBalancer") or {}
    path = "edge.loadBalancer"
    if told.get("scheme") != "internal":
        yield Fault(f"{path}.scheme", "is not internal", "set internal")
    if not _TLS.fullmatch(str(told.get("sslPolicy"))):
        yield Fault(f"{path}.sslPolicy", f"is {told.get('sslPolicy')}", "set ELBSecurityPolicy-TLS13-1-2-2021-06")
    if told.get("sslRedirectPort") != "443":
        yield Fault(f"{path}.sslRedirectPort", "is not 443", "set 443")
    if not told.get("certificateArn"):
        yield Fault(f"{path}.certificateArn", "is missing", "pass a certificate that is issued")
    attributes = {a.get("key"): a.get("value") for a in told.get("loadBalancerAttributes") or ()}
    yield from _attributes(attributes, stack)
    if stack.options.production and not told.get("wafv2AclArn"):
        yield Fault(f"{path}.wafv2AclArn", "is missing", "pass a firewall's ARN")


def _attributes(found: Mapping[str, Any], stack: Stack) -> Iterator[Fault]:
    protected = stack.options.production and not stack.options.decommission
    wanted = {**_ATTRIBUTES, **({"deletion_protection.enabled": ("true",)} if protected else {})}
    for key, values in wanted.items():
        if not found.get(key) or (values is not None and found[key] not in values):
            said = f"set {values[0]}" if values else "set one"
            yield Fault(f"edge.loadBalancer.loadBalancerAttributes.{key}", f"is {found.get(key)}", said)

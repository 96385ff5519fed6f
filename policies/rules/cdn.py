"""The CDN, its firewall and certificates: control N12, and N11 for what load balancers share with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html
_TLS: Final = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
_YEAR: Final = 31_536_000
# The groups that every site should have, by
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html.
_GROUPS: Final = frozenset(
    {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    }
)
# Headers by which whoever reads a log could come in as another.
_REDACTED: Final = frozenset({"authorization", "cookie"})


@rule("N12", types=[tokens.DISTRIBUTION], whole=True)
def distribution_speaks_tls_only(distribution: Resource, stack: Stack) -> Iterator[Fault]:
    """A distribution answers under its own name, by TLS 1.2 or newer, and sends who comes without to HTTPS."""
    if not distribution.items("aliases"):
        yield Fault("aliases", "are missing: under CloudFront's own name old TLS is spoken", "set a name")
    if distribution.get("viewerCertificate.minimumProtocolVersion") not in _TLS:
        yield Fault("viewerCertificate.minimumProtocolVersion", f"is none of {', '.join(_TLS)}", f"set {_TLS[0]}")
    named = distribution.given("viewerCertificate.acmCertificateArn")
    if not named or not stack.source(distribution, "viewerCertificate", tokens.CERTIFICATE_VALIDATION):
        yield Fault("viewerCertificate.acmCertificateArn", "is not known to be issued", "take it from its validation")
    for path in _behaviours(distribution):
        if distribution.get(f"{path}.viewerProtocolPolicy") not in ("redirect-to-https", "https-only"):
            yield Fault(f"{path}.viewerProtocolPolicy", "lets plain HTTP in", "set redirect-to-https")


@rule("N12", types=[tokens.DISTRIBUTION], whole=True)
def origin_is_closed(distribution: Resource, stack: Stack) -> Iterator[Fault]:
    """A bucket behind a distribution is read through origin access control, any other origin by HTTPS alone."""
    for index in range(len(distribution.items("origins"))):
        if distribution.given(f"origins.{index}.customOriginConfig"):
            if distribution.get(f"origins.{index}.customOriginConfig.originProtocolPolicy") != "https-only":
                yield Fault(f"origins.{index}.customOriginConfig", "lets plain HTTP in", "set https-only")
            continue
        given = distribution.given(f"origins.{index}.originAccessControlId")
        if not given or not stack.source(distribution, "origins", tokens.ORIGIN_ACCESS):
            yield Fault(f"origins.{index}.originAccessControlId", "is none of this program", "pass one")
        if not stack.source(distribution, "origins", tokens.BUCKET):
            yield Fault(f"origins.{index}.domainName", "is no bucket of this program", "take it from the bucket")


@rule("N12", types=[tokens.ORIGIN_ACCESS])
def origin_access_is_signed(access: Resource) -> Iterator[Fault]:
    """CloudFront signs every request to the bucket, whatever a viewer sends."""
    for key, wanted in (
        ("originAccessControlOriginType", "s3"),
        ("signingBehavior", "always"),
        ("signingProtocol", "sigv4"),
    ):
        if access.get(key) != wanted:
            yield Fault(key, f"is not {wanted}", f"set {wanted}")


@rule("N12", types=[tokens.DISTRIBUTION], whole=True)
def distribution_is_logged(distribution: Resource, stack: Stack) -> Iterator[Fault]:
    """Access to a distribution is logged into a bucket of this program, whose policy lets the logs in first."""
    for source in stack.users(distribution, "resourceArn", tokens.DELIVERY_SOURCE):
        for delivery in stack.users(source, "deliverySourceName", tokens.DELIVERY):
            for to in stack.source(delivery, "deliveryDestinationArn", tokens.DELIVERY_DESTINATION):
                ready = stack.source(to, "deliveryDestinationConfiguration", tokens.BUCKET_POLICY)
                if ready and source.get("logType") == "ACCESS_LOGS":
                    return
    yield Fault("logs", "go nowhere", "add a LogDelivery of ACCESS_LOGS to a bucket's policy")


@rule("N12", types=[tokens.DELIVERY_SOURCE], whole=True)
def delivery_is_of_our_distribution(source: Resource, stack: Stack) -> Iterator[Fault]:
    """What is delivered are logs of a distribution of this program."""
    if not stack.source(source, "resourceArn", tokens.DISTRIBUTION):
        yield Fault("resourceArn", "is no distribution of this program", "pass its ARN")


@rule("N12", types=[tokens.DISTRIBUTION], whole=True)
def distribution_has_a_firewall(distribution: Resource, stack: Stack) -> Iterator[Fault]:
    """A firewall of this program, made for CloudFront, stands before a distribution."""
    found = stack.source(distribution, "webAclId", tokens.WEB_ACL)
    if not any(acl.get("scope") == "CLOUDFRONT" for acl in found):
        yield Fault("webAclId", "is no firewall for CloudFront of this program", "pass its ARN")


@rule("N12", types=[tokens.DISTRIBUTION], whole=True)
def answers_say_what_browsers_may_do(distribution: Resource, stack: Stack) -> Iterator[Fault]:
    """Every behaviour of a distribution adds security headers."""
    there = stack.source(distribution, "defaultCacheBehavior", tokens.RESPONSE_HEADERS)
    for path in _behaviours(distribution):
        if not distribution.given(f"{path}.responseHeadersPolicyId") or not there:
            yield Fault(f"{path}.responseHeadersPolicyId", "is none of this program", "pass a policy's id")


@rule("N12", types=[tokens.RESPONSE_HEADERS])
def security_headers_are_complete(policy: Resource) -> Iterator[Fault]:
    """Browsers keep to HTTPS for a year, guess no types, show no page in a frame, and tell others no addresses."""
    for header in ("contentTypeOptions", "frameOptions", "referrerPolicy", "strictTransportSecurity"):
        if not policy.true(f"securityHeadersConfig.{header}.override"):
            yield Fault(f"securityHeadersConfig.{header}", "is missing or gives way", "set it with override")
    strict = "securityHeadersConfig.strictTransportSecurity"
    if (policy.get(f"{strict}.accessControlMaxAgeSec") or 0) < _YEAR:
        yield Fault(f"{strict}.accessControlMaxAgeSec", "is less than a year", f"set {_YEAR} or more")
    if not policy.true(f"{strict}.includeSubdomains"):
        yield Fault(f"{strict}.includeSubdomains", "is not true", "set true")
    for path, wanted in (("frameOptions.frameOption", "DENY"), ("referrerPolicy.referrerPolicy", "same-origin")):
        if policy.get(f"securityHeadersConfig.{path}") not in (wanted, "no-referrer", "strict-origin"):
            yield Fault(f"securityHeadersConfig.{path}", f"is not {wanted}", f"set {wanted}")


@rule("N11", "N12", types=[tokens.CERTIFICATE], whole=True)
def certificate_is_proved(certificate: Resource, stack: Stack) -> Iterator[Fault]:
    """A certificate is asked for a name, proved by DNS records of this program, and waited for."""
    if not certificate.get("domainName"):
        yield Fault("domainName", "is missing", "name the domain")
    if certificate.get("validationMethod") != "DNS":
        yield Fault("validationMethod", "is not DNS, which renews without anybody", "set DNS")
    if certificate.get("options.certificateTransparencyLoggingPreference") == "DISABLED":
        yield Fault("options", "hide it from browsers' logs, so that they refuse it", "leave them out")
    proofs = stack.users(certificate, "certificateArn", tokens.CERTIFICATE_VALIDATION)
    if not any(stack.source(proof, "validationRecordFqdns", tokens.RECORD) for proof in proofs):
        yield Fault("validation", "is not waited for", "add a CertificateValidation with the records' names")


@rule("N11", "N12", types=[tokens.CERTIFICATE_VALIDATION], whole=True)
def proof_is_of_our_certificate(validation: Resource, stack: Stack) -> Iterator[Fault]:
    """What is waited for is a certificate of this program, whose names and proof are checked."""
    if not stack.source(validation, "certificateArn", tokens.CERTIFICATE):
        yield Fault("certificateArn", "is no certificate of this program", "pass its ARN")


@rule("N11", "N12", types=[tokens.WEB_ACL])
def firewall_blocks(acl: Resource) -> Iterator[Fault]:
    """A firewall blocks who asks too often and what AWS's three basic groups know, and counts what it does."""
    rules = acl.items("rules")
    rates = [_at(r, "statement.rateBasedStatement.limit") for r in rules if _at(r, "action.block") is not None]
    if not any(rates):
        yield Fault("rules", "let one address ask without end", "add a rateBasedStatement that blocks")
    groups = {
        _at(r, "statement.managedRuleGroupStatement.name")
        for r in rules
        if _at(r, "overrideAction.none") is not None
        and _at(r, "statement.managedRuleGroupStatement.vendorName") == "AWS"
    }
    if missing := sorted(_GROUPS - groups):
        yield Fault("rules", f"lack {', '.join(missing)}", "add it with its own actions")
    paths = ["visibilityConfig", *(f"rules.{index}.visibilityConfig" for index in range(len(rules)))]
    for path in paths:
        for key in ("cloudwatchMetricsEnabled", "sampledRequestsEnabled"):
            if not acl.true(f"{path}.{key}"):
                yield Fault(f"{path}.{key}", "is not true", "set true")


@rule("N11", "N12", types=[tokens.WEB_ACL], whole=True)
def firewall_logs(acl: Resource, stack: Stack) -> Iterator[Fault]:
    """A firewall logs into a log group of this program, under a name that AWS WAF writes to."""
    logs = stack.users(acl, "resourceArn", tokens.WEB_ACL_LOGGING)
    groups = [group for log in logs for group in stack.source(log, "logDestinationConfigs", tokens.LOG_GROUP)]
    if not groups:
        yield Fault("log", "there is none into a log group of this program", "add a WebAclLoggingConfiguration")
    # https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
    for group in groups:
        if not str(group.get("name")).startswith("aws-waf-logs-"):
            yield Fault("log", f"AWS WAF refuses {group.get('name')}", "begin its name with aws-waf-logs-")


@rule("N11", "N12", types=[tokens.WEB_ACL_LOGGING], whole=True)
def firewall_log_is_of_our_firewall(log: Resource, stack: Stack) -> Iterator[Fault]:
    """What is logged is a firewall of this program, whose rules are checked."""
    if not stack.source(log, "resourceArn", tokens.WEB_ACL):
        yield Fault("resourceArn", "is no firewall of this program", "pass its ARN")


@rule("N11", "N12", types=[tokens.WEB_ACL_LOGGING])
def firewall_logs_no_credential(log: Resource) -> Iterator[Fault]:
    """What opens something is left out of a firewall's log."""
    found = {str(_at(entry, "singleHeader.name")).lower() for entry in log.items("redactedFields")}
    if missing := sorted(_REDACTED - found):
        yield Fault("redactedFields", f"lack {', '.join(missing)}", "add a singleHeader of that name")


def _behaviours(distribution: Resource) -> list[str]:
    ordered = range(len(distribution.items("orderedCacheBehaviors")))
    return ["defaultCacheBehavior", *(f"orderedCacheBehaviors.{index}" for index in ordered)]


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value

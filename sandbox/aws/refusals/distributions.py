"""Rules of CloudFront that other services have a say in: certificates, web ACLs, buckets."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.aws.session import ACCOUNT
from sandbox.aws.steps.distributions import config_of, policy_config
from sandbox.protocol import HostError, has_unknown

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
POLICY = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
CREATE = "CreateDistribution"
UPDATE = "update_distribution"
# CloudFront takes certificates and web ACLs from here alone.
HOME = "us-east-1"


@rule(DISTRIBUTION, at="check")
def distribution_form(case: Case) -> None:
    """The configuration has CloudFront's form."""
    _form(case, UPDATE, "DistributionConfig", config_of(case.session, case.inputs))


@rule(POLICY, at="check")
def policy_form(case: Case) -> None:
    """The policy has CloudFront's form."""
    config = policy_config(case.session, case.inputs)
    _form(case, "update_response_headers_policy", "ResponseHeadersPolicyConfig", config)


def _form(case: Case, operation: str, name: str, config: dict[str, Any]) -> None:
    params = {"Id": "x", "IfMatch": "x", name: {"CallerReference": "x", **config} if operation == UPDATE else config}
    region, partial = case.session.region, has_unknown(case.inputs)
    if problems := case.session.caller.problems("cloudfront", region, operation, params, partial):
        raise HostError("Parameter validation failed: " + "; ".join(problems))


def _viewer(case: Case) -> dict[str, Any]:
    return dict(case["viewerCertificate"] or {})


@rule(DISTRIBUTION, at="check")
def viewer_certificate(case: Case) -> None:
    """A certificate of ACM is one of us-east-1 with a way to serve it; names of one's own need one."""
    viewer = _viewer(case)
    arn = viewer.get("acmCertificateArn")
    if case["aliases"] and not arn and not viewer.get("iamCertificateId"):
        reason = (
            "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted "
            "certificate that validates your authorization to use the domain name."
        )
        raise error("InvalidViewerCertificate", CREATE, reason)
    if arn and not viewer.get("sslSupportMethod"):
        raise error("InvalidViewerCertificate", CREATE, "A certificate of ACM needs an SSL support method.")
    if isinstance(arn, str) and not has_unknown(arn) and arn.split(":")[3] != HOME:
        _no_certificate()


@rule(DISTRIBUTION, at="create")
@rule(DISTRIBUTION, at="update")
def certificate_covers(case: Case) -> None:
    """The certificate is issued and covers every alias."""
    arn = _viewer(case).get("acmCertificateArn")
    if not arn:
        return
    try:
        found = case.session.caller.call("acm", HOME, "describe_certificate", {"CertificateArn": arn})["Certificate"]
    except AwsError:
        _no_certificate()
    if found["Status"] != "ISSUED":
        _no_certificate()
    for alias in case["aliases"] or ():
        if not any(_covers(name, alias) for name in found["SubjectAlternativeNames"]):
            reason = (
                "The certificate that is attached to your distribution doesn't cover the alternate domain name "
                f"(CNAME) that you're trying to add: {alias}"
            )
            raise error("InvalidViewerCertificate", CREATE, reason)


def _covers(name: str, alias: str) -> bool:
    """Say whether a certificate's name stands for an alias; a star stands for one label."""
    if name.startswith("*."):
        return (alias.partition(".")[2].lower() == name[2:].lower() and not alias.startswith("*.")) or alias == name
    return name.lower() == alias.lower()


def _no_certificate() -> None:
    reason = (
        "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, "
        "or doesn't include a valid certificate chain."
    )
    raise error("InvalidViewerCertificate", CREATE, reason)


@rule(DISTRIBUTION, at="check")
def web_acl_scope(case: Case) -> None:
    """A web ACL of CloudFront has the scope CLOUDFRONT."""
    acl = case["webAclId"]
    if isinstance(acl, str) and acl and not re.fullmatch(rf"arn:aws:wafv2:{HOME}:{ACCOUNT}:global/webacl/.+/.+", acl):
        raise error("InvalidWebACLId", CREATE, f"Web ACL is not accessible by the requester: {acl}")


@rule(DISTRIBUTION, at="create")
@rule(DISTRIBUTION, at="update")
def web_acl_exists(case: Case) -> None:
    """The web ACL is there."""
    acl = case["webAclId"]
    if acl:
        name, unique = acl.split("/")[2:4]
        params = {"Name": name, "Id": unique, "Scope": "CLOUDFRONT"}
        try:
            case.session.caller.call("wafv2", HOME, "get_web_acl", params)
        except AwsError:
            reason = f"Web ACL is not accessible by the requester: {acl}"
            raise error("InvalidWebACLId", CREATE, reason) from None


@rule(DISTRIBUTION, at="create")
@rule(DISTRIBUTION, at="update")
def origin_bucket(case: Case) -> None:
    """A bucket that is an origin exists, under the name of its own region."""
    for origin in case["origins"] or ():
        domain = origin["domainName"]
        match = re.fullmatch(r"(?P<bucket>.+)\.s3[.-](?:(?P<region>[a-z0-9-]+)\.)?amazonaws\.com", domain)
        if origin.get("originAccessControlId") and not match:
            reason = f"The origin access control is for S3, and {domain} is no bucket's domain."
            raise error("InvalidDomainNameForOriginAccessControl", CREATE, reason)
        if match and not _bucket(case, match["bucket"], match["region"]):
            reason = f"The parameter Origin DomainName does not refer to a valid S3 bucket: {domain}"
            raise error("InvalidArgument", CREATE, reason)


def _bucket(case: Case, name: str, region: str | None) -> bool:
    try:
        answer = case.call("s3", "get_bucket_location", Bucket=name)
    except AwsError:
        return False
    return region in (None, answer.get("LocationConstraint") or HOME)

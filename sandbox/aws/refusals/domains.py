"""Rules of Route 53 and ACM."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sandbox.aws.balancer_gaps import hosted_zone as balancer_zone
from sandbox.aws.calls import AwsError
from sandbox.aws.dns import inside, plain
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.aws.steps.distributions import HOSTED_ZONE as CLOUDFRONT_ZONE

ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
CERTIFICATE = "aws:acm/certificate:Certificate"

LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
CHANGE = "ChangeResourceRecordSets"


@rule(ZONE, at="check")
def zone_name(case: Case) -> None:
    """A zone has a name that is a domain's."""
    name = case["name"]
    if case.inputs.get("name") is None or (name is not None and not re.fullmatch(rf"({LABEL}\.)+{LABEL}\.?", name)):
        raise error("InvalidDomainName", "CreateHostedZone", f"{name} is not a valid domain name")


@rule(ZONE, at="create")
def zone_vpcs(case: Case) -> None:
    """A private zone's VPCs exist, resolve names, and have no other zone of that name."""
    for one in case["vpcs"] or ():
        vpc, region = one["vpcId"], one.get("vpcRegion") or case.session.region
        there = replace(case.session, region=region).of("ec2")
        try:
            there.call("describe_vpcs", VpcIds=[vpc])
        except AwsError as failure:
            if not failure.gone:
                raise
            raise error(
                "InvalidVPCId", "CreateHostedZone", f"The VPC {vpc} in region {region} does not exist"
            ) from None
        for attribute in ("enableDnsSupport", "enableDnsHostnames"):
            member = f"{attribute[0].upper()}{attribute[1:]}"
            if not there.call("describe_vpc_attribute", VpcId=vpc, Attribute=attribute)[member]["Value"]:
                # Route 53 takes such a VPC, whose machines then find no name of the zone.
                raise error("InvalidVPCId", "CreateHostedZone", f"{vpc} has {attribute} off: the zone would be mute")
        found = case.call("route53", "list_hosted_zones_by_vpc", VPCId=vpc, VPCRegion=region)["HostedZoneSummaries"]
        if plain(case["name"]) in [plain(other["Name"]) for other in found]:
            reason = f"The VPC {vpc} is already associated with a hosted zone {case['name']}"
            raise error("ConflictingDomainExists", "CreateHostedZone", reason)


@rule(RECORD, at="check")
def record_content(case: Case) -> None:
    """A record has values and a time to live, or is an alias."""
    alias, values = case.inputs.get("aliases"), case.inputs.get("records")
    if bool(alias) == bool(values):
        raise error("InvalidInput", CHANGE, "one of `alias,records` must be specified")
    if (case.inputs.get("ttl") is None) == bool(values):
        raise error("InvalidInput", CHANGE, '"ttl" is required with "records" and conflicts with "alias"')


@rule(RECORD, at="create")
@rule(RECORD, at="update")
def alias_target(case: Case) -> None:
    """An alias leads to a distribution or network load balancer that exists, or to a record of its own zone."""
    for alias in case["aliases"] or ():
        zone, name = alias["zoneId"], plain(alias["name"])
        if zone == CLOUDFRONT_ZONE:
            found = name in _distribution_names(case)
        elif zone == case["zoneId"]:
            found = _has(case, zone, name, case["type"])
        elif zone == balancer_zone(case.session.region):
            balancers = case.call("elbv2", "describe_load_balancers")["LoadBalancers"]
            found = name in [plain(one["DNSName"]) for one in balancers if one["Type"] == "network"]
        else:
            raise error("InvalidInput", CHANGE, f"aliases into zone {zone} are not played; see sandbox/aws/refusals")
        if not found:
            reason = (
                f"[Tried to create an alias that targets {name}., type {case['type']} in zone {zone}, "
                "but that target was not found]"
            )
            raise error("InvalidChangeBatch", CHANGE, reason)


def _distribution_names(case: Case) -> list[str]:
    items = case.call("cloudfront", "list_distributions")["DistributionList"].get("Items", [])
    return [plain(item["DomainName"]) for item in items]


def _has(case: Case, zone: str, name: str, kind: str) -> bool:
    apex = plain(case.call("route53", "get_hosted_zone", Id=zone)["HostedZone"]["Name"])
    records = case.call("route53", "list_resource_record_sets", HostedZoneId=zone)["ResourceRecordSets"]
    return inside(name, apex) and any((plain(one["Name"]), one["Type"]) == (name, kind) for one in records)


@rule(CERTIFICATE, at="check")
def certificate_names(case: Case) -> None:
    """A certificate is for domains; its first one has at most 64 characters (RFC 5280's common name)."""
    first = case["domainName"]
    if case.inputs.get("domainName") is None:
        raise error("ValidationException", "RequestCertificate", "the sandbox plays requested certificates only")
    if isinstance(first, str) and len(first) > 64:
        reason = f"Value '{first}' at 'domainName' failed to satisfy constraint: Member must have length at most 64"
        raise error("ValidationException", "RequestCertificate", reason)
    others = [name for name in case["subjectAlternativeNames"] or () if isinstance(name, str)]
    for name in [first, *others] if isinstance(first, str) else others:
        if not re.fullmatch(rf"(\*\.)?({LABEL}\.)+{LABEL}", name):
            reason = f"Value '{name}' failed to satisfy constraint: it is no domain name"
            raise error("ValidationException", "RequestCertificate", reason)


@rule(CERTIFICATE, at="check")
def validation_method(case: Case) -> None:
    """The sandbox reads no mail."""
    if case.inputs.get("validationMethod") is None or case["validationMethod"] == "EMAIL":
        reason = "validationMethod has to be DNS: the provider needs one, and the sandbox reads no mail"
        raise error("ValidationException", "RequestCertificate", reason)


@rule(CERTIFICATE, at="delete")
def certificate_is_free(case: Case) -> None:
    """A certificate that a distribution shows to its viewers stays."""
    for item in case.call("cloudfront", "list_distributions")["DistributionList"].get("Items", []):
        if _certificate(item) == case.id:
            reason = f"Certificate {case.id} in account 123456789012 is in use."
            raise error("ResourceInUseException", "DeleteCertificate", f"{reason} (distribution {item['Id']})")


def _certificate(item: dict[str, Any]) -> str:
    return str(item["ViewerCertificate"].get("ACMCertificateArn", ""))

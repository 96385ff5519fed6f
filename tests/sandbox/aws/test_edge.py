"""Domains, certificates, CloudFront, WAF and deliveries of logs: what AWS refuses, and its passing twin."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.deliveries import DELIVERY
from sandbox.aws.refusals.firewalls import LOGGING
from sandbox.protocol import UNKNOWN, HostError
from tests.sandbox.aws.examples import EXAMPLES
from tests.sandbox.aws.examples.edge import (
    ACL,
    CERTIFICATE,
    CONTROL,
    DESTINATION,
    DISTRIBUTION,
    DOMAIN,
    HEADERS,
    HOME,
    OPTIMIZED,
    RECORD,
    SOURCE,
    VALIDATION,
    ZONE,
    acl,
    bucket,
    control,
    delivery,
    destination,
    distribution,
    host,
    issued,
    limit,
    log_group,
    managed,
    open_bucket,
    prove,
    zone,
)
from tests.sandbox.aws.world import Case, Change, Made, World

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"


def alias(name: str, zone_id: str = CLOUDFRONT_ZONE) -> dict[str, Any]:
    target = {"name": name, "zoneId": zone_id, "evaluateTargetHealth": False}
    return {"type": "A", "aliases": [target], "records": None, "ttl": None}


def served(world: World) -> Made:
    return world.make(DISTRIBUTION, **distribution(world))


def viewer(arn: str) -> dict[str, Any]:
    settings = {"acmCertificateArn": arn, "sslSupportMethod": "sni-only", "minimumProtocolVersion": "TLSv1.2_2021"}
    return {"viewerCertificate": settings}


def certified(world: World, *names: str, region: str = HOME) -> dict[str, Any]:
    """Return `a.<own>` as an alias with a certificate for these names of the own domain."""
    own = host(world)
    made = issued(world, *(name.format(own) for name in names), region=region)
    return {"aliases": [f"a.{own}"], **viewer(made["arn"])}


def unissued(world: World) -> dict[str, Any]:
    name = host(world)
    made = world.make(CERTIFICATE, domainName=name, validationMethod="DNS", region=HOME)
    return {"aliases": [name], **viewer(made["arn"])}


def origin(world: World, **more: Any) -> dict[str, Any]:
    own = {
        "originId": "bucket",
        "domainName": f"{bucket(world)}.s3.eu-west-1.amazonaws.com",
        "originAccessControlId": world.make(CONTROL, **control(world)).id,
    }
    return {"origins": [{**own, **more}]}


def behavior(world: World, **more: Any) -> dict[str, Any]:
    return {"defaultCacheBehavior": {**distribution(world)["defaultCacheBehavior"], **more}}


def taken(world: World) -> dict[str, Any]:
    other = served(world)
    return {"aliases": other["aliases"], "viewerCertificate": other["viewerCertificate"]}


def logs_to(arn: str) -> dict[str, Any]:
    return {"logDestinationConfigs": [arn]}


def to_bucket(world: World, arn: str) -> dict[str, Any]:
    config = {"deliveryDestinationConfiguration": {"destinationResourceArn": arn}}
    return {"deliveryDestinationArn": world.make(DESTINATION, **{**destination(world), **config})["arn"]}


CASES: dict[str, Case] = {
    "zone without a name": Case(ZONE, lambda world: {"name": None}, "InvalidDomainName"),
    "zone of no domain": Case(ZONE, lambda world: {"name": "-.example"}, "InvalidDomainName"),
    "record that is there": Case(
        RECORD,
        lambda world: {"name": world.make(RECORD, **EXAMPLES[RECORD].inputs(world))["name"]},
        "InvalidChangeBatch.*but it already exists",
        lambda world: {
            "name": world.make(RECORD, **EXAMPLES[RECORD].inputs(world))["name"],
            "allowOverwrite": True,
        },
    ),
    "record whose name only ends like the zone's": Case(
        RECORD, lambda world: {"name": f"my{DOMAIN}"}, f"InvalidChangeBatch.*not permitted in zone {DOMAIN}"
    ),
    "another record beside a CNAME": Case(
        RECORD,
        lambda world: {
            "name": world.make(RECORD, **EXAMPLES[RECORD].inputs(world))["name"],
            "type": "A",
            "records": ["192.0.2.1"],
        },
        "InvalidChangeBatch.*conflicts with other records",
        lambda world: {"type": "A", "records": ["192.0.2.1"]},
    ),
    "CNAME at the apex": Case(RECORD, lambda world: {"name": DOMAIN}, "InvalidChangeBatch.*not permitted at apex"),
    "record without values": Case(RECORD, lambda world: {"records": None}, "InvalidInput"),
    "record without time to live": Case(RECORD, lambda world: {"ttl": None}, "InvalidInput"),
    "record in a zone that is not there": Case(RECORD, lambda world: {"zoneId": "Z0"}, "NoSuchHostedZone"),
    "alias of a distribution that is not there": Case(
        RECORD,
        lambda world: alias("d0.cloudfront.net"),
        "InvalidChangeBatch.*target was not found",
        lambda world: alias(served(world)["domainName"]),
    ),
    "alias of a record that is not there": Case(
        RECORD, lambda world: alias(f"nothing.{DOMAIN}", zone(world)), "InvalidChangeBatch.*target was not found"
    ),
    "certificate for too long a name": Case(
        CERTIFICATE,
        lambda world: {"domainName": "a" * 53 + f".{DOMAIN}", "subjectAlternativeNames": None},
        "ValidationException",
        lambda world: {"domainName": "a" * 52 + f".{DOMAIN}", "subjectAlternativeNames": None},
    ),
    "certificate for no name": Case(CERTIFICATE, lambda world: {"domainName": "*.*.com"}, "ValidationException"),
    "certificate for eleven more names": Case(
        CERTIFICATE,
        lambda world: {"subjectAlternativeNames": [f"n{number}.{DOMAIN}" for number in range(11)]},
        "LimitExceededException",
        lambda world: {"subjectAlternativeNames": [f"n{number}.{DOMAIN}" for number in range(10)]},
    ),
    "certificate of another region": Case(
        DISTRIBUTION,
        lambda world: certified(world, "*.{}", region="eu-west-1"),
        "InvalidViewerCertificate.*isn't in us-east-1",
        lambda world: certified(world, "*.{}"),
    ),
    "certificate that is not issued": Case(DISTRIBUTION, unissued, "InvalidViewerCertificate"),
    "certificate that is not there": Case(
        DISTRIBUTION,
        lambda world: viewer(f"arn:aws:acm:{HOME}:123456789012:certificate/none"),
        "InvalidViewerCertificate",
    ),
    "certificate for another name": Case(
        DISTRIBUTION,
        lambda world: certified(world, "{}", "c.{}", "*.c.{}", f"*.{DOMAIN}"),
        "InvalidViewerCertificate.*doesn't cover",
        lambda world: certified(world, "c.{}", "a.{}"),
    ),
    "name without a certificate": Case(
        DISTRIBUTION,
        lambda world: {"viewerCertificate": {"cloudfrontDefaultCertificate": True}},
        "InvalidViewerCertificate.*must attach a trusted",
        lambda world: {"aliases": None, "viewerCertificate": {"cloudfrontDefaultCertificate": True}},
    ),
    "certificate without a way to serve it": Case(
        DISTRIBUTION,
        lambda world: {"viewerCertificate": {"acmCertificateArn": issued(world, host(world))["arn"]}},
        "InvalidViewerCertificate.*SSL support method",
    ),
    "name of another distribution": Case(DISTRIBUTION, taken, "CNAMEAlreadyExists"),
    "regional web ACL": Case(
        DISTRIBUTION, lambda world: {"webAclId": world.make(ACL, **acl(world))["arn"]}, "InvalidWebACLId"
    ),
    "web ACL that is not there": Case(
        DISTRIBUTION,
        lambda world: {"webAclId": f"arn:aws:wafv2:{HOME}:123456789012:global/webacl/a/b"},
        "InvalidWebACLId",
    ),
    "origin that is not there": Case(DISTRIBUTION, lambda world: behavior(world, targetOriginId="x"), "NoSuchOrigin"),
    "origin access control that is not there": Case(
        DISTRIBUTION, lambda world: origin(world, originAccessControlId="E0"), "InvalidOriginAccessControl", origin
    ),
    "bucket that is not there": Case(
        DISTRIBUTION,
        lambda world: origin(world, domainName="no-such-bucket.s3.eu-west-1.amazonaws.com"),
        "InvalidArgument.*valid S3 bucket",
    ),
    "bucket of another region": Case(
        DISTRIBUTION,
        lambda world: origin(world, domainName=f"{bucket(world)}.s3.eu-central-1.amazonaws.com"),
        "InvalidArgument.*valid S3 bucket",
    ),
    "access control for what is no bucket": Case(
        DISTRIBUTION,
        lambda world: origin(world, domainName="www.example.com"),
        "InvalidDomainNameForOriginAccessControl",
    ),
    "headers policy that is not there": Case(
        DISTRIBUTION, lambda world: behavior(world, responseHeadersPolicyId="x"), "NoSuchResponseHeadersPolicy"
    ),
    "cache policy that is not there": Case(
        DISTRIBUTION,
        lambda world: behavior(world, cachePolicyId="x"),
        "NoSuchCachePolicy",
        lambda world: behavior(world, cachePolicyId=OPTIMIZED),
    ),
    "second access control of a name": Case(
        CONTROL,
        lambda world: {"name": world.make(CONTROL, **control(world))["name"]},
        "OriginAccessControlAlreadyExists",
    ),
    "second headers policy of a name": Case(
        HEADERS,
        lambda world: {"name": world.make(HEADERS, **EXAMPLES[HEADERS].inputs(world))["name"]},
        "ResponseHeadersPolicyAlreadyExists",
    ),
    "web ACL for CloudFront outside us-east-1": Case(
        ACL,
        lambda world: {"scope": "CLOUDFRONT"},
        "WAFInvalidParameterException",
        lambda world: {"scope": "CLOUDFRONT", "region": HOME},
    ),
    "two rules of a priority": Case(
        ACL,
        lambda world: {"rules": [managed("AWSManagedRulesCommonRuleSet", 1), limit(1)]},
        "WAFInvalidParameterException",
    ),
    "rule group with an action": Case(
        ACL,
        lambda world: {"rules": [{**managed("AWSManagedRulesCommonRuleSet", 1), "action": {"block": {}}}]},
        "WAFInvalidParameterException",
    ),
    "rule without an action": Case(
        ACL, lambda world: {"rules": [{**limit(1), "action": None}]}, "WAFInvalidParameterException"
    ),
    "rule group that is not there": Case(
        ACL, lambda world: {"rules": [managed("AWSManagedRulesEverything", 1)]}, "WAFNonexistentItemException"
    ),
    "second web ACL of a name": Case(
        ACL, lambda world: {"name": world.make(ACL, **acl(world))["name"]}, "WAFDuplicateItemException"
    ),
    "WAF's log group by another name": Case(
        LOGGING, lambda world: logs_to(world.log_group["arn"]), "WAFInvalidParameterException.*aws-waf-logs-"
    ),
    "WAF's log group that is not there": Case(
        LOGGING,
        lambda world: logs_to("arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-none"),
        "WAFInvalidParameterException.*no such log group",
        lambda world: logs_to(log_group(world)),
    ),
    "logs of a web ACL that is not there": Case(
        LOGGING,
        lambda world: {"resourceArn": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b"},
        "WAFNonexistentItemException",
    ),
    "CloudFront's source in another region": Case(SOURCE, lambda world: {"region": None}, "ValidationException"),
    "source of a distribution that is not there": Case(
        SOURCE,
        lambda world: {"resourceArn": "arn:aws:cloudfront::123456789012:distribution/E0"},
        "ResourceNotFoundException",
    ),
    "second source of a distribution": Case(
        SOURCE,
        lambda world: {"resourceArn": world.make(SOURCE, **EXAMPLES[SOURCE].inputs(world))["resourceArn"]},
        "ConflictException.*already been used",
    ),
    "unknown form of logs": Case(DESTINATION, lambda world: {"outputFormat": "xml"}, "ValidationException"),
    "columns to a log group": Case(
        DESTINATION,
        lambda world: {
            "outputFormat": "parquet",
            "deliveryDestinationConfiguration": {"destinationResourceArn": log_group(world)},
        },
        "ValidationException",
        lambda world: {"outputFormat": "parquet"},
    ),
    "delivery into a closed bucket": Case(
        DELIVERY,
        lambda world: to_bucket(world, f"arn:aws:s3:::{bucket(world)}"),
        "AccessDeniedException.*does not let delivery",
        lambda world: to_bucket(world, open_bucket(world)),
    ),
    "delivery into a bucket that is not there": Case(
        DELIVERY, lambda world: to_bucket(world, "arn:aws:s3:::no-such-bucket"), "ResourceNotFoundException"
    ),
    "second delivery of a kind": Case(
        DELIVERY,
        lambda world: {"deliverySourceName": world.make(DELIVERY, **delivery(world))["deliverySourceName"]},
        "ConflictException",
    ),
}


def inputs(world: World, case: Case, change: Change) -> dict[str, Any]:
    given = {**EXAMPLES[case.token].inputs(world), **change(world)}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize("name", CASES)
def test_what_aws_refuses_is_refused(world: World, name: str) -> None:
    """Under AWS's error code, at the check or at the creation; its twin passes."""
    case = CASES[name]
    with pytest.raises(AwsError, match=f"(?s){case.code}"):
        world.make(case.token, **inputs(world, case, case.change))
    world.make(case.token, **inputs(world, case, case.twin))


# Domains -----------------------------------------------------------------------------------------------------------


def test_a_name_that_is_not_below_the_zones_is_put_before_it(world: World) -> None:
    """The provider does so, and makes a record that nobody asked for."""
    made = world.make(RECORD, **{**EXAMPLES[RECORD].inputs(world), "name": "www.example.org."})
    assert (made["fqdn"], made["name"]) == (f"www.example.org.{DOMAIN}", "www.example.org.")
    assert made.id == f"{zone(world)}_www.example.org_CNAME"
    world.delete(made)


def test_a_zone_with_records_stays(world: World) -> None:
    """Whether they are addresses or delegations; with `forceDestroy` they go with it."""
    for kind, values in (("A", ["192.0.2.1"]), ("NS", ["ns-1.example.net"])):
        made = world.make(ZONE, name=host(world))
        world.make(RECORD, zoneId=made.id, name=f"x.{made['name']}", type=kind, ttl=60, records=values)
        with pytest.raises(AwsError, match="HostedZoneNotEmpty"):
            world.delete(made)
        world.delete(world.update(made, forceDestroy=True))


def test_a_record_can_come_again(world: World) -> None:
    """What was deleted is forgotten."""
    given = EXAMPLES[RECORD].inputs(world)
    for _ in range(2):
        world.delete(world.make(RECORD, **given))


def test_zones_have_name_servers_of_their_own(world: World) -> None:
    """Or a delegation to any zone would reach all."""
    one, two = (world.make(ZONE, name=host(world)) for _ in range(2))
    assert not {*one["nameServers"]} & {*two["nameServers"]}
    assert one["primaryNameServer"] in one["nameServers"]


def test_a_zone_is_found_by_id_and_by_name(world: World) -> None:
    """One that is not there, or not alone, is an error."""
    token, own = "aws:route53/getZone:getZone", zone(world)
    found = world.host.invoke(token, {"zoneId": own})
    assert (found["name"], found["arn"]) == (DOMAIN, f"arn:aws:route53:::hostedzone/{own}")
    assert world.host.invoke(token, {"name": f"{DOMAIN}."})["zoneId"] == own
    with pytest.raises(HostError, match="no matching Route 53 Hosted Zone found"):
        world.host.invoke(token, {"zoneId": "Z0123456789ABCDEFGHIJ"})
    second = world.make(ZONE, name=DOMAIN)
    with pytest.raises(HostError, match="multiple Route 53 Hosted Zones matched"):
        world.host.invoke(token, {"name": DOMAIN})
    world.delete(second)


# Certificates ------------------------------------------------------------------------------------------------------


def requested(world: World, *names: str) -> Made:
    more = {"subjectAlternativeNames": list(names[1:])} if names[1:] else {}
    return world.make(CERTIFICATE, domainName=names[0], validationMethod="DNS", **more)


def await_it(world: World, made: Made, **more: Any) -> Made:
    return world.make(VALIDATION, certificateArn=made["arn"], **more)


def test_a_certificate_waits_for_its_record(world: World) -> None:
    """The error says which record is missing where, and a record of another value does not do."""
    made = requested(world, host(world))
    with pytest.raises(AwsError, match=r"(?s)to become 'ISSUED' \(last state: 'PENDING_VALIDATION'.*has no CNAME _"):
        await_it(world, made)
    record = made["domainValidationOptions"][0]["resourceRecordName"]
    wrong = world.make(RECORD, zoneId=zone(world), name=record, type="CNAME", ttl=60, records=[f"no.{DOMAIN}"])
    with pytest.raises(AwsError, match=f"points to no.{DOMAIN}, not to"):
        await_it(world, made)
    world.delete(wrong)
    prove(world, made)
    assert await_it(world, made).id.endswith("+0000 UTC")


def test_a_name_and_its_wildcard_have_one_record(world: World) -> None:
    """So has the same name in another region: whoever makes it twice has to overwrite it."""
    name = host(world)
    made = requested(world, name, f"*.{name}")
    options = made["domainValidationOptions"]
    assert [one["domainName"] for one in options] == [name, f"*.{name}"]
    assert len({one["resourceRecordName"] for one in options}) == 1
    other = world.make(CERTIFICATE, domainName=name, validationMethod="DNS", region=HOME)
    assert other["domainValidationOptions"][0]["resourceRecordValue"] == options[0]["resourceRecordValue"]


def test_a_certificate_of_a_delegated_zone_needs_the_delegation(world: World) -> None:
    """The record in a zone to which nobody leads proves nothing; the error says what the parent lacks."""
    name = host(world)
    child = world.make(ZONE, name=name)
    made = requested(world, f"apps.{name}")
    option = made["domainValidationOptions"][0]
    record = {"name": option["resourceRecordName"], "type": "CNAME", "records": [option["resourceRecordValue"]]}
    world.make(RECORD, zoneId=child.id, ttl=60, **record)
    with pytest.raises(AwsError, match=f"{child.id}.* has it, but no NS record leads there: its parent has to"):
        await_it(world, made)
    servers = {"type": "NS", "ttl": 60, "records": child["nameServers"]}
    delegation = world.make(RECORD, zoneId=zone(world), name=name, **servers)
    await_it(world, made)
    world.delete(delegation)


def test_a_zone_of_a_domain_that_is_not_registered_proves_nothing(world: World) -> None:
    """Anybody can make a zone of any name."""
    foreign = world.make(ZONE, name="example.net")
    made = requested(world, "example.net")
    option = made["domainValidationOptions"][0]
    record = {"name": option["resourceRecordName"], "type": "CNAME", "records": [option["resourceRecordValue"]]}
    world.make(RECORD, zoneId=foreign.id, ttl=60, **record)
    with pytest.raises(AwsError, match=r"no registered domain in this account holds _.*\.example\.net"):
        await_it(world, made)


def test_the_awaited_records_are_all_of_them(world: World) -> None:
    """The provider compares them with what ACM asks for before it waits."""
    made = requested(world, host(world), host(world))
    prove(world, made)
    names = [one["resourceRecordName"] for one in made["domainValidationOptions"]]
    with pytest.raises(HostError, match=f"missing .* DNS validation record: {names[1][:-1]}"):
        await_it(world, made, validationRecordFqdns=names[:1])
    await_it(world, made, validationRecordFqdns=[name.removesuffix(".") for name in names])


def test_a_certificate_in_use_stays(world: World) -> None:
    """A distribution shows it to its viewers."""
    shown = world.make(DISTRIBUTION, **{**distribution(world), **certified(world, "*.{}")})
    arn = shown["viewerCertificate"]["acmCertificateArn"]
    state = {"arn": arn, "region": HOME}
    urn = world.urn(CERTIFICATE, "thing")
    with pytest.raises(AwsError, match="ResourceInUseException"):
        world.host.delete(CERTIFICATE, urn, arn, state)
    world.delete(shown)
    world.host.delete(CERTIFICATE, urn, arn, state)


# CloudFront --------------------------------------------------------------------------------------------------------


def test_a_change_is_in_progress_before_it_is_deployed(world: World) -> None:
    """Who does not wait sees that; who waits does not."""
    assert served(world)["status"] == "Deployed"
    assert world.make(DISTRIBUTION, **distribution(world, waitForDeployment=False))["status"] == "InProgress"


def test_a_distribution_is_disabled_before_it_goes(world: World) -> None:
    """CloudFront refuses a delete of an enabled one, and one under an old ETag; the provider does both rightly."""
    shown, client = served(world), world.client("cloudfront")
    etag = client.get_distribution(Id=shown.id)["ETag"]
    assert etag == shown["etag"]
    with pytest.raises(client.exceptions.DistributionNotDisabled):
        client.delete_distribution(Id=shown.id, IfMatch=etag)
    with pytest.raises(client.exceptions.InvalidIfMatchVersion):
        client.delete_distribution(Id=shown.id)
    world.update(shown, comment="new")
    with pytest.raises(client.exceptions.PreconditionFailed):
        client.delete_distribution(Id=shown.id, IfMatch=etag)
    world.delete(shown)
    with pytest.raises(client.exceptions.NoSuchDistribution):
        client.get_distribution(Id=shown.id)


def test_a_retained_distribution_is_only_disabled(world: World) -> None:
    """`retainOnDelete` of the provider, not the engine's option of that name."""
    shown = world.make(DISTRIBUTION, **distribution(world, retainOnDelete=True))
    world.delete(shown)
    found = world.client("cloudfront").get_distribution(Id=shown.id)["Distribution"]
    assert not found["DistributionConfig"]["Enabled"]


def test_what_a_distribution_uses_stays(world: World) -> None:
    """Its access control, headers policy and web ACL, until it is gone."""
    parts = [world.make(CONTROL, **control(world)), world.make(HEADERS, **EXAMPLES[HEADERS].inputs(world))]
    firewall = world.make(ACL, **acl(world, "CLOUDFRONT"))
    given = distribution(world, webAclId=firewall["arn"])
    given["origins"][0]["originAccessControlId"] = parts[0].id
    given["defaultCacheBehavior"]["responseHeadersPolicyId"] = parts[1].id
    shown = world.make(DISTRIBUTION, **given)
    codes = ("OriginAccessControlInUse", "ResponseHeadersPolicyInUse", "WAFAssociatedItemException")
    for part, code in zip((*parts, firewall), codes, strict=True):
        with pytest.raises(AwsError, match=code):
            world.delete(part)
    world.delete(shown)
    for part in (*parts, firewall):
        world.delete(part)


def test_an_unmapped_part_of_a_distribution_is_named(world: World) -> None:
    """Like any input that a row does not map."""
    with pytest.raises(HostError, match=r"input defaultCacheBehavior\.nonsense has no mapping"):
        world.make(DISTRIBUTION, **{**distribution(world), **behavior(world, nonsense=1)})


# WAF and deliveries ------------------------------------------------------------------------------------------------


def test_another_action_is_a_change(world: World) -> None:
    """`{block: {}}` and `{count: {}}` differ in nothing but the name of what is empty."""
    made = world.make(ACL, **acl(world))
    rules = [made.inputs["rules"][0], {**limit(2), "action": {"count": {}}}]
    news = world.check(ACL, {**made.inputs, "rules": rules}, olds=made.inputs)
    result = world.host.diff(ACL, world.urn(ACL, "thing"), made.outputs, made.inputs, news)
    assert result.changed == ("rules",)
    assert world.update(made, rules=rules)["rules"][1]["action"] == {"count": {}}
    assert world.update(made, rules=[])["rules"] == []


def test_a_log_group_may_be_unknown_yet(world: World) -> None:
    """At preview its ARN is an item of a list that nobody can count yet."""
    world.check(LOGGING, {"resourceArn": UNKNOWN, "logDestinationConfigs": [UNKNOWN]})


def test_both_ends_of_a_delivery_stay(world: World) -> None:
    """Until the delivery is gone."""
    source = world.make(SOURCE, **EXAMPLES[SOURCE].inputs(world))
    target = world.make(DESTINATION, **destination(world))
    made = world.make(DELIVERY, deliverySourceName=source["name"], deliveryDestinationArn=target["arn"], region=HOME)
    for end in (source, target):
        with pytest.raises(AwsError, match="ConflictException"):
            world.delete(end)
    for one in (made, source, target):
        world.delete(one)


# Regions -----------------------------------------------------------------------------------------------------------


def test_the_inventory_sees_every_region(world: World) -> None:
    """What is left in us-east-1 is left behind like anything else."""
    before = world.inventory()
    made = [
        world.make(CERTIFICATE, domainName=f"x.{DOMAIN}", validationMethod="DNS", region=region)
        for region in (HOME, "eu-west-1")
    ]
    made += [world.make(ACL, **acl(world, scope)) for scope in ("CLOUDFRONT", "REGIONAL")]
    made.append(world.make(RECORD, **EXAMPLES[RECORD].inputs(world)))
    after = world.inventory()
    new = {
        name
        for service in ("acm", "route53", "wafv2")
        for kind, names in after[service].items()
        for name in {*names} - {*before.get(service, {}).get(kind, ())}
    }
    assert {name.partition("/")[0] for name in new} == {HOME, "eu-west-1", "aws"}
    assert {name.rpartition("/")[2] for name in new} == {one.id.rpartition("/")[2] for one in made}
    for one in made:
        world.delete(one)
    assert world.inventory() == before

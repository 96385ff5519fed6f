"""Examples of Route 53, ACM, CloudFront, WAF and the deliveries of logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox.aws.dns import REGISTERED
from tests.sandbox.aws.world import Example, Made, World

DOMAIN = "example.com"
HOME = "us-east-1"
OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
RECORD = "aws:route53/record:Record"
ZONE = "aws:route53/zone:Zone"
ACL = "aws:wafv2/webAcl:WebAcl"
CONTROL = "aws:cloudfront/originAccessControl:OriginAccessControl"
HEADERS = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
DESTINATION = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"


def zone(world: World) -> str:
    """Return the id of the registered domain's zone, made once for a world."""
    known = world.client("route53").list_hosted_zones()["HostedZones"]
    ids = [one["Id"].rpartition("/")[2] for one in known if one["Name"] == f"{DOMAIN}."]
    return next((one for one in ids if one in REGISTERED), "") or world.emulator.add_zone(DOMAIN)


def host(world: World) -> str:
    """Return a name below the registered domain that nothing has yet."""
    return f"{world.unique('host')}.{DOMAIN}"


def prove(world: World, certificate: Made) -> list[Made]:
    """Put a certificate's validation records into the registered domain's zone."""
    options = {one["resourceRecordName"]: one for one in certificate["domainValidationOptions"]}
    return [
        world.make(
            RECORD,
            zoneId=zone(world),
            name=name,
            type=one["resourceRecordType"],
            ttl=300,
            records=[one["resourceRecordValue"]],
            allowOverwrite=True,
        )
        for name, one in options.items()
    ]


def issued(world: World, *names: str, region: str = HOME) -> Made:
    """Return a certificate that is issued."""
    made = world.make(
        CERTIFICATE,
        domainName=names[0],
        subjectAlternativeNames=list(names[1:]),
        validationMethod="DNS",
        region=region,
    )
    prove(world, made)
    return made


# What distributions share in a world, by its endpoint: making it anew for each takes most of the tests' time.
_SHARED: dict[tuple[str, str], Made] = {}


def shared(world: World, name: str, make: Callable[[], Made]) -> Made:
    """Return what is made once for a world."""
    key = (world.endpoint, name)
    if key not in _SHARED:
        _SHARED[key] = make()
    return _SHARED[key]


def bucket(world: World) -> str:
    """Return a new bucket's name."""
    name = world.unique("images")
    world.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": world.client("s3").meta.region_name}
    )
    return name


def control(world: World) -> dict[str, Any]:
    return {
        "name": world.unique("control"),
        "originAccessControlOriginType": "s3",
        "signingBehavior": "always",
        "signingProtocol": "sigv4",
    }


def headers(world: World) -> dict[str, Any]:
    return {
        "name": world.unique("headers"),
        "securityHeadersConfig": {
            "contentTypeOptions": {"override": True},
            "frameOptions": {"frameOption": "DENY", "override": True},
            "strictTransportSecurity": {
                "accessControlMaxAgeSec": 63072000,
                "includeSubdomains": True,
                "override": True,
            },
        },
        "customHeadersConfig": {"items": [{"header": "X-Own", "value": "1", "override": True}]},
        "corsConfig": {
            "accessControlAllowCredentials": False,
            "accessControlAllowHeaders": {"items": ["*"]},
            "accessControlAllowMethods": {"items": ["GET"]},
            "accessControlAllowOrigins": {"items": [f"https://{DOMAIN}"]},
            "originOverride": True,
        },
    }


def distribution(world: World, **more: Any) -> dict[str, Any]:
    firewall = shared(world, "acl", lambda: world.make(ACL, **acl(world, "CLOUDFRONT")))
    access = shared(world, "control", lambda: world.make(CONTROL, **control(world)))
    policy = shared(world, "headers", lambda: world.make(HEADERS, **headers(world)))
    wildcard = shared(world, "certificate", lambda: issued(world, f"*.{DOMAIN}"))
    return {
        "aliases": [host(world)],
        "comment": "images",
        "enabled": True,
        "isIpv6Enabled": True,
        "priceClass": "PriceClass_200",
        "webAclId": firewall["arn"],
        "origins": [
            {
                "originId": "bucket",
                "domainName": f"{bucket(world)}.s3.eu-west-1.amazonaws.com",
                "originAccessControlId": access.id,
            }
        ],
        "defaultCacheBehavior": {
            "targetOriginId": "bucket",
            "viewerProtocolPolicy": "redirect-to-https",
            "allowedMethods": ["GET", "HEAD"],
            "cachedMethods": ["GET", "HEAD"],
            "cachePolicyId": OPTIMIZED,
            "responseHeadersPolicyId": policy.id,
            "compress": True,
        },
        "restrictions": {"geoRestriction": {"restrictionType": "none", "locations": []}},
        "viewerCertificate": {
            "acmCertificateArn": wildcard["arn"],
            "minimumProtocolVersion": "TLSv1.2_2021",
            "sslSupportMethod": "sni-only",
        },
        "tags": {"a": "b"},
        **more,
    }


def visibility(name: str) -> dict[str, Any]:
    return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}


def managed(name: str, priority: int) -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "overrideAction": {"none": {}},
        "statement": {"managedRuleGroupStatement": {"name": name, "vendorName": "AWS"}},
        "visibilityConfig": visibility(name),
    }


def limit(priority: int) -> dict[str, Any]:
    return {
        "name": "limit",
        "priority": priority,
        "action": {"block": {}},
        "statement": {"rateBasedStatement": {"limit": 2000, "aggregateKeyType": "IP"}},
        "visibilityConfig": visibility("limit"),
    }


def acl(world: World, scope: str = "REGIONAL") -> dict[str, Any]:
    return {
        "name": world.unique("acl"),
        "scope": scope,
        "description": "d",
        "defaultAction": {"allow": {}},
        "rules": [managed("AWSManagedRulesCommonRuleSet", 1), limit(2)],
        "visibilityConfig": visibility("acl"),
        "tags": {"a": "b"},
        **({"region": HOME} if scope == "CLOUDFRONT" else {}),
    }


def log_group(world: World) -> str:
    made = world.make("aws:cloudwatch/logGroup:LogGroup", name=f"aws-waf-logs-{world.unique()}")
    return str(made["arn"])


def source(world: World) -> dict[str, Any]:
    return {
        "name": world.unique("source"),
        "logType": "ACCESS_LOGS",
        "resourceArn": world.make(DISTRIBUTION, **distribution(world))["arn"],
        "region": HOME,
        "tags": {"a": "b"},
    }


def open_bucket(world: World) -> str:
    """Return the ARN of a bucket into which logs may be delivered."""
    name = bucket(world)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.client("s3").put_bucket_policy(Bucket=name, Policy=policy)
    return f"arn:aws:s3:::{name}"


def destination(world: World) -> dict[str, Any]:
    return {
        "name": world.unique("destination"),
        "outputFormat": "json",
        "deliveryDestinationConfiguration": {"destinationResourceArn": open_bucket(world)},
        "region": HOME,
        "tags": {"a": "b"},
    }


def delivery(world: World) -> dict[str, Any]:
    return {
        "deliverySourceName": world.make(SOURCE, **source(world))["name"],
        "deliveryDestinationArn": world.make(DESTINATION, **destination(world))["arn"],
        "recordFields": ["date", "time", "c-ip"],
        "s3DeliveryConfigurations": [{"suffixPath": "{DistributionId}/{yyyy}", "enableHiveCompatiblePath": False}],
        "region": HOME,
        "tags": {"a": "b"},
    }


def validation(world: World) -> dict[str, Any]:
    made = issued(world, host(world), region="eu-west-1")
    return {
        "certificateArn": made["arn"],
        "validationRecordFqdns": [one["resourceRecordName"] for one in made["domainValidationOptions"]],
    }


def from_home(made: Made) -> str:
    """Return the id by which something of us-east-1 is imported through a provider of another region."""
    return f"{made.id}@{HOME}"


EDGE: dict[str, Example] = {
    ZONE: Example(
        lambda world: {"name": f"dev.{DOMAIN}", "comment": "c", "forceDestroy": True, "tags": {"a": "b"}},
        lambda world: {"comment": "d", "tags": {"a": "c"}},
        lambda world: {"name": f"other.{DOMAIN}"},
        unread=("forceDestroy",),
    ),
    RECORD: Example(
        lambda world: {
            "zoneId": zone(world),
            "name": host(world),
            "type": "CNAME",
            "ttl": 300,
            "records": [f"a.{DOMAIN}"],
        },
        lambda world: {"ttl": 60, "records": [f"b.{DOMAIN}"]},
        lambda world: {"name": f"other.{DOMAIN}"},
    ),
    CERTIFICATE: Example(
        lambda world: {
            "domainName": f"apps.{DOMAIN}",
            "subjectAlternativeNames": [f"*.apps.{DOMAIN}"],
            "validationMethod": "DNS",
            "tags": {"a": "b"},
        },
        lambda world: {"tags": {"a": "c"}},
        lambda world: {"subjectAlternativeNames": [f"b.apps.{DOMAIN}"]},
    ),
    VALIDATION: Example(
        validation,
        replace=lambda world: {"certificateArn": f"arn:aws:acm:eu-west-1:123456789012:certificate/{world.unique()}"},
        stays=True,
        importable=False,
    ),
    CONTROL: Example(control, lambda world: {"name": world.unique("control"), "signingBehavior": "no-override"}),
    HEADERS: Example(
        headers,
        lambda world: {
            "comment": "c",
            "securityHeadersConfig": {"referrerPolicy": {"referrerPolicy": "no-referrer", "override": True}},
        },
    ),
    DISTRIBUTION: Example(
        distribution,
        lambda world: {"comment": "other", "httpVersion": "http2and3", "webAclId": None, "tags": {"a": "c"}},
    ),
    ACL: Example(
        acl,
        lambda world: {
            "rules": [managed("AWSManagedRulesKnownBadInputsRuleSet", 1)],
            "defaultAction": {"block": {}},
            "tags": {"a": "c"},
        },
        lambda world: {"name": "other"},
        imported=lambda made: f"{made.id}/{made['name']}/{made['scope']}",
    ),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": Example(
        lambda world: {
            "resourceArn": world.make(ACL, **acl(world))["arn"],
            "logDestinationConfigs": [log_group(world)],
            "redactedFields": [{"singleHeader": {"name": "authorization"}}],
        },
        lambda world: {"logDestinationConfigs": [log_group(world)]},
        lambda world: {"resourceArn": f"arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/x/{world.unique()}"},
    ),
    SOURCE: Example(source, lambda world: {"tags": {"a": "c"}}, lambda world: {"name": "other"}, imported=from_home),
    DESTINATION: Example(
        destination,
        lambda world: {"deliveryDestinationConfiguration": {"destinationResourceArn": open_bucket(world)}},
        lambda world: {"name": "other"},
        imported=from_home,
    ),
    "aws:cloudwatch/logDelivery:LogDelivery": Example(
        delivery,
        lambda world: {
            "recordFields": ["date", "time"],
            "s3DeliveryConfigurations": [{"suffixPath": "{yyyy}", "enableHiveCompatiblePath": True}],
        },
        lambda world: {"deliverySourceName": "other"},
        imported=from_home,
    ),
}

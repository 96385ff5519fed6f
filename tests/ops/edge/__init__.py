"""What tests of the finders make of Route 53, ACM, WAF and deliveries of logs, and canned answers of CloudFront."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tests.ops.storage import Inputs, Tags, client, pairs

DISTRIBUTION_ARN = "arn:aws:cloudfront::123456789012:distribution/E1"


def zone(name: str = "example.com") -> str:
    made = client("route53").create_hosted_zone(Name=name, CallerReference=name)
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def make_zone(inputs: Inputs, tags: Tags) -> str:
    # One whose name ends alike.
    zone(f"more.{inputs['name']}")
    made = zone(inputs["name"])
    client("route53").change_tags_for_resource(ResourceType="hostedzone", ResourceId=made, AddTags=pairs(tags))
    return made


def make_record(inputs: Inputs, tags: Tags) -> str:
    for name, kind in (("a.example.com", "NS"), ("dev.example.com", "TXT"), ("dev.example.com", "NS")):
        record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": '"x"'}]}
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        client("route53").change_resource_record_sets(HostedZoneId=inputs["zoneId"], ChangeBatch=batch)
    return f"{inputs['zoneId']}_dev.example.com_NS"


def make_certificate(inputs: Inputs, tags: Tags) -> str:
    acm = client("acm")
    acm.request_certificate(DomainName="other.example.com", Tags=pairs(tags))
    return str(acm.request_certificate(DomainName=inputs["domainName"], Tags=pairs(tags))["CertificateArn"])


def make_acl(inputs: Inputs, tags: Tags) -> str:
    visibility = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
    made = client("wafv2").create_web_acl(
        Name=inputs["name"],
        Scope=inputs["scope"],
        DefaultAction={"Allow": {}},
        VisibilityConfig=visibility,
        Tags=pairs(tags),
    )
    return str(made["Summary"]["Id"])


def make_source(inputs: Inputs, tags: Tags) -> str:
    client("logs").put_delivery_source(
        name=inputs["name"], resourceArn=DISTRIBUTION_ARN, logType="ACCESS_LOGS", tags=tags
    )
    return str(inputs["name"])


def make_destination(inputs: Inputs, tags: Tags) -> str:
    place = {"destinationResourceArn": "arn:aws:s3:::logs"}
    client("logs").put_delivery_destination(
        name=inputs["name"], outputFormat="json", deliveryDestinationConfiguration=place, tags=tags
    )
    return str(inputs["name"])


def delivery_inputs() -> Inputs:
    place = {"destinationResourceArn": "arn:aws:s3:::logs"}
    logs = client("logs")
    made = logs.put_delivery_destination(name="logs", deliveryDestinationConfiguration=place)
    logs.put_delivery_source(name="images", resourceArn=DISTRIBUTION_ARN, logType="ACCESS_LOGS")
    return {"deliverySourceName": "images", "deliveryDestinationArn": made["deliveryDestination"]["arn"]}


def make_delivery(inputs: Inputs, tags: Tags) -> str:
    return str(client("logs").create_delivery(**inputs, tags=tags)["delivery"]["id"])


EDGE: dict[str, tuple[Callable[[], Inputs], Callable[[Inputs, Tags], str]]] = {
    "aws:route53/zone:Zone": (lambda: {"name": "dev.example.com"}, make_zone),
    "aws:route53/record:Record": (
        lambda: {"zoneId": zone(), "name": "Dev.example.com.", "type": "NS"},
        make_record,
    ),
    "aws:acm/certificate:Certificate": (lambda: {"domainName": "dev.example.com"}, make_certificate),
    "aws:wafv2/webAcl:WebAcl": (lambda: {"name": "platform-dev", "scope": "REGIONAL"}, make_acl),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": (lambda: {"name": "images"}, make_source),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": (lambda: {"name": "logs"}, make_destination),
    "aws:cloudwatch/logDelivery:LogDelivery": (delivery_inputs, make_delivery),
}


# CloudFront, in AWS's own form ---------------------------------------------------------------------------------------

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
ORIGINS = {"Quantity": 1, "Items": [{"Id": "bucket", "DomainName": "images.s3.eu-west-1.amazonaws.com"}]}


def listed(name: str, *items: Inputs) -> Inputs:
    page = {} if name == "ResponseHeadersPolicyList" else {"IsTruncated": False, "Marker": ""}
    return {name: {"Items": [*items], "Quantity": len(items), "MaxItems": 100, **page}}


def control(unique: str, name: str) -> Inputs:
    return {
        "Id": unique,
        "Name": name,
        "Description": "",
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }


def policy(unique: str, name: str) -> Inputs:
    own = {"Id": unique, "LastModifiedTime": WHEN, "ResponseHeadersPolicyConfig": {"Name": name}}
    return {"Type": "custom", "ResponseHeadersPolicy": own}


def distribution(unique: str, alias: str) -> Inputs:
    return {
        "Id": unique,
        "ARN": f"arn:aws:cloudfront::123456789012:distribution/{unique}",
        "Status": "InProgress",
        "LastModifiedTime": WHEN,
        "DomainName": f"{unique.lower()}.cloudfront.net",
        "Aliases": {"Quantity": 1, "Items": [alias]},
        "Origins": ORIGINS,
        "DefaultCacheBehavior": {"TargetOriginId": "bucket", "ViewerProtocolPolicy": "https-only"},
        "CacheBehaviors": {"Quantity": 0},
        "CustomErrorResponses": {"Quantity": 0},
        "Comment": "images",
        "PriceClass": "PriceClass_200",
        "Enabled": True,
        "ViewerCertificate": {},
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        "WebACLId": "",
        "HttpVersion": "http2",
        "IsIPV6Enabled": True,
        "Staging": False,
    }


def deployed(unique: str) -> Inputs:
    kept = ("Id", "ARN", "LastModifiedTime", "DomainName")
    config = {"CallerReference": "x", "Origins": ORIGINS, "Comment": "images", "Enabled": True}
    summary = distribution(unique, "images.example.com")
    return {
        "Distribution": {
            **{name: summary[name] for name in kept},
            "Status": "Deployed",
            "InProgressInvalidationBatches": 0,
            "DistributionConfig": {**config, "DefaultCacheBehavior": summary["DefaultCacheBehavior"]},
        }
    }

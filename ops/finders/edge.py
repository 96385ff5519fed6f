"""Rows of Route 53, ACM, CloudFront, WAF and the deliveries of CloudFront's logs."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

_LOG_TAGS = Call("list_tags_for_resource", "{resourceArn: it.arn}", "tags")
_CLOUDFRONT_TAGS = Call("list_tags_for_resource", "{Resource: it.ARN}", "Tags.Items")

EDGE: dict[str, Finder | Repeatable] = {
    "aws:route53/zone:Zone": Finder(
        service="route53",
        look=Call("list_hosted_zones", result="HostedZones"),
        more={
            "Tags": Call(
                "list_tags_for_resource", "{ResourceType: 'hostedzone', ResourceId: last(it.Id)}", "ResourceTagSet.Tags"
            )
        },
        match={"domain(Name)": "domain(name)", "Config.PrivateZone": "vpcs && `true` || `false`"},
        tags="Tags",
        id="last(it.Id)",
        named_by="name",
    ),
    "aws:route53/record:Record": Finder(
        service="route53",
        # From the name on: the record, or others when there is none.
        look=Call(
            "list_resource_record_sets",
            "{HostedZoneId: zoneId, StartRecordName: name, StartRecordType: type}",
            "ResourceRecordSets",
        ),
        match={"domain(Name)": "domain(name)", "Type": "type"},
        id="join('_', [zoneId, domain(name), type])",
    ),
    "aws:acm/certificate:Certificate": Finder(
        service="acm",
        look=Call("list_certificates", result="CertificateSummaryList"),
        more={"Tags": Call("list_tags_for_certificate", "{CertificateArn: it.CertificateArn}", "Tags")},
        match={"DomainName": "domainName"},
        tags="Tags",
        id="it.CertificateArn",
    ),
    "aws:acm/certificateValidation:CertificateValidation": Repeatable("it makes nothing, it waits for the certificate"),
    "aws:cloudfront/originAccessControl:OriginAccessControl": Finder(
        service="cloudfront",
        look=Call("list_origin_access_controls", result="OriginAccessControlList.Items"),
        match={"Name": "name"},
        id="it.Id",
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": Finder(
        service="cloudfront",
        look=Call(
            "list_response_headers_policies",
            "{Type: 'custom'}",
            "ResponseHeadersPolicyList.Items[].ResponseHeadersPolicy",
        ),
        match={"ResponseHeadersPolicyConfig.Name": "name"},
        id="it.Id",
    ),
    "aws:cloudfront/distribution:Distribution": Finder(
        service="cloudfront",
        look=Call("list_distributions", result="DistributionList.Items"),
        more={"Tags": _CLOUDFRONT_TAGS},
        # No two distributions have an alias in common.
        match={"Aliases.Items[0]": "aliases[0]", "Comment": "comment"},
        tags="Tags",
        unique=True,
        id="it.Id",
        ready=Call("distribution_deployed", "{Id: it.Id}"),
    ),
    "aws:wafv2/webAcl:WebAcl": Finder(
        service="wafv2",
        look=Call("list_web_acls", "{Scope: scope}", "WebACLs"),
        more={"Tags": Call("list_tags_for_resource", "{ResourceARN: it.ARN}", "TagInfoForResource.TagList")},
        match={"Name": "name"},
        tags="Tags",
        unique=True,
        id="it.Id",
    ),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": Repeatable(
        "putting the configuration twice is putting it once"
    ),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": Finder(
        service="logs",
        look=Call("describe_delivery_sources", result="deliverySources"),
        more={"tags": _LOG_TAGS},
        match={"name": "name"},
        tags="tags",
        unique=True,
        id="it.name",
    ),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": Finder(
        service="logs",
        look=Call("describe_delivery_destinations", result="deliveryDestinations"),
        more={"tags": _LOG_TAGS},
        match={"name": "name"},
        tags="tags",
        unique=True,
        id="it.name",
    ),
    "aws:cloudwatch/logDelivery:LogDelivery": Finder(
        service="logs",
        look=Call("describe_deliveries", result="deliveries"),
        more={"tags": _LOG_TAGS},
        # A source has one delivery to a destination.
        match={"deliverySourceName": "deliverySourceName", "deliveryDestinationArn": "deliveryDestinationArn"},
        tags="tags",
        unique=True,
        id="it.id",
    ),
}

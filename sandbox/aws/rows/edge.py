"""Rows of Route 53, ACM, CloudFront, WAF and the deliveries of CloudFront's logs."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import certificates, distributions, firewalls, zones

# Every nested object of these is given in the program's own words, so only the whole is compared.
ACL = (
    "associationConfig captchaConfig challengeConfig customResponseBodies defaultAction description rules"
    " tokenDomains visibilityConfig"
)
DISTRIBUTION = (
    "aliases",
    "comment",
    "customErrorResponses",
    "defaultCacheBehavior",
    "defaultRootObject",
    "enabled",
    "httpVersion",
    "isIpv6Enabled",
    "loggingConfig",
    "orderedCacheBehaviors",
    "originGroups",
    "origins",
    "priceClass",
    "restrictions",
    "staging",
    "viewerCertificate",
    "webAclId",
)
HEADERS = (
    "comment",
    "corsConfig",
    "customHeadersConfig",
    "name",
    "removeHeadersConfig",
    "securityHeadersConfig",
    "serverTimingHeadersConfig",
)
CONTROL = "{Name: name, Description: description, SigningProtocol: signingProtocol, SigningBehavior: signingBehavior,"
LOGS_TAGS = "list_tags_for_resource {{resourceArn: join('', [prefix, '{}:', {}])}}"

ROWS = (
    Row(
        token="aws:route53/zone:Zone",
        service="route53",
        create=zones.create_zone,
        id="Id",
        read=(zones.read_zone,),
        set={"comment": "update_hosted_zone_comment {Id: id, Comment: comment || ''}", "vpcs": zones.set_vpcs},
        delete=(zones.empty_zone, "delete_hosted_zone {Id: id}"),
        takes=("name", "comment", "vpcs"),
        # A zone is public or private for good.
        renewed={"vpcs": "!(old.vpcs) || !(new.vpcs)"},
        local=("forceDestroy",),
        defaults={"comment": "Managed by Pulumi", "forceDestroy": False},
        tags="route53",
    ),
    Row(
        token="aws:route53/record:Record",
        service="route53",
        create=zones.create_record,
        id="Id",
        read=(zones.read_record,),
        set={"aliases records ttl": zones.update_record},
        delete=(zones.delete_record,),
        takes=("aliases", "name", "records", "ttl", "type", "zoneId"),
        local=("allowOverwrite",),
    ),
    Row(
        token="aws:acm/certificate:Certificate",
        service="acm",
        # The provider leaves an empty list out, and ACM refuses one.
        create="request_certificate {DomainName: domainName, ValidationMethod: validationMethod,"
        " KeyAlgorithm: keyAlgorithm, SubjectAlternativeNames: subjectAlternativeNames || `null`, Options: options.{"
        "CertificateTransparencyLoggingPreference: certificateTransparencyLoggingPreference, Export: export}}",
        id="CertificateArn",
        read=(certificates.read_certificate,),
        delete=("delete_certificate {CertificateArn: id}",),
        computed=("keyAlgorithm", "options", "subjectAlternativeNames", "validationMethod"),
        # Validation changes these, which is another resource.
        volatile=("notAfter", "notBefore", "pendingRenewal", "renewalEligibility", "status"),
        tags="acm",
    ),
    Row(
        token="aws:acm/certificateValidation:CertificateValidation",
        service="acm",
        create=certificates.await_validation,
        id="Id",
        read=(certificates.read_validation,),
        # The certificate stays as it is; the provider only forgets that it waited for it.
        delete=(),
        takes=("certificateArn", "validationRecordFqdns"),
    ),
    Row(
        token="aws:cloudfront/originAccessControl:OriginAccessControl",
        service="cloudfront",
        create="create_origin_access_control {OriginAccessControlConfig: "
        + CONTROL
        + " OriginAccessControlOriginType: originAccessControlOriginType}}",
        id="OriginAccessControl.Id",
        read=(distributions.read_control,),
        set={"*": distributions.update_control},
        delete=(distributions.delete_control,),
        defaults={"description": "Managed by Pulumi"},
        moves=("etag",),
        auto=AutoName(limit=64),
    ),
    Row(
        token="aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        service="cloudfront",
        create=distributions.create_policy,
        id="Id",
        read=(distributions.read_policy,),
        set={" ".join(HEADERS): distributions.update_policy},
        delete=(distributions.delete_policy,),
        takes=HEADERS,
        moves=("etag",),
        auto=AutoName(limit=128),
    ),
    Row(
        token="aws:cloudfront/distribution:Distribution",
        service="cloudfront",
        create=distributions.create_distribution,
        id="Id",
        read=(distributions.read_distribution,),
        set={" ".join(name for name in DISTRIBUTION if name != "staging"): distributions.update_distribution},
        delete=(distributions.delete_distribution,),
        takes=DISTRIBUTION,
        local=distributions.LOCAL,
        defaults={
            "httpVersion": "http2",
            "priceClass": "PriceClass_All",
            "retainOnDelete": False,
            "staging": False,
            "waitForDeployment": True,
        },
        moves=("etag", "lastModifiedTime"),
        tags="cloudfront",
    ),
    Row(
        token="aws:wafv2/webAcl:WebAcl",
        service="wafv2",
        create="create_web_acl *",
        id="Summary.Id || $id",
        imported="{id}/{name}/{scope}",
        read=(firewalls.read_acl,),
        set={ACL: firewalls.update_acl},
        delete=(firewalls.delete_acl,),
        moves=("capacity", "lockToken"),
        name="name",
        auto=AutoName(limit=128),
        tags="wafv2",
    ),
    Row(
        token="aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        service="wafv2",
        create="put_logging_configuration *",
        nest="LoggingConfiguration",
        id="{resourceArn}",
        read=("get_logging_configuration {ResourceArn: resourceArn} -> LoggingConfiguration",),
        set={"logDestinationConfigs loggingFilter redactedFields": "put_logging_configuration *"},
        delete=("delete_logging_configuration {ResourceArn: resourceArn}",),
    ),
    Row(
        token="aws:cloudwatch/logDeliverySource:LogDeliverySource",
        service="logs",
        create="put_delivery_source *",
        id="{name}",
        read=(
            "get_delivery_source {name: name} -> deliverySource",
            LOGS_TAGS.format("delivery-source", "name"),
        ),
        delete=("delete_delivery_source {name: name}",),
        out={"resourceArn": "resourceArns[0]"},
        auto=AutoName(limit=60),
        tags="logs",
    ),
    Row(
        token="aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
        service="logs",
        create="put_delivery_destination *",
        id="{name}",
        read=(
            "get_delivery_destination {name: name} -> deliveryDestination",
            LOGS_TAGS.format("delivery-destination", "name"),
        ),
        set={"deliveryDestinationConfiguration": "put_delivery_destination *"},
        delete=("delete_delivery_destination {name: name}",),
        computed=("deliveryDestinationType", "outputFormat"),
        auto=AutoName(limit=60),
        tags="logs",
    ),
    Row(
        token="aws:cloudwatch/logDelivery:LogDelivery",
        service="logs",
        create="create_delivery *",
        id="delivery.id",
        read=(
            "get_delivery {id: id} -> delivery",
            LOGS_TAGS.format("delivery", "id"),
        ),
        set={
            "fieldDelimiter recordFields s3DeliveryConfigurations": "update_delivery_configuration * {id: id}",
        },
        delete=("delete_delivery {id: id}",),
        computed=("fieldDelimiter", "recordFields", "s3DeliveryConfigurations"),
        ordered=("recordFields",),
        tags="logs",
    ),
)

"""Images for the world: a private bucket behind CloudFront."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_aws.cloudfront import (
    Distribution,
    DistributionDefaultCacheBehaviorArgs,
    DistributionOriginArgs,
    DistributionRestrictionsArgs,
    DistributionRestrictionsGeoRestrictionArgs,
    DistributionViewerCertificateArgs,
    OriginAccessControl,
    ResponseHeadersPolicy,
    ResponseHeadersPolicySecurityHeadersConfigArgs,
    ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs,
    ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs,
    ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs,
    ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs,
)
from pulumi_aws.cloudwatch import (
    LogDelivery,
    LogDeliveryDestination,
    LogDeliveryDestinationDeliveryDestinationConfigurationArgs,
    LogDeliverySource,
)
from pulumi_aws.route53 import Record, RecordAliasArgs

from components.edge import documents, names
from components.place import Place
from components.storage.bucket import PrivateBucket, PrivateBucketArgs

# CachingOptimized: compressed, a day unless the object says otherwise, nothing of the request in the key
# (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html).
_CACHING_OPTIMIZED: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_TWO_YEARS: Final = 63_072_000
_ORIGIN: Final = "images"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagesArgs:
    """What the images need to know.

    Attributes:
        bucket: Physical name; it also names what CloudFront keeps one space of per account for.
        domain: The images come from `images.<domain>`.
        zone_id: Where that name goes.
        certificate_arn: In us-east-1, for that name.
        web_acl_arn: Of scope CLOUDFRONT, or none.
        key: ARN of the bucket's key; its policy must hold `documents.distributions_decrypt`.
        log_bucket: Takes the bucket's and the distribution's access logs; its policy lets both in.
        global_provider: AWS in us-east-1.
        keep_data: Whether a destroy leaves the bucket behind.
        protect: Whether Pulumi refuses to delete it.
    """

    bucket: str
    domain: str
    zone_id: pulumi.Input[str]
    certificate_arn: pulumi.Input[str]
    web_acl_arn: pulumi.Input[str] | None
    key: pulumi.Input[str]
    log_bucket: PrivateBucket
    global_provider: pulumi.ProviderResource
    keep_data: bool
    protect: bool
    place: Place


class Images(pulumi.ComponentResource):
    """A bucket that only one distribution reads, and that distribution under a name of the domain.

    Attributes:
        bucket: Its name; whoever publishes images writes to it.
        url: Where the world finds them.
        distribution_id: For invalidations.
    """

    bucket: pulumi.Output[str]
    url: pulumi.Output[str]
    distribution_id: pulumi.Output[str]

    def __init__(self, name: str, args: ImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register bucket, distribution, name and log delivery."""
        super().__init__("platform:edge:Images", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        store = PrivateBucket(
            f"{name}-bucket",
            PrivateBucketArgs(
                bucket=args.bucket,
                key_arn=args.key,
                log_bucket=args.log_bucket.bucket,
                keep=args.keep_data,
                protect=args.protect,
                place=args.place,
            ),
            self._child,
        )
        distribution = self._create_distribution(store)
        store.attach_policy(pulumi.Output.all(store.arn, distribution.arn).apply(_statements))
        self._create_records(distribution)
        self._deliver_logs(distribution)
        self.bucket = store.bucket
        self.url = pulumi.Output.from_input(f"https://{names.images_name(args.domain)}")
        self.distribution_id = distribution.id
        self.register_outputs({"bucket": self.bucket, "url": self.url, "distribution_id": self.distribution_id})

    def _create_distribution(self, store: PrivateBucket) -> Distribution:
        args = self._args
        access = OriginAccessControl(
            self._name,
            name=args.bucket,
            description=f"CloudFront reads {args.bucket}",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child,
        )
        return Distribution(
            self._name,
            comment=f"Images of {args.domain}",
            enabled=True,
            aliases=[names.images_name(args.domain)],
            origins=[
                DistributionOriginArgs(
                    origin_id=_ORIGIN,
                    domain_name=store.regional_domain_name,
                    origin_access_control_id=access.id,
                )
            ],
            default_cache_behavior=self._behavior(),
            viewer_certificate=DistributionViewerCertificateArgs(
                acm_certificate_arn=args.certificate_arn,
                minimum_protocol_version="TLSv1.2_2021",
                ssl_support_method="sni-only",
            ),
            restrictions=DistributionRestrictionsArgs(
                geo_restriction=DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
            ),
            http_version="http2and3",
            is_ipv6_enabled=True,
            # Not South America, Australia and New Zealand, whose edge locations cost most.
            price_class="PriceClass_200",
            web_acl_id=args.web_acl_arn,
            tags=dict(args.place.tags),
            opts=self._child,
        )

    def _behavior(self) -> DistributionDefaultCacheBehaviorArgs:
        return DistributionDefaultCacheBehaviorArgs(
            target_origin_id=_ORIGIN,
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=["GET", "HEAD"],
            cached_methods=["GET", "HEAD"],
            compress=True,
            cache_policy_id=_CACHING_OPTIMIZED,
            response_headers_policy_id=self._create_headers().id,
        )

    def _create_headers(self) -> ResponseHeadersPolicy:
        """Say what a browser may do with an answer, whatever the object's own metadata says."""
        return ResponseHeadersPolicy(
            self._name,
            name=self._args.bucket,
            security_headers_config=ResponseHeadersPolicySecurityHeadersConfigArgs(
                strict_transport_security=ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                    access_control_max_age_sec=_TWO_YEARS, include_subdomains=True, override=True
                ),
                # What was uploaded as an image is not run as a script.
                content_type_options=ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(override=True),
                frame_options=ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                    frame_option="DENY", override=True
                ),
                referrer_policy=ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                    referrer_policy="same-origin", override=True
                ),
            ),
            opts=self._child,
        )

    def _create_records(self, distribution: Distribution) -> None:
        for type_ in ("A", "AAAA"):
            Record(
                f"{self._name}-{type_.lower()}",
                zone_id=self._args.zone_id,
                name=names.images_name(self._args.domain),
                type=type_,
                aliases=[
                    RecordAliasArgs(
                        name=distribution.domain_name,
                        zone_id=distribution.hosted_zone_id,
                        # Route 53 knows no health of a distribution.
                        evaluate_target_health=False,
                    )
                ],
                opts=self._child,
            )

    def _deliver_logs(self, distribution: Distribution) -> None:
        """Deliver access logs by CloudWatch's log delivery; CloudFront's own wants a bucket with ACLs.

        They lie under `AWSLogs/<account>/CloudFront/`. No path of our own is set: AWS prepends that one at creation and
        drops it at a later change (https://github.com/hashicorp/terraform-provider-aws/issues/46328).
        """
        args = self._args
        delivery, tags = names.delivery_name(args.bucket), dict(args.place.tags)
        far = pulumi.ResourceOptions(parent=self, provider=args.global_provider)
        source = LogDeliverySource(
            self._name, name=delivery, log_type="ACCESS_LOGS", resource_arn=distribution.arn, tags=tags, opts=far
        )
        destination = LogDeliveryDestination(
            self._name,
            name=delivery,
            output_format="json",
            delivery_destination_configuration=LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
                destination_resource_arn=args.log_bucket.arn
            ),
            tags=tags,
            opts=far,
        )
        LogDelivery(
            self._name,
            delivery_source_name=source.name,
            delivery_destination_arn=destination.arn,
            tags=tags,
            # Where the bucket's policy does not let the delivery in, AWS writes one itself.
            opts=pulumi.ResourceOptions(parent=self, provider=args.global_provider, depends_on=[args.log_bucket]),
        )


def _statements(arns: list[str]) -> list[dict[str, Any]]:
    bucket_arn, distribution_arn = arns
    return [documents.distribution_reads(bucket_arn=bucket_arn, distribution_arn=distribution_arn)]

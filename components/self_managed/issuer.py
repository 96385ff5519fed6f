"""Where AWS looks up whether a service account's token is the cluster's: two public documents and an IAM provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws.iam import OpenIdConnectProvider
from pulumi_aws.s3 import BucketObjectv2

from components.identity.policy import STS_AUDIENCE, oidc_provider_arn
from components.partitions import dns_suffix
from components.place import Place
from components.self_managed.pki_math import CONFIGURATION_PATH, KEYS_PATH, openid_configuration
from components.storage.bucket import PrivateBucket, PrivateBucketArgs

# How long verifiers may keep a document; a second key is published so long before it signs.
_CACHE: Final = "public, max-age=3600"


@dataclass(frozen=True, kw_only=True, slots=True)
class OidcIssuerArgs:
    """What the issuer needs to know.

    Attributes:
        bucket: Name of the bucket of its documents, without a dot: S3's certificate covers one label. Another name is
            another issuer, whose tokens no role trusts.
        jwks: The documents' keys.
        log_bucket: Takes the bucket's access logs, under `s3/<bucket>/`.
        keep: Whether a destroy leaves bucket and documents behind.
        protect: Whether Pulumi refuses to delete the bucket.
    """

    bucket: str
    jwks: pulumi.Input[str]
    log_bucket: pulumi.Input[str] | None = None
    keep: bool = False
    protect: bool = False
    place: Place

    def __post_init__(self) -> None:
        """Refuse a bucket that HTTPS clients would not trust."""
        if "." in self.bucket:
            raise ValueError(f"bucket={self.bucket}: S3's certificate covers no name with a dot; take it out")


class OidcIssuer(pulumi.ComponentResource):
    """A bucket of which everybody may read two documents, and IAM's provider that trusts what they say.

    The private key that signs tokens is elsewhere (Pki); nothing here is secret.

    Attributes:
        url: What tokens name as their issuer, without a slash at the end; known from the bucket's name alone.
        provider_arn: Known once roles may trust it.
        ready: What has to stand before a pod takes a role.
    """

    url: str
    provider_arn: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: OidcIssuerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the documents and who trusts them."""
        super().__init__("platform:self_managed:OidcIssuer", name, None, opts)
        self._name = name
        self._args = args
        self.url = issuer_url(args.bucket, args.place)
        bucket = self._create_bucket()
        documents = [
            self._publish("configuration", CONFIGURATION_PATH, openid_configuration(self.url), bucket),
            self._publish("keys", KEYS_PATH, args.jwks, bucket),
        ]
        provider = OpenIdConnectProvider(
            name,
            url=self.url,
            client_id_lists=[STS_AUDIENCE],
            # No thumbprints: AWS trusts S3's certificates by its own list of authorities
            # (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=documents),
        )
        arn = oidc_provider_arn(partition=args.place.partition, account_id=args.place.account_id, issuer=self.url)
        # From its input, which a preview knows, so that a preview shows every trust policy whole.
        self.provider_arn = provider.url.apply(lambda _: arn)
        self.ready = [*documents, provider]
        self.register_outputs({"url": self.url, "provider_arn": self.provider_arn})

    def _create_bucket(self) -> PrivateBucket:
        args = self._args
        bucket = PrivateBucket(
            self._name,
            PrivateBucketArgs(
                bucket=args.bucket,
                log_bucket=args.log_bucket,
                published=[CONFIGURATION_PATH, KEYS_PATH],
                keep=args.keep,
                protect=args.protect,
                place=args.place,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        bucket.attach_policy()
        return bucket

    def _publish(self, purpose: str, key: str, content: pulumi.Input[str], bucket: PrivateBucket) -> BucketObjectv2:
        args = self._args
        return BucketObjectv2(
            f"{self._name}-{purpose}",
            bucket=bucket.bucket,
            key=key,
            content=content,
            content_type="application/json",
            cache_control=_CACHE,
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=args.keep or None),
        )


def issuer_url(bucket: str, place: Place) -> str:
    """Return the URL under which a bucket's documents are found."""
    return f"https://{bucket}.s3.{place.region}.{dns_suffix(place.partition)}"

"""The names of the edge: what lies under the domain, and what AWS looks things up by."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import urlencode

from components.partitions import dns_suffix

# The CDN's certificates, web ACLs and log deliveries are served from there and nowhere else
# (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html).
GLOBAL_REGION: Final = "us-east-1"
DELIVERY_LIMIT: Final = 60
# Below the stack's prefix in Secrets Manager: the id and secret that Argo CD logs people in with.
LOGIN_SECRET: Final = "argocd/oidc"
_DIGEST: Final = 8


def argocd_url(domain: str) -> str:
    """Return where people find Argo CD."""
    return f"https://argocd.{domain}"


def images_name(domain: str) -> str:
    """Return the CDN's name."""
    return f"images.{domain}"


def zone_fault(domain: str, zone: str, *, private: bool, delegate: bool) -> str | None:
    """Return what makes a hosted zone unfit for the domain, or nothing.

    Args:
        domain: In lower case.
        zone: Name of the hosted zone, with or without the dot at its end.
        private: Whether only VPCs see the zone.
        delegate: Whether the domain is to get a zone of its own below this one.
    """
    name = zone.rstrip(".").lower()
    if private:
        return f"the zone {name} is private, so no certificate can be proved in it; take a public one"
    if domain != name and not domain.endswith(f".{name}"):
        return f"the zone {name} does not hold {domain}; take the zone of {domain} or of a domain above it"
    if delegate and domain == name:
        return f"the zone {name} is the domain's own, so there is nothing to delegate; write false"
    return None


def firewall_name(cluster_name: str) -> str:
    """Return the name of the web ACL before the cluster's load balancers."""
    return cluster_name


def global_firewall_name(cluster_name: str, region: str) -> str:
    """Return the name of the web ACL before the CDN.

    It lies in one region for clusters of all, and a region may have a cluster of the same name as another's.
    """
    return f"{cluster_name}-{region}-cloudfront"


def delivery_name(bucket: str) -> str:
    """Return the name of the delivery of the CDN's logs: at most 60 characters; a bucket's name may have 63.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html.
    """
    if len(bucket) <= DELIVERY_LIMIT:
        return bucket
    return f"{bucket[: DELIVERY_LIMIT - _DIGEST - 1]}-{hashlib.sha256(bucket.encode()).hexdigest()[:_DIGEST]}"


def login_prefix(*, account_id: str, region: str, cluster_name: str) -> str:
    """Return the first label of the login pages' host.

    All accounts share one space of these in a region, and none may hold `aws`, `amazon` or `cognito`, as a cluster's
    name may: hexadecimal digits spell none of them
    (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html).
    """
    digest = hashlib.sha256(f"{account_id}/{region}/{cluster_name}".encode()).hexdigest()[:12]
    return f"auth-{digest}"


def logout_url(*, prefix: str, region: str, partition: str, client_id: str, back: str) -> str:
    """Return where a session of the login pages ends.

    Without it whoever logs out of Argo CD is let in again by the next click. GovCloud's pages have a host of their own
    (https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-cog.html).

    Args:
        prefix: Of the login pages.
        region: Of the user pool.
        partition: Of the region.
        client_id: Who logs out.
        back: Where people are sent then; one of the client's `logout_urls`.
    """
    host = f"{prefix}.{'auth-fips' if partition == 'aws-us-gov' else 'auth'}.{region}.amazoncognito.com"
    return f"https://{host}/logout?{urlencode({'client_id': client_id, 'logout_uri': back})}"


def issuer(*, region: str, partition: str, user_pool_id: str) -> str:
    """Return the URL that tokens of a user pool name as their issuer, and that their keys are found under."""
    if not re.fullmatch(r"[\w-]+_[0-9a-zA-Z]+", user_pool_id):
        raise ValueError(f"user_pool_id={user_pool_id!r}: not the id of a user pool, such as us-east-1_AbCdEfGhI")
    return f"https://cognito-idp.{region}.{dns_suffix(partition)}/{user_pool_id}"

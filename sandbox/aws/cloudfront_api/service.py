"""CloudFront of one account: distributions, origin access controls, response headers policies, and their tags.

What is given is kept as it is; CloudFront's own defaults are laid below. What other services have to say (certificates,
web ACLs, buckets) is judged in `sandbox.aws.refusals.distributions`.
"""

from __future__ import annotations

import copy
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.utils import utcnow

from sandbox.aws.cloudfront_api.named import Record, changed, existing, matched, named, new_id, refusal, removed
from sandbox.aws.session import ACCOUNT, PARTITION

__all__ = ["CLOUDFRONT", "CloudFrontService"]

# CloudFront's defaults of what a program may leave out.
DEFAULTS: Record = {
    "Aliases": {"Quantity": 0},
    "CacheBehaviors": {"Quantity": 0},
    "CustomErrorResponses": {"Quantity": 0},
    "DefaultRootObject": "",
    "HttpVersion": "http2",
    "IsIPV6Enabled": True,
    "OriginGroups": {"Quantity": 0},
    "PriceClass": "PriceClass_All",
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
    "Staging": False,
    "ViewerCertificate": {"CloudFrontDefaultCertificate": True, "MinimumProtocolVersion": "TLSv1"},
    "WebACLId": "",
}
# AWS's own, which every account has (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
# using-managed-cache-policies.html and using-managed-response-headers-policies.html).
CACHE_POLICIES = {
    "08627262-05a9-4f76-9ded-b50ca2e3a84f",
    "2e54312d-136d-493c-8eb9-b001f22f67d2",
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
    "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
}
HEADERS_POLICIES = {
    "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
    "60669652-455b-4ae9-85a4-c4c02393f86c",
    "67f7725c-6f97-4210-82d7-5512b31e9d03",
    "e61eb60c-9c35-4d20-928b-2b84e02af89c",
    "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
}
# How often a distribution is looked at until a change has reached all edges: its status is InProgress once.
LOOKS = 1


class CloudFrontService:
    """CloudFront of one account; it has no regions."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.distributions: dict[str, Record] = {}
        self.controls: dict[str, Record] = {}
        self.policies: dict[str, Record] = {}
        self.tags: dict[str, dict[str, str]] = {}

    def answer(self, operation: str, params: Mapping[str, Any]) -> Record:
        """Answer one request.

        Raises:
            CloudFrontException: The API refuses, or the operation is not served.
        """
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()
        method = getattr(self, name, None)
        if method is None:
            raise refusal("NotImplemented", f"{operation} is not served; add {name} in sandbox/aws/cloudfront_api")
        with self._lock:
            # A copy: the answer is written after the lock is gone.
            return copy.deepcopy(method(copy.deepcopy(dict(params))))

    # Distributions -------------------------------------------------------------------------------------------------

    def create_distribution(self, params: Record) -> Record:
        """Create one without tags."""
        return self._create(params["DistributionConfig"], {})

    def create_distribution_with_tags(self, params: Record) -> Record:
        """Create one with tags."""
        given = params["DistributionConfigWithTags"]
        return self._create(given["DistributionConfig"], _tag_map(given["Tags"]))

    def _create(self, config: Record, tags: dict[str, str]) -> Record:
        for other in self.distributions.values():
            if other["DistributionConfig"]["CallerReference"] == config["CallerReference"]:
                raise refusal("DistributionAlreadyExists", f"The caller reference is that of {other['Id']}.")
        self._judge(config, "")
        unique = new_id()
        record: Record = {
            "Id": unique,
            "ARN": f"arn:{PARTITION}:cloudfront::{ACCOUNT}:distribution/{unique}",
            "InProgressInvalidationBatches": 0,
            "DomainName": f"d{secrets.token_hex(7)}.cloudfront.net",
            "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
            "ActiveTrustedKeyGroups": {"Enabled": False, "Quantity": 0},
            "AliasICPRecordals": [],
        }
        self.distributions[unique] = record
        self.tags[record["ARN"]] = tags
        return self._set(record, config)

    def _set(self, record: Record, config: Record) -> Record:
        record |= {
            "DistributionConfig": {**copy.deepcopy(DEFAULTS), **config},
            "ETag": new_id(),
            "LastModifiedTime": utcnow(),
            "Looks": 0,
        }
        return {"Distribution": _public(record), "ETag": record["ETag"], "Location": record["ARN"]}

    def get_distribution(self, params: Record) -> Record:
        """Return one; the second look after a change sees it deployed."""
        record = self._distribution(params["Id"])
        shown = _public(record)
        record["Looks"] += 1
        return {"Distribution": shown, "ETag": record["ETag"]}

    def get_distribution_config(self, params: Record) -> Record:
        """Return the configuration of one."""
        record = self._distribution(params["Id"])
        return {"DistributionConfig": record["DistributionConfig"], "ETag": record["ETag"]}

    def update_distribution(self, params: Record) -> Record:
        """Replace the configuration of one."""
        record = self._distribution(params["Id"])
        matched(record, params)
        config = params["DistributionConfig"]
        if config["CallerReference"] != record["DistributionConfig"]["CallerReference"]:
            raise refusal("IllegalUpdate", "The caller reference cannot be changed.")
        self._judge(config, record["Id"])
        return self._set(record, config)

    def delete_distribution(self, params: Record) -> Record:
        """Delete one that is disabled everywhere."""
        record = self._distribution(params["Id"])
        matched(record, params)
        if record["DistributionConfig"]["Enabled"] or _status(record) != "Deployed":
            raise refusal("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.")
        del self.distributions[record["Id"]]
        self.tags.pop(record["ARN"], None)
        return {}

    def list_distributions(self, params: Record) -> Record:
        """Return all, each with its configuration's members beside its own."""
        items = [{**one["DistributionConfig"], **_public(one)} for one in self.distributions.values()]
        return {"DistributionList": _page(items)}

    def _distribution(self, unique: str) -> Record:
        if unique not in self.distributions:
            raise refusal("NoSuchDistribution", "The specified distribution does not exist.")
        return self.distributions[unique]

    def _judge(self, config: Record, unique: str) -> None:
        origins = config["Origins"]["Items"]
        for behavior in _behaviors(config):
            if behavior["TargetOriginId"] not in [origin["Id"] for origin in origins]:
                raise refusal("NoSuchOrigin", "One or more of your origins or origin groups do not exist.")
            policy = behavior.get("ResponseHeadersPolicyId")
            if policy and policy not in self.policies and policy not in HEADERS_POLICIES:
                raise refusal("NoSuchResponseHeadersPolicy", "The response headers policy does not exist.")
            cache = behavior.get("CachePolicyId")
            if cache and cache not in CACHE_POLICIES:
                raise refusal("NoSuchCachePolicy", "The cache policy does not exist.")
            if not cache and not behavior.get("ForwardedValues"):
                reason = (
                    "The parameter ForwardedValues cannot be used when a cache policy is associated, or is missing."
                )
                raise refusal("InvalidArgument", reason)
        for origin in origins:
            control = origin.get("OriginAccessControlId")
            if control and control not in self.controls:
                raise refusal("InvalidOriginAccessControl", f"The origin access control {control} does not exist.")
        taken = {
            alias.lower()
            for other in self.distributions.values()
            if other["Id"] != unique
            for alias in other["DistributionConfig"]["Aliases"].get("Items") or ()
        }
        if taken & {alias.lower() for alias in (config.get("Aliases") or {}).get("Items") or ()}:
            reason = "One or more of the CNAMEs you provided are already associated with a different resource."
            raise refusal("CNAMEAlreadyExists", reason)

    # Origin access controls and response headers policies ----------------------------------------------------------

    def create_origin_access_control(self, params: Record) -> Record:
        """Create one."""
        record = named(self.controls, params, "OriginAccessControl")
        return _control(record)

    def get_origin_access_control(self, params: Record) -> Record:
        """Return one."""
        return _control(existing(self.controls, params["Id"], "OriginAccessControl"))

    def update_origin_access_control(self, params: Record) -> Record:
        """Change one."""
        return _control(changed(self.controls, params, "OriginAccessControl"))

    def delete_origin_access_control(self, params: Record) -> Record:
        """Delete one that no distribution uses."""
        used = {
            origin.get("OriginAccessControlId")
            for one in self.distributions.values()
            for origin in one["DistributionConfig"]["Origins"]["Items"]
        }
        return removed(self.controls, params, "OriginAccessControl", used)

    def list_origin_access_controls(self, params: Record) -> Record:
        """Return all."""
        return {
            "OriginAccessControlList": _page([{"Id": one["Id"], **one["Config"]} for one in self.controls.values()])
        }

    def create_response_headers_policy(self, params: Record) -> Record:
        """Create one."""
        return _policy(named(self.policies, params, "ResponseHeadersPolicy"))

    def get_response_headers_policy(self, params: Record) -> Record:
        """Return one."""
        return _policy(existing(self.policies, params["Id"], "ResponseHeadersPolicy"))

    def update_response_headers_policy(self, params: Record) -> Record:
        """Change one."""
        return _policy(changed(self.policies, params, "ResponseHeadersPolicy"))

    def delete_response_headers_policy(self, params: Record) -> Record:
        """Delete one that no distribution uses."""
        used = {
            behavior.get("ResponseHeadersPolicyId")
            for one in self.distributions.values()
            for behavior in _behaviors(one["DistributionConfig"])
        }
        return removed(self.policies, params, "ResponseHeadersPolicy", used)

    def list_response_headers_policies(self, params: Record) -> Record:
        """Return those of the account; AWS's own are not played."""
        items = [{"Type": "custom", **_policy(one)} for one in self.policies.values()]
        return {"ResponseHeadersPolicyList": _page(items)}

    # Tags ----------------------------------------------------------------------------------------------------------

    def tag_resource(self, params: Record) -> Record:
        """Add tags."""
        self._tags(params).update(_tag_map(params["Tags"]))
        return {}

    def untag_resource(self, params: Record) -> Record:
        """Remove tags."""
        for key in params["TagKeys"].get("Items") or ():
            self._tags(params).pop(key, None)
        return {}

    def list_tags_for_resource(self, params: Record) -> Record:
        """Return tags."""
        return {"Tags": {"Items": [{"Key": key, "Value": text} for key, text in self._tags(params).items()]}}

    def _tags(self, params: Record) -> dict[str, str]:
        if params["Resource"] not in self.tags:
            raise refusal("NoSuchResource", f"The resource {params['Resource']} does not exist.")
        return self.tags[params["Resource"]]


def _status(record: Record) -> str:
    return "Deployed" if record["Looks"] >= LOOKS else "InProgress"


def _public(record: Record) -> Record:
    inner = ("ETag", "Looks")
    return {**{name: value for name, value in record.items() if name not in inner}, "Status": _status(record)}


def _behaviors(config: Record) -> Iterator[Record]:
    yield config["DefaultCacheBehavior"]
    yield from (config.get("CacheBehaviors") or {}).get("Items") or ()


def _tag_map(tags: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags.get("Items") or ()}


def _page(items: list[Record]) -> Record:
    return {"Items": items, "Quantity": len(items), "MaxItems": 100, "IsTruncated": False, "Marker": ""}


def _control(record: Record) -> Record:
    shown = {"Id": record["Id"], "OriginAccessControlConfig": record["Config"]}
    return {"OriginAccessControl": shown, "ETag": record["ETag"]}


def _policy(record: Record) -> Record:
    shown = {
        "Id": record["Id"],
        "LastModifiedTime": record["LastModifiedTime"],
        "ResponseHeadersPolicyConfig": record["Config"],
    }
    return {"ResponseHeadersPolicy": shown, "ETag": record["ETag"]}


# One per process, as moto's backends are.
CLOUDFRONT = CloudFrontService()

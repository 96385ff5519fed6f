"""Steps of CloudFront."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sandbox.aws.codec import UnmappedError
from sandbox.aws.schema import schema
from sandbox.aws.session import ACCOUNT, PARTITION, Scope, Session
from sandbox.aws.steps.quantities import counted, listed
from sandbox.protocol import HostError

__all__ = [
    "LOCAL",
    "config_of",
    "create_distribution",
    "create_policy",
    "delete_control",
    "delete_distribution",
    "delete_policy",
    "policy_config",
    "read_control",
    "read_distribution",
    "read_policy",
    "update_control",
    "update_distribution",
    "update_policy",
]

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
POLICY = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
# Alias records point to this zone, which is CloudFront's own
# (https://docs.aws.amazon.com/general/latest/gr/cf_region.html).
HOSTED_ZONE = "Z2FDTNDATAQYW2"
# What steers the provider alone.
LOCAL = ("retainOnDelete", "waitForDeployment")

_BEHAVIOR = {
    "cachedMethods": "AllowedMethods/CachedMethods",
    "defaultTtl": "DefaultTTL",
    "functionAssociations.functionArn": "FunctionARN",
    "lambdaFunctionAssociations.lambdaArn": "LambdaFunctionARN",
}
# Path of a property → CloudFront's member, where the names differ; a slash leads into a member.
RENAMES = {
    ".aliases": "Aliases",
    ".isIpv6Enabled": "IsIPV6Enabled",
    ".loggingConfig": "Logging",
    ".orderedCacheBehaviors": "CacheBehaviors",
    ".origins.customHeaders.name": "HeaderName",
    ".origins.customHeaders.value": "HeaderValue",
    ".origins.originId": "Id",
    ".restrictions.geoRestriction.locations": "Items",
    ".viewerCertificate.cloudfrontDefaultCertificate": "CloudFrontDefaultCertificate",
    **{
        f".{behavior}.{name}": target
        for behavior in ("defaultCacheBehavior", "orderedCacheBehaviors")
        for name, target in _BEHAVIOR.items()
    },
}


# Distributions -----------------------------------------------------------------------------------------------------


def config_of(session: Session, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the distribution's configuration in CloudFront's form, without its caller reference."""
    shape = session.caller.shape("cloudfront", session.region, "update_distribution").members["DistributionConfig"]
    given = {name: value for name, value in inputs.items() if name not in (*LOCAL, "tags", "region")}
    try:
        config = dict(counted(given, shape, RENAMES))
    except UnmappedError as error:
        raise HostError(f"{DISTRIBUTION}: input {str(error)[1:]} has no mapping in steps/distributions.py") from None
    for origin in (config.get("Origins") or {}).get("Items") or ():
        # The provider sends an empty one for a bucket whose access an origin access control has.
        if not {"S3OriginConfig", "CustomOriginConfig", "VpcOriginConfig"} & origin.keys():
            origin["S3OriginConfig"] = {"OriginAccessIdentity": ""}
    return {"Comment": "", "IsIPV6Enabled": False, **config}


def create_distribution(session: Session, scope: Scope) -> dict[str, Any]:
    """Create, and wait until all edges have it."""
    config = {**config_of(session, scope.inputs), "CallerReference": f"sandbox-{time.time_ns()}"}
    tags = {"Items": scope["tagList"]}
    given = {"DistributionConfig": config, "Tags": tags}
    made = session.call("create_distribution_with_tags", DistributionConfigWithTags=given)["Distribution"]
    _deploy(session, scope, made["Id"])
    return {"Id": made["Id"]}


def update_distribution(session: Session, scope: Scope) -> None:
    """Replace the configuration, and wait until all edges have it."""
    now = session.call("get_distribution_config", Id=scope["id"])
    config = {**config_of(session, scope.inputs), "CallerReference": now["DistributionConfig"]["CallerReference"]}
    session.call("update_distribution", Id=scope["id"], IfMatch=now["ETag"], DistributionConfig=config)
    _deploy(session, scope, scope["id"])


def delete_distribution(session: Session, scope: Scope) -> None:
    """Disable, wait until no edge has it, delete; with `retainOnDelete` only disable."""
    now = session.call("get_distribution_config", Id=scope["id"])
    if now["DistributionConfig"]["Enabled"]:
        config = {**now["DistributionConfig"], "Enabled": False}
        session.call("update_distribution", Id=scope["id"], IfMatch=now["ETag"], DistributionConfig=config)
    if scope["retainOnDelete"]:
        return
    while session.call("get_distribution", Id=scope["id"])["Distribution"]["Status"] != "Deployed":
        pass
    etag = session.call("get_distribution_config", Id=scope["id"])["ETag"]
    session.call("delete_distribution", Id=scope["id"], IfMatch=etag)


def read_distribution(session: Session, scope: Scope) -> dict[str, Any]:
    """Return a distribution under the names of the provider's properties."""
    answer = session.call("get_distribution", Id=scope["id"])
    live = answer["Distribution"]
    config = live["DistributionConfig"]
    kinds = schema(DISTRIBUTION).outputs
    found = {
        name: listed(value, kinds[name], RENAMES, f".{name}")
        for name in schema(DISTRIBUTION).inputs
        if name not in LOCAL and (value := _config_member(config, name)) is not None
    }
    for origin in found["origins"]:
        if not origin.get("s3OriginConfig", {}).get("originAccessIdentity"):
            origin.pop("s3OriginConfig", None)
    return {
        **found,
        "arn": live["ARN"],
        "callerReference": config["CallerReference"],
        "domainName": live["DomainName"],
        "etag": answer["ETag"],
        "hostedZoneId": HOSTED_ZONE,
        "inProgressValidationBatches": live["InProgressInvalidationBatches"],
        "lastModifiedTime": live["LastModifiedTime"],
        "loggingV1Enabled": bool((config.get("Logging") or {}).get("Enabled")),
        "status": live["Status"],
        "trustedKeyGroups": [{"enabled": False, "items": []}],
        "trustedSigners": [{"enabled": False, "items": []}],
        "Tags": session.call("list_tags_for_resource", Resource=live["ARN"])["Tags"].get("Items", []),
    }


def _config_member(config: Mapping[str, Any], name: str) -> Any:
    target = RENAMES.get(f".{name}", name).lower()
    return next((value for key, value in config.items() if key.lower() == target), None)


def _deploy(session: Session, scope: Scope, unique: str) -> None:
    while scope["waitForDeployment"]:
        if session.call("get_distribution", Id=unique)["Distribution"]["Status"] == "Deployed":
            return


# Origin access controls and response headers policies --------------------------------------------------------------


def _control_config(scope: Scope) -> dict[str, Any]:
    return {
        "Name": scope["name"],
        "Description": scope["description"],
        "SigningProtocol": scope["signingProtocol"],
        "SigningBehavior": scope["signingBehavior"],
        "OriginAccessControlOriginType": scope["originAccessControlOriginType"],
    }


def read_control(session: Session, scope: Scope) -> dict[str, Any]:
    """Return an origin access control."""
    answer = session.call("get_origin_access_control", Id=scope["id"])
    arn = f"arn:{PARTITION}:cloudfront::{ACCOUNT}:origin-access-control/{scope['id']}"
    return {**answer["OriginAccessControl"]["OriginAccessControlConfig"], "arn": arn, "etag": answer["ETag"]}


def update_control(session: Session, scope: Scope) -> None:
    """Change an origin access control."""
    etag = session.call("get_origin_access_control", Id=scope["id"])["ETag"]
    params = {"Id": scope["id"], "IfMatch": etag, "OriginAccessControlConfig": _control_config(scope)}
    session.call("update_origin_access_control", **params)


def delete_control(session: Session, scope: Scope) -> None:
    """Delete an origin access control."""
    etag = session.call("get_origin_access_control", Id=scope["id"])["ETag"]
    session.call("delete_origin_access_control", Id=scope["id"], IfMatch=etag)


def policy_config(session: Session, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response headers policy's configuration in CloudFront's form."""
    operation = session.caller.shape("cloudfront", session.region, "create_response_headers_policy")
    shape = operation.members["ResponseHeadersPolicyConfig"]
    given = {name: value for name, value in inputs.items() if name != "region"}
    try:
        return dict(counted(given, shape, {}))
    except UnmappedError as error:
        raise HostError(f"{POLICY}: input {str(error)[1:]} has no mapping in steps/distributions.py") from None


def create_policy(session: Session, scope: Scope) -> dict[str, Any]:
    """Create a response headers policy."""
    config = policy_config(session, scope.inputs)
    made = session.call("create_response_headers_policy", ResponseHeadersPolicyConfig=config)
    return {"Id": made["ResponseHeadersPolicy"]["Id"]}


def read_policy(session: Session, scope: Scope) -> dict[str, Any]:
    """Return a response headers policy under the names of the provider's properties."""
    answer = session.call("get_response_headers_policy", Id=scope["id"])
    config = answer["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    kinds = schema(POLICY).outputs
    found = {
        name: listed(value, kinds[name], {}, f".{name}")
        for name in schema(POLICY).inputs
        if (value := _config_member(config, name)) is not None
    }
    arn = f"arn:{PARTITION}:cloudfront::{ACCOUNT}:response-headers-policy/{scope['id']}"
    return {**found, "arn": arn, "etag": answer["ETag"]}


def update_policy(session: Session, scope: Scope) -> None:
    """Change a response headers policy."""
    etag = session.call("get_response_headers_policy", Id=scope["id"])["ETag"]
    config = policy_config(session, scope.inputs)
    session.call("update_response_headers_policy", Id=scope["id"], IfMatch=etag, ResponseHeadersPolicyConfig=config)


def delete_policy(session: Session, scope: Scope) -> None:
    """Delete a response headers policy."""
    etag = session.call("get_response_headers_policy", Id=scope["id"])["ETag"]
    session.call("delete_response_headers_policy", Id=scope["id"], IfMatch=etag)

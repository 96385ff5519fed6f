"""Rules of S3: names, who owns a name, and what a policy may say."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
RESERVED_ENDINGS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
HOME = "us-east-1"

# A condition on one of these, with fixed values, makes a statement for everybody one for few:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
NARROWING = {
    name.lower()
    for name in (
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalOrgID",
        "aws:SourceAccount",
        "aws:SourceArn",
        "aws:SourceIp",
        "aws:SourceOrgID",
        "aws:SourceOwner",
        "aws:SourceVpc",
        "aws:SourceVpce",
        "aws:VpcSourceIp",
        "aws:userid",
        "s3:DataAccessPointAccount",
        "s3:DataAccessPointArn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    )
}


@rule(BUCKET, at="check")
def bucket_name(case: Case) -> None:
    """A bucket's name is one that DNS can hold."""
    name = case["bucket"]
    if isinstance(name, str) and (not NAME.fullmatch(name) or name.endswith(RESERVED_ENDINGS) or _is_address(name)):
        raise error("InvalidBucketName", "CreateBucket", f"The specified bucket is not valid: {name}")


@rule(BUCKET, at="create")
def bucket_is_new(case: Case) -> None:
    """A bucket of ours is not made twice; in us-east-1 S3 takes it, and it is the provider that refuses."""
    if case.session.region != HOME:
        return
    try:
        case.call("s3", "head_bucket", Bucket=case["bucket"])
    except AwsError:
        return
    reason = "Your previous request to create the named bucket succeeded and you already own it."
    raise error("BucketAlreadyOwnedByYou", "CreateBucket", reason)


@rule(POLICY, at="create")
@rule(POLICY, at="update")
def bucket_policy(case: Case) -> None:
    """A bucket's policy is whole, speaks of that bucket alone, names who exists, and is public only where it may be."""
    try:
        statements = _many(json.loads(case["policy"])["Statement"])
        complete = all({"Effect", "Principal"} <= {*one} or "NotPrincipal" in one for one in statements)
    except (ValueError, KeyError, TypeError):
        complete, statements = False, []
    if not complete or not all({"Action", "NotAction"} & {*one} for one in statements):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    arn = f"arn:aws:s3:::{case['bucket']}"
    for statement in statements:
        for resource in _many(statement.get("Resource", [])):
            if not _speaks_of(resource, arn):
                raise _malformed("Policy has invalid resource")
        for principal in _principals(statement):
            if not _exists(case, principal):
                raise _malformed("Invalid principal in policy")
    if any(is_public(statement) for statement in statements) and _blocked(case):
        reason = (
            f"User: arn:aws:iam::{case.session.caller.account}:root is not authorized to perform: s3:PutBucketPolicy "
            f'on resource: "{arn}" because public policies are prevented by the BlockPublicPolicy setting in '
            "S3 Block Public Access."
        )
        raise error("AccessDenied", "PutBucketPolicy", reason)


def is_public(statement: Mapping[str, Any]) -> bool:
    """Say whether a statement lets everybody in. AWS's own services are not everybody."""
    if statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    everybody = principal == "*" or (isinstance(principal, Mapping) and "*" in _many(principal.get("AWS", [])))
    return (everybody or "NotPrincipal" in statement) and not any(
        _narrows(test, key, value)
        for test, keys in (statement.get("Condition") or {}).items()
        for key, value in keys.items()
    )


def _narrows(test: str, key: str, value: Any) -> bool:
    if key.lower() not in NARROWING or "Not" in test or test.endswith("IfExists"):
        return False
    values = [str(one) for one in _many(value)]
    if key.lower() in ("aws:sourceip", "aws:vpcsourceip"):
        return all(ipaddress.ip_network(one, strict=False).prefixlen >= 8 for one in values)
    # An ARN may be open in its last part, and not in the account.
    return all(
        "*" not in (one.split(":")[4] if one.startswith("arn:") and one.count(":") >= 5 else one) for one in values
    )


def _blocked(case: Case) -> bool:
    try:
        found = case.call("s3", "get_public_access_block", Bucket=case["bucket"])
    except AwsError:
        return False
    return bool(found["PublicAccessBlockConfiguration"].get("BlockPublicPolicy"))


def _speaks_of(resource: str, arn: str) -> bool:
    bucket = resource.partition("/")[0]
    return bucket == arn or (bucket.endswith("*") and arn.startswith(bucket.rstrip("*")))


def _principals(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    found = _many(principal.get("AWS", [])) if isinstance(principal, Mapping) else []
    return [one for one in found if one.startswith("arn:") and ":role/" in one]


def _exists(case: Case, arn: str) -> bool:
    if arn.split(":")[4] != case.session.caller.account:
        return True
    try:
        case.call("iam", "get_role", RoleName=arn.rpartition("/")[2])
    except AwsError as failure:
        if failure.gone:
            return False
        raise
    return True


def _is_address(name: str) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+){3}", name))


def _malformed(reason: str) -> AwsError:
    return error("MalformedPolicy", "PutBucketPolicy", reason)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

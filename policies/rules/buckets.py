"""Buckets: control D4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule
from policies.statements import Statement, statements

# What a bucket is completed by: each is a resource of its own, and two of one kind would undo each other.
_PARTS: Final[Mapping[str, str]] = {
    tokens.PUBLIC_ACCESS_BLOCK: "public access block",
    tokens.BUCKET_OWNERSHIP: "ownership controls",
    tokens.BUCKET_ENCRYPTION: "encryption",
    tokens.BUCKET_VERSIONING: "versioning",
    tokens.BUCKET_LIFECYCLE: "lifecycle",
    tokens.BUCKET_POLICY: "policy",
}
# Parts of uploads that were given up cost as objects do, and nobody sees them.
_UPLOAD_DAYS: Final = 7


@rule("D4", types=[tokens.BUCKET], whole=True)
def bucket_is_complete(bucket: Resource, stack: Stack) -> Iterator[Fault]:
    """Every bucket has each of its six settings once: who sees it, whose it is, key, versions, ageing, policy."""
    for type_, name in _PARTS.items():
        count = len(stack.users(bucket, "bucket", type_))
        if count != 1:
            yield Fault(name, f"there are {count}", "register one, with the bucket's name from the bucket")


@rule("D4", types=_PARTS, whole=True)
def bucket_setting_is_of_our_bucket(part: Resource, stack: Stack) -> Iterator[Fault]:
    """What a bucket is completed by belongs to a bucket of this program."""
    if not stack.source(part, "bucket", tokens.BUCKET):
        yield Fault("bucket", "is no bucket of this program", "take the name from the bucket")


@rule("D4", types=[tokens.BUCKET], whole=True)
def bucket_is_logged(bucket: Resource, stack: Stack) -> Iterator[Fault]:
    """Access to a bucket is logged into a bucket of this program, whose own access is not: it would never end."""
    if bucket.urn in log_buckets(stack):
        return
    logs = stack.users(bucket, "bucket", tokens.BUCKET_LOGGING)
    if not any(_target(stack, log) for log in logs):
        yield Fault("access log", "there is none into a bucket of this program", "add a BucketLogging")
    for log in logs:
        if not log.get("targetPrefix"):
            yield Fault("access log", "has no prefix, so that buckets' logs mix", "set targetPrefix")


@rule("D4", types=[tokens.PUBLIC_ACCESS_BLOCK])
def bucket_is_closed(block: Resource) -> Iterator[Fault]:
    """All four of a bucket's doors to the public are shut."""
    for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        if not block.true(key):
            yield Fault(key, "is not true", "set true")


@rule("D4", types=[tokens.BUCKET_OWNERSHIP])
def bucket_has_one_owner(controls: Resource) -> Iterator[Fault]:
    """Every object is its bucket's owner's, and no ACL counts."""
    if controls.get("rule.objectOwnership") != "BucketOwnerEnforced":
        yield Fault("rule.objectOwnership", "is not BucketOwnerEnforced", "set it")


@rule("D4", types=[tokens.BUCKET_VERSIONING])
def bucket_keeps_versions(versioning: Resource) -> Iterator[Fault]:
    """What is overwritten or deleted in a bucket can be had back."""
    if versioning.get("versioningConfiguration.status") != "Enabled":
        yield Fault("versioningConfiguration.status", "is not Enabled", "set Enabled")


@rule("D4", types=[tokens.BUCKET_ENCRYPTION], whole=True)
def bucket_is_encrypted_by_our_key(encryption: Resource, stack: Stack) -> Iterator[Fault]:
    """Objects are encrypted by a key of this program, asked for once per bucket instead of once per object."""
    for index in range(len(encryption.items("rules"))):
        path = f"rules.{index}.applyServerSideEncryptionByDefault"
        found = encryption.get(f"{path}.sseAlgorithm")
        if found not in ("aws:kms", "aws:kms:dsse"):
            yield Fault(f"{path}.sseAlgorithm", f"is {found}", "set aws:kms")
            continue
        if not encryption.given(f"{path}.kmsMasterKeyId") or not stack.source(encryption, "rules", tokens.KEY):
            yield Fault(f"{path}.kmsMasterKeyId", "is no key of this program", "pass the key's ARN")
        if not encryption.true(f"rules.{index}.bucketKeyEnabled"):
            yield Fault(f"rules.{index}.bucketKeyEnabled", "is not true: each object costs a call", "set true")


@rule("D4", types=[tokens.BUCKET_LIFECYCLE], whole=True)
def bucket_forgets(lifecycle: Resource, stack: Stack) -> Iterator[Fault]:
    """A rule for the whole bucket ends old versions, unfinished uploads and what deletions leave, and logs by age."""
    whole = [r for r in lifecycle.items("rules") if r.get("status") == "Enabled" and not any(_filter(r).values())]
    if not whole:
        yield Fault("rules", "none that is enabled is for the whole bucket", "add one with an empty prefix")
        return
    if not any(_at(r, "noncurrentVersionExpiration").get("noncurrentDays") for r in whole):
        yield Fault("rules", "keep old versions for ever", "add noncurrentVersionExpiration")
    days = [_at(r, "abortIncompleteMultipartUpload").get("daysAfterInitiation") for r in whole]
    if not any(found and found <= _UPLOAD_DAYS for found in days):
        yield Fault("rules", "keep unfinished uploads", f"end them after {_UPLOAD_DAYS} days at most")
    ends = [_at(r, "expiration") for r in whole]
    if not any(end.get("days") or end.get("expiredObjectDeleteMarker") for end in ends):
        yield Fault("rules", "keep what deletions leave", "set expiration.days or expiredObjectDeleteMarker")
    if log_buckets(stack) & lifecycle.sources.get("bucket", frozenset()) and not any(end.get("days") for end in ends):
        yield Fault("rules", "keep access logs for ever", "set expiration.days")


@rule("D4", types=[tokens.BUCKET_POLICY])
def bucket_takes_tls_only(policy: Resource) -> Iterator[Fault]:
    """A bucket refuses who comes without TLS 1.2, and its policy is about this bucket alone."""
    arns = {f":s3:::{policy.get('bucket')}", f":s3:::{policy.get('bucket')}/*"}
    found = list(statements(policy, "policy"))
    closed = [s for s in found if _refuses_everything(s) and arns == {_without_partition(a) for a in s.resources}]
    if not any(s.keys("Bool").get("aws:securetransport") == ("false",) for s in closed):
        yield Fault("policy", "lets in who comes without TLS", "deny s3:* when aws:SecureTransport is false")
    if not any(s.keys("NumericLessThan").get("s3:tlsversion") == ("1.2",) for s in closed):
        yield Fault("policy", "lets in who comes with an old TLS", "deny s3:* when s3:TlsVersion is less than 1.2")
    for statement in (s for s in found if s.allow):
        for arn in statement.resources:
            if not any(_without_partition(arn).startswith(own.removesuffix("*")) for own in arns):
                yield Fault(statement.where, f"is about {arn}", "name the bucket")


def log_buckets(stack: Stack) -> set[str]:
    """Return the URNs of the buckets into which others' access is logged."""
    return {found.urn for log in stack.of(tokens.BUCKET_LOGGING) for found in _target(stack, log)}


def _target(stack: Stack, log: Resource) -> list[Resource]:
    """Return the bucket of an access log, which is named by the bucket or by the policy that lets logs in."""
    policies = stack.source(log, "targetBucket", tokens.BUCKET_POLICY)
    return [
        *stack.source(log, "targetBucket", tokens.BUCKET),
        *(found for policy in policies for found in stack.source(policy, "bucket", tokens.BUCKET)),
    ]


def _refuses_everything(statement: Statement) -> bool:
    everybody = any("*" in names for names in statement.principals.values())
    return not statement.allow and everybody and "s3:*" in statement.actions and len(statement.condition_keys) == 1


def _without_partition(arn: str) -> str:
    """Return the ARN from its service on, with the colon before it."""
    return arn[arn.find(":s3:") :] if ":s3:" in arn else arn


def _at(rule_: Mapping[str, object], key: str) -> Mapping[str, int]:
    found = rule_.get(key)
    return found if isinstance(found, Mapping) else {}


def _filter(rule_: Mapping[str, object]) -> Mapping[str, object]:
    return _at(rule_, "filter")

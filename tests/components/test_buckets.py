"""Buckets, control by control (D4), each with mutations that the control catches."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from components.storage.bucket import PrivateBucket, PrivateBucketArgs
from tests.captures import Capture, Registration
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT, CaptureProgram
from tests.iam import Call, Target, allowed
from tests.storage import (
    BUCKET,
    BUCKET_POLICY,
    ENCRYPTION,
    LIFECYCLE,
    LOGGING,
    OWNERSHIP,
    PLACE,
    PUBLIC_ACCESS,
    VERSIONING,
    Build,
    of_bucket,
    statements,
    storage_of,
)

CHILDREN = (BUCKET_POLICY, PUBLIC_ACCESS, OWNERSHIP, ENCRYPTION, VERSIONING, LIFECYCLE)
LOGS, BACKUPS = "storage-logs", "storage-backups"
READ = {
    "Sid": "AllowReading",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::demo-images/*",
}


@pytest.fixture(scope="module")
def storage(capture: CaptureProgram) -> Build:
    return storage_of(capture)


def incomplete_buckets(captured: Capture) -> list[str]:
    """Each bucket has each of its settings once, under its own component."""
    return [
        f"{bucket.name}: {type_}"
        for bucket in captured.of_type(BUCKET)
        for type_ in CHILDREN
        if [r.parent for r in of_bucket(captured, type_, bucket)] != [bucket.parent]
    ]


def public_buckets(captured: Capture) -> list[str]:
    """All four blocks are on, and there are no ACLs."""
    blocks = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    open_ = [r.urn for r in captured.of_type(PUBLIC_ACCESS) if not all(r.inputs.get(block) is True for block in blocks)]
    owned = {"objectOwnership": "BucketOwnerEnforced"}
    return open_ + [r.urn for r in captured.of_type(OWNERSHIP) if r.inputs.get("rule") != owned]


def unversioned_buckets(captured: Capture) -> list[str]:
    """Versions are kept, for 30 days and not for ever, and half uploads go."""
    wrong = [
        r.urn for r in captured.of_type(VERSIONING) if r.inputs.get("versioningConfiguration") != {"status": "Enabled"}
    ]
    for configuration in captured.of_type(LIFECYCLE):
        (rule,) = configuration.inputs["rules"]
        ages = (rule.get("noncurrentVersionExpiration"), rule.get("abortIncompleteMultipartUpload"))
        wanted = ({"noncurrentDays": 30}, {"daysAfterInitiation": 7})
        everything = rule.get("filter") == {"prefix": ""} and rule["status"] == "Enabled"
        wrong += [] if ages == wanted and everything and "expiration" in rule else [configuration.urn]
    return wrong


def unencrypted_buckets(captured: Capture) -> list[str]:
    """Objects are encrypted with the data key; only access logs, which nothing else can write, with S3's own."""
    wrong = []
    for encryption in captured.of_type(ENCRYPTION):
        (rule,) = encryption.inputs["rules"]
        keys = encryption.property_dependencies["rules"]
        default = rule["applyServerSideEncryptionByDefault"]
        by_key = default["sseAlgorithm"] == "aws:kms" and rule["bucketKeyEnabled"] is True and len(keys) == 1
        logs = encryption.name == LOGS and default == {"sseAlgorithm": "AES256"}
        wrong += [] if by_key or logs else [encryption.urn]
    return wrong


def plain_text_requests(captured: Capture) -> list[str]:
    """Even who is let in by the policy is not let in without TLS 1.2."""
    wrong = []
    for policy in captured.of_type(BUCKET_POLICY):
        arn = f"arn:aws:s3:::{policy.inputs['bucket']}"
        everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
        for tls, version, through in (("false", "1.2", False), ("true", "1.1", False), ("true", "1.2", True)):
            context = {"aws:SecureTransport": tls, "s3:TlsVersion": version}
            for action, target in (("s3:GetObject", f"{arn}/x"), ("s3:ListBucket", arn)):
                call = Call(action=action, targets=[Target(arn=target)], principal="AWS:x", context=context)
                if allowed([*statements(policy), everybody], call) is not through:
                    wrong.append(f"{policy.name}: {action} with {context}")
    return wrong


def unlogged_buckets(captured: Capture) -> list[str]:
    """Every bucket but the logs' own has access logs, in a folder of its own, once the logs bucket lets S3 write."""
    logs = captured.one(BUCKET_POLICY, LOGS)
    return [
        bucket.urn
        for bucket in captured.of_type(BUCKET)
        if bucket.name != LOGS
        and [
            (r.inputs["targetBucket"], r.inputs["targetPrefix"], logs.urn in r.property_dependencies["targetBucket"])
            for r in of_bucket(captured, LOGGING, bucket)
        ]
        != [(logs.inputs["bucket"], f"s3/{bucket.inputs['bucket']}/", True)]
    ]


def early_settings(captured: Capture) -> list[str]:
    """A bucket has versions before a rule speaks of them, and its policy comes after the block: S3 refuses else."""
    orders = ((VERSIONING, LIFECYCLE), (PUBLIC_ACCESS, BUCKET_POLICY))
    return [
        later.urn
        for bucket in captured.of_type(BUCKET)
        for first, second in orders
        for earlier, later in zip(of_bucket(captured, first, bucket), of_bucket(captured, second, bucket), strict=True)
        if earlier.urn not in later.dependencies
    ]


def _lifecycle(captured: Capture, name: str, **changes: Any) -> Capture:
    (rule,) = captured.one(LIFECYCLE, name).inputs["rules"]
    return captured.changed(LIFECYCLE, name, {"rules": [{**rule, **changes}]})


def _without_denial(sid: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        policy = captured.one(BUCKET_POLICY, BACKUPS)
        rest = [s for s in statements(policy) if s["Sid"] != sid]
        return captured.changed(BUCKET_POLICY, BACKUPS, {"policy": json.dumps({"Statement": rest})})

    return mutate


MUTATIONS: list[tuple[Control, Mutation]] = [
    *((incomplete_buckets, without(type_, BACKUPS)) for type_ in CHILDREN),
    *(
        (public_buckets, changed(PUBLIC_ACCESS, LOGS, {block: False}))
        for block in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    ),
    (public_buckets, changed(OWNERSHIP, BACKUPS, {"rule": {"objectOwnership": "ObjectWriter"}})),
    (unversioned_buckets, changed(VERSIONING, LOGS, {"versioningConfiguration": {"status": "Suspended"}})),
    (unversioned_buckets, lambda c: _lifecycle(c, LOGS, noncurrentVersionExpiration={"noncurrentDays": 1})),
    (unversioned_buckets, lambda c: _lifecycle(c, LOGS, abortIncompleteMultipartUpload=None)),
    (unversioned_buckets, lambda c: _lifecycle(c, BACKUPS, filter={"prefix": "tmp/"})),
    (unversioned_buckets, lambda c: _lifecycle(c, BACKUPS, status="Disabled")),
    (unencrypted_buckets, changed(ENCRYPTION, BACKUPS, property_dependencies={"rules": ()})),
    (
        unencrypted_buckets,
        changed(ENCRYPTION, BACKUPS, {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}),
    ),
    (plain_text_requests, _without_denial("DenyPlainText")),
    (plain_text_requests, _without_denial("DenyOldTls")),
    (early_settings, changed(LIFECYCLE, LOGS, dependencies=())),
    (early_settings, changed(BUCKET_POLICY, BACKUPS, dependencies=())),
    (unlogged_buckets, without(LOGGING, BACKUPS)),
    (unlogged_buckets, changed(LOGGING, BACKUPS, {"targetPrefix": ""})),
    (unlogged_buckets, changed(LOGGING, BACKUPS, {"targetBucket": "elsewhere"})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS)
def test_control_holds(storage: Build, control: Control) -> None:
    """The storage's buckets break no control, kept or not."""
    assert control(storage()) == []
    assert control(storage(keep_data=False, protect=False)) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS)
def test_control_catches_its_mutation(storage: Build, control: Control, mutation: Mutation) -> None:
    """Each control reports buckets of which one thing was changed."""
    assert control(mutation(storage())) != []


def _of_buckets(captured: Capture) -> list[Registration]:
    return [r for r in captured.resources if r.type.startswith("aws:s3/")]


@pytest.mark.parametrize("keep", [True, False])
def test_a_kept_bucket_keeps_its_settings(storage: Build, keep: bool) -> None:
    """A destroy leaves a kept bucket with all that is set on it; else the bucket goes with what is in it."""
    captured = storage(keep_data=keep, protect=False)
    assert {r.retain_on_delete for r in _of_buckets(captured)} == {keep}
    assert {r.inputs["forceDestroy"] for r in captured.of_type(BUCKET)} == {not keep}


def test_protection_is_the_buckets_own(storage: Build) -> None:
    """Pulumi refuses to delete the protected bucket, and nothing of the logs."""
    assert [r.name for r in _of_buckets(storage()) if r.protect] == [BACKUPS]
    assert [r for r in _of_buckets(storage(protect=False)) if r.protect] == []


def test_access_logs_age_and_backups_too(storage: Build) -> None:
    """Access logs go after a year, backups after the days that backups have."""
    days = {r.name: r.inputs["rules"][0]["expiration"] for r in storage().of_type(LIFECYCLE)}
    assert days == {LOGS: {"days": 365}, BACKUPS: {"days": 35}}


def _images(
    capture: CaptureProgram, statements_: Any, preview: bool = False, twice: bool = False, **args: Any
) -> Capture:
    def program() -> None:
        bucket = PrivateBucket("images", PrivateBucketArgs(bucket="demo-images", place=PLACE, **args))
        bucket.attach_policy(statements_() if callable(statements_) else statements_)
        if twice:
            bucket.attach_policy()
        pulumi.export("arn", bucket.arn)
        pulumi.export("bucket", bucket.bucket)

    return capture(program, preview=preview, expect=ValueError if twice else None)


def test_objects_stay_without_an_age(capture: CaptureProgram) -> None:
    """A bucket whose objects have no age loses only the traces of deleted ones, and need not have logs or a key."""
    captured = _images(capture, [READ])
    (rule,) = captured.one(LIFECYCLE, "images").inputs["rules"]
    assert rule["expiration"] == {"expiredObjectDeleteMarker": True}
    assert captured.of_type(LOGGING) == []


@pytest.mark.parametrize("statements_", [[READ], lambda: pulumi.Output.from_input([READ])])
def test_policy_has_the_given_statements(capture: CaptureProgram, statements_: Any) -> None:
    """Statements come after the denials, whether they are known at once or only when something else was made."""
    policy = _images(capture, statements_).one(BUCKET_POLICY, "images")
    assert [s["Sid"] for s in statements(policy)] == ["DenyPlainText", "DenyOldTls", "AllowReading"]


def test_a_bucket_has_one_policy(capture: CaptureProgram) -> None:
    """A second policy would silently take the place of the first, so it is an error."""
    error = _images(capture, [READ], twice=True).error
    assert str(error) == "bucket demo-images has its policy; give all statements at once"


def test_a_preview_knows_name_arn_and_policy(capture: CaptureProgram) -> None:
    """Before anything stands, name, ARN and policy are known: a preview shows what will be there."""
    captured = _images(capture, [READ], preview=True)
    assert captured.exports == {"arn": "arn:aws:s3:::demo-images", "bucket": "demo-images"}
    assert statements(captured.one(BUCKET_POLICY, "images"))[-1] == READ

"""The images bucket and its CDN, as registered (controls D4 and N12)."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_aws import Provider

from components.edge import documents, names
from components.edge.images import Images, ImagesArgs
from components.place import Place
from components.storage.bucket import PrivateBucket, PrivateBucketArgs
from tests.captures import Capture, Registration
from tests.conftest import ACCOUNT, CaptureProgram

BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
S3_LOGGING = "aws:s3/bucketLogging:BucketLogging"
ACCESS = "aws:cloudfront/originAccessControl:OriginAccessControl"
HEADERS = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
RECORD = "aws:route53/record:Record"
SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
DESTINATION = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
DELIVERY = "aws:cloudwatch/logDelivery:LogDelivery"
KEY_ARN = f"arn:aws:kms:ap-northeast-2:{ACCOUNT}:key/1"
CERTIFICATE_ARN = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1"
ACL_ARN = f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/demo/1"
TAGS = {"Project": "demo"}
PLACE = Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT, tags=TAGS)
EXAMPLE: dict[str, Any] = {
    "bucket": "demo-images",
    "domain": "demo.example.com",
    "zone_id": "Z1",
    "certificate_arn": CERTIFICATE_ARN,
    "web_acl_arn": ACL_ARN,
    "key": KEY_ARN,
    "keep_data": False,
    "protect": False,
    "place": PLACE,
}
Build = Callable[..., Capture]
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


@pytest.fixture(scope="module")
def images(capture: CaptureProgram) -> Build:
    """Register images over a bucket for logs; keyword arguments replace the example's."""

    @functools.cache
    def build(*, preview: bool = False, **changes: Any) -> Capture:
        def program() -> None:
            stack = pulumi.ResourceOptions(providers=[Provider("aws", region="ap-northeast-2")])
            logs = PrivateBucket("logs", PrivateBucketArgs(bucket="demo-logs", place=PLACE), stack)
            logs.attach_policy()
            everywhere = Provider("global", region="us-east-1")
            Images(
                "images", ImagesArgs(**{**EXAMPLE, "log_bucket": logs, "global_provider": everywhere, **changes}), stack
            )

        return capture(program, computed={ACCESS: {"id": "E1"}}, preview=preview)

    return build


def _distribution(captured: Capture) -> Registration:
    return captured.one(DISTRIBUTION, "images")


def open_to_listeners(captured: Capture) -> list[str]:
    """Viewers speak TLS 1.2 or newer under our name; whoever does not is sent there."""
    inputs = _distribution(captured).inputs
    certificate, behavior = inputs["viewerCertificate"], inputs["defaultCacheBehavior"]
    checks = {
        "HTTPS": behavior["viewerProtocolPolicy"] == "redirect-to-https",
        "TLS 1.2": certificate["minimumProtocolVersion"] == "TLSv1.2_2021",
        "SNI": certificate["sslSupportMethod"] == "sni-only",
        "certificate": certificate["acmCertificateArn"] == CERTIFICATE_ARN,
        "name": inputs["aliases"] == ["images.demo.example.com"],
    }
    return [name for name, holds in checks.items() if not holds]


def writable(captured: Capture) -> list[str]:
    """The world reads and does nothing else."""
    behavior = _distribution(captured).inputs["defaultCacheBehavior"]
    return [m for m in behavior["allowedMethods"] + behavior["cachedMethods"] if m not in {"GET", "HEAD"}]


def unsigned_origin(captured: Capture) -> list[str]:
    """CloudFront signs every request to the bucket, and asks the bucket's own endpoint."""
    access, (origin,) = captured.one(ACCESS, "images"), _distribution(captured).inputs["origins"]
    checks = {
        "type": access.inputs["originAccessControlOriginType"] == "s3",
        "always": access.inputs["signingBehavior"] == "always",
        "version 4": access.inputs["signingProtocol"] == "sigv4",
        "used": origin.get("originAccessControlId") == "E1",
        "bucket": captured.one(BUCKET, "images-bucket").urn in _distribution(captured).property_dependencies["origins"],
        "no website": "customOriginConfig" not in origin,
    }
    return [name for name, holds in checks.items() if not holds]


def missing_headers(captured: Capture) -> list[str]:
    """Answers tell browsers: only TLS, no guessing of types, no frames, no address of the page to others."""
    policy = captured.one(HEADERS, "images").inputs["securityHeadersConfig"]
    linked = _distribution(captured).property_dependencies["defaultCacheBehavior"]
    checks = {
        "HSTS": policy.get("strictTransportSecurity", {}).get("accessControlMaxAgeSec", 0) >= 31_536_000,
        "nosniff": "contentTypeOptions" in policy,
        "frames": policy.get("frameOptions", {}).get("frameOption") == "DENY",
        "referrer": policy.get("referrerPolicy", {}).get("referrerPolicy") in {"same-origin", "no-referrer"},
        "whatever the object says": all(header["override"] for header in policy.values()),
        "used": captured.one(HEADERS, "images").urn in linked,
    }
    return [name for name, holds in checks.items() if not holds]


def read_by_others(captured: Capture) -> list[str]:
    """This distribution alone reads the bucket's objects; the policy comes after it."""
    policy, distribution = captured.one(POLICY, "images-bucket"), _distribution(captured)
    allowed = [s for s in json.loads(policy.inputs["policy"])["Statement"] if s["Effect"] == "Allow"]
    arn = f"arn:aws:cloudfront::{ACCOUNT}:distribution/"
    checks = {
        "one": len(allowed) == 1,
        "service": allowed[0]["Principal"] == {"Service": "cloudfront.amazonaws.com"},
        "reads": allowed[0]["Action"] == "s3:GetObject",
        "objects": allowed[0]["Resource"] == "arn:aws:s3:::demo-images/*",
        "this distribution": allowed[0]
        .get("Condition", {})
        .get("StringEquals", {})
        .get("aws:SourceArn", "")
        .startswith(arn)
        and "*" not in allowed[0]["Condition"]["StringEquals"]["aws:SourceArn"],
        "order": distribution.urn in captured.needs(policy),
    }
    return [name for name, holds in checks.items() if not holds]


def readable_by_the_disk(captured: Capture) -> list[str]:
    """The bucket is encrypted with the key that was given."""
    (rule,) = captured.one(ENCRYPTION, "images-bucket").inputs["rules"]
    default = rule["applyServerSideEncryptionByDefault"]
    return [] if default == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY_ARN} else ["another key"]


def unfirewalled(captured: Capture) -> list[str]:
    """The web ACL stands before the distribution."""
    return [] if _distribution(captured).inputs.get("webAclId") == ACL_ARN else ["no firewall"]


def unlogged(captured: Capture) -> list[str]:
    """Requests of the CDN and of the bucket go to the bucket for logs, from us-east-1, once it lets them in."""
    source, destination = captured.one(SOURCE, "images"), captured.one(DESTINATION, "images")
    delivery = captured.one(DELIVERY, "images")
    everywhere = captured.one("pulumi:providers:aws", "global").urn
    checks = {
        "what": source.inputs["logType"] == "ACCESS_LOGS"
        and source.source("resourceArn") == _distribution(captured).urn,
        "where": destination.inputs["deliveryDestinationConfiguration"]["destinationResourceArn"]
        == "arn:aws:s3:::demo-logs",
        "joined": delivery.source("deliverySourceName") == source.urn
        and delivery.source("deliveryDestinationArn") == destination.urn,
        "region": all(r.provider.startswith(f"{everywhere}::") for r in (source, destination, delivery)),
        "let in": captured.one(POLICY, "logs").urn in captured.needs(delivery),
        "bucket": captured.one(S3_LOGGING, "images-bucket").inputs.get("targetBucket") == "demo-logs",
    }
    return [name for name, holds in checks.items() if not holds]


def unnamed(captured: Capture) -> list[str]:
    """The name leads to the distribution, by IPv4 and IPv6."""
    wrong = []
    for type_ in ("A", "AAAA"):
        record = captured.one(RECORD, f"images-{type_.lower()}")
        (alias,) = record.inputs.get("aliases", [{}])
        checks = {
            "type": record.inputs["type"] == type_,
            "name": record.inputs["name"] == "images.demo.example.com",
            "zone": record.inputs["zoneId"] == "Z1",
            "target": record.source("aliases") == _distribution(captured).urn,
            "CloudFront's zone": alias.get("zoneId") == "Z2FDTNDATAQYW2",
        }
        wrong += [f"{record.name}: {name}" for name, holds in checks.items() if not holds]
    return wrong + ([] if _distribution(captured).inputs["isIpv6Enabled"] else ["no IPv6"])


def _changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def _part(type_: str, name: str, key: str, **changes: Any) -> Mutation:
    """Change parts of an input; a part of None is taken out."""

    def mutate(captured: Capture) -> Capture:
        merged = {**captured.one(type_, name).inputs[key], **changes}
        return captured.changed(type_, name, {key: {k: v for k, v in merged.items() if v is not None}})

    return mutate


def _origin(**changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        (origin,) = _distribution(captured).inputs["origins"]
        return captured.changed(DISTRIBUTION, "images", {"origins": [{**origin, **changes}]})

    return mutate


def _statement(**changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        document = json.loads(captured.one(POLICY, "images-bucket").inputs["policy"])
        document["Statement"] = [{**s, **changes} if s["Effect"] == "Allow" else s for s in document["Statement"]]
        return captured.changed(POLICY, "images-bucket", {"policy": json.dumps(document)})

    return mutate


def _from(type_: str, name: str, key: str, source: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        deps = captured.one(type_, name).property_dependencies
        return captured.changed(type_, name, property_dependencies={**deps, key: (source,)})

    return mutate


def _in_the_stacks_region(captured: Capture) -> Capture:
    return captured.changed(SOURCE, "images", provider=captured.one(BUCKET, "logs").provider)


def _any_distribution(captured: Capture) -> Capture:
    arn = f"arn:aws:cloudfront::{ACCOUNT}:distribution/*"
    return _statement(Condition={"StringEquals": {"aws:SourceArn": arn}})(captured)


_BEHAVIOR = (DISTRIBUTION, "images", "defaultCacheBehavior")
_VIEWER = (DISTRIBUTION, "images", "viewerCertificate")
_SECURITY = (HEADERS, "images", "securityHeadersConfig")
MUTATIONS: list[tuple[Control, Mutation]] = [
    (open_to_listeners, _part(*_BEHAVIOR, viewerProtocolPolicy="allow-all")),
    (open_to_listeners, _part(*_VIEWER, minimumProtocolVersion="TLSv1")),
    (open_to_listeners, _part(*_VIEWER, sslSupportMethod="vip")),
    (open_to_listeners, _changed(DISTRIBUTION, "images", {"aliases": []})),
    (writable, _part(*_BEHAVIOR, allowedMethods=["GET", "HEAD", "PUT"])),
    (unsigned_origin, _changed(ACCESS, "images", {"signingBehavior": "no-override"})),
    (unsigned_origin, _origin(originAccessControlId="E2")),
    (unsigned_origin, _origin(customOriginConfig={"originProtocolPolicy": "http-only"})),
    (missing_headers, _part(*_SECURITY, strictTransportSecurity=None)),
    (missing_headers, _part(*_SECURITY, contentTypeOptions=None)),
    (missing_headers, _part(*_SECURITY, contentTypeOptions={"override": False})),
    (missing_headers, _part(*_SECURITY, frameOptions={"frameOption": "SAMEORIGIN", "override": True})),
    (missing_headers, _part(*_SECURITY, referrerPolicy={"referrerPolicy": "unsafe-url", "override": True})),
    (missing_headers, _from(DISTRIBUTION, "images", "defaultCacheBehavior", "another")),
    (read_by_others, _statement(Principal="*")),
    (read_by_others, _statement(Action="s3:*")),
    (read_by_others, _statement(Condition={})),
    (read_by_others, _any_distribution),
    (read_by_others, _changed(POLICY, "images-bucket", dependencies=())),
    (
        readable_by_the_disk,
        _changed(
            ENCRYPTION, "images-bucket", {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}
        ),
    ),
    (unfirewalled, _changed(DISTRIBUTION, "images", {"webAclId": None})),
    (unlogged, _in_the_stacks_region),
    (unlogged, _from(SOURCE, "images", "resourceArn", "another")),
    (unlogged, _from(DELIVERY, "images", "deliverySourceName", "another")),
    (unlogged, _changed(DELIVERY, "images", dependencies=())),
    (unlogged, _changed(S3_LOGGING, "images-bucket", {"targetBucket": "another"})),
    (unnamed, _from(RECORD, "images-a", "aliases", "another")),
    (unnamed, _changed(RECORD, "images-aaaa", {"type": "A"})),
    (unnamed, _changed(DISTRIBUTION, "images", {"isIpv6Enabled": False})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(images: Build, control: Control) -> None:
    """The images break no control."""
    assert control(images()) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(images: Build, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(images())) != []


def test_first_preview_shows_every_resource(images: Build) -> None:
    """No number of resources hangs on what only AWS knows."""
    assert images(preview=True).urns == images().urns


def test_bucket_comes_first_and_the_distribution_before_its_policy(images: Build) -> None:
    """Bucket, access control, distribution, policy: destroy takes the right to read away first."""
    captured = images()
    bucket, access = captured.one(BUCKET, "images-bucket"), captured.one(ACCESS, "images")
    assert {bucket.urn, access.urn} <= captured.needs(_distribution(captured))


@pytest.mark.parametrize("keep", [True, False])
def test_kept_bucket_stays_and_its_cdn_goes(images: Build, keep: bool) -> None:
    """What holds images is kept with all that is set on it; what only serves them can be made again."""
    captured = images(keep_data=keep, protect=not keep)
    bucket = captured.one(BUCKET, "images-bucket")
    of_bucket = [r for r in captured.resources if r.type.startswith("aws:s3/") and r.name == "images-bucket"]
    assert {r.retain_on_delete for r in of_bucket} == {keep}
    assert (bucket.protect, bucket.inputs["forceDestroy"]) == (not keep, not keep)
    served = {ACCESS, HEADERS, DISTRIBUTION, RECORD, SOURCE, DESTINATION, DELIVERY}
    assert not any(r.retain_on_delete or r.protect for r in captured.resources if r.type in served)


def test_outputs_say_where_to_write_and_where_to_read(images: Build) -> None:
    """Whoever publishes knows the bucket and the distribution whose cache to empty."""
    captured = images()
    outputs = captured.outputs[captured.one("platform:edge:Images", "images").urn]
    assert outputs["bucket"] == "demo-images"
    assert outputs["url"] == "https://images.demo.example.com"
    assert outputs["distribution_id"].startswith("E")


def test_no_firewall_is_a_choice(images: Build) -> None:
    """Without a web ACL the input is absent."""
    assert "webAclId" not in _distribution(images(web_acl_arn=None)).inputs


def test_names_fit_the_longest_bucket(images: Build) -> None:
    """A bucket's name may have 63 characters; deliveries' may have 60, and two buckets never share one."""
    long, other = "x" * 62 + "a", "x" * 62 + "b"
    captured = images(bucket=long)
    assert len(captured.one(ACCESS, "images").inputs["name"]) <= 64
    assert len(captured.one(SOURCE, "images").inputs["name"]) <= names.DELIVERY_LIMIT
    assert names.delivery_name(long) != names.delivery_name(other)
    assert names.delivery_name("x" * 60) == "x" * 60


def test_key_lets_the_accounts_distributions_read_and_no_more() -> None:
    """CloudFront may decrypt for distributions of this account, and encrypt nothing."""
    statement = documents.distributions_decrypt(partition="aws", account_id=ACCOUNT)
    assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert statement["Action"] == "kms:Decrypt"
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/*"}}

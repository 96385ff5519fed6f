"""The OIDC issuer as registered: who may read which of its documents, and who trusts them."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from components.place import Place
from components.self_managed import pki_math
from components.self_managed.issuer import OidcIssuer, OidcIssuerArgs
from tests.captures import Capture
from tests.components import Control, Mutation, changed, without
from tests.conftest import ACCOUNT, COMPUTED, CaptureProgram
from tests.iam import Call, Target, allowed
from tests.self_managed import ISSUER
from tests.storage import (
    BUCKET,
    BUCKET_POLICY,
    ENCRYPTION,
    LOGGING,
    OWNERSHIP,
    PLACE,
    PUBLIC_ACCESS,
    TAGS,
    statements,
)

COMPONENT: Final = "platform:self_managed:OidcIssuer"
OBJECT: Final = "aws:s3/bucketObjectv2:BucketObjectv2"
PROVIDER: Final = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
NAME: Final = "nodes14-issuer"
JWKS: Final = pki_math.jwks(COMPUTED["tls:index/privateKey:PrivateKey"]["publicKeyPem"])
KEYS: Final = {"issuer-configuration": ".well-known/openid-configuration", "issuer-keys": "keys.json"}
TLS: Final = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}


def register(place: Place = PLACE, **changes: Any) -> OidcIssuer:
    args: dict[str, Any] = {"bucket": NAME, "jwks": JWKS, "log_bucket": "demo-logs", **changes}
    return OidcIssuer("issuer", OidcIssuerArgs(**args, place=place))


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(register)


def may(captured: Capture, action: str, key: str = "", **context: str) -> bool:
    """Whether a stranger may do this."""
    (policy,) = captured.of_type(BUCKET_POLICY)
    arn = f"arn:aws:s3:::{NAME}{f'/{key}' if key else ''}"
    call = Call(action=action, targets=[Target(arn=arn)], principal="AWS:stranger", context={**TLS, **context})
    return allowed(statements(policy), call)


def open_to_strangers(captured: Capture) -> list[str]:
    """Everybody may fetch exactly the two documents, over TLS, and do nothing else with the bucket."""
    right = {
        (action, key): False for action in ("s3:ListBucket", "s3:PutObject", "s3:DeleteObject") for key in ("", "x")
    }
    right |= {("s3:GetObject", key): True for key in KEYS.values()}
    right |= {("s3:GetObjectVersion", key): False for key in KEYS.values()}
    right |= {("s3:PutObject", key): False for key in KEYS.values()}
    right |= {("s3:GetObject", key): False for key in ("keys.json.old", "x/keys.json", ".well-known/", "admin.conf")}
    wrong = [
        f"{action} {key}" for (action, key), expected in right.items() if may(captured, action, key) is not expected
    ]
    loose = [key for key in KEYS.values() if may(captured, "s3:GetObject", key, **{"aws:SecureTransport": "false"})]
    return wrong + loose


def wrong_doors(captured: Capture) -> list[str]:
    """The bucket takes a policy for everybody, but no ACL; objects are the owner's and encrypted by S3's own key."""
    (block,), (owner,), (encryption,) = (captured.of_type(t) for t in (PUBLIC_ACCESS, OWNERSHIP, ENCRYPTION))
    doors = {
        "blockPublicAcls": True,
        "ignorePublicAcls": True,
        "blockPublicPolicy": False,
        "restrictPublicBuckets": False,
    }
    wrong = [key for key, value in doors.items() if block.inputs.get(key) is not value]
    wrong += [] if owner.inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"} else ["ownership"]
    (rule,) = encryption.inputs["rules"]
    # Nobody without rights in the account can read what another key has encrypted.
    by_s3 = rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    return wrong + ([] if by_s3 else ["encryption"])


def wrong_documents(captured: Capture) -> list[str]:
    """Each document lies under its key, as JSON, in the issuer's own bucket."""
    contents = {"issuer-configuration": pki_math.openid_configuration(ISSUER), "issuer-keys": JWKS}
    wrong = sorted({r.name for r in captured.of_type(OBJECT)} ^ KEYS.keys())
    for r in captured.of_type(OBJECT):
        seen = (r.inputs.get("bucket"), r.inputs.get("key"), r.inputs.get("content"), r.inputs.get("contentType"))
        right = seen == (NAME, KEYS.get(r.name), contents.get(r.name), "application/json")
        wrong += (
            [] if right and "max-age" in r.inputs.get("cacheControl", "") and r.inputs["tags"] == TAGS else [r.name]
        )
    return wrong


def wrong_provider(captured: Capture) -> list[str]:
    """IAM's provider is for the issuer that the documents name, takes tokens for STS, and comes after both."""
    (provider,) = captured.of_type(PROVIDER)
    document = json.loads(captured.one(OBJECT, "issuer-configuration").inputs["content"])
    needs = captured.needs(provider)
    wrong = [] if provider.inputs["url"] == document["issuer"] == ISSUER else ["url"]
    wrong += [] if provider.inputs.get("clientIdLists") == ["sts.amazonaws.com"] else ["audience"]
    wrong += [] if "thumbprintLists" not in provider.inputs else ["thumbprints"]
    first = [*captured.of_type(OBJECT), *captured.of_type(BUCKET_POLICY), *captured.of_type(PUBLIC_ACCESS)]
    return wrong + [r.urn for r in first if r.urn not in needs]


def unlogged(captured: Capture) -> list[str]:
    """Who reads the documents is logged."""
    logs = captured.of_type(LOGGING)
    return [] if [r.inputs["targetBucket"] for r in logs] == ["demo-logs"] else ["log"]


def _policy(**changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        (policy,) = captured.of_type(BUCKET_POLICY)
        found = [{**s, **changes} if s["Sid"] == "AllowReadingPublished" else s for s in statements(policy)]
        return captured.changed(BUCKET_POLICY, policy.name, {"policy": json.dumps({"Statement": found})})

    return mutate


def _without_denials(captured: Capture) -> Capture:
    (policy,) = captured.of_type(BUCKET_POLICY)
    found = [s for s in statements(policy) if s["Effect"] == "Allow"]
    return captured.changed(BUCKET_POLICY, policy.name, {"policy": json.dumps({"Statement": found})})


_ARN: Final = f"arn:aws:s3:::{NAME}"
MUTATIONS: list[tuple[Control, Mutation]] = [
    (open_to_strangers, _policy(Resource=f"{_ARN}/*")),
    (open_to_strangers, _policy(Resource=[f"{_ARN}/keys.json"])),
    (open_to_strangers, _policy(Resource=[f"{_ARN}/{key}*" for key in KEYS.values()])),
    (open_to_strangers, _policy(Action="s3:*")),
    (open_to_strangers, _policy(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    (open_to_strangers, _without_denials),
    (wrong_doors, changed(PUBLIC_ACCESS, "issuer", {"blockPublicPolicy": True})),
    (wrong_doors, changed(PUBLIC_ACCESS, "issuer", {"blockPublicAcls": False})),
    (wrong_doors, changed(OWNERSHIP, "issuer", {"rule": {"objectOwnership": "ObjectWriter"}})),
    (wrong_doors, changed(ENCRYPTION, "issuer", {"rules": [{"applyServerSideEncryptionByDefault": {}}]})),
    (wrong_documents, changed(OBJECT, "issuer-keys", {"contentType": None})),
    (wrong_documents, changed(OBJECT, "issuer-keys", {"key": "jwks.json"})),
    (wrong_documents, changed(OBJECT, "issuer-keys", {"content": "{}"})),
    (wrong_documents, without(OBJECT, "issuer-configuration")),
    (wrong_provider, changed(PROVIDER, "issuer", {"url": "https://other.example.com"})),
    (wrong_provider, changed(PROVIDER, "issuer", {"clientIdLists": ["*"]})),
    (wrong_provider, changed(PROVIDER, "issuer", {"thumbprintLists": ["0" * 40]})),
    (wrong_provider, changed(PROVIDER, "issuer", dependencies=())),
    (unlogged, without(LOGGING, "issuer")),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """The issuer breaks no control."""
    assert control(captured) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(captured: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(captured)) != []


def test_all_is_known_at_preview(capture: CaptureProgram) -> None:
    """The URL follows from the bucket's name, so that trust policies are shown whole before anything exists."""
    made: list[OidcIssuer] = []
    previewed = capture(lambda: made.append(register()), preview=True)
    shown = previewed.outputs[previewed.one(COMPONENT, "issuer").urn]
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER.removeprefix('https://')}"
    assert shown == {"url": ISSUER, "provider_arn": provider}
    assert made[0].url == ISSUER
    assert wrong_documents(previewed) == []


def test_other_partitions_have_their_own_domain(capture: CaptureProgram) -> None:
    """In China S3 answers under another domain; STS's audience is the same everywhere."""
    there = Place(region="cn-north-1", partition="aws-cn", account_id=ACCOUNT)
    found = capture(lambda: register(there), partition="aws-cn", region="cn-north-1")
    provider = found.one(PROVIDER, "issuer")
    assert provider.inputs["url"] == f"https://{NAME}.s3.cn-north-1.amazonaws.com.cn"
    assert provider.inputs["clientIdLists"] == ["sts.amazonaws.com"]


def test_a_name_with_a_dot_is_refused() -> None:
    """S3's certificate would not fit, and no token would be believed."""
    with pytest.raises(ValueError, match=r"bucket=nodes14\.issuer"):
        OidcIssuerArgs(bucket="nodes14.issuer", jwks=JWKS, place=PLACE)


@pytest.mark.parametrize("kept", [True, False])
def test_a_destroy_keeps_what_it_is_asked_to(capture: CaptureProgram, kept: bool) -> None:
    """Bucket and documents stay together or go together, and are protected together with the rest."""
    found = capture(lambda: register(keep=kept, protect=kept))
    held = [*found.of_type(BUCKET), *found.of_type(OBJECT)]
    assert {r.retain_on_delete for r in held} == {kept}
    assert [r.protect for r in found.of_type(BUCKET)] == [kept]
    assert [r.inputs["forceDestroy"] for r in found.of_type(BUCKET)] == [not kept]


def test_other_buckets_stay_closed(capture: CaptureProgram) -> None:
    """Only a bucket that publishes something has its doors open."""
    from components.storage.bucket import PrivateBucket, PrivateBucketArgs

    def program() -> None:
        PrivateBucket("other", PrivateBucketArgs(bucket="other", place=PLACE)).attach_policy()

    found = capture(program)
    (block,), (policy,) = found.of_type(PUBLIC_ACCESS), found.of_type(BUCKET_POLICY)
    assert {value for key, value in block.inputs.items() if key != "bucket"} == {True}
    assert {s["Effect"] for s in statements(policy)} == {"Deny"}

"""Keys, certificates and the token: what is asked of the providers, and that no secret is seen anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pulumi
import pytest
from pulumi_random import Provider as RandomProvider
from pulumi_tls import Provider as TlsProvider

from components.self_managed import pki_math
from components.self_managed.names import CONTROL_PLANE_FILES, ENCRYPTION_KEY
from components.self_managed.parameters import Parameters, ParametersArgs
from components.self_managed.pki import Pki, PkiArgs
from tests.captures import Capture, Secret
from tests.components import Control, Mutation, changed
from tests.conftest import COMPUTED, CaptureProgram
from tests.self_managed import ISSUER
from tests.storage import PLACE

COMPONENT: Final = "platform:self_managed:Pki"
PRIVATE: Final = "tls:index/privateKey:PrivateKey"
AUTHORITY: Final = "tls:index/selfSignedCert:SelfSignedCert"
REQUEST: Final = "tls:index/certRequest:CertRequest"
CERTIFICATE: Final = "tls:index/locallySignedCert:LocallySignedCert"
TOKEN_ID: Final = "random:index/randomString:RandomString"
TOKEN_SECRET: Final = "random:index/randomPassword:RandomPassword"
PARAMETER: Final = "aws:ssm/parameter:Parameter"
AUTHORITIES: Final = {"pki-ca": "kubernetes", "pki-etcd-ca": "etcd-ca", "pki-front-proxy-ca": "front-proxy-ca"}
YEAR: Final = 365 * 24


def register(digest: str = "1", protect: bool = True) -> Pki:
    """Register the keys and the parameters that hold them."""
    providers = pulumi.ResourceOptions(providers=[TlsProvider("tls"), RandomProvider("random")])
    pki = Pki("pki", PkiArgs(cluster_name="demo", nodes_digest=digest, protect=protect), providers)
    args = ParametersArgs(
        cluster_name="demo", values=pki.values, token=pki.token, issuer=ISSUER, protect=protect, place=PLACE
    )
    Parameters("parameters", args)
    pulumi.export("server", {"pin": pki.ca_pin, "authority": pki.ca_certificate, "keys": pki.jwks})
    pulumi.export("administrator", {"certificate": pki.admin_certificate, "key": pki.admin_key})
    return pki


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(register)


def weak_keys(captured: Capture) -> list[str]:
    """Authorities and administrator have a P-256 key of their own; tokens are signed by RSA, as STS wants."""
    curve = {"algorithm": "ECDSA", "ecdsaCurve": "P256"}
    wanted: dict[str, dict[str, Any]] = {**dict.fromkeys(AUTHORITIES, curve), "pki-admin": curve}
    wanted["pki-service-accounts"] = {"algorithm": "RSA", "rsaBits": 2048}
    found = {r.name: r.inputs for r in captured.of_type(PRIVATE)}
    return [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]


def wrong_authorities(captured: Capture) -> list[str]:
    """Each authority signs itself with its own key, may sign others, lasts ten years and is never renewed by itself."""
    wrong = sorted({r.name for r in captured.of_type(AUTHORITY)} ^ AUTHORITIES.keys())
    for authority in captured.of_type(AUTHORITY):
        inputs = authority.inputs
        right = (
            authority.source("privateKeyPem") == captured.one(PRIVATE, authority.name).urn
            and inputs.get("isCaCertificate") is inputs.get("setSubjectKeyId") is True
            and inputs.get("subject") == {"commonName": AUTHORITIES.get(authority.name), "organization": "demo"}
            and inputs.get("validityPeriodHours") == 10 * YEAR
            and not inputs.get("earlyRenewalHours")
            and set(inputs.get("allowedUses", ())) == {"cert_signing", "digital_signature", "key_encipherment"}
        )
        wrong += [] if right else [authority.name]
    return wrong


def wrong_administrators(captured: Capture) -> list[str]:
    """The administrator is in kubeadm's group, which can be revoked, for a year, by the cluster's authority."""
    (request,), (certificate,) = captured.of_type(REQUEST), captured.of_type(CERTIFICATE)
    subject = {"commonName": "platform-admin", "organization": "kubeadm:cluster-admins"}
    inputs = certificate.inputs
    right = (
        request.inputs.get("subject") == subject
        and request.source("privateKeyPem") == captured.one(PRIVATE, "pki-admin").urn
        and certificate.source("certRequestPem") == request.urn
        and certificate.source("caPrivateKeyPem") == captured.one(PRIVATE, "pki-ca").urn
        and certificate.source("caCertPem") == captured.one(AUTHORITY, "pki-ca").urn
        and set(inputs.get("allowedUses", ())) == {"client_auth", "digital_signature"}
        and (inputs.get("validityPeriodHours"), inputs.get("earlyRenewalHours")) == (YEAR, 30 * 24)
        and not inputs.get("isCaCertificate")
    )
    return [] if right else [certificate.name]


def weak_tokens(captured: Capture) -> list[str]:
    """The token has the two halves that Kubernetes takes, new ones for every rollout; etcd's key is never renewed."""
    half = {"upper": False, "special": False, "keepers": {"nodes": "1"}}
    wanted = {
        "pki-token-id": {"length": 6, **half},
        "pki-token-secret": {"length": 16, **half},
        "pki-encryption-key": {"length": 32},
    }
    found = {r.name: r.inputs for r in captured.resources if r.type.startswith("random:")}
    return [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]


def secrets_as_ids(captured: Capture) -> list[str]:
    """Nothing secret is a value that its provider takes for the resource's id: states hold ids in clear."""
    # RandomPassword's id is the word `none`; of a token's two halves the first is public.
    told = {r.name for r in captured.resources if r.type.startswith("random:") and r.type != TOKEN_SECRET}
    return sorted(told - {"pki-token-id"})


def unprotected(captured: Capture) -> list[str]:
    """What the cluster cannot lose is protected, and what is renewed is not."""
    renewed = {"pki-admin", "pki-token-id", "pki-token-secret"}
    return [
        r.urn
        for r in captured.resources
        if r.custom and r.parent == captured.one(COMPONENT, "pki").urn and r.protect is (r.name in renewed)
    ]


def strays(captured: Capture) -> list[str]:
    """Everything hangs under the component and is made by the providers that the caller gave."""
    (component,) = captured.of_type(COMPONENT)
    own = [r for r in captured.resources if r.type.startswith(("tls:", "random:"))]
    return [
        r.urn
        for r in own
        if r.parent != component.urn or r.provider.split("::")[2] != f"pulumi:providers:{r.type.partition(':')[0]}"
    ]


def plain_texts(value: Any, *, hidden: bool = False) -> Iterator[tuple[str, bool]]:
    """Every text in a value, and whether it is under a secret's mark."""
    if isinstance(value, Secret):
        yield from plain_texts(value.value, hidden=True)
    elif isinstance(value, str):
        yield value, hidden
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from plain_texts(key, hidden=hidden)
            yield from plain_texts(item, hidden=hidden)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from plain_texts(item, hidden=hidden)


def canaries(captured: Capture) -> dict[str, str]:
    """What nobody may see, by where it comes from, as the captured providers answered it."""
    found = {r.name: _answer(captured, r.name, PRIVATE, "privateKeyPem") for r in captured.of_type(PRIVATE)}
    found |= {r.name: _answer(captured, r.name, TOKEN_SECRET, "result") for r in captured.of_type(TOKEN_SECRET)}
    encoded = base64.b64encode(found["pki-encryption-key"].encode()).decode()
    return {**found, "pki-encryption-key-encoded": encoded}


def _answer(captured: Capture, name: str, type_: str, key: str) -> str:
    urn = captured.one(type_, name).urn
    assert key in COMPUTED[type_], urn
    hash_ = hashlib.sha256(f"{type_}{name}".encode()).hexdigest()[:17]
    text: str = COMPUTED[type_][key]
    return text.replace("{hash}", hash_).replace("{name}", f"{name}-{hash_[:7]}")


def seen_secrets(captured: Capture) -> list[str]:
    """No private key, token or encryption key is in an input or output that is not marked as secret."""
    shown = [(r.urn, dict(r.inputs)) for r in captured.resources]
    shown += [(urn, dict(outputs)) for urn, outputs in captured.outputs.items()]
    shown.append(("exports", dict(captured.exports)))
    texts = [(where, text) for where, value in shown for text, hidden in plain_texts(value) if not hidden]
    return [
        f"{name} in {where}" for name, canary in canaries(captured).items() for where, text in texts if canary in text
    ]


def undelivered_secrets(captured: Capture) -> list[str]:
    """Each parameter has the value that its name says, from the resource that makes it."""
    sources = {
        **{f"{key}-crt": (AUTHORITY, f"pki-{key}") for key in ("ca", "front-proxy-ca", "etcd-ca")},
        **{f"{key}-key": (PRIVATE, f"pki-{key}") for key in ("ca", "front-proxy-ca", "etcd-ca")},
        "sa-key": (PRIVATE, "pki-service-accounts"),
        "sa-pub": (PRIVATE, "pki-service-accounts"),
        ENCRYPTION_KEY: (TOKEN_SECRET, "pki-encryption-key"),
    }
    assert sources.keys() == {*CONTROL_PLANE_FILES, ENCRYPTION_KEY}
    return [
        key
        for key, (type_, name) in sources.items()
        if captured.one(PARAMETER, f"parameters-{key}").source("value") != captured.one(type_, name).urn
    ]


def _shown_key(captured: Capture) -> Capture:
    secret = captured.one(PARAMETER, "parameters-ca-key").inputs["value"]
    return captured.changed(PARAMETER, "parameters-ca-key", {"value": secret.value})


def _shown_export(captured: Capture) -> Capture:
    key = captured.exports["administrator"]
    text = next(text for text, _ in plain_texts(key) if "PRIVATE" in text)
    return replace(captured, outputs={**captured.outputs, "somewhere": {"kubeconfig": f"key: {text}"}})


MUTATIONS: list[tuple[Control, Mutation]] = [
    (weak_keys, changed(PRIVATE, "pki-ca", {"ecdsaCurve": "P224"})),
    (weak_keys, changed(PRIVATE, "pki-service-accounts", {"algorithm": "ECDSA"})),
    (weak_keys, changed(PRIVATE, "pki-admin", {"algorithm": None})),
    (wrong_authorities, changed(AUTHORITY, "pki-ca", {"isCaCertificate": False})),
    (wrong_authorities, changed(AUTHORITY, "pki-ca", {"setSubjectKeyId": None})),
    (wrong_authorities, changed(AUTHORITY, "pki-etcd-ca", {"validityPeriodHours": YEAR})),
    (wrong_authorities, changed(AUTHORITY, "pki-ca", {"earlyRenewalHours": 720})),
    (wrong_authorities, changed(AUTHORITY, "pki-ca", {"allowedUses": ["cert_signing", "any_extended"]})),
    (wrong_authorities, changed(AUTHORITY, "pki-ca", property_dependencies={"privateKeyPem": ("other",)})),
    (wrong_administrators, changed(REQUEST, "pki-admin", {"subject": {"organization": "system:masters"}})),
    (wrong_administrators, changed(CERTIFICATE, "pki-admin", {"allowedUses": ["client_auth", "server_auth"]})),
    (wrong_administrators, changed(CERTIFICATE, "pki-admin", {"validityPeriodHours": 10 * YEAR})),
    (wrong_administrators, changed(CERTIFICATE, "pki-admin", {"earlyRenewalHours": None})),
    (weak_tokens, changed(TOKEN_ID, "pki-token-id", {"upper": True})),
    (weak_tokens, changed(TOKEN_SECRET, "pki-token-secret", {"length": 8})),
    (weak_tokens, changed(TOKEN_SECRET, "pki-token-secret", {"keepers": None})),
    (weak_tokens, changed(TOKEN_SECRET, "pki-encryption-key", {"keepers": {"nodes": "1"}})),
    (secrets_as_ids, changed(TOKEN_SECRET, "pki-encryption-key", type="random:index/randomBytes:RandomBytes")),
    (secrets_as_ids, changed(TOKEN_SECRET, "pki-token-secret", type=TOKEN_ID)),
    (unprotected, changed(PRIVATE, "pki-ca", protect=False)),
    (unprotected, changed(TOKEN_SECRET, "pki-encryption-key", protect=False)),
    (unprotected, changed(CERTIFICATE, "pki-admin", protect=True)),
    (strays, changed(PRIVATE, "pki-ca", parent="")),
    (strays, changed(PRIVATE, "pki-ca", provider="urn:pulumi:dev::platform::pulumi:providers:aws::aws::1")),
    (seen_secrets, _shown_key),
    (seen_secrets, _shown_export),
    (undelivered_secrets, changed(PARAMETER, "parameters-ca-key", property_dependencies={"value": ("other",)})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """The keys break no control."""
    assert control(captured) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(captured: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(captured)) != []


def test_canaries_are_unique(captured: Capture) -> None:
    """Each secret is found by its own value, and reaches the parameters under a secret's mark."""
    found = canaries(captured)
    assert len(set(found.values())) == len(found) == 8
    hidden = {text for r in captured.of_type(PARAMETER) for text, marked in plain_texts(r.inputs["value"]) if marked}
    delivered = [name for name, canary in found.items() if any(canary in text for text in hidden)]
    assert sorted(delivered) == sorted(set(found) - {"pki-admin", "pki-encryption-key"})


def test_token_has_its_two_halves(captured: Capture) -> None:
    """The public half, a dot and the secret one; the lengths are the providers' to keep."""
    value = captured.one(PARAMETER, "parameters-token").inputs["value"]
    assert value == Secret(f"abcdef.{canaries(captured)['pki-token-secret']}")


def test_encryption_key_has_the_bytes_that_secretbox_takes(captured: Capture) -> None:
    """The parameter holds 32 bytes, encoded as the API server's configuration takes them."""
    value = captured.one(PARAMETER, f"parameters-{ENCRYPTION_KEY}").inputs["value"]
    assert len(base64.b64decode(value.value, validate=True)) == 32


def test_what_everybody_may_know_is_legible(captured: Capture) -> None:
    """Pin, authority and key set are no secrets: user data and the issuer's documents show them."""
    shown = captured.exports["server"]
    assert shown["pin"] == pki_math.ca_pin(shown["authority"])
    assert json.loads(shown["keys"])["keys"][0]["kty"] == "RSA"


def test_another_rollout_changes_the_token_alone(capture: CaptureProgram, captured: Capture) -> None:
    """New machines get a fresh token; nothing else of the keys is asked for anew."""
    other = capture(lambda: register(digest="2"))
    before, after = ({r.urn: r for r in one.resources} for one in (captured, other))
    assert before.keys() == after.keys()
    assert {r.name for urn, r in before.items() if r.inputs != after[urn].inputs} == {
        "pki-token-id",
        "pki-token-secret",
    }


def test_protection_is_the_callers_to_ask_for(capture: CaptureProgram) -> None:
    """Without it a stack that is only tried can be destroyed."""
    assert [r.urn for r in capture(lambda: register(protect=False)).resources if r.protect] == []


def test_nothing_secret_is_known_before_it_is_made(capture: CaptureProgram) -> None:
    """A preview makes no keys, and shows what it would ask for."""
    previewed = capture(register, preview=True)
    assert previewed.one(PRIVATE, "pki-ca").inputs == {"algorithm": "ECDSA", "ecdsaCurve": "P256"}
    assert {r.name for r in previewed.of_type(PARAMETER)} == {
        f"parameters-{key}" for key in (*CONTROL_PLANE_FILES, ENCRYPTION_KEY, "token")
    }

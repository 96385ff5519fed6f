"""The provider `tls`: keys and certificates as other tools read them, and when they are made anew."""

from __future__ import annotations

import importlib
import inspect
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sandbox.protocol import UNKNOWN, HostError, Properties
from sandbox.tls_host import TlsHost

KEY = "tls:index/privateKey:PrivateKey"
REQUEST = "tls:index/certRequest:CertRequest"
SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
URN = "urn:pulumi:dev::project::type::thing"

HOST = TlsHost()


def make(token: str, **inputs: Any) -> tuple[str, Properties]:
    checked = HOST.check(token, URN, {}, inputs, b"")
    return HOST.create(token, URN, checked, False)


def authority(**more: Any) -> Properties:
    key = make(KEY, algorithm="ECDSA", ecdsaCurve="P256")[1]["privateKeyPem"]
    inputs = {
        "privateKeyPem": key,
        "isCaCertificate": True,
        "setSubjectKeyId": True,
        "validityPeriodHours": 87600,
        "allowedUses": ["digital_signature", "key_encipherment", "cert_signing"],
        "subject": {"commonName": "kubernetes"},
        **more,
    }
    return make(SELF_SIGNED, **inputs)[1]


def client(ca: Properties, **more: Any) -> tuple[str, Properties]:
    key = make(KEY, algorithm="ECDSA", ecdsaCurve="P256")[1]["privateKeyPem"]
    subject = {"commonName": "platform-admin", "organization": "kubeadm:cluster-admins"}
    request = make(REQUEST, privateKeyPem=key, subject=subject, dnsNames=["a.example.com"])[1]["certRequestPem"]
    inputs = {
        "certRequestPem": request,
        "caCertPem": ca["certPem"],
        "caPrivateKeyPem": ca["privateKeyPem"],
        "validityPeriodHours": 8760,
        "earlyRenewalHours": 720,
        "allowedUses": ["digital_signature", "key_encipherment", "client_auth"],
        **more,
    }
    return make(SIGNED, **inputs)


@pytest.mark.parametrize(
    ("inputs", "opening"),
    [
        ({"algorithm": "RSA", "rsaBits": 2048}, "-----BEGIN RSA PRIVATE KEY-----"),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, "-----BEGIN EC PRIVATE KEY-----"),
        ({"algorithm": "ED25519"}, "-----BEGIN PRIVATE KEY-----"),
    ],
)
def test_a_key_comes_in_the_provider_s_forms(inputs: Properties, opening: str) -> None:
    """PKCS#1, SEC 1 or PKCS#8, SPKI, OpenSSH and its fingerprints, all of one key."""
    _, key = make(KEY, **inputs)
    assert key["privateKeyPem"].startswith(opening)
    assert key["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----")
    loaded = [
        serialization.load_pem_private_key(key[name].encode(), None) for name in ("privateKeyPem", "privateKeyPemPkcs8")
    ]
    loaded.append(serialization.load_ssh_private_key(key["privateKeyOpenssh"].encode(), None))
    public = serialization.load_pem_public_key(key["publicKeyPem"].encode())
    assert [one.public_key() for one in loaded] == [public] * 3
    assert serialization.load_ssh_public_key(key["publicKeyOpenssh"].encode()) == public
    assert key["publicKeyFingerprintSha256"].startswith("SHA256:")
    assert len(key["publicKeyFingerprintMd5"].split(":")) == 16


def test_keys_differ() -> None:
    """No two keys are alike, and neither are their ids."""
    made = [make(KEY, algorithm="ECDSA", ecdsaCurve="P256") for _ in range(3)]
    assert len({rid for rid, _ in made}) == len({key["privateKeyPem"] for _, key in made}) == 3


def test_a_curve_that_openssh_does_not_know_has_no_such_form() -> None:
    """P224, the provider's default curve, has empty OpenSSH forms."""
    assert make(KEY, algorithm="ECDSA")[1]["publicKeyOpenssh"] == ""


def test_openssl_accepts_a_client_certificate(tmp_path: Path) -> None:
    """Authority and client certificate form a chain that another implementation verifies for clients."""
    ca = authority()
    _, made = client(ca)
    (tmp_path / "ca.crt").write_text(ca["certPem"])
    (tmp_path / "admin.crt").write_text(made["certPem"])
    command = ["openssl", "verify", "-purpose", "sslclient", "-CAfile", "ca.crt", "admin.crt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "admin.crt: OK", done.stderr
    subject = x509.load_pem_x509_certificate(made["certPem"].encode()).subject.rfc4514_string()
    assert subject == "CN=platform-admin,O=kubeadm:cluster-admins"


def test_a_certificate_says_what_was_asked() -> None:
    """Uses, basic constraints, key ids, names of the request and validity are those of the inputs."""
    ca = authority()
    certificate = x509.load_pem_x509_certificate(client(ca)[1]["certPem"].encode())
    root = x509.load_pem_x509_certificate(ca["certPem"].encode())
    constraints = [
        one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca for one in (root, certificate)
    ]
    assert constraints == [True, False]
    assert root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.com"]
    own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    theirs = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert own == theirs
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lasts == timedelta(hours=8760)


def test_a_key_of_another_authority_does_not_sign() -> None:
    """Certificate and key of the authority have to belong together."""
    one, other = authority(), authority()
    with pytest.raises(HostError, match="doesn't match parent's PublicKey"):
        client({**one, "privateKeyPem": other["privateKeyPem"]})


def test_every_change_but_the_early_renewal_makes_a_new_one() -> None:
    """Inputs replace; the hours of early renewal alone change in place."""
    ca = authority()
    inputs = {"privateKeyPem": ca["privateKeyPem"], "allowedUses": ["cert_signing"], "validityPeriodHours": 10}
    olds = HOST.check(SELF_SIGNED, URN, {}, inputs, b"")
    _, state = HOST.create(SELF_SIGNED, URN, olds, False)
    assert not HOST.diff(SELF_SIGNED, URN, state, olds, olds).changed
    longer = HOST.diff(SELF_SIGNED, URN, state, olds, {**olds, "validityPeriodHours": 11})
    assert longer.replace == ("validityPeriodHours",)
    earlier = HOST.diff(SELF_SIGNED, URN, state, olds, {**olds, "earlyRenewalHours": 5})
    assert (earlier.changed, earlier.replace) == (("earlyRenewalHours",), ())
    at_once = HOST.diff(SELF_SIGNED, URN, state, olds, {**olds, "earlyRenewalHours": 10})
    assert "readyForRenewal" in at_once.replace


def test_a_certificate_near_its_end_is_made_anew() -> None:
    """Within the early renewal a plan replaces it although no input changed, and a refresh says so; before, neither."""
    ca = authority()
    rid, state = client(ca)
    inputs = {name: value for name, value in state.items() if name not in ("certPem", "readyForRenewal")}
    assert not state["readyForRenewal"]
    assert not HOST.diff(SIGNED, URN, state, inputs, inputs).changed
    soon = (datetime.now(UTC) + timedelta(hours=700)).strftime("%Y-%m-%dT%H:%M:%SZ")
    late = {**state, "validityEndTime": soon}
    assert HOST.diff(SIGNED, URN, late, inputs, inputs).replace == ("readyForRenewal",)
    assert HOST.read(SIGNED, URN, rid, inputs, late)[2]["readyForRenewal"]


def test_a_preview_knows_the_inputs_alone() -> None:
    """An unknown key passes, and what comes of it stays unknown."""
    inputs = {"privateKeyPem": UNKNOWN, "allowedUses": ["cert_signing"], "validityPeriodHours": 10}
    checked = HOST.check(SELF_SIGNED, URN, {}, inputs, b"")
    rid, outputs = HOST.create(SELF_SIGNED, URN, checked, True)
    assert (rid, outputs["privateKeyPem"]) == ("", UNKNOWN)
    assert "certPem" not in outputs


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
    [
        (KEY, {"algorithm": "DSA"}, "algorithm must be one of"),
        (KEY, {"algorithm": "ECDSA", "ecdsaCurve": "P192"}, "ecdsa_curve must be one of"),
        (KEY, {}, "missing required input algorithm"),
        (KEY, {"algorithm": "RSA", "bits": 1}, "input bits is not served"),
        (SELF_SIGNED, {"privateKeyPem": "x", "allowedUses": ["fly"], "validityPeriodHours": 1}, "allowed_uses has no"),
        ("tls:index/other:Other", {}, r"add an entry to `kinds` in sandbox/tls_host\.py"),
    ],
)
def test_what_the_provider_refuses_or_the_sandbox_lacks_is_said(token: str, inputs: Properties, said: str) -> None:
    """Bad values and what nobody plays are errors that say so."""
    with pytest.raises(HostError, match=said):
        HOST.check(token, URN, {}, inputs, b"")


@pytest.mark.parametrize("token", sorted(TlsHost.kinds))
def test_the_inputs_are_the_package_s(token: str) -> None:
    """Every input here is one of pulumi_tls; write-only ones are not played."""
    name = token.rpartition(":")[2]
    cls = getattr(importlib.import_module("pulumi_tls"), f"{name}Args")
    theirs = {
        part[0] + "".join(word.title() for word in part[1:])
        for part in (
            parameter.split("_") for parameter in inspect.signature(cls.__init__).parameters if "__" not in parameter
        )
    }
    kind = TlsHost.kinds[token]
    ours = {*kind.required, *kind.optional, *kind.defaults}
    assert ours <= theirs
    assert {one for one in theirs - ours if "Wo" not in one} == set()

"""Keys and certificates in the shapes in which the `tls` provider makes them: SEC 1, PKCS #1, PEM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.self_managed.kubeconfig import ADMIN_GROUP, ADMIN_USER

_NOW: Final = datetime.now(UTC).replace(microsecond=0)
_AUTHORITIES: Final = {"ca": "kubernetes", "front-proxy-ca": "front-proxy-ca", "etcd-ca": "etcd-ca"}


@dataclass(frozen=True, kw_only=True)
class Material:
    """One cluster's.

    Attributes:
        values: By the last word of their parameters' names.
        admin_certificate: PEM.
        admin_key: PEM.
    """

    values: dict[str, str]
    admin_certificate: str
    admin_key: str


def material() -> Material:
    """Make what `Pki` asks its providers for, with authorities of ten years."""
    values: dict[str, str] = {}
    keys = {key: ec.generate_private_key(ec.SECP256R1()) for key in _AUTHORITIES}
    for key, common_name in _AUTHORITIES.items():
        values[f"{key}-crt"] = _pem(_authority(common_name, keys[key]))
        values[f"{key}-key"] = _private(keys[key])
    accounts = rsa.generate_private_key(65537, 2048)
    values["sa-key"] = _private(accounts)
    values["sa-pub"] = accounts.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    admin = ec.generate_private_key(ec.SECP256R1())
    return Material(values=values, admin_certificate=_pem(_administrator(admin, keys["ca"])), admin_key=_private(admin))


def _name(common_name: str, organization: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=signs,
        key_cert_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW)
        .not_valid_after(_NOW + timedelta(days=days))
    )


def _authority(common_name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name(common_name, "demo")
    return (
        _builder(name, name, key, 3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _administrator(key: ec.EllipticCurvePrivateKey, ca: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return (
        _builder(_name(ADMIN_USER, ADMIN_GROUP), _name("kubernetes", "demo"), key, 365)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(client, critical=False)
        .sign(ca, hashes.SHA256())
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

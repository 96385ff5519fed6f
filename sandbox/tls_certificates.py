"""Certificate requests and certificates of the provider `tls`."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.protocol import HostError, Properties
from sandbox.tls_keys import PrivateKey, algorithm_of, load_key

__all__ = ["USES", "make_request", "self_signed", "signed_by"]

_KEY_USES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
_EXTENDED_USES = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
}
USES = {*_KEY_USES, *_EXTENDED_USES}
# In the order in which Go writes a name.
_SUBJECT = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
_Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512


def make_request(inputs: Properties) -> tuple[str, Properties]:
    """Make a request and return its id and outputs."""
    key = load_key(inputs["privateKeyPem"], "private_key_pem")
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(inputs.get("subject")))
    if names := _alternative_names(inputs):
        builder = builder.add_extension(names, critical=False)
    request = builder.sign(key, _hash(key))
    der = request.public_bytes(serialization.Encoding.DER)
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    unique = hashlib.sha1(der, usedforsecurity=False).hexdigest()
    return unique, {"certRequestPem": pem, "keyAlgorithm": algorithm_of(key)}


def self_signed(inputs: Properties) -> tuple[str, Properties]:
    """Make a certificate that signs itself and return its id and outputs."""
    key = load_key(inputs["privateKeyPem"], "private_key_pem")
    subject = _subject(inputs.get("subject"))
    builder = _builder(inputs, subject, subject, key.public_key())
    if names := _alternative_names(inputs):
        builder = builder.add_extension(names, critical=False)
    if inputs["setAuthorityKeyId"]:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    return _outputs(inputs, builder.sign(key, _hash(key)), {"keyAlgorithm": algorithm_of(key)})


def signed_by(inputs: Properties) -> tuple[str, Properties]:
    """Sign a request and return the certificate's id and outputs."""
    key = load_key(inputs["caPrivateKeyPem"], "ca_private_key_pem")
    authority = _load(x509.load_pem_x509_certificate, inputs["caCertPem"], "ca_cert_pem")
    request = _load(x509.load_pem_x509_csr, inputs["certRequestPem"], "cert_request_pem")
    if authority.public_key() != key.public_key():
        raise HostError("failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey")
    builder = _builder(inputs, request.subject, authority.subject, request.public_key())
    for extension in request.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    for one in authority.extensions:
        if isinstance(one.value, x509.SubjectKeyIdentifier):
            identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(one.value)
            builder = builder.add_extension(identifier, critical=False)
    return _outputs(inputs, builder.sign(key, _hash(key)), {"caKeyAlgorithm": algorithm_of(key)})


def _builder(inputs: Properties, subject: x509.Name, issuer: x509.Name, public: Any) -> x509.CertificateBuilder:
    start = datetime.now(UTC).replace(microsecond=0)
    authority = bool(inputs["isCaCertificate"])
    length = inputs.get("maxPathLength") if authority and inputs.get("maxPathLength", -1) >= 0 else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(hours=inputs["validityPeriodHours"]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=length), critical=True)
    )
    uses = inputs["allowedUses"]
    if wanted := {_KEY_USES[use] for use in uses if use in _KEY_USES}:
        flags = {name: name in wanted for name in _KEY_USES.values()}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    if extended := [_EXTENDED_USES[use] for use in uses if use in _EXTENDED_USES]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if authority or inputs["setSubjectKeyId"]:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    return builder


def _outputs(inputs: Properties, certificate: x509.Certificate, more: Properties) -> tuple[str, Properties]:
    end = certificate.not_valid_after_utc
    early = timedelta(hours=inputs["earlyRenewalHours"])
    return str(certificate.serial_number), {
        "certPem": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "readyForRenewal": datetime.now(UTC) >= end - early,
        "validityStartTime": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "validityEndTime": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **more,
    }


def _subject(given: Properties | None) -> x509.Name:
    parts = []
    for name, oid in _SUBJECT.items():
        value = (given or {}).get(name)
        values = value if isinstance(value, list) else [value] if value else []
        parts += [x509.NameAttribute(oid, one) for one in values]
    return x509.Name(parts)


def _alternative_names(inputs: Properties) -> x509.SubjectAlternativeName | None:
    names: list[x509.GeneralName] = [x509.DNSName(one) for one in inputs.get("dnsNames") or ()]
    names += [x509.IPAddress(ipaddress.ip_address(one)) for one in inputs.get("ipAddresses") or ()]
    names += [x509.UniformResourceIdentifier(one) for one in inputs.get("uris") or ()]
    return x509.SubjectAlternativeName(names) if names else None


def _hash(key: PrivateKey) -> _Hash | None:
    """Return the hash that Go signs with by default."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        by_size: dict[int, _Hash] = {384: hashes.SHA384(), 521: hashes.SHA512()}
        return by_size.get(key.curve.key_size, hashes.SHA256())
    return hashes.SHA256()


def _load(read: Any, pem: str, name: str) -> Any:
    try:
        return read(pem.encode())
    except ValueError as error:
        raise HostError(f"failed to parse {name}: {error}") from None

"""Private keys of the provider `tls`."""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sandbox.protocol import HostError, Properties

__all__ = ["CURVES", "PrivateKey", "algorithm_of", "load_key", "make_key"]

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

CURVES: dict[str, ec.EllipticCurve] = {
    "P224": ec.SECP224R1(),
    "P256": ec.SECP256R1(),
    "P384": ec.SECP384R1(),
    "P521": ec.SECP521R1(),
}
_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER
_OPENSSH = serialization.Encoding.OpenSSH
_CLEAR = serialization.NoEncryption()
_PUBLIC = serialization.PublicFormat
_PRIVATE = serialization.PrivateFormat


def make_key(inputs: Properties) -> tuple[str, Properties]:
    """Make a key and return its id and all its forms."""
    key = _generate(inputs)
    public = key.public_key()
    spki = public.public_bytes(_DER, _PUBLIC.SubjectPublicKeyInfo)
    outputs = {
        # PKCS#1 for RSA, SEC 1 for elliptic curves, PKCS#8 for Ed25519, which has nothing older.
        "privateKeyPem": key.private_bytes(_PEM, _traditional(key), _CLEAR).decode(),
        "privateKeyPemPkcs8": key.private_bytes(_PEM, _PRIVATE.PKCS8, _CLEAR).decode(),
        "publicKeyPem": public.public_bytes(_PEM, _PUBLIC.SubjectPublicKeyInfo).decode(),
        **_openssh(key),
    }
    return hashlib.sha1(spki, usedforsecurity=False).hexdigest(), outputs


def load_key(pem: str, name: str) -> PrivateKey:
    """Read a private key in any of the forms that the provider takes.

    Raises:
        HostError: It is none.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise HostError(f"failed to parse {name}: {error}") from None
    if not isinstance(key, PrivateKey):
        raise HostError(f"{name} is a key of a kind that the provider does not take")
    return key


def algorithm_of(key: PrivateKey) -> str:
    """Return the provider's name of a key's algorithm."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def _generate(inputs: Properties) -> PrivateKey:
    if inputs["algorithm"] == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=inputs["rsaBits"])
    if inputs["algorithm"] == "ECDSA":
        return ec.generate_private_key(CURVES[inputs["ecdsaCurve"]])
    return ed25519.Ed25519PrivateKey.generate()


def _traditional(key: PrivateKey) -> serialization.PrivateFormat:
    return _PRIVATE.PKCS8 if isinstance(key, ed25519.Ed25519PrivateKey) else _PRIVATE.TraditionalOpenSSL


def _openssh(key: PrivateKey) -> Properties:
    """Return the forms of OpenSSH; all empty for P224, which OpenSSH does not know."""
    names = ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1):
        return dict.fromkeys(names, "")
    line = key.public_key().public_bytes(_OPENSSH, _PUBLIC.OpenSSH)
    blob = base64.b64decode(line.split()[1])
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    values = (
        key.private_bytes(_PEM, _PRIVATE.OpenSSH, _CLEAR).decode(),
        f"{line.decode()}\n",
        ":".join(md5[at : at + 2] for at in range(0, len(md5), 2)),
        f"SHA256:{sha256}",
    )
    return dict(zip(names, values, strict=True))

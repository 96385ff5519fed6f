"""What follows from public keys and certificates: the pin that machines join by, and what token verifiers read."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

# Where verifiers of service accounts' tokens look, below the issuer: the first path is OpenID's, the second ours.
CONFIGURATION_PATH: Final = ".well-known/openid-configuration"
KEYS_PATH: Final = "keys.json"
# https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
ENCRYPTION_KEY_BYTES: Final = 32


def ca_pin(certificate_pem: str) -> str:
    """Return the pin by which `kubeadm join` knows the authority, such as `sha256:8f…`.

    It is the digest of the certificate's public key, so that a certificate renewed for the same key keeps it
    (https://github.com/kubernetes/kubernetes/blob/v1.36.4/cmd/kubeadm/app/util/pubkeypin/pubkeypin.go).

    Raises:
        ValueError: The text is no certificate.
    """
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    return f"sha256:{hashlib.sha256(_public_der(certificate.public_key())).hexdigest()}"


def jwks(public_key_pem: str) -> str:
    """Return the key set by which service accounts' tokens are verified, as the API server serves it.

    A token names its key by the digest of the public key
    (https://github.com/kubernetes/kubernetes/blob/v1.36.4/pkg/serviceaccount/jwt.go).

    Raises:
        ValueError: The text is no public key, or none of RSA.
    """
    key = load_pem_public_key(public_key_pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the key of service accounts is not RSA; STS takes RS256 from every cluster's issuer")
    numbers = key.public_numbers()
    entry = {
        "use": "sig",
        "kty": "RSA",
        "kid": _base64url(hashlib.sha256(_public_der(key)).digest()),
        "alg": "RS256",
        "n": _base64url(_big_endian(numbers.n)),
        "e": _base64url(_big_endian(numbers.e)),
    }
    return json.dumps({"keys": [entry]}, separators=(",", ":"))


def encryption_key(password: str) -> str:
    """Return a password of 32 ASCII characters as the key that Kubernetes' secretbox takes.

    Raises:
        ValueError: It has another length.
    """
    key = password.encode()
    if len(key) != ENCRYPTION_KEY_BYTES:
        raise ValueError(f"a key of secretbox has {ENCRYPTION_KEY_BYTES} bytes, not {len(key)}")
    return base64.b64encode(key).decode()


def openid_configuration(issuer: str) -> str:
    """Return the document that leads verifiers of tokens from the issuer to its keys."""
    document = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/{KEYS_PATH}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    return json.dumps(document, separators=(",", ":"))


def _public_der(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

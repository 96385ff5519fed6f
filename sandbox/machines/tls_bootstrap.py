"""How a machine becomes a member of a cluster: kubeadm's discovery by token and the kubelet's TLS bootstrap.

https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/ and
https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.certificates import private_key_pem, write_private
from sandbox.kubernetes.api import Api, Manifest

_SECONDS: Final = 10.0
_CSRS: Final = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_CLUSTER_INFO: Final = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
CLIENT_SIGNER: Final = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER: Final = "kubernetes.io/kubelet-serving"


class JoinError(Exception):
    """The machine cannot join (yet); the message says why."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where the API server answers on loopback, and under which name."""

    port: int
    name: str

    @property
    def url(self) -> str:
        """URL on loopback."""
        return f"https://127.0.0.1:{self.port}"

    def client(self, authority: Path, *, token: str = "", certificate: tuple[Path, Path] | None = None) -> Api:
        """Return a client that trusts one authority and asks for the server's name."""
        return Api(self.url, authority, token, server_name=self.name, certificate=certificate)


def discover(server: Server, token: str, pins: Sequence[str], target: Path) -> None:
    """Fetch the cluster's authority as `kubeadm join` does and write it to `target`.

    Args:
        server: Where the API server is.
        token: The bootstrap token.
        pins: Hashes of public keys, one of which the authority must have; none asks for nothing.
        target: File for the authority's certificate.
    """
    identity, _, secret = token.partition(".")
    data = _cluster_info(server)
    text, signature = str(data.get("kubeconfig", "")), data.get(f"jws-kubeconfig-{identity}")
    if signature is None:
        raise JoinError(f"cluster-info has no signature for token {identity!r}: no such token, or it has expired")
    if not _signed(text, str(signature), secret):
        raise JoinError("cluster-info is not signed by this token's secret")
    clusters = (yaml.safe_load(text) or {}).get("clusters") or [{}]
    pem = base64.b64decode(clusters[0].get("cluster", {}).get("certificate-authority-data", ""))
    found = [_pin(certificate) for certificate in x509.load_pem_x509_certificates(pem)]
    if pins and not set(pins) & set(found):
        raise JoinError(f"the cluster's authority has the public key {', '.join(found)}, not one of {', '.join(pins)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(pem)


def _cluster_info(server: Server) -> Mapping[str, Any]:
    """Read it without knowing whom to trust; the signature tells."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=_SECONDS, context=context)
    try:
        connection.request("GET", _CLUSTER_INFO)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise JoinError(f"the API server does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise JoinError(f"cluster-info without credentials: HTTP {answer.status} {_message(body)}")
    return dict(json.loads(body).get("data") or {})


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body).get("message", ""))
    except ValueError:
        return body[:200].decode(errors="replace")


def _signed(content: str, signature: str, secret: str) -> bool:
    """Check a detached JWS, HS256 with the token's secret."""
    header, _, rest = signature.partition(".")
    payload = _base64url(content.encode())
    wanted = _base64url(hmac.new(secret.encode(), f"{header}.{payload}".encode(), hashlib.sha256).digest())
    return hmac.compare_digest(wanted, rest.rpartition(".")[2])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _pin(certificate: x509.Certificate) -> str:
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"sha256:{hashlib.sha256(spki).hexdigest()}"


def client_certificate(
    api: Api, node: str, folder: Path, active: Callable[[], bool], timeout: float
) -> tuple[Path, Path]:
    """Have the cluster sign the kubelet's identity, with the rights that `api` has. Return certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = _request(api, node, key, CLIENT_SIGNER, "client auth", ())
    deadline = time.monotonic() + timeout
    while (certificate := _issued(api, request)) is None:
        if time.monotonic() > deadline or not active():
            raise JoinError(f"nobody signed {request}, the certificate request of system:node:{node}")
        time.sleep(0.2)
    folder.mkdir(parents=True, exist_ok=True)
    files = (folder / "kubelet-client.crt", folder / "kubelet-client.key")
    files[0].write_bytes(certificate)
    write_private(files[1], private_key_pem(key))
    return files


def request_serving_certificate(api: Api, node: str, names: Sequence[str]) -> str:
    """File the kubelet's request for a serving certificate and return its name. Nobody approves it by himself."""
    return _request(api, node, ec.generate_private_key(ec.SECP256R1()), SERVING_SIGNER, "server auth", names)


def _issued(api: Api, request: str) -> bytes | None:
    """Return the certificate of a request, or None when it is not signed. Raise `JoinError` when it was denied."""
    status: Manifest = api.request("GET", f"{_CSRS}/{request}").get("status") or {}
    if denied := [one for one in status.get("conditions") or [] if one["type"] in ("Denied", "Failed")]:
        raise JoinError(f"{request}: {denied[0]['type']}: {denied[0].get('message', '')}")
    return base64.b64decode(status["certificate"]) if status.get("certificate") else None


def _request(
    api: Api, node: str, key: ec.EllipticCurvePrivateKey, signer: str, usage: str, names: Sequence[str]
) -> str:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    made = api.request(
        "POST",
        _CSRS,
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": "csr-"},
            "spec": {
                "request": base64.b64encode(pem).decode(),
                "signerName": signer,
                "usages": ["digital signature", usage],
            },
        },
    )
    return str(made["metadata"]["name"])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)

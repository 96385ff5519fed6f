"""The sandbox's authority and its server certificates."""

from __future__ import annotations

import base64
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from sandbox.certificates import Authority, ServerCertificate


def _handshake(server: ServerCertificate, trusted: Path, host: str) -> str:
    client = ssl.create_default_context(cafile=str(trusted))
    # What strict clients of today ask for beyond the defaults.
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(5)
        far.settimeout(5)
        thread = threading.Thread(target=_serve, args=(server.context(), far))
        thread.start()
        try:
            with client.wrap_socket(near, server_hostname=host) as wrapped:
                return str(wrapped.version())
        finally:
            near.close()
            thread.join()


def _serve(context: ssl.SSLContext, end: socket.socket) -> None:
    try:
        context.wrap_socket(end, server_side=True).close()
    except (ssl.SSLError, OSError):
        return


def test_a_client_that_trusts_the_authority_connects(tmp_path: Path) -> None:
    """A strict client accepts the certificate for each host it was issued for."""
    authority = Authority(tmp_path)
    certificate = authority.issue("server")
    assert _handshake(certificate, authority.file, "127.0.0.1") == "TLSv1.3"
    assert _handshake(certificate, authority.file, "localhost") == "TLSv1.3"


def test_other_hosts_and_other_authorities_are_refused(tmp_path: Path) -> None:
    """A client refuses the certificate under another name or from another authority."""
    authority, other = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    certificate = authority.issue("server")
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        _handshake(certificate, authority.file, "example.com")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(certificate, other.file, "localhost")


def test_keys_are_private(tmp_path: Path) -> None:
    """A key can be read by its owner only, also when it replaces one that could."""
    (tmp_path / "server.key").write_text("old")
    (tmp_path / "server.key").chmod(0o644)
    certificate = Authority(tmp_path).issue("server")
    assert stat.S_IMODE(certificate.key.stat().st_mode) == 0o600
    assert b"PRIVATE KEY" in certificate.key.read_bytes()


def test_the_authority_fits_into_a_kubeconfig(tmp_path: Path) -> None:
    """The authority's text form is the base64 of its file."""
    authority = Authority(tmp_path)
    assert base64.b64decode(authority.base64) == authority.file.read_bytes()

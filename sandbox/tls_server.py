"""An HTTPS server on a free loopback port, one thread per connection."""

from __future__ import annotations

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.certificates import ServerCertificate


class TlsServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1 from `start` until `stop`.

    Args:
        handler: Class that answers a request.
        certificate: The server's certificate.
    """

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], certificate: ServerCertificate) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        # The handshake waits for the connection's own thread: one slow client must not stop the others.
        self.socket = certificate.context().wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="https", daemon=True
        )

    @property
    def url(self) -> str:
        """Address of the server, without a slash at the end."""
        return f"https://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to answer and free the port. Idempotent."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:
        # A client that hangs up in mid-handshake or mid-answer is its own business.
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with contextlib.suppress(OSError):
            super().shutdown_request(request)

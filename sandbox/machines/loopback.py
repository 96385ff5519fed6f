"""Addresses on this computer that stand for load balancers which face the internet."""

from __future__ import annotations

import hashlib
import secrets
import socket

from sandbox.protocol import HostError

# Two sandboxes give the same load balancer two addresses: like moto's state, this is the process's own.
_SALT = secrets.token_bytes(16)


def balancer_address(name: str) -> str:
    """Return the loopback address of a load balancer, the same for as long as this process runs.

    Raise `HostError` where this computer does not answer under it: Linux does under all of 127.0.0.0/8, macOS only
    under 127.0.0.1 until it is told otherwise.
    """
    digest = hashlib.sha256(_SALT + name.encode()).digest()
    # Not 127.0.x.y, where other servers listen, and no address that ends in 0 or 255.
    address = f"127.{digest[0] % 253 + 1}.{digest[1]}.{digest[2] % 253 + 1}"
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise HostError(
                f"load balancer {name} cannot have the address {address} here: {error}; "
                f"on macOS run `sudo ifconfig lo0 alias {address}`"
            ) from error
    return address


def internal_name(name: str) -> str:
    """Return the DNS name of a load balancer that only its VPC reaches."""
    digest = hashlib.sha256(_SALT + name.encode()).hexdigest()[:16]
    return f"internal-{name}-{digest}.elb.amazonaws.com".lower()

"""What an address range may be. Every refusal says the rule and, after a semicolon, the fix."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Network, IPv6Network
from typing import Final

_CIDR: Final = re.compile(r"[0-9.]+/(\d|[12]\d|3[0-2])", re.ASCII)
_PRIVATE: Final = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
SHARED: Final = IPv4Network("100.64.0.0/10")
# Suggestions: no VPC overlaps all of them.
SERVICES: Final = (IPv4Network("172.20.0.0/16"), IPv4Network("10.200.0.0/16"))
_ADDRESS: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)
# A wider range is a good part of the internet, whatever it is meant for.
_WIDEST_PUBLIC: Final = 8


def parse(value: object) -> IPv4Network:
    """Read an IPv4 range that has no host bits."""
    if not isinstance(value, str):
        raise ValueError("must be text; write a range such as 10.0.0.0/16")
    if _is_ipv6(value):
        raise ValueError("an IPv6 range where an IPv4 one is due; write one such as 10.0.0.0/16")
    try:
        network = IPv4Network(value, strict=False) if _CIDR.fullmatch(value) else None
    except AddressValueError:
        network = None
    if network is None:
        raise ValueError("not a CIDR range; write an address and a length such as 10.0.0.0/16")
    if str(network) != value:
        raise ValueError(f"has host bits set; write {network}")
    return network


def _is_ipv6(value: str) -> bool:
    try:
        IPv6Network(value, strict=False)
    except ValueError:
        return False
    return True


def vpc(network: IPv4Network) -> IPv4Network:
    """Check that a VPC may have the range and that it holds the subnets of six zones."""
    if not _is_inside(network, *_PRIVATE, SHARED):
        blocks = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
        raise ValueError(f"not a private range; take one inside {blocks}")
    if network.prefixlen < 16:
        raise ValueError(f"larger than a VPC may be, which is /16; write {_resized(network, 16)}")
    if network.prefixlen > 20:
        raise ValueError(f"too small for the subnets of six zones, which take a /20; write {_resized(network, 20)}")
    return network


def services(network: IPv4Network) -> IPv4Network:
    """Check that EKS, and a cluster that runs itself, take the range for services."""
    if not _is_inside(network, *_PRIVATE):
        raise ValueError("not a private range; take one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    if not 12 <= network.prefixlen <= 24:
        raise ValueError(f"services take a range from /12 to /24; write {_resized(network, 16)}")
    return network


def pods(network: IPv4Network) -> IPv4Network:
    """Check that the range can be a VPC's second one, for pods: shared address space, which nobody routes."""
    if not network.subnet_of(SHARED):
        raise ValueError("not inside 100.64.0.0/10, which is there for such ranges; write one such as 100.64.0.0/16")
    if not 16 <= network.prefixlen <= 20:
        raise ValueError(f"a second range is /16 to /20 here; write {_resized(network, 16)}")
    return network


def overlay(network: IPv4Network) -> IPv4Network:
    """Check that the range can be an overlay's, of which nothing outside the cluster knows."""
    if not _is_inside(network, *_PRIVATE, SHARED):
        raise ValueError("not a private range; take one such as 192.168.0.0/16")
    if not 12 <= network.prefixlen <= 20:
        raise ValueError(f"each node takes blocks of 64 addresses out of a /12 to /20; write {_resized(network, 16)}")
    return network


def public(value: object) -> str:
    """Check who may reach the API from outside."""
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        raise ValueError(f"an address where a range is due; write {value}/32")
    if isinstance(value, str) and _is_ipv6(value):
        raise ValueError("an IPv6 range, and the endpoint is reached by IPv4; write your network's public IPv4 range")
    network = parse(value)
    if network.prefixlen < _WIDEST_PUBLIC:
        raise ValueError("opens the API to the internet; name the ranges of those who need it, or write [] for none")
    if any(network.overlaps(block) for block in (*_PRIVATE, SHARED)):
        raise ValueError("a private range, from which nobody reaches a public endpoint; write the public one behind it")
    return str(network)


def _is_inside(network: IPv4Network, *blocks: IPv4Network) -> bool:
    return any(network.subnet_of(block) for block in blocks)


def _resized(network: IPv4Network, prefix: int) -> IPv4Network:
    return IPv4Network((network.network_address, prefix), strict=False)

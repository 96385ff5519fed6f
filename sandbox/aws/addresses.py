"""Which private addresses of a subnet are free."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable

__all__ = ["first_free", "held_back"]

# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html: the first four addresses and the last one.
_FIRST, _LAST = 4, 1


def held_back(subnet: str) -> frozenset[str]:
    """Return the addresses of a subnet that AWS keeps to itself."""
    network = ipaddress.IPv4Network(subnet)
    kept = [*(network[at] for at in range(_FIRST)), network[-_LAST]]
    return frozenset(str(one) for one in kept)


def first_free(subnet: str, taken: Collection[str], reserved: Iterable[str]) -> str | None:
    """Return the lowest address for which nobody asked: outside of every reservation; None when there is none.

    Args:
        subnet: The subnet's range.
        taken: Addresses in use.
        reserved: Ranges of the subnet's reservations, explicit ones and those of prefixes: neither gives an
            automatic address (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-cidr-reservation.html).
    """
    network, kept = ipaddress.IPv4Network(subnet), held_back(subnet)
    ranges = [ipaddress.IPv4Network(one) for one in reserved]
    for address in network.hosts():
        text = str(address)
        if text not in kept and text not in taken and not any(address in one for one in ranges):
            return text
    return None

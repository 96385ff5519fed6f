"""The world's way through the account's zones."""

from __future__ import annotations

import re

import pytest

from sandbox.aws.dns import Record, Zone, look_up

SERVERS = ("ns-1.awsdns-01.com", "ns-2.awsdns-01.net")
RECORD = Record("x.dev.example.com", "CNAME", ("y.example.com",))


def zone(unique: str, name: str, *records: Record, servers: tuple[str, ...] = SERVERS) -> Zone:
    own = Record(name, "NS", servers)
    return Zone(unique, name, frozenset(servers), (own, *records))


DELEGATED = zone("Z2", "dev.example.com", RECORD)
PARENT = zone("Z1", "example.com", Record("dev.example.com", "NS", ("ns-1.awsdns-01.com.",)), servers=("ns-9.x.com",))
LONELY = zone("Z1", "example.com", servers=("ns-9.x.com",))


def test_a_record_in_the_registered_zone_is_found() -> None:
    """By any spelling of its name."""
    found = look_up("X.dev.example.com.", "CNAME", [zone("Z1", "example.com", RECORD)], {"Z1"})
    assert found.values == ("y.example.com",)


def test_a_delegated_zone_answers() -> None:
    """The parent's NS record names some of the child's own servers."""
    assert look_up("x.dev.example.com", "CNAME", [PARENT, DELEGATED], {"Z1"}).values == ("y.example.com",)


@pytest.mark.parametrize(
    ("zones", "missing"),
    [
        ([DELEGATED], r"no registered domain .* holds x\.dev\.example\.com; zone dev\.example\.com \(Z2\)"),
        ([LONELY, DELEGATED], r"example\.com \(Z1\) has no CNAME .*has to delegate dev\.example\.com to ns-1"),
        ([PARENT, zone("Z2", "dev.example.com", RECORD, servers=("ns-7.x.com",))], "do not serve it: ns-1"),
        ([PARENT, zone("Z2", "dev.example.com")], r"dev\.example\.com \(Z2\) has no CNAME x\.dev\.example\.com$"),
        # The parent's own record is shadowed by the delegation.
        ([zone("Z1", "example.com", RECORD, *PARENT.records), zone("Z2", "dev.example.com")], "has no CNAME"),
        ([zone("Z1", "ample.com", RECORD)], "no registered domain"),
    ],
)
def test_what_nobody_asks_does_not_answer(zones: list[Zone], missing: str) -> None:
    """The answer says what is missing, and where the record lies in vain."""
    found = look_up("x.dev.example.com", "CNAME", zones, {"Z1"})
    assert found.values == ()
    assert re.search(missing, found.missing), found.missing

"""The public DNS of the emulated account: which of its zones the world reaches, and what they answer.

A zone answers only when somebody leads there: it is of a registered domain (one that is there when the sandbox starts),
or a zone that answers delegates to it by an NS record with that zone's own name servers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from moto.route53.models import route53_backends

from sandbox.aws.session import ACCOUNT, PARTITION

__all__ = ["REGISTERED", "Answer", "Record", "Zone", "look_up", "plain", "public_zones"]

# Ids of the zones to which their domain's registrar points. One set per process, as moto's backends are.
REGISTERED: set[str] = set()


@dataclass(frozen=True)
class Record:
    """A record set: its name without the last dot, its type and its values."""

    name: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Zone:
    """A public zone; names are without the last dot."""

    id: str
    name: str
    name_servers: frozenset[str]
    records: tuple[Record, ...]

    def values(self, name: str, kind: str) -> tuple[str, ...]:
        """Return the values of a record; none when there is no such record."""
        return next((one.values for one in self.records if (one.name, one.type) == (name, kind)), ())


@dataclass(frozen=True)
class Answer:
    """What the world hears.

    Attributes:
        values: The record's values; none when there is no answer.
        missing: Why there is none.
    """

    values: tuple[str, ...] = ()
    missing: str = ""


def plain(name: str) -> str:
    """Return a domain name as this module compares it: lower case, without the last dot."""
    return name.lower().removesuffix(".")


def inside(name: str, domain: str) -> bool:
    """Say whether a name is the domain or lies below it."""
    return name == domain or name.endswith(f".{domain}")


def look_up(name: str, kind: str, zones: Iterable[Zone], registered: Collection[str]) -> Answer:
    """Resolve a name from the registered zones down, as a resolver of the world would."""
    found, name = list(zones), plain(name)
    roots = [zone for zone in found if zone.id in registered and inside(name, zone.name)]
    if not roots:
        return Answer(missing=f"no registered domain in this account holds {name}{_elsewhere(name, kind, found)}")
    zone = max(roots, key=lambda root: len(root.name))
    while (child := _delegation(zone, name)) is not None:
        servers = {plain(server) for server in child.values}
        below = next((one for one in found if one.name == child.name and servers <= one.name_servers), None)
        if below is None:
            return Answer(
                missing=f"{zone.name} ({zone.id}) delegates {child.name} to name servers that do not serve it: "
                f"{', '.join(sorted(servers))}"
            )
        zone = below
    values = zone.values(name, kind)
    if values:
        return Answer(values)
    return Answer(missing=f"{zone.name} ({zone.id}) has no {kind} {name}{_elsewhere(name, kind, found)}")


def _delegation(zone: Zone, name: str) -> Record | None:
    cuts = [one for one in zone.records if one.type == "NS" and one.name != zone.name and inside(name, one.name)]
    return max(cuts, key=lambda cut: len(cut.name)) if cuts else None


def _elsewhere(name: str, kind: str, zones: Iterable[Zone]) -> str:
    """Say where the record is, if it is where nobody asks."""
    for zone in zones:
        if zone.values(name, kind):
            return (
                f"; zone {zone.name} ({zone.id}) has it, but no NS record leads there: its parent has to delegate "
                f"{zone.name} to {', '.join(sorted(zone.name_servers))}"
            )
    return ""


def public_zones() -> list[Zone]:
    """Return the account's public zones as Route 53 has them."""
    backend = route53_backends[ACCOUNT][PARTITION]
    return [
        Zone(
            one.resource_id,
            plain(one.name),
            frozenset(plain(server) for server in one.delegation_set.name_servers)
            if one.delegation_set
            else frozenset(),
            tuple(
                Record(plain(r.name), str(r.type), tuple(plain(str(v)) for v in r.records or ())) for r in one.rrsets
            ),
        )
        for one in backend.zones.values()
        if not one.private_zone
    ]

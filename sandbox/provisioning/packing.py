"""Puts pods onto as few cheap machines as their needs allow, in the way of Karpenter's scheduler.

The largest pod first: onto a node that is there, else onto a machine that is already planned, as long as one of the
machine's offers still has room for all, else onto a new machine of the first NodePool that takes it. What a pod only
prefers counts as a need at first and is dropped if there is no place.
https://karpenter.sh/docs/concepts/scheduling/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.provisioning.amounts import Amount, most
from sandbox.provisioning.needs import Needs, Others, Term
from sandbox.provisioning.offers import HOSTNAME, Offer
from sandbox.provisioning.selection import Labels, all_match, tolerated


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """One form that a machine may take.

    Attributes:
        labels: Of the node.
        free: What pods can use, less what DaemonSets take.
        whole: What counts against a NodePool's limits.
        offer: What to buy; none for a node that is there.
    """

    labels: Labels
    free: Amount
    whole: Amount = field(default_factory=Amount)
    offer: Offer | None = None


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What a NodePool can make: its rooms, taints and how much more its limits allow.

    Attributes:
        left: Millicores, bytes and machines (as `pods`) until the limits; no limit is a very high one.
    """

    name: str
    rooms: tuple[Room, ...]
    taints: Sequence[Mapping[str, Any]]
    left: Amount


@dataclass(kw_only=True)
class Machine:
    """A node that is there, or one that is planned.

    Attributes:
        name: Stands for its host name.
        rooms: The forms that it may take still.
        pods: Those on it.
        taints: Of the node.
        pool: Who makes it; none when it is there.
        used: By those of its pods that the rooms' `free` does not account for.
    """

    name: str
    rooms: tuple[Room, ...]
    pods: list[Needs]
    taints: Sequence[Mapping[str, Any]]
    pool: str = ""
    used: Amount = field(default_factory=Amount)

    def domain(self, key: str) -> str | None:
        """Return its place by a topology key, if all its forms agree on it."""
        if key == HOSTNAME:
            return self.name
        found = {room.labels.get(key) for room in self.rooms}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What came of it.

    Attributes:
        machines: Those to make.
        homeless: Pods, by uid, for which there is no place, with the reason.
    """

    machines: list[Machine]
    homeless: dict[str, str]


class _Packing:
    def __init__(self, nodes: Sequence[Machine], pools: Sequence[Pool]) -> None:
        self._nodes = list(nodes)
        self._pools = pools
        self._left = {pool.name: pool.left for pool in pools}
        self.made: list[Machine] = []

    def place(self, pod: Needs) -> str:
        """Find a place; return why there is none, or nothing."""
        if pod.unknown:
            return f"the sandbox's Karpenter does not play {', '.join(pod.unknown)}; add it in sandbox/provisioning"
        # What is preferred counts as required until it is in the way.
        for soft in (True, False):
            for term in _terms(pod):
                rules = [rule for rule in pod.others if rule.hard or soft]
                if self._put(pod, term, rules):
                    return ""
        return "no node has room, and no Ready NodePool allows for one on which the pod could run"

    def _put(self, pod: Needs, term: Term, rules: Sequence[Others]) -> bool:
        planned = sorted(self.made, key=lambda machine: len(machine.pods))
        if any(self._add(machine, pod, term, rules) for machine in (*self._nodes, *planned)):
            return True
        for pool in self._pools:
            left = self._left[pool.name]
            rooms = tuple(room for room in pool.rooms if room.whole.within(left))
            new = Machine(name=f"new-{len(self.made)}", rooms=rooms, pods=[], taints=pool.taints, pool=pool.name)
            # Among the others while it is tried: it is a place where no pod is yet.
            self.made.append(new)
            if rooms and self._add(new, pod, term, rules):
                # Which form it takes is not settled: the limits have to bear the largest.
                self._left[pool.name] = left - most(room.whole for room in new.rooms)
                return True
            self.made.pop()
        return False

    def _add(self, machine: Machine, pod: Needs, term: Term, rules: Sequence[Others]) -> bool:
        if not tolerated(machine.taints, pod.tolerations):
            return False
        used = machine.used + pod.amount
        rooms = [room for room in machine.rooms if used.within(room.free) and all_match(room.labels, term)]
        for rule in rules:
            rooms = self._allowed(rule, machine, pod, rooms, term)
        rooms = [room for room in rooms if not self._refused(machine, pod, room)]
        if not rooms:
            return False
        machine.rooms, machine.used = tuple(rooms), used
        machine.pods.append(pod)
        return True

    def _allowed(self, rule: Others, machine: Machine, pod: Needs, rooms: Sequence[Room], term: Term) -> list[Room]:
        """Return the forms in which the machine is at a place where the rule lets the pod be."""
        counts = self._counts(rule)
        places = {room: _place(machine, room, rule.key) for room in rooms}
        if rule.skew:
            # Empty places count as well, where the pod could be; a host name is never the last that could be had.
            known = set() if rule.key == HOSTNAME else self._places(rule.key, term)
            least = min((counts[place] for place in known), default=0)
            more = 1 if rule.counts(pod) else 0
            good = [room for room, place in places.items() if place and counts[place] + more - least <= rule.skew]
            # Settled on the emptiest place: the next pod of the rule has to know where this one is.
            fewest = min((counts[str(places[room])] for room in good), default=0)
            chosen = min((str(places[room]) for room in good if counts[str(places[room])] == fewest), default="")
            return [room for room in good if places[room] == chosen]
        if not rule.together:
            return [room for room, place in places.items() if place is None or not counts[place]]
        if not +counts and rule.counts(pod):
            return [room for room, place in places.items() if place]
        return [room for room, place in places.items() if place and counts[place]]

    def _refused(self, machine: Machine, pod: Needs, room: Room) -> bool:
        """Say whether a pod that is at the room's place wants no such pod beside it."""
        for other in (*self._nodes, *self.made):
            for neighbour in other.pods:
                for rule in neighbour.others:
                    if rule.hard and not rule.together and not rule.skew and rule.counts(pod):
                        place = _place(machine, room, rule.key)
                        if place is not None and other.domain(rule.key) == place:
                            return True
        return False

    def _counts(self, rule: Others) -> Counter[str]:
        counts: Counter[str] = Counter()
        for machine in (*self._nodes, *self.made):
            if (place := machine.domain(rule.key)) is not None:
                counts[place] += sum(rule.counts(pod) for pod in machine.pods)
        return counts

    def _places(self, key: str, term: Term) -> set[str]:
        rooms: Iterable[Room] = (
            room
            for source in (*(node.rooms for node in self._nodes), *(pool.rooms for pool in self._pools))
            for room in source
        )
        return {room.labels[key] for room in rooms if key in room.labels and all_match(room.labels, term)}


def pack(pods: Iterable[Needs], nodes: Sequence[Machine], pools: Sequence[Pool]) -> Plan:
    """Plan the machines that pods need.

    Args:
        pods: Those that wait.
        nodes: What is there; planned pods are added to them.
        pools: The Ready NodePools, the first to be asked first.
    """
    packing, homeless = _Packing(nodes, pools), {}
    for pod in sorted(pods, key=lambda one: (-one.amount.cpu, -one.amount.memory, one.namespace, one.name)):
        if reason := packing.place(pod):
            homeless[pod.uid] = reason
    return Plan(machines=packing.made, homeless=homeless)


def cheapest(machine: Machine) -> Room:
    """Return the form to buy; spot is cheaper than anything on demand."""
    bought = [(room, room.offer) for room in machine.rooms if room.offer is not None]
    return min(bought, key=lambda one: (one[1].price, one[1].kind.name, one[1].zone))[0]


def _terms(pod: Needs) -> Iterator[Term]:
    for wish in (*pod.wishes, ()):
        for term in pod.node_terms:
            yield term + wish


def _place(machine: Machine, room: Room, key: str) -> str | None:
    return machine.name if key == HOSTNAME else room.labels.get(key)

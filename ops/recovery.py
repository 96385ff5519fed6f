"""Brings a stack whose `up` was killed into a state from which the next `up` ends like a clean one."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from ops import checkpoint
from ops.checkpoint import Adoption, AwsSettings, Deployment, Pending
from ops.engine import Pulumi
from ops.errors import OpsError
from ops.finders import Finder, Repeatable, row_of
from ops.search import Found, Wanted, find, wait

Say = Callable[[str], None]
# Service, region, profile → boto3's client, which has no types of its own.
Clients = Callable[[str, str, str | None], Any]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the operator decides.

    Attributes:
        force_unlock: Take locks off whoever holds them.
        settle: For how many seconds after the state was last written a create may still reach AWS or stay unseen.
        adopt: Id by URN.
        drop: URNs whose create is to be forgotten.
    """

    force_unlock: bool = False
    settle: float = 20
    adopt: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Report:
    """What a recovery did; empty when there was nothing to do."""

    unlocked: list[str] = field(default_factory=list)
    adopted: list[dict[str, str]] = field(default_factory=list)
    dropped: list[dict[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def recover(pulumi: Pulumi, choices: Choices, say: Say = print, clients: Clients | None = None) -> Report:
    """Unlock, adopt what exists, forget what does not. Writes no state when anything has to be decided first.

    Raises:
        OpsError: With one line for each thing to decide.
    """
    report = Report()
    unlock(pulumi, choices, report, say)
    state = pulumi.export()
    deployment: Deployment = state["deployment"]
    pending = checkpoint.pending_creates(deployment)
    if not pending:
        return report
    search = _Search(deployment, choices, clients)
    adoptions = search.settled(pending, say)
    for one in adoptions:
        search.wait(one.pending)

    pulumi.import_({**state, "deployment": checkpoint.settled(deployment, adoptions)})
    if adoptions:
        pulumi.refresh([one.pending.urn for one in adoptions])
    _tell(report, pending, adoptions, say)
    return report


def unlock(pulumi: Pulumi, choices: Choices, report: Report, say: Say) -> None:
    """Take off the locks of processes that are gone.

    Raises:
        OpsError: A holder lives, or may live on another host.
    """
    holders = pulumi.lock_holders()
    if alive := [str(holder) for holder in holders if not holder.dead and not choices.force_unlock]:
        raise OpsError(
            f"the stack is locked by {'; '.join(alive)}: wait for it; when you know that it is gone, add --force-unlock"
        )
    if holders:
        pulumi.cancel()
        report.unlocked = [str(holder) for holder in holders]
        say(f"unlocked  {'; '.join(report.unlocked)}")


class _Search:
    """Looks for everything that is pending in one deployment."""

    def __init__(self, deployment: Deployment, choices: Choices, clients: Clients | None) -> None:
        self._deployment = deployment
        self._choices = choices
        self._clients = functools.cache(clients or aws_client)
        self._found: dict[str, tuple[Finder, Found, Any]] = {}

    def settled(self, pending: list[Pending], say: Say) -> list[Adoption]:
        """Return what exists; what does not is looked for again until it could not have escaped notice."""
        adoptions = self._all(pending)
        age = datetime.now(UTC) - checkpoint.saved_at(self._deployment)
        left = (timedelta(seconds=self._choices.settle) - age).total_seconds()
        searched = [p for p in pending if isinstance(row_of(p.type), Finder) and p.urn not in self._choices.drop]
        if left > 0 and len(adoptions) < len(searched):
            say(f"waiting   {left:.0f} s: the engine ended only now, and AWS may not show everything yet")
            time.sleep(left)
            adoptions = self._all(pending)
        return adoptions

    def wait(self, pending: Pending) -> None:
        """Wait until what was found is complete."""
        if pending.urn in self._found:
            finder, found, client = self._found[pending.urn]
            try:
                wait(finder, found, client)
            except OpsError as error:
                raise OpsError(f"{pending.name}: {error}; repair or delete it, then run again") from error

    def _all(self, pending: list[Pending]) -> list[Adoption]:
        found: list[Adoption] = []
        problems = []
        for one in pending:
            try:
                adoption = self._one(one)
            except OpsError as error:
                problems.append(f"{one.name}: {error}\n  urn: {one.urn}")
                continue
            if adoption is None:
                continue
            if twins := [o for o in found if (o.pending.type, o.id) == (one.type, adoption.id)]:
                problems.append(f"{one.name}: {adoption.id} could be it, and {twins[0].pending.name} as well")
            found.append(adoption)
        if problems:
            raise OpsError(
                "\n".join([*problems, "decide with --adopt <urn>=<id> or --drop <urn>; nothing was changed"])
            )
        return found

    def _one(self, pending: Pending) -> Adoption | None:
        if pending.urn in self._choices.drop or not pending.resource.get("custom"):
            return None
        if pending.urn in self._choices.adopt:
            return Adoption(pending=pending, id=self._choices.adopt[pending.urn])
        row = row_of(pending.type)
        if row is None:
            raise OpsError(f"nobody knows how to find a {pending.type}: add a row for it in ops/finders")
        if isinstance(row, Repeatable):
            return None
        settings = checkpoint.aws_settings(self._deployment, pending)
        client = self._clients(row.service, settings.region, settings.profile)
        tags = checkpoint.expected_tags(pending, settings)
        wanted = Wanted(inputs=pending.inputs, tags=tags, place=place(settings, self._clients))
        found = find(row, wanted, client, checkpoint.ids_in_state(self._deployment, pending))
        if found is None:
            return None
        self._found[pending.urn] = (row, found, client)
        return Adoption(pending=pending, id=found.id, outputs=found.outputs)


def place(settings: AwsSettings, clients: Clients) -> Mapping[str, str]:
    """Return account, partition and region, for a row's expressions.

    Raises:
        OpsError: The credentials are another account's: looking there would find nothing, and double all.
    """
    caller = clients("sts", settings.region, settings.profile).get_caller_identity()
    account, partition = caller["Account"], caller["Arn"].split(":")[1]
    if settings.accounts and account not in settings.accounts:
        raise OpsError(f"these credentials are for account {account}, the stack is in {', '.join(settings.accounts)}")
    return {"account": account, "partition": partition, "region": settings.region}


def aws_client(service: str, region: str, profile: str | None) -> Any:
    """Return boto3's client."""
    return boto3.Session(profile_name=profile).client(service, region_name=region)


def _tell(report: Report, pending: list[Pending], adoptions: list[Adoption], say: Say) -> None:
    ids = {one.pending.urn: one.id for one in adoptions}
    for one in pending:
        if one.urn in ids:
            report.adopted.append({"urn": one.urn, "id": ids[one.urn]})
            say(f"adopted   {one.name}: {ids[one.urn]}")
            continue
        row = row_of(one.type)
        reason, hint = (row.why, row.hint) if isinstance(row, Repeatable) else ("not in AWS", "")
        report.dropped.append({"urn": one.urn, "reason": reason})
        say(f"dropped   {one.name}: {reason}{'; ' + hint.format(**one.inputs) if hint else ''}")

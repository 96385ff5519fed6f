"""Takes over what the next `up` would create and AWS has already: kept by a `destroy`, or made again by AWS itself.

What is looked for has a name of its own (`named_by` in `ops.finders`) and is ours when it carries the provider's
default tags, which are the stack's. A key has no name: it is known by its alias. A delegation has no tags: it is ours
when it leads to our zone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops import changes
from ops.checkpoint import AwsSettings, Pending
from ops.engine import Pulumi
from ops.errors import OpsError
from ops.finders import Finder, row_of
from ops.planned import Plan
from ops.recovery import Clients, Say, aws_client, place
from ops.search import Wanted, candidates, pick, tags_of
from ops.sharing import refuse_shared

_BUCKET: Final = "aws:s3/bucket:Bucket"
_KEY: Final = "aws:kms/key:Key"
_ALIAS: Final = "aws:kms/alias:Alias"
_RECORD: Final = "aws:route53/record:Record"
_LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
# Under it AWS's services make log groups themselves, without tags: EKS once more after the deletion of a cluster.
_OF_AWS: Final = "/aws/"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A planned create that exists already.

    Attributes:
        cure: Stops a deletion that waits; None when none does.
    """

    pending: Pending
    id: str
    cure: Callable[[], object] | None = None

    @property
    def told(self) -> str:
        """For people."""
        waited = "; its deletion was waiting, and is called off" if self.cure else ""
        return f"{self.pending.name}: {self.id}{waited}"


def adopt(
    pulumi: Pulumi,
    arguments: Sequence[str],
    preview: Mapping[str, Any] | None,
    say: Say,
    *,
    dry: bool = False,
    clients: Clients | None = None,
) -> list[Kept]:
    """Take over what exists; write nothing when anything stands in the way.

    Args:
        pulumi: The stack.
        arguments: What `pulumi up` or `pulumi preview` will be given.
        preview: What a preview with them said; None to make one.
        say: Takes a line for each.
        dry: Only say what would be taken over.
        clients: For tests.

    Raises:
        OpsError: With one line for each name that somebody else has, or what the program says against the preview.
            Also when AWS refuses a call, or the state changed meanwhile: then run again.
    """
    if preview is None:
        preview = pulumi.preview_steps(arguments)
        if said := changes.errors(preview):
            raise OpsError("\n".join(said))
    if not any(_is_named(step) for step in preview.get("steps") or []):
        return []
    state = pulumi.export()
    plan = Plan(state["deployment"] or {}, preview)
    cluster = changes.configuration(pulumi.config()).get("platform:cluster")
    name = cluster.get("name") if isinstance(cluster, Mapping) else None
    kept = _Search(plan, name, clients or aws_client).kept()
    refuse_shared(pulumi, [(one.pending, one.id, plan.settings(one.pending)) for one in kept])
    if not dry and kept:
        _take_over(pulumi, state, plan, kept)
    for one in kept:
        say(f"{'would adopt' if dry else 'adopted'}   {one.told}")
    return kept


def _is_named(step: Mapping[str, Any]) -> bool:
    """Return whether a step of the preview creates what could be there already."""
    new = step.get("newState") or {}
    row = row_of(new["type"]) if step["op"] == "create" else None
    return isinstance(row, Finder) and bool(row.named_by or new["type"] == _RECORD)


def _take_over(pulumi: Pulumi, state: dict[str, Any], plan: Plan, kept: Sequence[Kept]) -> None:
    """Call deletions off, then write the state at once, then read. Interrupted anywhere, the next run goes on."""
    taken = plan.with_taken_over({one.pending.urn: one.id for one in kept})
    for one in kept:
        if one.cure:
            try:
                one.cure()
            except (BotoCoreError, ClientError) as error:
                raise OpsError(
                    f"{one.pending.name}: its deletion cannot be called off: {error}; once it can be, run again"
                ) from error
    # Looking took a while, and nothing was locked.
    if pulumi.export() != state:
        raise OpsError("the state changed while AWS was asked what is there; run again")
    pulumi.import_({**state, "deployment": taken})
    pulumi.refresh([one.pending.urn for one in kept])


class _Search:
    def __init__(self, plan: Plan, cluster: str | None, clients: Clients) -> None:
        self._plan = plan
        self._cluster = cluster
        self._ids: dict[str, str] = {}
        self._clients = functools.cache(clients)
        self._place = functools.cache(
            lambda region, profile, accounts: place(
                AwsSettings(region=region, profile=profile, accounts=accounts), self._clients
            )
        )

    def kept(self) -> list[Kept]:
        """Return what exists and is ours.

        Raises:
            OpsError: With one line for each thing that exists and is not.
        """
        found: list[Kept] = []
        problems = []
        for pending in self._plan.creates():
            try:
                for one in self._of(pending):
                    self._ids[one.pending.urn] = one.id
                    found.append(one)
            except OpsError as error:
                problems.append(f"{pending.name}: {error}")
            except (BotoCoreError, ClientError) as error:
                problems.append(f"{pending.name}: AWS does not say whether it is there: {error}")
        if problems:
            raise OpsError("\n".join(problems))
        return found

    def _of(self, pending: Pending) -> Iterator[Kept]:
        row = row_of(pending.type)
        if not isinstance(row, Finder):
            return
        name = pending.inputs.get(row.named_by)
        if pending.type == _RECORD and pending.inputs.get("type") == "NS":
            yield from self._delegation(pending, row)
        elif pending.type == _ALIAS and isinstance(name, str):
            yield from self._key(pending, row, name)
        elif isinstance(name, str):
            yield from self._named(pending, row, name)

    def _named(self, pending: Pending, row: Finder, name: str) -> Iterator[Kept]:
        settings = self._plan.settings(pending)
        wanted = Wanted(inputs=pending.inputs, tags={}, place=self._here(settings))
        client = self._client(row, settings)
        ours: dict[str, dict[str, Any]] = {}
        for it in candidates(row, wanted, client):
            tags = tags_of(pick(row.tags, it))
            if self._is_ours(pending, name, tags, settings):
                ours[str(pick(row.id, {**wanted.values, "it": it}))] = it
            elif row.unique:
                raise _theirs(name, tags, settings)
        if len(ours) > 1:
            raise OpsError(f"{len(ours)} in AWS could be it: {', '.join(sorted(ours))}; delete all but one")
        if pending.type == _BUCKET:
            _check_bucket(client, name, settings.region, ours=bool(ours))
        for id_, found in ours.items():
            yield Kept(pending=pending, id=id_, cure=_restore(client, id_) if found.get("DeletedDate") else None)

    def _delegation(self, pending: Pending, row: Finder) -> Iterator[Kept]:
        if "zoneId" not in pending.inputs:
            return
        settings = self._plan.settings(pending)
        client = self._client(row, settings)
        wanted = Wanted(inputs=pending.inputs, tags={}, place=self._here(settings))
        for it in candidates(row, wanted, client):
            leads = {one["Value"].rstrip(".") for one in it.get("ResourceRecords", [])}
            zones = [self._ids.get(urn) or self._plan.id_of(urn) for urn in self._plan.targets(pending, "records")]
            servers = [client.get_hosted_zone(Id=zone)["DelegationSet"]["NameServers"] for zone in zones if zone]
            if leads not in [{one.rstrip(".") for one in names} for names in servers]:
                raise OpsError(
                    f"{pending.inputs['name']} is delegated already, to {', '.join(sorted(leads))}, which is no zone "
                    "of this stack; choose another domain, or delete that record when nobody needs it"
                )
            yield Kept(pending=pending, id=str(pick(row.id, {**wanted.values, "it": it})))

    def _client(self, row: Finder, settings: AwsSettings) -> Any:
        return self._clients(row.service, settings.region, settings.profile)

    def _here(self, settings: AwsSettings) -> Mapping[str, str]:
        return self._place(settings.region, settings.profile, settings.accounts)

    def _key(self, alias: Pending, row: Finder, name: str) -> Iterator[Kept]:
        """Find a key by its alias: both are taken over, or neither."""
        settings = self._plan.settings(alias)
        self._here(settings)
        client = self._client(row, settings)
        aliases = client.get_paginator("list_aliases").paginate().search(f"Aliases[?AliasName=='{name}']")
        found = next((one for one in aliases if one), None)
        if found is None or "TargetKeyId" not in found:
            return
        key = found["TargetKeyId"]
        planned = {one.urn: one for one in self._plan.creates() if one.type == _KEY}
        of_alias = self._plan.targets(alias, "targetKeyId")
        if key not in [self._plan.id_of(urn) for urn in of_alias]:
            tags = tags_of(client.list_resource_tags(KeyId=key)["Tags"])
            if not self._is_ours(alias, name, tags, settings):
                raise _theirs(f"{name} of key {key}", tags, settings)
        state = client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
        for urn in of_alias:
            if urn in planned:
                cure = functools.partial(_undelete, client, key) if state == "PendingDeletion" else None
                yield Kept(pending=planned[urn], id=key, cure=cure)
        yield Kept(pending=alias, id=name)

    def _is_ours(self, pending: Pending, name: str, tags: Mapping[str, str], settings: AwsSettings) -> bool:
        if pending.type == _LOG_GROUP and not tags:
            return bool(name.startswith(_OF_AWS) and self._cluster and self._cluster in name)
        return bool(settings.default_tags) and tags.items() >= settings.default_tags.items()


def _theirs(name: str, tags: Mapping[str, str], settings: AwsSettings) -> OpsError:
    theirs = ", ".join(f"{key}={value}" for key, value in sorted(tags.items())) or "none"
    ours = ", ".join(f"{key}={value}" for key, value in sorted(settings.default_tags.items())) or "the stack's tags"
    return OpsError(
        f"{name} exists already and is not this stack's (its tags: {theirs}); choose another name, or, when it is "
        f"this stack's, tag it {ours}"
    )


def _check_bucket(client: Any, name: str, region: str, *, ours: bool) -> None:
    """Refuse another account's, for names are one space for all, and our own of another region, where it stays."""
    try:
        found = client.head_bucket(Bucket=name).get("BucketRegion", region)
    except ClientError as error:
        if not ours and error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return
        # Another account's answers 403, and 301 from another region.
        if ours or error.response["ResponseMetadata"]["HTTPStatusCode"] not in (301, 400, 403):
            raise
    else:
        if ours and found == region:
            return
        if ours:
            raise OpsError(f"{name} is this stack's and lies in {found}, not in {region}; choose another name")
    raise OpsError(f"{name} exists already and is another account's; choose another name")


def _restore(client: Any, secret: str) -> Callable[[], object]:
    return functools.partial(client.restore_secret, SecretId=secret)


def _undelete(client: Any, key: str) -> None:
    client.cancel_key_deletion(KeyId=key)
    # A key whose deletion was called off is disabled.
    client.enable_key(KeyId=key)

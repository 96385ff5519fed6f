"""What storage, edge and secrets must agree upon, with each other and with where the stack lives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from components.edge.names import LOGIN_SECRET
from rules.faults import Fault
from rules.sections import Aws, Edge, Identity, Observability, Secrets, Storage


def _buckets(storage: Storage) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    buckets = storage.buckets
    named = {"logs": buckets.logs, "backups": buckets.backups, "images": buckets.images, "issuer": buckets.issuer}
    for key, name in named.items():
        if name is not None and owners.setdefault(name, key) != key:
            text = f"the bucket of {owners[name]} too, and each has rules of its own; respell one of them"
            yield Fault(("storage", "buckets", key), text, name)


def _repositories(storage: Storage) -> Iterator[Fault]:
    for index, name in enumerate(storage.repositories):
        if name in storage.repositories[:index]:
            yield Fault(("storage", "repositories", index), "stands there twice; remove one", name)
    if storage.pushers and not storage.repositories:
        text = "there is no repository to push to; add one at storage.repositories or remove them"
        yield Fault(("storage", "pushers"), text, dict(storage.pushers))


def _pushers(aws: Aws, storage: Storage) -> Iterator[Fault]:
    for name, arn in storage.pushers.items():
        partition = arn.split(":")[1]
        if partition != aws.partition:
            text = f"lies in partition {partition}, the region {aws.region} in {aws.partition}; write one of that"
            yield Fault(("storage", "pushers", name), text, arn)
        elif arn.split(":")[4] != aws.account_id:
            text = f"a role of another account; let it take one of {aws.account_id} that stands here"
            yield Fault(("storage", "pushers", name), text, arn)


def _zone(edge: Edge) -> Iterator[Fault]:
    if edge.domain is not None and edge.hosted_zone_id is None:
        text = "is missing, and certificates are proved by records; write the id of the zone that holds the domain"
        yield Fault(("edge", "hostedZoneId"), text)
    if edge.domain is None and edge.hosted_zone_id is not None:
        text = "is missing, and a zone alone is for nothing; write what the stack is to be named, or remove the zone"
        yield Fault(("edge", "domain"), text)
    for key, value in (("delegate", edge.delegate), ("login", edge.login), ("firewall", edge.firewall)):
        if value and edge.domain is None:
            yield Fault(("edge", key), "needs a domain; write one at edge.domain, or false", value)


def _images(aws: Aws, storage: Storage, edge: Edge) -> Iterator[Fault]:
    path, name = ("storage", "buckets", "images"), storage.buckets.images
    if name is not None and edge.domain is None:
        text = (
            "CloudFront speaks TLS 1.2 only under a name of one's own; write one at edge.domain, or remove the bucket"
        )
        yield Fault(path, text, name)
    if name is not None and aws.partition != "aws":
        yield Fault(path, f"there is no CloudFront in partition {aws.partition}; remove the bucket", name)


def _login(aws: Aws, edge: Edge) -> Iterator[Fault]:
    # https://docs.aws.amazon.com/general/latest/gr/cognito_identity.html
    if edge.login and aws.partition == "aws-cn":
        yield Fault(("edge", "login"), "Cognito has no user pools in China; write false", edge.login)


def _entries(identity: Identity, edge: Edge, secrets: Secrets) -> Iterator[Fault]:
    for name, holds in secrets.entries.items():
        bare = name.removeprefix(identity.secrets_prefix)
        if bare != name:
            text = f"begins with identity.secretsPrefix, which is put before it; write {bare}"
            yield Fault(("secrets", "entries", name), text, holds)
    if edge.login and LOGIN_SECRET in secrets.entries:
        text = "the login's own, which the platform fills itself; remove it or choose another name"
        yield Fault(("secrets", "entries", LOGIN_SECRET), text, secrets.entries[LOGIN_SECRET])


def _cost_tags(aws: Aws, observability: Observability, tags: Mapping[str, str]) -> Iterator[Fault]:
    for index, key in enumerate(observability.cost_allocation_tags):
        path = ("observability", "costAllocationTags", index)
        if aws.partition == "aws-us-gov":
            yield Fault(path, "GovCloud's bills are split in the account that pays for it; remove it", key)
        elif key not in tags:
            yield Fault(path, "not a tag of this stack; add it at tags, or remove it here", key)


RULES: Final = (_buckets, _repositories, _pushers, _zone, _images, _login, _entries, _cost_tags)

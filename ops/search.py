"""Looks in AWS for what a pending create may have made, by the rows of `ops.finders`."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath
from botocore.exceptions import ClientError, WaiterError
from jmespath import functions

from ops.errors import OpsError
from ops.finders import Call, Finder

# Pulumi's mark of an encrypted value (https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go).
_SECRET = "4dabf18193072939515e22adb298388d"


class _Functions(functions.Functions):  # type: ignore[misc] # jmespath has no types
    @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator] # jmespath has no types
    def _func_crc32(self, text: str) -> int:
        """Return the checksum that the provider makes some of its ids of."""
        return zlib.crc32(text.encode())

    @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator] # jmespath has no types
    def _func_parsed(self, text: str) -> Any:
        """Return what a JSON text says."""
        return json.loads(text)

    @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator] # jmespath has no types
    def _func_last(self, path: str) -> str:
        """Return what follows the last slash."""
        return path.rpartition("/")[2]

    @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator] # jmespath has no types
    def _func_domain(self, name: str) -> str:
        """Return a domain name in lower case and without the dot at its end."""
        return name.lower().removesuffix(".")


_OPTIONS = jmespath.Options(custom_functions=_Functions())
_GONE = re.compile("NotFound|NoSuch|Non[Ee]xistent|DoesNotExist")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a pending create would have made.

    Attributes:
        inputs: As the provider checked them, automatic names included.
        tags: Those that the resource would carry, with the provider's default ones.
        place: `account`, `partition` and `region`.
    """

    inputs: Mapping[str, Any]
    tags: Mapping[str, str]
    place: Mapping[str, str]

    @property
    def values(self) -> dict[str, Any]:
        """What expressions may refer to."""
        return {**self.inputs, **self.place}


@dataclass(frozen=True)
class Found:
    """The one resource that is what was wanted.

    Attributes:
        outputs: What the provider's `Read` needs besides id and inputs.
        values: What the row's `ready` may refer to.
    """

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def find(finder: Finder, wanted: Wanted, client: Any, taken: Collection[str] = ()) -> Found | None:
    """Return the resource, or None when AWS has none.

    Args:
        finder: The type's row.
        wanted: What to look for.
        client: boto3's client of the row's service.
        taken: Ids that other resources of the stack have; they cannot be it.

    Raises:
        OpsError: More than one could be it, or one stands in its place with other tags.
    """
    if finder.tags and not finder.unique and not wanted.tags:
        raise OpsError("it has neither a unique name nor tags, so nobody can tell it from others")
    exact: dict[str, Found] = {}
    near: dict[str, Mapping[str, str]] = {}
    for it in candidates(finder, wanted, client):
        values = {**wanted.values, "it": it}
        found = Found(str(pick(finder.id, values)), pick(finder.outputs, values), values)
        tags = tags_of(pick(finder.tags, it)) if finder.tags else {}
        if found.id in taken:
            continue
        if not finder.tags or tags == wanted.tags:
            exact[found.id] = found
        elif finder.unique or tags.items() >= wanted.tags.items():
            near[found.id] = tags
    if len(exact) > 1:
        raise OpsError(f"{len(exact)} resources in AWS could be it: {', '.join(sorted(exact))}")
    if exact:
        return next(iter(exact.values()))
    if near:
        told = (f"{id_} stands in its place with {_difference(tags, wanted.tags)}" for id_, tags in near.items())
        raise OpsError("; ".join(told))
    return None


def wait(finder: Finder, found: Found, client: Any) -> None:
    """Wait until the resource is complete, for those types that others cannot use before.

    Raises:
        OpsError: It failed or took too long.
    """
    if finder.ready is None:
        return
    try:
        client.get_waiter(finder.ready.operation).wait(**_parameters(finder.ready, found.values))
    except WaiterError as error:
        raise OpsError(f"{found.id} is there but not complete: {error}") from error


def candidates(finder: Finder, wanted: Wanted, client: Any) -> list[dict[str, Any]]:
    """Return what the row's calls list and the inputs do not speak against, whatever its tags.

    Raises:
        OpsError: AWS refuses to say.
    """
    found = []
    answer = _call(finder.look, client, wanted.values)
    for candidate in answer if isinstance(answer, list) else [answer]:
        if candidate is None:
            continue
        it = dict(candidate)
        # Before more is asked about it: an account has many buckets, and some let nobody ask.
        if not _fits(finder, it, wanted):
            continue
        for name, call in finder.more.items():
            it[name] = _call(call, client, {**wanted.values, "it": it})
        if _fits(finder, it, wanted):
            found.append(it)
    return found


def _fits(finder: Finder, it: Mapping[str, Any], wanted: Wanted) -> bool:
    return all(_agree(pick(path, it), pick(expected, wanted.values)) for path, expected in finder.match.items())


def _call(call: Call, client: Any, values: Mapping[str, Any]) -> Any:
    """Return what a call answers, lists with all their pages; None when what it asks for does not exist."""
    parameters = _parameters(call, values)
    try:
        if client.can_paginate(call.operation):
            answers = [pick(call.result, page) for page in client.get_paginator(call.operation).paginate(**parameters)]
            return [item for answer in answers for item in answer or []]
        return pick(call.result, getattr(client, call.operation)(**parameters))
    except ClientError as error:
        if _GONE.search(error.response["Error"]["Code"]):
            return None
        raise OpsError(f"AWS refuses {call.operation}: {error}") from error


def _parameters(call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {name: value for name, value in pick(call.parameters, values).items() if value is not None}
    if _SECRET in str(parameters):
        raise OpsError("what it would be found by is a secret in the state")
    return parameters


def pick(expression: str, values: Any) -> Any:
    """Evaluate one of a row's expressions."""
    return jmespath.search(expression, values, _OPTIONS)


def _agree(actual: Any, expected: Any) -> bool:
    return actual is None or expected is None or bool(actual == expected)


def tags_of(raw: Any) -> dict[str, str]:
    """Return tags as a mapping, without those that AWS sets."""
    if not isinstance(raw, Mapping):
        raw = {tag.get("Key", tag.get("TagKey")): tag.get("Value", tag.get("TagValue")) for tag in raw or ()}
    return {key: value for key, value in raw.items() if not key.startswith("aws:")}


def _difference(actual: Mapping[str, str], expected: Mapping[str, str]) -> str:
    missing = [f"{key}={value}" for key, value in sorted(expected.items() - actual.items())]
    extra = [f"{key}={value}" for key, value in sorted(actual.items() - expected.items())]
    return f"tags {', '.join(extra) or 'none'} instead of {', '.join(missing) or 'none'}"

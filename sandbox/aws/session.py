"""One request's view of AWS: account, region and what recipes may refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.aws.calls import Caller, pick, recipe
from sandbox.aws.codec import encode, member, tag_list
from sandbox.protocol import UNKNOWN

__all__ = ["ACCOUNT", "PARTITION", "Scope", "Session"]

ACCOUNT = "123456789012"
PARTITION = "aws"


@dataclass
class Scope:
    """What recipes and functions may refer to.

    Attributes:
        inputs: The resource's inputs, or its state when it is deleted.
        values: Everything by name: inputs, parts of the id, `id`, `region`, `account`, `partition`, `tags`,
            `tagList`, and `prefix`, the beginning of the service's ARNs.
        olds: Inputs before an update.
        answer: AWS's answer to create.
        rename: The row's renames.
        nest: The row's nested member.
    """

    inputs: Mapping[str, Any]
    values: dict[str, Any]
    olds: Mapping[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    nest: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)


@dataclass(frozen=True)
class Session:
    """Calls AWS in one region on behalf of one resource.

    Attributes:
        caller: The clients.
        service: Service that recipes speak to.
        region: Region of the resource.
        default_tags: The provider's default tags.
    """

    caller: Caller
    region: str
    service: str = ""
    default_tags: Mapping[str, str] = field(default_factory=dict)

    def of(self, service: str) -> Session:
        """Return the same session for another service."""
        return replace(self, service=service)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call the session's service."""
        return self.caller.call(self.service, self.region, operation, params)

    def run(self, text: str, scope: Scope) -> Any:
        """Run a recipe. A service other than the row's own stands in front, as in `ec2.describe_vpcs`."""
        step = recipe(text)
        session = self.of(step.service) if step.service else self
        if step.condition and not pick(step.condition, scope.values, scope.values):
            return None
        answer = session.call(step.operation, **session.params(text, scope))
        return pick(step.result, answer, scope.values) if step.result else answer

    def params(self, text: str, scope: Scope) -> dict[str, Any]:
        """Return a recipe's parameters.

        Raises:
            UnmappedError: `*` met a nested property without a counterpart.
        """
        step = recipe(text)
        found = self.mapped(text, scope) if step.inputs else {}
        given = pick(step.args, scope.values, scope.values) if step.args else {}
        return _merge(found, given)

    def mapped(self, text: str, scope: Scope) -> dict[str, Any]:
        """Return the parameters that `*` makes of the inputs."""
        shape = self.caller.shape(self.service, self.region, recipe(text).operation)
        # What creates takes the nested member; what changes may take its contents on the top level.
        nested = shape.members.get(scope.nest)
        found: dict[str, Any] = {}
        for name, value in scope.inputs.items():
            if name in ("tags", "region") or name.startswith("__"):
                continue
            # The nested member first: both levels of a launch template know `TagSpecifications`.
            for place, holder in ((nested, found.setdefault(scope.nest, {})), (shape, found)):
                target = scope.rename.get(name) or member(name, place.members) if place else None
                if place and target and target in place.members:
                    holder[target] = encode(value, place.members[target], name, scope.rename)
                    break
        found.pop("", None)
        return _prune(found)

    def taken(self, text: str, rename: Mapping[str, str], nest: str, names: set[str]) -> set[str]:
        """Return which inputs a recipe takes, by name or by `*`."""
        step = recipe(text)
        by_name = step.names & names
        if not step.inputs:
            return by_name
        shape = self.caller.shape(self.service, self.region, step.operation)
        members = [*shape.members, *(shape.members[nest].members if nest else ())]
        return by_name | {name for name in names if (rename.get(name) or member(name, members)) in members}

    def tag_values(self, tags: Mapping[str, str] | None) -> dict[str, str]:
        """Return a resource's tags with the provider's default tags below them."""
        return {**self.default_tags, **(tags or {})}

    def scope(self, inputs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Return the values that recipes may refer to."""
        known = {name: _known(value) for name, value in inputs.items()}
        tags = self.tag_values(_known(inputs.get("tags")))
        fixed = {
            "region": self.region,
            "account": ACCOUNT,
            "partition": PARTITION,
            "prefix": f"arn:{PARTITION}:{self.service}:{self.region}:{ACCOUNT}:",
            "tags": tags,
            "tagList": tag_list(tags),
        }
        return {**known, **fixed, **more}


def _known(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _known(item) for name, item in value.items() if item != UNKNOWN}
    if isinstance(value, list):
        return [_known(item) for item in value if item != UNKNOWN]
    return None if value == UNKNOWN else value


def _merge(left: dict[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(left)
    for name, value in right.items():
        if isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = _merge(merged[name], value)
        elif value is not None:
            merged[name] = value
    return merged


def _prune(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None and value != {}}

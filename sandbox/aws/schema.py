"""Names and types of resource properties, taken from the classes of pulumi_aws one module at a time."""

from __future__ import annotations

import importlib
import inspect
import keyword
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pulumi import _types as pulumi_types

from sandbox.protocol import HostError

__all__ = ["Schema", "fields", "is_list", "is_map", "item", "provider_inputs", "schema"]


@dataclass(frozen=True)
class Schema:
    """Properties of one resource type.

    Attributes:
        inputs: Input name → Python type.
        outputs: Output name → Python type; inputs are outputs too.
        required: Inputs that have to be given.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    required: tuple[str, ...]


@cache
def schema(token: str) -> Schema:
    """Return the properties of a type such as `aws:ec2/vpc:Vpc`."""
    match = re.fullmatch(r"aws:(\w+)/(\w+):(\w+)", token)
    if not match:
        raise HostError(f"{token} is no resource type of the AWS provider")
    package, _, name = match.groups()
    try:
        # Never the module below the package: imported first, it leaves its class out of the lazy package for good.
        # `lambda` is no name for a package of Python's.
        classes = importlib.import_module(f"pulumi_aws.{package}{'_' if keyword.iskeyword(package) else ''}")
        # Where a nested type of another resource has that name already, the SDK calls the resource's own this.
        args = getattr(classes, f"{name}InitArgs", None) or getattr(classes, f"{name}Args")
    except (ModuleNotFoundError, AttributeError) as error:
        raise HostError(f"{token} is no resource type of the AWS provider ({error})") from None
    names = pulumi_types.input_type_py_to_pulumi_names(args)
    needed = [
        key
        for key, value in inspect.signature(args.__init__).parameters.items()
        if value.default is inspect.Parameter.empty
    ]
    return Schema(
        inputs=pulumi_types.input_type_types(args),
        outputs=pulumi_types.resource_types(getattr(classes, name)),
        required=tuple(names[key] for key in needed if key in names),
    )


@cache
def provider_inputs() -> frozenset[str]:
    """Return the names of the provider's own settings."""
    args = importlib.import_module("pulumi_aws.provider").ProviderArgs
    return frozenset(pulumi_types.input_type_types(args))


@cache
def fields(kind: Any) -> Mapping[str, Any] | None:
    """Return the properties of a nested type, None when the type has none of its own."""
    if not isinstance(kind, type):
        return None
    if pulumi_types.is_input_type(kind):
        return pulumi_types.input_type_types(kind)
    if pulumi_types.is_output_type(kind):
        return pulumi_types.output_type_types(kind)
    return None


def is_list(kind: Any) -> bool:
    """Say whether a property holds a list."""
    origin = typing.get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Sequence)


def is_map(kind: Any) -> bool:
    """Say whether a property holds a free map, such as tags."""
    origin = typing.get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def item(kind: Any) -> Any:
    """Return the type of a list's or map's items, with `Input[...]` taken off."""
    inner = typing.get_args(kind)[-1]
    if typing.get_origin(inner) is typing.Union:
        return typing.get_args(inner)[0]
    return inner


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()

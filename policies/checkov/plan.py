"""The program's AWS resources as the JSON of a Terraform plan, the one form of them that checkov reads.

Format: https://developer.hashicorp.com/terraform/internals/json-format. Written are the parts that checkov reads: the
values, the changes, and which resource an argument refers to; without the references each check that compares
resources fails, such as the one that asks for a VPC's flow log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.checkov.resource_types import TYPES, ResourceType
from policies.resources import UNKNOWN, Resource

_AWS: Final = "aws:"
_PROVIDER: Final = "registry.terraform.io/hashicorp/aws"


class PlanError(Exception):
    """A resource cannot be written as Terraform's; the message says which, and what is missing."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A program as a Terraform plan.

    Attributes:
        document: The plan's JSON.
        resources: What each Terraform address stands for.
    """

    document: Mapping[str, Any]
    resources: Mapping[str, Resource]


def plan(resources: Iterable[Resource]) -> Plan:
    """Write the AWS resources as a Terraform plan that creates them all.

    Other providers' resources and the components are left out: checkov's rules for Terraform know AWS only.

    Raises:
        PlanError: A type or an object among its inputs is not in `resource_types.TYPES`, two resources have one
            Terraform address, or one refers to an AWS resource that is not there.
    """
    found = list(resources)
    _remote_components_have_children(found)
    addresses = _addresses(found)
    written = [_Written(resource, addresses) for resource in found if resource.urn in addresses]
    document = {
        "format_version": "1.2",
        "terraform_version": "1.14.0",
        "planned_values": {"root_module": {"resources": [one.planned() for one in written]}},
        "resource_changes": [one.change() for one in written],
        "configuration": {"root_module": {"resources": [one.configuration() for one in written]}},
    }
    return Plan(document=document, resources={addresses[one.resource.urn]: one.resource for one in written})


def _remote_components_have_children(resources: list[Resource]) -> None:
    parents = {resource.parent for resource in resources}
    for resource in resources:
        if resource.type.startswith("eks:") and resource.urn not in parents:
            raise PlanError(f"{resource.urn}: its children are missing, so that nobody would look at the cluster")


def _addresses(resources: list[Resource]) -> dict[str, str]:
    """Name each AWS resource as Terraform would, by URN."""
    addresses: dict[str, str] = {}
    for resource in resources:
        if not resource.type.startswith(_AWS):
            continue
        if resource.type not in TYPES:
            raise PlanError(f"{resource.urn}: {resource.type} is not in policies/checkov/resource_types; add it")
        name = re.sub(r"[^A-Za-z0-9_-]", "_", resource.name)
        address = f"{TYPES[resource.type].name}.{name}"
        if address in addresses.values():
            raise PlanError(f"{resource.urn}: another resource is {address} already; give it another logical name")
        addresses[resource.urn] = address
    return addresses


class _Written:
    """One resource in the plan's three places."""

    def __init__(self, resource: Resource, addresses: Mapping[str, str]) -> None:
        self.resource = resource
        self.addresses = addresses
        self.type = TYPES[resource.type]
        self.address = addresses[resource.urn]
        self.values = _object(resource.props, self.type, resource.urn, "")
        self.unknown = {_name(key, self.type): True for key, value in resource.props.items() if not _is_known(value)}

    def _head(self) -> dict[str, Any]:
        kind, _, name = self.address.partition(".")
        return {"address": self.address, "mode": "managed", "type": kind, "name": name}

    def planned(self) -> dict[str, Any]:
        return {**self._head(), "provider_name": _PROVIDER, "schema_version": 0, "values": self.values}

    def change(self) -> dict[str, Any]:
        change = {"actions": ["create"], "before": None, "after": self.values, "after_unknown": self.unknown}
        return {**self._head(), "provider_name": _PROVIDER, "change": change}

    def configuration(self) -> dict[str, Any]:
        expressions = {
            _name(key, self.type): {"references": references}
            for key, urns in sorted(self.resource.sources.items())
            # An argument without a value would get the reference as its value, and so look as if it were set.
            if key in self.resource.props
            and (references := [address for urn in sorted(urns) if (address := self._refers_to(urn))])
        }
        return {**self._head(), "provider_config_key": "aws", "schema_version": 0, "expressions": expressions}

    def _refers_to(self, urn: str) -> str | None:
        """The address behind a URN; None if it is no AWS resource."""
        kind = urn.split("::")[2].rpartition("$")[2]
        if not kind.startswith(_AWS):
            return None
        if urn not in self.addresses:
            raise PlanError(f"{self.resource.urn}: refers to {urn}, which is not among the resources")
        return self.addresses[urn]


def _name(path: str, type_: ResourceType) -> str:
    """Terraform's name of an input."""
    if path in type_.renamed:
        return type_.renamed[path]
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", path.rpartition(".")[2]).lower()


def _object(value: Mapping[str, Any], type_: ResourceType, urn: str, path: str) -> dict[str, Any]:
    """The arguments of a resource or of a block; what a preview does not know has none."""
    paths = {f"{path}.{key}" if path else key: item for key, item in value.items() if _is_known(item)}
    return {
        _name(inner, type_): _value(item, type_, urn, inner)
        for inner, item in paths.items()
        if inner not in type_.files
    }


def _is_known(value: Any) -> bool:
    """Whether a preview knows the value, and every part of it if it is a text made from others."""
    return not (isinstance(value, str) and UNKNOWN in value)


def _value(value: Any, type_: ResourceType, urn: str, path: str) -> Any:
    if isinstance(value, Mapping):
        return dict(value) if path in type_.maps else [_block(value, type_, urn, path)]
    if isinstance(value, list | tuple):
        return [_block(item, type_, urn, path) if isinstance(item, Mapping) else _simple(item) for item in value]
    return _simple(value)


def _simple(value: Any) -> Any:
    return value if _is_known(value) else None


def _block(value: Mapping[str, Any], type_: ResourceType, urn: str, path: str) -> dict[str, Any]:
    if path not in type_.blocks:
        raise PlanError(f"{urn}: {path} is an object; say in policies/checkov/resource_types if it is block or map")
    return _object(value, type_, urn, path)

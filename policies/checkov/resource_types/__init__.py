"""What Terraform calls the AWS provider's resource types, and which of their inputs are blocks.

Pulumi's provider is made from Terraform's: a token stands for one Terraform type, a property is the argument in camel
case. Three things are lost on the way and are said here: a block that may occur once is a plain object in Pulumi, like
a map; the name of a block that may occur more often is put into the plural; and a few arguments have a name of
Pulumi's own.
Names: https://registry.terraform.io/providers/hashicorp/aws/latest/docs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.checkov.resource_types import alarms, cluster, edge, machines, storage
from policies.checkov.resource_types.row import ResourceType

__all__ = ["TYPES", "ResourceType"]

TYPES: Final[Mapping[str, ResourceType]] = {
    **cluster.ROWS,
    **storage.ROWS,
    **edge.ROWS,
    **alarms.ROWS,
    **machines.ROWS,
}

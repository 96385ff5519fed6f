"""What one row of the table says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One resource type.

    Attributes:
        name: Terraform's name of it.
        blocks: Inputs that are blocks in Terraform, by their dotted path in Pulumi's spelling.
        maps: Inputs that are maps: their keys are the user's, and are left as they are.
        files: Inputs that are files or archives, which a plan does not hold: they are left out.
        renamed: Terraform's name of an input where it is not Pulumi's in snake case.
    """

    name: str
    blocks: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset({"tags"})
    files: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)


def row(
    name: str,
    *blocks: str,
    maps: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
    renamed: Mapping[str, str] | None = None,
) -> ResourceType:
    """Return the row of a type; its `tags` are a map always."""
    return ResourceType(
        name=name,
        blocks=frozenset(blocks),
        maps=frozenset({"tags", *maps}),
        files=frozenset(files),
        renamed=dict(renamed or {}),
    )

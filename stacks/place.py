"""What every component of a stack is told alike."""

from __future__ import annotations

from components.place import Place
from settings import Settings


def place(settings: Settings) -> Place:
    """Return where the stack is, and what all of it carries."""
    return Place(
        region=settings.aws.region,
        partition=settings.aws.partition,
        account_id=settings.aws.account_id,
        permissions_boundary=settings.aws.permissions_boundary,
        tags=settings.tags,
    )


def protected(settings: Settings) -> bool:
    """Return whether AWS and Pulumi refuse to delete what cannot be had again."""
    return settings.cluster.deletion_protection and not settings.policy.decommission

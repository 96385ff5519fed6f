"""What storage costs a month: buckets, volumes, file system, images and their backups."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from components.prices.assumptions import Assumptions
from components.prices.items import Item
from components.prices.line import Line, Sheet, there


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageShape:
    """What there is to be filled.

    Attributes:
        repositories: ECR repositories.
    """

    file_system: bool
    repositories: int


def lines(region: str, shape: StorageShape, assumed: Assumptions) -> tuple[Line, ...]:
    """Return what storage costs a month: next to nothing while it is empty."""
    sheet = Sheet(component="storage", region=region)
    files = assumed.file_system_gb if shape.file_system else Decimal(0)
    return there(
        (
            sheet.fixed(Item.KEY, 1, "file system, images, backups"),
            sheet.usage(Item.S3, assumed.logs_bucket_gb, "logs_bucket_gb"),
            sheet.usage(Item.S3, assumed.backups_bucket_gb, "backups_bucket_gb"),
            sheet.usage(Item.DISK, assumed.volume_gb, "volume_gb"),
            sheet.usage(Item.FILE_SYSTEM, files, "file_system_gb"),
            sheet.usage(Item.IMAGES, assumed.repositories_gb if shape.repositories else Decimal(0), "repositories_gb"),
            sheet.usage(Item.BACKUP_FILES, files * assumed.backup_factor, "file_system_gb x backup_factor"),
            sheet.usage(Item.BACKUP_DISKS, assumed.volume_gb * assumed.backup_factor, "volume_gb x backup_factor"),
        )
    )

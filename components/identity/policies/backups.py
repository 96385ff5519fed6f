"""Argo CD's backup job: it adds to the backups, and can neither read nor remove one."""

from __future__ import annotations

from typing import Final

from components.identity.policies.scope import Document, Scope, allow, document

PREFIX: Final = "argocd-backups/"


def argocd_backup(scope: Scope, bucket: str) -> Document:
    """Let the job write objects below `argocd-backups/`.

    The bucket's key takes the bucket's ARN as context, for it has a bucket key; `kms:Decrypt` is what an upload in
    parts needs (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html).

    Args:
        scope: Whose job.
        bucket: Name of the bucket of backups.
    """
    arn = f"arn:{scope.partition}:s3:::{bucket}"
    return document(
        allow("AllowAddingBackups", ["s3:PutObject"], f"{arn}/{PREFIX}*"),
        allow(
            "AllowEncryptingBackups",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            scope.arn("kms", "key/*"),
            StringEquals={**scope.via("s3"), "kms:EncryptionContext:aws:s3:arn": arn},
        ),
    )

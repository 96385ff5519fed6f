"""KMS documents of log groups: plain dicts, so that a preview shows them whole."""

from __future__ import annotations

from typing import Any

from components.partitions import dns_suffix

Document = dict[str, Any]


def log_group_arn(*, region: str, partition: str, account_id: str, log_group: str) -> str:
    """Return the ARN that a log group has or will have, without the `:*` for its streams."""
    return f"arn:{partition}:logs:{region}:{account_id}:log-group:{log_group}"


def account_administers(*, partition: str, account_id: str) -> Document:
    """Let the account decide by IAM who administers a key; without this nobody could."""
    return {
        "Sid": "AllowAccountAdministration",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account_id}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def log_group_key(group_arn: str, *, region: str, partition: str, account_id: str) -> Document:
    """Let CloudWatch Logs use the key for that one log group; the account keeps the administration.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            account_administers(partition=partition, account_id=account_id),
            {
                "Sid": "AllowLogGroup",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{region}.{dns_suffix(partition)}"},
                "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                "Resource": "*",
                "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group_arn}},
            },
        ],
    }

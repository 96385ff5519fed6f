"""Resource policy of secrets: plain dicts, so that a preview shows it whole."""

from __future__ import annotations

import json


def secret_policy(*, account_id: str) -> str:
    """Refuse every other account, whatever somebody allows it later. Within the account IAM alone decides.

    There is nothing about TLS: Secrets Manager has no other endpoint.
    """
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "DenyOtherAccounts",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "secretsmanager:*",
                    "Resource": "*",
                    "Condition": {"StringNotEquals": {"aws:PrincipalAccount": account_id}},
                }
            ],
        },
        separators=(",", ":"),
    )

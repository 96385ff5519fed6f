"""Key policies: plain dicts, so that a preview shows them whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]


def account_administers(*, partition: str, account_id: str) -> Document:
    """Let the account decide by IAM who administers a key; without this nobody could."""
    return {
        "Sid": "AllowAccountAdministration",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account_id}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def key_policy(statements: Sequence[Mapping[str, Any]] = (), *, partition: str, account_id: str) -> str:
    """Return the policy of a key: the account administers it, and the statements let services use it.

    Raises:
        ValueError: A statement lets anybody in.
    """
    for statement in statements:
        if statement.get("Effect") != "Deny" and _is_anybody(statement.get("Principal")):
            raise ValueError(f"{statement.get('Sid')}: a key's policy names who may use it; name an account or service")
    first = account_administers(partition=partition, account_id=account_id)
    return json.dumps({"Version": "2012-10-17", "Statement": [first, *map(dict, statements)]})


def _is_anybody(principal: object) -> bool:
    if isinstance(principal, Mapping):
        return any(_is_anybody(value) for value in principal.values())
    if isinstance(principal, Sequence) and not isinstance(principal, str):
        return any(_is_anybody(value) for value in principal)
    return principal in {None, "*"}

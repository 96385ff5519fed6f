"""Steps of Lambda."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.session import Scope, Session

__all__ = ["read_permission", "set_concurrency"]

# Where a statement keeps what a permission was limited to.
CONDITIONS = {
    "sourceArn": ("ArnLike", "AWS:SourceArn"),
    "sourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "principalOrgId": ("StringEquals", "aws:PrincipalOrgID"),
}


def set_concurrency(session: Session, scope: Scope) -> None:
    """Reserve executions for a function; -1 gives them back."""
    wanted = scope["reservedConcurrentExecutions"]
    if wanted is None or int(wanted) < 0:
        session.call("delete_function_concurrency", FunctionName=scope["id"])
    else:
        session.call("put_function_concurrency", FunctionName=scope["id"], ReservedConcurrentExecutions=int(wanted))


def read_permission(session: Session, scope: Scope) -> dict[str, Any]:
    """Return one statement of a function's policy, in the provider's words; nothing when it is not there."""
    policy = json.loads(session.call("get_policy", FunctionName=scope["function"])["Policy"])
    for statement in policy["Statement"]:
        if statement["Sid"] != scope["statementId"]:
            continue
        principal, conditions = statement["Principal"], statement.get("Condition", {})
        found = {name: conditions.get(kind, {}).get(key) for name, (kind, key) in CONDITIONS.items()}
        return {
            "action": statement["Action"],
            "function": scope["function"],
            "principal": next(iter(principal.values())) if isinstance(principal, dict) else principal,
            "statementId": statement["Sid"],
            **{name: value for name, value in found.items() if value},
        }
    return {}

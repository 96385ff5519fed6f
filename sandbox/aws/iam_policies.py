"""A small evaluator of IAM, key and trust policies.

It knows what such policies are made of here. What it does not know is an error that names it, never a guess.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

__all__ = ["RightsError", "Statement", "allowed", "applies", "conditions_hold", "denied", "names", "parsed", "texts"]

_KNOWN: Final = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
_OPERATORS: Final = ("ArnEquals", "ArnLike", "StringEquals", "StringLike", "StringNotEquals")
_KEYS: Final = (
    "kms:viaservice",
    "kms:encryptioncontext:",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:federatedprovider",
)

Statement = Mapping[str, Any]


class RightsError(Exception):
    """A right is missing, or a policy says something that this module does not know."""


def parsed(document: Any) -> list[Statement]:
    """Return a policy document's statements. Raise `RightsError` for elements that are not evaluated."""
    found = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = found["Statement"]
    statements = [statements] if isinstance(statements, Mapping) else list(statements)
    for statement in statements:
        if unknown := sorted(statement.keys() - _KNOWN):
            raise RightsError(
                f"policy statement with {', '.join(unknown)}: not evaluated in sandbox/aws/iam_policies.py"
            )
    return statements


def allowed(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Say whether the statements allow an action and none denies it."""
    applying = [one["Effect"] for one in statements if applies(one, action, resource, context)]
    return "Allow" in applying and "Deny" not in applying


def denied(statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Say whether a statement denies an action."""
    return any(one["Effect"] == "Deny" and applies(one, action, resource, context) for one in statements)


def applies(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Say whether a statement is about an action on a resource, in the context that its conditions ask for."""
    return (
        any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in texts(statement.get("Action")))
        and any(fnmatch.fnmatchcase(resource, _literal(one)) for one in texts(statement.get("Resource")))
        and conditions_hold(statement, context)
    )


def conditions_hold(statement: Statement, context: Mapping[str, str]) -> bool:
    """Say whether all conditions of a statement hold; a key of the context is known, besides those known here."""
    given_by = {name.lower(): value for name, value in context.items()}
    for operator, wanted in (statement.get("Condition") or {}).items():
        if operator not in _OPERATORS:
            raise RightsError(f"condition operator {operator}: not evaluated in sandbox/aws/iam_policies.py")
        for key, values in wanted.items():
            name = key.lower()
            if name not in given_by and not name.startswith(_KEYS):
                raise RightsError(f"condition key {key}: not evaluated in sandbox/aws/iam_policies.py")
            if not _holds(operator, given_by.get(name), texts(values)):
                return False
    return True


def names(statement: Statement, principals: set[str]) -> bool:
    """Say whether the statement of a resource's policy is about one of these principals."""
    principal = statement.get("Principal")
    if principal == "*":
        return True
    named = texts(principal.get("AWS")) if isinstance(principal, Mapping) else []
    return "*" in named or not principals.isdisjoint(named)


def texts(value: Any) -> list[str]:
    """Return what a policy says once or as a list."""
    return [] if value is None else [value] if isinstance(value, str) else [str(one) for one in value]


def _holds(operator: str, given: str | None, wanted: list[str]) -> bool:
    if operator == "StringNotEquals":
        # Negated operators hold as well where the request lacks the key:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
        return given not in wanted
    if given is None:
        return False
    # The two operators for ARNs are one: both take wildcards.
    return any(
        given == one if operator == "StringEquals" else fnmatch.fnmatchcase(given, _literal(one)) for one in wanted
    )


def _literal(pattern: str) -> str:
    """Return an IAM pattern as `fnmatch` reads it: brackets are no classes there."""
    return pattern.replace("[", "[[]")

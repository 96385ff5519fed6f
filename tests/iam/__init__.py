"""A small evaluator of IAM documents: would AWS let this call through?

It knows identity and resource policies of one account: Allow and Deny, Action and NotAction, Resource and NotResource,
policy variables and the condition operators below. What it does not know it refuses, so that no test passes because a
condition was skipped. Source of the rules:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

Statement = Mapping[str, Any]
Values = Mapping[str, str | Sequence[str]]

_ELEMENTS: Final = frozenset(
    {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
# The escapes ${*}, ${?} and ${$} stand for themselves.
_LITERAL: Final = {"*": "[*]", "?": "[?]", "$": "$"}


class NotEvaluatedError(Exception):
    """The evaluator does not know this part of the language."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One resource that a call touches.

    Attributes:
        arn: Its ARN, or `*` for a call that takes no resource.
        tags: On the resource, before the call.
        keys: Condition keys that only this resource has, such as `ec2:Vpc`.
        read: The call makes something out of it; the call's tags are for what is made.
    """

    arn: str
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: Values = field(default_factory=dict)
    read: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """One API call.

    Attributes:
        action: Such as `ec2:RunInstances`.
        targets: Every resource that AWS checks for it; each has to be allowed.
        request_tags: Tags that the call passes, or none when it passes no tags.
        principal: `Service:…`, `AWS:…`; only resource policies ask.
        context: Further condition keys.
    """

    action: str
    targets: Sequence[Target]
    request_tags: Mapping[str, str] = field(default_factory=dict)
    principal_tags: Mapping[str, str] = field(default_factory=dict)
    principal: str = ""
    context: Values = field(default_factory=dict)


def allowed(statements: Iterable[Statement], call: Call) -> bool:
    """Say whether every resource of the call is allowed by a statement and denied by none.

    Raises:
        NotEvaluatedError: A statement has an element, operator or value that the evaluator does not know.
    """
    every = list(statements)
    for statement in every:
        check(statement)
    return bool(call.targets) and all(_decide(every, call, target) for target in call.targets)


def check(statement: Statement) -> None:
    """Refuse what the evaluator does not know, whether the call comes to it or not."""
    if strange := set(statement) - _ELEMENTS:
        raise NotEvaluatedError(f"element {sorted(strange)}")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise NotEvaluatedError(f"effect {statement['Effect']}")
    for pair in (("Action", "NotAction"), ("Resource", "NotResource")):
        if len(set(pair) & set(statement)) > 1:
            raise NotEvaluatedError(f"both of {pair}")
    for operator in statement.get("Condition", {}):
        _parse(operator)


def _decide(statements: list[Statement], call: Call, target: Target) -> bool:
    values = _context(call, target)
    effects = {s["Effect"] for s in statements if _applies(s, call, target, values)}
    return "Allow" in effects and "Deny" not in effects


def _context(call: Call, target: Target) -> dict[str, list[str]]:
    """Every condition key of the call on this resource; keys have no case."""
    service = call.action.partition(":")[0]
    values: dict[str, str | Sequence[str]] = dict(call.context) | dict(target.keys)
    for key, value in target.tags.items():
        values |= {f"aws:ResourceTag/{key}": value, f"{service}:ResourceTag/{key}": value}
    requested = {} if target.read else call.request_tags
    values |= {f"aws:RequestTag/{key}": value for key, value in requested.items()}
    values |= {f"aws:PrincipalTag/{key}": value for key, value in call.principal_tags.items()}
    if requested:
        values.setdefault("aws:TagKeys", list(requested))
    return {key.lower(): many(value) for key, value in values.items()}


def many(value: Any) -> list[str]:
    """IAM takes one text, or a list of texts."""
    return [value] if isinstance(value, str) else list(value)


def _applies(statement: Statement, call: Call, target: Target, values: Mapping[str, list[str]]) -> bool:
    return (
        _principal_applies(statement.get("Principal"), call.principal)
        and _action_applies(statement, call.action)
        and _resource_applies(statement, target.arn, values)
        and all(
            _holds(operator, key, many(wanted), values)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _principal_applies(principal: Any, caller: str) -> bool:
    if principal is None or principal == "*":
        return True
    named = {f"{kind}:{name}" for kind, names in principal.items() for name in many(names)}
    return caller in named or "AWS:*" in named


def _action_applies(statement: Statement, action: str) -> bool:
    patterns = many(statement.get("Action", statement.get("NotAction", [])))
    named = any(wildcard(pattern.lower(), action.lower()) for pattern in patterns)
    return named != ("NotAction" in statement)


def _resource_applies(statement: Statement, arn: str, values: Mapping[str, list[str]]) -> bool:
    if not {"Resource", "NotResource"} & set(statement):
        return True  # a trust policy: the resource is the role that it belongs to
    patterns = many(statement.get("Resource", statement.get("NotResource")))
    filled = [text for text in (fill(pattern, values) for pattern in patterns) if text is not None]
    return any(arn_like(pattern, arn) for pattern in filled) != ("NotResource" in statement)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\[\*\]|\[\?\]|\*|\?)", pattern)
    signs = {"*": ".*", "?": ".", "[*]": r"\*", "[?]": r"\?"}
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts), re.DOTALL)


def wildcard(pattern: str, text: str) -> bool:
    """Match `*` and `?`; everything else stands for itself."""
    return bool(_pattern(pattern).fullmatch(text))


def arn_like(pattern: str, arn: str) -> bool:
    """Match an ARN part by part: no wildcard reaches over the five colons into the next part."""
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(given) and all(map(wildcard, wanted, given))


def fill(text: str, values: Mapping[str, list[str]]) -> str | None:
    """Put policy variables in; none where the caller has no value for one, for then the statement says nothing."""

    def value(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(",")
        if name in _LITERAL:
            return _LITERAL[name]
        if found := values.get(name.strip().lower()):
            return found[0]
        if default:
            return default.strip().strip("'")
        raise LookupError(name)

    try:
        return _VARIABLE.sub(value, text)
    except LookupError:
        return None


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, given: compare(float(given), float(wanted))


# By operator: compares what the policy wants with what the call has.
_POSITIVE: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": wildcard,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "NumericEquals": _number(lambda given, wanted: given == wanted),
    "NumericLessThan": _number(lambda given, wanted: given < wanted),
    "NumericLessThanEquals": _number(lambda given, wanted: given <= wanted),
    "NumericGreaterThan": _number(lambda given, wanted: given > wanted),
    "NumericGreaterThanEquals": _number(lambda given, wanted: given >= wanted),
}
_NEGATIVE: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _parse(operator: str) -> tuple[str, str, bool]:
    """Take an operator apart: quantifier, name, whether it holds where the key is missing."""
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    known = name in _POSITIVE or name in _NEGATIVE or (name == "Null" and not quantifier and not if_exists)
    if quantifier not in ("", "ForAllValues", "ForAnyValue") or not known:
        raise NotEvaluatedError(f"operator {operator}")
    return quantifier, name, if_exists


def _holds(operator: str, key: str, wanted: list[str], values: Mapping[str, list[str]]) -> bool:
    quantifier, name, if_exists = _parse(operator)
    given = values.get(key.lower(), [])
    if name == "Null":
        return {"true": not given, "false": bool(given)}[wanted[0].lower()]
    if not given:
        return quantifier == "ForAllValues" or if_exists or (name in _NEGATIVE and not quantifier)
    if not quantifier and len(given) > 1:
        raise NotEvaluatedError(f"{operator} on {key}, which has several values")
    filled = [text for text in (fill(value, values) for value in wanted) if text is not None]
    results = _compare(name, filled, given)
    return any(results) if quantifier == "ForAnyValue" else all(results)


def _compare(name: str, wanted: list[str], given: list[str]) -> Iterator[bool]:
    compare = _POSITIVE[_NEGATIVE.get(name, name)]
    for value in given:
        yield any(compare(one, value) for one in wanted) != (name in _NEGATIVE)

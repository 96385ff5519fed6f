"""IAM documents in one form: a list of statements whose fields are lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies import tokens
from policies.resources import Resource

IDENTITY_POLICIES = (tokens.POLICY, tokens.ROLE_POLICY, tokens.USER_POLICY)
# Whose `policy` says who is let in; a file system's, which pods that sign nothing read, has rules of its own.
RESOURCE_POLICIES = (
    tokens.QUEUE_POLICY,
    tokens.BUCKET_POLICY,
    tokens.KEY,
    tokens.REPOSITORY_POLICY,
    tokens.SECRET_POLICY,
    tokens.TOPIC_POLICY,
    tokens.VAULT_POLICY,
)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement.

    Attributes:
        path: The property that holds its document.
        allow: Whether it allows; else it denies.
        actions: As written; of a NotAction, nothing.
        resources: As written.
        principals: ARNs, services and account ids by their kind; `*` stands for everybody.
        conditions: Keys by operator, and the values that each may have.
        inverted: The inverted fields that it uses, such as NotAction.
    """

    path: str
    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]
    inverted: tuple[str, ...]

    @property
    def where(self) -> str:
        """What a message calls it."""
        return f"{self.path} ({', '.join(self.actions) or ', '.join(self.inverted)})"

    def keys(self, *operators: str) -> dict[str, tuple[str, ...]]:
        """Return the condition keys of the operators, whatever their case, with the values."""
        wanted = {operator.lower() for operator in operators}
        return {
            key.lower(): values
            for operator, keys in self.conditions.items()
            if operator.lower() in wanted
            for key, values in keys.items()
        }

    @property
    def condition_keys(self) -> set[str]:
        """Every condition key, in lower case."""
        return {key.lower() for keys in self.conditions.values() for key in keys}


def statements(resource: Resource, path: str) -> Iterator[Statement]:
    """Yield the statements of the document at the path."""
    found = resource.document(path).get("Statement") or []
    for raw in [found] if isinstance(found, Mapping) else found:
        yield Statement(
            path=path,
            allow=raw.get("Effect") == "Allow",
            actions=_texts(raw.get("Action")),
            resources=_texts(raw.get("Resource")),
            principals=_principals(raw.get("Principal")),
            conditions={o: {k: _texts(v) for k, v in keys.items()} for o, keys in raw.get("Condition", {}).items()},
            inverted=tuple(key for key in ("NotAction", "NotResource", "NotPrincipal") if key in raw),
        )


def granted(resource: Resource) -> Iterator[Statement]:
    """Yield what a policy, or a role's inline policies, allow its holder."""
    paths = ["policy"] if resource.type in IDENTITY_POLICIES else []
    if resource.type == tokens.ROLE:
        paths = [f"inlinePolicies.{index}.policy" for index in range(len(resource.items("inlinePolicies")))]
    for path in paths:
        yield from (statement for statement in statements(resource, path) if statement.allow)


def trusted(resource: Resource) -> list[Statement]:
    """Return who may take the role."""
    return [statement for statement in statements(resource, "assumeRolePolicy") if statement.allow]


def _principals(raw: Any) -> Mapping[str, tuple[str, ...]]:
    if isinstance(raw, Mapping):
        return {kind: _texts(value) for kind, value in raw.items()}
    return {"*": _texts(raw)} if raw is not None else {}


def _texts(raw: Any) -> tuple[str, ...]:
    if raw is None:
        return ()
    return (str(raw),) if isinstance(raw, str | bool | int) else tuple(map(str, raw))

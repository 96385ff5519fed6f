"""What a row of the finders says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """One call of AWS.

    Attributes:
        operation: boto3's name of it.
        parameters: Expression over the inputs; empty values are left out.
        result: Expression over the answer: a resource, a list of them, or nothing.
    """

    operation: str
    parameters: str = "`{}`"
    result: str = "@"


@dataclass(frozen=True, kw_only=True)
class Finder:
    """How to find a resource of one type.

    Attributes:
        service: boto3's name of the service.
        look: Lists the candidates.
        more: Further calls per candidate; each answer is put into it under its name.
        match: Expression over a candidate → the input it has to equal. What either leaves open does not count.
        tags: Where a candidate's tags are; empty for a type that has none. They have to equal the program's.
        unique: The type's name is unique, so that one candidate with other tags stands in the create's way.
        id: Id in the form that the provider's `Read` takes, over the inputs and `it`.
        outputs: Outputs that `Read` needs besides id and inputs, over the same.
        ready: Waiter and its parameters, over the same: what follows in the program needs it complete.
        named_by: The input that names it, of a type that a destroy may leave behind, or that AWS makes again by itself:
            `up` takes over what it finds under that name (ops/adoption.py). Empty for all others.
    """

    service: str
    look: Call
    more: Mapping[str, Call] = field(default_factory=dict)
    match: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    unique: bool = False
    id: str
    outputs: str = "`{}`"
    ready: Call | None = None
    named_by: str = ""


@dataclass(frozen=True)
class Repeatable:
    """A type that can be created again: the second time changes nothing or finishes the first.

    Attributes:
        why: Why that is so.
        hint: What may still be in the way, with inputs in braces.
    """

    why: str
    hint: str = ""

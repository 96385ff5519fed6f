"""Where rules are kept and how they are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.aws.calls import AwsError
from sandbox.aws.session import Session
from sandbox.protocol import UNKNOWN, Properties, has_unknown

__all__ = ["Case", "Moment", "error", "refuse", "rule"]

# "check" sees inputs alone, at preview too; the others may look at what exists.
Moment = Literal["check", "create", "update", "delete"]


@dataclass(frozen=True)
class Case:
    """What a rule judges.

    Attributes:
        session: AWS in the resource's region.
        inputs: The new inputs; the state when the resource is deleted.
        id: The resource's id, once it exists.
    """

    session: Session
    inputs: Properties
    id: str = ""

    def __getitem__(self, name: str) -> Any:
        """Return an input, None when it is left out or unknown yet."""
        value = self.inputs.get(name)
        return None if value == UNKNOWN or (isinstance(value, str) and has_unknown(value)) else value

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Ask AWS."""
        return self.session.of(service).call(operation, **params)


Rule = Callable[[Case], None]
_RULES: dict[tuple[str, Moment], list[Rule]] = defaultdict(list)


def rule(*tokens: str, at: Moment) -> Callable[[Rule], Rule]:
    """Register a rule. It raises when AWS would refuse."""

    def register(function: Rule) -> Rule:
        for token in tokens:
            _RULES[token, at].append(function)
        return function

    return register


def refuse(token: str, moment: Moment, case: Case) -> None:
    """Ask all rules.

    Raises:
        AwsError: AWS would refuse.
    """
    for function in _RULES[token, moment]:
        function(case)


def error(code: str, operation: str, message: str) -> AwsError:
    """Return a refusal in AWS's wording."""
    return AwsError(code, operation, message)

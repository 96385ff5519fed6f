"""What a rule is, and how it is run: over the resources of its types, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from inspect import signature
from typing import Final

from policies.resources import NotKnownError, Resource, Stack


@dataclass(frozen=True)
class Fault:
    """What is wrong with a resource.

    Attributes:
        path: The property, or the option of the resource.
        wrong: What is wrong with it.
        fix: What to set.
    """

    path: str
    wrong: str
    fix: str


# Takes a resource, and the stack if it asks for one.
Check = Callable[..., Iterator[Fault]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        id: The function's name with hyphens.
        controls: The controls that it proves, wholly or in part; docs/controls.md says what they ask for.
        types: The resource types that it looks at.
        whole: Whether it compares the resource with others, so that it can only be asked about a whole stack.
        text: What it asks for.
        check: Yields what is wrong with one resource.
        takes_stack: Whether it takes the stack, with its options, beside the resource.
    """

    id: str
    controls: tuple[str, ...]
    types: tuple[str, ...]
    whole: bool
    text: str
    check: Check
    takes_stack: bool


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A resource that breaks a rule."""

    rule: Rule
    resource: Resource
    fault: Fault

    @property
    def message(self) -> str:
        """Resource, property, what is wrong, what to set."""
        kind = self.resource.type.rpartition(":")[2]
        fault = self.fault
        return f"{kind} {self.resource.name}: {fault.path}: {fault.wrong}; {fault.fix}"


RULES: Final[list[Rule]] = []


def rule(*controls: str, types: Iterable[str], whole: bool = False) -> Callable[[Check], Check]:
    """Register a function as a rule of the pack.

    Args:
        controls: The controls that it proves.
        types: The resource types that it is asked about.
        whole: It needs the other resources, not only the one it is asked about.
    """

    def register(check: Check) -> Check:
        name = check.__name__.replace("_", "-")
        text = (check.__doc__ or "").partition("\n")[0]
        takes_stack = len(signature(check).parameters) == 2
        RULES.append(
            Rule(
                id=name,
                controls=controls,
                types=tuple(types),
                whole=whole,
                text=text,
                check=check,
                takes_stack=takes_stack,
            )
        )
        return check

    return register


def judge(rule_: Rule, stack: Stack) -> Iterator[Violation]:
    """Yield what breaks the rule; a resource whose values a preview does not know is left to `up`."""
    for resource in stack.of(*rule_.types):
        try:
            faults = list(rule_.check(resource, stack) if rule_.takes_stack else rule_.check(resource))
        except NotKnownError:
            continue
        yield from (Violation(rule=rule_, resource=resource, fault=fault) for fault in faults)

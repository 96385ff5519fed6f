"""The rules as CrossGuard policies: plain data in, messages out, waived findings left out.

A rule about one resource stops it before it is touched. A rule about the whole stack runs once the program has said
everything: at the end of a preview, so before an `up` that previews first; `up --skip-preview` learns it too late.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
    policy,
)
from pulumi_policy.proxy import UnknownValueError

from policies import waivers
from policies.catalog import all_rules
from policies.resources import UNKNOWN, Options, Resource, Stack
from policies.rule import Rule, Violation, judge

NAME = "platform-controls"
Policy = ResourceValidationPolicy | StackValidationPolicy


def policies() -> list[Policy]:
    """Return every rule as a mandatory policy."""
    return [_stack_policy(rule) if rule.whole else _resource_policy(rule) for rule in all_rules()]


class _Servicer(policy._PolicyAnalyzerServicer):  # noqa: SLF001 - the SDK has no other place for it
    """Takes the program's configuration over, which the SDK drops.

    An engine with a Python language plugin hands it over by this call only; one without, in the environment, too
    (sdk/go/common/resource/plugin/analyzer_plugin.go, pulumi 3.259.0).
    """

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Keep the configuration and go on."""
        for key, value in request.config.items():
            pulumi.runtime.set_config(key, value)
        return super().ConfigureStack(request, context)


def serve() -> None:
    """Answer the engine until it ends this process."""
    policy._PolicyAnalyzerServicer = _Servicer  # type: ignore[misc]  # noqa: SLF001 - as above
    PolicyPack(NAME, list(policies()))


def options(sections: Callable[[str], Any]) -> Options:
    """Return what the rules are told, from the program's own configuration.

    Args:
        sections: Returns a section of the program's configuration by its name, None if there is none.
    """
    said, aws = sections("policy") or {}, sections("aws") or {}
    return Options(
        # What is not said to be for development is judged as production.
        tier="development" if said.get("tier") == "development" else "production",
        decommission=said.get("decommission") is True,
        permissions_boundary=aws.get("permissionsBoundary"),
    )


def _resource_policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type not in rule.types:
            return
        resource = Resource(**_own(args), sources={})
        _report(judge(rule, Stack([resource], options(_section))), report)

    return ResourceValidationPolicy(rule.id, _description(rule), validate, EnforcementLevel.MANDATORY)


def _stack_policy(rule: Rule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        _report(judge(rule, Stack([_whole(resource) for resource in args.resources], options(_section))), report)

    return StackValidationPolicy(rule.id, _description(rule), validate, EnforcementLevel.MANDATORY)


def _description(rule: Rule) -> str:
    return f"{rule.text} ({', '.join(rule.controls)})"


def _report(violations: Iterable[Violation], report: ReportViolation) -> None:
    valid = _valid_waivers(date.today())
    for violation in violations:
        rule, resource = violation.rule, violation.resource
        where = {"name": resource.name, "urn": resource.urn, "stack": resource.urn.split(":")[2]}
        if not any(waiver.covers(rule.id, **where) for waiver in valid):
            report(violation.message, resource.urn)


@functools.cache
def _valid_waivers(today: date) -> tuple[waivers.Waiver, ...]:
    return tuple(waiver for waiver in waivers.load() if waiver.expires > today)


def _own(given: ResourceValidationArgs | PolicyResource) -> dict[str, Any]:
    return {
        "type": given.resource_type,
        "name": given.name,
        "urn": given.urn,
        "props": _plain(given.props),
        "protect": given.opts.protect,
        "ignore_changes": tuple(given.opts.ignore_changes),
    }


def _whole(given: PolicyResource) -> Resource:
    return Resource(
        **_own(given),
        parent=given.parent.urn if given.parent else "",
        dependencies=frozenset(needed.urn for needed in given.dependencies),
        sources={
            key: frozenset(source.urn for source in sources) for key, sources in given.property_dependencies.items()
        },
    )


def _plain(value: Any) -> Any:
    """Return the value as plain data, with a mark where a preview does not know yet."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if hasattr(value, "__getitem__") and hasattr(value, "__len__") and not isinstance(value, str | bytes):
        return [_item(value, index) for index in range(len(value))]
    # Numbers come as floats.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _item(holder: Any, key: Any) -> Any:
    try:
        return _plain(holder[key])
    except UnknownValueError:
        return UNKNOWN


def _section(name: str) -> Any:
    """Return a section of the program's configuration, which the engine hands to the pack."""
    text = pulumi.Config("platform").get(name)
    return json.loads(text) if text else None

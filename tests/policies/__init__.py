"""What the rules are asked about in tests: captured programs, whole and mutated."""

from __future__ import annotations

import importlib
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies import waivers
from policies.catalog import all_rules
from policies.pack import options
from policies.resources import UNKNOWN, Options, Resource, Stack
from policies.rule import Violation, judge
from policies.waivers import Waiver
from tests import captures
from tests.captures import Capture, Registration, Secret
from tests.whole_stacks import STACKS, Values, capture_stack, stack_sections

BOUNDARY: Final = "arn:aws:iam::123456789012:policy/boundary"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A stack file, some of its values changed."""

    stack: str
    changes: Values


_ZONES: Final = [f"ap-northeast-2{zone}" for zone in "abc"]
_MACHINE: Final = {"role": "worker", "instanceType": "t3.large", "labels": {}, "taints": [], "diskGiB": 30}
# Beside the stacks: a network without a way out and pods in a range of their own; an account with a boundary, in which
# external-dns, Argo CD's registry and a pipeline get the rights that neither stack file asks for; and a self-managed
# cluster as production would have it, with three control planes, two further machines and both load balancers.
PROGRAMS: Final[Mapping[str, Variant]] = {
    **{stack: Variant(stack=stack, changes={}) for stack in STACKS},
    "closed": Variant(
        stack="prod",
        changes={
            "network": {"nat": "none", "privateEndpoints": True, "podCidr": "100.64.0.0/16"},
            "gitops": {
                "charts": {"mirror": "https://charts.example.com"},
                "images": {"registry": "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com"},
            },
        },
    ),
    "bounded": Variant(
        stack="prod",
        changes={
            "aws": {"permissionsBoundary": BOUNDARY},
            "identity": {"hostedZoneIds": ["Z0123456789ABC"], "chartRepositories": ["charts/platform"]},
            "storage": {"pushers": {"ci": "arn:aws:iam::123456789012:role/ci"}},
        },
    ),
    "quorum": Variant(
        stack="nodes14",
        changes={
            "policy": {"tier": "production"},
            "cluster": {"deletionProtection": True, "logRetentionDays": 365},
            "network": {"nat": "per-az", "flowLogRetentionDays": 365},
            "machines": {
                "controlPlanes": 3,
                "total": 5,
                "controlPlane": {"name": "k8s-master", "instanceType": "t3.large", "zones": _ZONES, "diskGiB": 30},
                "workers": {"k8s-one": {**_MACHINE, "zone": _ZONES[0]}, "k8s-two": {**_MACHINE, "zone": _ZONES[1]}},
            },
            "storage": {"keepData": True, "backupRetentionDays": 35, "fileSystem": True},
            "edge": {"firewall": True},
            "secrets": {"recoveryDays": 30},
            "gitops": {"revision": "v1.0.0"},
        },
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """What a stack registers, and what the rules are told of it."""

    stack: str
    resources: tuple[Resource, ...]
    options: Options


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the rules find.

    Attributes:
        open: What no waiver covers.
        waived: What one covers.
        used: The waivers that cover something.
    """

    open: tuple[Violation, ...]
    waived: tuple[Violation, ...]
    used: frozenset[Waiver]


def program(capture: Callable[..., Capture], variant: Variant) -> Program:
    """Run a stack's program."""
    sections = stack_sections(variant.stack, variant.changes)
    captured = capture_stack(capture, variant.stack, variant.changes)
    return Program(stack=variant.stack, resources=tuple(resources(captured)), options=options(sections.get))


def find(of: Program) -> Findings:
    """Judge a program."""
    found = [(violation, _covering(violation, of.stack)) for violation in violations(of.resources, of.options)]
    return Findings(
        open=tuple(violation for violation, covering in found if not covering),
        waived=tuple(violation for violation, covering in found if covering),
        used=frozenset(waiver for _, covering in found for waiver in covering),
    )


def resources(capture: Capture) -> list[Resource]:
    """Return the capture's registrations as the rules see them."""
    return [_resource(registration) for registration in capture.resources]


def violations(found: Sequence[Resource], told: Options) -> list[Violation]:
    """Return what breaks any rule of the pack."""
    stack = Stack(found, told)
    return [violation for rule in all_rules() for violation in judge(rule, stack)]


def _covering(violation: Violation, stack: str) -> list[Waiver]:
    resource = violation.resource
    where = {"name": resource.name, "urn": resource.urn, "stack": stack}
    return [waiver for waiver in waivers.load() if waiver.covers(violation.rule.id, **where)]


def _resource(registration: Registration) -> Resource:
    return Resource(
        type=registration.type,
        name=registration.name,
        urn=registration.urn,
        props=_plain(registration.inputs),
        protect=registration.protect,
        ignore_changes=registration.ignore_changes,
        parent=registration.parent,
        dependencies=frozenset(registration.dependencies),
        sources={key: frozenset(urns) for key, urns in registration.property_dependencies.items()},
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return UNKNOWN if value == captures.UNKNOWN else value


def sdk_arguments(token: str) -> type[Any]:
    """Return the SDK's class of a resource type's arguments.

    By its package: a module that is imported before its package leaves the package without that module's names
    (pulumi_aws loads its packages lazily). The components name ec2's modules themselves, so there it is the module,
    after the components. The class is called InitArgs where a block of another resource has the shorter name (s3's
    BucketVersioningArgs).
    """
    importlib.import_module("stacks.eks")
    provider, path, class_ = token.split(":")
    package, _, module = path.partition("/")
    if package == "index":
        own: type[Any] = getattr(importlib.import_module(f"pulumi_{provider}"), f"{class_}Args")
        return own
    name = re.sub(r"([A-Z])", r"_\1", module).lower()
    suffix = "_" if keyword.iskeyword(package) else ""
    holder = f"pulumi_aws.ec2.{name}" if package == "ec2" else f"pulumi_aws.{package}{suffix}"
    classes = importlib.import_module(holder)
    arguments: type[Any] = getattr(classes, f"{class_}InitArgs", None) or getattr(classes, f"{class_}Args")
    return arguments

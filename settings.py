"""Typed configuration: the only file that reads pulumi.Config. Bad input ends here, before anything is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from inspect import signature
from typing import Any, Final, get_args

import pulumi
from pulumi.runtime import config as engine_config
from pydantic import BaseModel, ConfigDict, ValidationError

from rules import combinations, machines, production, support
from rules.faults import Fault, translate, unknown_key
from rules.fields import Tags
from rules.sections import (
    MODELS,
    AnyCluster,
    Aws,
    Cluster,
    Edge,
    Gitops,
    Identity,
    Karpenter,
    Machines,
    Network,
    Nodes,
    Observability,
    Policy,
    Secrets,
    SelfManagedCluster,
    Storage,
    Variant,
    Workloads,
    adapters,
    known_keys,
)

PROJECT: Final = "platform"
# Says which sections there are; every other key is one of them.
_VARIANT: Final = "variant"
_VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)
_RULES: Final[Mapping[Variant, tuple[Callable[..., Iterator[Fault]], ...]]] = {
    "eks": (*combinations.RULES, *combinations.EKS, *production.RULES, *production.EKS),
    "self-managed": (*combinations.RULES, *machines.RULES, *production.RULES, *production.SELF_MANAGED),
}


class SettingsError(pulumi.RunError):
    """What is wrong with the configuration, one line per fault; Pulumi prints it without a traceback.

    Attributes:
        lines: Key, value, rule and fix of every fault.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.lines = tuple(dict.fromkeys(fault.line(PROJECT) for fault in faults))
        super().__init__("\n".join(self.lines))


class Settings(BaseModel):
    """Everything a stack is told, valid as a whole; what both variants have.

    Attributes:
        tags: Go on every resource.
        warnings: What is still allowed but will not stay so; one line each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    aws: Aws
    cluster: AnyCluster
    network: Network
    identity: Identity
    storage: Storage
    edge: Edge
    secrets: Secrets
    observability: Observability
    gitops: Gitops
    policy: Policy
    tags: Tags
    warnings: tuple[str, ...]

    @staticmethod
    def load() -> EksSettings | SelfManagedSettings:
        """Read the configuration of the running stack.

        Raises:
            SettingsError: It has faults.
        """
        names = {_VARIANT, *(name for variant in _VARIANTS for name in adapters(variant)), *_given_sections()}
        # The value of a secret would end in clear text in the state, so none is taken and none is looked at.
        secret = sorted(name for name in names if engine_config.is_config_secret(f"{PROJECT}:{name}"))
        if secret:
            text = "holds a secret value, and none of its keys is a secret; store it without --secret"
            raise SettingsError(Fault((name,), text) for name in secret)
        values = {name: _section(name) for name in sorted(names)}
        return Settings.parse({name: value for name, value in values.items() if value is not None}, today=_today())

    @staticmethod
    def parse(sections: Mapping[str, object], *, today: date) -> EksSettings | SelfManagedSettings:
        """Check the sections and return the settings of the variant that they are of.

        Args:
            sections: Each section's content as YAML or JSON gives it.
            today: Decides which Kubernetes versions are still supported.

        Raises:
            SettingsError: They have faults.
        """
        variant = _variant(sections.get(_VARIANT, "eks"))
        checks, known = adapters(variant), known_keys(variant)
        faults = list(_unknown(sections, variant))
        valid: dict[str, Any] = {}
        for name, adapter in checks.items():
            if name not in sections:
                example = {"eks": "dev", "self-managed": "nodes14"}[variant]
                faults.append(Fault((name,), f"is missing; add the section as in Pulumi.{example}.yaml"))
                continue
            try:
                valid[name] = adapter.validate_python(sections[name])
            except ValidationError as error:
                faults.extend(translate(name, error.errors(), known))
        faults.extend(_run(_RULES[variant], {**valid, "today": today}))
        if faults:
            raise SettingsError(faults)
        if variant == "eks":
            return EksSettings(**valid, warnings=tuple(_warnings(valid, today)))
        return SelfManagedSettings(**valid, warnings=tuple(_warnings(valid, today)))


class EksSettings(Settings):
    """A stack on EKS, with a base node group and Karpenter."""

    cluster: Cluster
    nodes: Nodes
    karpenter: Karpenter
    workloads: Workloads


class SelfManagedSettings(Settings):
    """A stack of machines that become a kubeadm cluster."""

    cluster: SelfManagedCluster
    machines: Machines


def _variant(value: object) -> Variant:
    for variant in _VARIANTS:
        if value == variant:
            return variant
    raise SettingsError([Fault((_VARIANT,), f"unknown variant; write {' or '.join(_VARIANTS)}", value)])


def _today() -> date:
    return date.today()


def _given_sections() -> Iterator[str]:
    """Yield the sections that the stack has; pulumi.Config can be asked for known ones only."""
    for key in {**engine_config.get_config_env(), **engine_config.CONFIG.get()}:
        namespace, _, name = key.partition(":")
        if namespace == PROJECT:
            yield name


def _section(name: str) -> object:
    config = pulumi.Config(PROJECT)
    try:
        return config.get_object(name)
    except pulumi.ConfigTypeError:
        return config.get(name)


def _unknown(sections: Mapping[str, object], variant: Variant) -> Iterator[Fault]:
    """Yield the sections that the variant does not have, and say so when another one has them."""
    for name, value in sections.items():
        if name == _VARIANT or name in adapters(variant):
            continue
        owner = next((other for other in _VARIANTS if name in MODELS[other]), None)
        if owner is None:
            yield unknown_key((name,), adapters(variant), value)
        else:
            text = (
                f"a section of variant {owner}, and this stack's is {variant}; remove it, or write {owner} at variant"
            )
            yield Fault((name,), text)


def _run(rules: Iterable[Callable[..., Iterator[Fault]]], valid: Mapping[str, Any]) -> Iterator[Fault]:
    """Run the rules of which all sections are valid."""
    for rule in rules:
        names = signature(rule).parameters
        if valid.keys() >= names.keys():
            yield from rule(**{name: valid[name] for name in names})


def _warnings(valid: Mapping[str, Any], today: date) -> Iterator[str]:
    cluster: AnyCluster = valid["cluster"]
    end = support.STANDARD_SUPPORT_ENDS[cluster.version]
    days = (end - today).days
    if days < support.WARN_DAYS:
        text = f"standard support ends on {end}, in {days} days; plan the upgrade"
        yield Fault(("cluster", "version"), text, cluster.version).line(PROJECT)
    karpenter: Karpenter | None = valid.get("karpenter")
    if karpenter is not None and "on-demand" not in karpenter.capacity_types:
        text = "without spot capacity no node comes; add on-demand to fall back to"
        yield Fault(("karpenter", "capacityTypes"), text, karpenter.capacity_types).line(PROJECT)
    if valid["policy"].decommission:
        text = "every protection is off, so that `pulumi destroy` works; remove it if that is not meant"
        yield Fault(("policy", "decommission"), text, True).line(PROJECT)

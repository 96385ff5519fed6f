"""Typed configuration: the only file that reads pulumi.Config. Bad input ends here, before anything is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from inspect import signature
from typing import Any, Final, Self

import pulumi
from pulumi.runtime import config as engine_config
from pydantic import BaseModel, ConfigDict, ValidationError

from rules import combinations, production, support
from rules.faults import Fault, translate, unknown_key
from rules.fields import Tags
from rules.sections import (
    ADAPTERS,
    KNOWN_KEYS,
    Aws,
    Cluster,
    Edge,
    Gitops,
    Identity,
    Karpenter,
    Network,
    Nodes,
    Observability,
    Policy,
    Secrets,
    Storage,
)

PROJECT: Final = "platform"


class SettingsError(pulumi.RunError):
    """What is wrong with the configuration, one line per fault; Pulumi prints it without a traceback.

    Attributes:
        lines: Key, value, rule and fix of every fault.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.lines = tuple(dict.fromkeys(fault.line(PROJECT) for fault in faults))
        super().__init__("\n".join(self.lines))


class Settings(BaseModel):
    """Everything a stack is told, valid as a whole.

    Attributes:
        tags: Go on every resource.
        warnings: What is still allowed but will not stay so; one line each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    aws: Aws
    cluster: Cluster
    network: Network
    nodes: Nodes
    karpenter: Karpenter
    identity: Identity
    storage: Storage
    edge: Edge
    secrets: Secrets
    observability: Observability
    gitops: Gitops
    policy: Policy
    tags: Tags
    warnings: tuple[str, ...]

    @classmethod
    def load(cls) -> Self:
        """Read the configuration of the running stack.

        Raises:
            SettingsError: It has faults.
        """
        names = {*ADAPTERS, *_given_sections()}
        # The value of a secret would end in clear text in the state, so none is taken and none is looked at.
        secret = sorted(name for name in names if engine_config.is_config_secret(f"{PROJECT}:{name}"))
        if secret:
            text = "holds a secret value, and none of its keys is a secret; store it without --secret"
            raise SettingsError(Fault((name,), text) for name in secret)
        values = {name: _section(name) for name in sorted(names)}
        return cls.parse({name: value for name, value in values.items() if value is not None}, today=_today())

    @classmethod
    def parse(cls, sections: Mapping[str, object], *, today: date) -> Self:
        """Check the sections and return the settings.

        Args:
            sections: Each section's content as YAML or JSON gives it.
            today: Decides which Kubernetes versions are still supported.

        Raises:
            SettingsError: They have faults.
        """
        faults = list(_unknown(sections))
        valid: dict[str, Any] = {}
        for name, adapter in ADAPTERS.items():
            if name not in sections:
                faults.append(Fault((name,), "is missing; add the section as in Pulumi.dev.yaml"))
                continue
            try:
                valid[name] = adapter.validate_python(sections[name])
            except ValidationError as error:
                faults.extend(translate(name, error.errors(), KNOWN_KEYS))
        faults.extend(_run((*combinations.RULES, *production.RULES), {**valid, "today": today}))
        if faults:
            raise SettingsError(faults)
        return cls(**valid, warnings=tuple(_warnings(valid, today)))


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


def _unknown(sections: Mapping[str, object]) -> Iterator[Fault]:
    for name, value in sections.items():
        if name not in ADAPTERS:
            yield unknown_key((name,), ADAPTERS, value)


def _run(rules: Iterable[Callable[..., Iterator[Fault]]], valid: Mapping[str, Any]) -> Iterator[Fault]:
    """Run the rules of which all sections are valid."""
    for rule in rules:
        names = signature(rule).parameters
        if valid.keys() >= names.keys():
            yield from rule(**{name: valid[name] for name in names})


def _warnings(valid: Mapping[str, Any], today: date) -> Iterator[str]:
    cluster: Cluster = valid["cluster"]
    end = support.STANDARD_SUPPORT_ENDS[cluster.version]
    days = (end - today).days
    if days < support.WARN_DAYS:
        text = f"standard support ends on {end}, in {days} days; plan the upgrade"
        yield Fault(("cluster", "version"), text, cluster.version).line(PROJECT)
    karpenter: Karpenter = valid["karpenter"]
    if "on-demand" not in karpenter.capacity_types:
        text = "without spot capacity no node comes; add on-demand to fall back to"
        yield Fault(("karpenter", "capacityTypes"), text, karpenter.capacity_types).line(PROJECT)
    if valid["policy"].decommission:
        text = "every protection is off, so that `pulumi destroy` works; remove it if that is not meant"
        yield Fault(("policy", "decommission"), text, True).line(PROJECT)

"""What the sandbox must know of a program's machines: `[tool.sandbox.machines]` in its pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

# An address of a documentation range, RFC 5737: whoever runs the sandbox comes from there.
_OPERATOR = "203.0.113.10"


class SettingsError(Exception):
    """The table in pyproject.toml is not what this module reads."""


@dataclass(frozen=True, kw_only=True)
class MachineSettings:
    """Where user data says what a machine becomes, and how its boot script speaks.

    Attributes:
        description: Path of the JSON file that names the secrets a machine reads and the files that it renders.
        kubeadm: Path of the template of kubeadm's configuration, as user data writes it.
        join: Path of the template by which a machine that would initialise a cluster joins it when it is there already;
            empty when there is none.
        renewal: Path of the unit by which a control plane makes the join token of its parameter known again and again;
            a machine whose user data does not write it does not do so.
        phase: Line on the console when a phase begins; `{phase}` is its name.
        failure: Line on the console when a phase fails; `{reason}` says why.
        facts: What a machine puts into its files by itself, by placeholder: `{provider_id}`, `{address}`, `{instance}`.
        operator: Address from which the sandbox's user reaches load balancers that face the internet.
    """

    description: str
    kubeadm: str
    join: str = ""
    renewal: str = ""
    phase: str = "boot: phase={phase}"
    failure: str = "boot: failed phase={phase}: {reason}"
    facts: Mapping[str, str] = field(default_factory=dict)
    operator: str = _OPERATOR


def machine_settings(checkout: Path) -> MachineSettings | None:
    """Read the table of a checkout; None when it has none: then instances are instances and nothing boots."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    table = settings.get("tool", {}).get("sandbox", {}).get("machines")
    if table is None:
        return None
    known = {one.name for one in fields(MachineSettings)}
    if unknown := sorted(table.keys() - known):
        raise SettingsError(f"[tool.sandbox.machines] has no setting {', '.join(unknown)}")
    if missing := sorted({"description", "kubeadm"} - table.keys()):
        raise SettingsError(f"[tool.sandbox.machines] lacks {', '.join(missing)}")
    return MachineSettings(**table)

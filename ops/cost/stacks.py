"""A stack's settings, read from its file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from ops.errors import OpsError
from settings import PROJECT, EksSettings, SelfManagedSettings, Settings, SettingsError

_PREFIX: Final = f"{PROJECT}:"


def known_stacks(folder: Path) -> list[str]:
    """Return the stacks that have a file in the folder, by name."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml"))


def load(folder: Path, stack: str, today: date) -> EksSettings | SelfManagedSettings:
    """Return the settings of a stack.

    Args:
        folder: Where Pulumi.yaml is.
        stack: Its name, with or without organization and project.
        today: Decides which Kubernetes versions are still supported.

    Raises:
        OpsError: There is no such stack, or its file has faults.
    """
    name = stack.rpartition("/")[2]
    known = known_stacks(folder)
    if name not in known:
        raise OpsError(f"stack {stack}: there is no Pulumi.{name}.yaml; known stacks: {', '.join(known) or 'none'}")
    path = folder / f"Pulumi.{name}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise OpsError(f"{path.name}: {' '.join(str(error).split())}") from error
    config = content.get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise OpsError(f"{path.name}: has no configuration under the key config")
    sections = {key.removeprefix(_PREFIX): _value(value) for key, value in config.items() if key.startswith(_PREFIX)}
    try:
        return Settings.parse(sections, today=today)
    except SettingsError as error:
        raise OpsError("\n".join(f"{path.name}: {line}" for line in error.lines)) from error


def _value(value: Any) -> Any:
    """Return a section as the engine would: objects may stand in the file as JSON text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value

"""The engine's project folder: the checkout's program under stack files of the sandbox's own.

The engine writes its encryption salt into a stack's file, and the sandbox points the program to its own git server and
chart mirror. Both would be changes to the checkout, so they are made in copies.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.placement import Rule, read_rules
from sandbox.steps import Step, read_steps

# What is there before the program: `{zone:example.com}` stands for the id of a domain's public hosted zone,
# `{ami:ubuntu-24.04}` for that of a machine image.
_FOUND = re.compile(r"\{(?P<kind>zone|ami):(?P<name>[a-z0-9.-]+)\}")


class ProjectError(Exception):
    """The checkout is not a Pulumi project that the sandbox can run."""


class Project:
    """Copies of Pulumi.yaml and the stack files, with the overrides of `[tool.sandbox.config]` in pyproject.toml.

    Args:
        checkout: Folder of the program.
        folder: Where the copies go.
        endpoints: Values for the overrides' placeholders, such as `{"git": "https://127.0.0.1:4000/tree.git"}`.
        add_zone: Makes the zone of a registered domain and returns its id, for placeholders such as
            `{zone:example.com}`. One zone serves all stacks that have a value where the placeholder goes.
        add_image: Makes a machine image known and returns its id, for placeholders such as `{ami:ubuntu-24.04}`.

    Attributes:
        reasons: `[tool.sandbox.reasons]`: why resources come in the order in which they come, for `durations`.
    """

    def __init__(
        self,
        checkout: Path,
        folder: Path,
        endpoints: Mapping[str, str],
        add_zone: Callable[[str], str] | None = None,
        add_image: Callable[[str], str] | None = None,
    ) -> None:
        self.checkout = checkout
        self.folder = folder
        settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
        sandbox = settings.get("tool", {}).get("sandbox", {})
        config: dict[str, str] = sandbox.get("config", {})
        self._found = _found(config, {"zone": add_zone, "ami": add_image})
        self._overrides = {key: value.format(**endpoints) for key, value in config.items() if key not in self._found}
        self._revision_key: str | None = sandbox.get("revision")
        self._unprotected: dict[str, Any] = sandbox.get("unprotect", {})
        self._limits: dict[str, dict[str, float]] = sandbox.get("limits", {})
        self._steps = read_steps(sandbox.get("steps", []))
        self._placement = read_rules(sandbox.get("placement", []))
        self.reasons: dict[str, str] = sandbox.get("reasons", {})

    def prepare(self) -> None:
        """Write the copies. What `pulumi` itself put into an earlier copy is kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        source = self.checkout / "Pulumi.yaml"
        if not source.is_file():
            raise ProjectError(f"{source} is not there: the sandbox runs from a Pulumi project's folder")
        project = _load(source) | {"main": str(self.checkout)}
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")
        for path in self.checkout.glob("Pulumi.*.yaml"):
            self._copy_stack(path, self.folder / path.name)

    def revisions(self) -> set[str]:
        """Return the Git revisions that the stacks ask for; the git server serves the working tree under each."""
        key = self._revision_key
        if key is None:
            return set()
        found = (_at(_load(path).get("config", {}), key) for path in self.checkout.glob("Pulumi.*.yaml"))
        return {revision for revision in found if isinstance(revision, str)}

    def limits(self, stack: str) -> Mapping[str, float]:
        """Return `[tool.sandbox.limits.<stack>]`: after how many seconds of the model a resource is there at most."""
        return self._limits.get(stack, {})

    def steps(self, stack: str, when: str) -> list[Step]:
        """Return those of `[[tool.sandbox.steps]]` that a stack takes at a moment, one of `steps.MOMENTS`."""
        return [step for step in self._steps if step.when == when and (not step.stacks or stack in step.stacks)]

    def placement(self, stack: str) -> list[Rule]:
        """Return those of `[[tool.sandbox.placement]]` that are for a stack: which pods are on which nodes."""
        return [rule for rule in self._placement if not rule.stacks or stack in rule.stacks]

    def unprotect(self, stack: str) -> dict[str, Any]:
        """Set the values of `[tool.sandbox.unprotect]` in a stack's copy and return them.

        With them the program protects nothing. Without any there is nothing to set.
        """
        if self._unprotected:
            path = self.folder / f"Pulumi.{stack}.yaml"
            changed = _load(path)
            for key, value in self._unprotected.items():
                _put(changed.setdefault("config", {}), key, value)
            path.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
        return self._unprotected

    def _copy_stack(self, source: Path, target: Path) -> None:
        stack = _load(source)
        if target.is_file():
            written = _load(target)
            stack |= {key: written[key] for key in ("encryptionsalt", "secretsprovider") if key in written}
        config = stack.setdefault("config", {})
        for key, value in self._overrides.items():
            _put(config, key, value)
        for key, value in self._found.items():
            # A stack without such a value stays without one.
            if _at(config, key) is not None:
                _put(config, key, value)
        target.write_text(yaml.safe_dump(stack, sort_keys=False), encoding="utf-8")


def _found(config: Mapping[str, str], makers: Mapping[str, Callable[[str], str] | None]) -> dict[str, str]:
    """Make what placeholders ask for, each thing once, and return the ids by configuration key."""
    asked = {key: (match["kind"], match["name"]) for key, value in config.items() if (match := _FOUND.fullmatch(value))}
    ids = {}
    for kind, name in sorted({*asked.values()}):
        make = makers[kind]
        if make is None:
            raise ProjectError(f"[tool.sandbox.config] asks for {kind} {name}, without an AWS")
        ids[kind, name] = make(name)
    return {key: ids[thing] for key, thing in asked.items()}


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ProjectError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(loaded, dict):
        raise ProjectError(f"{path}: not a YAML mapping")
    return loaded


def _at(config: Mapping[str, Any], path: str) -> Any:
    value: Any = config
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(config: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for part in parents:
        config = config.setdefault(part, {})
    config[last] = value

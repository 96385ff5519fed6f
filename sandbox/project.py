"""The engine's project folder: the checkout's program under stack files of the sandbox's own.

The engine writes its encryption salt into a stack's file, and the sandbox points the program to its own git server and
chart mirror. Both would be changes to the checkout, so they are made in copies.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class ProjectError(Exception):
    """The checkout is not a Pulumi project that the sandbox can run."""


class Project:
    """Copies of Pulumi.yaml and the stack files, with the overrides of `[tool.sandbox.config]` in pyproject.toml.

    Args:
        checkout: Folder of the program.
        folder: Where the copies go.
        endpoints: Values for the overrides' placeholders, such as `{"git": "https://127.0.0.1:4000/tree.git"}`.
    """

    def __init__(self, checkout: Path, folder: Path, endpoints: Mapping[str, str]) -> None:
        self.checkout = checkout
        self.folder = folder
        settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
        sandbox = settings.get("tool", {}).get("sandbox", {})
        self._overrides = {key: value.format(**endpoints) for key, value in sandbox.get("config", {}).items()}
        self._revision_key: str | None = sandbox.get("revision")
        self._unprotected: dict[str, Any] = sandbox.get("unprotect", {})

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
        target.write_text(yaml.safe_dump(stack, sort_keys=False), encoding="utf-8")


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

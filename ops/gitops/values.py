"""The root Application of a stack: as the program asks for it, or as a deployed stack has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ops.cost.stacks import known_stacks
from ops.engine import Pulumi
from ops.errors import OpsError
from ops.gitops.objects import Object

_PROGRAM: Final = Path(__file__).with_name("program.py")
_APPLICATION: Final = "kubernetes:argoproj.io/v1alpha1:Application"
_PROJECT: Final = "kubernetes:argoproj.io/v1alpha1:AppProject"
# Seconds after which a program that asks nobody is not going to end.
_LONGEST: Final = 120
# What the SDKs read; the run is to depend on the files alone.
_FOREIGN: Final = ("AWS_", "PULUMI_", "KUBECONFIG")
# Marks a secret in a stack's state (https://www.pulumi.com/docs/iac/concepts/secrets/).
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True, slots=True)
class Root:
    """A stack's root Application.

    Attributes:
        application: As the program asks for it.
        project: The project that it belongs to, which comes with it.
        kubernetes: The cluster's minor version; empty if the stack's file does not say it.
        examples: Which values, as dotted paths below the hand-over, are examples, for only a deployed stack knows them.
    """

    application: Object
    project: Object | None
    kubernetes: str
    examples: tuple[str, ...]


def of_program(folder: Path, stack: str) -> Root:
    """Return what the program in a folder asks for; takes two seconds, no credentials and no network.

    Raises:
        OpsError: There is no such stack, the program refuses its settings, or it has no root Application.
    """
    name = _known(folder, stack)
    with tempfile.TemporaryDirectory(prefix="platform-gitops-") as temporary:
        target = Path(temporary) / "answer.json"
        _run(folder, name, target)
        answer = json.loads(target.read_text(encoding="utf-8"))
    if answer["root"] is None:
        raise OpsError(f"stack {name}: the program asks for no Application called root")
    if answer["unknown"]:
        raise OpsError(
            f"{_below(answer['unknown'][0])} of the hand-over is computed by a provider, and {_PROGRAM.name} has no "
            "example of it; add one there"
        )
    return Root(
        answer["root"], answer["project"], _kubernetes(folder, name), tuple(_below(path) for path in answer["examples"])
    )


def of_state(folder: Path, stack: str) -> Root:
    """Return what a deployed stack has, from its state.

    Raises:
        OpsError: There is no such stack, the state cannot be read, or the stack has no root Application.
    """
    name = _known(folder, stack)
    resources = (Pulumi(folder, stack).export().get("deployment") or {}).get("resources") or []
    found = {
        (resource["type"], resource["inputs"]["metadata"].get("name")): _readable(resource["inputs"])
        for resource in resources
        if resource["type"] in (_APPLICATION, _PROJECT) and not resource.get("delete")
    }
    if (_APPLICATION, "root") not in found:
        raise OpsError(f"stack {name} is not deployed: its state has no Application called root; leave --deployed out")
    return Root(found[_APPLICATION, "root"], found.get((_PROJECT, "bootstrap")), _kubernetes(folder, name), ())


def _known(folder: Path, stack: str) -> str:
    name, known = stack.rpartition("/")[2], known_stacks(folder)
    if name not in known:
        raise OpsError(f"stack {stack}: there is no Pulumi.{name}.yaml; known stacks: {', '.join(known) or 'none'}")
    return name


def _run(folder: Path, stack: str, target: Path) -> None:
    command = [sys.executable, "-P", str(_PROGRAM), stack, str(target)]
    try:
        done = subprocess.run(
            command, check=False, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired as error:
        raise OpsError(f"stack {stack}: the program did not end within {_LONGEST} s") from error
    if done.returncode:
        said = "; ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        raise OpsError(f"stack {stack}: the program refuses: {said}")


def _environment() -> Mapping[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    # Nobody is to be asked: without it the SDK for AWS would look for an instance's role.
    return {**own, "AWS_EC2_METADATA_DISABLED": "true"}


def _kubernetes(folder: Path, stack: str) -> str:
    content = yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")) or {}
    for key, section in (content.get("config") or {}).items():
        if key.endswith(":cluster") and isinstance(section, dict):
            return str(section.get("version", ""))
    return ""


def _below(path: str) -> str:
    return path.removeprefix("spec.source.helm.valuesObject.")


def _readable(value: Any) -> Any:
    """Return inputs as an Application has them; what is secret stays so."""
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return "[secret]"
        # The engine's own notes, which no object has.
        return {key: _readable(item) for key, item in value.items() if not key.startswith("__")}
    return [_readable(item) for item in value] if isinstance(value, list) else value

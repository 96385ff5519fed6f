"""The kubelet's credential providers: it does not start with one that it cannot run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from sandbox.machines.tls_bootstrap import JoinError

__all__ = ["FLAGS", "check_image_credentials"]

_FOLDER: Final = "image-credential-provider-bin-dir"
_CONFIG: Final = "image-credential-provider-config"
FLAGS: Final = frozenset({_FOLDER, _CONFIG})
# https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/
_REQUIRED: Final = ("name", "apiVersion", "matchImages", "defaultCacheDuration")


def check_image_credentials(root: Path, arguments: Mapping[str, str]) -> None:
    """Raise `JoinError` where the kubelet would end at once. Nothing is signed in to: no image is pulled.

    Args:
        root: Folder that stands for the machine's `/`.
        arguments: The kubelet's extra arguments.
    """
    given = FLAGS & arguments.keys()
    if not given:
        return
    if given != FLAGS:
        raise JoinError(f"kubelet: --{_FOLDER} and --{_CONFIG} go together")
    config = root / arguments[_CONFIG].lstrip("/")
    if not config.is_file():
        raise JoinError(f"kubelet: {arguments[_CONFIG]} is not there")
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    if not isinstance(content, Mapping) or content.get("kind") != "CredentialProviderConfig":
        raise JoinError(f"kubelet: {arguments[_CONFIG]} is no CredentialProviderConfig")
    for provider in content.get("providers") or []:
        if missing := [key for key in _REQUIRED if not provider.get(key)]:
            raise JoinError(f"kubelet: a provider of {arguments[_CONFIG]} lacks {', '.join(missing)}")
        program = root / arguments[_FOLDER].lstrip("/") / provider["name"]
        if not (program.is_file() and os.access(program, os.X_OK)):
            raise JoinError(f"kubelet: {arguments[_FOLDER]}/{provider['name']} is not there or cannot be run")

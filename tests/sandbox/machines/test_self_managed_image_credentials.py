"""Credential providers of the kubelet that it could not start with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.machines.image_credentials import check_image_credentials
from sandbox.machines.tls_bootstrap import JoinError

ARGUMENTS = {
    "image-credential-provider-bin-dir": "/usr/local/lib/platform",
    "image-credential-provider-config": "/etc/platform/credentials.yaml",
}
PROVIDER = {
    "name": "ecr-credentials",
    "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
    "matchImages": ["*.dkr.ecr.*.amazonaws.com"],
    "defaultCacheDuration": "6h0m0s",
}


def _machine(root: Path, *, mode: int = 0o700, kind: str = "CredentialProviderConfig", **provider: Any) -> Path:
    program, config = root / "usr/local/lib/platform/ecr-credentials", root / "etc/platform/credentials.yaml"
    for path, text in ((program, "#!"), (config, yaml.safe_dump({"kind": kind, "providers": [PROVIDER | provider]}))):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    program.chmod(mode)
    return root


def test_a_provider_that_runs_is_taken(tmp_path: Path) -> None:
    """A whole configuration passes, and so does none."""
    check_image_credentials(_machine(tmp_path), ARGUMENTS)
    check_image_credentials(tmp_path / "another", {})


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"mode": 0o600}, "/usr/local/lib/platform/ecr-credentials is not there or cannot be run"),
        ({"name": "other"}, "/usr/local/lib/platform/other is not there"),
        ({"kind": "Pod"}, "is no CredentialProviderConfig"),
        ({"matchImages": []}, "lacks matchImages"),
        ({"defaultCacheDuration": ""}, "lacks defaultCacheDuration"),
    ],
)
def test_a_provider_that_does_not_run_ends_the_kubelet(tmp_path: Path, broken: dict[str, Any], said: str) -> None:
    """What the kubelet looks at when it starts is looked at here."""
    with pytest.raises(JoinError, match=said):
        check_image_credentials(_machine(tmp_path, **broken), ARGUMENTS)


@pytest.mark.parametrize("flag", sorted(ARGUMENTS))
def test_half_a_configuration_ends_the_kubelet(tmp_path: Path, flag: str) -> None:
    """Neither flag means anything without the other."""
    with pytest.raises(JoinError, match="go together"):
        check_image_credentials(_machine(tmp_path), {flag: ARGUMENTS[flag]})


def test_a_configuration_that_nobody_wrote_ends_the_kubelet(tmp_path: Path) -> None:
    """The path alone is not enough."""
    with pytest.raises(JoinError, match=r"credentials\.yaml is not there"):
        check_image_credentials(tmp_path, ARGUMENTS)

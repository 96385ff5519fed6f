"""The emulated AWS and the real Argo CD, for operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from sandbox.aws.emulator import AwsEmulator
from sandbox.kubernetes.api import Manifest
from tests.sandbox.kubernetes.operators import health


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AwsEmulator, str]]:
    """The emulated AWS with its URL."""
    made = AwsEmulator(tmp_path_factory.mktemp("aws"))
    yield made, made.start()
    made.stop()


@pytest.fixture
def endpoint(emulator: tuple[AwsEmulator, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an AWS that is empty; even of the policies that AWS manages, which take seconds to read."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")
    emulator[0].reset()
    return emulator[1]


@pytest.fixture
def healthy(tools: Mapping[str, Path], tmp_path: Path) -> Callable[[Manifest], str]:
    """Argo CD's opinion of an object."""
    return lambda manifest: health(tools["argocd"], tmp_path, manifest)

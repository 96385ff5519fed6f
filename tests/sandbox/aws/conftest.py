"""One emulated account per module: tests make what they need in it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sandbox.aws import AwsEmulator, AwsHost
from tests.sandbox.aws.world import ACCOUNT, DEFAULT_TAGS, REGION, Effects, World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    emulator = AwsEmulator(tmp_path_factory.mktemp("aws"))
    effects = Effects()
    host = AwsHost(emulator.start(), effects)
    host.configure(
        {
            "region": REGION,
            "allowedAccountIds": json.dumps([ACCOUNT]),
            "defaultTags": json.dumps({"tags": DEFAULT_TAGS}),
        }
    )
    yield World(emulator, host, effects)
    emulator.stop()

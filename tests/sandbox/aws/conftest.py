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
    endpoint = emulator.start()
    host = AwsHost(endpoint, effects)
    tags, accounts = json.dumps({"tags": DEFAULT_TAGS}), json.dumps([ACCOUNT])
    host.configure({"region": REGION, "allowedAccountIds": accounts, "defaultTags": tags})
    yield World(emulator, host, effects, endpoint)
    emulator.stop()

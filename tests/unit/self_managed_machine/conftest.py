"""A bare machine to try the scripts on, with SSM, S3, its metadata, and repositories' keys of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.self_managed.spec import ClusterSpec, NodeSpec
from tests.self_managed import nodes14
from tests.self_managed.boot import Keys, Machine, Make, aws, forget, make_key, metadata


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not there")
    # Short, for gpg's agent has a socket in it.
    folder = tmp_path_factory.mktemp("k")
    return {name: make_key(folder, name) for name in ("kubernetes", "docker")}


@pytest.fixture(scope="session")
def addresses() -> Iterator[tuple[str, str]]:
    with aws() as endpoint, metadata() as address:
        yield endpoint, address


@pytest.fixture
def make(tmp_path: Path, addresses: tuple[str, str], keys: Keys) -> Make:
    def build(spec: ClusterSpec, node: NodeSpec, *, parameters: bool = True) -> Machine:
        folder = tmp_path / node.name
        machine = Machine(folder, spec, node, *addresses)
        machine.trust(keys)
        forget(machine.endpoint)
        machine.create_buckets()
        if parameters:
            machine.put_parameters()
        return machine

    return build


@pytest.fixture
def worker(make: Make) -> Machine:
    return make(nodes14(), nodes14().workers[0])


@pytest.fixture
def master(make: Make) -> Machine:
    machine = make(nodes14(), nodes14().control_planes[0])
    machine.attach_volume()
    return machine

"""Fixtures: an API server with every operator's kinds and the tree's namespaces, but none of its objects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final

import pytest

from sandbox.certificates import Authority
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.processes import Supervisor
from sandbox.kubernetes.servers import Servers
from sandbox.tools import load_tools
from tests.gitops.schemas import definitions, whole
from tests.gitops.tree import CHECKOUT, Object, Tree

_DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
# Those that each API server makes by itself.
_PRESENT: Final = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
_KINDS_SECONDS: Final = 60.0


@pytest.fixture(scope="session")
def kinds(trees: dict[str, Tree]) -> list[Object]:
    """Return the CRDs of the trees' kinds, without what is said for readers only."""
    return [_terse(crd) for crd in definitions(trees.values())]


@pytest.fixture(scope="session")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Api]]:
    """Return an API server on its way up: the trees are rendered meanwhile."""
    folder, tools = tmp_path_factory.mktemp("server"), load_tools(CHECKOUT)
    servers = Servers(folder / "data", tools, Supervisor(folder), Authority(folder / "certificates"))

    def start() -> Api:
        servers.start_api()
        return servers.api

    with ThreadPoolExecutor() as pool:
        started = pool.submit(start)
        try:
            yield started
        finally:
            wait([started])
            servers.stop()


@pytest.fixture(scope="session")
def server(starting: Future[Api], trees: dict[str, Tree], kinds: list[Object]) -> Api:
    """Return a running API server that knows all kinds."""
    api = starting.result()
    for crd in kinds:
        api.request("POST", _DEFINITIONS, crd)
    for name in sorted({namespace for tree in trees.values() for namespace in _namespaces(tree)} - _PRESENT):
        api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    for crd in kinds:
        _await(api, crd)
    return api


def _namespaces(tree: Tree) -> Iterator[str]:
    for thing in whole(tree):
        if "namespace" in thing["metadata"]:
            yield thing["metadata"]["namespace"]


def _await(api: Api, crd: Mapping[str, Any]) -> None:
    deadline = time.monotonic() + _KINDS_SECONDS
    for version in crd["spec"]["versions"]:
        name = f"{crd['spec']['group']}/{version['name']}"
        while version["served"] and api.kind(name, crd["spec"]["names"]["kind"]) is None:
            assert time.monotonic() < deadline, f"{crd['metadata']['name']} is not served"
            time.sleep(0.1)


def _terse(value: Any) -> Any:
    if isinstance(value, list):
        return [_terse(item) for item in value]
    if not isinstance(value, dict):
        return value
    # A property may be called so too; then it is a schema and no text.
    return {key: _terse(item) for key, item in value.items() if key != "description" or not isinstance(item, str)}

"""Fixtures: the pinned tools, and the tree rendered once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gitops.pods import Spaces, spaces
from tests.gitops.tree import CHECKOUT, HANDOVER, SELF_MANAGED, Tool, Tree, render


@pytest.fixture(scope="session")
def tool() -> Tool:
    """Find a tool (or a folder of CRDs) that `make setup` provided: `tool("helm")`."""
    listing = CHECKOUT / ".tools.json"
    paths: dict[str, str] = json.loads(listing.read_text(encoding="utf-8")) if listing.is_file() else {}

    def find(name: str) -> Path:
        path = Path(paths.get(name, ""))
        if name not in paths or not path.exists():
            pytest.fail(f"{name} is not set up; run `make setup`", pytrace=False)
        return path

    return find


@pytest.fixture(scope="session")
def tree(tool: Tool) -> Tree:
    """The whole tree, rendered with tests/gitops/handover.json. Copy it before you change it."""
    return render(tool)


@pytest.fixture(scope="session")
def self_managed_tree(tool: Tool) -> Tree:
    """The whole tree of a self-managed cluster. Copy it before you change it."""
    return render(tool, SELF_MANAGED)


@pytest.fixture(scope="session")
def trees(tool: Tool, tree: Tree, self_managed_tree: Tree) -> dict[str, Tree]:
    """The tree of each variant and, on EKS, of each overlay of the workloads, by a name of TREES."""
    made = {overlay: render(tool, {**HANDOVER, "workloads": {"overlay": overlay}}) for overlay in ("dev", "staging")}
    return {"self-managed": self_managed_tree, "eks-prod": tree} | {f"eks-{name}": made[name] for name in made}


@pytest.fixture(scope="session")
def ours(tree: Tree, self_managed_tree: Tree) -> Spaces:
    """What is rendered from this repository, by variant and namespace. Copy it before you change it."""
    return spaces(eks=tree, self_managed=self_managed_tree)

"""Where images come from: publishers, the stack's own registry, or the one that holds copies in a closed network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.gitops.rendering import sources_of
from tests.gitops.tree import HANDOVER, SELF_MANAGED, Object, Tool, Tree, render

_REGISTRY = "registry.example.com/copies"
# It brings kinds alone.
_WITHOUT_IMAGES = {"karpenter-crd"}


def _images(value: Any) -> Iterator[str]:
    """Yield the images of whatever has containers, at any depth."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("containers", "initContainers") and isinstance(below, list):
                # What is patched onto an operator's containers names none.
                yield from (container["image"] for container in below if "image" in container)
            elif key in ("image", "imageName") and isinstance(below, str):
                yield below
            else:
                yield from _images(below)
    elif isinstance(value, list):
        for item in value:
            yield from _images(item)


def _of_elsewhere(tree: Tree) -> Iterator[str]:
    """Yield the images of our own manifests that are not in the stack's own registry."""
    own = tuple(tree.handover["storage"]["repositories"].values())
    for thing in tree.ours():
        if thing["kind"] not in ("Application", "ApplicationSet", "CustomResourceDefinition"):
            yield from (image for image in _images(thing) if not image.startswith(own))


def _charts(tree: Tree) -> Iterator[Object]:
    for application in tree.applications:
        yield from (source for source in sources_of(application) if "chart" in source)


@pytest.fixture(params=[HANDOVER, SELF_MANAGED], ids=["eks", "self-managed"], scope="module")
def closed(request: pytest.FixtureRequest, tool: Tool) -> Tree:
    """The tree of a stack that has a registry with copies."""
    return render(tool, {**request.param, "images": {"registry": _REGISTRY}})


def test_every_chart_is_told_the_registry(closed: Tree) -> None:
    """Nodes of a closed network reach no publisher."""
    told = {source["chart"]: _REGISTRY in json.dumps(source["helm"]["valuesObject"]) for source in _charts(closed)}
    assert {chart for chart, is_told in told.items() if not is_told} == _WITHOUT_IMAGES & told.keys()


def test_our_own_manifests_take_copies(closed: Tree) -> None:
    """What is ours and not a workload's own image comes from the registry, under its publisher's path."""
    images = sorted(set(_of_elsewhere(closed)))
    assert images
    assert [image for image in images if not image.startswith(f"{_REGISTRY}/")] == []


@pytest.mark.parametrize("name", ["tree", "self_managed_tree"])
def test_without_a_registry_publishers_are_asked(name: str, request: pytest.FixtureRequest) -> None:
    """Each image names its registry: one without would depend on how a node is set up."""
    tree: Tree = request.getfixturevalue(name)
    for image in _of_elsewhere(tree):
        registry, _, path = image.partition("/")
        assert "." in registry, image
        assert path, image

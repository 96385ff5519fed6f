"""A real API server takes every object of the tree: defaults, CEL rules and all, and it knows every key."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Final

import pytest

from sandbox.kubernetes.api import Api, ApiError
from tests.gitops.schemas import TREES, whole
from tests.gitops.tree import Object, Tree

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("server")]

_MANAGER: Final = "argocd-controller"


def _refusals(server: Api, tree: Tree, things: Iterable[Object]) -> Iterator[str]:
    for thing in things:
        if reason := _refusal(server, thing):
            application = next((name for name, brought in tree.children.items() if thing in brought), "root")
            metadata = thing["metadata"]
            yield f"{application}: {thing['kind']} {metadata.get('namespace', '')}/{metadata['name']}: {reason}"


def _refusal(server: Api, thing: Object) -> str:
    kind = server.kind(thing["apiVersion"], thing["kind"])
    if kind is None:
        return f"{thing['apiVersion']} has no such kind"
    if kind.namespaced != ("namespace" in thing["metadata"]):
        return f"lies in {'no' if kind.namespaced else 'a'} namespace"
    try:
        server.apply(kind, thing, _MANAGER, force=True, dry_run=True)
    except ApiError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", TREES)
def test_every_object_is_accepted(server: Api, trees: dict[str, Tree], name: str) -> None:
    """Applied on the server's side, dry and with strict field validation, no object is refused."""
    assert list(_refusals(server, trees[name], whole(trees[name]))) == []


def test_unknown_key_in_a_custom_resource_is_refused(trees: dict[str, Tree], kinds: list[Object], server: Api) -> None:
    """The check is strict: an object of each custom kind is refused with one key more in its spec."""
    custom = {crd["spec"]["names"]["kind"] for crd in kinds}
    seen: set[str] = set()
    for tree in trees.values():
        for thing in copy.deepcopy([thing for thing in tree.ours() if thing["kind"] in custom - seen]):
            thing["spec"]["unknownKey"] = "x"
            (refusal,) = _refusals(server, tree, [thing])
            assert "unknownKey" in refusal
            seen.add(thing["kind"])
    assert seen == custom


def test_rule_in_a_crd_is_kept(server: Api, trees: dict[str, Tree]) -> None:
    """CEL rules count: a node class with a role and an instance profile is refused, which no schema can say."""
    broken = copy.deepcopy(trees["eks-prod"].get("EC2NodeClass/default"))
    broken["spec"]["instanceProfile"] = "nodes"
    (refusal,) = _refusals(server, trees["eks-prod"], [broken])
    assert "instanceProfile" in refusal

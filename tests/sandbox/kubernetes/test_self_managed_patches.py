"""Patches of nodes, as the real provider has them: some fields of an object that somebody else made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from sandbox.kubernetes import objects
from sandbox.kubernetes.objects import Mutable
from sandbox.protocol import HostError
from tests.sandbox.kubernetes.conftest import Cluster, RefusedError, until

_PATCH = "kubernetes:core/v1:NodePatch"
_URN = f"urn:pulumi:s::p::{_PATCH}::Thing"
_LABEL = "node-role.kubernetes.io/api"


def _metadata(name: str, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {_LABEL: ""}, "annotations": annotations}}


def test_a_patch_names_what_it_patches() -> None:
    """It is of the kind without `Patch`, has no namespace, and without a name it is refused."""
    checked = objects.check(_PATCH, _URN, {"metadata": {"name": "n"}}, b"seed", "team")
    assert (checked["kind"], checked["apiVersion"], checked["metadata"]) == ("Node", "v1", {"name": "n"})
    with pytest.raises(HostError, match=r"metadata\.name"):
        objects.check(_PATCH, _URN, {"metadata": {"labels": {_LABEL: ""}}}, b"seed", "")


def test_another_node_is_another_patch() -> None:
    """A changed label or annotation is an update; a changed name replaces."""
    old = _metadata("a")
    assert objects.diff(_PATCH, old, _metadata("a", id="i-2"), Mutable()).replace == ()
    assert objects.diff(_PATCH, old, _metadata("b"), Mutable()).replace == ("metadata",)


def test_a_patch_of_what_is_not_known_yet_stays() -> None:
    """Before a machine is replaced the engine asks whether its patch is, too: with unknown metadata, and it is not."""
    found = objects.diff(_PATCH, _metadata("a"), {"metadata": UNKNOWN}, Mutable())
    assert (found.changed, found.replace) == (("metadata",), ())


@pytest.fixture
def node(cluster: Cluster) -> Iterator[str]:
    """Make a node that nobody else looks at."""
    name = "patched-node"
    made = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"theirs": "kept"}}}
    api = cluster.control_plane.api
    kind = api.kind("v1", "Node")
    assert kind is not None
    api.apply(kind, made, "kubelet")
    yield name
    api.delete(kind, None, name)
    until(lambda: not cluster.get("node", name))


@pytest.mark.cluster
@pytest.mark.xdist_group("cluster")
def test_a_patch_adds_changes_and_gives_up_its_fields(cluster: Cluster, node: str) -> None:
    """What others set stays through all of it; what the patch set goes with it, and the node stays."""
    provider = cluster.provider()
    rid, outputs = provider.create(_PATCH, "role", _metadata(node, machine="i-1"))
    assert rid == node
    assert outputs["metadata"]["labels"] == {"theirs": "kept", _LABEL: ""}
    provider.update(_PATCH, "role", rid, _metadata(node, machine="i-2"))
    metadata = cluster.get("node", node)["metadata"]
    assert metadata["annotations"]["machine"] == "i-2"
    assert provider.read(_PATCH, "role", rid, _metadata(node, machine="i-2"))[1]["metadata"]["name"] == node
    provider.delete(_PATCH, "role", rid)
    left = cluster.get("node", node)["metadata"]
    assert left["labels"] == {"theirs": "kept"}
    assert "machine" not in left.get("annotations", {})


@pytest.mark.cluster
@pytest.mark.xdist_group("cluster")
def test_what_another_manager_set_is_a_conflict_unless_forced(cluster: Cluster, node: str) -> None:
    """Another value of a field that somebody else owns is refused, and taken over with the annotation."""
    theirs = {"metadata": {"name": node, "labels": {"theirs": "ours"}}}
    with pytest.raises(RefusedError, match="patchForce"):
        cluster.provider().create(_PATCH, "conflict", theirs)
    theirs["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    cluster.provider().create(_PATCH, "conflict", theirs)
    assert cluster.get("node", node)["metadata"]["labels"]["theirs"] == "ours"


@pytest.mark.cluster
@pytest.mark.xdist_group("cluster")
def test_a_patch_of_a_node_that_is_not_there_makes_one(cluster: Cluster, node: str) -> None:
    """An apply makes what is missing, at its beginning and at its end: whoever patches has to wait for the node.

    An update looks for the node before, and fails.
    """
    provider, kind = cluster.provider(), cluster.control_plane.api.kind("v1", "Node")
    assert kind is not None
    rid, _ = provider.create(_PATCH, "ghost", _metadata("ghost-node"))
    cluster.control_plane.api.delete(kind, None, rid)
    until(lambda: not cluster.get("node", rid))
    with pytest.raises(RefusedError, match="is not there"):
        provider.update(_PATCH, "ghost", rid, _metadata("ghost-node", machine="i-2"))
    assert cluster.get("node", "ghost-node") == {}
    provider.delete(_PATCH, "ghost", rid)
    assert cluster.get("node", "ghost-node")["metadata"]["name"] == "ghost-node"
    cluster.control_plane.api.delete(kind, None, rid)

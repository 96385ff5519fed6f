"""Control D2: one default StorageClass, encrypted and bound where its pod lands, and one whose volumes are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gitops.tree import HANDOVER, Break, Object, Rule, Tool, Tree, add, assert_noticed, edit, render

_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_EBS = "ebs.csi.aws.com"


def _classes(tree: Tree) -> list[Object]:
    return [thing for thing in tree.ours() if thing["kind"] == "StorageClass"]


def _ebs(tree: Tree) -> Iterator[tuple[str, Object]]:
    yield from ((thing["metadata"]["name"], thing) for thing in _classes(tree) if thing["provisioner"] == _EBS)


def one_class_is_the_default(tree: Tree) -> Iterator[str]:
    """A claim that names no class gets gp3; with two defaults it would be the newer one's."""
    defaults = [
        thing["metadata"]["name"]
        for thing in _classes(tree)
        if thing["metadata"].get("annotations", {}).get(_DEFAULT) == "true"
    ]
    if defaults != ["gp3"]:
        yield f"the defaults are {defaults}"


def volumes_are_encrypted(tree: Tree) -> Iterator[str]:
    for name, thing in _ebs(tree):
        if thing["parameters"].get("encrypted") != "true":
            yield f"{name} makes volumes in clear"
        if thing["parameters"].get("type") != "gp3":
            yield f"{name} makes volumes of another type than gp3"
    for thing in _classes(tree):
        if thing["provisioner"] == "efs.csi.aws.com" and thing.get("mountOptions") != ["tls"]:
            yield f"{thing['metadata']['name']} mounts without TLS, which the file system refuses"


def volumes_come_where_their_pod_is(tree: Tree) -> Iterator[str]:
    for name, thing in _ebs(tree):
        if thing.get("volumeBindingMode") != "WaitForFirstConsumer":
            yield f"{name} may make a volume in a zone in which its pod finds no node"


def databases_keep_their_volumes(tree: Tree) -> Iterator[str]:
    kept = [name for name, thing in _ebs(tree) if thing.get("reclaimPolicy") == "Retain"]
    if kept != ["gp3-retain"]:
        yield f"kept are the volumes of {kept}"


def volumes_can_grow(tree: Tree) -> Iterator[str]:
    yield from (f"{name}'s volumes never grow" for name, thing in _ebs(tree) if not thing.get("allowVolumeExpansion"))


def the_file_system_is_looked_up(tree: Tree) -> Iterator[str]:
    """A StorageClass never changes, so the file system's id lies in the ConfigMap beside it."""
    (efs,) = [thing for thing in _classes(tree) if thing["metadata"]["name"] == "efs"]
    namespace, name, key = efs["parameters"]["fileSystemIdConfigRef"].split("/")
    ids = [
        thing["data"].get(key, "")
        for thing in tree.ours()
        if (thing["kind"], thing["metadata"]["name"], thing["metadata"].get("namespace"))
        == ("ConfigMap", name, namespace)
    ]
    if len(ids) != 1 or not ids[0].startswith("fs-"):
        yield f"{namespace}/{name} has no {key}"


_GP3 = "StorageClass/gp3"
_SECOND = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "gp2", "annotations": {_DEFAULT: "true"}},
    "provisioner": _EBS,
    "parameters": {"type": "gp3", "encrypted": "true"},
}
_BREAKS: dict[Rule, list[Break]] = {
    one_class_is_the_default: [
        edit(_GP3, "metadata", "annotations"),
        edit(_GP3, "metadata", "annotations", _DEFAULT, to="false"),
        add("aws-resources", _SECOND),
    ],
    volumes_are_encrypted: [
        edit(_GP3, "parameters", "encrypted"),
        edit("StorageClass/gp3-retain", "parameters", "encrypted", to="false"),
        edit(_GP3, "parameters", "type", to="gp2"),
        edit("StorageClass/efs", "mountOptions"),
    ],
    volumes_come_where_their_pod_is: [edit(_GP3, "volumeBindingMode", to="Immediate")],
    databases_keep_their_volumes: [
        edit("StorageClass/gp3-retain", "reclaimPolicy", to="Delete"),
        edit(_GP3, "reclaimPolicy", to="Retain"),
    ],
    volumes_can_grow: [edit(_GP3, "allowVolumeExpansion")],
    the_file_system_is_looked_up: [
        edit("ConfigMap/aws-resources", "data", "fileSystemId"),
        edit("ConfigMap/aws-resources", "metadata", "namespace", to="workloads"),
        edit("StorageClass/efs", "parameters", "fileSystemIdConfigRef", to="kube-system/other/fileSystemId"),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_control_holds(rule: Rule, tree: Tree) -> None:
    """The StorageClasses keep the rule."""
    assert list(rule(tree)) == []


@pytest.mark.parametrize(("rule", "break_"), [(rule, break_) for rule, breaks in _BREAKS.items() for break_ in breaks])
def test_control_catches_its_mutation(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about StorageClasses that break it."""
    assert_noticed(rule, break_, tree)


def test_without_a_file_system_there_is_no_class_for_it(tool: Tool) -> None:
    """A class that can make no volume would leave its claims waiting without a word."""
    without = {**HANDOVER, "storage": {**HANDOVER["storage"], "fileSystemId": "", "accessPointId": ""}}
    assert [thing["metadata"]["name"] for thing in _classes(render(tool, without))] == ["gp3", "gp3-retain"]

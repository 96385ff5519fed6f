"""The EC2NodeClass: what its CRD's own rules ask for, which no schema states, and what the platform asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.gitops.tree import HANDOVER, Break, Object, Rule, Tree, assert_noticed, edit

_ASKED: Mapping[str, Any] = HANDOVER["karpenter"]
_DISCOVERY = [{"tags": {"karpenter.sh/discovery": HANDOVER["cluster"]["name"]}}]


def _class(tree: Tree) -> Object:
    spec: Object = tree.get("EC2NodeClass/default")["spec"]
    return spec


def nodes_have_one_role(tree: Tree) -> Iterator[str]:
    spec = _class(tree)
    if ("role" in spec) == ("instanceProfile" in spec):
        yield "exactly one of role and instanceProfile"
    if spec.get("role") != _ASKED["nodeRoleName"]:
        yield "the role is the node role's name"


def image_is_pinned(tree: Tree) -> Iterator[str]:
    terms = _class(tree)["amiSelectorTerms"]
    if len(terms) != 1 or set(terms[0]) != {"alias"}:
        yield "an alias stands alone"
    if not re.fullmatch(r"al2023@v\d{8}", terms[0].get("alias", "")):
        yield "the alias names a release of AL2023"


def selectors_find_this_clusters_tags(tree: Tree) -> Iterator[str]:
    for key in ("subnetSelectorTerms", "securityGroupSelectorTerms"):
        if _class(tree)[key] != _DISCOVERY:
            yield f"{key} do not select by the discovery tag"


def metadata_is_out_of_pods_reach(tree: Tree) -> Iterator[str]:
    options = _class(tree).get("metadataOptions", {})
    if (options.get("httpTokens"), options.get("httpPutResponseHopLimit")) != ("required", 1):
        yield "IMDSv2 with one hop"


def disks_are_encrypted(tree: Tree) -> Iterator[str]:
    mappings = _class(tree).get("blockDeviceMappings", [])
    if [mapping["deviceName"] for mapping in mappings] != ["/dev/xvda"]:
        yield "the root device of AL2023 is /dev/xvda"
    for ebs in (mapping["ebs"] for mapping in mappings):
        if not ebs.get("encrypted") or ebs.get("volumeType") != "gp3" or not ebs.get("deleteOnTermination"):
            yield "gp3, encrypted, gone with its node"
        if ebs.get("volumeSize") != _ASKED["volumeSize"]:
            yield "size as handed over"


def kubelet_settings_fit_together(tree: Tree) -> Iterator[str]:
    kubelet = _class(tree).get("kubelet", {})
    soft, grace = kubelet.get("evictionSoft", {}), kubelet.get("evictionSoftGracePeriod", {})
    if soft.keys() != grace.keys():
        yield "every soft threshold has its grace period"
    if kubelet["imageGCHighThresholdPercent"] <= kubelet["imageGCLowThresholdPercent"]:
        yield "image clean-up starts above where it ends"
    for signal, hard in kubelet["evictionHard"].items():
        if signal in soft and int(soft[signal].rstrip("%")) <= int(hard.rstrip("%")):
            yield f"{signal}: soft comes before hard"
    if (
        not {"memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"}
        <= kubelet["evictionHard"].keys()
    ):
        yield "a hard threshold of the kubelet's own defaults is lost"
    if "maxPods" in kubelet:
        yield "maxPods follows from the instance type; a fixed one promises addresses that small types lack"


def tags_leave_out_what_karpenter_sets(tree: Tree) -> Iterator[str]:
    for key, value in _class(tree)["tags"].items():
        if not value or re.match(r"$|kubernetes\.io/cluster|karpenter\.|eks:|aws:", key):
            yield f"tag {key!r} is refused"


_EC2 = "EC2NodeClass/default"
_EBS: list[str | int] = ["spec", "blockDeviceMappings", 0, "ebs"]
_BREAKS: dict[Rule, list[Break]] = {
    nodes_have_one_role: [
        edit(_EC2, "spec", "instanceProfile", to="nodes"),
        edit(_EC2, "spec", "role"),
        edit(_EC2, "spec", "role", to="arn:aws:iam::123456789012:role/x"),
    ],
    image_is_pinned: [
        edit(_EC2, "spec", "amiSelectorTerms", 0, "alias", to="al2023@latest"),
        edit(_EC2, "spec", "amiSelectorTerms", 0, "id", to="ami-0"),
        edit(_EC2, "spec", "amiSelectorTerms", to=[{"alias": "al2023@v20260714"}, {"alias": "al2023@v20260714"}]),
    ],
    selectors_find_this_clusters_tags: [
        edit(_EC2, "spec", "subnetSelectorTerms", 0, "tags", to={"Name": "*"}),
        edit(_EC2, "spec", "securityGroupSelectorTerms", to=[{"tags": {"karpenter.sh/discovery": "other"}}]),
    ],
    metadata_is_out_of_pods_reach: [
        edit(_EC2, "spec", "metadataOptions"),
        edit(_EC2, "spec", "metadataOptions", "httpTokens", to="optional"),
        edit(_EC2, "spec", "metadataOptions", "httpPutResponseHopLimit", to=2),
    ],
    disks_are_encrypted: [
        edit(_EC2, *_EBS, "encrypted", to=False),
        edit(_EC2, *_EBS, "volumeType", to="gp2"),
        edit(_EC2, *_EBS, "volumeSize", to="20Gi"),
        edit(_EC2, "spec", "blockDeviceMappings"),
        edit(_EC2, "spec", "blockDeviceMappings", 0, "deviceName", to="/dev/sda1"),
    ],
    kubelet_settings_fit_together: [
        edit(_EC2, "spec", "kubelet", "evictionSoftGracePeriod"),
        edit(_EC2, "spec", "kubelet", "evictionSoft", "memory.available", to="5%"),
        edit(_EC2, "spec", "kubelet", "evictionHard", "imagefs.available"),
        edit(_EC2, "spec", "kubelet", "imageGCLowThresholdPercent", to=85),
        edit(_EC2, "spec", "kubelet", "maxPods", to=110),
    ],
    tags_leave_out_what_karpenter_sets: [
        edit(_EC2, "spec", "tags", "kubernetes.io/cluster/example", to="owned"),
        edit(_EC2, "spec", "tags", "karpenter.sh/nodepool", to="general"),
        edit(_EC2, "spec", "tags", "Project", to=""),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_ec2nodeclass(rule: Rule, tree: Tree) -> None:
    """The EC2NodeClass keeps the rule."""
    assert list(rule(tree)) == []


@pytest.mark.parametrize(("rule", "break_"), [(rule, break_) for rule, breaks in _BREAKS.items() for break_ in breaks])
def test_broken_ec2nodeclass_is_noticed(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about an EC2NodeClass that breaks it."""
    assert_noticed(rule, break_, tree)

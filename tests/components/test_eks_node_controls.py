"""What base nodes register, control by control (W1-W6), each with mutations that it catches.

A control returns what is wrong with a capture: nothing for the platform as it is, something for each mutation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from components.eks import documents
from tests.captures import Capture
from tests.conftest import CaptureProgram
from tests.eks_platform import (
    ADDON,
    ATTACHMENT,
    NODES,
    PLACE,
    TEMPLATE,
    Control,
    Mutation,
    configured,
    failing,
    kubelet,
    kubelet_of,
    nested,
    one,
    options,
    program,
    user_data,
    user_data_of,
    without,
)

CSI = "node-addons-aws-ebs-csi-driver"
INSTANCES_ONLY = [{"resourceType": "instance", "tags": dict(PLACE.tags)}]


def reachable_metadata(captured: Capture) -> list[str]:
    """W1: session tokens and one hop; no add-on is told to use more."""
    metadata = captured.one(TEMPLATE, "nodes").inputs.get("metadataOptions", {})
    texts = [r.inputs.get("configurationValues", "") for r in captured.of_type(ADDON)]
    return failing(
        {
            "tokens": metadata.get("httpTokens") == "required",
            "hops": metadata.get("httpPutResponseHopLimit") == 1,
            "host network": not any("hostNetwork" in text for text in texts),
        }
    )


def way_in(captured: Capture) -> list[str]:
    """W2: no SSH key and no remote access; Session Manager is there."""
    policies = {r.inputs["policyArn"].rpartition("/")[2] for r in captured.of_type(ATTACHMENT)}
    return failing(
        {
            "key": "keyName" not in captured.one(TEMPLATE, "nodes").inputs,
            "remote": "remoteAccess" not in captured.one(NODES, "nodes").inputs,
            "ssm": "AmazonSSMManagedInstanceCore" in policies,
        }
    )


def careless_user_data(captured: Capture) -> list[str]:
    """W3: user data is small, holds nothing but a NodeConfig, and so neither script nor secret."""
    text = user_data_of(captured)
    types = [part.split("\n")[0] for part in text.split("Content-Type: ")[2:]]
    return failing(
        {
            "size": len(text.encode()) <= documents.USER_DATA_BYTES,
            "types": types == ["application/node.eks.aws"],
            "secrets": re.search(r"(?i)secret|password|token|AKIA", text) is None,
        }
    )


def floating_image(captured: Capture) -> list[str]:
    """W4: the image's release is pinned, and the launch template does not bring another."""
    release = captured.one(NODES, "nodes").inputs.get("releaseVersion", "")
    return failing(
        {
            "release": re.fullmatch(r"\d+\.\d+\.\d+-\d{8}", release) is not None,
            "template": "imageId" not in captured.one(TEMPLATE, "nodes").inputs,
        }
    )


def fragile_nodes(captured: Capture) -> list[str]:
    """W5: at least two on-demand nodes in two subnets, updated one by one, repaired, and never scaled back."""
    nodes = captured.one(NODES, "nodes")
    return failing(
        {
            "count": nodes.inputs["scalingConfig"].get("minSize", 0) >= 2,
            "zones": len(nodes.inputs["subnetIds"]) >= 2,
            "on demand": nodes.inputs.get("capacityType") == "ON_DEMAND",
            "update": nodes.inputs.get("updateConfig") == {"maxUnavailable": 1},
            "repair": nodes.inputs.get("nodeRepairConfig") == {"enabled": True},
            "desired": nodes.ignore_changes == ("scalingConfig.desiredSize",),
        }
    )


def loose_kubelet(captured: Capture) -> list[str]:
    """W6: who asks is known and authorized, pods are confined, and memory is kept for what runs them."""
    values = kubelet_of(captured)
    reserved = values.get("kubeReserved", {}).get("memory")
    return failing(
        {
            "anonymous": values["authentication"]["anonymous"] == {"enabled": False},
            "webhook": values["authentication"]["webhook"] == {"enabled": True},
            "authorization": values.get("authorization") == {"mode": "Webhook"},
            "read-only port": values.get("readOnlyPort") == 0,
            "seccomp": values.get("seccompDefault") is True,
            "certificates": values.get("serverTLSBootstrap") is True,
            "kernel": values.get("protectKernelDefaults") is True,
            "events": values.get("eventRecordQPS", 0) > 0,
            "memory": reserved == f"{255 + 11 * values['maxPods']}Mi",
            "system": set(values.get("systemReserved", {})) == {"cpu", "memory"},
        }
    )


def untagged_nodes(captured: Capture) -> list[str]:
    """What a node brings with it says whose it is: costs and sweeps go by tags, and default tags do not reach it."""
    specifications = captured.one(TEMPLATE, "nodes").inputs.get("tagSpecifications", [])
    tagged = {row["resourceType"] for row in specifications if PLACE.tags.items() <= row.get("tags", {}).items()}
    return sorted({"instance", "volume", "network-interface"} - tagged)


def early_nodes(captured: Capture) -> list[str]:
    """I6: nodes start when their role has all its policies, and end before it loses one."""
    role = captured.one("aws:iam/role:Role", "nodes")
    attachments = [r for r in captured.of_type(ATTACHMENT) if r.source("role") == role.urn]
    needed = captured.needs(captured.one(NODES, "nodes"))
    late = [r.name for r in attachments if r.urn not in needed]
    return late if len(attachments) == 3 else [f"{len(attachments)} policies"]


CONTROLS: tuple[Control, ...] = (
    reachable_metadata,
    way_in,
    careless_user_data,
    floating_image,
    fragile_nodes,
    loose_kubelet,
    untagged_nodes,
    early_nodes,
)

MUTATIONS: Mapping[str, tuple[Control, Mutation]] = {
    "IMDSv1": (reachable_metadata, nested(TEMPLATE, "nodes", "metadataOptions", httpTokens="optional")),
    "two hops": (reachable_metadata, nested(TEMPLATE, "nodes", "metadataOptions", httpPutResponseHopLimit=2)),
    "metadata by default": (reachable_metadata, one(TEMPLATE, "nodes", metadataOptions=None)),
    "pods on the node's network": (reachable_metadata, configured(CSI, "controller", "hostNetwork", value=True)),
    "SSH key": (way_in, one(TEMPLATE, "nodes", keyName="ops")),
    "remote access": (way_in, one(NODES, "nodes", remoteAccess={"ec2SshKey": "ops"})),
    "no Session Manager": (way_in, without(ATTACHMENT, "nodes-session-manager")),
    "long user data": (careless_user_data, user_data(lambda text: text + "#" * documents.USER_DATA_BYTES)),
    "a script": (
        careless_user_data,
        user_data(lambda text: text.replace("--//--", "--//\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n\n--//--")),
    ),
    "a secret": (careless_user_data, kubelet("registryPassword", value="s3cr3t")),
    "any release": (floating_image, one(NODES, "nodes", releaseVersion=None)),
    "latest release": (floating_image, one(NODES, "nodes", releaseVersion="latest")),
    "an image of its own": (floating_image, one(TEMPLATE, "nodes", imageId="ami-1")),
    "one node": (fragile_nodes, nested(NODES, "nodes", "scalingConfig", minSize=1)),
    "one subnet": (fragile_nodes, one(NODES, "nodes", subnetIds=["subnet-1"])),
    "spot": (fragile_nodes, one(NODES, "nodes", capacityType="SPOT")),
    "all at once": (fragile_nodes, one(NODES, "nodes", updateConfig={"maxUnavailablePercentage": 100})),
    "update by default": (fragile_nodes, one(NODES, "nodes", updateConfig=None)),
    "no repair": (fragile_nodes, one(NODES, "nodes", nodeRepairConfig=None)),
    "scaled back": (fragile_nodes, options(NODES, "nodes", ignore_changes=())),
    "anonymous": (loose_kubelet, kubelet("authentication", "anonymous", "enabled", value=True)),
    "no webhook": (loose_kubelet, kubelet("authentication", "webhook", "enabled", value=False)),
    "always allow": (loose_kubelet, kubelet("authorization", "mode", value="AlwaysAllow")),
    "read-only port": (loose_kubelet, kubelet("readOnlyPort", value=10255)),
    "port by default": (loose_kubelet, kubelet("readOnlyPort", value=None)),
    "unconfined": (loose_kubelet, kubelet("seccompDefault", value=None)),
    "self-signed": (loose_kubelet, kubelet("serverTLSBootstrap", value=False)),
    "kernel as found": (loose_kubelet, kubelet("protectKernelDefaults", value=False)),
    "no events": (loose_kubelet, kubelet("eventRecordQPS", value=None)),
    "too little kept": (loose_kubelet, kubelet("kubeReserved", "memory", value="442Mi")),
    "more pods than kept for": (loose_kubelet, kubelet("maxPods", value=110)),
    "plain volumes' tags": (untagged_nodes, one(TEMPLATE, "nodes", tagSpecifications=INSTANCES_ONLY)),
    "tags of nobody": (untagged_nodes, one(TEMPLATE, "nodes", tagSpecifications=[{"resourceType": "instance"}])),
    "nodes before their rights": (early_nodes, options(NODES, "nodes", dependencies=())),
    "nothing for the system": (loose_kubelet, kubelet("systemReserved", value=None)),
}  # fmt: skip


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(program)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """Cluster and nodes as they are give a control nothing to say."""
    assert control(captured) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_control_fails_on_its_mutation(captured: Capture, name: str) -> None:
    """Each control finds what it is for."""
    control, mutate = MUTATIONS[name]
    assert control(mutate(captured))


def test_every_control_has_a_mutation() -> None:
    """None is there that was never seen to fail."""
    assert {control for control, _ in MUTATIONS.values()} == set(CONTROLS)

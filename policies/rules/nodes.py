"""Node groups and what their instances start with: controls W1 to W6, D1 for them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from email import message_from_string
from typing import Any, Final

import yaml

from policies import tokens
from policies.resources import Resource, Stack
from policies.rule import Fault, rule

# EC2 takes 16 KB of user data (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html).
_USER_DATA: Final = 16 * 1024
_SECRETS: Final = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|(password|secret|token)\s*[:=]\s*\S", re.IGNORECASE
)
_NODE_CONFIG: Final = "application/node.eks.aws"
# A third: of nodes in three zones, what the loss of one zone takes as well.
_MOST_UNAVAILABLE: Final = 33
# What EKS's images set and a kubelet configuration of ours may not undo. Settings and their values:
# https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/; defaults of the image:
# https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go.
_KUBELET: Final[Mapping[str, Any]] = {
    "authentication.anonymous.enabled": False,
    "authentication.webhook.enabled": True,
    "authorization.mode": "Webhook",
    "readOnlyPort": 0,
    "protectKernelDefaults": True,
    "rotateCertificates": True,
    "serverTLSBootstrap": True,
    "seccompDefault": True,
    "makeIPTablesUtilChains": True,
}


@rule("W1", types=[tokens.LAUNCH_TEMPLATE, tokens.INSTANCE])
def metadata_needs_a_token(node: Resource) -> Iterator[Fault]:
    """Instance metadata needs a token and does not reach into pods."""
    for key, wanted in (("httpEndpoint", "enabled"), ("httpTokens", "required"), ("httpPutResponseHopLimit", 1)):
        if node.get(f"metadataOptions.{key}") != wanted:
            yield Fault(f"metadataOptions.{key}", f"is not {wanted}", f"set {wanted}")
    if node.get("metadataOptions.instanceMetadataTags") == "enabled":
        yield Fault("metadataOptions.instanceMetadataTags", "shows tags to whoever asks", "leave it out")


@rule("W1", "W2", "D1", types=[tokens.NODE_GROUP], whole=True)
def node_group_uses_our_template(group: Resource, stack: Stack) -> Iterator[Fault]:
    """A node group starts from a launch template of this program: EKS's own leaves metadata and volumes as they are."""
    named = group.get("launchTemplate.id") or group.get("launchTemplate.name")
    if not named or not stack.source(group, "launchTemplate", tokens.LAUNCH_TEMPLATE):
        yield Fault("launchTemplate", "is none of this program", "pass one")
    if not group.get("launchTemplate.version"):
        yield Fault("launchTemplate.version", "is missing", "take the template's latestVersion")
    if group.get("launchTemplate.version") in ("$Latest", "$Default"):
        yield Fault("launchTemplate.version", "changes without a preview", "take the template's latestVersion")


@rule("W2", types=[tokens.LAUNCH_TEMPLATE, tokens.NODE_GROUP, tokens.INSTANCE])
def nobody_logs_in_by_ssh(node: Resource) -> Iterator[Fault]:
    """Nodes have no SSH key: Session Manager is the way in, and leaves a trace."""
    for key in ("keyName", "remoteAccess"):
        if node.get(key):
            yield Fault(key, "lets somebody in by SSH", "leave it out")


@rule("W3", types=[tokens.LAUNCH_TEMPLATE])
def user_data_holds_no_secret(node: Resource) -> Iterator[Fault]:
    """User data fits, holds no secret, since every pod of the node could read it, and runs no script."""
    text = user_data(node)
    if len(text.encode()) > _USER_DATA:
        yield Fault("userData", f"has {len(text.encode())} bytes of {_USER_DATA}", "shorten it")
    if _SECRETS.search(text):
        yield Fault("userData", "holds what looks like a secret", "give the node's role the right to read it")
    for kind in sorted({part.get_content_type() for part in _parts(text)} - {_NODE_CONFIG}):
        yield Fault("userData", f"has a part {kind}", "configure the node by a NodeConfig")


@rule("W4", types=[tokens.NODE_GROUP, tokens.LAUNCH_TEMPLATE])
def image_is_pinned(node: Resource) -> Iterator[Fault]:
    """Nodes start from an image release that is said; EKS chooses the image of that release."""
    if node.type == tokens.LAUNCH_TEMPLATE:
        if node.get("imageId"):
            yield Fault("imageId", "is an image that EKS does not know", "leave it out and set the release")
        return
    if not re.fullmatch(r"1\.\d+\.\d+-\d{8}", str(node.get("releaseVersion"))):
        yield Fault("releaseVersion", f"{node.get('releaseVersion')} is no release", "set one such as 1.36.2-20260714")
    if not node.get("amiType"):
        yield Fault("amiType", "is left to EKS", "say it")


@rule("W5", types=[tokens.NODE_GROUP])
def base_nodes_outlive_a_failure(group: Resource) -> Iterator[Fault]:
    """Base nodes are on-demand, two at least, repaired, replaced a few at a time, and stay as many as somebody set."""
    if group.get("capacityType") != "ON_DEMAND":
        yield Fault("capacityType", "is not ON_DEMAND", "set ON_DEMAND")
    if not group.get("instanceTypes"):
        yield Fault("instanceTypes", "are left to EKS", "say them")
    if (group.get("scalingConfig.minSize") or 0) < 2:
        yield Fault("scalingConfig.minSize", f"is {group.get('scalingConfig.minSize')}", "set 2 or more")
    if not (group.get("updateConfig.maxUnavailable") or group.get("updateConfig.maxUnavailablePercentage")):
        yield Fault("updateConfig.maxUnavailable", "is missing", "set 1")
    if (group.get("updateConfig.maxUnavailable") or 0) >= (group.get("scalingConfig.minSize") or 2):
        yield Fault("updateConfig.maxUnavailable", "is as many as there may be", "set 1")
    if (group.get("updateConfig.maxUnavailablePercentage") or 0) > _MOST_UNAVAILABLE:
        yield Fault("updateConfig.maxUnavailablePercentage", f"is over {_MOST_UNAVAILABLE}", "set maxUnavailable 1")
    if not group.true("nodeRepairConfig.enabled"):
        yield Fault("nodeRepairConfig.enabled", "is not true", "set true")
    if group.true("forceUpdateVersion"):
        yield Fault("forceUpdateVersion", "is true: an update would pass over disruption budgets", "leave it out")
    if not {"scalingConfig.desiredSize", "scalingConfig"} & set(group.ignore_changes):
        yield Fault("ignoreChanges", "lacks scalingConfig.desiredSize", "add it")


@rule("W5", types=[tokens.NODE_GROUP], whole=True)
def base_nodes_lie_in_two_zones(group: Resource, stack: Stack) -> Iterator[Fault]:
    """Base nodes lie in two zones at least, and in production there is a node for each zone."""
    zones = {subnet.get("availabilityZone") for subnet in stack.source(group, "subnetIds", tokens.SUBNET)}
    if len(zones) < 2:
        yield Fault("subnetIds", f"lie in {len(zones)} zone", "pass subnets of two zones or more")
    if stack.options.production and (group.get("scalingConfig.minSize") or 0) < len(zones):
        yield Fault("scalingConfig.minSize", f"is less than the {len(zones)} zones", f"set {len(zones)}")


@rule("W6", types=[tokens.LAUNCH_TEMPLATE])
def kubelet_keeps_its_guards(template: Resource) -> Iterator[Fault]:
    """The kubelet's pod limit and the memory kept for it are said, and no guard that the image sets is undone."""
    configs = [config for part in _parts(user_data(template)) if (config := _kubelet(part)) is not None]
    if not any(config.get("maxPods") for config in configs):
        yield Fault("userData", "sets no maxPods", "add it to the NodeConfig")
    if not any(_at(config, "kubeReserved.memory") for config in configs):
        yield Fault("userData", "keeps no memory for the kubelet", "add kubeReserved.memory to the NodeConfig")
    for config in configs:
        if config.get("eventRecordQPS") == 0:
            yield Fault("userData", "sets eventRecordQPS to 0, which is no limit", "leave it out or set 50")
        for path, wanted in _KUBELET.items():
            found = _at(config, path)
            if found is not None and found != wanted:
                yield Fault("userData", f"sets {path} to {found}", f"leave it out: the image sets {wanted}")


@rule("D1", types=[tokens.LAUNCH_TEMPLATE])
def volumes_are_encrypted(template: Resource) -> Iterator[Fault]:
    """Every volume that a node starts with is gp3, encrypted, and goes with it."""
    mappings = template.items("blockDeviceMappings")
    if not mappings:
        yield Fault("blockDeviceMappings", "are left to the image", "map the root volume")
    for index in range(len(mappings)):
        if not template.get(f"blockDeviceMappings.{index}.deviceName"):
            yield Fault(f"blockDeviceMappings.{index}.deviceName", "is missing", "name the root device")
        if template.get(f"blockDeviceMappings.{index}.ebs.volumeType") != "gp3":
            yield Fault(f"blockDeviceMappings.{index}.ebs.volumeType", "is not gp3", "set gp3")
        for key in ("encrypted", "deleteOnTermination"):
            if not template.true(f"blockDeviceMappings.{index}.ebs.{key}"):
                yield Fault(f"blockDeviceMappings.{index}.ebs.{key}", "is not true", "set true")


def user_data(node: Resource) -> str:
    """Return the user data as text; a launch template has it in base64."""
    raw = str(node.get("userData") or "")
    try:
        return base64.b64decode(raw, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return raw


def _parts(text: str) -> list[Any]:
    """Return the parts of MIME text; anything else is one part of its own."""
    if not text:
        return []
    message = message_from_string(text)
    return [part for part in message.walk() if not part.is_multipart()]


def _kubelet(part: Any) -> Mapping[str, Any] | None:
    """Return the kubelet's configuration of a NodeConfig."""
    if part.get_content_type() != _NODE_CONFIG:
        return None
    config = _at(yaml.safe_load(part.get_payload()), "spec.kubelet.config")
    return config if isinstance(config, Mapping) else {}


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value

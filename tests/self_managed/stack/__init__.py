"""A whole self-managed stack as its machines see it: their user data, and what the settings say they are to become."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from tests.captures import Capture, Registration
from tests.self_managed import arguments, documents
from tests.whole_stacks import stack_sections

STACK: Final = "nodes14"
ENDPOINT: Final = "api.platform-nodes14.internal:6443"

ATTACHMENT: Final = "aws:ec2/volumeAttachment:VolumeAttachment"
INSTANCE: Final = "aws:ec2/instance:Instance"
NODE_PATCH: Final = "kubernetes:core/v1:NodePatch"
PARAMETER: Final = "aws:ssm/parameter:Parameter"
RECORD: Final = "aws:route53/record:Record"
ROOT: Final = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
VOLUME: Final = "aws:ebs/volume:Volume"
# What the settings change for a cluster that survives the loss of a zone.
THREE: Final[Mapping[str, Mapping[str, Any]]] = {
    "machines": {
        "controlPlanes": 3,
        "total": 16,
        "controlPlane": {
            **stack_sections(STACK)["machines"]["controlPlane"],
            "zones": ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"],
        },
    }
}


def node_of(registration: Registration) -> str:
    """Return the node that a registration under the machines or the nodes' roles is for."""
    return registration.name.removeprefix("machines-").removeprefix("node-roles-")


def machine(captured: Capture, node: str) -> Registration:
    return captured.one(INSTANCE, f"machines-{node}")


def cloud_config(instance: Registration) -> dict[str, Any]:
    """Return what cloud-init reads."""
    text = gzip.decompress(base64.b64decode(instance.inputs["userDataBase64"]))
    config: dict[str, Any] = yaml.safe_load(text)
    return config


def files(instance: Registration) -> dict[str, str]:
    """Return the content of each file that cloud-init writes, by path."""
    return {file["path"]: file["content"] for file in cloud_config(instance)["write_files"]}


def described(instance: Registration) -> dict[str, Any]:
    """Return what the machine's own description says that it is to become."""
    found: dict[str, Any] = json.loads(files(instance)["/etc/platform/machine.json"])
    return found


def kubeadm(instance: Registration, path: str = "/etc/platform/kubeadm.yaml") -> dict[str, dict[str, Any]]:
    """Return kubeadm's documents by kind."""
    return documents(files(instance)[path])


def registered(instance: Registration) -> dict[str, Any]:
    """Return the name, labels and taints with which kubeadm lets the node register, and where it looks for the API."""
    found = kubeadm(instance)
    join = found.get("JoinConfiguration")
    registration = (join or found["InitConfiguration"])["nodeRegistration"]
    (labels,) = arguments(registration, "kubeletExtraArgs").get("node-labels", [""])
    endpoint = join["discovery"]["bootstrapToken"]["apiServerEndpoint"] if join else None
    return {
        "name": registration["name"],
        "labels": dict(label.split("=") for label in labels.split(",") if label),
        "taints": [(taint["key"], taint.get("value", ""), taint["effect"]) for taint in registration["taints"]],
        "endpoint": endpoint or found["ClusterConfiguration"]["controlPlaneEndpoint"],
    }


def settings_of(node: str) -> dict[str, Any]:
    """Return what the stack's settings say of a node; a control plane has its role and kubeadm's taint besides."""
    machines = stack_sections(STACK)["machines"]
    workers: dict[str, dict[str, Any]] = machines["workers"]
    if node in workers:
        return workers[node]
    own = {"key": "node-role.kubernetes.io/control-plane", "value": "", "effect": "NoSchedule"}
    shape = machines["controlPlane"]
    return {**shape, "role": "control-plane", "zone": shape["zones"][0], "labels": {}, "taints": [own]}


def nodes() -> list[str]:
    """Return the names of all nodes that the settings ask for."""
    machines = stack_sections(STACK)["machines"]
    return [machines["controlPlane"]["name"], *machines["workers"]]


def differences(before: Capture, after: Capture) -> dict[str, set[str]]:
    """Return by URN which inputs and options differ in what both have; dependencies are compared as sets."""
    old = {r.urn: _fields(r) for r in before.resources}
    new = {r.urn: _fields(r) for r in after.resources}
    found = {
        urn: {key for key in {*old[urn], *new[urn]} if old[urn].get(key) != new[urn].get(key)}
        for urn in old.keys() & new.keys()
    }
    return {urn: keys for urn, keys in found.items() if keys}


def _fields(registration: Registration) -> dict[str, Any]:
    """Return what the engine compares or orders by, inputs one by one."""
    links = {key: frozenset(urns) for key, urns in registration.property_dependencies.items() if urns}
    return {
        **{f"inputs.{key}": value for key, value in registration.inputs.items()},
        **{f"links.{key}": urns for key, urns in links.items()},
        "dependencies": frozenset(registration.dependencies),
        "options": (
            *(registration.parent, registration.provider, registration.protect, registration.hooks),
            *(registration.ignore_changes, registration.delete_before_replace, registration.retain_on_delete),
            registration.replacement_trigger,
        ),
    }

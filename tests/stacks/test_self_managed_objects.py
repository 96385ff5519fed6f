"""What a self-managed stack registers inside its cluster: after its API, its nodes and before its tree."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.captures import Capture, Secret
from tests.components import Control, Mutation, changed
from tests.self_managed.stack import (
    ATTACHMENT,
    ENDPOINT,
    INSTANCE,
    NODE_PATCH,
    PARAMETER,
    ROOT,
    STACK,
    machine,
    node_of,
    settings_of,
)
from tests.whole_stacks import WholeStack

BALANCER: Final = ("aws:lb/loadBalancer:LoadBalancer", "endpoint-public")
PROVIDER: Final = ("pulumi:providers:kubernetes", "kubernetes")
NAMESPACE: Final = ("kubernetes:core/v1:Namespace", "addons-calico-namespace")


def impatient_objects(captured: Capture) -> list[str]:
    """The first object waits for control planes and the API, the others for that object, patches for their node."""
    first = captured.one(*NAMESPACE)
    planes = {r.urn for r in captured.of_type(ATTACHMENT)}
    waiting = first.hooks == {"before_create": ("self-managed-api-ready",)} and planes <= captured.needs(first)
    wrong = [] if waiting else [first.name]
    objects = [r for r in captured.resources if r.type.startswith("kubernetes:") and r is not first]
    wrong += [r.name for r in objects if first.urn not in captured.needs(r)]
    hook = ("self-managed-node-ready",)
    waits = {"before_create": hook, "before_update": hook}
    return wrong + [r.name for r in captured.of_type(NODE_PATCH) if r.hooks != waits]


def wrong_roles(captured: Capture) -> list[str]:
    """Each patch is about its own machine's node, and shows the role of API nodes and workers."""
    wrong = []
    for patch in captured.of_type(NODE_PATCH):
        node, metadata = node_of(patch), patch.inputs["metadata"]
        role = settings_of(node)["role"]
        labels = {f"node-role.kubernetes.io/{role}": ""} if role in ("api", "worker") else {}
        right = metadata["name"] == node and metadata.get("labels", {}) == labels
        own = patch.property_dependencies.get("metadata", ()) == (machine(captured, node).urn,)
        wrong += [] if right and own else [node]
    return wrong


def strange_kubeconfigs(captured: Capture) -> list[str]:
    """The provider's and the exported one are one and secret; they lead to the load balancer, by the API's name."""
    given, exported = captured.one(*PROVIDER).inputs["kubeconfig"], captured.exports["kubeconfig"]
    if not isinstance(given, Secret) or not isinstance(exported, Secret):
        return ["legible"]
    cluster = json.loads(given.value)["clusters"][0]["cluster"]
    name = f"{captured.one(*BALANCER).inputs['name']}-"
    found = cluster["server"].startswith(f"https://{name}") and cluster["server"].endswith(".amazonaws.com:6443")
    authority = base64.b64encode(captured.one(PARAMETER, "parameters-ca-crt").inputs["value"].value.encode()).decode()
    right = (
        found
        and cluster["tls-server-name"] == ENDPOINT.partition(":")[0]
        and cluster["certificate-authority-data"] == authority
        and given == exported
    )
    return [] if right else [cluster["server"]]


def late_tree(captured: Capture) -> list[str]:
    """The tree comes after every node is Ready, and so goes before any machine does."""
    needed = captured.needs(captured.one(*ROOT))
    return [
        r.urn for type_ in (INSTANCE, NODE_PATCH, ATTACHMENT) for r in captured.of_type(type_) if r.urn not in needed
    ]


def _neighbours_patch(captured: Capture) -> Capture:
    links = {"metadata": (captured.one(INSTANCE, "machines-k8s-api-scan").urn,)}
    return captured.changed(NODE_PATCH, "node-roles-k8s-api-auth", property_dependencies=links)


def _exported(captured: Capture) -> Capture:
    return replace(captured, exports={**captured.exports, "kubeconfig": captured.exports["kubeconfig"].value})


def _metadata(**changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        metadata = captured.one(NODE_PATCH, "node-roles-k8s-api-auth").inputs["metadata"]
        return captured.changed(NODE_PATCH, "node-roles-k8s-api-auth", {"metadata": {**metadata, **changes}})

    return mutate


MUTATIONS: list[tuple[Control, Mutation]] = [
    (impatient_objects, changed(*NAMESPACE, hooks={})),
    (impatient_objects, changed(*NAMESPACE, dependencies=())),
    (impatient_objects, changed("kubernetes:helm.sh/v3:Release", "addons-cloud-controller", dependencies=())),
    (impatient_objects, changed(NODE_PATCH, "node-roles-k8s-redis", hooks={"before_create": ("other",)})),
    (wrong_roles, _neighbours_patch),
    (wrong_roles, _metadata(labels={})),
    (wrong_roles, _metadata(name="k8s-api-my")),
    (strange_kubeconfigs, _exported),
    (strange_kubeconfigs, changed(*PROVIDER, {"kubeconfig": "{}"})),
    (strange_kubeconfigs, changed(*BALANCER, {"name": "other"})),
    (late_tree, changed(*ROOT, dependencies=())),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(whole_stack: WholeStack, control: Control) -> None:
    """What is in the cluster comes when it can, by whom it should, and knows which machine is which."""
    assert control(whole_stack(STACK)) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(whole_stack: WholeStack, control: Control, mutation: Mutation) -> None:
    """Each control reports a stack of which one thing was changed."""
    assert control(mutation(whole_stack(STACK))) != []

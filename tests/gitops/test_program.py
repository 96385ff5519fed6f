"""The tree as it comes out of the real stacks: what Karpenter looks for is what the program made, in this order."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterator
from email import message_from_string
from typing import Any

import pytest
import yaml

from rules.instance_types import SIZES_OF_FAMILY
from tests.captures import Capture
from tests.gitops.tree import Object, Tool, Tree, render
from tests.whole_stacks import STACKS, WholeStack, stack_sections

ROOT = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SUBNET = "aws:ec2/subnet:Subnet"
TAG = "aws:ec2/tag:Tag"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
ROLE = "aws:iam/role:Role"
QUEUE = "aws:sqs/queue:Queue"
SPOT_ROLE = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
DISCOVERY = "karpenter.sh/discovery"
NODEPOOL = "karpenter.sh/nodepool"
# Karpenter is what these controls are about.
EKS_STACKS = [stack for stack in STACKS if stack_sections(stack)["variant"] == "eks"]
Control = Callable[[Capture, Tree], Iterator[str]]
Mutation = Callable[[Capture], Capture]


def _values(captured: Capture) -> Any:
    return captured.one(*ROOT).inputs["spec"]["source"]["helm"]["valuesObject"]


def _stack(captured: Capture) -> str:
    return captured.one(*ROOT).urn.split(":")[2]


def _class(tree: Tree) -> Object:
    spec: Object = tree.get("EC2NodeClass/default")["spec"]
    return spec


def selectors_find_private_subnets(captured: Capture, tree: Tree) -> Iterator[str]:
    """Karpenter's nodes come into the private subnets of all zones, and into no other."""
    (term,) = _class(tree)["subnetSelectorTerms"]
    found = [row for row in captured.of_type(SUBNET) if term["tags"].items() <= row.inputs["tags"].items()]
    private = [row for row in captured.of_type(SUBNET) if row.name.startswith("network-private-")]
    if [row.urn for row in found] != [row.urn for row in private]:
        yield f"the selector finds {[row.name for row in found]}"
    zones = stack_sections(_stack(captured))["network"]["zones"]
    if {row.inputs["availabilityZone"] for row in found} != set(zones):
        yield "a zone has no subnet for Karpenter's nodes"


def selectors_find_the_clusters_group(captured: Capture, tree: Tree) -> Iterator[str]:
    """The one security group is the cluster's own, through which nodes and control plane talk."""
    (term,) = _class(tree)["securityGroupSelectorTerms"]
    tagged = [row for row in captured.of_type(TAG) if term["tags"] == {row.inputs["key"]: row.inputs["value"]}]
    if [row.name for row in tagged] != ["cluster-discovery"]:
        yield f"the selector finds what {[row.name for row in tagged]} tag"
    groups = [row for row in captured.resources if row.type.endswith("SecurityGroup")]
    if any(DISCOVERY in (row.inputs.get("tags") or {}) for row in groups):
        yield "a further group would open nodes to whatever it lets in"


def names_are_those_of_what_was_made(captured: Capture, tree: Tree) -> Iterator[str]:
    """Role and queue that the tree names are the ones that the program made for Karpenter."""
    settings = tree.values("karpenter")["settings"]
    if _class(tree).get("role") != captured.one(ROLE, "karpenter-node").inputs["name"]:
        yield "the node class names another role"
    if settings["interruptionQueue"] != captured.one(QUEUE, "karpenter-interruption").inputs["name"]:
        yield "the controller listens to another queue"


def base_nodes_are_not_karpenters(captured: Capture, tree: Tree) -> Iterator[str]:
    """A base node with Karpenter's label would shut the controller out and be Karpenter's to take away."""
    selector = tree.values("karpenter")["nodeSelector"]
    for group in captured.of_type(NODE_GROUP):
        labels = group.inputs.get("labels") or {}
        if any(key.startswith("karpenter.") for key in labels):
            yield f"{group.name} has the labels {labels}"
        if not selector.items() <= labels.items():
            yield f"{group.name} does not have what Karpenter selects by"
    for template in captured.of_type(LAUNCH_TEMPLATE):
        user_data = base64.b64decode(template.inputs["userData"]).decode()
        if "karpenter." in json.dumps(template.inputs) + user_data:
            yield f"{template.name} speaks of Karpenter"


def karpenter_reckons_with_what_nodes_are_told(captured: Capture, tree: Tree) -> Iterator[str]:
    """In every stack the two halves of the hand-over are about the same number of pods."""
    reckoned = _class(tree)["kubelet"]
    (part,) = [p for p in message_from_string(_class(tree)["userData"]).walk() if not p.is_multipart()]
    told = yaml.safe_load(str(part.get_payload()))["spec"]["kubelet"]["config"]
    yield from (f"{key} is told otherwise" for key in reckoned if reckoned[key] != told.get(key))
    asked = stack_sections(_stack(captured))["karpenter"]["maxPods"]
    if reckoned.get("maxPods") != asked:
        yield f"{reckoned.get('maxPods')} pods instead of {asked}"


def pool_reaches_every_zone_and_offers_a_choice(captured: Capture, tree: Tree) -> Iterator[str]:
    """No requirement takes a zone away, and each family comes in one of the sizes."""
    rows = {row["key"]: row for row in tree.get("NodePool/general")["spec"]["template"]["spec"]["requirements"]}
    if any("zone" in key for key in rows):
        yield "the pool leaves a zone out"
    sizes = set(rows["karpenter.k8s.aws/instance-size"]["values"])
    for family in rows["karpenter.k8s.aws/instance-family"]["values"]:
        if not sizes & SIZES_OF_FAMILY[family]:
            yield f"{family} comes in none of the sizes"


def tree_comes_after_what_its_controllers_need(captured: Capture, tree: Tree) -> Iterator[str]:
    """AWS first, then Argo CD: the spot role above all, without which the first spot request fails."""
    needed = captured.needs(captured.one(*ROOT))
    before = [row for row in captured.resources if "::platform:karpenter:Karpenter$" in row.urn]
    before += captured.of_type(SPOT_ROLE) + captured.of_type(NODE_GROUP)
    if not captured.of_type(SPOT_ROLE):
        yield "nobody makes the spot role"
    yield from (f"{row.urn} may come after the tree" for row in before if row.custom and row.urn not in needed)


def karpenter_asks_for_shifts_that_there_are(captured: Capture, tree: Tree) -> Iterator[str]:
    """The controller does not start if it is to respect zonal shifts of a cluster that has none."""
    settings = tree.values("karpenter")["settings"]
    (cluster,) = captured.of_type(CLUSTER)
    if settings["enableZonalShift"] and cluster.inputs.get("zonalShiftConfig") != {"enabled": True}:
        yield "the cluster has no zonal shift"


def _tagged(type_: str, name: str, key: str, value: str | None) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        tags = {**captured.one(type_, name).inputs["tags"], key: value}
        return captured.changed(type_, name, {"tags": {k: v for k, v in tags.items() if v is not None}})

    return mutate


def _changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def _handed(**changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        spec = json.loads(json.dumps(captured.one(*ROOT).inputs["spec"]))
        spec["source"]["helm"]["valuesObject"]["karpenter"] |= changes
        return captured.changed(*ROOT, {"spec": spec})

    return mutate


def _first(captured: Capture, type_: str) -> str:
    return captured.of_type(type_)[0].name


def _labelled(captured: Capture, **labels: str) -> Capture:
    return captured.changed(NODE_GROUP, _first(captured, NODE_GROUP), {"labels": labels})


_OTHER_KUBELET = {"maxPods": 110, "kubeReserved": {"memory": "1465Mi"}}
MUTATIONS: list[tuple[Control, Mutation]] = [
    (selectors_find_private_subnets, _tagged(SUBNET, "network-private-a", DISCOVERY, None)),
    (selectors_find_private_subnets, _tagged(SUBNET, "network-private-a", DISCOVERY, "other")),
    (selectors_find_private_subnets, _tagged(SUBNET, "network-public-a", DISCOVERY, "platform-dev")),
    (selectors_find_private_subnets, _changed(SUBNET, "network-private-a", {"availabilityZone": "ap-northeast-2b"})),
    (selectors_find_the_clusters_group, _changed(TAG, "cluster-discovery", {"value": "other"})),
    (selectors_find_the_clusters_group, _changed(TAG, "cluster-discovery", {"key": "Name"})),
    (selectors_find_the_clusters_group, _tagged(DEFAULT_GROUP, "network-default", DISCOVERY, "platform-dev")),
    (names_are_those_of_what_was_made, _handed(queueName="platform-dev")),
    (names_are_those_of_what_was_made, _handed(nodeRoleName="KarpenterNodeRole-other")),
    (base_nodes_are_not_karpenters, lambda c: _labelled(c, **{"node-type": "base", NODEPOOL: "general"})),
    (base_nodes_are_not_karpenters, lambda c: _labelled(c, **{"node-type": "system"})),
    (base_nodes_are_not_karpenters,
     lambda c: c.changed(LAUNCH_TEMPLATE, _first(c, LAUNCH_TEMPLATE), {"description": NODEPOOL})),
    (base_nodes_are_not_karpenters,
     lambda c: c.changed(LAUNCH_TEMPLATE, _first(c, LAUNCH_TEMPLATE),
                         {"userData": base64.b64encode(f"--node-labels={NODEPOOL}=x".encode()).decode()})),
    (karpenter_reckons_with_what_nodes_are_told, lambda c: _handed(
        kubelet=_values(c)["karpenter"]["kubelet"] | _OTHER_KUBELET)(c)),
    (pool_reaches_every_zone_and_offers_a_choice, _handed(instanceFamilies=["t3", "c5"], instanceSizes=["medium"])),
    (karpenter_asks_for_shifts_that_there_are,
     lambda c: c.changed(CLUSTER, _first(c, CLUSTER), {"zonalShiftConfig": None})),
    (tree_comes_after_what_its_controllers_need, _changed(SPOT_ROLE, "spot", type=ROLE)),
    (tree_comes_after_what_its_controllers_need,
     _changed("kubernetes:argoproj.io/v1alpha1:AppProject", "argocd-project", dependencies=())),
]  # fmt: skip
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


def _rendered(tool: Tool, captured: Capture) -> Tree:
    return _render(tool, json.dumps(_values(captured)))


@functools.cache
def _render(tool: Tool, values: str) -> Tree:
    return render(tool, json.loads(values))


@pytest.mark.parametrize("stack", EKS_STACKS)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(tool: Tool, whole_stack: WholeStack, stack: str, control: Control) -> None:
    """Program and tree of each stack fit together."""
    captured = whole_stack(stack)
    assert list(control(captured, _rendered(tool, captured))) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(
    tool: Tool, whole_stack: WholeStack, control: Control, mutation: Mutation
) -> None:
    """Each control reports a program in which one thing was changed."""
    broken = mutation(whole_stack("dev"))
    assert list(control(broken, _rendered(tool, broken))) != []

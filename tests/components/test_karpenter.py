"""What Karpenter's AWS side registers besides upstream's contract, each control with mutations that it catches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.captures import UNKNOWN, Capture
from tests.components.conftest import BOUNDARY, CLUSTER, ROLE, TAGS, Builder
from tests.conftest import ACCOUNT

KINDS = ("node-lifecycle", "iam-integration", "eks-integration", "interruption", "zonal-shift", "resource-discovery")
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ACCESS_ENTRY = "aws:eks/accessEntry:AccessEntry"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
COMPONENT = "platform:karpenter:Karpenter"
IDENTITY = "platform:identity:PodIdentityRole"
# The controller's rights, as they lay right under the component.
FORMER = [
    (ROLE, "karpenter-controller"),
    (ASSOCIATION, "karpenter-controller"),
    *((POLICY, f"karpenter-{kind}") for kind in KINDS),
    *((ATTACHMENT, f"karpenter-{kind}") for kind in KINDS),
]
UNTAGGED = {ATTACHMENT, QUEUE_POLICY, TARGET}
TRUSTED = {
    "aws:SourceAccount": ACCOUNT,
    "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:ap-northeast-2:{ACCOUNT}:cluster/{CLUSTER}",
    "aws:RequestTag/kubernetes-namespace": "kube-system",
    "aws:RequestTag/kubernetes-service-account": "karpenter",
}
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


def children_without_parent(captured: Capture) -> list[str]:
    """Everything hangs under the component; the controller's rights under its identity there."""
    parent = captured.one(COMPONENT, "karpenter").urn
    identity = captured.one(IDENTITY, "karpenter-controller").urn
    of_controller = {r.urn for r in captured.resources if r.parent == identity}
    others = [r for r in captured.resources if r.type != COMPONENT and r.urn not in of_controller]
    return [r.urn for r in others if r.parent != parent]


def options_of_its_own(captured: Capture) -> list[str]:
    """Protection and retention are the caller's to set, and nothing drifts unseen."""
    return [r.urn for r in captured.resources if r.protect or r.retain_on_delete or r.ignore_changes]


def replaced_in_older_stacks(captured: Capture) -> list[str]:
    """What moved under the identity says its URN of before, from version 0.1.0; nothing else has been elsewhere."""
    parent = captured.one(COMPONENT, "karpenter").urn
    stack, kept = parent.rpartition("::")[0], []
    for r in captured.resources:
        kept += [f"{a['spec']['parentUrn'].rpartition('::')[0]}${r.type}::{a['spec']['name']}" for a in r.aliases]
    wanted = [f"{stack}${type_}::{name}" for type_, name in FORMER]
    return sorted(set(kept) ^ set(wanted)) + (["an alias twice"] if len(kept) != len(set(kept)) else [])


def missing_tags(captured: Capture) -> list[str]:
    """Whatever can carry tags carries the caller's."""
    taggable = [r for r in captured.resources if r.custom and r.type not in UNTAGGED]
    return [r.urn for r in taggable if r.inputs.get("tags") != TAGS]


def unbounded_roles(captured: Capture) -> list[str]:
    """The permissions boundary reaches both roles."""
    return [r.urn for r in captured.of_type(ROLE) if r.inputs.get("permissionsBoundary") != BOUNDARY]


def loose_controller_trust(captured: Capture) -> list[str]:
    """One service account of one cluster can be the controller."""
    role = captured.one(ROLE, "karpenter-controller")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    wanted = {
        "Sid": "AllowEksAuthToAssumeRoleForPodIdentity",
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": TRUSTED},
    }
    return [key for key in wanted.keys() | statement.keys() if wanted.get(key) != statement.get(key)]


def association_too_early(captured: Capture) -> list[str]:
    """The service account gets the role when the role can do everything, and loses it before."""
    association = captured.one(ASSOCIATION, "karpenter-controller")
    role = captured.one(ROLE, "karpenter-controller").urn
    rights = {r.urn for r in captured.of_type(ATTACHMENT) if r.source("role") == role}
    inputs = {key: association.inputs.get(key) for key in ("clusterName", "namespace", "serviceAccount")}
    wrong = [f"the association is there before {urn}" for urn in rights - captured.needs(association)]
    if inputs != {"clusterName": CLUSTER, "namespace": "kube-system", "serviceAccount": "karpenter"}:
        wrong.append(f"associated with {inputs}")
    return wrong + ([] if association.source("roleArn") == role and len(rights) == 6 else ["not the controller's role"])


def unattached_policies(captured: Capture) -> list[str]:
    """Each of the six policies is attached once, to the controller's role."""
    role = captured.one(ROLE, "karpenter-controller").urn
    attached = [r.source("policyArn") for r in captured.of_type(ATTACHMENT) if r.source("role") == role]
    return sorted(set(attached) ^ {r.urn for r in captured.of_type(POLICY)})


def nodes_that_cannot_join(captured: Capture) -> list[str]:
    """The node role has an access entry for Linux nodes and no other right in the cluster."""
    entry = captured.one(ACCESS_ENTRY, "karpenter-node")
    checks = {
        "type": entry.inputs.get("type") == "EC2_LINUX",
        "cluster": entry.inputs.get("clusterName") == CLUSTER,
        "principal": entry.source("principalArn") == captured.one(ROLE, "karpenter-node").urn,
        "groups": "kubernetesGroups" not in entry.inputs,
    }
    return [name for name, holds in checks.items() if not holds]


def lost_events(captured: Capture) -> list[str]:
    """No rule sends before the queue lets it: what is refused then is lost."""
    permission = captured.one(QUEUE_POLICY, "karpenter-interruption")
    wrong = [target.name for target in captured.of_type(TARGET) if permission.urn not in captured.needs(target)]
    queue = captured.one(QUEUE, "karpenter-interruption").urn
    return wrong + ([] if permission.source("queueUrl") == queue else ["the policy is another queue's"])


def unregistered_outputs(captured: Capture) -> list[str]:
    """The component shows the names that the chart and the node class need."""
    outputs = captured.outputs.get(captured.one(COMPONENT, "karpenter").urn, {})
    wanted = {
        "queue_name": f"{CLUSTER}-karpenter",
        "node_role_name": f"KarpenterNodeRole-{CLUSTER}",
        "node_role_arn": f"arn:aws:iam::{ACCOUNT}:role/KarpenterNodeRole-{CLUSTER}",
        "controller_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{CLUSTER}-karpenter-controller",
    }
    return [key for key in wanted if outputs.get(key) != wanted[key]]


def _changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def _looser(old: str, new: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        text = captured.one(ROLE, "karpenter-controller").inputs["assumeRolePolicy"]
        assert old in text
        return captured.changed(ROLE, "karpenter-controller", {"assumeRolePolicy": text.replace(old, new)})

    return mutate


def _attached_to_the_nodes(captured: Capture) -> Capture:
    deps = captured.one(ATTACHMENT, "karpenter-controller-node-lifecycle").property_dependencies
    nodes = {**deps, "role": (captured.one(ROLE, "karpenter-node").urn,)}
    return captured.changed(ATTACHMENT, "karpenter-controller-node-lifecycle", property_dependencies=nodes)


def _under_another_name(captured: Capture) -> Capture:
    name = "karpenter-controller-zonal-shift"
    (alias,) = captured.one(POLICY, name).aliases
    renamed = {"spec": {**alias["spec"], "name": name}}
    return captured.changed(POLICY, name, aliases=(renamed,))


def _without_outputs(captured: Capture) -> Capture:
    return Capture(resources=captured.resources)


MUTATIONS: list[tuple[Control, Mutation]] = [
    (children_without_parent, _changed(QUEUE, "karpenter-interruption", parent="")),
    (options_of_its_own, _changed(ROLE, "karpenter-node", retain_on_delete=True)),
    (replaced_in_older_stacks, _changed(ROLE, "karpenter-controller", aliases=())),
    (replaced_in_older_stacks, _changed(POLICY, "karpenter-controller-zonal-shift", aliases=())),
    (replaced_in_older_stacks, _under_another_name),
    (missing_tags, _changed(RULE, "karpenter-rebalance", {"tags": None})),
    (unbounded_roles, _changed(ROLE, "karpenter-node", {"permissionsBoundary": None})),
    (loose_controller_trust, _looser('"kube-system"', '"*"')),
    (loose_controller_trust, _looser("StringEquals", "StringLike")),
    (loose_controller_trust, _looser(',"sts:TagSession"', "")),
    (association_too_early, _changed(ASSOCIATION, "karpenter-controller", dependencies=())),
    (association_too_early, _changed(ASSOCIATION, "karpenter-controller", {"namespace": "karpenter"})),
    (unattached_policies, _attached_to_the_nodes),
    (nodes_that_cannot_join, _changed(ACCESS_ENTRY, "karpenter-node", {"type": "STANDARD"})),
    (nodes_that_cannot_join, _changed(ACCESS_ENTRY, "karpenter-node", {"kubernetesGroups": ["system:masters"]})),
    (lost_events, _changed(TARGET, "karpenter-rebalance", dependencies=())),
    (unregistered_outputs, _without_outputs),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(karpenter: Builder, control: Control) -> None:
    """Karpenter's AWS side breaks no control."""
    assert control(karpenter()) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(karpenter: Builder, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(karpenter())) != []


def test_documents_are_known_before_anything_exists(karpenter: Builder) -> None:
    """A first preview shows every document whole, though no ARN has been computed yet."""
    captured = karpenter(preview=True)
    keys = ("policy", "assumeRolePolicy", "eventPattern")
    documents = [r.inputs[key] for r in captured.resources for key in keys if key in r.inputs]
    assert captured.one(ACCESS_ENTRY, "karpenter-node").inputs["principalArn"] == UNKNOWN
    assert len(documents) == 6 + 2 + 1 + 5
    assert all(isinstance(json.loads(document), dict) for document in documents)
    assert UNKNOWN not in "".join(documents)


@pytest.mark.parametrize(
    ("partition", "region", "ec2"),
    [
        ("aws-cn", "cn-northwest-1", "ec2.amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-east-1", "ec2.amazonaws.com"),
    ],
)
def test_other_partitions_have_their_own_arns(karpenter: Builder, partition: str, region: str, ec2: str) -> None:
    """No ARN of the commercial partition appears elsewhere, and EC2 is trusted under the partition's name."""
    captured = karpenter(partition=partition, region=region, permissions_boundary=None)
    assert "arn:aws:" not in json.dumps([dict(r.inputs) for r in captured.resources])
    (trust,) = json.loads(captured.one(ROLE, "karpenter-node").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ec2}


def test_registered_names_are_the_planned_ones(karpenter: Builder) -> None:
    """A name of 100 characters is registered within every limit, and the documents speak of the same names."""
    captured = karpenter(cluster_name="x" * 100, isolated=True)
    limits = {ROLE: 64, RULE: 64, QUEUE: 80, POLICY: 128, PROFILE: 128}
    assert [r.urn for t, limit in limits.items() for r in captured.of_type(t) if len(r.inputs["name"]) > limit] == []
    passed = json.loads(captured.one(POLICY, "karpenter-controller-iam-integration").inputs["policy"])["Statement"][0]
    read = json.loads(captured.one(POLICY, "karpenter-controller-interruption").inputs["policy"])["Statement"][0]
    node_role = captured.one(ROLE, "karpenter-node").inputs["name"]
    queue = captured.one(QUEUE, "karpenter-interruption").inputs["name"]
    assert passed["Resource"] == f"arn:aws:iam::{ACCOUNT}:role/{node_role}"
    assert read["Resource"] == f"arn:aws:sqs:ap-northeast-2:{ACCOUNT}:{queue}"

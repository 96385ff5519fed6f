"""Karpenter's AWS side in a network without a way to IAM: the program makes the nodes' instance profile."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from components.karpenter.controller import NOT_WHEN_ISOLATED
from tests.captures import Capture
from tests.components.conftest import CLUSTER, ROLE, TAGS, Builder
from tests.components.test_karpenter_contract import CONTRACT, differences, mutations, policies, rendered

PROFILE = "aws:iam/instanceProfile:InstanceProfile"
COMPONENT = "platform:karpenter:Karpenter"
# The tags by which upstream's policies tell the cluster's own instance profiles.
OWNER = {
    f"kubernetes.io/cluster/{CLUSTER}": "owned",
    "eks:eks-cluster-name": CLUSTER,
    "topology.kubernetes.io/region": "ap-northeast-2",
    "karpenter.k8s.aws/ec2nodeclass": "default",
}
# What the controller may still do with instance profiles and roles: hand the nodes theirs, and look.
LEFT = {"iam:PassRole", "iam:GetInstanceProfile", "iam:ListInstanceProfiles"}
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


def nodes_without_a_profile(captured: Capture) -> list[str]:
    """One profile, with the nodes' role, named, tagged and handed out."""
    profile = captured.one(PROFILE, "karpenter-node")
    component = captured.one(COMPONENT, "karpenter")
    checks = {
        "role": profile.source("role") == captured.one(ROLE, "karpenter-node").urn,
        "name": profile.inputs.get("name") == f"KarpenterNodeInstanceProfile-{CLUSTER}",
        "path": profile.inputs.get("path", "/") == "/",
        "tags": profile.inputs.get("tags") == TAGS | OWNER,
        "parent": profile.parent == component.urn,
        "output": captured.outputs[component.urn].get("instance_profile_name") == profile.inputs.get("name"),
    }
    return [name for name, holds in checks.items() if not holds]


def controller_that_writes_to_iam(captured: Capture) -> list[str]:
    """The controller changes nothing in IAM."""
    actions: set[str] = set()
    for statements in policies(captured).values():
        for statement in statements:
            named = statement["Action"]
            actions.update([named] if isinstance(named, str) else named)
    return sorted(action for action in actions if action.startswith("iam:") and action not in LEFT)


def _profile(**inputs: object) -> Mutation:
    return lambda captured: captured.changed(PROFILE, "karpenter-node", inputs)


def _with_another_role(captured: Capture) -> Capture:
    other = {"role": (captured.one(ROLE, "karpenter-controller").urn,)}
    return captured.changed(PROFILE, "karpenter-node", property_dependencies=other)


def _allowed_to_write(captured: Capture) -> Capture:
    policy = "aws:iam/policy:Policy"
    text = captured.one(policy, "karpenter-controller-iam-integration").inputs["policy"]
    wider = text.replace('"iam:PassRole"', '["iam:PassRole","iam:CreateInstanceProfile"]')
    assert wider != text
    return captured.changed(policy, "karpenter-controller-iam-integration", {"policy": wider})


MUTATIONS: list[tuple[Control, Mutation]] = [
    (nodes_without_a_profile, _profile(name="nodes")),
    (nodes_without_a_profile, _profile(path="/karpenter/")),
    (nodes_without_a_profile, _profile(tags=TAGS)),
    (nodes_without_a_profile, _with_another_role),
    (controller_that_writes_to_iam, _allowed_to_write),
]


@pytest.mark.parametrize("control", [nodes_without_a_profile, controller_that_writes_to_iam])
def test_control_holds(karpenter: Builder, control: Control) -> None:
    """An isolated Karpenter breaks no control."""
    assert control(karpenter(isolated=True)) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(karpenter: Builder, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(karpenter(isolated=True))) != []


def test_profiles_are_otherwise_karpenters_own(karpenter: Builder) -> None:
    """With a way to IAM the program makes no profile, shows none, and the controller may write."""
    captured = karpenter()
    assert captured.of_type(PROFILE) == []
    assert captured.outputs[captured.one(COMPONENT, "karpenter").urn].get("instance_profile_name") is None
    assert controller_that_writes_to_iam(captured) != []


@pytest.mark.parametrize("kind", sorted(CONTRACT["policies"]))
def test_policies_are_upstreams_less_what_is_unused(karpenter: Builder, kind: str) -> None:
    """Isolation takes out the named statements whole and touches no other."""
    expected = [row for row in rendered(CONTRACT["policies"][kind]) if row["Sid"] not in NOT_WHEN_ISOLATED]
    actual = policies(karpenter(isolated=True))[kind]
    assert differences(expected, actual) == []
    assert all(differences(expected, changed) for _, changed in mutations(actual))


def test_what_is_left_out_is_upstreams() -> None:
    """Each statement that isolation takes out is one that upstream has: profile writes and the price list."""
    upstream = {row["Sid"]: row["Action"] for rows in CONTRACT["policies"].values() for row in rows}
    assert upstream.keys() >= NOT_WHEN_ISOLATED
    services = {str(upstream[sid]).strip("['").partition(":")[0] for sid in NOT_WHEN_ISOLATED}
    assert services == {"iam", "pricing"}


def test_documents_are_known_before_anything_exists(karpenter: Builder) -> None:
    """A first preview shows the isolated policies whole."""
    documents = [r.inputs["policy"] for r in karpenter(isolated=True, preview=True).resources if "policy" in r.inputs]
    assert all(isinstance(json.loads(document), dict) for document in documents)

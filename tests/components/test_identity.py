"""What identities of service accounts register, each control with mutations that it catches."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.identity.controllers import Controllers, ControllersArgs
from components.identity.pod_identity import PodIdentity
from components.identity.policies.controllers import CONTROLLERS, Reach
from components.identity.workload import Former, Grant, Workload, WorkloadIdentity
from components.place import Place
from tests.captures import UNKNOWN, Capture
from tests.components.conftest import BOUNDARY, CLUSTER, ROLE, TAGS
from tests.conftest import ACCOUNT, CaptureProgram

POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
IDENTITY = "platform:identity:PodIdentityRole"
COMPONENT = "platform:identity:Controllers"
REACH = Reach(
    secrets_prefix="demo/",
    hosted_zone_ids=("Z0123456789ABC",),
    chart_repositories=("charts/platform",),
    backups_bucket="demo-backups",
)
ACCOUNTS = {
    "identity-aws-load-balancer-controller": ("kube-system", "aws-load-balancer-controller"),
    "identity-aws-efs-csi-driver": ("kube-system", "efs-csi-controller-sa"),
    "identity-external-secrets": ("external-secrets", "external-secrets"),
    "identity-external-dns": ("external-dns", "external-dns"),
    "identity-monitoring": ("amazon-cloudwatch", "cloudwatch-agent"),
    "identity-argocd-backup": ("argocd", "argocd-backup"),
}
PURPOSES = {
    "identity-argocd-backup-objects",
    "identity-aws-efs-csi-driver-access-points",
    "identity-aws-load-balancer-controller-load-balancers",
    "identity-aws-load-balancer-controller-reading",
    "identity-aws-load-balancer-controller-security-groups",
    "identity-external-dns-records",
    "identity-external-secrets-charts",
    "identity-external-secrets-secrets",
    "identity-monitoring-metrics-and-logs",
}
Control = Callable[[Capture], list[str]]
Mutation = Callable[[Capture], Capture]


def place(partition: str = "aws", region: str = "ap-northeast-2", boundary: str | None = BOUNDARY) -> Place:
    return Place(region=region, partition=partition, account_id=ACCOUNT, permissions_boundary=boundary, tags=dict(TAGS))


def pod_identity(where: Place, cluster_name: str = CLUSTER) -> WorkloadIdentity:
    return PodIdentity(
        cluster_name=cluster_name, ready_cluster_name=pulumi.Output.from_input(cluster_name), place=where
    )


def register(reach: Reach = REACH, where: Place | None = None, cluster_name: str = CLUSTER) -> Controllers:
    where = where or place()
    identity = pod_identity(where, cluster_name)
    args = ControllersArgs(cluster_name=cluster_name, identity=identity, reach=reach, place=where)
    return Controllers("identity", args)


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(register)


def children_without_parent(captured: Capture) -> list[str]:
    """Each identity hangs under the component, and each identity's resources under it."""
    (component,) = captured.of_type(COMPONENT)
    identities = {r.urn for r in captured.of_type(IDENTITY) if r.parent == component.urn}
    others = [r for r in captured.resources if r.urn != component.urn and r.urn not in identities]
    return [r.urn for r in others if r.parent not in identities]


def options_of_its_own(captured: Capture) -> list[str]:
    """Protection and retention are the caller's to set, and nothing drifts unseen."""
    return [r.urn for r in captured.resources if r.protect or r.retain_on_delete or r.ignore_changes or r.aliases]


def missing_tags(captured: Capture) -> list[str]:
    """Whatever can carry tags carries the caller's."""
    taggable = [r for r in captured.resources if r.custom and r.type != ATTACHMENT]
    return [r.urn for r in taggable if r.inputs.get("tags") != TAGS]


def unbounded_roles(captured: Capture) -> list[str]:
    """I9: the permissions boundary reaches every role."""
    return [r.urn for r in captured.of_type(ROLE) if r.inputs.get("permissionsBoundary") != BOUNDARY]


def foreign_accounts(captured: Capture) -> list[str]:
    """I5: each association names the controller's service account, and the role's trust names the same."""
    wrong = []
    for association in captured.of_type(ASSOCIATION):
        named = (association.inputs.get("namespace"), association.inputs.get("serviceAccount"))
        role = next((r for r in captured.of_type(ROLE) if r.urn == association.source("roleArn")), None)
        if role is None or role.name != association.name:
            wrong.append(association.name)
            continue
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        tags = {key.rpartition("/")[2]: value for key, value in statement["Condition"]["StringEquals"].items()}
        trusted = (tags["kubernetes-namespace"], tags["kubernetes-service-account"])
        cluster = tags["eks-cluster-arn"].endswith(f":cluster/{association.inputs.get('clusterName')}")
        same = named == trusted == ACCOUNTS.get(association.name)
        wrong += [] if same and cluster else [association.name]
    return wrong + sorted({r.name for r in captured.of_type(ASSOCIATION)} ^ ACCOUNTS.keys())


def association_too_early(captured: Capture) -> list[str]:
    """A service account gets its role when the role can do everything, and loses it before."""
    wrong = []
    for association in captured.of_type(ASSOCIATION):
        role = captured.one(ROLE, association.name).urn
        rights = {r.urn for r in captured.of_type(ATTACHMENT) if r.source("role") == role}
        wrong += [association.name] if not rights or rights - captured.needs(association) else []
    return wrong


def unattached_policies(captured: Capture) -> list[str]:
    """Each policy is attached once, to the role of the same identity."""
    attached = {r.source("policyArn"): r for r in captured.of_type(ATTACHMENT)}
    wrong = [r.name for r in captured.of_type(POLICY) if r.urn not in attached]
    wrong += [r.name for r in attached.values() if captured_parent(captured, r.source("role")) != r.parent]
    return wrong + sorted({r.name for r in captured.of_type(POLICY)} ^ PURPOSES)


def captured_parent(captured: Capture, urn: str) -> str:
    return next(r.parent for r in captured.resources if r.urn == urn)


def unregistered_outputs(captured: Capture) -> list[str]:
    """The component shows every role's ARN, and so does each identity."""
    shown = captured.outputs.get(captured.one(COMPONENT, "identity").urn, {}).get("role_arns", {})
    missing = [key for key in CONTROLLERS if not str(shown.get(key, "")).startswith(f"arn:aws:iam::{ACCOUNT}:role/")]
    return missing + [r.name for r in captured.of_type(IDENTITY) if "role_arn" not in captured.outputs.get(r.urn, {})]


def _changed(type_: str, name: str, inputs: dict[str, Any] | None = None, **fields: Any) -> Mutation:
    return lambda captured: captured.changed(type_, name, inputs, **fields)


def _with_trust(old: str, new: str) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        text = captured.one(ROLE, "identity-external-dns").inputs["assumeRolePolicy"]
        assert old in text
        return captured.changed(ROLE, "identity-external-dns", {"assumeRolePolicy": text.replace(old, new)})

    return mutate


def _renamed(type_: str, name: str) -> Mutation:
    """One that nobody asked for in the place of one that somebody did."""

    def mutate(captured: Capture) -> Capture:
        old = captured.one(type_, name)
        resources = [replace(r, name="identity-more") if r is old else r for r in captured.resources]
        return replace(captured, resources=resources)

    return mutate


def _attached_elsewhere(captured: Capture) -> Capture:
    name = "identity-external-dns-records"
    other = (captured.one(ROLE, "identity-monitoring").urn,)
    deps = {**captured.one(ATTACHMENT, name).property_dependencies, "role": other}
    return captured.changed(ATTACHMENT, name, property_dependencies=deps)


MUTATIONS: list[tuple[Control, Mutation]] = [
    (children_without_parent, _changed(ROLE, "identity-external-dns", parent="")),
    (children_without_parent, _changed(IDENTITY, "identity-external-dns", parent="")),
    (options_of_its_own, _changed(ROLE, "identity-external-dns", protect=True)),
    (options_of_its_own, _changed(ROLE, "identity-external-dns", aliases=({"spec": {}},))),
    (missing_tags, _changed(POLICY, "identity-external-dns-records", {"tags": None})),
    (missing_tags, _changed(ASSOCIATION, "identity-external-dns", {"tags": {}})),
    (unbounded_roles, _changed(ROLE, "identity-external-dns", {"permissionsBoundary": None})),
    (foreign_accounts, _changed(ASSOCIATION, "identity-external-dns", {"serviceAccount": "default"})),
    (foreign_accounts, _changed(ASSOCIATION, "identity-external-dns", {"clusterName": "other"})),
    (foreign_accounts, _with_trust('service-account":"external-dns', 'service-account":"*')),
    (foreign_accounts, _renamed(ASSOCIATION, "identity-external-dns")),
    (association_too_early, _changed(ASSOCIATION, "identity-external-dns", dependencies=())),
    (unattached_policies, _attached_elsewhere),
    (unattached_policies, _renamed(POLICY, "identity-external-dns-records")),
    (unregistered_outputs, lambda captured: Capture(resources=captured.resources)),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(captured: Capture, control: Control) -> None:
    """The controllers' identities break no control."""
    assert control(captured) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(captured: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports registrations in which one thing was changed."""
    assert control(mutation(captured)) != []


def test_documents_are_known_before_anything_exists(capture: CaptureProgram) -> None:
    """A first preview shows every document whole, though no ARN has been computed yet."""
    previewed = capture(register, preview=True)
    documents = [
        r.inputs[key] for r in previewed.resources for key in ("policy", "assumeRolePolicy") if key in r.inputs
    ]
    assert previewed.one(ASSOCIATION, "identity-external-dns").inputs["roleArn"] == UNKNOWN
    assert len(documents) == len(PURPOSES) + len(ACCOUNTS)
    assert all(isinstance(json.loads(document), dict) for document in documents)
    assert UNKNOWN not in "".join(documents)


def test_what_is_not_configured_is_not_granted(capture: CaptureProgram) -> None:
    """Without zones external-dns has no identity, and without repositories nobody may read charts."""
    without = capture(lambda: register(Reach(secrets_prefix="demo/")))
    assert {r.name for r in without.of_type(IDENTITY)} == ACCOUNTS.keys() - {
        "identity-argocd-backup",
        "identity-external-dns",
    }
    names = {r.name for r in without.of_type(POLICY)}
    assert PURPOSES - names == {
        "identity-argocd-backup-objects",
        "identity-external-dns-records",
        "identity-external-secrets-charts",
    }


@pytest.mark.parametrize(("partition", "region"), [("aws-cn", "cn-northwest-1"), ("aws-us-gov", "us-gov-east-1")])
def test_other_partitions_have_their_own_arns(capture: CaptureProgram, partition: str, region: str) -> None:
    """No ARN of the commercial partition appears elsewhere."""
    elsewhere = place(partition, region, boundary=None)
    found = capture(lambda: register(where=elsewhere), partition=partition, region=region)
    assert "arn:aws:" not in json.dumps([dict(r.inputs) for r in found.resources])


def test_pulumi_names_roles_and_policies_within_their_limits(captured: Capture) -> None:
    """No name is given, and what Pulumi makes of the logical name (a hyphen and seven characters more) fits."""
    assert [r.urn for t in (ROLE, POLICY) for r in captured.of_type(t) if "name" in r.inputs] == []
    assert max(len(r.name) for r in captured.of_type(ROLE)) + 8 <= 64
    assert max(len(r.name) for r in captured.of_type(POLICY)) + 8 <= 128


class Annotating:
    """A mechanism in IRSA's place: no association, an annotation instead."""

    def __init__(self) -> None:
        self.asked: dict[str, Workload] = {}

    def grant(self, name: str, workload: Workload, opts: pulumi.ResourceOptions) -> Grant:
        self.asked[name] = workload
        arn = pulumi.Output.from_input(f"arn:aws:iam::{ACCOUNT}:role/{name}")
        resource = pulumi.ComponentResource("test:index:Annotated", name, None, opts)
        return Grant(resource=resource, role_arn=arn, annotations={"eks.amazonaws.com/role-arn": arn})


def test_controllers_take_any_mechanism(capture: CaptureProgram) -> None:
    """The component asks for the same workloads whatever stands behind, and hands the annotations on."""
    mechanism = Annotating()
    made: list[Controllers] = []

    def program() -> None:
        args = ControllersArgs(cluster_name=CLUSTER, identity=mechanism, reach=REACH, place=place())
        made.append(Controllers("identity", args))

    found = capture(program)
    assert {name: (w.namespace, w.service_account) for name, w in mechanism.asked.items()} == ACCOUNTS
    assert found.of_type(ROLE) == found.of_type(ASSOCIATION) == []
    assert all("eks.amazonaws.com/role-arn" in grant.annotations for grant in made[0].grants.values())


def test_pod_identity_needs_no_annotation(capture: CaptureProgram) -> None:
    """AWS keeps the association, so a service account carries nothing."""
    made: list[Mapping[str, Grant]] = []
    capture(lambda: made.append(register().grants))
    assert {key for grants in made for key, grant in grants.items() if grant.annotations} == set()
    assert made[0].keys() == CONTROLLERS.keys()


def test_resources_that_move_under_an_identity_are_kept(capture: CaptureProgram) -> None:
    """Each resource says under which name and parent it was before, so that an existing stack replaces nothing."""

    def program() -> None:
        parent = pulumi.ComponentResource("platform:karpenter:Karpenter", "karpenter")
        workload = Workload(
            namespace="kube-system",
            service_account="karpenter",
            documents={"reading": {"Version": "2012-10-17", "Statement": []}},
            description="test",
            role_name="demo-karpenter",
            policy_names={"reading": "DemoReading"},
            former=Former(parent=parent, prefix="karpenter"),
        )
        pod_identity(place()).grant("karpenter-controller", workload, pulumi.ResourceOptions(parent=parent))

    found = capture(program)
    (parent,) = found.of_type("platform:karpenter:Karpenter")
    former = {
        r.type: (r.aliases[0]["spec"]["name"], r.aliases[0]["spec"]["parentUrn"]) for r in found.resources if r.custom
    }
    assert former == {
        ROLE: ("karpenter-controller", parent.urn),
        ASSOCIATION: ("karpenter-controller", parent.urn),
        POLICY: ("karpenter-reading", parent.urn),
        ATTACHMENT: ("karpenter-reading", parent.urn),
    }
    assert found.one(ROLE, "karpenter-controller").inputs["name"] == "demo-karpenter"
    assert found.one(POLICY, "karpenter-controller-reading").inputs["name"] == "DemoReading"

"""The tree as it comes out of the real stack of a self-managed cluster: what it names is what the program made."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from components.argocd.handover import IDENTITIES
from ops.gitops.rendering import sources_of
from tests.captures import Capture
from tests.gitops.tree import Tool, Tree, render
from tests.whole_stacks import STACKS, WholeStack, stack_sections

ROOT = ("kubernetes:argoproj.io/v1alpha1:Application", "argocd-root")
RELEASE = "kubernetes:helm.sh/v3:Release"
PATCH = "kubernetes:core/v1:NodePatch"
INSTANCE = "aws:ec2/instance:Instance"
ROLE = "aws:iam/role:Role"
_STACKS = [stack for stack in STACKS if stack_sections(stack)["variant"] == "self-managed"]
Control = Callable[[Capture, Tree], Iterator[str]]
Mutation = Callable[[Capture], Capture]


def _values(captured: Capture) -> Any:
    return captured.one(*ROOT).inputs["spec"]["source"]["helm"]["valuesObject"]


@functools.cache
def _render(tool: Tool, values: str) -> Tree:
    return render(tool, json.loads(values))


def _rendered(tool: Tool, captured: Capture) -> Tree:
    return _render(tool, json.dumps(_values(captured)))


def controllers_act_as_roles_that_trust_them(captured: Capture, tree: Tree) -> Iterator[str]:
    """The role in a controller's variables is one of the stack, and trusts just that service account's tokens."""
    ebs, balancer = (tree.values(name) for name in ("aws-ebs-csi-driver", "aws-load-balancer-controller"))
    rows = [
        ("kube-system", ebs["controller"]["serviceAccount"]["name"], _told(ebs["controller"]["env"])),
        ("kube-system", balancer["serviceAccount"]["name"], balancer["env"]["AWS_ROLE_ARN"]),
        ("argocd", "argocd-backup", _told(tree.values("argocd-backup")["env"])),
    ]
    for name, key in (("external-secrets", "extraEnv"), ("external-dns", "env")):
        rows.append((name, tree.values(name)["serviceAccount"]["name"], _told(tree.values(name)[key])))
    for namespace, account, arn in rows:
        roles = [row for row in captured.of_type(ROLE) if arn.endswith(f"role/{row.inputs.get('name', row.name)}")]
        roles = roles or [row for row in captured.of_type(ROLE) if f"role/{row.name}-" in arn]
        subject = f"system:serviceaccount:{namespace}:{account}"
        if len(roles) != 1 or subject not in str(roles[0].inputs["assumeRolePolicy"]):
            yield f"{arn} is no role that trusts {subject}"


def _told(env: list[dict[str, str]]) -> str:
    return next(row["value"] for row in env if row["name"] == "AWS_ROLE_ARN")


def tree_comes_after_every_node(captured: Capture, tree: Tree) -> Iterator[str]:
    """The root follows all nodes' patches, so that on destroy the tree is gone before any machine is."""
    needed = captured.needs(captured.one(*ROOT))
    rows = [*captured.of_type(PATCH), *captured.of_type(INSTANCE)]
    if not captured.of_type(PATCH):
        yield "no node is waited for"
    yield from (f"{row.name} may come after the tree" for row in rows if row.urn not in needed)


def argo_cd_comes_after_the_pod_network(captured: Capture, tree: Tree) -> Iterator[str]:
    """Its pods have no address before."""
    release = captured.one(RELEASE, "argocd-release")
    if captured.one(RELEASE, "addons-calico").urn not in captured.needs(release):
        yield "Argo CD may come before Calico"


def argo_cd_runs_where_it_may(captured: Capture, tree: Tree) -> Iterator[str]:
    """No selector sends it to nodes that are not there, and some machine has no taint that keeps it away."""
    if "nodeSelector" in json.dumps(captured.one(RELEASE, "argocd-release").inputs["values"]):
        yield "Argo CD wants nodes of a kind"
    workers = stack_sections(_stack(captured))["machines"]["workers"].values()
    if all(any(taint["effect"] != "PreferNoSchedule" for taint in worker.get("taints", [])) for worker in workers):
        yield "every node is somebody's own"


def the_owners_do_not_overlap(captured: Capture, tree: Tree) -> Iterator[str]:
    """What the program installs the tree does not, and the other way round."""
    ours = {row.inputs["chart"] for row in captured.of_type(RELEASE)}
    theirs = {source["chart"] for app in tree.applications for source in sources_of(app) if "chart" in source}
    yield from (f"{chart} has two owners" for chart in ours & theirs)


def _stack(captured: Capture) -> str:
    return captured.one(*ROOT).urn.split(":")[2]


def _handed(**changes: Any) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        spec = json.loads(json.dumps(captured.one(*ROOT).inputs["spec"]))
        spec["source"]["helm"]["valuesObject"] |= changes
        return captured.changed(*ROOT, {"spec": spec})

    return mutate


def _other_role(captured: Capture) -> Capture:
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/other"}
    return _handed(identity=dict.fromkeys(IDENTITIES, annotations))(captured)


def _with_selector(captured: Capture) -> Capture:
    values = captured.one(RELEASE, "argocd-release").inputs["values"]
    return captured.changed(RELEASE, "argocd-release", {"values": {**values, "global": {"nodeSelector": {"a": "b"}}}})


MUTATIONS: list[tuple[Control, Mutation]] = [
    (controllers_act_as_roles_that_trust_them, _other_role),
    (
        tree_comes_after_every_node,
        lambda c: c.changed("kubernetes:argoproj.io/v1alpha1:AppProject", "argocd-project", dependencies=()),
    ),
    (
        argo_cd_comes_after_the_pod_network,
        lambda c: c.changed("kubernetes:core/v1:Namespace", "argocd-namespace", dependencies=()),
    ),
    (argo_cd_runs_where_it_may, _with_selector),
    (the_owners_do_not_overlap, lambda c: c.changed(RELEASE, "addons-calico", {"chart": "metrics-server"})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("stack", _STACKS)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(tool: Tool, whole_stack: WholeStack, stack: str, control: Control) -> None:
    """Program and tree of each self-managed stack fit together."""
    captured = whole_stack(stack)
    assert list(control(captured, _rendered(tool, captured))) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(
    tool: Tool, whole_stack: WholeStack, control: Control, mutation: Mutation
) -> None:
    """Each control reports a program in which one thing was changed."""
    broken = mutation(whole_stack("nodes14"))
    assert list(control(broken, _rendered(tool, broken))) != []

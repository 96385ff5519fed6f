"""The add-ons before GitOps and the nodes' roles, as they are registered."""

from __future__ import annotations

from dataclasses import replace

import pulumi
import pytest
from pulumi_aws.ec2 import Instance

from components.argocd.charts import charts
from components.self_managed.addon_values import calico_values, cloud_controller_values, csr_approver_values
from components.self_managed.addons import ClusterAddons, ClusterAddonsArgs
from components.self_managed.node_roles import INSTANCE_ID, NodeRoles, NodeRolesArgs
from components.self_managed.spec import ClusterSpec
from tests.captures import UNKNOWN, Capture
from tests.conftest import CaptureProgram
from tests.self_managed import VPC, nodes14

_RELEASE = "kubernetes:helm.sh/v3:Release"
_NAMESPACE = "kubernetes:core/v1:Namespace"
_PATCH = "kubernetes:core/v1:NodePatch"
_INSTANCE = "aws:ec2/instance:Instance"


def _hook(name: str) -> pulumi.ResourceHook:
    return pulumi.ResourceHook(name, lambda _: None)


def program(spec: ClusterSpec) -> None:
    """Register add-ons and roles over instances, as the stack does."""
    instances = {node.name: Instance(node.name, instance_type=node.instance_type) for node in spec.nodes}
    addons = ClusterAddons(
        "addons",
        ClusterAddonsArgs(
            spec=spec,
            vpc_cidr=VPC,
            charts=charts(None),
            api_ready=_hook("api-ready"),
            after=[instances[node.name] for node in spec.control_planes],
        ),
    )
    NodeRoles(
        "node-roles",
        NodeRolesArgs(
            spec=spec,
            instance_ids={name: instance.id for name, instance in instances.items()},
            node_ready=_hook("node-ready"),
            after=[addons.network],
        ),
    )


@pytest.fixture(scope="module")
def captured(capture: CaptureProgram) -> Capture:
    return capture(lambda: program(nodes14()))


def test_every_chart_comes_with_its_planned_values(captured: Capture) -> None:
    """Four releases: name, namespace, chart, pinned version, publisher and the planner's values."""
    spec, catalogue = nodes14(), charts(None)
    expected = {
        "addons-calico-crds": ("calico-crds", "tigera-operator", "crd.projectcalico.org.v1", {}),
        "addons-calico": ("tigera-operator", "tigera-operator", "tigera-operator", calico_values(spec)),
        "addons-cloud-controller": (
            "aws-cloud-controller-manager",
            "kube-system",
            "aws-cloud-controller-manager",
            cloud_controller_values(spec),
        ),
        "addons-csr-approver": (
            "kubelet-csr-approver",
            "kube-system",
            "kubelet-csr-approver",
            csr_approver_values(spec, VPC),
        ),
    }
    assert {row.name for row in captured.of_type(_RELEASE)} == expected.keys()
    for row in captured.of_type(_RELEASE):
        name, namespace, chart, values = expected[row.name]
        inputs = row.inputs
        assert (inputs["name"], inputs["namespace"], inputs["chart"]) == (name, namespace, chart)
        assert inputs["version"] == catalogue[chart].version
        assert inputs["repositoryOpts"]["repo"] == catalogue[chart].repository
        assert inputs.get("values", {}) == values
        assert (inputs["atomic"], inputs["timeout"]) == (False, 600)


def test_the_first_object_waits_for_the_api_and_the_others_for_it(captured: Capture) -> None:
    """One hook asks whether the API answers, once its machines are there; nothing of the component is made before."""
    namespace = captured.one(_NAMESPACE, "addons-calico-namespace")
    assert {kind: len(names) for kind, names in namespace.hooks.items()} == {"before_create": 1}
    planes = {captured.one(_INSTANCE, node.name).urn for node in nodes14().control_planes}
    assert set(namespace.dependencies) == planes
    for row in captured.of_type(_RELEASE):
        assert namespace.urn in captured.needs(row)
        assert row.hooks == {}


def test_releases_come_at_once_but_crds_before_their_operator(captured: Capture) -> None:
    """No release waits for another one, save Calico's operator for the kinds that its chart makes objects of."""
    crds = captured.one(_RELEASE, "addons-calico-crds").urn
    for row in captured.of_type(_RELEASE):
        others = {need for need in captured.needs(row) if "helm.sh" in need}
        assert others == ({crds} if row.name == "addons-calico" else set())


def test_addons_go_with_the_machines(captured: Capture) -> None:
    """Nothing is taken out of a cluster that is drained over it, or whose API may be dead."""
    rows = [*captured.of_type(_RELEASE), *captured.of_type(_NAMESPACE), *captured.of_type(_PATCH)]
    assert len(rows) == 4 + 1 + 14
    assert all(row.retain_on_delete for row in rows)


def test_roles_are_shown_as_the_documents_show_them(captured: Capture) -> None:
    """API nodes show `api`, workers `worker`, infrastructure nothing; a control plane keeps what kubeadm gave it."""
    labels = {row.name: row.inputs["metadata"].get("labels", {}) for row in captured.of_type(_PATCH)}
    assert len(labels) == 14
    for node in nodes14().nodes:
        shown = node.role if node.role in ("api", "worker") else None
        expected = {} if shown is None else {f"node-role.kubernetes.io/{shown}": ""}
        assert labels[f"node-roles-{node.name}"] == expected


def test_a_patch_is_of_one_node_and_knows_its_machine(captured: Capture) -> None:
    """Each names its node, carries its own machine's id, and comes after the pod network's operator."""
    network = captured.one(_RELEASE, "addons-calico").urn
    for node in nodes14().nodes:
        row = captured.one(_PATCH, f"node-roles-{node.name}")
        metadata = row.inputs["metadata"]
        machine = captured.one(_INSTANCE, node.name)
        assert (row.inputs["apiVersion"], row.inputs["kind"], metadata["name"]) == ("v1", "Node", node.name)
        assert metadata["annotations"]["pulumi.com/patchForce"] == "true"
        assert row.property_dependencies["metadata"] == (machine.urn,)
        assert network in captured.needs(row)


def test_a_patch_waits_for_its_node_whenever_it_is_written(captured: Capture) -> None:
    """An apply makes a node that is not there, and the kubelet's own registration would find it."""
    for row in captured.of_type(_PATCH):
        assert {kind: len(names) for kind, names in row.hooks.items()} == {"before_create": 1, "before_update": 1}


def test_another_machine_changes_its_nodes_patch_and_no_other(capture: CaptureProgram) -> None:
    """At preview a new machine's id is unknown, and with it the annotation, so the patch is written again."""
    rows = capture(lambda: program(nodes14()), preview=True).of_type(_PATCH)
    assert all(row.inputs["metadata"]["annotations"][INSTANCE_ID] == UNKNOWN for row in rows)


def test_a_node_less_changes_nothing_of_the_others(capture: CaptureProgram, captured: Capture) -> None:
    """Names come from nodes, not from their number."""
    spec = nodes14()
    fewer = capture(lambda: program(replace(spec, workers=spec.workers[1:])))
    gone = {urn for urn in captured.urns if spec.workers[0].name in urn}
    assert set(fewer.urns) == set(captured.urns) - gone
    assert [row.inputs for row in fewer.of_type(_RELEASE)] == [row.inputs for row in captured.of_type(_RELEASE)]

"""Stand-ins for the charts that a self-managed cluster has, rendered by the real Helm with the program's values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import versions
from components.self_managed.addon_values import calico_values, cloud_controller_values, csr_approver_values
from components.self_managed.spec import Taint
from ops.gitops.rendering import sources_of
from sandbox import crds
from sandbox.certificates import Authority
from sandbox.chart_mirror import ChartMirror
from sandbox.tools import load_tools
from tests.gitops.tree import SELF_MANAGED, render
from tests.sandbox.test_chart_mirror import Helm, Objects
from tests.self_managed import UNTAINTED, VPC, nodes14

pytestmark = pytest.mark.cluster

_WITH_PODS = ("Alertmanager", "DaemonSet", "Deployment", "Prometheus")


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helm]:
    tools = load_tools(Path(__file__).parents[2])
    folder = tmp_path_factory.mktemp("mirror")
    certificate = Authority(folder / "certificates").issue("charts")
    mirror = ChartMirror(folder / "charts", certificate, crds.folders(tools))
    mirror.start()
    yield Helm(tools["helm"], mirror, folder / "home")
    mirror.stop()


def _pod(made: Objects, kind: str, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = made[kind, name]["spec"]["template"]["spec"]
    return spec


def test_calico_gets_its_operator_and_what_it_is_to_install(helm: Helm) -> None:
    """The operator runs on any node in its network; the Installation is what the program asked for, and comes alone."""
    version = versions.CALICO_CHART
    made = helm.template("tigera-operator", version, calico_values(nodes14()), name="tigera-operator")
    pod = _pod(made, "Deployment", "tigera-operator")
    assert pod["hostNetwork"] is True
    assert {(row["operator"], row["effect"]) for row in pod["tolerations"]} == {
        ("Exists", "NoExecute"),
        ("Exists", "NoSchedule"),
    }
    network = made["Installation", "default"]["spec"]["calicoNetwork"]
    assert [pool["cidr"] for pool in network["ipPools"]] == [str(nodes14().pod_cidr)]
    assert not {kind for kind, _ in made} & {"APIServer", "Goldmane", "Whisker"}
    assert ("ServiceAccount", "tigera-operator") in made


def test_calicos_crds_are_a_chart_of_their_own(helm: Helm) -> None:
    """The operator's chart has none; the other one has the kinds that the operator's chart makes objects of."""
    version = versions.CALICO_CHART
    crd = ("CustomResourceDefinition", "installations.operator.tigera.io")
    assert crd in helm.template("crd.projectcalico.org.v1", version, {}, name="calico-crds")
    assert crd not in helm.template("tigera-operator", version, {}, "--include-crds", name="tigera-operator")


def test_cloud_controller_runs_before_everything_else(helm: Helm) -> None:
    """It has its node's network, tolerates every taint, runs on control planes and asks the API beside it."""
    values = cloud_controller_values(nodes14())
    version = versions.AWS_CLOUD_CONTROLLER_MANAGER_CHART
    name = "aws-cloud-controller-manager"
    pod = _pod(helm.template(name, version, values, name=name), "DaemonSet", name)
    assert pod["hostNetwork"] is True
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
    (container,) = pod["containers"]
    assert container["args"] == values["args"]
    assert container["env"] == values["env"]


def test_approver_gets_its_rules_as_variables(helm: Helm) -> None:
    """What the program says about names and addresses reaches the approver; what is off is not said."""
    values = csr_approver_values(nodes14(), VPC)
    name = "kubelet-csr-approver"
    made = helm.template(name, versions.KUBELET_CSR_APPROVER_CHART, values, name=name)
    pod = _pod(made, "Deployment", name)
    said = {row["name"]: row["value"] for row in pod["containers"][0]["env"]}
    assert said == {
        "ALLOWED_DNS_NAMES": "1",
        "BYPASS_HOSTNAME_CHECK": "true",
        "PROVIDER_IP_PREFIXES": str(VPC),
        "PROVIDER_REGEX": values["providerRegex"],
    }
    assert pod["dnsPolicy"] == "Default"


def test_ebs_driver_is_on_every_node_or_where_it_is_told(helm: Helm) -> None:
    """Its node part tolerates every taint unless it is to tolerate some only; controllers have names of their own."""
    name, version = "aws-ebs-csi-driver", versions.AWS_EBS_CSI_DRIVER_CHART
    made = helm.template(name, version, {}, name=name)
    assert _pod(made, "DaemonSet", "ebs-csi-node")["tolerations"] == [{"operator": "Exists"}]
    assert made["Deployment", "ebs-csi-controller"]["spec"]["replicas"] == 2
    told = {"node": {"tolerateAllTaints": False, "tolerations": [{"key": "domain", "operator": "Exists"}]}}
    pod = _pod(helm.template(name, version, told, name=name), "DaemonSet", "ebs-csi-node")
    assert pod["tolerations"] == [{"key": "domain", "operator": "Exists"}]
    selectors = [made[key]["spec"]["selector"] for key in made if key[0] in ("Deployment", "DaemonSet")]
    assert selectors[0] != selectors[1]


def test_variables_of_a_map_are_a_list_in_the_pod(helm: Helm) -> None:
    """The load balancer controller's chart takes variables as a map; its class names its parameters."""
    name = "aws-load-balancer-controller"
    values = {"clusterName": "x", "env": {"B": "2", "A": "1"}, "ingressClassParams": {"spec": {"scheme": "internal"}}}
    made = helm.template(name, versions.AWS_LOAD_BALANCER_CONTROLLER_CHART, values, "--include-crds", name=name)
    pod = _pod(made, "Deployment", name)
    assert pod["containers"][0]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert made["IngressClassParams", "alb"]["spec"] == {"scheme": "internal"}
    assert made["IngressClass", "alb"]["spec"]["parameters"]["name"] == "alb"
    assert ("CustomResourceDefinition", "ingressclassparams.elbv2.k8s.aws") in made


@pytest.mark.parametrize(
    ("chart", "version", "values", "message"),
    [
        (
            "aws-cloud-controller-manager",
            versions.AWS_CLOUD_CONTROLLER_MANAGER_CHART,
            {"hostNetwork": True},
            "hostNetwork",
        ),
        ("kubelet-csr-approver", versions.KUBELET_CSR_APPROVER_CHART, {"allowedDNSNames": 2}, "allowedDNSNames"),
        ("tigera-operator", versions.CALICO_CHART, {"kubernetesServiceEndpoints": {}}, "kubernetesServiceEndpoints"),
        ("aws-ebs-csi-driver", versions.AWS_EBS_CSI_DRIVER_CHART, {"controller": {"replicas": 2}}, "replicas"),
        ("metrics-server", versions.METRICS_SERVER_CHART, {"extraArgs": []}, "extraArgs"),
        ("aws-load-balancer-controller", versions.AWS_LOAD_BALANCER_CONTROLLER_CHART, {}, "clusterName"),
    ],
)
def test_helm_refuses_what_the_real_chart_does_not_know(
    helm: Helm, chart: str, version: str, values: dict[str, Any], message: str
) -> None:
    """A key that no template of the pinned version reads, or a missing one that it cannot do without, fails."""
    assert message in helm.refusal(chart, version, values)


def _nodes(pod: dict[str, Any]) -> list[str]:
    """Return the nodes of the cluster that a pod selects and whose taints it tolerates."""

    def passes(toleration: dict[str, Any], taint: Taint) -> bool:
        same = toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.value
        return toleration.get("key") in (None, taint.key) and toleration.get("effect") in (None, taint.effect) and same

    tolerations, selector = pod.get("tolerations", []), pod.get("nodeSelector", {})
    return [
        node.name
        for node in nodes14().nodes
        if (selector.items() - {"kubernetes.io/os": "linux"}.items()) <= node.labels.items()
        and all(any(passes(toleration, taint) for toleration in tolerations) for taint in node.taints)
    ]


def test_controllers_of_the_tree_find_nodes(helm: Helm) -> None:
    """With the tree's own values what is on every node has 14 pods, and no controller is on another's node.

    One that has two pods finds two nodes: the one without a taint and the control plane; what has one pod leaves the
    control plane alone.
    """
    tools = load_tools(Path(__file__).parents[2])
    every: list[tuple[str, int]] = []
    several: dict[str, list[str]] = {}
    single: dict[str, list[str]] = {}
    for application in render(tools.__getitem__, SELF_MANAGED).applications:
        for source in (source for source in sources_of(application) if "chart" in source):
            chart, values = source["chart"], source["helm"]["valuesObject"]
            for (kind, name), thing in helm.template(chart, source["targetRevision"], values, name=chart).items():
                nodes = _nodes(thing["spec"].get("template", thing)["spec"]) if kind in _WITH_PODS else []
                if kind == "DaemonSet":
                    every.append((name, len(nodes)))
                elif kind in _WITH_PODS:
                    (several if thing["spec"].get("replicas", 1) > 1 else single)[name] = nodes
    assert every == [("ebs-csi-node", 14), ("kube-prometheus-stack-prometheus-node-exporter", 14)]
    assert set(several) >= {"argo-rollouts", "aws-load-balancer-controller", "ebs-csi-controller", "metrics-server"}
    assert all(nodes == ["k8s-master", UNTAINTED] for nodes in several.values())
    assert set(single) >= {"cloudnative-pg", "external-secrets", "kube-prometheus-stack-prometheus", "redis-operator"}
    assert all(nodes == [UNTAINTED] for nodes in single.values())


def test_received_values_are_told(helm: Helm) -> None:
    """Each workload carries what its chart received, less what may be a key."""
    values = {"certs": {"node": {"key": "hidden"}}, "installation": {"registry": "registry.example.com/"}}
    made = helm.template("tigera-operator", versions.CALICO_CHART, values, name="tigera-operator")
    received = made["Deployment", "tigera-operator"]["metadata"]["annotations"]["sandbox/received-values"]
    assert json.loads(received)["installation"]["registry"] == "registry.example.com/"
    assert "hidden" not in received

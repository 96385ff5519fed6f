"""Where the pods of third-party charts run, and as whom, with the tree's values.

Seen on the stand-in charts, which place by the real charts' keys (tests/sandbox/test_standin_charts.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from ops.gitops.objects import Object
from ops.gitops.rendering import sources_of
from tests.gitops.tree import CHARTS, Break, Tool, Tree
from tests.standin_charts import Objects, StandIns

_ROLE = "eks.amazonaws.com/role-arn"
_CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}
_ENFORCED = "pod-security.kubernetes.io/enforce"
_KINDS = ("Alertmanager", "DaemonSet", "Deployment", "Prometheus", "StatefulSet")
# One of a chart's objects with the pods' fields: chart, kind, name, the object, those fields.
Workload = tuple[str, str, str, Object, Mapping[str, Any]]
Rule = Callable[[Tree, StandIns], Iterator[str]]


@pytest.fixture(scope="module")
def standins(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    """Render stand-ins of all charts."""
    return StandIns(tool("helm"), tmp_path_factory.mktemp("charts"))


@pytest.fixture(params=["tree", "self_managed_tree"], ids=["eks", "self-managed"])
def each(request: pytest.FixtureRequest) -> Tree:
    """The tree of one variant and of the other."""
    found: Tree = request.getfixturevalue(request.param)
    return found


def _made(tree: Tree, standins: StandIns) -> Iterator[tuple[str, Objects]]:
    """Yield each third-party chart with what it makes of its values."""
    for application in tree.applications:
        for source in sources_of(application):
            if "chart" in source:
                helm, namespace = source["helm"], application["spec"]["destination"]["namespace"]
                release = helm.get("releaseName", application["metadata"]["name"])
                yield source["chart"], standins.render(source["chart"], helm["valuesObject"], release, namespace)


def _workloads(tree: Tree, standins: StandIns) -> Iterator[Workload]:
    for chart, made in _made(tree, standins):
        for (kind, name), thing in made.items():
            if kind in _KINDS:
                yield chart, kind, name, thing, thing["spec"].get("template", thing)["spec"]


def run_where_the_platform_runs(tree: Tree, standins: StandIns) -> Iterator[str]:
    """EKS: base nodes, which nobody takes away. Machines of one's own: any untainted node, or a spare master."""
    eks = tree.handover["cluster"]["variant"] == "eks"
    for _, kind, name, thing, pod in _workloads(tree, standins):
        selector, tolerations = pod.get("nodeSelector", {}), pod.get("tolerations", [])
        if kind == "DaemonSet":
            if {"operator": "Exists"} not in tolerations:
                yield f"DaemonSet {name} is not on every node"
        elif eks:
            if selector.get("node-type") != "base":
                yield f"{kind} {name} may run on a node that Karpenter takes away"
        elif thing["spec"].get("replicas", 1) > 1:
            if _CONTROL_PLANE not in tolerations or selector:
                yield f"{kind} {name}: its replicas have one node to run on"
        elif tolerations:
            yield f"{kind} {name} may run on a node that is another's"
        elif selector:
            yield f"{kind} {name} waits for a node that another cluster may not have"


def say_what_they_need(tree: Tree, standins: StandIns) -> Iterator[str]:
    for _, kind, name, _, pod in _workloads(tree, standins):
        for container in pod.get("containers", [{**pod, "name": "of the operator"}]):
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
                yield f"{kind} {name}: container {container['name']} asks for nothing"
            if "memory" not in resources.get("limits", {}):
                yield f"{kind} {name}: container {container['name']} may take a node's memory"


def stay_up_when_a_node_is_drained(tree: Tree, standins: StandIns) -> Iterator[str]:
    for _, made in _made(tree, standins):
        budgets = [thing["spec"] for (kind, _), thing in made.items() if kind == "PodDisruptionBudget"]
        for (kind, name), thing in made.items():
            replicas = thing["spec"].get("replicas", 1) if kind == "Deployment" else 1
            if replicas > 1:
                mine = [row for row in budgets if row["selector"] == thing["spec"]["selector"]]
                may_go = [row.get("maxUnavailable", replicas - row.get("minAvailable", 0)) for row in mine]
                if may_go != [1]:
                    yield f"Deployment {name} may lose all its pods at once, or none"
                pod = thing["spec"]["template"]["spec"]
                if "podAntiAffinity" not in pod.get("affinity", {}):
                    yield f"Deployment {name} may have all its pods on one node"


def are_the_roles_that_they_may_be(tree: Tree, standins: StandIns) -> Iterator[str]:
    """EKS knows pods by their service account; elsewhere they carry a token and the variables that say where."""
    charts = dict(_made(tree, standins))
    roles = {
        chart: (name, thing["metadata"]["annotations"][_ROLE])
        for chart, made in charts.items()
        for (kind, name), thing in made.items()
        if kind == "ServiceAccount" and _ROLE in thing["metadata"].get("annotations", {})
    }
    expected = {name: row[_ROLE] for name, row in tree.handover["identity"].items() if name in charts}
    if {chart: role for chart, (_, role) in roles.items()} != expected:
        yield f"roles are {roles}, not {expected}"
    for chart, made in charts.items():
        yield from _unlike(made, *roles.get(chart, ("", "")))


def _unlike(made: Objects, account: str, role: str) -> Iterator[str]:
    """Yield the Deployments that have what a role needs and are not of the service account, or the other way round."""
    pods = {name: thing["spec"]["template"]["spec"] for (kind, name), thing in made.items() if kind == "Deployment"}
    for name, pod in pods.items():
        container, mine = pod["containers"][0], pod["serviceAccountName"] == account
        values = {row["name"]: row["value"] for row in container.get("env", [])}
        if values.get("AWS_ROLE_ARN") != (role if mine else None):
            yield f"Deployment {name} does not take on its service account's role"
        tokens = [
            f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"
            for volume in pod.get("volumes", [])
            for source in volume.get("projected", {}).get("sources", [])
            for mount in container.get("volumeMounts", [])
            if mount["name"] == volume["name"] and source["serviceAccountToken"]["audience"] == "sts.amazonaws.com"
        ]
        if tokens != ([values.get("AWS_WEB_IDENTITY_TOKEN_FILE")] if mine else []):
            yield f"Deployment {name} does not look for a token of AWS where it has one"


def are_let_in_by_their_namespaces(tree: Tree, standins: StandIns) -> Iterator[str]:
    """PodSecurity: https://kubernetes.io/docs/concepts/security/pod-security-standards/."""
    levels = {
        thing["metadata"]["name"]: thing["metadata"].get("labels", {}).get(_ENFORCED, "privileged")
        for thing in tree.everything()
        if thing["kind"] == "Namespace"
    }
    for _, kind, name, thing, pod in _workloads(tree, standins):
        level = levels.get(thing["metadata"]["namespace"], "privileged")
        if level != "privileged" and (pod.get("hostNetwork") or pod.get("hostPID")):
            yield f"{kind} {name} is on its node's network, in a namespace that is {level}"
        for container in pod.get("containers", []) if level == "restricted" else []:
            context = pod.get("securityContext", {}) | container.get("securityContext", {})
            wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            if not wanted.items() <= {field: context.get(field) for field in wanted}.items():
                yield f"{kind} {name}: container {container['name']} may do more than its namespace lets it"
            if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
                yield f"{kind} {name}: container {container['name']} has no seccomp profile"


def are_among_the_objects_foreseen(tree: Tree, standins: StandIns) -> Iterator[str]:
    """What the stand-in makes is in the list of what the real chart makes, by which the projects are judged."""
    for chart, made in _made(tree, standins):
        for (kind, name), thing in made.items():
            place = thing["metadata"].get("namespace", "")
            entry = f"{thing['apiVersion'].rpartition('/')[0]}/{kind}/{name}" if "apiVersion" in thing else ""
            if entry and entry not in CHARTS[chart]["objects"].get(place, []):
                yield f"chart {chart} makes {entry} in {place or 'no namespace'}"


def _value(chart: str, *path: str, to: Any = None) -> Break:
    def change(tree: Tree) -> None:
        at: Any = tree.values(chart)
        for step in path[:-1]:
            at = at.setdefault(step, {})
        if to is None:
            del at[path[-1]]
        else:
            at[path[-1]] = to

    return change


_BREAKS: Mapping[Rule, Mapping[str, tuple[str, Break]]] = {
    run_where_the_platform_runs: {
        "anywhere": ("eks", _value("metrics-server", "nodeSelector")),
        "prometheus": ("eks", _value("kube-prometheus-stack", "prometheus", "prometheusSpec", "nodeSelector")),
        "elsewhere": ("eks", _value("external-secrets", "webhook", "nodeSelector", "node-type", to="general")),
        "some-nodes": ("eks", _value("kube-prometheus-stack", "prometheus-node-exporter", "tolerations")),
        "named-node": ("self-managed", _value("redis-operator", "nodeSelector", to={"workload": "monitoring"})),
        "tolerant": ("self-managed", _value("external-dns", "tolerations", to=[{"operator": "Exists"}])),
        "one-node": ("self-managed", _value("argo-rollouts", "controller", "tolerations")),
    },
    say_what_they_need: {
        "no-request": ("eks", _value("argo-rollouts", "controller", "resources", "requests", "memory")),
        "no-limit": ("eks", _value("kube-prometheus-stack", "grafana", "resources", "limits")),
        "sidecar": ("eks", _value("aws-efs-csi-driver", "sidecars", "csiProvisioner", "resources")),
        "operator": ("eks", _value("kube-prometheus-stack", "prometheus", "prometheusSpec", "resources")),
    },
    stay_up_when_a_node_is_drained: {
        "no-budget": ("eks", _value("argo-rollouts", "controller", "pdb", "enabled", to=False)),
        "none-may-go": ("eks", _value("metrics-server", "podDisruptionBudget", "maxUnavailable", to=0)),
        "on-one-node": ("eks", _value("argo-rollouts", "controller", "affinity")),
    },
    are_the_roles_that_they_may_be: {
        "no-variables": ("self-managed", _value("external-dns", "env")),
        "no-token": ("self-managed", _value("external-secrets", "extraVolumes")),
        "not-mounted": ("self-managed", _value("aws-load-balancer-controller", "extraVolumeMounts")),
        "no-role": ("self-managed", _value("aws-ebs-csi-driver", "controller", "serviceAccount", "annotations")),
        "another's": ("self-managed", _value("external-dns", "serviceAccount", "annotations", _ROLE, to="other")),
        "on-eks": ("eks", _value("external-dns", "serviceAccount", "annotations", to={_ROLE: "role"})),
    },
    are_let_in_by_their_namespaces: {
        "root": ("eks", _value("external-dns", "securityContext", to={"runAsNonRoot": False})),
        "capabilities": ("eks", _value("external-secrets", "securityContext", to={"capabilities": {"drop": None}})),
        "seccomp": ("self-managed", _value("redis-operator", "podSecurityContext", to={"seccompProfile": None})),
        "host-network": (
            "eks",
            lambda tree: tree.get("Namespace/monitoring")["metadata"]["labels"].update({_ENFORCED: "baseline"}),
        ),
    },
    are_among_the_objects_foreseen: {
        "namespace": ("eks", _value("external-dns", "namespaceOverride", to="default")),
        "name": ("eks", _value("argo-rollouts", "fullnameOverride", to="rollouts")),
        "dashboard": ("eks", _value("argo-rollouts", "dashboard", "enabled", to=True)),
    },
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_charts(rule: Rule, each: Tree, standins: StandIns) -> None:
    """The charts of either variant keep the rule."""
    assert list(rule(each, standins)) == []


@pytest.mark.parametrize(
    ("rule", "name"),
    [(rule, name) for rule, breaks in _BREAKS.items() for name in breaks],
    ids=[f"{rule.__name__}-{name}" for rule, breaks in _BREAKS.items() for name in breaks],
)
def test_broken_chart_values_are_noticed(
    rule: Rule, name: str, tree: Tree, self_managed_tree: Tree, standins: StandIns
) -> None:
    """The rule complains about values that break it."""
    variant, break_ = _BREAKS[rule][name]
    broken = copy.deepcopy({"eks": tree, "self-managed": self_managed_tree}[variant])
    break_(broken)
    assert list(rule(broken, standins))

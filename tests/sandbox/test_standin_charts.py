"""Stand-in charts against what is known of the real ones: names, and where each value acts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.tools import load_tools
from tests.standin_charts import CHARTS_BY_NAME, Objects, StandIns, data, facts, nested

_POD_KINDS = ("DaemonSet", "Deployment", "StatefulSet")
# Without these the real chart does not render, or does not act on a key.
_NEEDED: Mapping[str, dict[str, Any]] = {
    "aws-ebs-csi-driver": {"node.tolerateAllTaints": False},
    "aws-load-balancer-controller": {"clusterName": "demo"},
    "karpenter": {"settings.clusterName": "demo"},
}
# Nodes with Windows do not occur here.
_LEFT_OUT = {("aws-ebs-csi-driver", "ebs-csi-node-windows")}


@pytest.fixture(scope="module")
def standins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    """Render stand-ins of all charts."""
    return StandIns(load_tools(Path(__file__).parents[2])["helm"], tmp_path_factory.mktemp("charts"))


def _default_rows(chart: str, kind: str) -> list[dict[str, Any]]:
    """Return what the real chart makes unless told otherwise."""
    rows = [row for row in facts(chart)[kind] if "enabledBy" not in row]
    return [row for row in rows if (chart, row["name"]) not in _LEFT_OUT]


def _named(row: Mapping[str, Any], what: str, release: str, full: bool) -> str:
    """Return an object's name in a release; `full` if the release's name is the chart's full name by itself."""
    contained = {"name": "nameWithChartInRelease", "serviceAccount": "serviceAccountWithChartInRelease"}[what]
    pattern = row[contained] if full and contained in row else row[what]
    return str(pattern).replace("{release}", release)


def _pods(made: Objects) -> dict[tuple[str, str], dict[str, Any]]:
    return {key: thing["spec"]["template"]["spec"] for key, thing in made.items() if key[0] in _POD_KINDS}


@pytest.mark.parametrize("full", [False, True], ids=["another-release", "own-release"])
@pytest.mark.parametrize("chart", CHARTS_BY_NAME)
def test_workloads_are_called_as_the_real_ones(standins: StandIns, chart: str, full: bool) -> None:
    """Each workload of the real chart is there under its name and with its service account, and no other is."""
    release = data(chart)["token"] if full else "test"
    made = standins.render(chart, nested(_NEEDED.get(chart, {}).items()), release)
    expected = {
        (row["kind"], _named(row, "name", release, full)): _named(row, "serviceAccount", release, full)
        for row in _default_rows(chart, "workloads")
    }
    assert {key: pod["serviceAccountName"] for key, pod in _pods(made).items()} == expected
    for row in _default_rows(chart, "customResources"):
        assert made[row["kind"], _named(row, "name", release, full)]["apiVersion"] == row["apiVersion"]


def _marked(chart: str, places: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield a value for each path that shows where it came to."""
    free = facts(chart)["open"]
    for field, path in places.items():
        inside = path in free or f"{path}.nodeAffinity" in free
        term = {"weight": 1, "preference": {"matchExpressions": [{"key": path, "operator": "Exists"}]}}
        wanted = {"preferredDuringSchedulingIgnoredDuringExecution": [term]} if inside else {}
        values: dict[str, Any] = {
            "nodeSelector": {"marker": path},
            "tolerations": [{"key": path, "operator": "Exists"}],
            "affinity": {"nodeAffinity": wanted},
            "topologySpreadConstraints": [
                {"topologyKey": path, "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
            ],
            "replicas": 7,
            "serviceAccountName": f"of-{path.lower()}",
            "serviceAccountAnnotations": {"marker": path},
            "resources": {"requests": {"cpu": "7m"}},
            "priorityClassName": path.lower(),
        }
        yield path, values[field]


def _misplaced(made: Objects, row: Mapping[str, Any], places: Mapping[str, str], given: Mapping[str, Any]) -> list[str]:
    """Return the paths of a workload, or of a custom resource with a pod's fields, whose value is not where it acts."""
    names = [name for kind, name in made if kind == row["kind"] and name == row["name"]]
    (thing,) = [made[row["kind"], name] for name in names]
    pod = thing["spec"].get("template", thing)["spec"]
    inside = pod["containers"][0] if "containers" in pod else pod
    account = made.get(("ServiceAccount", pod["serviceAccountName"]), {"metadata": {}})["metadata"]
    seen = {
        **{field: pod.get(field) for field in places},
        "replicas": thing["spec"].get("replicas"),
        "resources": inside.get("resources"),
        "serviceAccountAnnotations": account.get("annotations"),
    }
    return [path for field, path in places.items() if not _contains(seen[field], given[path])]


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and _contains(found[key], wanted[key]) for key in wanted)
    return bool(found == wanted)


@pytest.mark.parametrize(
    "chart", [name for name in CHARTS_BY_NAME if any(part != "*" for part in facts(name)["placement"])]
)
def test_values_act_where_they_act_in_the_real_chart(standins: StandIns, chart: str) -> None:
    """Each key for placement, identity, size and number is set, and the workload that it belongs to has its value."""
    known = facts(chart)["placement"]
    release = data(chart)["token"]
    rows = [
        {**row, "name": _named(row, "name", release, full=True)}
        for kind in ("workloads", "customResources")
        for row in _default_rows(chart, kind)
    ]
    given = {path: value for row in rows for path, value in _marked(chart, known[row["component"]])}
    created = {path.removesuffix("name") + "create": True for path in given if path.endswith("serviceAccount.name")}
    made = standins.render(chart, nested((given | created | _NEEDED.get(chart, {})).items()), release)
    misplaced = [path for row in rows for path in _misplaced(made, row, known[row["component"]], given)]
    assert misplaced == []


@pytest.mark.parametrize("chart", [name for name in CHARTS_BY_NAME if "*" in facts(name)["placement"]])
def test_global_values_act_on_every_workload(standins: StandIns, chart: str) -> None:
    """A key for all components acts on each that has no value of its own."""
    places = facts(chart)["placement"]["*"]
    given = dict(_marked(chart, places))
    made = standins.render(chart, nested((given | _NEEDED.get(chart, {})).items()))
    for key, pod in _pods(made).items():
        for field, path in places.items():
            assert _contains(pod.get(field), given[path]), f"{key} and {path}"


@pytest.mark.parametrize("chart", CHARTS_BY_NAME)
def test_facts_are_of_the_version_served(chart: str) -> None:
    """What is known of a chart was read from the version that the stand-in takes the place of, at a place named."""
    assert facts(chart)["version"] == data(chart)["version"]
    assert facts(chart)["source"].startswith("https://github.com/")


@pytest.mark.parametrize(
    ("chart", "values", "budgets"),
    [
        ("external-secrets", {}, {}),
        (
            "external-secrets",
            {"webhook": {"podDisruptionBudget": {"enabled": True, "minAvailable": None, "maxUnavailable": 1}}},
            {"external-secrets-webhook-pdb": {"maxUnavailable": 1}},
        ),
        (
            "argo-rollouts",
            {"controller": {"pdb": {"enabled": True, "maxUnavailable": 1}}},
            {"argo-rollouts": {"maxUnavailable": 1}},
        ),
        ("karpenter", {"settings": {"clusterName": "demo"}}, {"karpenter": {"maxUnavailable": 1}}),
        (
            "kube-prometheus-stack",
            {"prometheus": {"podDisruptionBudget": {"enabled": True, "minAvailable": 1}}},
            {"kube-prometheus-stack-prometheus": {"minAvailable": 1}},
        ),
    ],
    ids=["none", "not-both-numbers", "rollouts", "by-default", "of-the-operators-pods"],
)
def test_disruption_budgets_come_when_asked_for(
    standins: StandIns, chart: str, values: dict[str, Any], budgets: dict[str, Any]
) -> None:
    """A chart brings the disruption budgets that its values ask for, with their numbers and a selector."""
    made = standins.render(chart, values)
    found = {name: dict(thing["spec"]) for (kind, name), thing in made.items() if kind == "PodDisruptionBudget"}
    assert all(spec.pop("selector")["matchLabels"] for spec in found.values())
    assert found == budgets


@pytest.mark.parametrize("chart", [name for name in CHARTS_BY_NAME if "namespaceOverride" in facts(name)["keys"]])
def test_a_chart_goes_to_the_namespace_that_its_values_name(standins: StandIns, chart: str) -> None:
    """Everything that lies in a namespace follows the chart's own key, not the release."""
    made = standins.render(chart, {"namespaceOverride": "elsewhere"}, namespace="here")
    subcharts = {row["subchart"] for row in data(chart)["workloads"] if "subchart" in row}
    own = {
        key: thing["metadata"]["namespace"]
        for key, thing in made.items()
        if "namespace" in thing["metadata"] and not any(name in key[1] for name in subcharts)
    }
    assert set(own.values()) == {"elsewhere"}


@pytest.mark.parametrize(
    ("chart", "restricted"),
    [("external-secrets", True), ("external-dns", True), ("cloudnative-pg", True), ("redis-operator", False)],
)
def test_pods_have_the_security_context_of_the_real_ones(standins: StandIns, chart: str, restricted: bool) -> None:
    """A namespace that takes restricted pods only takes those of these charts as they come, and refuses the others.

    Fields: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted.
    """
    for pod in _pods(standins.render(chart, {})).values():
        (container,) = pod["containers"]
        context = pod.get("securityContext", {}) | container.get("securityContext", {})
        seen = [context.get(field) for field in ("runAsNonRoot", "allowPrivilegeEscalation", "capabilities")]
        assert ([*seen, "seccompProfile" in context] == [True, False, {"drop": ["ALL"]}, True]) is restricted
        assert "enabled" not in context


def test_the_prometheus_stack_asks_for_what_its_values_say(standins: StandIns) -> None:
    """The custom resources get storage, retention and number; a monitor of any release counts when it shall."""
    claim = {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "20Gi"}}}}}
    values = nested(
        [
            ("prometheus.prometheusSpec.storageSpec", claim),
            ("prometheus.prometheusSpec.retention", "15d"),
            ("prometheus.prometheusSpec.serviceMonitorSelectorNilUsesHelmValues", False),
            ("alertmanager.alertmanagerSpec.storage", claim),
            ("alertmanager.alertmanagerSpec.replicas", 3),
        ]
    )
    made = standins.render("kube-prometheus-stack", values)
    prometheus = made["Prometheus", "kube-prometheus-stack-prometheus"]["spec"]
    assert (prometheus["storage"], prometheus["retention"]) == (claim, "15d")
    assert prometheus["serviceMonitorSelector"] == {}
    assert prometheus["podMonitorSelector"] == {"matchLabels": {"release": "kube-prometheus-stack"}}
    alertmanager = made["Alertmanager", "kube-prometheus-stack-alertmanager"]["spec"]
    assert (alertmanager["storage"], alertmanager["replicas"]) == (claim, 3)


def test_an_exporter_runs_on_every_node(standins: StandIns) -> None:
    """The exporter has its node's network, and the label by which the checks of `ops verify` find it."""
    made = standins.render("kube-prometheus-stack", {})
    exporter = made["DaemonSet", "kube-prometheus-stack-prometheus-node-exporter"]
    assert exporter["metadata"]["labels"]["app.kubernetes.io/name"] == "prometheus-node-exporter"
    pod = exporter["spec"]["template"]["spec"]
    assert (pod["hostNetwork"], pod["tolerations"]) == (True, [{"effect": "NoSchedule", "operator": "Exists"}])


def test_grafana_keeps_its_files_and_is_reached_as_asked(standins: StandIns) -> None:
    """A claim and an Ingress come when the values ask, and the pod mounts that claim."""
    plain = standins.render("kube-prometheus-stack", {})
    assert not {"Ingress", "PersistentVolumeClaim"} & {kind for kind, _ in plain}
    values = {
        "grafana": {"persistence": {"enabled": True, "size": "1Gi"}, "ingress": {"enabled": True, "hosts": ["g"]}}
    }
    made = standins.render("kube-prometheus-stack", values)
    name = "kube-prometheus-stack-grafana"
    assert made["PersistentVolumeClaim", name]["spec"]["resources"] == {"requests": {"storage": "1Gi"}}
    (volume,) = made["Deployment", name]["spec"]["template"]["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": name}
    (rule,) = made["Ingress", name]["spec"]["rules"]
    assert rule["host"] == "g"
    assert ("Service", rule["http"]["paths"][0]["backend"]["service"]["name"]) in made


def test_notifications_are_set_up_as_their_values_say(standins: StandIns) -> None:
    """Services, templates and triggers come to the notifications' ConfigMap under their names; the Secret if asked."""
    values = {
        "notifications": {
            "notifiers": {"service.slack": "token: $slack-token"},
            "triggers": {"trigger.on-failed": "- when: x"},
            "subscriptions": [{"recipients": ["slack:ops"], "triggers": ["on-failed"]}],
            "secret": {"create": False},
        }
    }
    plain, made = (standins.render("argo-cd", given, "argocd") for given in ({}, values))
    text = made["ConfigMap", "argocd-notifications-cm"]["data"]
    assert (text["service.slack"], text["trigger.on-failed"]) == ("token: $slack-token", "- when: x")
    assert "on-failed" in text["subscriptions"]
    assert "argocdUrl: https://argocd.example.com" in text["context"]
    secret = ("Secret", "argocd-notifications-secret")
    assert secret in plain
    assert secret not in made
    off = standins.render("argo-cd", {"notifications": {"enabled": False}}, "argocd")
    assert not [name for _, name in off if "notifications" in name]


def test_a_hook_of_the_driver_can_be_turned_off(standins: StandIns) -> None:
    """The CSIDriver of EFS is a hook of Helm unless the values say otherwise."""
    driver = ("CSIDriver", "efs.csi.aws.com")
    assert "helm.sh/hook" in json.dumps(standins.render("aws-efs-csi-driver", {})[driver])
    made = standins.render("aws-efs-csi-driver", {"useHelmHooksForCSIDriver": False})
    assert "helm.sh/hook" not in json.dumps(made[driver])

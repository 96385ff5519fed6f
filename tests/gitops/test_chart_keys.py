"""What third-party charts are given, against the value keys that their pinned versions know.

The keys are those of sandbox/charts/*/keys.json, each with its version and source: what the stand-in charts refuse by.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from components.argocd.chart_values import argocd_values, login_values
from components.argocd.charts import charts
from components.self_managed.addon_values import calico_values, cloud_controller_values, csr_approver_values
from ops.gitops.rendering import sources_of
from tests.gitops.tree import CHARTS, Break, Tree, assert_noticed
from tests.self_managed import VPC, nodes14
from tests.standin_charts import CHARTS_BY_NAME, facts

_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
# Charts that the program installs by itself, with all that it may pass on.
_OWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "argo-cd": argocd_values(_REGISTRY, login_values("https://argocd.example.com", "issuer: x"), {"node-type": "base"}),
    "aws-cloud-controller-manager": cloud_controller_values(nodes14(), _REGISTRY),
    "crd.projectcalico.org.v1": {},
    "kubelet-csr-approver": csr_approver_values(nodes14(), VPC, _REGISTRY),
    "tigera-operator": calico_values(nodes14(), _REGISTRY),
}


@pytest.fixture(params=["tree", "self_managed_tree"], ids=["eks", "self-managed"])
def each(request: pytest.FixtureRequest) -> Tree:
    """The tree of one variant and of the other."""
    found: Tree = request.getfixturevalue(request.param)
    return found


def _charts_of(tree: Tree) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each source that is a third-party chart, with the Application's name."""
    for application in tree.applications:
        for source in sources_of(application):
            if "chart" in source:
                yield application["metadata"]["name"], source


def give_only_known_values(tree: Tree) -> Iterator[str]:
    for name, source in _charts_of(tree):
        helm = source["helm"]
        if others := helm.keys() & {"values", "parameters", "valueFiles", "fileParameters"}:
            yield f"{name} passes {sorted(others)}, which nobody checks"
        for fault in faults(source["chart"], helm["valuesObject"]):
            yield f"{name}: {fault}"


def faults(chart: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a chart's values: keys that no template reads, and needed ones that are not there."""
    known = facts(chart)
    paths = set(_paths(values))
    for path in sorted(paths - {""}):
        if path not in known["keys"] and not any(path.startswith(f"{free}.") for free in known["open"]):
            yield f"chart {chart} does not know {path}"
    yield from (f"chart {chart} needs {path}" for path in known["required"] if path not in paths)


def _paths(value: Any, path: str = "") -> Iterator[str]:
    if not isinstance(value, Mapping) or not value:
        yield path
        return
    for key, item in value.items():
        escaped = key.replace(".", r"\.")
        yield from _paths(item, f"{path}.{escaped}" if path else escaped)


def are_of_the_versions_known(tree: Tree) -> Iterator[str]:
    for name, source in _charts_of(tree):
        chart, version = source["chart"], source["targetRevision"]
        if version != facts(chart)["version"]:
            yield f"{name}: the keys of chart {chart} are those of {facts(chart)['version']}, not of {version}"
        if version != CHARTS[chart]["version"]:
            yield f"{name}: the objects of chart {chart} are those of {CHARTS[chart]['version']}, not of {version}"


def test_values_are_known(each: Tree) -> None:
    """Each chart knows every key that it is given, and gets every key that it cannot do without."""
    assert list(give_only_known_values(each)) == []


def test_what_is_known_is_of_the_versions_asked_for(each: Tree) -> None:
    """What these tests know about a chart was taken from the version that the tree asks for."""
    assert list(are_of_the_versions_known(each)) == []


def _change(chart: str, *path: str, to: Any) -> Break:
    """Return a change of a value of a chart, wherever it is a source; `to=None` takes it out."""

    def change(tree: Tree) -> None:
        (source,) = [source for _, source in _charts_of(tree) if source["chart"] == chart]
        at: Any = source
        for step in path[:-1]:
            at = at.setdefault(step, {})
        if to is None:
            del at[path[-1]]
        else:
            at[path[-1]] = to

    return change


def _value(chart: str, *path: str, to: Any = None) -> Break:
    return _change(chart, "helm", "valuesObject", *path, to=to)


@pytest.mark.parametrize(
    "break_",
    [
        _value("karpenter", "resources", to={"limits": {"memory": "1Gi"}}),
        _value("karpenter", "settings", "clusterNam", to="x"),
        _value("karpenter", "settings", "clusterName"),
        _value("karpenter", "webhook", to={"enabled": True}),
        _value("karpenter-crd", "annotations", to={}),
        _value("kube-prometheus-stack", "prometheus", "nodeSelector", to={"a": "b"}),
        _value("kube-prometheus-stack", "prometheus", "prometheusSpec", "storage", to={}),
        _value("kube-prometheus-stack", "prometheusOperator", "serviceMonitor", "scrapeTimeout", to="1s"),
        _value("external-secrets", "crds", "createSecretStore", to=True),
        _value("argo-rollouts", "controller", "serviceAccount", to={"name": "x"}),
        _value("external-dns", "enabled", to=True),
        _value("aws-efs-csi-driver", "fullnameOverride", to="x"),
        _change("external-dns", "helm", "parameters", to=[{"name": "a", "value": "b"}]),
    ],
    ids=[
        *("misplaced", "misspelt", "needed", "gone-upstream", "another-charts", "beside-the-spec", "of-the-other-kind"),
        *("ignored-in-a-subpart", "ignored", "of-another-part", "ignored-at-the-top", "fixed-names", "unseen"),
    ],
)
def test_unknown_value_is_noticed(break_: Break, tree: Tree) -> None:
    """A key that the chart does not know, or knows and does not read, is found; so is one that is missing."""
    assert_noticed(give_only_known_values, break_, tree)


@pytest.mark.parametrize(
    "break_",
    [
        _value("redis-operator", "tolerateAllTaints", to=True),
        _value("cloudnative-pg", "serviceAccount", "annotations", to={}),
        _value("aws-ebs-csi-driver", "node", "envFrom", to=[]),
    ],
    ids=["ignored", "of-other-charts", "ignored-in-a-subpart"],
)
def test_unknown_value_of_a_self_managed_cluster_is_noticed(break_: Break, self_managed_tree: Tree) -> None:
    """The same in an Application that has several sources."""
    assert_noticed(give_only_known_values, break_, self_managed_tree)


@pytest.mark.parametrize("chart", ["karpenter", "kube-prometheus-stack", "external-secrets"])
def test_another_version_is_noticed(chart: str, tree: Tree) -> None:
    """A version bump without the keys and objects of that version is found."""
    assert_noticed(are_of_the_versions_known, _change(chart, "targetRevision", to="99.0.0"), tree)


@pytest.mark.parametrize("chart", _OWN)
def test_values_of_the_programs_own_charts_are_known(chart: str) -> None:
    """The program gives its charts what they know, and what they need."""
    assert list(faults(chart, _OWN[chart])) == []


@pytest.mark.parametrize("change", ["misspelt", "ignored"])
def test_unknown_value_of_the_program_is_noticed(change: str) -> None:
    """A key that Argo CD's chart does not read is found, also below what the program sets by itself."""
    values = copy.deepcopy(dict(_OWN["argo-cd"]))
    if change == "misspelt":
        values["repoServer"]["replica"] = 2
    else:
        values["applicationSet"]["replicaCount"] = 2
    assert len(list(faults("argo-cd", values))) == 1


def test_every_chart_is_judged(tree: Tree, self_managed_tree: Tree) -> None:
    """Each chart that the platform pins comes up in these tests at its pinned version, and no stand-in is left over."""
    pinned = {name: chart.version for name, chart in charts(None).items()}
    used = {source["chart"] for each in (tree, self_managed_tree) for _, source in _charts_of(each)}
    assert used | set(_OWN) == set(pinned)
    assert {name: facts(name)["version"] for name in CHARTS_BY_NAME} == pinned

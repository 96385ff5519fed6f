"""The child Applications: how they sync, in which order, and from where."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.gitops.tree import (
    CHARTS,
    CHECKOUT,
    IN_CLUSTER,
    WAVE,
    Break,
    Object,
    Rule,
    Tree,
    add,
    assert_noticed,
    edit,
)

FINALIZER = "resources-finalizer.argocd.argoproj.io"
# Whose controller acts on the objects of an API group: it comes between their CRDs and them.
_OPERATORS = {"karpenter.sh": "karpenter", "karpenter.k8s.aws": "karpenter"}
_SYNC_OPTIONS = {"ServerSideApply=true"}
# Certificates that a chart makes anew at each render: what is there stays.
_MADE_ANEW = {
    "aws-load-balancer-controller": ["Secret", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]
}
_RESPECT = "RespectIgnoreDifferences=true"


def _name(application: Object) -> str:
    return str(application["metadata"]["name"])


def _wave(tree: Tree, name: str) -> int:
    return int(tree.application(name)["metadata"]["annotations"][WAVE])


def _group(thing: Object) -> str:
    return str(thing["apiVersion"].rpartition("/")[0])


def are_deleted_with_their_resources(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        if application["metadata"].get("finalizers") != [FINALIZER]:
            yield f"{_name(application)} leaves its resources behind"


def belong_to_project_platform(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        if application["spec"]["project"] != "platform":
            yield f"{_name(application)} is in project {application['spec']['project']}"


def sync_by_themselves(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        policy = application["spec"]["syncPolicy"]
        if policy.get("automated") != {"prune": True, "selfHeal": True}:
            yield f"{_name(application)} waits for somebody to sync it"
        if unknown := set(policy["syncOptions"]) - _SYNC_OPTIONS - {_RESPECT}:
            yield f"{_name(application)} has sync options {unknown}, which this tree does not use"


def retry_long_but_not_for_ever(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        retry = application["spec"]["syncPolicy"]["retry"]
        wait, ceiling = (_seconds(retry["backoff"][key]) for key in ("duration", "maxDuration"))
        total = sum(min(wait * retry["backoff"]["factor"] ** n, ceiling) for n in range(max(retry["limit"], 0)))
        if not 15 * 60 <= total <= 30 * 60:
            yield f"{_name(application)} retries for {total} s"
        if not retry.get("refresh"):
            yield f"{_name(application)} retries an old revision while a newer one may be right"


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def come_after_what_they_need(tree: Tree) -> Iterator[str]:
    """CRD before operator before custom resource; namespace before what lies in it."""
    crds = {group: chart for chart, facts in CHARTS.items() for group in facts["crds"]}
    homes = {
        thing["metadata"]["name"]: name
        for name, rendered in tree.children.items()
        for thing in rendered
        if thing["kind"] == "Namespace"
    }
    for name, rendered in tree.children.items():
        for thing in rendered:
            group, home = _group(thing), homes.get(thing["metadata"].get("namespace"), name)
            if group in crds and not _wave(tree, crds[group]) < _wave(tree, _OPERATORS[group]) < _wave(tree, name):
                yield f"{name} has a {thing['kind']}: its CRD, its operator and it are not in three waves in this order"
            if home != name and not _wave(tree, home) < _wave(tree, name):
                yield f"{name} comes no later than its namespace"


def name_what_exists(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        path = application["spec"]["source"].get("path")
        if path and not any((CHECKOUT / path / file).is_file() for file in ("Chart.yaml", "kustomization.yaml")):
            yield f"{_name(application)} points to {path}, where nothing is to render"


def are_pinned_by_the_hand_over(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        source = application["spec"]["source"]
        if "chart" in source:
            chart = tree.handover["charts"][source["chart"]]
            expected = (chart["repository"], chart["version"])
            if not re.fullmatch(r"v?\d+\.\d+\.\d+", source["targetRevision"]):
                yield f"{_name(application)} takes a range of versions"
        else:
            expected = (tree.handover["repository"]["url"], tree.handover["repository"]["revision"])
        if (source["repoURL"], source["targetRevision"]) != expected:
            yield f"{_name(application)} is not where the hand-over puts it"


def stay_in_this_cluster(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        destination = application["spec"]["destination"]
        if destination.get("server") != IN_CLUSTER or not destination.get("namespace"):
            yield f"{_name(application)} goes to {destination}"
        if destination.get("namespace") == "argocd":
            yield f"{_name(application)} reaches Argo CD's own namespace"


def ignore_no_differences(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        ignored = [row["kind"] for row in application["spec"].get("ignoreDifferences", [])]
        if ignored != _MADE_ANEW.get(_name(application), []):
            yield f"{_name(application)} hides differences of {ignored}; say why, and let this rule know"
        if bool(ignored) != (_RESPECT in application["spec"]["syncPolicy"]["syncOptions"]):
            yield f"{_name(application)}: what is not looked at must not be written either, and only that"


_APP = "Application/karpenter-config"
_POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "workloads"}}
_SOURCE = ["spec", "source"]
_RETRY = ["spec", "syncPolicy", "retry"]


def _change_wave(name: str, wave: int) -> Break:
    return edit(f"Application/{name}", "metadata", "annotations", WAVE, to=str(wave))


def _all(*breaks: Break) -> Break:
    return lambda tree: [break_(tree) for break_ in breaks]


_BREAKS: dict[Rule, list[Break]] = {
    are_deleted_with_their_resources: [
        edit(_APP, "metadata", "finalizers"),
        edit(_APP, "metadata", "finalizers", to=[f"{FINALIZER}/background"]),
    ],
    belong_to_project_platform: [edit(_APP, "spec", "project", to="default")],
    sync_by_themselves: [
        edit(_APP, "spec", "syncPolicy", "automated"),
        edit(_APP, "spec", "syncPolicy", "automated", "selfHeal", to=False),
        edit(_APP, "spec", "syncPolicy", "automated", "prune"),
        edit(_APP, "spec", "syncPolicy", "syncOptions", to=["ServerSideAply=true"]),
        edit(_APP, "spec", "syncPolicy", "syncOptions", to=["CreateNamespace=true"]),
    ],
    retry_long_but_not_for_ever: [
        edit(_APP, *_RETRY, "limit", to=-1),
        edit(_APP, *_RETRY, "limit", to=5),
        edit(_APP, *_RETRY, "limit", to=100),
        edit(_APP, *_RETRY, "refresh", to=False),
        edit(_APP, *_RETRY, "backoff", "maxDuration", to="1h"),
    ],
    come_after_what_they_need: [
        _change_wave("karpenter-crd", 5),
        _change_wave("karpenter", 6),
        _change_wave("karpenter-config", 0),
        _change_wave("karpenter-config", 5),
        _all(_change_wave("namespaces", 0), add("karpenter-crd", _POD)),
    ],
    name_what_exists: [edit(_APP, *_SOURCE, "path", to="gitops/platform/karpenter_config")],
    are_pinned_by_the_hand_over: [
        edit(_APP, *_SOURCE, "targetRevision", to="HEAD"),
        edit(_APP, *_SOURCE, "repoURL", to="https://git.example.com/other.git"),
        edit("Application/karpenter", *_SOURCE, "targetRevision", to="1.14.*"),
        edit("Application/karpenter", *_SOURCE, "repoURL", to="https://charts.example.com"),
    ],
    stay_in_this_cluster: [
        edit(_APP, "spec", "destination", "server", to="https://other.example.com"),
        edit(_APP, "spec", "destination", "namespace"),
        edit(_APP, "spec", "destination", "namespace", to="argocd"),
    ],
    ignore_no_differences: [edit(_APP, "spec", "ignoreDifferences", to=[{"kind": "Deployment"}])],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_applications(rule: Rule, tree: Tree) -> None:
    """The child Applications keep the rule."""
    assert list(rule(tree)) == []


@pytest.mark.parametrize(("rule", "break_"), [(rule, break_) for rule, breaks in _BREAKS.items() for break_ in breaks])
def test_broken_application_is_noticed(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about an Application that breaks it."""
    assert_noticed(rule, break_, tree)


def test_children_of_this_slice(tree: Tree) -> None:
    """The root Application has these children, in these waves."""
    waves = {_name(application): _wave(tree, _name(application)) for application in tree.applications}
    assert waves == {"namespaces": -1, "aws-resources": 0, "karpenter-crd": 0, "karpenter": 5, "karpenter-config": 6}

"""The child Applications: how they sync, in which order, and from where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from ops.gitops.rendering import sources_of
from tests.gitops.tree import (
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
# Where the controller of an API group comes from: it is there before the first object of the group.
_OPERATORS = {
    "elbv2.k8s.aws": "aws-load-balancer-controller",
    "external-secrets.io": "external-secrets",
    "karpenter.k8s.aws": "karpenter",
    "karpenter.sh": "karpenter",
    "monitoring.coreos.com": "kube-prometheus-stack",
    "postgresql.cnpg.io": "cloudnative-pg",
    "rabbitmq.com": "gitops/platform/data-operators",
    "redis.redis.opstreelabs.in": "redis-operator",
}
_BALANCER = "aws-load-balancer-controller"
_SYNC_OPTIONS = {"ServerSideApply=true"}
# What is left to others: certificates that a chart makes anew at each render, the version of pods that a Service finds,
# pods that people count.
_LEFT_TO_OTHERS = {
    "alb-controller": ["Secret", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    "bubblepool": ["Service"],
    "karpenter-test": ["Deployment"],
}
_RESPECT = "RespectIgnoreDifferences=true"
_PROJECTS = {
    "data-clusters": "data",
    "data-operators": "data",
    **dict.fromkeys(("petclinic", "bubblepool", "guestbook", "karpenter-test", "workers"), "workloads"),
}


@pytest.fixture(params=["tree", "self_managed_tree"], ids=["eks", "self-managed"])
def each(request: pytest.FixtureRequest) -> Tree:
    """The tree of one variant and of the other."""
    found: Tree = request.getfixturevalue(request.param)
    return found


def _name(application: Object) -> str:
    return str(application["metadata"]["name"])


def _wave(tree: Tree, name: str) -> int:
    """Return an Application's wave; one that a set makes comes with the set."""
    application = tree.application(name)
    if WAVE in application["metadata"].get("annotations", {}):
        return int(application["metadata"]["annotations"][WAVE])
    (made_by,) = [thing for thing in tree.root if thing["kind"] == "ApplicationSet"]
    return int(made_by["metadata"]["annotations"][WAVE])


def _group(thing: Object) -> str:
    return str(thing["apiVersion"].rpartition("/")[0])


def _bringing(tree: Tree, source: str) -> str:
    """Return the Application that has this chart or path as a source."""
    (found,) = [_name(app) for app in tree.applications for one in sources_of(app)
                if source in (one.get("chart"), one.get("path"))]  # fmt: skip
    return found


def are_deleted_with_their_resources(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        if application["metadata"].get("finalizers") != [FINALIZER]:
            yield f"{_name(application)} leaves its resources behind"


def belong_to_their_project(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        name = _name(application)
        expected = "workloads" if name.startswith("api-") else _PROJECTS.get(name, "platform")
        if application["spec"]["project"] != expected:
            yield f"{name} is in project {application['spec']['project']}"


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
    """Namespace, CRD, controller, secret, volume class, machine: each before whoever needs it."""
    homes = {
        thing["metadata"]["name"]: name
        for name, rendered in tree.children.items()
        for thing in rendered
        if thing["kind"] == "Namespace"
    }
    for name, rendered in tree.children.items():
        for thing in rendered:
            for need, why in _needs(tree, thing, homes):
                if need != name and not _wave(tree, need) < _wave(tree, name):
                    what = f"{thing['kind']} {thing['metadata']['name']}"
                    yield f"{name} has {what} and comes no later than {need}: {why}"


def _needs(tree: Tree, thing: Object, homes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the Applications that have to be there before an object, and why."""
    kind, text = thing["kind"], json.dumps(thing)
    if home := homes.get(thing["metadata"].get("namespace", "")):
        yield home, "its namespace"
    if operator := _OPERATORS.get(_group(thing)):
        yield _bringing(tree, operator), "its controller"
    if kind == "Rollout":
        yield _bringing(tree, "argo-rollouts"), "its controller"
    if kind == "Ingress":
        yield _bringing(tree, _BALANCER), "its controller"
    if kind == "ExternalSecret":
        yield _bringing(tree, "gitops/platform/secret-store"), "the store that it reads"
    if '"key": "data/' in text and kind == "ExternalSecret":
        yield _bringing(tree, "gitops/platform/data-clusters"), "whom it is the password of"
    if "storageClassName" in text or kind in ("Prometheus", "Alertmanager"):
        yield _bringing(tree, "gitops/platform/aws-resources"), "its volumes' class"
    if "karpenter.sh/nodepool" in text and kind in ("Deployment", "Rollout"):
        yield _bringing(tree, "gitops/platform/karpenter-config"), "the nodes that its pods ask for"


def bring_kinds_before_their_controllers(tree: Tree) -> Iterator[str]:
    """Karpenter ends when its kinds are missing; the kinds of other charts come with them."""
    if "karpenter" in tree.handover and _wave(tree, "karpenter-crd") > _wave(tree, "karpenter"):
        yield "karpenter comes before its kinds"


def name_what_exists(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        for path in (source["path"] for source in sources_of(application) if "path" in source):
            if not any((CHECKOUT / path / file).is_file() for file in ("Chart.yaml", "kustomization.yaml")):
                yield f"{_name(application)} points to {path}, where nothing is to render"


def are_pinned_by_the_hand_over(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        for source in sources_of(application):
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


def stay_out_of_argo_cds_namespace(tree: Tree) -> Iterator[str]:
    """Who may write there may do everything: the platform's own pieces alone, and no project or Application."""
    for name, rendered in tree.children.items():
        for thing in rendered:
            there = thing["metadata"].get("namespace") == "argocd"
            if there and (tree.application(name)["spec"]["project"] != "platform" or _group(thing) == "argoproj.io"):
                yield f"{name} puts {thing['kind']} {thing['metadata']['name']} into Argo CD's own namespace"


def ignore_no_differences(tree: Tree) -> Iterator[str]:
    for application in tree.applications:
        ignored = [row["kind"] for row in application["spec"].get("ignoreDifferences", [])]
        if ignored != _LEFT_TO_OTHERS.get(_name(application), []):
            yield f"{_name(application)} hides differences of {ignored}; say why, and let this rule know"
        if bool(ignored) != (_RESPECT in application["spec"]["syncPolicy"]["syncOptions"]):
            yield f"{_name(application)}: what is not looked at must not be written either, and only that"


_APP = "Application/karpenter-config"
_POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "petclinic"}}
_SOURCE = ["spec", "source"]
_RETRY = ["spec", "syncPolicy", "retry"]


def _change_wave(name: str, wave: int) -> Break:
    return edit(f"Application/{name}", "metadata", "annotations", WAVE, to=str(wave))


_BREAKS: dict[Rule, list[Break]] = {
    are_deleted_with_their_resources: [
        edit(_APP, "metadata", "finalizers"),
        edit(_APP, "metadata", "finalizers", to=[f"{FINALIZER}/background"]),
    ],
    belong_to_their_project: [
        edit(_APP, "spec", "project", to="default"),
        edit("Application/petclinic", "spec", "project", to="platform"),
    ],
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
        _change_wave("namespaces", 1),
        _change_wave("karpenter", 6),
        _change_wave("karpenter-config", 5),
        _change_wave("alb-controller", 10),
        _change_wave("external-secrets", 2),
        _change_wave("secret-store", 8),
        _change_wave("aws-resources", 8),
        _change_wave("argo-rollouts", 15),
        _change_wave("petclinic", 6),
        add("metrics-server", {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "x"}}),
    ],
    bring_kinds_before_their_controllers: [_change_wave("karpenter-crd", 6)],
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
    ],
    stay_out_of_argo_cds_namespace: [
        add("petclinic", _POD | {"metadata": {"name": "x", "namespace": "argocd"}}),
        add(
            "argocd-backup",
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "AppProject",
                "metadata": {"name": "x", "namespace": "argocd"},
            },
        ),
    ],
    ignore_no_differences: [edit(_APP, "spec", "ignoreDifferences", to=[{"kind": "Deployment"}])],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_applications(rule: Rule, each: Tree) -> None:
    """The child Applications of either variant keep the rule."""
    assert list(rule(each)) == []


@pytest.mark.parametrize(
    ("rule", "break_"),
    [pytest.param(rule, break_, id=f"{rule.__name__}-{index}")
     for rule, breaks in _BREAKS.items() for index, break_ in enumerate(breaks)],
)  # fmt: skip
def test_broken_application_is_noticed(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about an Application that breaks it."""
    assert_noticed(rule, break_, tree)


@pytest.mark.parametrize(
    ("name", "wave"),
    [("data-operators", 5), ("alb-controller", 6), ("infrastructure", 4), ("platform", 5), ("data-clusters", 7)],
)
def test_swapped_waves_of_a_self_managed_cluster_are_noticed(name: str, wave: int, self_managed_tree: Tree) -> None:
    """Operators before clusters, a controller before Ingresses, classes before volumes, data before APIs."""
    assert_noticed(come_after_what_they_need, _change_wave(name, wave), self_managed_tree)

"""What every namespace of the tree comes with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gitops.tree import Break, Object, Rule, Tree, assert_noticed, edit

_SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
_LEVELS = ("enforce", "audit", "warn")


def _namespaces(tree: Tree) -> list[Object]:
    return [thing for thing in tree.children["namespaces"] if thing["kind"] == "Namespace"]


def _in(tree: Tree, namespace: Object, kind: str) -> list[Object]:
    name = namespace["metadata"]["name"]
    return [
        thing
        for thing in tree.children["namespaces"]
        if thing["kind"] == kind and thing["metadata"].get("namespace") == name
    ]


def run_restricted_pods_only(tree: Tree) -> Iterator[str]:
    for namespace in _namespaces(tree):
        labels = namespace["metadata"].get("labels", {})
        for level in _LEVELS:
            if labels.get(f"pod-security.kubernetes.io/{level}") != "restricted":
                yield f"{namespace['metadata']['name']} does not {level} the restricted profile"


def deny_all_traffic_but_dns(tree: Tree) -> Iterator[str]:
    for namespace in _namespaces(tree):
        policies = _in(tree, namespace, "NetworkPolicy")
        specs = [policy["spec"] for policy in policies]
        deny_all = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        if deny_all not in specs:
            yield f"{namespace['metadata']['name']} is open"
        for spec in (spec for spec in specs if spec != deny_all):
            if spec.get("ingress") or [_ports(rule) for rule in spec.get("egress", [])] != [{("UDP", 53), ("TCP", 53)}]:
                yield f"{namespace['metadata']['name']} lets more than DNS out"
            for rule in spec.get("egress", []):
                if [to.get("podSelector", {}).get("matchLabels") for to in rule.get("to", [])] != [
                    {"k8s-app": "kube-dns"}
                ]:
                    yield f"{namespace['metadata']['name']} asks anyone for names"
        if len(specs) < 2:
            yield f"{namespace['metadata']['name']} cannot resolve names"


def _ports(rule: Object) -> set[tuple[str, int]]:
    return {(port["protocol"], port["port"]) for port in rule.get("ports", [])}


def bound_what_pods_ask_for(tree: Tree) -> Iterator[str]:
    for namespace in _namespaces(tree):
        for quota in _in(tree, namespace, "ResourceQuota"):
            if not {"requests.cpu", "requests.memory", "pods"} <= quota["spec"]["hard"].keys():
                yield f"{namespace['metadata']['name']} has a quota without cpu, memory or pods"
        if len(_in(tree, namespace, "ResourceQuota")) != 1:
            yield f"{namespace['metadata']['name']} has no quota of its own"
        for limits in (row for thing in _in(tree, namespace, "LimitRange") for row in thing["spec"]["limits"]):
            if not {"cpu", "memory"} <= limits.get("defaultRequest", {}).keys():
                yield f"{namespace['metadata']['name']}: its quota refuses pods without requests"
            if "default" in limits:
                yield f"{namespace['metadata']['name']}: a default limit below a pod's request makes the pod invalid"
        if not _in(tree, namespace, "LimitRange"):
            yield f"{namespace['metadata']['name']} has no default requests"


def give_pods_no_token(tree: Tree) -> Iterator[str]:
    for namespace in _namespaces(tree):
        accounts = _in(tree, namespace, "ServiceAccount")
        if [(each["metadata"]["name"], each.get("automountServiceAccountToken")) for each in accounts] != [
            ("default", False)
        ]:
            yield f"{namespace['metadata']['name']} mounts a token into every pod"


def survive_git_but_not_a_teardown(tree: Tree) -> Iterator[str]:
    """Argo CD waits for a confirmation of `Prune=confirm`, too, when the whole tree is deleted."""
    for thing in tree.ours():
        options = set(thing["metadata"].get("annotations", {}).get(_SYNC_OPTIONS, "").split(","))
        if thing["kind"] == "Namespace" and "Prune=false" not in options:
            yield f"{thing['metadata']['name']} goes when it drops out of Git"
        if options & {"Prune=confirm", "Delete=confirm", "Delete=false"}:
            yield f"{thing['kind']} {thing['metadata']['name']} stops `pulumi destroy` half-way"


_SPACE, _DENY, _DNS = "Namespace/workloads", "NetworkPolicy/default-deny", "NetworkPolicy/allow-dns"
_ANNOTATION = ["metadata", "annotations", _SYNC_OPTIONS]


def _drop(kind: str) -> Break:
    def change(tree: Tree) -> None:
        tree.children["namespaces"][:] = [thing for thing in tree.children["namespaces"] if thing["kind"] != kind]

    return change


_BREAKS: dict[Rule, list[Break]] = {
    run_restricted_pods_only: [
        edit(_SPACE, "metadata", "labels", "pod-security.kubernetes.io/enforce"),
        edit(_SPACE, "metadata", "labels", "pod-security.kubernetes.io/warn", to="baseline"),
    ],
    deny_all_traffic_but_dns: [
        edit(_DENY, "spec", "policyTypes", to=["Ingress"]),
        edit(_DENY, "spec", "podSelector", to={"matchLabels": {"app": "x"}}),
        edit(_DENY, "spec", "egress", to=[{}]),
        edit(_DNS, "spec", "egress", 0, "ports"),
        edit(_DNS, "spec", "egress", 0, "to"),
        edit(_DNS, "spec", "egress", to=[]),
        _drop("NetworkPolicy"),
    ],
    bound_what_pods_ask_for: [
        edit("ResourceQuota/workloads", "spec", "hard", "requests.cpu"),
        edit("LimitRange/defaults", "spec", "limits", 0, "defaultRequest"),
        edit("LimitRange/defaults", "spec", "limits", 0, "default", to={"memory": "256Mi"}),
        _drop("ResourceQuota"),
        _drop("LimitRange"),
    ],
    give_pods_no_token: [
        edit("ServiceAccount/default", "automountServiceAccountToken", to=True),
        _drop("ServiceAccount"),
    ],
    survive_git_but_not_a_teardown: [
        edit(_SPACE, *_ANNOTATION),
        edit(_SPACE, *_ANNOTATION, to="Prune=confirm"),
        edit(_SPACE, *_ANNOTATION, to="Prune=false,Delete=confirm"),
        edit("ResourceQuota/workloads", *_ANNOTATION, to="Delete=false"),
    ],
}


@pytest.mark.parametrize("rule", _BREAKS, ids=lambda rule: rule.__name__)
def test_namespaces(rule: Rule, tree: Tree) -> None:
    """Namespaces keep the rule."""
    assert list(rule(tree)) == []


@pytest.mark.parametrize(("rule", "break_"), [(rule, break_) for rule, breaks in _BREAKS.items() for break_ in breaks])
def test_broken_namespace_is_noticed(rule: Rule, break_: Break, tree: Tree) -> None:
    """The rule complains about a namespace that breaks it."""
    assert_noticed(rule, break_, tree)


def test_tree_has_the_namespace_of_this_slice(tree: Tree) -> None:
    """Stateless services have their namespace."""
    assert [namespace["metadata"]["name"] for namespace in _namespaces(tree)] == ["workloads"]

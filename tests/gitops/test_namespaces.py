"""What every namespace of the tree comes with, and which there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.gitops.objects import Object
from tests.gitops.pods import Flaw, Objects, Rule, Spaces, case_names, cases, of_kind
from tests.gitops.tree import Tree

EKS = ["argo-rollouts", "bubblepool", "external-dns", "external-secrets", "guestbook", "karpenter-test", "monitoring",
       "petclinic"]  # fmt: skip
APIS = ["auth", "character", "chat", "info", "location", "my", "scan"]
SELF_MANAGED = sorted(
    [*APIS, "argo-rollouts", "data-operators", "databases", "external-dns", "external-secrets", "messaging",
     "monitoring", "workers"]
)  # fmt: skip
# Those that are there before the tree is.
_GIVEN = {"argocd", "kube-system"}
_SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
_LEVELS = ("enforce", "audit", "warn")
# node-exporter reads its node's own files.
_ENFORCED = {"monitoring": "privileged"}
_WITH_VOLUMES = {"databases", "messaging", "monitoring"}
_DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}
# Ports that anybody may come to, or go to: webhooks, which the API server calls from addresses that differ, and HTTPS.
_FROM_ANYWHERE, _TO_ANYWHERE = {9443, 10250}, {443}


def _name(objects: Objects) -> str:
    (namespace,) = of_kind(objects, "Namespace")
    name: str = namespace["metadata"]["name"]
    return name


def _specs(objects: Objects) -> list[Object]:
    return [policy["spec"] for policy in of_kind(objects, "NetworkPolicy")]


def admit_harmless_pods_only(objects: Objects) -> Iterator[str]:
    (namespace,) = of_kind(objects, "Namespace")
    labels = namespace["metadata"].get("labels", {})
    for level in _LEVELS:
        wanted = _ENFORCED.get(_name(objects), "restricted") if level == "enforce" else "restricted"
        if labels.get(f"pod-security.kubernetes.io/{level}") != wanted:
            yield f"{_name(objects)} does not {level} the profile {wanted}"


def deny_by_default(objects: Objects) -> Iterator[str]:
    specs = _specs(objects)
    if {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} not in specs:
        yield f"{_name(objects)} is open"
    if {"podSelector": {}, "policyTypes": ["Egress"], "egress": [_DNS]} not in specs:
        yield f"{_name(objects)} asks anyone for names, or nobody"


def open_what_is_said(objects: Objects) -> Iterator[str]:
    for spec in _specs(objects):
        for direction, peers, free in (("ingress", "from", _FROM_ANYWHERE), ("egress", "to", _TO_ANYWHERE)):
            for rule in spec.get(direction, []):
                ports = {port["port"] for port in rule.get("ports", [])}
                if not rule.get(peers) and not (ports and ports <= free):
                    yield f"{_name(objects)}: {direction} of {ports or 'all ports'} knows no limits"
            if spec.get(direction) is not None and direction.capitalize() not in spec["policyTypes"]:
                yield f"{_name(objects)}: a policy of {spec['policyTypes']} has rules for {direction}"


def bound_what_pods_ask_for(objects: Objects) -> Iterator[str]:
    name, quotas = _name(objects), of_kind(objects, "ResourceQuota")
    if len(quotas) != 1:
        yield f"{name} has no quota of its own"
    for hard in (quota["spec"]["hard"] for quota in quotas):
        if not {"requests.cpu", "requests.memory", "pods"} <= hard.keys():
            yield f"{name} has a quota without cpu, memory or pods"
        if (hard.get("persistentvolumeclaims") != "0") != (name in _WITH_VOLUMES):
            yield f"{name} may, or may not, have volumes"
        if name in _WITH_VOLUMES and "requests.storage" not in hard:
            yield f"{name} may have volumes of any size"
        if hard.get("services.loadbalancers") != "0" or hard.get("services.nodeports") != str(int(name in APIS)):
            yield f"{name} may open ports of nodes or load balancers"


def ask_for_something_by_default(objects: Objects) -> Iterator[str]:
    name = _name(objects)
    for limits in (row for thing in of_kind(objects, "LimitRange") for row in thing["spec"]["limits"]):
        if not {"cpu", "memory"} <= limits.get("defaultRequest", {}).keys():
            yield f"{name}: its quota refuses pods without requests"
        if "default" in limits:
            yield f"{name}: a default limit below a pod's request makes the pod invalid"
    if not of_kind(objects, "LimitRange"):
        yield f"{name} has no default requests"


def give_pods_no_token(objects: Objects) -> Iterator[str]:
    accounts = of_kind(objects, "ServiceAccount")
    if [(each["metadata"]["name"], each.get("automountServiceAccountToken")) for each in accounts] != [
        ("default", False)
    ]:
        yield f"{_name(objects)} mounts a token into every pod"


def survive_git_but_not_a_teardown(objects: Objects) -> Iterator[str]:
    """Argo CD waits for a confirmation of `Prune=confirm`, too, when the whole tree is deleted."""
    for thing in objects:
        options = set(thing["metadata"].get("annotations", {}).get(_SYNC_OPTIONS, "").split(","))
        if thing["kind"] == "Namespace" and "Prune=false" not in options:
            yield f"{thing['metadata']['name']} goes when it drops out of Git"
        if options & {"Prune=confirm", "Delete=confirm", "Delete=false"}:
            yield f"{thing['kind']} {thing['metadata']['name']} stops `pulumi destroy` half-way"


_SPACE = ("eks", "bubblepool")
_NAMESPACE, _DENY, _ALLOW_DNS = "Namespace/bubblepool", "NetworkPolicy/default-deny", "NetworkPolicy/allow-dns"
_ANNOTATION = ("metadata", "annotations", _SYNC_OPTIONS)
_HARD, _PORT = ("spec", "hard"), ("spec", "ingress", 0, "ports", 0)
_FLAWS: dict[Rule, list[Flaw]] = {
    admit_harmless_pods_only: [
        Flaw(_SPACE, _NAMESPACE, ("metadata", "labels", "pod-security.kubernetes.io/enforce")),
        Flaw(_SPACE, _NAMESPACE, ("metadata", "labels", "pod-security.kubernetes.io/warn"), "baseline"),
        Flaw(("self-managed", "messaging"), "Namespace/messaging",
             ("metadata", "labels", "pod-security.kubernetes.io/enforce"), "privileged"),
    ],
    deny_by_default: [
        Flaw(_SPACE, _DENY, ()),
        Flaw(_SPACE, _DENY, ("spec", "policyTypes"), ["Ingress"]),
        Flaw(_SPACE, _DENY, ("spec", "podSelector"), {"matchLabels": {"app": "x"}}),
        Flaw(_SPACE, _DENY, ("spec", "egress"), [{}]),
        Flaw(_SPACE, _ALLOW_DNS, ()),
        Flaw(_SPACE, _ALLOW_DNS, ("spec", "egress", 0, "ports", 0)),
        Flaw(_SPACE, _ALLOW_DNS, ("spec", "egress", 0, "to", 0, "podSelector")),
    ],
    open_what_is_said: [
        Flaw(_SPACE, "NetworkPolicy/allow-prometheus", ("spec", "ingress", 0, "from")),
        Flaw(_SPACE, "NetworkPolicy/allow-prometheus", ("spec", "policyTypes"), ["Egress"]),
        Flaw(("eks", "external-dns"), "NetworkPolicy/allow-aws", ("spec", "egress", 0, "ports")),
        Flaw(("eks", "external-dns"), "NetworkPolicy/allow-aws", ("spec", "egress", 0, "ports", 0, "port"), 80),
        Flaw(("eks", "external-secrets"), "NetworkPolicy/allow-webhook", (*_PORT, "port"), 8080),
    ],
    bound_what_pods_ask_for: [
        Flaw(_SPACE, "ResourceQuota/quota", ()),
        Flaw(_SPACE, "ResourceQuota/quota", (*_HARD, "requests.cpu")),
        Flaw(_SPACE, "ResourceQuota/quota", (*_HARD, "persistentvolumeclaims")),
        Flaw(_SPACE, "ResourceQuota/quota", (*_HARD, "services.nodeports"), "1"),
        Flaw(("self-managed", "databases"), "ResourceQuota/quota", (*_HARD, "requests.storage")),
    ],
    ask_for_something_by_default: [
        Flaw(_SPACE, "LimitRange/defaults", ()),
        Flaw(_SPACE, "LimitRange/defaults", ("spec", "limits", 0, "defaultRequest")),
        Flaw(_SPACE, "LimitRange/defaults", ("spec", "limits", 0, "default"), {"memory": "256Mi"}),
    ],
    give_pods_no_token: [
        Flaw(_SPACE, "ServiceAccount/default", ()),
        Flaw(_SPACE, "ServiceAccount/default", ("automountServiceAccountToken",), True),
    ],
    survive_git_but_not_a_teardown: [
        Flaw(_SPACE, _NAMESPACE, _ANNOTATION),
        Flaw(_SPACE, _NAMESPACE, _ANNOTATION, "Prune=confirm"),
        Flaw(_SPACE, _NAMESPACE, _ANNOTATION, "Prune=false,Delete=confirm"),
        Flaw(_SPACE, "ResourceQuota/quota", _ANNOTATION, "Delete=false"),
    ],
}  # fmt: skip


@pytest.fixture(name="made", scope="module")
def _made(tree: Tree, self_managed_tree: Tree) -> Spaces:
    """What Application namespaces brings, by namespace; the namespace itself included."""
    found: dict[tuple[str, str], list[Object]] = {}
    for variant, one in (("eks", tree), ("self-managed", self_managed_tree)):
        for thing in one.children["namespaces"]:
            metadata = thing["metadata"]
            found.setdefault((variant, metadata.get("namespace", metadata["name"])), []).append(thing)
    return found


@pytest.mark.parametrize("rule", _FLAWS, ids=lambda rule: rule.__name__)
def test_namespaces(rule: Rule, made: Spaces) -> None:
    """All namespaces of both variants keep the rule."""
    assert [complaint for objects in made.values() for complaint in rule(objects)] == []


@pytest.mark.parametrize(("rule", "flaw"), cases(_FLAWS), ids=case_names(_FLAWS))
def test_flaw_of_a_namespace_is_noticed(rule: Rule, flaw: Flaw, made: Spaces) -> None:
    """The rule complains about a namespace that breaks it, and about nothing without that."""
    assert list(rule(made[flaw.space])) == []
    assert list(rule(flaw.into(made)))


def test_there_are_the_namespaces_of_the_documents(made: Spaces) -> None:
    """D-26's namespaces but atlantis on machines of one's own; on EKS one for each workload and each controller."""
    assert sorted(name for variant, name in made if variant == "eks") == EKS
    assert sorted(name for variant, name in made if variant == "self-managed") == SELF_MANAGED


def test_every_namespace_is_for_something(tree: Tree, self_managed_tree: Tree) -> None:
    """What other Applications bring lies in these namespaces, and no namespace stays empty."""
    for one, names in ((tree, EKS), (self_managed_tree, SELF_MANAGED)):
        used = {
            thing["metadata"]["namespace"]
            for child, objects in one.children.items()
            for thing in objects
            if child != "namespaces" and "namespace" in thing["metadata"]
        }
        assert used - _GIVEN == set(names)


def test_clients_of_the_data_stores_are_known_by_their_namespaces(made: Spaces) -> None:
    """APIs and workers carry the label by which data stores and the secret store let them in; nobody else does."""
    tiers = {
        name: labels["tier"]
        for (_, name), objects in made.items()
        for labels in [of_kind(objects, "Namespace")[0]["metadata"]["labels"]]
        if "tier" in labels
    }
    assert tiers == {**dict.fromkeys(APIS, "api"), "workers": "worker"}

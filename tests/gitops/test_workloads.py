"""What runs on EKS: bubblepool, petclinic, guestbook and what tests Karpenter (G-28..40, P-06, K-13..19)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ops.gitops.objects import Object
from ops.gitops.rendering import sources_of
from tests.gitops.pods import (
    Flaw,
    Objects,
    Rule,
    Spaces,
    Workload,
    case_names,
    cases,
    kustomized,
    of_kind,
    workloads,
)
from tests.gitops.tree import BOOTSTRAP, HANDOVER, Tool, Tree, helm

WORKLOADS = ("bubblepool", "guestbook", "petclinic")
NAMESPACES = (*WORKLOADS, "karpenter-test")
OVERLAYS = ("dev", "staging", "prod")
_NODEPOOL, _CAPACITY = "karpenter.sh/nodepool", "karpenter.sh/capacity-type"
_SYSTEM = "example-system"


def _affinity(workload: Workload) -> Object:
    affinity: Object = workload.pod.get("affinity", {}).get("nodeAffinity", {})
    return affinity


def _required(workload: Workload) -> list[Object]:
    terms = _affinity(workload).get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
    return [expression for term in terms for expression in term["matchExpressions"]]


def stay_off_base_nodes(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        wanted = "DoesNotExist" if workload.thing["metadata"]["name"] == _SYSTEM else "Exists"
        if _required(workload) != [{"key": _NODEPOOL, "operator": wanted}]:
            yield f"{workload} is not kept to the nodes that are for it"
        if (workload.pod.get("nodeSelector", {}) == {"node-type": "base"}) != (wanted == "DoesNotExist"):
            yield f"{workload} selects other nodes than those"


def prefer_spot_without_depending_on_it(objects: Objects) -> Iterator[str]:
    """Requirements section 3: a hard selector defeats the fallback, and Karpenter sets no taint to tolerate."""
    spot = {"matchExpressions": [{"key": _CAPACITY, "operator": "In", "values": ["spot"]}]}
    for workload in workloads(objects):
        preferred = _affinity(workload).get("preferredDuringSchedulingIgnoredDuringExecution", [])
        stateless = workload.thing["metadata"]["name"] not in (_SYSTEM, "inflate")
        if preferred != ([{"weight": 100, "preference": spot}] if stateless else []):
            yield f"{workload} does not prefer spot, or has to"
        if _CAPACITY in workload.pod.get("nodeSelector", {}) or _CAPACITY in {
            each["key"] for each in _required(workload)
        }:
            yield f"{workload} waits where there is no spot"
        if workload.pod.get("tolerations"):
            yield f"{workload} tolerates a taint that no node of EKS has"


_BUBBLEPOOL, _TEST = ("eks", "bubblepool"), ("eks", "karpenter-test")
_ROLLOUT = "Rollout/bubblepool-rollout"
_POD = ("spec", "template", "spec")
_NODES = (*_POD, "affinity", "nodeAffinity")
_REQUIRED = (*_NODES, "requiredDuringSchedulingIgnoredDuringExecution")
_SPOT_TAINT = {"key": "karpenter.sh/spot", "operator": "Exists", "effect": "NoSchedule"}
_FLAWS: dict[Rule, list[Flaw]] = {
    stay_off_base_nodes: [
        Flaw(_BUBBLEPOOL, _ROLLOUT, _REQUIRED),
        Flaw(("eks", "guestbook"), "Deployment/guestbook", _NODES),
        Flaw(("eks", "petclinic"), "Deployment/vets-service", (*_POD, "nodeSelector"), {"node-type": "base"}),
        Flaw(_TEST, "Deployment/inflate", _REQUIRED),
        Flaw(_TEST, "Deployment/example-system", (*_POD, "nodeSelector"), {"eks.amazonaws.com/nodegroup": "prod"}),
    ],
    prefer_spot_without_depending_on_it: [
        Flaw(_BUBBLEPOOL, _ROLLOUT, (*_NODES, "preferredDuringSchedulingIgnoredDuringExecution")),
        Flaw(_BUBBLEPOOL, _ROLLOUT, (*_POD, "nodeSelector"), {_CAPACITY: "spot"}),
        Flaw(_TEST, "Deployment/example-stateless", (*_POD, "tolerations"), [_SPOT_TAINT]),
        Flaw(("eks", "petclinic"), "Deployment/customers-service", _NODES),
    ],
}


@pytest.fixture(name="here", scope="module")
def _here(ours: Spaces) -> Spaces:
    return {space: objects for space, objects in ours.items() if space in {("eks", name) for name in NAMESPACES}}


@pytest.mark.parametrize("rule", _FLAWS, ids=lambda rule: rule.__name__)
def test_workloads(rule: Rule, here: Spaces) -> None:
    """All of them keep the rule."""
    assert [complaint for objects in here.values() for complaint in rule(objects)] == []


@pytest.mark.parametrize(("rule", "flaw"), cases(_FLAWS), ids=case_names(_FLAWS))
def test_flaw_of_a_workload_is_noticed(rule: Rule, flaw: Flaw, here: Spaces) -> None:
    """The rule complains about a workload that breaks it."""
    assert list(rule(flaw.into(here)))


def _one(objects: Objects, kind: str) -> Object:
    (found,) = of_kind(objects, kind)
    return found


def test_a_canary_takes_the_steps_of_the_documents(here: Spaces) -> None:
    """20 % until someone promotes it, then 40, 60 and 80 %, ten seconds each (G-39), by the Ingress (G-40)."""
    rollout = _one(here["eks", "bubblepool"], "Rollout")
    assert rollout["metadata"]["name"] == "bubblepool-rollout"
    assert rollout["spec"]["strategy"] == {
        "canary": {
            "canaryService": "bubblepool-canary",
            "stableService": "bubblepool-stable",
            "trafficRouting": {
                "alb": {"ingress": "bubblepool-ingress", "rootService": "bubblepool-service", "servicePort": 80}
            },
            "steps": [
                {"setWeight": 20},
                {"pause": {}},
                {"setWeight": 40},
                {"pause": {"duration": "10s"}},
                {"setWeight": 60},
                {"pause": {"duration": "10s"}},
                {"setWeight": 80},
                {"pause": {"duration": "10s"}},
            ],
        }
    }


def test_bubblepool_is_what_the_documents_say(here: Spaces) -> None:
    """Five replicas in production, the documents' ports, probes and resources (G-29..32, G-39)."""
    objects = here["eks", "bubblepool"]
    rollout = _one(objects, "Rollout")
    (container,) = rollout["spec"]["template"]["spec"]["containers"]
    assert rollout["spec"]["replicas"] == 5
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
    liveness = {"path": "/actuator/health", "port": "http"}
    assert container["livenessProbe"] == {"httpGet": liveness, "initialDelaySeconds": 30, "periodSeconds": 10}
    readiness = {"path": "/actuator/health/readiness", "port": "http"}
    assert container["readinessProbe"] == {"httpGet": readiness, "initialDelaySeconds": 5, "periodSeconds": 5}
    for service in of_kind(objects, "Service"):
        assert (service["spec"]["type"], service["spec"]["ports"][0]["port"]) == ("ClusterIP", 80)


@pytest.mark.parametrize("name", WORKLOADS)
def test_images_come_from_the_stack_and_tags_from_git(name: str, here: Spaces, tree: Tree) -> None:
    """The registry is the hand-over's, the tag stays the overlay's; petclinic's services share a repository."""
    repository = tree.handover["storage"]["repositories"][name]
    images = {container["image"] for each in workloads(here["eks", name]) for container in each.containers}
    tags = {
        "bubblepool": ["1.0.0"],
        "guestbook": ["1.0.0"],
        "petclinic": [f"{service}-1.0.0" for service in ("api-gateway", "customers", "vets", "visits")],
    }
    assert images == {f"{repository}:{tag}" for tag in tags[name]}


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_is_published_by_its_name(name: str, here: Spaces, tree: Tree) -> None:
    """One Ingress of class alb sends the name below the stack's domain to the pods' own addresses."""
    ingress = _one(here["eks", name], "Ingress")
    assert ingress["spec"]["ingressClassName"] == "alb"
    assert ingress["spec"]["rules"][0]["host"] == f"{name}.{tree.handover['edge']['domain']}"
    assert ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/target-type"] == "ip"


def test_what_tests_karpenter_is_scaled_by_hand(here: Spaces) -> None:
    """Nothing of it runs until someone asks for it."""
    assert [each.thing["spec"]["replicas"] for each in workloads(here["eks", "karpenter-test"])] == [0, 0, 0]


def _overlay(tool: Tool, name: str, overlay: str) -> dict[str, Any]:
    objects = kustomized(tool, f"gitops/workloads/{name}/overlays/{overlay}")
    return dict(pair for thing in objects for pair in _leaves(thing, _title(thing)))


def _title(thing: Object) -> str:
    # A generated name ends in a hash of what the object holds.
    name = thing["metadata"]["name"]
    return f"{thing['kind']}/{name.rpartition('-')[0] if thing['kind'] == 'ConfigMap' else name}"


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(below, f"{path} {key}")
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            yield from _leaves(below, f"{path} {index}")
    else:
        yield path, value


def _differences(tool: Tool, name: str, overlay: str) -> dict[str, Any]:
    prod, other = _overlay(tool, name, "prod"), _overlay(tool, name, overlay)
    hashed = "configMapRef name", "ConfigMap/bubblepool-config metadata name"
    changed = {path: other.get(path) for path in prod.keys() | other.keys() if prod.get(path) != other.get(path)}
    return {path: value for path, value in changed.items() if not path.endswith(hashed)}


_CONTAINER = "Rollout/bubblepool-rollout spec template spec containers 0"
_CONFIG = "ConfigMap/bubblepool-config data"
_SERVICES = ("api-gateway", "customers", "vets", "visits")
_DIFFERENT: dict[tuple[str, str], dict[str, Any]] = {
    ("bubblepool", "dev"): {
        "Rollout/bubblepool-rollout spec replicas": 1,
        f"{_CONTAINER} image": "bubblepool:dev-1.0.0",
        f"{_CONTAINER} resources requests cpu": "50m",
        f"{_CONTAINER} resources requests memory": "128Mi",
        f"{_CONTAINER} resources limits cpu": "200m",
        f"{_CONTAINER} resources limits memory": "256Mi",
        f"{_CONFIG} SPRING_PROFILES_ACTIVE": "dev",
        f"{_CONFIG} DATABASE_URL": "postgresql://dev-db:5432/bubblepool",
        f"{_CONFIG} REDIS_URL": "redis://dev-redis:6379",
    },
    ("bubblepool", "staging"): {"Rollout/bubblepool-rollout spec replicas": 2},
    ("guestbook", "dev"): {
        "Deployment/guestbook spec replicas": 1,
        "Deployment/guestbook spec template spec containers 0 image": "guestbook:dev-1.0.0",
    },
    ("guestbook", "staging"): {"Deployment/guestbook spec replicas": 2},
    ("petclinic", "dev"): {f"Deployment/{each}-service spec replicas": 1 for each in _SERVICES},
    ("petclinic", "staging"): {f"Deployment/{each}-service spec replicas": 2 for each in _SERVICES},
}


@pytest.mark.parametrize(("name", "overlay"), _DIFFERENT, ids=["-".join(each) for each in _DIFFERENT])
def test_environments_differ_in_what_is_listed_only(name: str, overlay: str, tool: Tool) -> None:
    """Against production an environment has other numbers, tags and settings (G-34..36), and nothing else."""
    assert _differences(tool, name, overlay) == _DIFFERENT[name, overlay]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_change_of_the_settings_is_a_new_revision(overlay: str, tool: Tool) -> None:
    """The pods take the generated ConfigMap by the name with its hash, which the Rollout is given, too (G-36)."""
    objects = kustomized(tool, f"gitops/workloads/bubblepool/overlays/{overlay}")
    name = _one(objects, "ConfigMap")["metadata"]["name"]
    assert name != "bubblepool-config"
    (container,) = _one(objects, "Rollout")["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": name}}]


@pytest.mark.parametrize("name", WORKLOADS)
def test_without_a_domain_nothing_is_published(name: str, tool: Tool) -> None:
    """No Ingress, no way in for a load balancer, and a Rollout that counts pods: it would wait for its Ingress else."""
    unpublished = {**HANDOVER, "edge": {**HANDOVER["edge"], "domain": ""}}
    root = helm(tool, BOOTSTRAP, "root", "argocd", unpublished)
    (application,) = [each for each in of_kind(root, "Application") if each["metadata"]["name"] == name]
    (source,) = sources_of(application)
    objects = kustomized(tool, source["path"], source["kustomize"])
    assert of_kind(objects, "Ingress") == []
    assert "allow-load-balancer" not in {policy["metadata"]["name"] for policy in of_kind(objects, "NetworkPolicy")}
    canaries = [rollout["spec"]["strategy"]["canary"] for rollout in of_kind(objects, "Rollout")]
    assert len(canaries) == (name == "bubblepool")
    assert not any("trafficRouting" in canary for canary in canaries)

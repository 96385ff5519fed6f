"""What stands around pods: who owns them, what keeps some of them up, who sends them requests, what they refer to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.gitops.objects import Object
from tests.gitops.pods import (
    Flaw,
    Objects,
    Rule,
    Spaces,
    Workload,
    case_names,
    cases,
    of_kind,
    selects,
    workloads,
)

_HOST = "kubernetes.io/hostname"
# Argo CD's own pods and Services come with its release, which is no part of the tree.
_ELSEWHERE = "argocd"
# Of an ALB Ingress: the port is an annotation, which the controller of Rollouts writes.
_BY_ANNOTATION = "use-annotation"


def _in_the_tree(objects: Objects, kind: str) -> list[Object]:
    return [thing for thing in of_kind(objects, kind) if thing["metadata"]["namespace"] != _ELSEWHERE]


def _named(objects: Objects, kind: str) -> dict[str, Object]:
    return {thing["metadata"]["name"]: thing for thing in of_kind(objects, kind)}


def _scaler(objects: Objects, workload: Workload) -> Object | None:
    thing = workload.thing
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        wanted = (thing["apiVersion"], thing["kind"], thing["metadata"]["name"])
        if (target["apiVersion"], target["kind"], target["name"]) == wanted:
            return scaler
    return None


def _replicas(objects: Objects, workload: Workload) -> int:
    scaler = _scaler(objects, workload)
    return int(scaler["spec"]["minReplicas"]) if scaler else int(workload.thing["spec"].get("replicas", 1))


def _selecting(objects: Objects) -> list[Workload]:
    return [each for each in workloads(objects) if "selector" in each.thing.get("spec", {})]


def own_their_pods_alone(objects: Objects) -> Iterator[str]:
    for workload in _selecting(objects):
        selector = workload.thing["spec"]["selector"]
        if not selector.get("matchLabels") or not selects(selector, workload.labels):
            yield f"{workload} does not select its own pods"
        if {"version", "app.kubernetes.io/version"} & selector.get("matchLabels", {}).keys():
            yield f"{workload}: a version in a selector can never change"
        for other in workloads(objects):
            if other.thing is not workload.thing and selects(selector, other.labels):
                yield f"{workload} takes the pods of {other}"


def lose_one_at_a_time(objects: Objects) -> Iterator[str]:
    for workload in _selecting(objects):
        budgets = [each for each in of_kind(objects, "PodDisruptionBudget") if _covers(each, workload)]
        if len(budgets) > 1:
            yield f"{workload}: no pod with two budgets can ever be evicted"
        if _replicas(objects, workload) >= 2 and not budgets:
            yield f"{workload} has no budget"
        for budget in budgets:
            if {key: value for key, value in budget["spec"].items() if key != "selector"} != {"maxUnavailable": 1}:
                yield f"{workload}: not one at a time"
            if budget["spec"]["selector"] != workload.thing["spec"]["selector"]:
                yield f"{workload}: its budget counts other pods"
    for budget in of_kind(objects, "PodDisruptionBudget"):
        if not any(_covers(budget, workload) for workload in workloads(objects)):
            yield f"PodDisruptionBudget {budget['metadata']['name']} is of no pods"


def _covers(budget: Object, workload: Workload) -> bool:
    return selects(budget["spec"]["selector"], workload.labels)


def stand_apart(objects: Objects) -> Iterator[str]:
    for workload in _selecting(objects):
        constraints = workload.pod.get("topologySpreadConstraints", [])
        if _replicas(objects, workload) >= 2 and _HOST not in {each["topologyKey"] for each in constraints}:
            yield f"{workload}: one node may have all of them"
        for constraint in constraints:
            if constraint["labelSelector"] != workload.thing["spec"]["selector"]:
                yield f"{workload} is spread by the number of other pods"
            if constraint["maxSkew"] != 1 or constraint["whenUnsatisfiable"] != "ScheduleAnyway":
                yield f"{workload} waits for a {constraint['topologyKey']} that there is not"


def are_found_by_their_services(objects: Objects) -> Iterator[str]:
    for service in _in_the_tree(objects, "Service"):
        name, spec = service["metadata"]["name"], service["spec"]
        owners = [each for each in workloads(objects) if selects({"matchLabels": spec["selector"]}, each.labels)]
        if len(owners) != 1:
            yield f"Service {name} sends to {len(owners)} kinds of pods"
        for owner in owners:
            ports = [port for container in owner.pod["containers"] for port in container.get("ports", [])]
            known = {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
            for port in spec["ports"]:
                if port.get("targetPort", port["port"]) not in known:
                    yield f"Service {name}: {owner} has no port {port.get('targetPort', port['port'])}"


def are_published_through_a_service(objects: Objects) -> Iterator[str]:
    services, routed = _named(objects, "Service"), _routed(objects)
    for ingress in _in_the_tree(objects, "Ingress"):
        name = ingress["metadata"]["name"]
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                to = path["backend"]["service"]
                ports = {port for each in services.get(to["name"], {"spec": {"ports": []}})["spec"]["ports"] for port in
                         (each.get("name"), each["port"])}  # fmt: skip
                if to["port"].get("name") == _BY_ANNOTATION:
                    ports |= {_BY_ANNOTATION} if (name, to["name"]) in routed else set()
                if not set(to["port"].values()) <= ports:
                    yield f"Ingress {name} sends to {to}, which there is not"
        if [host for tls in ingress["spec"].get("tls", []) for host in tls["hosts"]] != [
            rule["host"] for rule in ingress["spec"]["rules"]
        ]:
            yield f"Ingress {name}: no certificate is found for its host"


def _routed(objects: Objects) -> set[tuple[str, str]]:
    routings = [
        rollout["spec"]["strategy"]["canary"].get("trafficRouting", {}).get("alb", {})
        for rollout in of_kind(objects, "Rollout")
    ]
    return {(each["ingress"], each["rootService"]) for each in routings if each}


def are_steered_by_what_there_is(objects: Objects) -> Iterator[str]:
    services, ingresses = _named(objects, "Service"), _named(objects, "Ingress")
    for rollout in of_kind(objects, "Rollout"):
        canary = rollout["spec"]["strategy"]["canary"]
        alb = canary["trafficRouting"]["alb"]
        wanted = [canary["canaryService"], canary["stableService"], alb["rootService"]]
        if len({*wanted} & services.keys()) != 3:
            yield f"{wanted} are not three Services"
        for name in {*wanted} & services.keys():
            if alb["servicePort"] not in {port["port"] for port in services[name]["spec"]["ports"]}:
                yield f"Service {name} has no port {alb['servicePort']}"
        backends = {
            path["backend"]["service"]["name"]
            for rule in ingresses.get(alb["ingress"], {"spec": {"rules": []}})["spec"]["rules"]
            for path in rule["http"]["paths"]
        }
        if backends != {alb["rootService"]}:
            yield f"Ingress {alb['ingress']} does not lead to {alb['rootService']}"


def are_scaled_by_one(objects: Objects) -> Iterator[str]:
    scaled = {id(_scaler(objects, workload)): workload for workload in workloads(objects)}
    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        workload = scaled.get(id(scaler))
        if workload is None:
            yield f"{scaler['metadata']['name']} scales nothing"
        elif "replicas" in workload.thing["spec"]:
            yield f"{workload}: every sync would undo its autoscaler's work"


def refer_to_what_there_is(objects: Objects) -> Iterator[str]:
    secrets = {
        each["spec"].get("target", {}).get("name", each["metadata"]["name"])
        for each in of_kind(objects, "ExternalSecret")
    }
    there = {"configMap": _named(objects, "ConfigMap").keys(), "secret": secrets}
    accounts = {"default", *_named(objects, "ServiceAccount")}
    for workload in workloads(objects):
        if workload.pod.get("serviceAccountName", "default") not in accounts:
            yield f"{workload} has no account {workload.pod['serviceAccountName']}"
        for container in workload.containers:
            sources = [*container.get("envFrom", []), *(each.get("valueFrom", {}) for each in container.get("env", []))]
            for source in sources:
                for kind, names in there.items():
                    wanted = source.get(f"{kind}Ref") or source.get(f"{kind}KeyRef")
                    if wanted and wanted["name"] not in names:
                        yield f"{workload}: there is no {kind} {wanted['name']}"


_BUBBLEPOOL, _PETCLINIC = ("eks", "bubblepool"), ("eks", "petclinic")
_SCAN, _CHAT = ("self-managed", "scan"), ("self-managed", "chat")
_ROLLOUT, _INGRESS, _SERVICE = "Rollout/bubblepool-rollout", "Ingress/bubblepool-ingress", "Service/bubblepool-service"
_BUDGET, _VETS, _DEPLOYMENT = "PodDisruptionBudget/bubblepool", "Deployment/vets-service", "Deployment/scan-api"
_POD = ("spec", "template", "spec")
_SETTINGS = (*_POD, "containers", 0, "envFrom", 0, "configMapRef", "name")
_SPREAD = (*_POD, "topologySpreadConstraints")
_ALB = ("spec", "strategy", "canary", "trafficRouting", "alb")
_BACKEND = ("spec", "rules", 0, "http", "paths", 0, "backend", "service")
_FLAWS: dict[Rule, list[Flaw]] = {
    own_their_pods_alone: [
        Flaw(_BUBBLEPOOL, _ROLLOUT, ("spec", "selector", "matchLabels", "app"), "other"),
        Flaw(_BUBBLEPOOL, _ROLLOUT, ("spec", "selector", "matchLabels", "app")),
        Flaw(_BUBBLEPOOL, _ROLLOUT, ("spec", "selector", "matchLabels", "version"), "v1.0.0"),
        Flaw(_PETCLINIC, _VETS, ("spec", "selector", "matchLabels", "service")),
    ],
    lose_one_at_a_time: [
        Flaw(_BUBBLEPOOL, _BUDGET, ()),
        Flaw(_BUBBLEPOOL, _BUDGET, ("spec", "maxUnavailable"), 2),
        Flaw(_BUBBLEPOOL, _BUDGET, ("spec", "selector", "matchLabels", "app"), "other"),
        Flaw(_BUBBLEPOOL, _BUDGET, ("spec", "selector"), {}),
        Flaw(_PETCLINIC, "PodDisruptionBudget/vets-service", ("spec", "selector", "matchLabels", "service")),
        Flaw(_SCAN, "PodDisruptionBudget/scan-api", ()),
    ],
    stand_apart: [
        Flaw(_BUBBLEPOOL, _ROLLOUT, _SPREAD),
        Flaw(_BUBBLEPOOL, _ROLLOUT, (*_SPREAD, 0, "whenUnsatisfiable"), "DoNotSchedule"),
        Flaw(_PETCLINIC, _VETS, (*_SPREAD, 0, "labelSelector", "matchLabels", "service")),
        Flaw(_SCAN, _DEPLOYMENT, (*_SPREAD, 0, "topologyKey"), "topology.kubernetes.io/zone"),
    ],
    are_found_by_their_services: [
        Flaw(_BUBBLEPOOL, _SERVICE, ("spec", "selector", "app"), "other"),
        Flaw(_BUBBLEPOOL, _SERVICE, ("spec", "ports", 0, "targetPort"), 8081),
        Flaw(_PETCLINIC, "Service/vets-service", ("spec", "selector", "service")),
    ],
    are_published_through_a_service: [
        Flaw(_BUBBLEPOOL, _INGRESS, (*_BACKEND, "port", "name"), "http-alt"),
        Flaw(_BUBBLEPOOL, _INGRESS, (*_BACKEND, "name"), "bubblepool-stable"),
        Flaw(_BUBBLEPOOL, _INGRESS, ("spec", "tls")),
        Flaw(_CHAT, "Ingress/chat-api", (*_BACKEND, "name"), "api"),
    ],
    are_steered_by_what_there_is: [
        Flaw(_BUBBLEPOOL, "Service/bubblepool-canary", ()),
        Flaw(_BUBBLEPOOL, _INGRESS, ()),
        Flaw(_BUBBLEPOOL, _ROLLOUT, (*_ALB, "servicePort"), 8080),
        Flaw(_BUBBLEPOOL, _ROLLOUT, (*_ALB, "rootService"), "bubblepool-stable"),
    ],
    are_scaled_by_one: [
        Flaw(_SCAN, _DEPLOYMENT, ("spec", "replicas"), 3),
        Flaw(_SCAN, "HorizontalPodAutoscaler/scan-api-hpa", ("spec", "scaleTargetRef", "name"), "api"),
    ],
    refer_to_what_there_is: [
        Flaw(_SCAN, "ExternalSecret/scan-redis", ()),
        Flaw(_SCAN, "ServiceAccount/scan-api", ()),
        Flaw(_BUBBLEPOOL, _ROLLOUT, _SETTINGS, "bubblepool-config"),
        Flaw(("self-managed", "location"), "ExternalSecret/location-kakao", ("spec", "target", "name"), "other"),
    ],
}


@pytest.mark.parametrize("rule", _FLAWS, ids=lambda rule: rule.__name__)
def test_company(rule: Rule, ours: Spaces) -> None:
    """What stands around the pods of ours keeps the rule, in every namespace of both variants."""
    assert [complaint for objects in ours.values() for complaint in rule(objects)] == []


@pytest.mark.parametrize(("rule", "flaw"), cases(_FLAWS), ids=case_names(_FLAWS))
def test_flaw_of_their_company_is_noticed(rule: Rule, flaw: Flaw, ours: Spaces) -> None:
    """The rule complains about what breaks it, and about nothing without that."""
    assert list(rule(ours[flaw.space])) == []
    assert list(rule(flaw.into(ours)))

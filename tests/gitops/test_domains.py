"""The seven domains' APIs and the two workers (requirements V-07, V-18..32, V-43, V-44, V-10)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from ops.gitops.objects import Object
from tests.gitops.pods import Flaw, Objects, Rule, Spaces, amount, case_names, cases, of_kind, workloads
from tests.gitops.tree import CHECKOUT, Tree

_DATABASE: Final = {"DATABASE_URL", "REDIS_URL"}
# Replicas at least, and what is connected to: V-23 to V-29.
DOMAINS: Final[dict[str, tuple[int, set[str]]]] = {
    "auth": (2, _DATABASE),
    "my": (2, _DATABASE),
    "scan": (3, _DATABASE),
    "character": (2, _DATABASE),
    "location": (2, {*_DATABASE, "KAKAO_API_KEY"}),
    "info": (2, _DATABASE),
    "chat": (2, {"REDIS_URL", "AMQP_URL"}),
}
# Each with its node's label and taint.
WORKERS: Final = {"ai-worker": "worker-ai", "storage-worker": "worker-storage"}
_STACK = yaml.safe_load((CHECKOUT / "Pulumi.nodes14.yaml").read_text(encoding="utf-8"))["config"]
_MACHINES: Final[dict[str, Any]] = _STACK["platform:machines"]["workers"]


def _fits(pod: Object, machine: Object) -> bool:
    """Return whether a pod may run on a machine: its selector is met and each taint is tolerated, to the letter."""
    chosen = pod.get("nodeSelector", {}).items() <= machine["labels"].items()
    tolerated = [
        {"key": each["key"], "operator": "Equal", "value": each["value"], "effect": each["effect"]}
        for each in machine["taints"]
    ]
    return chosen and all(each in pod.get("tolerations", []) for each in tolerated)


def _machines(pod: Object) -> list[str]:
    return [name for name, machine in _MACHINES.items() if _fits(pod, machine)]


def run_on_their_own_node(objects: Objects) -> Iterator[str]:
    """V-07's trap: `domain=scan` is on two machines, so that it takes the workload, too."""
    for workload in workloads(objects):
        name = workload.thing["metadata"]["name"]
        own = f"k8s-{WORKERS[name]}" if name in WORKERS else f"k8s-api-{name.removesuffix('-api')}"
        if _machines(workload.pod) != [own]:
            yield f"{workload} runs on {_machines(workload.pod)}, not on {own}"
        selected = [each for each, machine in _MACHINES.items() if _fits(workload.pod, {**machine, "taints": []})]
        if selected != [own]:
            yield f"{workload} selects {selected}: taints alone do not keep it"
        if len(workload.pod.get("tolerations", [])) != 1:
            yield f"{workload} tolerates more than its own node's taint"


def know_their_secrets_by_purpose(objects: Objects) -> Iterator[str]:
    """The store adds the stack's prefix, so that no stack's name stands in Git."""
    for thing in of_kind(objects, "ExternalSecret"):
        if thing["spec"]["secretStoreRef"] != {"kind": "ClusterSecretStore", "name": "aws-secrets-manager"}:
            yield f"{thing['metadata']['name']} has another store"
        for remote in (entry["remoteRef"] for entry in thing["spec"]["data"]):
            # What a secret holds its description says.
            if remote["property"] not in _STACK["platform:secrets"]["entries"].get(remote["key"], ""):
                yield f"{remote['key']} is no secret of the stack with a {remote['property']}"
            if not {"conversionStrategy", "decodingStrategy", "metadataPolicy"} <= remote.keys():
                yield f"{thing['metadata']['name']} always differs from what the API server makes of it"


_SCAN, _LOCATION = ("self-managed", "scan"), ("self-managed", "location")
_WORKERS = ("self-managed", "workers")
_POD = ("spec", "template", "spec")
_FLAWS: dict[Rule, list[Flaw]] = {
    run_on_their_own_node: [
        Flaw(_SCAN, "Deployment/scan-api", (*_POD, "nodeSelector", "workload")),
        Flaw(_SCAN, "Deployment/scan-api", (*_POD, "nodeSelector", "domain")),
        Flaw(_SCAN, "Deployment/scan-api", (*_POD, "tolerations")),
        Flaw(_SCAN, "Deployment/scan-api", (*_POD, "tolerations", 0), {"operator": "Exists"}),
        Flaw(_LOCATION, "Deployment/location-api", (*_POD, "nodeSelector", "domain"), "my"),
        Flaw(_WORKERS, "Deployment/storage-worker", (*_POD, "nodeSelector"), {"domain": "scan"}),
        Flaw(_WORKERS, "Deployment/ai-worker", (*_POD, "tolerations", 0, "value"), "worker-storage"),
    ],
    know_their_secrets_by_purpose: [
        Flaw(_LOCATION, "ExternalSecret/location-kakao", ("spec", "data", 0, "remoteRef", "key"), "other/kakao"),
        Flaw(_LOCATION, "ExternalSecret/location-kakao", ("spec", "data", 0, "remoteRef", "metadataPolicy")),
        Flaw(_SCAN, "ExternalSecret/scan-redis", ("spec", "secretStoreRef", "name"), "vault"),
        Flaw(_SCAN, "ExternalSecret/scan-redis", ("spec", "data", 0, "remoteRef", "property"), "token"),
    ],
}


@pytest.fixture(name="here", scope="module")
def _here(ours: Spaces) -> Spaces:
    return {("self-managed", name): ours["self-managed", name] for name in (*DOMAINS, "workers")}


@pytest.mark.parametrize("rule", _FLAWS, ids=lambda rule: rule.__name__)
def test_domains(rule: Rule, here: Spaces) -> None:
    """All APIs and workers keep the rule."""
    assert [complaint for objects in here.values() for complaint in rule(objects)] == []


@pytest.mark.parametrize(("rule", "flaw"), cases(_FLAWS), ids=case_names(_FLAWS))
def test_flaw_of_a_domain_is_noticed(rule: Rule, flaw: Flaw, here: Spaces) -> None:
    """The rule complains about what breaks it."""
    assert list(rule(flaw.into(here)))


def _api(here: Spaces, domain: str) -> Object:
    (found,) = of_kind(here["self-managed", domain], "Deployment")
    return found


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_api_is_what_the_documents_say(domain: str, here: Spaces) -> None:
    """Its name, replicas, probes and resources (V-19, V-20, V-23..30)."""
    api = _api(here, domain)
    (container,) = api["spec"]["template"]["spec"]["containers"]
    scalers = of_kind(here["self-managed", domain], "HorizontalPodAutoscaler")
    least = scalers[0]["spec"]["minReplicas"] if scalers else api["spec"]["replicas"]
    assert (api["metadata"]["name"], least) == (f"{domain}-api", DOMAINS[domain][0])
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_api_knows_what_it_connects_to_and_no_more(domain: str, here: Spaces) -> None:
    """Addresses with passwords come from Secrets Manager, never from Git (V-23..29, V-45)."""
    objects = here["self-managed", domain]
    (container,) = _api(here, domain)["spec"]["template"]["spec"]["containers"]
    made = {
        thing["spec"]["target"]["name"]: set(thing["spec"]["target"]["template"].get("data", {}))
        for thing in of_kind(objects, "ExternalSecret")
    }
    known = {name for each in container["envFrom"] if "secretRef" in each for name in made[each["secretRef"]["name"]]}
    named = {each["name"] for each in container.get("env", []) if "secretKeyRef" in each["valueFrom"]}
    assert known | named == DOMAINS[domain][1]


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_api_is_published_by_its_node_alone(domain: str, here: Spaces, self_managed_tree: Tree) -> None:
    """Its own name below the stack's domain leads to a port of the domain's machine, which passes nothing on (V-44)."""
    objects = here["self-managed", domain]
    (ingress,), (service,) = of_kind(objects, "Ingress"), of_kind(objects, "Service")
    annotations = ingress["metadata"]["annotations"]
    wanted = dict(pair.split("=") for pair in annotations["alb.ingress.kubernetes.io/target-node-labels"].split(","))
    assert [name for name, each in _MACHINES.items() if wanted.items() <= each["labels"].items()] == [
        f"k8s-api-{domain}"
    ]
    assert annotations["alb.ingress.kubernetes.io/target-type"] == "instance"
    assert (service["spec"]["type"], service["spec"]["externalTrafficPolicy"]) == ("NodePort", "Local")
    assert ingress["spec"]["rules"][0]["host"] == f"{domain}.{self_managed_tree.handover['edge']['domain']}"
    assert ingress["spec"]["ingressClassName"] == "alb"


def test_scan_alone_is_scaled(here: Spaces) -> None:
    """`scan-api-hpa` keeps between three and ten pods at 70 % of what they ask for (V-43)."""
    scalers = {domain: of_kind(here["self-managed", domain], "HorizontalPodAutoscaler") for domain in DOMAINS}
    (scaler,) = scalers.pop("scan")
    assert not any(scalers.values())
    assert scaler["metadata"]["name"] == "scan-api-hpa"
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 10)
    target = {"type": "Utilization", "averageUtilization": 70}
    assert scaler["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def test_images_come_from_the_stack_and_tags_from_git(here: Spaces, self_managed_tree: Tree) -> None:
    """The registry is the hand-over's, the tag stays the overlay's."""
    repositories = self_managed_tree.handover["storage"]["repositories"]
    names = [*(f"{domain}-api" for domain in DOMAINS), *WORKERS]
    images = [
        container["image"] for objects in here.values() for each in workloads(objects) for container in each.containers
    ]
    assert sorted(images) == sorted(f"{repositories[name]}:0.1.0" for name in names)


def test_workers_take_messages_and_nothing_else(here: Spaces) -> None:
    """Each knows RabbitMQ; nobody sends them requests, and each has one pod, as its node is one."""
    objects = here["self-managed", "workers"]
    assert of_kind(objects, "Service") == of_kind(objects, "Ingress") == []
    for worker in of_kind(objects, "Deployment"):
        (container,) = worker["spec"]["template"]["spec"]["containers"]
        assert {"secretRef": {"name": "rabbitmq"}} in container["envFrom"]
        assert worker["spec"]["replicas"] == 1


@pytest.mark.parametrize("domain", DOMAINS)
def test_its_quota_lets_an_api_be_replaced(domain: str, here: Spaces) -> None:
    """As many pods as the autoscaler may ask for, and a quarter more of them while they are replaced."""
    objects = here["self-managed", domain]
    hard = of_kind(objects, "ResourceQuota")[0]["spec"]["hard"]
    scalers = of_kind(objects, "HorizontalPodAutoscaler")
    most = scalers[0]["spec"]["maxReplicas"] if scalers else _api(here, domain)["spec"]["replicas"]
    pods = most + math.ceil(most / 4)
    assert amount(hard["requests.cpu"]) >= pods * amount("100m")
    assert amount(hard["requests.memory"]) >= pods * amount("256Mi")
    assert amount(hard["pods"]) >= pods

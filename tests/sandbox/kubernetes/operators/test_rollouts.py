"""Argo Rollouts, as its stand-in plays it: first version, canary with steps, and what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.rollouts import ROWS
from tests.sandbox.kubernetes.operators import MemoryApi, deployment, reconcile

_ACTION = "alb.ingress.kubernetes.io/actions.root"


def _named(api_version: str, kind: str, name: str, **spec: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def _rollout(steps: list[Any], *, image: str = "app:1", **canary: Any) -> Manifest:
    alb = {"ingress": "web", "rootService": "root", "servicePort": 80}
    strategy = {"canaryService": "canary", "stableService": "stable", "trafficRouting": {"alb": alb}, "steps": steps}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image}]}}
    return _named(
        "argoproj.io/v1alpha1",
        "Rollout",
        "web",
        replicas=4,
        selector={"matchLabels": {"app": "web"}},
        template=template,
        strategy={"canary": strategy | canary},
    )


def _cluster(rollout: Manifest) -> MemoryApi:
    backend = {"service": {"name": "root", "port": {"name": "use-annotation"}}}
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    services = [_named("v1", "Service", name, selector={"app": "web"}) for name in ("root", "canary", "stable")]
    ingress = _named("networking.k8s.io/v1", "Ingress", "web", rules=[rule])
    return MemoryApi([deployment("argo-rollouts"), *services, ingress, rollout])


def _sets(api: MemoryApi) -> dict[str, int]:
    return {
        one["metadata"]["name"]: one["spec"]["replicas"]
        for (kind, _, _), one in api.objects.items()
        if kind == "ReplicaSet"
    }


def _run(api: MemoryApi) -> None:
    """Have the pods of all ReplicaSets run."""
    for (kind, _, _), one in api.objects.items():
        if kind == "ReplicaSet":
            size = one["spec"]["replicas"]
            one["status"] = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), size)


def _round(api: MemoryApi) -> Manifest:
    reconcile(api, "http://127.0.0.1:1", ROWS)
    _run(api)
    reconcile(api, "http://127.0.0.1:1", ROWS)
    return api.see("Rollout", "shop", "web")


def _weights(api: MemoryApi) -> dict[str, int]:
    action = json.loads(api.see("Ingress", "shop", "web")["metadata"]["annotations"][_ACTION])
    return {one["ServiceName"]: one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]}


def test_the_first_version_is_stable_at_once(healthy: Callable[[Manifest], str]) -> None:
    """It waits for its pods and for nothing else; Services and the Ingress point to it."""
    api = _cluster(_rollout([{"setWeight": 20}, {"pause": {}}]))
    reconcile(api, "http://127.0.0.1:1", ROWS)
    first = api.see("Rollout", "shop", "web")
    assert (first["status"]["phase"], healthy(first)) == ("Progressing", "Progressing")
    done = _round(api)
    status = done["status"]
    assert (status["phase"], status["observedGeneration"], healthy(done)) == ("Healthy", "1", "Healthy")
    assert status["stableRS"] == status["currentPodHash"] != ""
    assert (status["replicas"], status["availableReplicas"], status["currentStepIndex"]) == (4, 4, 2)
    assert _sets(api) == {f"web-{status['stableRS']}": 4}
    assert _weights(api) == {"canary": 0, "stable": 100}
    for name in ("canary", "stable"):
        selector = api.see("Service", "shop", name)["spec"]["selector"]
        assert selector == {"app": "web", "rollouts-pod-template-hash": status["stableRS"]}
    assert all("lastUpdateTime" in one for one in status["conditions"])
    writes = api.writes
    reconcile(api, "http://127.0.0.1:1", ROWS)
    assert api.writes == writes


def test_a_later_version_takes_the_steps(healthy: Callable[[Manifest], str]) -> None:
    """It waits at a pause until somebody promotes it; then the old one goes."""
    steps = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "1h"}}]
    api = _cluster(_rollout(steps))
    old = _round(api)["status"]["stableRS"]
    api.put(_rollout(steps, image="app:2"))
    paused = _round(api)
    new = paused["status"]["currentPodHash"]
    assert (paused["status"]["phase"], paused["status"]["currentStepIndex"]) == ("Paused", 1)
    assert healthy(paused) == "Suspended"
    assert (_sets(api), _weights(api)) == ({f"web-{old}": 4, f"web-{new}": 1}, {"canary": 20, "stable": 80})
    assert api.see("Service", "shop", "stable")["spec"]["selector"]["rollouts-pod-template-hash"] == old
    reconcile(api, "http://127.0.0.1:1", ROWS)
    assert api.see("Rollout", "shop", "web")["status"]["currentStepIndex"] == 1
    del paused["status"]["pauseConditions"]  # what `kubectl argo rollouts promote` does
    timed = _round(api)
    assert (timed["status"]["currentStepIndex"], _weights(api)) == (3, {"canary": 60, "stable": 40})
    timed["status"]["pauseConditions"][0]["startTime"] = "2020-01-01T00:00:00Z"
    _round(api)
    done = _round(api)
    assert (done["status"]["phase"], done["status"]["stableRS"], healthy(done)) == ("Healthy", new, "Healthy")
    assert (_sets(api), _weights(api)) == ({f"web-{old}": 0, f"web-{new}": 4}, {"canary": 0, "stable": 100})


def test_without_a_load_balancer_pods_are_the_weight() -> None:
    """The stable version has as many pods less as the new one has."""
    rollout = _rollout([{"setWeight": 25}, {"pause": {}}])
    del rollout["spec"]["strategy"]["canary"]["trafficRouting"]
    api = _cluster(rollout)
    _round(api)
    later = copy.deepcopy(rollout)
    later["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2"
    api.put(later)
    assert _round(api)["status"]["phase"] == "Paused"
    assert sorted(_sets(api).values()) == [1, 3]


@pytest.mark.parametrize(
    ("gone", "change", "said"),
    [
        pytest.param(("Service", "canary"), {}, 'service "canary" not found', id="canary"),
        pytest.param(("Service", "stable"), {}, 'service "stable" not found', id="stable"),
        pytest.param(("Service", "root"), {}, 'service "root" not found', id="root"),
        pytest.param(("Ingress", "web"), {}, 'ingress "web" not found', id="Ingress"),
        pytest.param(
            None,
            {"trafficRouting": {"alb": {"ingress": "web", "rootService": "stable", "servicePort": 80}}},
            "has no rules using service stable backend",
            id="another root",
        ),
        pytest.param(None, {"canaryService": None}, "service names must be set", id="unnamed"),
        pytest.param(None, {"steps": [{"analysis": {}}]}, "['analysis'] is not played", id="not played"),
        pytest.param(
            None, {"trafficRouting": {"alb": {"ingresses": ["web"], "servicePort": 80}}}, "not played", id="many"
        ),
        pytest.param(None, {"trafficRouting": {"nginx": {}}}, "['nginx'] is not played", id="another router"),
    ],
)
def test_what_it_names_has_to_be_there(
    healthy: Callable[[Manifest], str], gone: tuple[str, str] | None, change: dict[str, Any], said: str
) -> None:
    """The spec is invalid as long as something is missing: no pods, and Argo CD calls it Degraded."""
    api = _cluster(_rollout(**({"steps": []} | change)))
    if gone:
        api.remove(gone[0], "shop", gone[1])
    found = _round(api)
    assert (found["status"]["phase"], healthy(found)) == ("Degraded", "Degraded")
    assert said in found["status"]["message"]
    assert _sets(api) == {}


def test_a_service_of_other_pods_is_refused() -> None:
    """The selector has to fit the template, and no other rollout may manage the Service."""
    api = _cluster(_rollout([]))
    api.put(_named("v1", "Service", "stable", selector={"app": "other"}))
    assert 'has unmatch label "app"' in _round(api)["status"]["message"]
    service = _named("v1", "Service", "stable", selector={"app": "web"})
    service["metadata"]["annotations"] = {"argo-rollouts.argoproj.io/managed-by-rollouts": "other"}
    api.put(service)
    assert "managed by another Rollout" in _round(api)["status"]["message"]

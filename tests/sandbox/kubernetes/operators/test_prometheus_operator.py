"""The Prometheus operator, as its stand-in plays it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.prometheus_operator import ROWS
from tests.sandbox.kubernetes.operators import MemoryApi, deployment, reconcile

_NOWHERE = "http://127.0.0.1:1"


def _object(kind: str = "Prometheus", **spec: Any) -> Manifest:
    metadata = {"name": "stack", "namespace": "monitoring"}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _cluster(manifest: Manifest) -> MemoryApi:
    return MemoryApi([deployment("kube-prometheus-stack-prometheus-operator", "monitoring"), manifest])


def _run(api: MemoryApi, name: str, ready: int) -> None:
    found = api.see("StatefulSet", "monitoring", name)
    size = found["spec"]["replicas"]
    counts = {"replicas": size, "updatedReplicas": size, "readyReplicas": ready}
    found["status"] = counts | {"observedGeneration": found["metadata"]["generation"]}


_STORAGE = {
    "volumeClaimTemplate": {"spec": {"storageClassName": "gp3", "resources": {"requests": {"storage": "50Gi"}}}}
}
_SPREAD = {
    "maxSkew": 1,
    "topologyKey": "zone",
    "whenUnsatisfiable": "ScheduleAnyway",
    "additionalLabelSelectors": "OnShard",
}
_PLACE: dict[str, Any] = {
    "nodeSelector": {"node-type": "base"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "serviceAccountName": "prometheus",
    "priorityClassName": "high",
    "securityContext": {"runAsNonRoot": True},
    "topologySpreadConstraints": [_SPREAD],
}


@pytest.mark.parametrize("kind", ["Prometheus", "Alertmanager"])
def test_pods_are_as_the_spec_says(kind: str) -> None:
    """Placement, identity, resources and the claim reach the StatefulSet, under the operator's names."""
    low = kind.lower()
    resources = {"requests": {"memory": "1Gi"}}
    kept = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}}
    api = _cluster(_object(kind, replicas=2, resources=resources, storage=_STORAGE, **_PLACE, **kept))
    reconcile(api, _NOWHERE, ROWS)
    made = api.see("StatefulSet", "monitoring", f"{low}-stack")
    pod = made["spec"]["template"]["spec"]
    assert {name: pod[name] for name in _PLACE if name != "topologySpreadConstraints"} == {
        name: value for name, value in _PLACE.items() if name != "topologySpreadConstraints"
    }
    assert "additionalLabelSelectors" not in pod["topologySpreadConstraints"][0]
    assert (made["spec"]["replicas"], pod["containers"][0]["resources"]) == (2, resources)
    assert kept.items() <= made["spec"].items()
    (claim,) = made["spec"]["volumeClaimTemplates"]
    assert (claim["metadata"]["name"], claim["spec"]["storageClassName"]) == (f"{low}-stack-db", "gp3")
    assert made["metadata"]["ownerReferences"][0]["kind"] == kind
    assert api.see("Service", "monitoring", f"{low}-operated")["spec"]["clusterIP"] == "None"
    api.put(_object(kind, replicas=3, **_PLACE | {"nodeSelector": {"node-type": "other"}}))
    reconcile(api, _NOWHERE, ROWS)
    changed = api.see("StatefulSet", "monitoring", f"{low}-stack")["spec"]
    assert (changed["replicas"], changed["template"]["spec"]["nodeSelector"]) == (3, {"node-type": "other"})


@pytest.mark.parametrize(
    ("ready", "status", "reason", "opinion"),
    [
        (0, "False", "NoPodReady", "Degraded"),
        (1, "False", "SomePodsNotReady", "Progressing"),
        (2, "True", "Available", "Healthy"),
    ],
)
def test_conditions_follow_the_pods(
    healthy: Callable[[Manifest], str], ready: int, status: str, reason: str, opinion: str
) -> None:
    """Argo CD calls it Healthy once all pods are ready, and Degraded while none is."""
    api = _cluster(_object(replicas=2))
    reconcile(api, _NOWHERE, ROWS)
    _run(api, "prometheus-stack", ready)
    reconcile(api, _NOWHERE, ROWS)
    found = api.see("Prometheus", "monitoring", "stack")
    available, reconciled = found["status"]["conditions"]
    assert (available["type"], available["status"], available["reason"]) == ("Available", status, reason)
    assert (reconciled["type"], reconciled["status"], reconciled["observedGeneration"]) == ("Reconciled", "True", 1)
    assert (found["status"]["availableReplicas"], found["status"]["unavailableReplicas"]) == (ready, 2 - ready)
    assert healthy(found) == opinion


def test_a_status_of_an_older_form_does_not_count() -> None:
    """After a change the StatefulSet's controller has to have seen it."""
    api = _cluster(_object(replicas=1))
    reconcile(api, _NOWHERE, ROWS)
    _run(api, "prometheus-stack", 1)
    api.put(_object(replicas=2))
    reconcile(api, _NOWHERE, ROWS, rounds=2)
    assert api.see("Prometheus", "monitoring", "stack")["status"]["conditions"][0]["status"] == "False"


def test_nothing_happens_without_the_operator() -> None:
    """A Deployment that is not Available does nothing."""
    operator = deployment("kube-prometheus-stack-prometheus-operator", "monitoring")
    operator["status"]["conditions"][0]["status"] = "False"
    api = MemoryApi([operator, _object()])
    reconcile(api, _NOWHERE, ROWS)
    assert api.see("StatefulSet", "monitoring", "prometheus-stack") == {}
    assert "status" not in api.see("Prometheus", "monitoring", "stack")

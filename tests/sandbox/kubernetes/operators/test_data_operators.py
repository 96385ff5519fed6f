"""The operators of PostgreSQL, Redis and RabbitMQ, as their stand-ins play them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators import cloudnative_pg, rabbitmq, redis_operator
from tests.sandbox.kubernetes.operators import MemoryApi, deployment, encoded, reconcile

_NOWHERE = "http://127.0.0.1:1"
_ROWS = (*cloudnative_pg.ROWS, *redis_operator.ROWS, *rabbitmq.ROWS)
_TOLERATION = {"key": "workload", "value": "data", "effect": "NoSchedule"}
_AFFINITY: dict[str, Any] = {
    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
}


def _object(api_version: str, kind: str, **spec: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "db", "namespace": "data"}, "spec": spec}


def _secret(**data: str) -> Manifest:
    content = {key.replace("__", "."): encoded(value) for key, value in data.items()}
    metadata = {"name": "login", "namespace": "data"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": content}


def _cluster(*objects: Manifest) -> MemoryApi:
    names = ("cloudnative-pg", "redis-operator", "rabbitmq-cluster-operator")
    return MemoryApi([*(deployment(name, "data-operators") for name in names), *objects])


def _look(api: MemoryApi) -> None:
    reconcile(api, _NOWHERE, _ROWS)


def _run(api: MemoryApi, name: str, ready: int) -> None:
    found = api.see("StatefulSet", "data", name)
    counts = {"replicas": found["spec"]["replicas"], "updatedReplicas": ready, "readyReplicas": ready}
    found["status"] = counts | {"observedGeneration": found["metadata"]["generation"]}


def _run_pods(api: MemoryApi) -> None:
    for (kind, _, _), one in api.objects.items():
        if kind == "Pod":
            one["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}


def _names(api: MemoryApi, kind: str) -> list[str]:
    return sorted(name for (one, _, name) in api.objects if one == kind)


# PostgreSQL ---------------------------------------------------------------------------------------------------------


def _postgresql(**spec: Any) -> Manifest:
    place = {"nodeSelector": {"workload": "postgresql"}, "tolerations": [_TOLERATION]}
    storage = {"size": "20Gi", "storageClass": "gp3"}
    base = {"instances": 1, "imageName": "postgresql:18", "storage": storage, "affinity": place}
    return _object("postgresql.cnpg.io/v1", "Cluster", **base | spec)


def test_postgresql_comes_up(healthy: Callable[[Manifest], str]) -> None:
    """A pod with its claim, placed as the spec says; Healthy once it is ready."""
    api = _cluster(_postgresql(resources={"requests": {"cpu": "1"}}))
    _look(api)
    first = api.see("Cluster", "data", "db")
    assert (first["status"]["phase"], healthy(first)) == ("Setting up primary", "Progressing")
    pod = api.see("Pod", "data", "db-1")["spec"]
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"workload": "postgresql"}, [_TOLERATION])
    assert (pod["serviceAccountName"], pod["containers"][0]["resources"]) == ("db", {"requests": {"cpu": "1"}})
    assert pod["volumes"] == [{"name": "pgdata", "persistentVolumeClaim": {"claimName": "db-1"}}]
    claim = api.see("PersistentVolumeClaim", "data", "db-1")["spec"]
    assert (claim["storageClassName"], claim["resources"]) == ("gp3", {"requests": {"storage": "20Gi"}})
    assert _names(api, "Service") == ["db-r", "db-ro", "db-rw"]
    _run_pods(api)
    _look(api)
    done = api.see("Cluster", "data", "db")
    assert (done["status"]["phase"], done["status"]["readyInstances"]) == ("Cluster in healthy state", 1)
    assert healthy(done) == "Healthy"
    assert _names(api, "PodDisruptionBudget") == ["db-primary"]


def test_replicas_of_postgresql_come_one_by_one(healthy: Callable[[Manifest], str]) -> None:
    """The next is made when the one before is ready; one too many goes again."""
    api = _cluster(_postgresql(instances=3))
    for size in (1, 2, 3):
        _look(api)
        assert len(_names(api, "Pod")) == size
        assert healthy(api.see("Cluster", "data", "db")) == "Progressing"
        _run_pods(api)
    _look(api)
    assert api.see("Cluster", "data", "db")["status"]["phase"] == "Cluster in healthy state"
    apart = api.see("Pod", "data", "db-2")["spec"]["affinity"]["podAntiAffinity"]
    assert "preferredDuringSchedulingIgnoredDuringExecution" in apart
    api.put(_postgresql(instances=2))
    _look(api)
    assert _names(api, "Pod") == ["db-1", "db-2"]


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param([], 'secret "login" not found', id="no secret"),
        pytest.param([_secret(username="app")], "couldn't find key password", id="no password"),
        pytest.param([_secret(username="other", password="p")], "the database's owner is 'app'", id="another user"),
        pytest.param([_secret(username="app", password="p")], "", id="as wanted"),
    ],
)
def test_postgresql_waits_for_its_owner_s_secret(
    healthy: Callable[[Manifest], str], secret: list[Manifest], said: str
) -> None:
    """Without it the first instance cannot be set up, and no pod is there."""
    bootstrap = {"initdb": {"database": "app", "owner": "app", "secret": {"name": "login"}}}
    api = _cluster(_postgresql(bootstrap=bootstrap), *secret)
    _look(api)
    assert (_names(api, "Pod") == []) == bool(said)
    assert said in " ".join(api.events())
    assert healthy(api.see("Cluster", "data", "db")) == "Progressing"
    assert "db-app" not in _names(api, "Secret")


# Redis --------------------------------------------------------------------------------------------------------------


def _redis(*, keep: bool = False) -> Manifest:
    claim = {"spec": {"storageClassName": "gp3", "resources": {"requests": {"storage": "8Gi"}}}}
    secret = {"name": "login", "key": "password"}
    return _object(
        "redis.redis.opstreelabs.in/v1beta2",
        "Redis",
        kubernetesConfig={"image": "redis:8", "resources": {"limits": {"memory": "1Gi"}}, "redisSecret": secret},
        redisExporter={"enabled": True, "image": "exporter:1"},
        storage={"keepAfterDelete": keep, "volumeClaimTemplate": claim},
        nodeSelector={"workload": "redis"},
        tolerations=[_TOLERATION],
        podSecurityContext={"runAsNonRoot": True},
    )


def test_redis_comes_up_with_its_secret() -> None:
    """No pods before the password is there; then a StatefulSet that is placed as the spec says."""
    api = _cluster(_redis())
    _look(api)
    assert (_names(api, "StatefulSet"), api.events()) == ([], ['secret "login" not found'])
    api.put(_secret(password="p"))
    _look(api)
    made = api.see("StatefulSet", "data", "db")["spec"]
    pod = made["template"]["spec"]
    assert [one["name"] for one in pod["containers"]] == ["db", "redis-exporter"]
    assert (pod["nodeSelector"], pod["securityContext"]) == ({"workload": "redis"}, {"runAsNonRoot": True})
    assert (made["replicas"], made["volumeClaimTemplates"][0]["metadata"]["name"]) == (1, "db")
    assert _names(api, "Service") == ["db", "db-additional", "db-headless"]
    _run(api, "db", 1)
    _look(api)
    assert api.see("Redis", "data", "db")["status"]["state"] == "Ready"


@pytest.mark.parametrize("keep", [False, True])
def test_claims_of_redis_go_with_it_unless_they_are_to_stay(keep: bool) -> None:
    """The operator's finalizer holds the object until its claims have gone."""
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "db-db-0", "namespace": "data"}}
    api = _cluster(_redis(keep=keep), _secret(password="p"), claim)
    _look(api)
    assert api.see("Redis", "data", "db")["metadata"]["finalizers"] == ["redisFinalizer"]
    api.remove("Redis", "data", "db")
    _look(api)
    assert api.see("Redis", "data", "db") == {}
    assert _names(api, "PersistentVolumeClaim") == (["db-db-0"] if keep else [])


# RabbitMQ -----------------------------------------------------------------------------------------------------------


def _rabbitmq(**spec: Any) -> Manifest:
    memory = {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    base = {
        "replicas": 1,
        "image": "rabbitmq:4",
        "affinity": _AFFINITY,
        "tolerations": [_TOLERATION],
        "resources": memory,
    }
    return _object("rabbitmq.com/v1beta1", "RabbitmqCluster", **base | spec)


def test_rabbitmq_comes_up(healthy: Callable[[Manifest], str]) -> None:
    """All four conditions are there from the beginning; Argo CD calls it Healthy once all pods are ready."""
    persistence = {"storageClassName": "gp3", "storage": "10Gi"}
    api = _cluster(_rabbitmq(replicas=3, persistence=persistence))
    _look(api)
    first = api.see("RabbitmqCluster", "data", "db")
    assert [one["type"] for one in first["status"]["conditions"]] == [
        "AllReplicasReady",
        "ClusterAvailable",
        "NoWarnings",
        "ReconcileSuccess",
    ]
    assert healthy(first) == "Progressing"
    made = api.see("StatefulSet", "data", "db-server")["spec"]
    pod = made["template"]["spec"]
    assert (pod["affinity"], pod["tolerations"], pod["serviceAccountName"]) == (_AFFINITY, [_TOLERATION], "db-server")
    (claim,) = made["volumeClaimTemplates"]
    assert (claim["metadata"]["ownerReferences"][0]["name"], claim["spec"]["storageClassName"]) == ("db", "gp3")
    assert _names(api, "Service") == ["db", "db-nodes"]
    assert "db-default-user" in _names(api, "Secret")
    for ready, opinion in ((1, "Progressing"), (3, "Healthy")):
        _run(api, "db-server", ready)
        _look(api)
        assert healthy(api.see("RabbitmqCluster", "data", "db")) == opinion
    api.remove("RabbitmqCluster", "data", "db")
    _look(api)
    assert api.see("RabbitmqCluster", "data", "db") == {}


def test_rabbitmq_waits_for_a_secret_from_elsewhere() -> None:
    """The pods mount it; the operator makes none of its own then."""
    api = _cluster(_rabbitmq(secretBackend={"externalSecret": {"name": "login"}}), _secret(username="u", password="p"))
    _look(api)
    assert (_names(api, "StatefulSet"), "default_user.conf" in api.events()[0]) == ([], True)
    api.put(_secret(username="u", password="p", default_user__conf="x"))
    _look(api)
    assert _names(api, "StatefulSet") == ["db-server"]
    assert _names(api, "Secret") == ["db-erlang-cookie", "login"]
    reference = api.see("RabbitmqCluster", "data", "db")["status"]["defaultUser"]["secretReference"]
    # The CRD asks for the keys, and refuses the status without.
    assert reference == {"name": "login", "namespace": "data", "keys": {"username": "username", "password": "password"}}


def test_overrides_and_warnings_of_rabbitmq() -> None:
    """Containers are merged by name; memory that differs is warned of."""
    contained = {"allowPrivilegeEscalation": False}
    pod = {"securityContext": {"fsGroup": 999}, "containers": [{"name": "rabbitmq", "securityContext": contained}]}
    override = {"statefulSet": {"spec": {"template": {"spec": pod}}}}
    memory = {"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    api = _cluster(_rabbitmq(override=override, resources=memory, persistence={"storage": "0"}))
    _look(api)
    made = api.see("StatefulSet", "data", "db-server")["spec"]
    (container,) = made["template"]["spec"]["containers"]
    assert (container["image"], container["securityContext"]) == ("rabbitmq:4", contained)
    assert made["template"]["spec"]["securityContext"] == {"runAsUser": 999, "fsGroup": 999}
    assert "volumeClaimTemplates" not in made
    warned = api.see("RabbitmqCluster", "data", "db")["status"]["conditions"][2]
    assert (warned["status"], warned["reason"]) == ("False", "MemoryRequestAndLimitDifferent")

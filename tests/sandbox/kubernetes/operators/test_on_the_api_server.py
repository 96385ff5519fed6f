"""Operators over the running API server, with the kinds' real CRDs: what they write is what it takes and keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import crds
from sandbox.kubernetes.api import Api, Manifest
from sandbox.kubernetes.controllers import Controllers
from sandbox.kubernetes.operators import ROWS
from tests.sandbox.kubernetes.conftest import Cluster, until
from tests.sandbox.kubernetes.operators import ACCOUNT, REGION, client, deployment

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

_NAMESPACE = "operated"
# Apart from what they care for, so that they outlive it.
_OPERATORS_NAMESPACE = "operators"
_SETS = (
    "argo-rollouts",
    "cloudnative-pg",
    "external-secrets",
    "load-balancer",
    "prometheus-operator",
    "redis-operator",
)
_BY_HAND = Path(__file__).parents[4] / "gitops/platform/data-operators/rabbitmqclusters.yaml"
_OPERATORS = (
    "argo-rollouts",
    "aws-load-balancer-controller",
    "cloudnative-pg",
    "external-secrets",
    "kube-prometheus-stack-prometheus-operator",
    "rabbitmq-cluster-operator",
    "redis-operator",
)
# In seconds, on a computer that does other things as well.
_PATIENCE = 240
_SMALL = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}}


# The StatefulSets of those of which Argo CD has no opinion.
_INSTEAD = {"Redis": "cache", "Alertmanager": "alertmanager-stack"}


def _apply(api: Api, manifest: Manifest, namespace: str | None = _NAMESPACE) -> None:
    kind = until(lambda: api.kind(manifest["apiVersion"], manifest["kind"]))
    if kind.namespaced:
        manifest["metadata"].setdefault("namespace", namespace)
    api.apply(kind, manifest, "test")


def _kinds(cluster: Cluster) -> list[Manifest]:
    folders = crds.folders(cluster.tools)
    found = [crd for name in _SETS for crd in crds.definitions(folders[name]).values()]
    return [*found, yaml.safe_load(_BY_HAND.read_text(encoding="utf-8"))]


def _role(endpoint: str, name: str, issuer: str, **statement: Any) -> dict[str, Any]:
    """Make a role for an operator's service account and return the fields of its pods that name it."""
    iam = client(endpoint, "iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:sub": f"system:serviceaccount:{_OPERATORS_NAMESPACE}:{name}"}},
    }
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
    own = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(own))
    source = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token", "expirationSeconds": 86400}}
    env = {"AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/{name}", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token/token"}
    container = {
        "name": name,
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "volumeMounts": [{"name": "token", "mountPath": "/token"}],
    }
    return {"containers": [container], "volumes": [{"name": "token", "projected": {"sources": [source]}}]}


def _operators(api: Api, endpoint: str, vpc: str) -> None:
    issuer = str(api.request("GET", "/.well-known/openid-configuration")["issuer"]).removeprefix("https://")
    client(endpoint, "iam").create_open_id_connect_provider(Url=f"https://{issuer}", ThumbprintList=["0" * 40])
    pods = {
        "external-secrets": _role(endpoint, "external-secrets", issuer, Action="secretsmanager:GetSecretValue"),
        "aws-load-balancer-controller": _role(endpoint, "aws-load-balancer-controller", issuer, Action="ec2:*"),
    }
    values = {"clusterName": "demo", "region": REGION, "vpcId": vpc, "defaultTargetType": "ip"}
    for name in _OPERATORS:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        _apply(api, account, _OPERATORS_NAMESPACE)
        made = deployment(name, _OPERATORS_NAMESPACE, values=values, **pods.get(name, {}))
        del made["status"]
        labels = made["metadata"]["labels"]
        made["spec"]["selector"] = {"matchLabels": labels}
        made["spec"]["template"]["metadata"] = {"labels": labels}
        for container in made["spec"]["template"]["spec"]["containers"]:
            container |= {"image": "sandbox.invalid/x:1", "resources": _SMALL}
        _apply(api, made)


def _network(endpoint: str) -> str:
    ec2 = client(endpoint, "ec2")
    vpc = str(ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"])
    for index, zone in enumerate("ab"):
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{index}.0/24", AvailabilityZone=f"{REGION}{zone}")
    return vpc


_OBJECTS = """
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: operated}
spec:
  provider: {aws: {service: SecretsManager, region: eu-west-1, prefix: demo/}}
  conditions: [{namespaces: [operated]}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: login}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: operated}
  target:
    template:
      type: kubernetes.io/basic-auth
      data: {username: "{{ .username }}", password: "{{ .password }}", default_user.conf: "x"}
  dataFrom: [{extract: {key: login}}]
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec:
  controller: ingress.k8s.aws/alb
  parameters: {apiGroup: elbv2.k8s.aws, kind: IngressClassParams, name: alb}
---
apiVersion: elbv2.k8s.aws/v1beta1
kind: IngressClassParams
metadata: {name: alb}
spec: {group: {name: demo}, scheme: internal}
---
apiVersion: v1
kind: Service
metadata: {name: root}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: canary}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: stable}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {alb.ingress.kubernetes.io/target-type: ip}}
spec:
  ingressClassName: alb
  rules:
    - host: web.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: root, port: {name: use-annotation}}}}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  strategy:
    canary:
      canaryService: canary
      stableService: stable
      trafficRouting: {alb: {ingress: web, rootService: root, servicePort: 80}}
      steps: [{setWeight: 20}, {pause: {}}]
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "sandbox.invalid/web:1"}]}
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: stack}
spec: {replicas: 1, serviceAccountName: default, version: v3.5.0}
---
apiVersion: monitoring.coreos.com/v1
kind: Alertmanager
metadata: {name: stack}
spec: {replicas: 1, serviceAccountName: default, version: v0.28.0}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: operated}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: by-hand
  hostPath: {path: /tmp}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: db}
spec:
  instances: 1
  storage: {size: 1Gi, storageClass: by-hand}
  bootstrap: {initdb: {database: app, owner: ada, secret: {name: login}}}
---
apiVersion: redis.redis.opstreelabs.in/v1beta2
kind: Redis
metadata: {name: cache}
spec:
  kubernetesConfig: {image: "redis:8", imagePullPolicy: IfNotPresent, redisSecret: {name: login, key: password}}
---
apiVersion: rabbitmq.com/v1beta1
kind: RabbitmqCluster
metadata: {name: queue}
spec:
  replicas: 1
  persistence: {storage: "0"}
  secretBackend: {externalSecret: {name: login}}
  resources: {requests: {memory: 1Mi, cpu: 1m}, limits: {memory: 1Mi}}
"""
# In the order of their deletion.
_JUDGED = (
    ("Rollout", "web"),
    ("Ingress", "web"),
    ("RabbitmqCluster", "queue"),
    ("Redis", "cache"),
    ("Cluster.postgresql.cnpg.io", "db"),
    ("Prometheus", "stack"),
    ("Alertmanager", "stack"),
    ("ExternalSecret", "login"),
    ("ClusterSecretStore", "operated"),
)


@pytest.fixture
def operated(cluster: Cluster, endpoint: str) -> Iterator[Controllers]:
    """A namespace with all operators and an object of each kind."""
    api = cluster.control_plane.api
    client(endpoint, "secretsmanager").create_secret(
        Name="demo/login", SecretString='{"username": "ada", "password": "p"}'
    )
    kinds = _kinds(cluster)
    for crd in kinds:
        _apply(api, crd, None)
    for name in (_NAMESPACE, _OPERATORS_NAMESPACE):
        _apply(api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    _operators(api, endpoint, _network(endpoint))
    controllers = Controllers(cluster.control_plane, endpoint, ROWS)
    yield controllers
    controllers.stop()
    # One that was stopped looks no more.
    controllers = Controllers(cluster.control_plane, endpoint, ROWS)
    for name in (_NAMESPACE, _OPERATORS_NAMESPACE):
        api.request("DELETE", f"/api/v1/namespaces/{name}")
        until(lambda: _gone(cluster, controllers, name), _PATIENCE)  # noqa: B023 - asked before the next name
    api.request("DELETE", "/api/v1/persistentvolumes/operated")
    api.request("DELETE", "/apis/networking.k8s.io/v1/ingressclasses/alb")
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for crd in kinds:
        api.request("DELETE", f"{definitions}/{crd['metadata']['name']}")
    until(lambda: not any(cluster.get("crd", crd["metadata"]["name"]) for crd in kinds), _PATIENCE)


def _warnings(api: Api) -> list[str]:
    events = api.request("GET", f"/api/v1/namespaces/{_NAMESPACE}/events")["items"]
    return sorted({str(one["message"]) for one in events if one["type"] == "Warning"})


def _gone(cluster: Cluster, controllers: Controllers, namespace: str) -> bool:
    """Have operators take their finalizers off, and say whether a namespace has gone."""
    controllers.reconcile(cluster.control_plane.api)
    return cluster.get("namespace", namespace) == {}


def test_all_kinds_come_up_and_go(
    cluster: Cluster, endpoint: str, operated: Controllers, healthy: Callable[[Manifest], str]
) -> None:
    """Argo CD calls each of them Healthy, nothing is written again once it is, and each can be deleted."""
    api = cluster.control_plane.api
    for manifest in yaml.safe_load_all(_OBJECTS):
        _apply(api, manifest)
    operated.start()
    waiting = dict.fromkeys(_JUDGED, "")

    def all_healthy() -> bool:
        for kind, name in [one for one, said in waiting.items() if said != "Healthy"]:
            found = cluster.get(kind, name, _NAMESPACE)
            if kind in _INSTEAD:
                found = cluster.get("StatefulSet", _INSTEAD[kind], _NAMESPACE)
            waiting[kind, name] = healthy(found) if found else ""
        return all(said == "Healthy" for said in waiting.values())

    try:
        until(all_healthy, _PATIENCE)
    except AssertionError as error:
        raise AssertionError(f"{waiting}; {_warnings(api)}") from error
    before = {one: cluster.get(*one, _NAMESPACE)["metadata"]["resourceVersion"] for one in _JUDGED}
    operated.stop()
    controllers = Controllers(cluster.control_plane, endpoint, ROWS)
    controllers.reconcile(api)
    assert {one: cluster.get(*one, _NAMESPACE)["metadata"]["resourceVersion"] for one in _JUDGED} == before
    assert len(client(endpoint, "elbv2").describe_load_balancers()["LoadBalancers"]) == 1
    for kind, name in _JUDGED:
        found = cluster.get(kind, name, _NAMESPACE)
        served = api.kind(found["apiVersion"], found["kind"])
        assert served is not None
        api.delete(served, _NAMESPACE, name, propagation="Background")
        controllers.reconcile(api)
        assert cluster.get(kind, name, _NAMESPACE) == {}, _warnings(api)
    assert client(endpoint, "elbv2").describe_load_balancers()["LoadBalancers"] == []

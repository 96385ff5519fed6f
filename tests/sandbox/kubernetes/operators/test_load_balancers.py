"""The AWS Load Balancer Controller, as its stand-in plays it: one load balancer for a group of Ingresses."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.operators.load_balancers.rows import ROWS
from tests.sandbox.kubernetes.operators import ACCOUNT, REGION, MemoryApi, client, deployment, reconcile

_PREFIX = "alb.ingress.kubernetes.io"
_PORTS = '[{"HTTP": 80}, {"HTTPS": 443}]'


class World:
    """A cluster with the controller, and an AWS with a network, a certificate and the controller's role.

    Args:
        endpoint: URL of the emulated AWS.
        params: Spec of the parameters of the class.
        roles: Whether subnets are tagged for load balancers.
    """

    def __init__(self, endpoint: str, params: dict[str, Any] | None = None, *, roles: bool = True) -> None:
        self.endpoint = endpoint
        self.elb, self.ec2 = client(endpoint, "elbv2"), client(endpoint, "ec2")
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        tags = [{"Key": "kubernetes.io/role/internal-elb", "Value": "1"}] if roles else []
        self.subnets = [self._subnet(vpc, index, tags if index < 2 else []) for index in range(3)]
        self.certificate = client(endpoint, "acm").import_certificate(**_certificate())["CertificateArn"]
        iam = client(endpoint, "iam")
        iam.create_open_id_connect_provider(Url="https://issuer.example.com", ThumbprintList=["0" * 40])
        iam.create_role(RoleName="alb", AssumeRolePolicyDocument=json.dumps(_trust()))
        values = {"clusterName": "demo", "region": REGION, "vpcId": vpc, "defaultTargetType": "ip"}
        parameters = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "alb"}
        self.api = MemoryApi(
            [
                deployment("aws-load-balancer-controller", "kube-system", values=values, **_pod()),
                _object(
                    "networking.k8s.io/v1",
                    "IngressClass",
                    "alb",
                    controller="ingress.k8s.aws/alb",
                    parameters=parameters,
                ),
                _object("elbv2.k8s.aws/v1beta1", "IngressClassParams", "alb", **(params or {})),
                service(),
            ]
        )

    def _subnet(self, vpc: str, index: int, tags: list[dict[str, str]]) -> str:
        made = self.ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{REGION}{'abc'[index]}"
        )
        if tags:
            self.ec2.create_tags(Resources=[made["Subnet"]["SubnetId"]], Tags=tags)
        return str(made["Subnet"]["SubnetId"])

    def look(self) -> None:
        reconcile(self.api, self.endpoint, ROWS)

    def address(self, name: str = "web") -> str:
        status = self.api.see("Ingress", "shop", name).get("status") or {}
        return str(status["loadBalancer"]["ingress"][0]["hostname"]) if status.get("loadBalancer") else ""

    def balancers(self) -> list[Any]:
        return list(self.elb.describe_load_balancers()["LoadBalancers"])

    def target_groups(self) -> list[Any]:
        return list(self.elb.describe_target_groups()["TargetGroups"])

    def security_groups(self) -> list[str]:
        found = self.ec2.describe_security_groups(Filters=[{"Name": "tag-key", "Values": ["elbv2.k8s.aws/cluster"]}])
        return [one["GroupId"] for one in found["SecurityGroups"]]


def _certificate() -> dict[str, bytes]:
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "*.example.com")]),
    )
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1).not_valid_before(datetime.now(UTC)).not_valid_after(datetime.now(UTC) + timedelta(days=2))
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"Certificate": made.sign(key, hashes.SHA256()).public_bytes(pem), "PrivateKey": secret}


def _trust() -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _pod() -> dict[str, Any]:
    source = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}}
    env = [
        {"name": "AWS_ROLE_ARN", "value": f"arn:aws:iam::{ACCOUNT}:role/alb"},
        {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/token/token"},
    ]
    mounts = [{"name": "token", "mountPath": "/token"}]
    return {
        "containers": [{"name": "controller", "env": env, "volumeMounts": mounts}],
        "volumes": [{"name": "token", "projected": {"sources": [source]}}],
    }


def _object(api_version: str, kind: str, name: str, **spec: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def service(name: str = "web", **changes: Any) -> Manifest:
    made = _object("v1", "Service", name, ports=[{"name": "http", "port": 80, "targetPort": 8080}], **changes)
    made["metadata"]["namespace"] = "shop"
    return made


def ingress(name: str = "web", host: str = "web.example.com", backend: Any = None, **annotations: str) -> Manifest:
    backend = {"service": backend or {"name": "web", "port": {"name": "http"}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    made = _object("networking.k8s.io/v1", "Ingress", name, ingressClassName="alb", rules=[rule])
    said = {f"{_PREFIX}/{key.replace('_', '-')}": value for key, value in annotations.items()}
    made["metadata"] |= {"namespace": "shop", "annotations": said}
    return made


def test_a_load_balancer_comes_and_goes_with_its_ingress(endpoint: str, healthy: Callable[[Manifest], str]) -> None:
    """It has the tags that the controller's rights hang on, stands in tagged subnets, and goes before the finalizer."""
    world = World(endpoint)
    world.api.put(ingress(listen_ports=_PORTS, ssl_redirect="443"))
    assert healthy(world.api.see("Ingress", "shop", "web")) == "Progressing"
    world.look()
    (balancer,) = world.balancers()
    assert world.address() == balancer["DNSName"].lower()
    assert healthy(world.api.see("Ingress", "shop", "web")) == "Healthy"
    assert world.api.see("Ingress", "shop", "web")["metadata"]["finalizers"] == ["ingress.k8s.aws/resources"]
    assert {one["SubnetId"] for one in balancer["AvailabilityZones"]} == {*world.subnets[:2]}
    assert (balancer["Scheme"], balancer["LoadBalancerName"][:13]) == ("internal", "k8s-shop-web-")
    (target,) = world.target_groups()
    for arn in (balancer["LoadBalancerArn"], target["TargetGroupArn"]):
        tags = world.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
        assert {"Key": "elbv2.k8s.aws/cluster", "Value": "demo"} in tags
    assert (target["TargetType"], target["Port"], len(world.security_groups())) == ("ip", 8080, 1)
    listeners = world.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert {one["Port"]: one["DefaultActions"][0]["Type"] for one in listeners} == {
        80: "redirect",
        443: "fixed-response",
    }
    assert [one["Certificates"][0]["CertificateArn"] for one in listeners if one["Port"] == 443] == [world.certificate]
    writes = world.api.writes
    world.look()
    assert (world.api.writes, len(world.balancers())) == (writes, 1)
    world.api.remove("Ingress", "shop", "web")
    world.look()
    assert (world.balancers(), world.target_groups(), world.security_groups()) == ([], [], [])
    assert world.api.see("Ingress", "shop", "web") == {}


def test_ingresses_of_a_group_share_one(endpoint: str) -> None:
    """The class's parameters name the group; one that leaves takes only its own target group along."""
    world = World(endpoint, {"group": {"name": "demo"}, "scheme": "internal"})
    for name in ("web", "api"):
        world.api.put(ingress(name, f"{name}.example.com"))
    world.look()
    assert (len(world.balancers()), len(world.target_groups())) == (1, 2)
    assert world.address("web") == world.address("api") != ""
    assert world.api.see("Ingress", "shop", "api")["metadata"]["finalizers"] == ["group.ingress.k8s.aws/demo"]
    world.api.remove("Ingress", "shop", "api")
    world.look()
    assert (len(world.balancers()), len(world.target_groups())) == (1, 1)
    assert world.api.see("Ingress", "shop", "api") == {}


_REFUSED = [
    pytest.param(ingress(target_type="instance"), "type 'NodePort' or 'LoadBalancer'", id="ClusterIP behind nodes"),
    pytest.param(ingress(target_type="pod"), "unknown targetType: pod", id="unknown type"),
    pytest.param(
        ingress(host="a.b.example.com", listen_ports=_PORTS), "no certificate found for host", id="no certificate"
    ),
    pytest.param(ingress(listen_ports="80"), "empty listen-ports configuration", id="ports that are none"),
    pytest.param(ingress(ssl_redirect="443"), "listener does not exist for SSLRedirect port", id="redirect to nothing"),
    pytest.param(ingress(schema="internal"), f"annotation {_PREFIX}/schema: unknown", id="unknown annotation"),
    pytest.param(ingress(backend={"name": "web", "port": {"number": 81}}), "unable to find port 81", id="no port"),
    pytest.param(
        ingress(backend={"name": "gone", "port": {"number": 80}}), 'services "gone" not found', id="no Service"
    ),
    pytest.param(
        ingress(backend={"name": "web", "port": {"name": "use-annotation"}}), "missing actions.web", id="no action"
    ),
    pytest.param(
        ingress(certificate_arn=f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/x"), "CertificateNotFound", id="far away"
    ),
    pytest.param(ingress(scheme="public"), "unknown scheme: public", id="unknown scheme"),
    pytest.param(
        ingress(load_balancer_attributes="access_logs.s3.enabled=true,access_logs.s3.bucket=gone"),
        "S3Bucket: gone does not exist",
        id="no bucket",
    ),
]


@pytest.mark.parametrize(("manifest", "said"), _REFUSED)
def test_what_cannot_be_served_gets_no_address(
    endpoint: str, healthy: Callable[[Manifest], str], manifest: Manifest, said: str
) -> None:
    """An event says why, and Argo CD waits."""
    world = World(endpoint)
    world.api.put(manifest)
    world.look()
    assert world.address() == ""
    assert said in " ".join(world.api.events())
    assert healthy(world.api.see("Ingress", "shop", "web")) == "Progressing"


def test_nodes_behind_a_service_with_a_port_of_theirs(endpoint: str) -> None:
    """Targets are instances then, at the node's port."""
    world = World(endpoint)
    world.api.put(service(type="NodePort"))
    world.api.put(ingress(target_type="instance"))
    world.look()
    assert [(one["TargetType"], one["Port"]) for one in world.target_groups()] == [("instance", 30000)]


def test_weights_of_a_rollout_s_services(endpoint: str) -> None:
    """A backend by annotation goes to the Services that it names."""
    world = World(endpoint)
    for name in ("stable", "canary"):
        world.api.put(service(name))
    groups = [
        {"ServiceName": name, "ServicePort": "80", "Weight": weight}
        for name, weight in (("stable", 80), ("canary", 20))
    ]
    action = json.dumps({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})
    made = ingress(backend={"name": "web", "port": {"name": "use-annotation"}})
    made["metadata"]["annotations"][f"{_PREFIX}/actions.web"] = action
    world.api.put(made)
    world.look()
    assert world.address()
    assert sorted(one["TargetGroupName"][:11] for one in world.target_groups()) == ["k8s-shop-ca", "k8s-shop-st"]


@pytest.mark.parametrize("said_by", ["class", "annotation"])
def test_a_protected_load_balancer_holds_its_ingress(endpoint: str, said_by: str) -> None:
    """AWS refuses to delete it, so the finalizer stays until somebody takes the protection off."""

    def params(value: str) -> dict[str, Any]:
        return {"loadBalancerAttributes": [{"key": "deletion_protection.enabled", "value": value}]}

    world = World(endpoint, params("true") if said_by == "class" else None)
    more = {} if said_by == "class" else {"load_balancer_attributes": "deletion_protection.enabled=true"}
    world.api.put(ingress(**more))
    world.look()
    world.api.remove("Ingress", "shop", "web")
    world.look()
    assert len(world.balancers()) == 1
    assert world.api.see("Ingress", "shop", "web")["metadata"]["finalizers"]
    assert "deletion" in world.api.events("FailedDeployModel")[0]
    arn = world.balancers()[0]["LoadBalancerArn"]
    off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    world.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=off)
    world.api.see("Ingress", "shop", "web")["metadata"]["annotations"] = {}
    world.look()
    assert (world.balancers(), world.api.see("Ingress", "shop", "web")) == ([], {})


def test_a_change_of_the_class_reaches_the_load_balancer(endpoint: str) -> None:
    """Attributes follow; another scheme means another load balancer."""
    world = World(endpoint)
    world.api.put(ingress())
    world.look()
    before = world.balancers()[0]["LoadBalancerArn"]
    attributes = [{"key": "idle_timeout.timeout_seconds", "value": "90"}]
    params = _object("elbv2.k8s.aws/v1beta1", "IngressClassParams", "alb", loadBalancerAttributes=attributes)
    world.api.put(params)
    world.look()
    found = world.elb.describe_load_balancer_attributes(LoadBalancerArn=before)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "90"} in found
    gateway = world.ec2.create_tags(Resources=world.subnets, Tags=[{"Key": "kubernetes.io/role/elb", "Value": ""}])
    assert gateway["ResponseMetadata"]["HTTPStatusCode"] == 200
    world.api.put(ingress(scheme="internet-facing"))
    world.look()
    (after,) = world.balancers()
    assert (after["LoadBalancerArn"] != before, after["Scheme"]) == (True, "internet-facing")


def test_subnets_without_tags_are_told_apart_by_their_routes(endpoint: str) -> None:
    """Without a way to the internet all three are internal ones; none is left for the internet."""
    world = World(endpoint, roles=False)
    world.api.put(ingress())
    world.look()
    assert len(world.balancers()[0]["AvailabilityZones"]) == 3
    world.api.put(ingress(scheme="internet-facing"))
    world.look()
    assert "unable to resolve at least one subnet" in world.api.events("FailedBuildModel")[0]


@pytest.mark.parametrize("lacking", ["role", "vpcId"])
def test_a_controller_that_is_nobody_or_nowhere_makes_nothing(endpoint: str, lacking: str) -> None:
    """Pods reach no instance metadata: role, region and VPC are told, or missing."""
    world = World(endpoint)
    pod = _pod() if lacking == "vpcId" else {}
    values = {"clusterName": "demo", "region": REGION, "vpcId": "" if lacking == "vpcId" else "vpc-1"}
    world.api.put(deployment("aws-load-balancer-controller", "kube-system", values=values, **pod))
    world.api.put(ingress())
    world.look()
    assert (world.balancers(), world.address()) == ([], "")
    expected = "neither a Pod Identity association" if lacking == "role" else "without the chart's values vpcId"
    assert expected in world.api.events("FailedBuildModel")[0]


def test_an_ingress_of_another_class_is_left_alone(endpoint: str) -> None:
    """Neither a finalizer nor a load balancer."""
    world = World(endpoint)
    made = ingress()
    made["spec"]["ingressClassName"] = "nginx"
    world.api.put(made)
    world.look()
    assert "finalizers" not in world.api.see("Ingress", "shop", "web")["metadata"]
    assert world.balancers() == []

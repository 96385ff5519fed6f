"""One Kubernetes for the whole session, with everything around it that a release or an Application needs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox import crds
from sandbox.aws.effects import NodeGroupSpec
from sandbox.aws.emulator import AwsEmulator
from sandbox.chart_mirror import ChartMirror
from sandbox.git_server import GitServer
from sandbox.kubernetes.argocd import ArgoCd
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.kubernetes.host import KubernetesHost
from sandbox.protocol import Properties, plain, struct
from sandbox.tools import load_tools
from tests.self_managed.processes import KubeadmControlPlane

_CHECKOUT = Path(__file__).parents[3]
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")


def group(**changes: Any) -> NodeGroupSpec:
    """Return a group of three nodes in three zones, with some fields changed."""
    fields: dict[str, Any] = {
        "cluster": "demo",
        "name": "base",
        "instance_type": "t3.medium",
        "desired": 3,
        "labels": {"role": "base"},
        "taints": (),
        "zones": ZONES,
        "capacity_type": "ON_DEMAND",
        "region": "eu-west-1",
    }
    return NodeGroupSpec(**fields | changes)


# Tags by which Karpenter finds subnets and security group of `Aws`.
DISCOVERY = {"discovery": "demo"}


@dataclass
class Aws:
    """An emulated AWS with an EKS cluster `demo`, whose Kubernetes is that of `Cluster`."""

    endpoint: str
    ec2: Any
    eks: Any
    efs: Any
    subnets: list[str]
    node_role: str
    controller_role: str


def _trust(service: str) -> str:
    action = ["sts:AssumeRole", "sts:TagSession"]
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _network(ec2: Any) -> list[str]:
    """Make a VPC with a subnet per zone and a security group; return the subnets."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{index}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for index, zone in enumerate(ZONES)
    ]
    group = ec2.create_security_group(GroupName="nodes", Description="x", VpcId=vpc)["GroupId"]
    tags = [{"Key": key, "Value": value} for key, value in DISCOVERY.items()]
    ec2.create_tags(Resources=[*subnets, group], Tags=tags)
    return subnets


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    emulator = AwsEmulator(tmp_path)
    endpoint = emulator.start()
    access = {"endpoint_url": endpoint, "aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    names = ("ec2", "iam", "eks", "efs")
    ec2, iam, eks, efs = (boto3.client(name, region_name="eu-west-1", **access) for name in names)
    services = {"node": "ec2", "controller": "pods.eks", "cluster": "eks"}
    node_role, controller_role, owner = (
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_trust(f"{service}.amazonaws.com"))["Role"]["Arn"]
        for name, service in services.items()
    )
    subnets = _network(ec2)
    mode = {"authenticationMode": "API"}
    eks.create_cluster(name="demo", roleArn=owner, resourcesVpcConfig={"subnetIds": subnets}, accessConfig=mode)
    eks.create_addon(clusterName="demo", addonName="eks-pod-identity-agent")
    yield Aws(endpoint, ec2, eks, efs, subnets, node_role, controller_role)
    emulator.stop()


class RefusedError(Exception):
    """What the host answered in place of a result."""


class Provider:
    """Talks to a host as the engine does: one connection per provider resource."""

    def __init__(self, port: int) -> None:
        # Else all channels of this process would share one connection.
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def configure(self, **settings: Any) -> None:
        self._call(self._stub.Configure, provider_pb2.ConfigureRequest(args=struct(settings)))

    def cancel(self) -> None:
        self._call(self._stub.Cancel, empty_pb2.Empty())

    def check(self, token: str, name: str, inputs: Properties, olds: Properties | None = None) -> Properties:
        request = provider_pb2.CheckRequest(urn=urn(token, name), news=struct(inputs), randomSeed=b"seed")
        request.olds.CopyFrom(struct(olds or {}))
        answer = self._call(self._stub.Check, request)
        if answer.failures:
            raise RefusedError(answer.failures[0].reason)
        return plain(answer.inputs)

    def create(self, token: str, name: str, inputs: Properties, *, preview: bool = False) -> tuple[str, Properties]:
        checked = struct(self.check(token, name, inputs))
        answer = self._call(
            self._stub.Create, provider_pb2.CreateRequest(urn=urn(token, name), properties=checked, preview=preview)
        )
        return answer.id, plain(answer.properties)

    def update(self, token: str, name: str, rid: str, inputs: Properties) -> Properties:
        checked = struct(self.check(token, name, inputs))
        request = provider_pb2.UpdateRequest(urn=urn(token, name), id=rid, news=checked)
        return plain(self._call(self._stub.Update, request).properties)

    def read(self, token: str, name: str, rid: str, inputs: Properties) -> tuple[str, Properties]:
        request = provider_pb2.ReadRequest(urn=urn(token, name), id=rid, inputs=struct(inputs))
        answer = self._call(self._stub.Read, request)
        return answer.id, plain(answer.inputs)

    def delete(self, token: str, name: str, rid: str, state: Properties | None = None, timeout: float = 0) -> None:
        request = provider_pb2.DeleteRequest(
            urn=urn(token, name), id=rid, properties=struct(state or {}), timeout=timeout
        )
        self._call(self._stub.Delete, request)

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request)
        except grpc.RpcError as error:
            raise RefusedError(error.details()) from error


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::project::{token}::{name}"


@dataclass
class Cluster:
    """What a test of the running Kubernetes gets."""

    control_plane: ControlPlane
    host: KubernetesHost
    port: int
    mirror: ChartMirror
    git: GitServer
    argocd: ArgoCd
    source: Path
    tools: Mapping[str, Path]
    providers: list[Provider] = field(default_factory=list)

    def provider(self, **settings: Any) -> Provider:
        """Return a provider of its own, for the cluster's kubeconfig unless told otherwise."""
        provider = Provider(self.port)
        provider.configure(**{"kubeconfig": self.control_plane.kubeconfig.read_text()} | settings)
        self.providers.append(provider)
        return provider

    def get(self, kind: str, name: str, namespace: str = "default") -> Properties:
        """Return an object as kubectl sees it, {} when it does not exist."""
        command = [
            str(self.tools["kubectl"]),
            f"--kubeconfig={self.control_plane.kubeconfig}",
            f"--namespace={namespace}",
        ]
        command += ["get", kind, name, "--ignore-not-found", "--output=json"]
        found: Properties = json.loads(subprocess.run(command, capture_output=True, check=True).stdout or "{}")
        return found


def until(ready: Callable[[], Any], timeout: float = 60) -> Any:
    """Wait for a true answer and return it."""
    deadline = time.monotonic() + timeout
    while not (answer := ready()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="session")
def tools() -> Mapping[str, Path]:
    return load_tools(_CHECKOUT)


@pytest.fixture(scope="session")
def cluster(tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    source = tmp_path_factory.mktemp("source")
    control_plane = ControlPlane(folder, tools)
    certificate = control_plane.authority.issue("loopback")
    mirror = ChartMirror(folder / "charts", certificate, crds.folders(tools))
    mirror.start()
    git = GitServer(source, folder / "git", certificate)
    git.start()
    argocd = ArgoCd(control_plane, tools)
    host = KubernetesHost(control_plane, mirror, tools, (argocd,))
    made = Cluster(control_plane, host, host.serve(), mirror, git, argocd, source, tools)
    try:
        control_plane.cluster_created("demo")
        control_plane.node_group_created(group())
        yield made
    finally:
        for provider in made.providers:
            provider.close()
        argocd.stop()
        control_plane.stop()
        host.stop()
        git.stop()
        mirror.stop()


@pytest.fixture(scope="module")
def control_plane(tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeadmControlPlane]:
    """Return the master of a self-managed cluster, as kubeadm sets it up, without its kubelet."""
    made = KubeadmControlPlane(tmp_path_factory.mktemp("master"), tools)
    try:
        made.start()
        yield made
    finally:
        made.stop()

"""An emulated account with a host on it, and the things that examples stand on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3

from sandbox.aws import AwsEmulator, AwsHost, ClusterAccess, NodeGroupSpec
from sandbox.aws.eks_api import EKS
from sandbox.protocol import Properties

REGION = "eu-west-1"
ACCOUNT = "123456789012"
DEFAULT_TAGS = {"environment": "test"}
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
# What AWS removes by itself later does not count as left behind.
PENDING = "pending deletion"


@dataclass
class Effects:
    """Notes what clusters and node groups bring about."""

    events: list[str] = field(default_factory=list)
    specs: list[NodeGroupSpec] = field(default_factory=list)
    failure: Exception | None = None

    def cluster_created(self, name: str) -> ClusterAccess:
        if self.failure:
            raise self.failure
        self.events.append(f"cluster {name} created")
        return ClusterAccess("https://127.0.0.1:6443", "Q0VSVA==")

    def cluster_deleted(self, name: str) -> None:
        self.events.append(f"cluster {name} deleted")

    def node_group_created(self, spec: NodeGroupSpec) -> None:
        if self.failure:
            raise self.failure
        self.specs.append(spec)
        self.events.append(f"node group {spec.name} created")

    def node_group_deleted(self, cluster: str, name: str) -> None:
        self.events.append(f"node group {name} deleted")


@dataclass(frozen=True)
class Made:
    """A resource that a test made."""

    token: str
    id: str
    inputs: Properties
    outputs: Properties

    def __getitem__(self, name: str) -> Any:
        return self.outputs[name]


def trust(service: str, **more: Any) -> str:
    """Return a trust policy for a service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions: str, resource: str = "*", **more: Any) -> str:
    """Return a permissions policy."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class World:
    """Makes resources through the host, without an engine."""

    emulator: AwsEmulator
    host: AwsHost
    effects: Effects
    endpoint: str
    _count: int = 0

    def unique(self, stem: str = "x") -> str:
        """Return a name that nothing has yet."""
        self._count += 1
        return f"{stem}-{self._count}"

    def urn(self, token: str, name: str) -> str:
        return f"urn:pulumi:dev::project::{token}::{name}"

    def check(
        self, token: str, inputs: Mapping[str, Any], name: str = "thing", olds: Properties | None = None
    ) -> Properties:
        self._count += 1
        seed = hashlib.sha256(self._count.to_bytes(4, "big")).digest()
        return self.host.check(token, self.urn(token, name), olds or {}, dict(inputs), seed)

    def make(self, token: str, name: str = "thing", /, **inputs: Any) -> Made:
        checked = self.check(token, inputs, name)
        rid, outputs = self.host.create(token, self.urn(token, name), checked, False)
        return Made(token, rid, checked, outputs)

    def update(self, made: Made, **changes: Any) -> Made:
        given = {
            key: value for key, value in {**made.inputs, **changes}.items() if value is not None and key != "__defaults"
        }
        news = self.check(made.token, given, olds=made.inputs)
        outputs = self.host.update_from(
            made.token, self.urn(made.token, "thing"), made.id, made.outputs, made.inputs, news, False
        )
        return Made(made.token, made.id, news, outputs)

    def delete(self, made: Made) -> None:
        self.host.delete(made.token, self.urn(made.token, "thing"), made.id, made.outputs)

    def inventory(self, *services: str) -> dict[str, Any]:
        found = dict[str, Any](self.emulator.inventory(services or None))
        found.pop(PENDING, None)
        return found

    def client(self, service: str) -> Any:
        """Return a client of the endpoint that knows nothing of the host."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, **keys)

    def eks_record(self, cluster: str) -> dict[str, Any]:
        """Return the EKS API's own record of a cluster."""
        return EKS.state.get("cluster", REGION, cluster)

    # What examples stand on ----------------------------------------------------------------------------------------

    @cached_property
    def vpc(self) -> Made:
        return self.make("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16", enableDnsHostnames=True)

    @cached_property
    def gateway(self) -> Made:
        return self.make("aws:ec2/internetGateway:InternetGateway", vpcId=self.vpc.id)

    @cached_property
    def subnets(self) -> list[Made]:
        token = "aws:ec2/subnet:Subnet"
        return [
            self.make(token, vpcId=self.vpc.id, cidrBlock=f"10.0.{index}.0/24", availabilityZone=f"{REGION}{zone}")
            for index, zone in enumerate("ab")
        ]

    @cached_property
    def subnet_ids(self) -> list[str]:
        return [subnet.id for subnet in self.subnets]

    @cached_property
    def route_table(self) -> Made:
        return self.make("aws:ec2/routeTable:RouteTable", vpcId=self.vpc.id)

    @cached_property
    def security_group(self) -> Made:
        return self.make("aws:ec2/securityGroup:SecurityGroup", vpcId=self.vpc.id, description="a group")

    @cached_property
    def key(self) -> Made:
        return self.make("aws:kms/key:Key", policy=self.key_policy)

    @cached_property
    def key_policy(self) -> str:
        root = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        logs = {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*"],
            "Resource": "*",
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [root, logs]})

    @cached_property
    def log_group(self) -> Made:
        return self.make("aws:cloudwatch/logGroup:LogGroup", "logs", retentionInDays=30)

    def role(self, service: str) -> Made:
        return self.make("aws:iam/role:Role", "role", assumeRolePolicy=trust(service))

    @cached_property
    def template(self) -> Made:
        return self.make(
            "aws:ec2/launchTemplate:LaunchTemplate", "template", metadataOptions={"httpTokens": "required"}
        )

    @cached_property
    def cluster(self) -> Made:
        return self.make("aws:eks/cluster:Cluster", "shared", **self.cluster_inputs())

    def cluster_inputs(self, **more: Any) -> Properties:
        return {
            "roleArn": self.role("eks.amazonaws.com")["arn"],
            "vpcConfig": {"subnetIds": self.subnet_ids, "endpointPrivateAccess": True},
            "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
            "version": "1.35",
            **more,
        }

    @cached_property
    def entry(self) -> Made:
        principal = self.role("ec2.amazonaws.com")["arn"]
        return self.make("aws:eks/accessEntry:AccessEntry", clusterName=self.cluster.id, principalArn=principal)

    @cached_property
    def queue(self) -> Made:
        return self.make("aws:sqs/queue:Queue", "queue")

    @cached_property
    def rule(self) -> Made:
        return self.make("aws:cloudwatch/eventRule:EventRule", "rule", eventPattern=json.dumps({"source": ["aws.ec2"]}))


Inputs = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Example:
    """How to exercise a row.

    Attributes:
        inputs: Inputs of a new resource.
        update: Inputs that change in place; none when every change replaces.
        replace: Inputs whose change needs a new resource; none when nothing does.
        unread: Inputs that AWS never tells, so that an import lacks them.
        stays: Whether AWS keeps it when the program lets go of it.
        imported: The id that an import takes, where that is not the resource's own.
        importable: Whether the provider imports the type at all.
    """

    inputs: Inputs
    update: Inputs = field(default=lambda world: {})
    replace: Inputs = field(default=lambda world: {})
    unread: tuple[str, ...] = ()
    stays: bool = False
    imported: Callable[[Made], str] = lambda made: made.id
    importable: bool = True


Change = Callable[["World"], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """An example made wrong by one change.

    Attributes:
        token: Resource type; its example passes.
        change: What is changed in the example's inputs.
        code: AWS's error code.
        twin: What is changed in the passing twin, when the example itself is not near enough to the limit.
    """

    token: str
    change: Change
    code: str
    twin: Change = lambda world: {}

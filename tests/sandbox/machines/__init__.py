"""A VPC with what machines need, made by plain AWS calls, and user data as a program would write it."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.aws import AwsEmulator
from sandbox.aws.balancer_gaps import attach_balancers
from sandbox.kubernetes.api import APPLY, Api, ApiError, Manifest
from sandbox.kubernetes.control_plane import ControlPlane
from sandbox.machines.machines import Machines
from sandbox.machines.settings import MachineSettings
from sandbox.tools import load_tools

CHECKOUT: Final = Path(__file__).parents[3]
REGION: Final = "eu-west-1"
ZONE: Final = f"{REGION}a"
ACCOUNT: Final = "123456789012"
NAME: Final = "lab"
TOKEN: Final = "abcdef.0123456789abcdef"
CONTROL_PLANE_ADDRESS: Final = "10.0.1.20"
SETTINGS: Final = MachineSettings(
    description="/etc/lab/machine.json",
    kubeadm="/etc/lab/kubeadm.yaml",
    renewal="/etc/systemd/system/token.timer",
    facts={"@PROVIDER_ID@": "{provider_id}", "@NODE_IP@": "{address}"},
)
_PKI: Final = "/etc/kubernetes/pki"
_CALICO: Final = "operator.tigera.io/v1"
_TRUST: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


def authority(name: str) -> tuple[str, str]:
    """Return certificate and key of an authority, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = time.time()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(now - 3600, UTC))
        .not_valid_after(datetime.fromtimestamp(now + 10**7, UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return _pem(builder.sign(key, hashes.SHA256())), _key_pem(key)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def pin(certificate: str) -> str:
    """Return the pin of an authority's public key."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        x509.load_pem_x509_certificate(certificate.encode())
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return f"sha256:{digest.finalize().hex()}"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A machine that a test wants: what its user data says, less what all have in common."""

    name: str
    instance_type: str = "t3.medium"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    control_plane: bool = False
    pin: str = ""
    token: str = "@JOIN_TOKEN@"
    flags: Mapping[str, str] = field(default_factory=dict)
    member: bool = False
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def serves(self) -> bool:
        """Whether it is a control plane: the first, or a further one."""
        return self.control_plane or self.member


class Lab:
    """An account with a VPC, parameters, roles and the sandbox's machines in it.

    Args:
        folder: For all files.
    """

    def __init__(self, folder: Path) -> None:
        self.emulator = AwsEmulator(folder / "aws")
        self.endpoint = self.emulator.start()
        tools = load_tools(CHECKOUT)
        self.control_plane = ControlPlane(folder / "kubernetes", tools)
        self.machines = Machines(
            self.control_plane,
            tools,
            SETTINGS,
            self.endpoint,
            self.emulator.regions,
            folder / "machines",
        )
        attach_balancers(self.machines.balancers)
        self.certificate = ""
        self._build()
        self.machines.start()

    def close(self) -> None:
        """End all."""
        attach_balancers(None)
        self.machines.stop()
        self.control_plane.stop()
        self.emulator.stop()

    def aws(self, service: str) -> Any:
        """Return a client."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    @property
    def api(self) -> Api:
        """The cluster's API with full rights."""
        return self.control_plane.api

    # What a program makes ------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._network()
        self._secrets()
        self.profiles = {
            role: self._profile(f"{NAME}-{role}", keys)
            for role, keys in (("control-plane", ("join", "control-plane")), ("worker", ("join",)), ("nothing", ()))
        }

    def _network(self) -> None:
        ec2 = self.aws("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.public = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=ZONE)["Subnet"][
            "SubnetId"
        ]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=ZONE)["Subnet"][
            "SubnetId"
        ]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self._route(self.public, GatewayId=gateway)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=self.public, AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.routes = self._route(self.subnet, NatGatewayId=nat)
        self.nat = nat
        self.group = ec2.create_security_group(GroupName="nodes", Description="nodes", VpcId=self.vpc)["GroupId"]
        self.open(True)
        self.zone = self.aws("route53").create_hosted_zone(
            Name=f"{NAME}.internal",
            CallerReference="lab",
            VPC={"VPCRegion": REGION, "VPCId": self.vpc},
            HostedZoneConfig={"PrivateZone": True},
        )["HostedZone"]["Id"]
        self.point(TTL=60, ResourceRecords=[{"Value": CONTROL_PLANE_ADDRESS}])

    def point(self, **target: Any) -> None:
        """Have the API's name lead somewhere."""
        record = {"Name": f"api.{NAME}.internal", "Type": "A", **target}
        changes = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        self.aws("route53").change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=changes)

    def balance(self, name: str, scheme: str, subnet: str, group: str, targets: Sequence[str]) -> dict[str, Any]:
        """Make a network load balancer of port 6443 before these instances, and return AWS's description."""
        elb = self.aws("elbv2")
        made: dict[str, Any] = elb.create_load_balancer(
            Name=name, Type="network", Scheme=scheme, Subnets=[subnet], SecurityGroups=[group]
        )["LoadBalancers"][0]
        wanted = {"Name": name, "Protocol": "TCP", "Port": 6443, "VpcId": self.vpc, "TargetType": "instance"}
        arn = elb.create_target_group(**wanted)["TargetGroups"][0]["TargetGroupArn"]
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": one, "Port": 6443} for one in targets])
        actions = [{"Type": "forward", "TargetGroupArn": arn}]
        elb.create_listener(LoadBalancerArn=made["LoadBalancerArn"], Protocol="TCP", Port=6443, DefaultActions=actions)
        return made

    def group_for(self, name: str, source: str) -> str:
        """Return a new security group that lets a range in on port 6443, and that the nodes let in in turn."""
        ec2 = self.aws("ec2")
        group = str(ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"])
        rule = {"IpProtocol": "tcp", "FromPort": 6443, "ToPort": 6443}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**rule, "IpRanges": [{"CidrIp": source}]}])
        pairs = [{"GroupId": group}]
        ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[{**rule, "UserIdGroupPairs": pairs}])
        return group

    def kubeconfig(self, server: str, organization: str, **changes: str) -> str:
        """Return a kubeconfig with a certificate of the cluster's authority for a member of a group."""
        authority_key = serialization.load_pem_private_key(self.files[f"{_PKI}/ca.key"].encode(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        names = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, "somebody")]
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(kind, text) for kind, text in names]))
            .issuer_name(x509.load_pem_x509_certificate(self.certificate.encode()).subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        cluster = {
            "server": server,
            "certificate-authority-data": _base64(self.certificate),
            "tls-server-name": f"api.{NAME}.internal",
            **changes,
        }
        user = {"client-certificate-data": _base64(_pem(certificate)), "client-key-data": _base64(_key_pem(key))}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": "somebody", "user": user}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": "somebody"}}],
            "current-context": NAME,
        }
        return yaml.safe_dump(config)

    def _route(self, subnet: str, **target: str) -> str:
        ec2 = self.aws("ec2")
        table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        return str(table)

    def open(self, allowed: bool) -> None:
        """Let nodes reach each other's ports of the API and of Typha, or not."""
        rule = [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": self.group}]}
            for port in (6443, 5473)
        ]
        ec2 = self.aws("ec2")
        change = ec2.authorize_security_group_ingress if allowed else ec2.revoke_security_group_ingress
        change(GroupId=self.group, IpPermissions=rule)

    def _secrets(self) -> None:
        self.certificate, key = authority("kubernetes")
        front, front_key = authority("front-proxy-ca")
        etcd, etcd_key = authority("etcd-ca")
        accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = accounts.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.keys = {name: self._key() for name in ("join", "control-plane")}
        self.files = {
            f"{_PKI}/ca.crt": self.certificate,
            f"{_PKI}/ca.key": key,
            f"{_PKI}/front-proxy-ca.crt": front,
            f"{_PKI}/front-proxy-ca.key": front_key,
            f"{_PKI}/etcd/ca.crt": etcd,
            f"{_PKI}/etcd/ca.key": etcd_key,
            f"{_PKI}/sa.key": _key_pem(accounts),
            f"{_PKI}/sa.pub": public.decode(),
        }
        for path, value in self.files.items():
            self.put(parameter(path), value, "control-plane")
        self.put("/lab/join/token", TOKEN, "join")

    def _key(self) -> str:
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        }
        return str(self.aws("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"])

    def put(self, name: str, value: str, key: str) -> None:
        """Write a parameter under one of the two keys."""
        self.aws("ssm").put_parameter(Name=name, Value=value, Type="SecureString", KeyId=self.keys[key], Overwrite=True)

    def _profile(self, name: str, keys: tuple[str, ...]) -> str:
        iam = self.aws("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)
        statements: list[Mapping[str, Any]] = []
        for key in keys:
            arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/lab/{key}/"
            names = ("token",) if key == "join" else tuple(parameter(path).rpartition("/")[2] for path in self.files)
            arns = [f"{arn}{one}" for one in names]
            statements.append({"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": arns})
            condition = {
                "StringEquals": {
                    "kms:ViaService": f"ssm.{REGION}.amazonaws.com",
                    "kms:EncryptionContext:PARAMETER_ARN": arns,
                }
            }
            statements.append(
                {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": self.keys[key], "Condition": condition}
            )
        if "control-plane" in keys:
            statements.append(
                {"Effect": "Allow", "Action": ["ec2:DescribeInstances", "ec2:DescribeRegions"], "Resource": "*"}
            )
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=document)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return name

    def subnet_without_route(self) -> str:
        """Return a new subnet that leads nowhere."""
        made = self.aws("ec2").create_subnet(VpcId=self.vpc, CidrBlock="10.0.9.0/24", AvailabilityZone=ZONE)
        return str(made["Subnet"]["SubnetId"])

    def stranger(self) -> str:
        """Return a new security group that nobody's rules name; everything may leave it."""
        made = self.aws("ec2").create_security_group(GroupName="strangers", Description="others", VpcId=self.vpc)
        return str(made["GroupId"])

    def run(
        self,
        wanted: Wanted,
        *,
        role: str = "",
        address: str = "",
        subnet: str = "",
        group: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Start an instance and return its id."""
        role = role or ("control-plane" if wanted.serves else "worker")
        address = address or (CONTROL_PLANE_ADDRESS if wanted.control_plane else "")
        more = {"PrivateIpAddress": address} if address else {}
        named = {f"kubernetes.io/cluster/{NAME}": "owned", "Name": wanted.name} if tags is None else tags
        made = self.aws("ec2").run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            InstanceType=wanted.instance_type,
            SubnetId=subnet or self.subnet,
            SecurityGroupIds=[group or self.group],
            IamInstanceProfile={"Name": self.profiles[role]},
            # boto3 encodes it once more.
            UserData=base64.b64decode(self.user_data(wanted)),
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in named.items()]}
            ],
            **more,
        )
        return str(made["Instances"][0]["InstanceId"])

    def terminate(self, *identities: str) -> None:
        """Terminate instances."""
        self.aws("ec2").terminate_instances(InstanceIds=list(identities))

    def user_data(self, wanted: Wanted) -> str:
        """Return a machine's user data."""
        description = {
            "node": wanted.name,
            "kubernetes": "1.36.4",
            "files": {path: parameter(path) for path in self.files} if wanted.serves else {},
            "blanks": {"@JOIN_TOKEN@": "/lab/join/token"},
            "rendered": {SETTINGS.kubeadm: "/run/lab/kubeadm.yaml"},
        }
        files = [
            {"path": SETTINGS.description, "content": json.dumps(description)},
            {"path": SETTINGS.kubeadm, "content": self.kubeadm(wanted), "permissions": "0600"},
            *({"path": path, "content": content} for path, content in wanted.units.items()),
        ]
        text = "#cloud-config\n" + yaml.safe_dump({"write_files": files})
        return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()

    def kubeadm(self, wanted: Wanted) -> str:
        """Return a machine's configuration of kubeadm."""
        flags = {"cloud-provider": "external", "node-ip": "@NODE_IP@", "provider-id": "@PROVIDER_ID@", **wanted.flags}
        if wanted.labels:
            flags["node-labels"] = ",".join(f"{key}={value}" for key, value in wanted.labels.items())
        registration = {
            "name": wanted.name,
            "taints": list(wanted.taints),
            "kubeletExtraArgs": [{"name": name, "value": value} for name, value in flags.items()],
        }
        kind = self._init(registration) if wanted.control_plane else self._join(wanted, registration)
        return yaml.safe_dump_all(kind)

    def _init(self, registration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        api = "kubeadm.k8s.io/v1beta4"
        return [
            {
                "apiVersion": api,
                "kind": "InitConfiguration",
                "bootstrapTokens": [{"token": "@JOIN_TOKEN@", "ttl": "24h0m0s"}],
                "localAPIEndpoint": {"advertiseAddress": CONTROL_PLANE_ADDRESS, "bindPort": 6443},
                "nodeRegistration": registration,
            },
            {
                "apiVersion": api,
                "kind": "ClusterConfiguration",
                "clusterName": NAME,
                "kubernetesVersion": "v1.36.4",
                "controlPlaneEndpoint": f"api.{NAME}.internal:6443",
                "networking": {"serviceSubnet": "172.20.0.0/16", "podSubnet": "100.64.0.0/16"},
                "controllerManager": {"extraArgs": [{"name": "cloud-provider", "value": "external"}]},
            },
            {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "serverTLSBootstrap": True},
        ]

    def _join(self, wanted: Wanted, registration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        discovery = {
            "apiServerEndpoint": f"api.{NAME}.internal:6443",
            "token": wanted.token,
            "caCertHashes": [wanted.pin or pin(self.certificate)],
        }
        join: dict[str, Any] = {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "JoinConfiguration",
            "discovery": {"bootstrapToken": discovery},
            "nodeRegistration": registration,
        }
        if wanted.member:
            join["controlPlane"] = {"localAPIEndpoint": {"advertiseAddress": "@NODE_IP@", "bindPort": 6443}}
        return [join]

    # What comes of it ----------------------------------------------------------------------------------------------

    def console(self, identity: str) -> str:
        """Return what EC2 says of an instance's console."""
        return str(self.aws("ec2").get_console_output(InstanceId=identity).get("Output", ""))

    def wait_for_console(self, identity: str, text: str, timeout: float = 60.0) -> str:
        """Wait until a console shows a text and return all of it."""
        until(lambda: text in self.console(identity), timeout, lambda: f"no {text!r} in\n{self.console(identity)}")
        return self.console(identity)

    def install(self, *names: str, host_network: bool = True) -> None:
        """Apply the add-ons of addons.yaml, or those of these names, and an Installation of Calico."""
        for manifest in yaml.safe_load((Path(__file__).parent / "addons.yaml").read_text(encoding="utf-8")):
            if names and manifest["metadata"]["name"] not in names:
                continue
            if not host_network:
                manifest["spec"]["template"]["spec"]["hostNetwork"] = False
            self.apply(manifest)
        if not names or "installations.operator.tigera.io" in names:
            until(lambda: self.api.kind(_CALICO, "Installation") is not None, 20, lambda: "no kind Installation")
            self.apply(installation("100.64.0.0/16"))

    def apply(self, manifest: Manifest) -> None:
        """Apply an object."""
        kind = self.api.kind(manifest["apiVersion"], manifest["kind"])
        assert kind is not None
        path = kind.path(manifest["metadata"].get("namespace"), manifest["metadata"]["name"])
        query = {"fieldManager": "test", "force": "true"}
        self.api.request("PATCH", path, manifest, content_type=APPLY, query=query)

    def node(self, name: str) -> Manifest | None:
        """Return a Node, or None."""
        try:
            return self.api.request("GET", f"/api/v1/nodes/{name}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise


def installation(cidr: str) -> Manifest:
    """Return an Installation with one pool."""
    pools = [{"cidr": cidr, "encapsulation": "VXLAN"}]
    spec = {"calicoNetwork": {"bgp": "Disabled", "ipPools": pools}}
    return {"apiVersion": _CALICO, "kind": "Installation", "metadata": {"name": "default"}, "spec": spec}


def parameter(path: str) -> str:
    """Return the name of the parameter with a file of the control plane."""
    return "/lab/control-plane/" + path.removeprefix(f"{_PKI}/").replace("/", "-").replace(".", "-")


def until(done: Callable[[], bool], timeout: float, otherwise: Callable[[], str]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(otherwise())
        time.sleep(0.2)


def ready(node: Manifest | None) -> bool:
    """Say whether a Node is Ready."""
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)

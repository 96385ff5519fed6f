"""EKS clusters: what changes in place, what replaces, what is refused; settings of add-ons; access entries."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.calls import AwsError
from tests.sandbox.aws.examples import EXAMPLES
from tests.sandbox.aws.world import REGION, Made, World

CLUSTER = "aws:eks/cluster:Cluster"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
KEY = "aws:kms/key:Key"
SUBNET = "aws:ec2/subnet:Subnet"

Change = Callable[[World], dict[str, Any]]


def encryption(world: World) -> dict[str, Any]:
    return {"provider": {"keyArn": world.key["arn"]}, "resources": ["secrets"]}


def full(world: World) -> dict[str, Any]:
    """Return inputs with a value for everything whose change is judged below."""
    return world.cluster_inputs(
        name="judged",
        bootstrapSelfManagedAddons=False,
        encryptionConfig=encryption(world),
        kubernetesNetworkConfig={"serviceIpv4Cidr": "172.21.0.0/16", "ipFamily": "ipv4"},
        zonalShiftConfig={"enabled": False},
        deletionProtection=False,
    )


def eks(world: World) -> Any:
    return boto3.client(
        "eks", region_name=REGION, endpoint_url=world.endpoint, aws_access_key_id="x", aws_secret_access_key="x"
    )


# What replaces ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        (lambda world: {"name": "other"}, {"name"}),
        (lambda world: {"roleArn": world.role("eks.amazonaws.com")["arn"]}, {"roleArn"}),
        (lambda world: {"bootstrapSelfManagedAddons": True}, {"bootstrapSelfManagedAddons"}),
        (lambda world: {"encryptionConfig": None}, {"encryptionConfig"}),
        (
            lambda world: {
                "encryptionConfig": {"provider": {"keyArn": world.make(KEY)["arn"]}, "resources": ["secrets"]}
            },
            set(),
        ),
        (
            lambda world: {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.22.0.0/16", "ipFamily": "ipv4"}},
            {"kubernetesNetworkConfig"},
        ),
        (
            lambda world: {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.21.0.0/16", "ipFamily": "ipv6"}},
            {"kubernetesNetworkConfig"},
        ),
        (lambda world: {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.21.0.0/16"}}, set()),
        (
            lambda world: {
                "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True}
            },
            {"accessConfig"},
        ),
        (
            lambda world: {
                "accessConfig": {
                    "authenticationMode": "API_AND_CONFIG_MAP",
                    "bootstrapClusterCreatorAdminPermissions": False,
                }
            },
            set(),
        ),
        (lambda world: {"vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"], "endpointPrivateAccess": True}}, set()),
        (lambda world: {"version": "1.36"}, set()),
        (lambda world: {"zonalShiftConfig": {"enabled": True}}, set()),
        (lambda world: {"deletionProtection": True}, set()),
        (lambda world: {"upgradePolicy": {"supportType": "STANDARD"}}, set()),
        (lambda world: {"enabledClusterLogTypes": ["api"]}, set()),
        (lambda world: {"controlPlaneScalingConfig": {"tier": "tier-xl"}}, set()),
        (
            lambda world: {"outpostConfig": {"controlPlaneInstanceType": "m5.large", "outpostArns": ["arn"]}},
            {"outpostConfig"},
        ),
    ],
)
def test_a_cluster_is_replaced_where_the_provider_would(world: World, change: Change, replaced: set[str]) -> None:
    """A preview says `replace` for what the provider cannot change, and for nothing else."""
    inputs = full(world)
    made = Made(CLUSTER, "judged", world.check(CLUSTER, inputs), {})
    news = {name: value for name, value in {**inputs, **change(world)}.items() if value is not None}
    checked = world.check(CLUSTER, news, olds=made.inputs)
    result = world.host.diff(CLUSTER, world.urn(CLUSTER, "thing"), {}, made.inputs, checked)
    assert result.changed or "kubernetesNetworkConfig" in change(world)
    assert set(result.replace) == replaced


def test_encryption_is_added_in_place_and_kept(world: World) -> None:
    """A cluster without a key takes one without being replaced; another key is refused."""
    made = world.make(CLUSTER, **world.cluster_inputs())
    news = world.check(CLUSTER, {**world.cluster_inputs(), "encryptionConfig": encryption(world)}, olds=made.inputs)
    news["roleArn"] = made.inputs["roleArn"]
    assert world.host.diff(CLUSTER, world.urn(CLUSTER, "thing"), made.outputs, made.inputs, news).replace == ()
    made = world.update(made, encryptionConfig=encryption(world))
    assert made["encryptionConfig"]["provider"]["keyArn"] == world.key["arn"]
    other = {"provider": {"keyArn": world.make(KEY)["arn"]}, "resources": ["secrets"]}
    with pytest.raises(AwsError, match="Encryption config already exists"):
        world.update(made, encryptionConfig=other)
    world.delete(made)


# What changes in place ----------------------------------------------------------------------------------------------


def test_every_part_changes_in_place(world: World) -> None:
    """All that the provider updates, in one update of the program: one call for each kind."""
    made = world.make(CLUSTER, **world.cluster_inputs())
    vpc: dict[str, Any] = {
        "subnetIds": [
            world.make(
                SUBNET, vpcId=world.vpc.id, cidrBlock=f"10.0.{index}.0/24", availabilityZone=f"{REGION}{zone}"
            ).id
            for index, zone in ((50, "a"), (51, "b"))
        ],
        "securityGroupIds": [world.security_group.id],
        "endpointPrivateAccess": True,
        "publicAccessCidrs": ["192.0.2.0/24"],
    }
    made = world.update(
        made,
        vpcConfig=vpc,
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        zonalShiftConfig={"enabled": True},
        deletionProtection=True,
        upgradePolicy={"supportType": "STANDARD"},
        enabledClusterLogTypes=["api", "audit"],
        controlPlaneScalingConfig={"tier": "tier-xl"},
    )
    record = world.eks_record(made.id)
    assert record["resourcesVpcConfig"].items() >= vpc.items()
    assert (record["zonalShiftConfig"], record["deletionProtection"]) == ({"enabled": True}, True)
    assert record["controlPlaneScalingConfig"] == {"tier": "tier-xl"}
    _, inputs, outputs = world.host.read(CLUSTER, world.urn(CLUSTER, "thing"), made.id, made.inputs, made.outputs)
    assert (inputs, outputs) == (made.inputs, made.outputs)
    # The control plane's interfaces have moved: the old subnets are free, the new ones are not.
    with pytest.raises(AwsError, match="DependencyViolation"):
        world.delete(Made(SUBNET, vpc["subnetIds"][0], {}, {}))
    world.delete(world.update(made, deletionProtection=False))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "The type for cluster update was not provided"),
        ({"zonalShiftConfig": {"enabled": True}, "deletionProtection": True}, "Only one type of update"),
        (
            {"resourcesVpcConfig": {"endpointPrivateAccess": True, "securityGroupIds": ["sg-1"]}},
            "Only one type of update",
        ),
        ({"resourcesVpcConfig": {"endpointPrivateAccess": True}}, "already at the desired configuration"),
        (
            {"logging": {"clusterLogging": [{"types": ["api"], "enabled": False}]}},
            "No changes needed for the logging config",
        ),
        ({"computeConfig": {"enabled": True}}, "fully enabled or fully disabled"),
        ({"controlPlaneScalingConfig": {"tier": "tier-9xl"}}, "tier-9xl"),
        ({"resourcesVpcConfig": {"publicAccessCidrs": ["10.0.0.0/8"]}}, "not allowed in publicAccessCidrs"),
        ({"resourcesVpcConfig": {"publicAccessCidrs": ["everywhere"]}}, "invalid in publicAccessCidrs"),
    ],
)
def test_an_update_of_the_wrong_shape_is_refused(world: World, params: dict[str, Any], message: str) -> None:
    """One kind of change in a call, and no call that changes nothing."""
    with pytest.raises(ClientError, match=message) as caught:
        eks(world).update_cluster_config(name=world.cluster.id, **params)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_a_cluster_keeps_its_zones(world: World) -> None:
    """Subnets may change within the zones and the VPC of the cluster's creation only."""
    made = world.make(CLUSTER, **world.cluster_inputs())
    third = world.make(SUBNET, vpcId=world.vpc.id, cidrBlock="10.0.60.0/24", availabilityZone=f"{REGION}c")
    vpc = world.make("aws:ec2/vpc:Vpc", cidrBlock="10.7.0.0/16")
    foreign = [
        world.make(SUBNET, vpcId=vpc.id, cidrBlock=f"10.7.{index}.0/24", availabilityZone=f"{REGION}{zone}").id
        for index, zone in enumerate("ab")
    ]
    for subnets, message in (
        ([*world.subnet_ids, third.id], "exact set of AZs 'eu-west-1a,eu-west-1b'"),
        (foreign, "must belong to the VPC of the cluster"),
    ):
        with pytest.raises(AwsError, match=message):
            world.update(made, vpcConfig={"subnetIds": subnets, "endpointPrivateAccess": True})
    world.delete(made)


def test_nothing_is_changed_while_an_update_runs(world: World) -> None:
    """Updates and deletion wait for the running update."""
    cluster = world.make(CLUSTER, **world.cluster_inputs())
    record = world.eks_record(cluster.id)
    record["status"] = "UPDATING"
    for change in (
        lambda: world.update(cluster, zonalShiftConfig={"enabled": True}),
        lambda: world.update(cluster, version="1.36"),
        lambda: world.delete(cluster),
    ):
        with pytest.raises(AwsError, match=r"ResourceInUseException.*update in progress"):
            change()
    record["status"] = "ACTIVE"
    world.delete(cluster)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"controlPlaneScalingConfig": {"tier": "tier-9xl"}}, "tier-9xl"),
        ({"publicAccessCidrs": ["192.168.0.0/24"]}, "not allowed in publicAccessCidrs"),
    ],
)
def test_a_cluster_of_the_wrong_shape_is_refused(world: World, change: dict[str, Any], message: str) -> None:
    """The control plane has one of a few sizes, and private ranges do not come in by the public endpoint."""
    inputs = world.cluster_inputs()
    if "publicAccessCidrs" in change:
        change = {"vpcConfig": {**inputs["vpcConfig"], **change}}
    with pytest.raises(AwsError, match=message):
        world.make(CLUSTER, **{**inputs, **change})


# Add-ons ------------------------------------------------------------------------------------------------------------

ENI_CONFIG = {
    "create": True,
    "region": REGION,
    "subnets": {"eu-west-1a": {"id": "subnet-1", "securityGroups": ["sg-1"]}},
}


@pytest.mark.parametrize(
    ("addon", "settings"),
    [
        ("vpc-cni", {"enableNetworkPolicy": "true", "env": {"WARM_PREFIX_TARGET": "1"}, "eniConfig": ENI_CONFIG}),
        ("vpc-cni", {"nodeAgent": {"enablePolicyEventLogs": "true"}}),
        ("coredns", {"replicaCount": 2, "autoScaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 10}}),
        ("coredns", {"podDisruptionBudget": {"enabled": True, "maxUnavailable": "50%"}, "nodeSelector": {"a": "b"}}),
        ("aws-ebs-csi-driver", {"controller": {"replicaCount": 2, "nodeSelector": {"a": "b"}}, "node": {}}),
        ("aws-ebs-csi-driver", {"defaultStorageClass": {"enabled": True}}),
    ],
)
def test_settings_that_an_add_on_knows_pass(world: World, addon: str, settings: dict[str, Any]) -> None:
    """Settings by the add-on's schema are taken, as JSON, and told again."""
    text = json.dumps(settings)
    made = world.make(ADDON, clusterName=world.cluster.id, addonName=addon, configurationValues=text)
    assert made["configurationValues"] == text
    world.delete(made)


@pytest.mark.parametrize(
    ("addon", "settings", "message"),
    [
        ("vpc-cni", {"networkPolicy": "true"}, r"\$\.networkPolicy: is not defined in the schema"),
        ("vpc-cni", {"enableNetworkPolicy": True}, r"\$\.enableNetworkPolicy: boolean found, string expected"),
        ("vpc-cni", {"env": {"WARM_PREFIXES": "1"}}, r"\$\.env\.WARM_PREFIXES: is not defined"),
        ("vpc-cni", {"env": {"WARM_PREFIX_TARGET": 1}}, r"\$\.env\.WARM_PREFIX_TARGET: integer found"),
        ("vpc-cni", {"eniConfig": {"create": True, "region": REGION}}, r"\$\.eniConfig\.subnets: is missing"),
        (
            "vpc-cni",
            {"eniConfig": {**ENI_CONFIG, "subnets": {"eu-west-1a": {"securityGroups": []}}}},
            r"\$\.eniConfig\.subnets\.eu-west-1a\.id: is missing",
        ),
        ("coredns", {"replicas": 2}, r"\$\.replicas: is not defined"),
        ("coredns", {"replicaCount": "2"}, r"\$\.replicaCount: string found, integer expected"),
        ("coredns", {"autoScaling": {"minReplicas": 2}}, r"\$\.autoScaling\.enabled: is missing"),
        ("aws-ebs-csi-driver", {"nodeSelector": {"a": "b"}}, r"\$\.nodeSelector: is not defined"),
        ("aws-ebs-csi-driver", {"controller": {"replicas": 2}}, r"\$\.controller\.replicas: is not defined"),
        ("kube-proxy", {"mode": "ipvs"}, "settings of add-on kube-proxy are not known here"),
    ],
)
def test_settings_that_an_add_on_does_not_know_are_refused(
    world: World, addon: str, settings: dict[str, Any], message: str
) -> None:
    """What the schema lacks is refused in EKS's words, on creation and on a change; an unknown schema is said so."""
    inputs = {"clusterName": world.cluster.id, "addonName": addon}
    with pytest.raises(AwsError, match=message):
        world.make(ADDON, **inputs, configurationValues=json.dumps(settings))
    made = world.make(ADDON, **inputs)
    with pytest.raises(AwsError, match=message):
        world.update(made, configurationValues=json.dumps(settings))
    world.delete(made)


def test_the_schema_of_settings_is_told(world: World) -> None:
    """DescribeAddonConfiguration answers with the schema by which settings are judged."""
    answer = eks(world).describe_addon_configuration(addonName="coredns", addonVersion="v1.14.2-eksbuild.1")
    assert "replicaCount" in json.loads(answer["configurationSchema"])["properties"]


# Access -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy",
    [
        "AmazonEKSClusterAdminPolicy",
        "AmazonEKSAdminPolicy",
        "AmazonEKSEditPolicy",
        "AmazonEKSViewPolicy",
        "AmazonEKSAdminViewPolicy",
        "AmazonEKSSecretReaderPolicy",
    ],
)
def test_the_access_policies_of_people_exist(world: World, policy: str) -> None:
    """EKS's policies for people can be given to an access entry."""
    made = world.make(
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        clusterName=world.cluster.id,
        principalArn=world.entry["principalArn"],
        policyArn=f"arn:aws:eks::aws:cluster-access-policy/{policy}",
        accessScope={"type": "cluster"},
    )
    world.delete(made)


def test_the_role_of_nodes_exists(world: World) -> None:
    """An entry for nodes names a role of the account; an entry for people may name one outside of the sandbox."""
    nobody = "arn:aws:iam::123456789012:role/nobody"
    inputs = {"clusterName": world.cluster.id, "principalArn": nobody}
    with pytest.raises(AwsError, match="InvalidParameterException"):
        world.make(ENTRY, **inputs, type="EC2_LINUX")
    world.delete(world.make(ENTRY, **inputs))
    nodes = EXAMPLES[ENTRY].inputs(world)["principalArn"]
    world.delete(world.make(ENTRY, clusterName=world.cluster.id, principalArn=nodes, type="EC2_LINUX"))

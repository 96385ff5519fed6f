"""The cluster, its add-ons, its base nodes and the Spot role, as registered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pulumi
import pytest

from components.eks.access import Access
from components.eks.addons import AddonIdentity, Addons, AddonsArgs, AddonSpec
from components.eks.cluster import Cluster, ClusterArgs
from components.eks.nodes import BaseNodeGroup, BaseNodeGroupArgs
from components.eks.spot import SpotServiceLinkedRole
from components.eks.transforms import complete_cluster
from components.place import Place
from tests.captures import Capture
from tests.conftest import CaptureProgram

ADMIN = "arn:aws:iam::123456789012:role/platform-admin"
SPOT = "arn:aws:iam::123456789012:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
PLACE = Place(region="ap-northeast-2", partition="aws", account_id="123456789012", tags={"Project": "demo"})
CLUSTER = ClusterArgs(
    cluster_name="demo",
    version="1.36",
    vpc_id="vpc-1",
    subnet_ids=["subnet-1", "subnet-2"],
    access=Access(administrators={"platform": ADMIN}),
    public_access_cidrs=[],
    service_cidr="172.20.0.0/16",
    log_retention_days=30,
    deletion_protection=False,
    place=PLACE,
)
NODES = BaseNodeGroupArgs(
    cluster_name="demo",
    ready_cluster_name="demo",
    subnet_ids=["subnet-1", "subnet-2"],
    instance_type="t3.medium",
    min_size=2,
    desired_size=2,
    max_size=3,
    release_version="1.36.2-20260714",
    disk_gib=30,
    max_pods=110,
    after=[],
    place=PLACE,
)


def in_order() -> None:
    """Register cluster, add-ons, nodes and add-ons as a stack does."""
    cluster = Cluster("cluster", CLUSTER)
    cni = AddonSpec(
        version="v1",
        identity=AddonIdentity(service_account="aws-node", policy="AmazonEKS_CNI_Policy"),
        configuration="{}",
    )
    before = Addons(
        "addons",
        AddonsArgs(ready_cluster_name=cluster.cluster_name, addons={"vpc-cni": cni}, place=PLACE, cluster_name="demo"),
    )
    nodes = BaseNodeGroup("nodes", replace(NODES, ready_cluster_name=before.cluster_name))
    Addons(
        "node-addons",
        AddonsArgs(
            ready_cluster_name=nodes.cluster_name,
            addons={"coredns": AddonSpec(version="v1")},
            place=PLACE,
            cluster_name="demo",
        ),
    )


@pytest.fixture(scope="module")
def whole(capture: CaptureProgram) -> Capture:
    return capture(in_order)


def test_only_access_entries_open_the_cluster(whole: Capture) -> None:
    """The API mode is on, and each administrator is a named role with the cluster-wide policy."""
    inputs = whole.one("eks:index:Cluster", "cluster").inputs
    assert inputs["authenticationMode"] == "API"
    assert set(inputs["accessEntries"]) == {"platform"}
    entry = inputs["accessEntries"]["platform"]
    assert entry["principalArn"] == ADMIN
    assert entry["accessPolicies"]["admin"]["accessScope"]["type"] == "cluster"


def test_control_plane_is_closed_logged_encrypted_and_in_standard_support(whole: Capture) -> None:
    """Without an allow-list there is no public endpoint; logs, envelope key and upgrade policy are set."""
    inputs = whole.one("eks:index:Cluster", "cluster").inputs
    assert (inputs["endpointPrivateAccess"], inputs["endpointPublicAccess"]) == (True, False)
    assert sorted(inputs["enabledClusterLogTypes"]) == [
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    ]
    assert inputs["encryptionConfigKeyArn"].startswith("arn:aws:kms:")
    assert inputs["upgradePolicy"] == {"supportType": "STANDARD"}
    assert inputs["bootstrapSelfManagedAddons"] is False


def test_public_endpoint_opens_for_the_allow_list_only(capture: CaptureProgram) -> None:
    """With an allow-list the public endpoint is on, for those ranges."""
    seen = capture(lambda: Cluster("cluster", replace(CLUSTER, public_access_cidrs=["203.0.113.0/24"])))
    inputs = seen.one("eks:index:Cluster", "cluster").inputs
    assert inputs["endpointPublicAccess"] is True
    assert inputs["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_log_group_is_there_before_the_cluster(whole: Capture) -> None:
    """EKS would make it itself, for ever and unencrypted, if the cluster came first."""
    cluster = whole.one("eks:index:Cluster", "cluster")
    group = whole.one("aws:cloudwatch/logGroup:LogGroup", "cluster-logs")
    assert group.inputs["name"] == "/aws/eks/demo/cluster"
    assert group.inputs["retentionInDays"] == 30
    assert group.inputs["kmsKeyId"]
    assert group.urn in cluster.property_dependencies["name"]


def test_role_has_its_policy_before_the_cluster_uses_it(whole: Capture) -> None:
    """The policy is attached before the cluster comes and detached after it has gone."""
    cluster = whole.one("eks:index:Cluster", "cluster")
    attachment = whole.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "cluster-control-plane")
    assert attachment.inputs["policyArn"] == "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    assert attachment.urn in cluster.property_dependencies["serviceRole"]


def test_order_is_cluster_cni_nodes_dns(whole: Capture) -> None:
    """Each step needs the one before: networking before nodes, DNS after nodes."""
    cluster = whole.one("eks:index:Cluster", "cluster").urn
    cni = whole.one("aws:eks/addon:Addon", "addons-vpc-cni")
    nodes = whole.one("aws:eks/nodeGroup:NodeGroup", "nodes")
    dns = whole.one("aws:eks/addon:Addon", "node-addons-coredns")
    assert cluster in whole.needs(cni)
    assert cni.urn in whole.needs(nodes)
    assert nodes.urn in whole.needs(dns)
    assert dns.urn not in whole.needs(nodes)


def test_cni_has_an_identity_of_its_own(whole: Capture) -> None:
    """The CNI's rights hang on its service account, and neither on the nodes nor on another cluster."""
    addon = whole.one("aws:eks/addon:Addon", "addons-vpc-cni")
    attachment = whole.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "addons-vpc-cni")
    role = whole.one("aws:iam/role:Role", "addons-vpc-cni")
    assert [a["serviceAccount"] for a in addon.inputs["podIdentityAssociations"]] == ["aws-node"]
    assert attachment.urn in addon.dependencies
    (association,) = addon.inputs["podIdentityAssociations"]
    assert ":role/addons-vpc-cni" in association["roleArn"]
    condition = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]["Condition"]["StringEquals"]
    assert condition["aws:RequestTag/eks-cluster-arn"] == "arn:aws:eks:ap-northeast-2:123456789012:cluster/demo"
    assert condition["aws:RequestTag/kubernetes-service-account"] == "aws-node"
    node_policies = {
        r.inputs["policyArn"].rpartition("/")[2]
        for r in whole.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if r.name.startswith("nodes-")
    }
    assert node_policies == {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonSSMManagedInstanceCore",
    }


def test_base_nodes_are_on_demand_hardened_and_never_karpenters(whole: Capture) -> None:
    """On-demand AL2023 at a pinned release, IMDSv2 at hop 1, encrypted gp3, no label of a NodePool."""
    nodes = whole.one("aws:eks/nodeGroup:NodeGroup", "nodes")
    template = whole.one("aws:ec2/launchTemplate:LaunchTemplate", "nodes").inputs
    assert nodes.inputs["capacityType"] == "ON_DEMAND"
    assert ":role/nodes" in nodes.inputs["nodeRoleArn"]
    assert nodes.inputs["amiType"] == "AL2023_x86_64_STANDARD"
    assert (nodes.inputs["version"], nodes.inputs["releaseVersion"]) == ("1.36", "1.36.2-20260714")
    assert "karpenter.sh/nodepool" not in nodes.inputs["labels"]
    assert nodes.inputs["nodeRepairConfig"] == {"enabled": True}
    assert nodes.inputs["updateConfig"] == {"maxUnavailable": 1}
    assert nodes.ignore_changes == ("scalingConfig.desiredSize",)
    metadata = template["metadataOptions"]
    assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 1)
    disk = template["blockDeviceMappings"][0]["ebs"]
    assert (disk["volumeType"], disk["encrypted"]) == ("gp3", "true")
    assert "keyName" not in template


def test_boundary_reaches_every_role(capture: CaptureProgram) -> None:
    """A permissions boundary from the settings is on each role that the components make."""
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    bounded = replace(PLACE, permissions_boundary=boundary)

    def program() -> None:
        Cluster("cluster", replace(CLUSTER, place=bounded))
        BaseNodeGroup("nodes", replace(NODES, place=bounded))

    roles = capture(program).of_type("aws:iam/role:Role")
    assert len(roles) == 2
    assert {role.inputs["permissionsBoundary"] for role in roles} == {boundary}


@pytest.mark.parametrize("protection", [True, False])
def test_deletion_protection_is_aws_and_pulumis(capture: CaptureProgram, protection: bool) -> None:
    """The switch sets AWS's protection and Pulumi's, of the cluster and its key, or nothing; access stays revocable."""
    seen = capture(lambda: Cluster("cluster", replace(CLUSTER, deletion_protection=protection)))
    cluster = seen.one("aws:eks/cluster:Cluster", "cluster-eksCluster")
    assert cluster.inputs["deletionProtection"] is protection
    assert cluster.protect is protection
    assert seen.one("aws:kms/key:Key", "cluster-secrets").protect is protection
    others = {"cluster-eksCluster", "cluster-secrets"}
    assert not any(r.protect for r in seen.resources if r.name not in others)


def test_each_kind_of_access_has_its_policy(capture: CaptureProgram) -> None:
    """Apply installs CRDs and so administers, read sees no Secrets, and break-glass can be told apart."""
    names = ("administrators", "break_glass", "ci_apply", "ci_read")
    roles = {name: f"arn:aws:iam::123456789012:role/{name}" for name in names}
    access = Access(**{name: {name: role} for name, role in roles.items()})
    seen = capture(lambda: Cluster("cluster", replace(CLUSTER, access=access)))
    entries = {r.inputs["principalArn"]: r for r in seen.of_type("aws:eks/accessEntry:AccessEntry")}
    assert {arn: entry.name for arn, entry in entries.items()} == {
        role: f"cluster-{name}" for name, role in roles.items()
    }
    policies = {
        r.inputs["principalArn"].rpartition("/")[2]: (r.name, r.inputs["policyArn"].rpartition("/")[2])
        for r in seen.of_type("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    }
    assert policies == {
        "administrators": ("cluster-administrators-admin", "AmazonEKSClusterAdminPolicy"),
        "break_glass": ("cluster-break_glass-admin", "AmazonEKSClusterAdminPolicy"),
        "ci_apply": ("cluster-ci_apply-admin", "AmazonEKSClusterAdminPolicy"),
        "ci_read": ("cluster-ci_read-view", "AmazonEKSViewPolicy"),
    }
    assert [arn for arn, entry in entries.items() if entry.inputs.get("tags") == {"access": "break-glass"}] == [
        roles["break_glass"]
    ]


def test_transform_leaves_everything_but_the_cluster_alone() -> None:
    """Children of other types go through as they are; the cluster keeps what it has."""
    other = pulumi.ResourceTransformArgs(True, "aws:eks/accessEntry:AccessEntry", "entry", {}, pulumi.ResourceOptions())
    props = {"name": "demo", "accessConfig": {"authenticationMode": "API"}}
    cluster = pulumi.ResourceTransformArgs(True, "aws:eks/cluster:Cluster", "demo", props, pulumi.ResourceOptions())
    complete = complete_cluster(protect=False)
    assert complete(other) is None
    completed = complete(cluster)
    assert completed is not None
    assert completed.props == {
        "name": "demo",
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        "zonalShiftConfig": {"enabled": True},
    }
    assert completed.opts.protect is None


def test_an_identity_may_carry_documents_of_its_own(capture: CaptureProgram) -> None:
    """Each document becomes a policy that is attached before the add-on's pods start."""
    document = {"Version": "2012-10-17", "Statement": []}
    wanted = AddonIdentity(service_account="ebs-csi-controller-sa", documents={"volumes": document})

    def program() -> None:
        spec = AddonSpec(version="v1", configuration=pulumi.Output.from_input("{}"), identity=wanted)
        Addons(
            "addons",
            AddonsArgs(cluster_name="demo", ready_cluster_name="demo", addons={"csi": spec}, place=PLACE),
        )

    seen = capture(program)
    policy = seen.one("aws:iam/policy:Policy", "addons-csi-volumes")
    attachment = seen.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "addons-csi-volumes")
    addon = seen.one("aws:eks/addon:Addon", "addons-csi")
    assert json.loads(policy.inputs["policy"]) == document
    assert attachment.source("policyArn") == policy.urn
    assert attachment.urn in addon.dependencies
    assert addon.inputs["configurationValues"] == "{}"


def test_an_identity_without_a_right_is_refused() -> None:
    """A role that allows nothing is a mistake, found before anything is registered."""
    with pytest.raises(ValueError, match="name a policy or a document"):
        AddonIdentity(service_account="aws-node")


def spot_program() -> None:
    """Register the Spot role as a stack does."""
    SpotServiceLinkedRole("spot", pulumi.InvokeOptions())


@pytest.mark.parametrize(("existing", "imported"), [([], ""), ([SPOT], SPOT)])
def test_spot_role_is_made_or_taken_over_and_never_deleted(
    capture: CaptureProgram, existing: list[str], imported: str
) -> None:
    """Absent it is made, present it is imported: under one URN, kept on destroy."""
    seen = capture(spot_program, functions={"aws:iam/getRoles:getRoles": {"arns": existing, "names": []}})
    role = seen.one("aws:iam/serviceLinkedRole:ServiceLinkedRole", "spot")
    assert role.import_id == imported
    assert role.retain_on_delete is True
    assert set(role.ignore_changes) == {"description", "tags", "customSuffix"}
    assert seen.urns[-1].endswith("::spot")


@pytest.mark.parametrize("program", [in_order])
def test_every_component_shows_its_outputs_and_owns_its_children(
    capture: CaptureProgram, program: Callable[[], None]
) -> None:
    """No child hangs on the stack itself, and each component registers outputs."""
    seen = capture(program)
    components = [r for r in seen.resources if r.type.startswith("platform:")]
    assert {r.urn for r in components} <= set(seen.outputs)
    parents = {r.urn for r in components} | {r.urn for r in seen.resources if r.remote or r.custom}
    assert all(r.parent in parents for r in seen.resources if not r.type.startswith("platform:"))

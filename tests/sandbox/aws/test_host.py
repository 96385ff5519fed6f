"""The host's part of Pulumi's protocol: configuration, names, differences, drift, functions."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.aws import AwsHost
from sandbox.aws.rows import ROWS
from sandbox.aws.schema import schema
from sandbox.protocol import CONNECTION, UNKNOWN, DiffResult, HostError
from tests.sandbox.aws.examples import EXAMPLES, node_group
from tests.sandbox.aws.world import ACCOUNT, REGION, Made, World, allow, trust

ROLE = "aws:iam/role:Role"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
QUEUE = "aws:sqs/queue:Queue"


def diff(world: World, made: Made, news: dict[str, Any]) -> DiffResult:
    return world.host.diff(made.token, world.urn(made.token, "thing"), made.outputs, made.inputs, news)


def refresh(world: World, made: Made) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return world.host.read(made.token, world.urn(made.token, "thing"), made.id, made.inputs, made.outputs)


# Unknown things ----------------------------------------------------------------------------------------------------


def test_an_unknown_type_names_the_file_that_lacks_it(world: World) -> None:
    """A type without a row is never passed in silence."""
    with pytest.raises(
        HostError, match="aws:rds/instance:Instance is not served; add a row for it in sandbox/aws/rows"
    ):
        world.check("aws:rds/instance:Instance", {})


def test_an_unknown_function_names_the_file_that_lacks_it(world: World) -> None:
    """A function that is not served is never passed in silence."""
    with pytest.raises(HostError, match=r"getAmi is not served; add an entry to INVOKES in sandbox/aws/invokes\.py"):
        world.host.invoke("aws:ec2/getAmi:getAmi", {})


def test_an_unmapped_input_names_the_row(world: World) -> None:
    """An input that the provider has and the row does not map is an error."""
    with pytest.raises(HostError, match="aws:ec2/routeTable:RouteTable: input routes has no mapping"):
        world.check("aws:ec2/routeTable:RouteTable", {"vpcId": "vpc-1", "routes": []})


def test_an_unmapped_nested_input_names_the_row(world: World) -> None:
    """The same holds inside of objects."""
    inputs = world.cluster_inputs(vpcConfig={"subnetIds": world.subnet_ids, "nonsense": "x"})
    with pytest.raises(HostError, match=r"input vpcConfig\.nonsense has no mapping"):
        world.check("aws:eks/cluster:Cluster", inputs)


def test_a_missing_input_is_named(world: World) -> None:
    """An input that the provider requires has to be there."""
    with pytest.raises(HostError, match="missing required input assumeRolePolicy"):
        world.check(ROLE, {})


def test_botocore_finds_wrong_types(world: World) -> None:
    """Values of the wrong type are refused before anything is called."""
    with pytest.raises(HostError, match="Invalid type for parameter CidrBlock"):
        world.check("aws:ec2/vpc:Vpc", {"cidrBlock": ["10.0.0.0/16"]})


# Configuration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Missing region configuration"),
        ({"region": "eu-nowhere-1"}, "invalid AWS Region: eu-nowhere-1"),
        ({"region": REGION, "allowedAccountIds": '["999999999999"]'}, "AWS account ID not allowed: 123456789012"),
        ({"region": REGION, "forbiddenAccountIds": f'["{ACCOUNT}"]'}, "AWS account ID not allowed: 123456789012"),
        ({"region": REGION, "nonsense": "x"}, "the AWS provider has no setting nonsense"),
        ({"region": REGION, "endpoints": "[]"}, "provider setting endpoints is not served"),
    ],
)
def test_a_configuration_that_cannot_be_served_is_refused(world: World, values: dict[str, Any], message: str) -> None:
    """Wrong account, wrong region and settings without effect here end before the first resource."""
    with pytest.raises(HostError, match=message):
        AwsHost(world.endpoint, world.effects).configure(values)


def test_two_provider_instances_keep_their_own_region(world: World) -> None:
    """Each instance of a program comes by its own connection, and its resources land in its own region."""
    host = world.host
    for connection, region in (("one", "eu-central-1"), ("two", "us-east-1")):
        token = CONNECTION.set(connection)
        host.configure({"region": region})
        CONNECTION.reset(token)
    found = {}
    for connection in ("one", "two"):
        token = CONNECTION.set(connection)
        found[connection] = world.make(QUEUE, "regional")
        CONNECTION.reset(token)
    assert found["one"]["arn"].split(":")[3] == "eu-central-1"
    assert found["two"]["arn"].split(":")[3] == "us-east-1"
    # A resource carries its region, so that whoever deletes it finds it.
    for made in found.values():
        world.delete(made)
        assert refresh(world, made)[0] == ""


# Names -------------------------------------------------------------------------------------------------------------


def test_a_name_is_made_once_and_kept(world: World) -> None:
    """An automatic name is logical name and seven hex digits; an update keeps it, a replacement makes a new one."""
    first = world.check(LOG_GROUP, {}, "logs")
    assert first["name"].startswith("logs-")
    assert len(first["name"]) == len("logs-") + 7
    assert world.check(LOG_GROUP, {"retentionInDays": 7}, "logs", olds=first)["name"] == first["name"]
    assert world.check(LOG_GROUP, {}, "logs")["name"] != first["name"]


def test_an_automatic_name_respects_the_limit(world: World) -> None:
    """The logical name is cut so that the whole fits."""
    assert len(world.check(ROLE, {"assumeRolePolicy": trust("ec2.amazonaws.com")}, "r" * 100)["name"]) == 64


def test_a_prefix_begins_the_name(world: World) -> None:
    """A name prefix takes the place of the logical name."""
    first = world.check(LOG_GROUP, {"namePrefix": "app/"}, "logs")
    assert first["name"].startswith("app/")
    assert world.check(LOG_GROUP, {"namePrefix": "app/"}, "logs", olds=first)["name"] == first["name"]
    assert world.check(LOG_GROUP, {"namePrefix": "web/"}, "logs", olds=first)["name"].startswith("web/")


# Differences -------------------------------------------------------------------------------------------------------


def test_policies_compare_by_content(world: World) -> None:
    """Spacing, order of keys and of lists, and one-item lists are no change; another action is."""
    token = "aws:iam/policy:Policy"
    made = world.make(token, policy=allow("s3:Get*", "s3:List*"))
    statement = {"Resource": ["*"], "Action": ["s3:List*", "s3:Get*"], "Effect": "Allow"}
    same = json.dumps({"Statement": [statement], "Version": "2012-10-17"}, indent=4)
    assert diff(world, made, world.check(token, {"policy": same}, olds=made.inputs)).changed == ()
    other = world.check(token, {"policy": allow("s3:Put*")}, olds=made.inputs)
    assert diff(world, made, other).changed == ("policy",)
    world.delete(made)


@pytest.mark.parametrize(("named", "delete_first"), [(True, True), (False, False)])
def test_a_fixed_name_is_freed_first(world: World, named: bool, delete_first: bool) -> None:
    """A replacement under the same chosen name deletes first; under an automatic one it creates first."""
    name = {"name": "fixed"} if named else {}
    inputs = {"assumeRolePolicy": trust("ec2.amazonaws.com"), **name}
    made = Made(ROLE, "id", world.check(ROLE, inputs), {})
    result = diff(world, made, world.check(ROLE, {**inputs, "path": "/other/"}, olds=made.inputs))
    assert result == DiffResult(changed=("path",), replace=("path",), delete_first=delete_first)


def test_an_identifier_that_changes_needs_no_deletion_first(world: World) -> None:
    """An add-on of another cluster does not stand in the way of the old one."""
    token = "aws:eks/addon:Addon"
    made = Made(token, "id", world.check(token, {"clusterName": "a", "addonName": "vpc-cni"}), {})
    news = world.check(token, {"clusterName": "b", "addonName": "vpc-cni"})
    assert diff(world, made, news) == DiffResult(changed=("clusterName",), replace=("clusterName",))


def test_an_unknown_value_counts_as_a_change(world: World) -> None:
    """What is not known yet may differ, and replaces where a change would."""
    token = "aws:ec2/subnet:Subnet"
    inputs = EXAMPLES[token].inputs(world)
    made = Made(token, "id", world.check(token, inputs), {})
    news = world.check(token, {**inputs, "vpcId": UNKNOWN}, olds=made.inputs)
    assert diff(world, made, news).replace == ("vpcId",)


def test_other_default_tags_update_in_place(world: World) -> None:
    """New default tags of the provider reach resources that exist."""
    made = world.make(QUEUE, tags={"own": "1"})
    token = CONNECTION.set("retagged")
    world.host.configure({"region": REGION, "defaultTags": json.dumps({"tags": {"team": "a"}})})
    assert diff(world, made, made.inputs) == DiffResult(changed=("tagsAll",))
    updated = world.update(made)
    CONNECTION.reset(token)
    assert updated["tagsAll"] == {"team": "a", "own": "1"}
    world.delete(made)


# Drift -------------------------------------------------------------------------------------------------------------


def test_refresh_sees_what_changed_outside(world: World) -> None:
    """Tags and retention that someone changed show in inputs and outputs, and `up` would put them back."""
    made = world.make(LOG_GROUP, retentionInDays=30, tags={"a": "b"})
    logs = world.client("logs")
    logs.put_retention_policy(logGroupName=made.id, retentionInDays=90)
    logs.tag_resource(resourceArn=made["arn"], tags={"a": "changed", "new": "1"})
    _, inputs, outputs = refresh(world, made)
    assert inputs["retentionInDays"] == outputs["retentionInDays"] == 90
    assert inputs["tags"] == outputs["tags"] == {"a": "changed", "new": "1"}
    drifted = Made(made.token, made.id, inputs, outputs)
    assert diff(world, drifted, made.inputs).changed == ("retentionInDays", "tags")
    world.delete(made)


def test_refresh_sees_what_was_taken_away(world: World) -> None:
    """A key that someone took from a log group is missed; a resource that is gone has no id."""
    made = world.make(LOG_GROUP, kmsKeyId=world.key["arn"])
    world.client("logs").disassociate_kms_key(logGroupName=made.id)
    _, inputs, outputs = refresh(world, made)
    assert "kmsKeyId" not in inputs
    assert "kmsKeyId" not in outputs
    world.client("logs").delete_log_group(logGroupName=made.id)
    assert refresh(world, made) == ("", {}, {})


def test_other_resources_are_no_drift(world: World) -> None:
    """A role whose policies come from attachments, or a queue with a policy of its own resource, has not changed."""
    role = world.role("eks.amazonaws.com")
    policy = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    world.make("aws:iam/rolePolicyAttachment:RolePolicyAttachment", role=role.id, policyArn=policy)
    world.make("aws:iam/rolePolicy:RolePolicy", role=role.id, policy=allow("s3:Get*"))
    queue = world.make(QUEUE)
    policy = allow("sqs:*", resource=queue["arn"], Principal="*")
    world.make("aws:sqs/queuePolicy:QueuePolicy", queueUrl=queue.id, policy=policy)
    for made in (role, queue):
        assert refresh(world, made) == (made.id, made.inputs, made.outputs)


def test_a_service_linked_role_is_found_by_its_arn(world: World) -> None:
    """A role that exists already can be adopted by import, and the program's inputs match it."""
    token = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
    made = world.make(token, awsServiceName="spot.amazonaws.com")
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
    rid, inputs, outputs = world.host.read(token, world.urn(token, "spot"), arn, {}, {})
    assert (rid, inputs, outputs["name"]) == (arn, {"awsServiceName": "spot.amazonaws.com"}, "AWSServiceRoleForEC2Spot")
    found = world.host.invoke("aws:iam/getRoles:getRoles", {"nameRegex": "^AWSServiceRoleForEC2Spot$"})
    assert found["arns"] == [arn]
    world.delete(made)


def test_an_id_of_the_wrong_form_is_refused(world: World) -> None:
    """Importing by an id that cannot be the type's says which form it has."""
    token = "aws:eks/addon:Addon"
    with pytest.raises(HostError, match=r"unexpected format for ID \(nonsense\).*\{clusterName\}:\{addonName\}"):
        world.host.read(token, world.urn(token, "x"), "nonsense", {}, {})


# EKS ---------------------------------------------------------------------------------------------------------------


def test_a_cluster_tells_what_eks_tells(world: World) -> None:
    """Endpoint and certificate are those of the real API server; EKS's security group and issuer are there."""
    made = world.make("aws:eks/cluster:Cluster", "shape", **world.cluster_inputs(enabledClusterLogTypes=["api"]))
    assert made["endpoint"] == "https://127.0.0.1:6443"
    assert made["certificateAuthority"] == {"data": "Q0VSVA=="}
    assert made["status"] == "ACTIVE"
    assert made["arn"] == f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{made.id}"
    assert made["vpcConfig"]["vpcId"] == world.vpc.id
    assert made["kubernetesNetworkConfig"]["ipFamily"] == "ipv4"
    assert made["upgradePolicy"] == {"supportType": "EXTENDED"}
    assert made["identities"][0]["oidcs"][0]["issuer"].startswith(f"https://oidc.eks.{REGION}.amazonaws.com/id/")
    group_id = made["vpcConfig"]["clusterSecurityGroupId"]
    group = world.client("ec2").describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    assert group["GroupName"].startswith(f"eks-cluster-sg-{made.id}-")
    assert {"Key": "aws:eks:cluster-name", "Value": made.id} in group["Tags"]
    logs = world.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/eks/{made.id}/cluster")["logGroups"]
    assert "retentionInDays" not in logs[0]
    world.delete(made)
    assert f"cluster {made.id} deleted" in world.effects.events
    assert f"{REGION}/{group_id}" not in world.inventory("ec2")["ec2"]["security groups"]


def test_a_node_group_brings_its_nodes(world: World) -> None:
    """Kubernetes is told instance type, size, labels, taints and zones, and told again when they change."""
    made = world.make("aws:eks/nodeGroup:NodeGroup", **node_group(world))
    spec = world.effects.specs[-1]
    assert (spec.cluster, spec.instance_type, spec.desired) == (world.cluster.id, "t3.large", 2)
    assert spec.labels == {"role": "base", "old": "yes"}
    assert spec.taints == ({"key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"},)
    assert (spec.zones, spec.capacity_type, spec.region) == (("eu-west-1a", "eu-west-1b"), "ON_DEMAND", REGION)
    made = world.update(made, scalingConfig={"minSize": 1, "desiredSize": 3, "maxSize": 3})
    assert world.effects.specs[-1].desired == 3
    world.delete(made)
    assert world.effects.events[-1] == f"node group {made['nodeGroupName']} deleted"


def test_a_node_group_takes_the_instance_type_of_its_template(world: World) -> None:
    """Without types of its own, a group has the launch template's."""
    template = world.make("aws:ec2/launchTemplate:LaunchTemplate", instanceType="m6i.large")
    inputs = {**node_group(world), "launchTemplate": {"id": template.id, "version": "$Latest"}, "instanceTypes": None}
    made = world.make("aws:eks/nodeGroup:NodeGroup", **inputs)
    assert world.effects.specs[-1].instance_type == "m6i.large"
    world.delete(made)


def test_a_preview_does_not_know_the_next_version_of_a_launch_template(world: World) -> None:
    """So the node group that takes it shows a change, and people see that its nodes will be replaced."""
    token, urn = "aws:ec2/launchTemplate:LaunchTemplate", world.urn("aws:ec2/launchTemplate:LaunchTemplate", "thing")
    made = world.make(token, instanceType="m6i.large", updateDefaultVersion=True)
    news = world.check(token, {"instanceType": "m6i.xlarge", "updateDefaultVersion": True}, olds=made.inputs)
    outputs = world.host.update_from(token, urn, made.id, made.outputs, made.inputs, news, True)
    assert (outputs["latestVersion"], outputs["defaultVersion"]) == (UNKNOWN, UNKNOWN)
    assert outputs["arn"] == made["arn"]
    world.delete(made)


def test_everything_of_eks_is_there_for_other_clients(world: World) -> None:
    """What the host creates, any client of the endpoint sees; what moto lacks included."""
    made = world.make("aws:eks/addon:Addon", clusterName=world.cluster.id, addonName="coredns")
    assert world.client("eks").list_addons(clusterName=world.cluster.id)["addons"] == ["coredns"]
    world.delete(made)


# Functions ---------------------------------------------------------------------------------------------------------


def test_functions_answer(world: World) -> None:
    """Account, partition, region, zones, add-on version and image parameter come as the provider gives them."""
    ask = world.host.invoke
    assert ask("aws:index/getCallerIdentity:getCallerIdentity", {})["accountId"] == ACCOUNT
    assert ask("aws:index/getPartition:getPartition", {})["partition"] == "aws"
    assert ask("aws:index/getRegion:getRegion", {})["region"] == REGION
    wanted = {"state": "available", "excludeNames": ["eu-west-1c"]}
    zones = ask("aws:index/getAvailabilityZones:getAvailabilityZones", wanted)
    assert zones["names"] == ["eu-west-1a", "eu-west-1b"]
    version = ask("aws:eks/getAddonVersion:getAddonVersion", {"addonName": "kube-proxy", "kubernetesVersion": "1.36"})
    assert version["version"].startswith("v1.36.")
    name = "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/x86_64/standard/recommended/image_id"
    assert ask("aws:ssm/getParameter:getParameter", {"name": name})["value"].startswith("ami-")


def test_a_parameter_that_is_not_there_is_refused(world: World) -> None:
    """Neither an unknown parameter nor the image of an unknown version is made up."""
    image = "/aws/service/eks/optimized-ami/1.29/amazon-linux-2023/x86_64/standard/recommended/image_id"
    for name in ("/nothing", image):
        with pytest.raises(HostError, match="ParameterNotFound"):
            world.host.invoke("aws:ssm/getParameter:getParameter", {"name": name})


def test_a_policy_document_is_rendered(world: World) -> None:
    """One value is text, several are a list, as IAM documents are written."""
    args = {
        "statements": [
            {
                "sid": "A",
                "actions": ["s3:Get*"],
                "resources": ["a", "b"],
                "principals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}],
                "conditions": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": [ACCOUNT]}],
            }
        ]
    }
    document = json.loads(world.host.invoke("aws:iam/getPolicyDocument:getPolicyDocument", args)["json"])
    assert document["Statement"] == [
        {
            "Sid": "A",
            "Effect": "Allow",
            "Action": "s3:Get*",
            "Resource": ["b", "a"],
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ]


# Under load --------------------------------------------------------------------------------------------------------


def test_the_engine_may_call_in_parallel(world: World) -> None:
    """Eight threads create and delete without getting into each other's way."""
    before = world.inventory("ec2", "iam", "sqs")

    def cycle(index: int) -> None:
        kind = index % 3
        if kind == 0:
            made = world.make("aws:ec2/vpc:Vpc", f"vpc-{index}", cidrBlock="10.5.0.0/16")
        elif kind == 1:
            made = world.make(QUEUE, f"queue-{index}")
        else:
            made = world.make(ROLE, f"role-{index}", assumeRolePolicy=trust("ec2.amazonaws.com"))
        assert refresh(world, made) == (made.id, made.inputs, made.outputs)
        world.delete(made)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(cycle, range(48)))
    assert world.inventory("ec2", "iam", "sqs") == before


def test_a_half_made_resource_is_taken_back(world: World) -> None:
    """When a call after the first one fails, nothing remains that the engine does not know of."""
    before = world.inventory("iam")
    inputs = {"assumeRolePolicy": trust("ec2.amazonaws.com"), "managedPolicyArns": ["arn:aws:iam::aws:policy/Nothing"]}
    with pytest.raises(HostError, match="NoSuchEntity"):
        world.make(ROLE, **inputs)
    assert world.inventory("iam") == before


def test_keys_that_wait_for_deletion_stand_apart(world: World) -> None:
    """A deleted key is named as what AWS removes later, neither hidden nor counted as left."""
    made = world.make("aws:kms/key:Key")
    world.delete(made)
    found = world.emulator.inventory(["kms"])
    assert f"{REGION}/{made.id}" in found["pending deletion"]["kms keys"]
    assert f"{REGION}/{made.id}" not in found.get("kms", {}).get("keys", [])


def test_rows_name_only_inputs_and_outputs_that_exist() -> None:
    """A misspelt name in a row would never take effect."""
    for token, row in ROWS.items():
        known = {*schema(token).inputs, *schema(token).outputs, "*"}
        named = {name for key in [*row.set, *row.unset] for name in key.split()}
        named |= {*row.out, *row.takes, *row.local, *row.defaults, *row.volatile, *row.moves, *row.ordered}
        named |= {name.partition(".")[0] for name in (*row.rename, *row.computed)}
        assert named <= known, token

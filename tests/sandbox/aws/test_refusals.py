"""What AWS would refuse is refused, and its twin passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.calls import AwsError
from sandbox.protocol import HostError
from tests.sandbox.aws.examples import EXAMPLES, node_group
from tests.sandbox.aws.world import ADMIN, Case, Change, World, allow, trust

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
NOBODY = "arn:aws:iam::123456789012:role/nobody"


def document(size: int) -> str:
    """Return a permissions policy of exactly so many characters that count."""
    bucket = "arn:aws:s3:::b/"
    empty = len(allow("s3:GetObject", resource=bucket).replace(" ", ""))
    return allow("s3:GetObject", resource=bucket + "x" * (size - empty))


def twice_named() -> str:
    """Return a permissions policy with two statements of one name."""
    statement = json.loads(allow("s3:Get*", Sid="A"))["Statement"][0]
    return json.dumps({"Version": "2012-10-17", "Statement": [statement, statement]})


def long_trust(size: int) -> str:
    """Return a trust policy of exactly so many characters."""
    return trust("ec2.amazonaws.com", Sid="x" * (size - len(trust("ec2.amazonaws.com", Sid=""))))


def scaling(low: int, wanted: int, high: int) -> Change:
    return lambda world: {"scalingConfig": {"minSize": low, "desiredSize": wanted, "maxSize": high}}


def elsewhere(world: World) -> dict[str, Any]:
    vpc = world.make("aws:ec2/vpc:Vpc", cidrBlock="10.7.0.0/16")
    subnet = world.make("aws:ec2/subnet:Subnet", vpcId=vpc.id, cidrBlock="10.7.0.0/24", availabilityZone="eu-west-1a")
    return {"subnetIds": [subnet.id]}


def detached_gateway(world: World) -> dict[str, Any]:
    return {"gatewayId": world.make("aws:ec2/internetGateway:InternetGateway").id}


def taken_address(world: World) -> dict[str, Any]:
    nat = world.make("aws:ec2/natGateway:NatGateway", **EXAMPLES["aws:ec2/natGateway:NatGateway"].inputs(world))
    return {"allocationId": nat["allocationId"]}


def logless_key(world: World) -> dict[str, Any]:
    key = world.make(
        "aws:kms/key:Key", policy=json.dumps({"Statement": [json.loads(world.key_policy)["Statement"][0]]})
    )
    return {"kmsKeyId": key["arn"]}


CASES: dict[str, Case] = {
    "trust policy is no JSON": Case(ROLE, lambda world: {"assumeRolePolicy": "{"}, "MalformedPolicyDocument"),
    "trust policy without principal": Case(
        ROLE, lambda world: {"assumeRolePolicy": trust("x", Principal=None)}, "MalformedPolicyDocument"
    ),
    "trust policy with a resource": Case(
        ROLE, lambda world: {"assumeRolePolicy": trust("x", Resource="*")}, "MalformedPolicyDocument"
    ),
    "trust policy for another action": Case(
        ROLE, lambda world: {"assumeRolePolicy": trust("x", Action="s3:Get*")}, "MalformedPolicyDocument"
    ),
    "trust policy over the quota": Case(
        ROLE,
        lambda world: {"assumeRolePolicy": long_trust(2049)},
        "LimitExceeded",
        lambda world: {"assumeRolePolicy": long_trust(2048)},
    ),
    "role name of 65": Case(
        ROLE, lambda world: {"name": "r" * 65}, "ValidationError", lambda world: {"name": "r" * 64}
    ),
    "role name with a slash": Case(ROLE, lambda world: {"name": "a/b"}, "ValidationError"),
    "unknown permissions boundary": Case(
        ROLE, lambda world: {"permissionsBoundary": "arn:aws:iam::aws:policy/Nothing"}, "NoSuchEntity"
    ),
    "managed policy over the quota": Case(
        POLICY,
        lambda world: {"policy": document(6145)},
        "LimitExceeded",
        lambda world: {"policy": document(6144) + " " * 50},
    ),
    "managed policy with a principal": Case(
        POLICY, lambda world: {"policy": allow("s3:Get*", Principal="*")}, "MalformedPolicyDocument"
    ),
    "policy name of 129": Case(
        POLICY, lambda world: {"name": "p" * 129}, "ValidationError", lambda world: {"name": "p" * 128}
    ),
    "policy statements of the same name": Case(
        POLICY,
        lambda world: {"policy": twice_named()},
        "MalformedPolicyDocument",
    ),
    "inline policy over the quota": Case(
        ROLE_POLICY,
        lambda world: {"policy": document(10241)},
        "LimitExceeded",
        lambda world: {"policy": document(10240)},
    ),
    "attachment of an unknown policy": Case(
        ATTACHMENT, lambda world: {"policyArn": "arn:aws:iam::aws:policy/Nothing"}, "NoSuchEntity"
    ),
    "attachment to an unknown role": Case(ATTACHMENT, lambda world: {"role": "nobody"}, "NoSuchEntity"),
    "retention of 31 days": Case(
        "aws:cloudwatch/logGroup:LogGroup", lambda world: {"retentionInDays": 31}, "InvalidParameterException"
    ),
    "log group name of 513": Case(
        "aws:cloudwatch/logGroup:LogGroup",
        lambda world: {"name": "l" * 513},
        "InvalidParameterException",
        lambda world: {"name": "l" * 512},
    ),
    "log group with an unknown key": Case(
        "aws:cloudwatch/logGroup:LogGroup",
        lambda world: {"kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/none"},
        "NotFoundException",
    ),
    "log group with a key that Logs may not use": Case(
        "aws:cloudwatch/logGroup:LogGroup", logless_key, "AccessDeniedException"
    ),
    "key policy is no JSON": Case("aws:kms/key:Key", lambda world: {"policy": "{"}, "MalformedPolicyDocumentException"),
    "key policy that locks everybody out": Case(
        "aws:kms/key:Key",
        lambda world: {"policy": world.key_policy.replace("kms:*", "kms:Decrypt")},
        "MalformedPolicyDocumentException",
    ),
    "key deletion in 6 days": Case("aws:kms/key:Key", lambda world: {"deletionWindowInDays": 6}, "ValidationException"),
    "alias of an unknown key": Case("aws:kms/alias:Alias", lambda world: {"targetKeyId": "none"}, "NotFoundException"),
    "alias without prefix": Case("aws:kms/alias:Alias", lambda world: {"name": "x"}, "InvalidAliasNameException"),
    "subnet that overlaps": Case(
        "aws:ec2/subnet:Subnet",
        lambda world: {"cidrBlock": world.subnets[0]["cidrBlock"]},
        "InvalidSubnet.Conflict",
    ),
    "subnet outside of its VPC": Case(
        "aws:ec2/subnet:Subnet", lambda world: {"cidrBlock": "10.200.0.0/24"}, "InvalidSubnet.Range"
    ),
    "route to a gateway of another network": Case("aws:ec2/route:Route", detached_gateway, "InvalidParameterValue"),
    "route without target": Case(
        "aws:ec2/route:Route", lambda world: {"gatewayId": None}, "InvalidParameterCombination"
    ),
    "NAT gateway with an address in use": Case(
        "aws:ec2/natGateway:NatGateway", taken_address, "Resource.AlreadyAssociated"
    ),
    "NAT gateway without address": Case(
        "aws:ec2/natGateway:NatGateway",
        lambda world: {"allocationId": None},
        "MissingParameter",
        lambda world: {"allocationId": None, "connectivityType": "private"},
    ),
    "bogus endpoint service": Case(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda world: {"serviceName": "com.amazonaws.eu-west-1.bogus"},
        "InvalidServiceName",
    ),
    "endpoint of a type that the service lacks": Case(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda world: {"serviceName": "com.amazonaws.eu-west-1.sqs"},
        "InvalidParameter",
    ),
    "flow log with an unknown role": Case(
        "aws:ec2/flowLog:FlowLog", lambda world: {"iamRoleArn": NOBODY}, "InvalidParameter"
    ),
    "flow log with a role of another service": Case(
        "aws:ec2/flowLog:FlowLog",
        lambda world: {"iamRoleArn": world.role("ec2.amazonaws.com")["arn"]},
        "InvalidParameter",
    ),
    "flow log to an unknown group": Case(
        "aws:ec2/flowLog:FlowLog",
        lambda world: {"logDestination": "arn:aws:logs:eu-west-1:123456789012:log-group:nothing"},
        "InvalidParameter",
    ),
    "security group named like an id": Case(
        "aws:ec2/securityGroup:SecurityGroup", lambda world: {"name": "sg-1"}, "InvalidParameterValue"
    ),
    "queue name of 81": Case(
        "aws:sqs/queue:Queue",
        lambda world: {"name": "q" * 81},
        "InvalidParameterValue",
        lambda world: {"name": "q" * 80},
    ),
    "queue retention of 59 seconds": Case(
        "aws:sqs/queue:Queue",
        lambda world: {"messageRetentionSeconds": 59},
        "InvalidAttributeValue",
        lambda world: {"messageRetentionSeconds": 60},
    ),
    "queue encrypted twice": Case(
        "aws:sqs/queue:Queue", lambda world: {"kmsMasterKeyId": "alias/aws/sqs"}, "InvalidAttributeValue"
    ),
    "queue policy about another queue": Case(
        "aws:sqs/queuePolicy:QueuePolicy",
        lambda world: {"policy": allow("sqs:*", Principal="*", resource=world.queue["arn"] + "-other")},
        "InvalidAttributeValue",
    ),
    "queue policy is no JSON": Case(
        "aws:sqs/queuePolicy:QueuePolicy", lambda world: {"policy": "{"}, "InvalidAttributeValue"
    ),
    "rule name of 65": Case(
        "aws:cloudwatch/eventRule:EventRule",
        lambda world: {"name": "r" * 65},
        "ValidationException",
        lambda world: {"name": "r" * 64},
    ),
    "rule without pattern and schedule": Case(
        "aws:cloudwatch/eventRule:EventRule",
        lambda world: {"eventPattern": None},
        "ValidationException",
        lambda world: {"eventPattern": None, "scheduleExpression": "rate(1 hour)"},
    ),
    "rule with a pattern of plain values": Case(
        "aws:cloudwatch/eventRule:EventRule",
        lambda world: {"eventPattern": json.dumps({"source": "aws.ec2"})},
        "InvalidEventPatternException",
    ),
    "target queue that does not exist": Case(
        "aws:cloudwatch/eventTarget:EventTarget",
        lambda world: {"arn": world.queue["arn"] + "-other"},
        "ResourceNotFoundException",
    ),
    "target of an unknown rule": Case(
        "aws:cloudwatch/eventTarget:EventTarget", lambda world: {"rule": "nothing"}, "ResourceNotFoundException"
    ),
    "cluster with an unknown role": Case(CLUSTER, lambda world: {"roleArn": NOBODY}, "InvalidParameterException"),
    "cluster with a role of another service": Case(
        CLUSTER, lambda world: {"roleArn": world.role("ec2.amazonaws.com")["arn"]}, "InvalidParameterException"
    ),
    "cluster name of 101": Case(
        CLUSTER, lambda world: {"name": "c" * 101}, "InvalidParameterException", lambda world: {"name": "c" * 100}
    ),
    "cluster version that EKS lacks": Case(CLUSTER, lambda world: {"version": "1.29"}, "InvalidParameterException"),
    "cluster in one zone": Case(
        CLUSTER, lambda world: {"vpcConfig": {"subnetIds": world.subnet_ids[:1]}}, "InvalidParameterException"
    ),
    "cluster in a subnet that does not exist": Case(
        CLUSTER, lambda world: {"vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]}}, "InvalidParameterException"
    ),
    "cluster without any endpoint": Case(
        CLUSTER,
        lambda world: {"vpcConfig": {"subnetIds": world.subnet_ids, "endpointPublicAccess": False}},
        "InvalidParameterException",
        lambda world: {
            "vpcConfig": {"subnetIds": world.subnet_ids, "endpointPublicAccess": False, "endpointPrivateAccess": True}
        },
    ),
    "cluster with an unknown key": Case(
        CLUSTER,
        lambda world: {"encryptionConfig": {"provider": {"keyArn": world.key["arn"] + "0"}, "resources": ["secrets"]}},
        "InvalidParameterException",
    ),
    "cluster with an unknown kind of log": Case(
        CLUSTER, lambda world: {"enabledClusterLogTypes": ["everything"]}, "InvalidParameterException"
    ),
    "cluster name that is taken": Case(CLUSTER, lambda world: {"name": world.cluster.id}, "ResourceInUseException"),
    "node group with more minimum than maximum": Case(NODE_GROUP, scaling(3, 3, 2), "InvalidParameterException"),
    "node group with more minimum than desired": Case(NODE_GROUP, scaling(2, 1, 3), "InvalidParameterException"),
    "node group with more desired than maximum": Case(NODE_GROUP, scaling(1, 4, 3), "InvalidParameterException"),
    "node group in another network": Case(NODE_GROUP, elsewhere, "InvalidParameterException"),
    "node group with an unknown role": Case(
        NODE_GROUP, lambda world: {"nodeRoleArn": NOBODY}, "InvalidParameterException"
    ),
    "node group of an unknown instance type": Case(
        NODE_GROUP, lambda world: {"instanceTypes": ["t3.gigantic"]}, "InvalidParameterException"
    ),
    "node group newer than its cluster": Case(
        NODE_GROUP, lambda world: {"version": "1.36"}, "InvalidParameterException", lambda world: {"version": "1.34"}
    ),
    "node group with another minor's image": Case(
        NODE_GROUP,
        lambda world: {"version": "1.34", "releaseVersion": "1.33.5-20260714"},
        "InvalidParameterException",
        lambda world: {"version": "1.34", "releaseVersion": "1.34.2-20260714"},
    ),
    "node group with two disk sizes": Case(NODE_GROUP, lambda world: {"diskSize": 30}, "InvalidParameterException"),
    "node group with EKS's own label": Case(
        NODE_GROUP, lambda world: {"labels": {"eks.amazonaws.com/nodegroup": "x"}}, "InvalidParameterException"
    ),
    "node group with an unknown template version": Case(
        NODE_GROUP,
        lambda world: {"launchTemplate": {"id": world.template.id, "version": "99"}},
        "InvalidParameterException",
    ),
    "unsupported add-on": Case(ADDON, lambda world: {"addonName": "nonsense"}, "InvalidParameterException"),
    "add-on version of another form": Case(
        ADDON, lambda world: {"addonVersion": "1.21.1"}, "InvalidParameterException"
    ),
    "add-on of an unknown cluster": Case(ADDON, lambda world: {"clusterName": "nothing"}, "ResourceNotFoundException"),
    "add-on settings that are no object": Case(
        ADDON, lambda world: {"configurationValues": "[1]"}, "InvalidParameterException"
    ),
    "access entry for something else": Case(
        ENTRY, lambda world: {"principalArn": "arn:aws:iam::123456789012:policy/x"}, "InvalidParameterException"
    ),
    "second access entry": Case(
        ENTRY, lambda world: {"principalArn": world.entry["principalArn"]}, "ResourceInUseException"
    ),
    "access entry in a reserved group": Case(
        ENTRY, lambda world: {"kubernetesGroups": ["system:masters"]}, "InvalidParameterException"
    ),
    "unknown access policy": Case(ASSOCIATION, lambda world: {"policyArn": ADMIN + "X"}, "InvalidParameterException"),
    "access policy for a stranger": Case(
        ASSOCIATION, lambda world: {"principalArn": NOBODY}, "ResourceNotFoundException"
    ),
    "namespaces with cluster scope": Case(
        ASSOCIATION,
        lambda world: {"accessScope": {"type": "cluster", "namespaces": ["a"]}},
        "InvalidParameterException",
    ),
    "Pod Identity with an unknown role": Case(
        POD_IDENTITY, lambda world: {"roleArn": NOBODY}, "InvalidParameterException"
    ),
    "Pod Identity with a role that pods may not assume": Case(
        POD_IDENTITY, lambda world: {"roleArn": world.role("ec2.amazonaws.com")["arn"]}, "InvalidParameterException"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_aws_refuses_and_its_twin_passes(world: World, name: str) -> None:
    """One change away from a resource that is made, AWS refuses, with its own error code."""
    case = CASES[name]
    inputs = EXAMPLES[case.token].inputs(world)
    change = case.change(world)
    with pytest.raises(AwsError) as caught:
        world.make(case.token, **{**inputs, **change})
    assert caught.value.code == case.code
    world.delete(world.make(case.token, **{**inputs, **case.twin(world)}))


def test_a_role_with_policies_stays(world: World) -> None:
    """DeleteRole refuses while a policy is attached, unless the program forces it."""
    role = world.role("ec2.amazonaws.com")
    attachment = world.make(ATTACHMENT, role=role.id, policyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    with pytest.raises(AwsError, match="DeleteConflict"):
        world.delete(role)
    world.delete(attachment)
    world.delete(role)
    forced = world.make(ROLE, assumeRolePolicy=trust("ec2.amazonaws.com"), forceDetachPolicies=True)
    world.make(ATTACHMENT, role=forced.id, policyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    world.delete(forced)


def test_an_attached_policy_stays(world: World) -> None:
    """DeletePolicy refuses while the policy is attached."""
    policy, role = world.make(POLICY, policy=allow("s3:Get*")), world.role("ec2.amazonaws.com")
    attachment = world.make(ATTACHMENT, role=role.id, policyArn=policy.id)
    with pytest.raises(AwsError, match="DeleteConflict"):
        world.delete(policy)
    world.delete(attachment)
    world.delete(policy)


def test_a_network_in_use_stays(world: World) -> None:
    """Subnet, address, gateway and VPC refuse to go before the NAT gateway that needs them."""
    vpc = world.make("aws:ec2/vpc:Vpc", cidrBlock="10.8.0.0/16")
    gateway = world.make("aws:ec2/internetGateway:InternetGateway", vpcId=vpc.id)
    subnet = world.make("aws:ec2/subnet:Subnet", vpcId=vpc.id, cidrBlock="10.8.0.0/24")
    address = world.make("aws:ec2/eip:Eip", domain="vpc")
    nat = world.make("aws:ec2/natGateway:NatGateway", subnetId=subnet.id, allocationId=address.id)
    for made in (subnet, gateway, vpc):
        with pytest.raises(AwsError, match="DependencyViolation"):
            world.delete(made)
    with pytest.raises(AwsError, match=r"InvalidIPAddress\.InUse"):
        world.delete(address)
    for made in (nat, address, subnet):
        world.delete(made)
    with pytest.raises(AwsError, match="DependencyViolation"):
        world.delete(vpc)
    world.delete(gateway)
    world.delete(vpc)


def test_a_public_nat_gateway_needs_an_internet_gateway(world: World) -> None:
    """A VPC without an internet gateway takes no public NAT gateway; a subnet without a route is no obstacle."""
    vpc = world.make("aws:ec2/vpc:Vpc", cidrBlock="10.8.0.0/16")
    subnet = world.make("aws:ec2/subnet:Subnet", vpcId=vpc.id, cidrBlock="10.8.0.0/24")
    address = world.make("aws:ec2/eip:Eip", domain="vpc")
    inputs = {"subnetId": subnet.id, "allocationId": address.id}
    with pytest.raises(AwsError, match=r"Gateway\.NotAttached"):
        world.make("aws:ec2/natGateway:NatGateway", **inputs)
    world.make("aws:ec2/internetGateway:InternetGateway", vpcId=vpc.id)
    assert world.make("aws:ec2/natGateway:NatGateway", **inputs).id


def test_a_security_group_in_use_stays(world: World) -> None:
    """A group that another group's rule names refuses to go."""
    used = world.make("aws:ec2/securityGroup:SecurityGroup", vpcId=world.vpc.id, description="used")
    rule = world.make(
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        securityGroupId=world.security_group.id,
        sourceSecurityGroupId=used.id,
        type="ingress",
        protocol="tcp",
        fromPort=443,
        toPort=443,
    )
    with pytest.raises(AwsError, match="DependencyViolation"):
        world.delete(used)
    world.delete(rule)
    world.delete(used)


def test_a_rule_with_targets_stays(world: World) -> None:
    """DeleteRule refuses while the rule has targets."""
    rule = world.make("aws:cloudwatch/eventRule:EventRule", "r", eventPattern=json.dumps({"source": ["aws.ec2"]}))
    target = world.make("aws:cloudwatch/eventTarget:EventTarget", rule=rule.id, arn=world.queue["arn"])
    with pytest.raises(AwsError, match="since it has targets"):
        world.delete(rule)
    world.delete(target)
    world.delete(rule)


def test_a_cluster_with_node_groups_stays(world: World) -> None:
    """DeleteCluster refuses while node groups exist."""
    cluster = world.make(CLUSTER, **world.cluster_inputs())
    group = world.make(NODE_GROUP, **{**node_group(world), "clusterName": cluster.id})
    with pytest.raises(AwsError, match="ResourceInUseException"):
        world.delete(cluster)
    world.delete(group)
    world.delete(cluster)


def test_what_a_cluster_stands_on_stays(world: World) -> None:
    """The control plane's network interfaces hold its subnets and security groups."""
    group = world.make("aws:ec2/securityGroup:SecurityGroup", vpcId=world.vpc.id, description="more")
    config = {"subnetIds": world.subnet_ids, "securityGroupIds": [group.id]}
    cluster = world.make(CLUSTER, **world.cluster_inputs(vpcConfig=config))
    for made in (world.subnets[0], group):
        with pytest.raises(AwsError, match="DependencyViolation"):
            world.delete(made)
    world.delete(cluster)
    world.delete(group)


def test_a_protected_cluster_stays(world: World) -> None:
    """DeleteCluster refuses while deletion protection is on."""
    cluster = world.make(CLUSTER, **world.cluster_inputs(deletionProtection=True))
    with pytest.raises(AwsError, match="deletion protection is enabled"):
        world.delete(cluster)
    world.delete(world.update(cluster, deletionProtection=False))


def test_a_cluster_goes_up_one_version_at_a_time(world: World) -> None:
    """EKS neither skips a minor version nor goes back."""
    cluster = world.make(CLUSTER, **world.cluster_inputs(version="1.34"))
    for version in ("1.36", "1.33"):
        with pytest.raises(AwsError, match="InvalidParameterException"):
            world.update(cluster, version=version)
    cluster = world.update(cluster, version="1.35")
    assert cluster["version"] == "1.35"
    world.delete(cluster)


def test_the_authentication_mode_goes_one_way(world: World) -> None:
    """A cluster in API mode cannot go back to the config map."""
    cluster = world.make(CLUSTER, **world.cluster_inputs())
    with pytest.raises(AwsError, match="Unsupported authentication mode update"):
        world.update(cluster, accessConfig={"authenticationMode": "CONFIG_MAP"})
    world.delete(cluster)


def test_nothing_is_added_to_a_cluster_that_is_not_ready(world: World) -> None:
    """Add-ons, node groups and access entries wait for the cluster to be ACTIVE."""
    cluster = world.make(CLUSTER, **world.cluster_inputs())
    record = world.eks_record(cluster.id)
    record["status"] = "CREATING"
    for token in (ADDON, NODE_GROUP, ENTRY):
        with pytest.raises(AwsError, match="is not in ACTIVE status"):
            world.make(token, **{**EXAMPLES[token].inputs(world), "clusterName": cluster.id})
    record["status"] = "ACTIVE"
    world.delete(cluster)


def test_a_service_linked_role_exists_once(world: World) -> None:
    """The second one is refused in the words that programs look for."""
    token = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
    role = world.make(token, awsServiceName="spot.amazonaws.com")
    with pytest.raises(AwsError) as caught:
        world.make(token, awsServiceName="spot.amazonaws.com")
    assert str(caught.value) == (
        "An error occurred (InvalidInput) when calling the CreateServiceLinkedRole operation: Service role name "
        "AWSServiceRoleForEC2Spot has been taken in this account, please try a different suffix."
    )
    world.delete(role)


def test_a_cluster_whose_api_server_fails_leaves_nothing(world: World) -> None:
    """When the real Kubernetes refuses, the cluster is refused, with its security group taken back."""
    inputs = world.cluster_inputs()
    before = world.inventory()
    effects = world.effects
    effects.failure = RuntimeError("one API server per sandbox")
    try:
        with pytest.raises(HostError, match="one API server per sandbox"):
            world.make(CLUSTER, **inputs)
    finally:
        effects.failure = None
    assert world.inventory() == before

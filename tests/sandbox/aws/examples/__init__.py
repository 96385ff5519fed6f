"""One example per resource type: inputs, a change that goes in place, a change that needs a new resource."""

from __future__ import annotations

import json
from typing import Any

from tests.sandbox.aws.examples.edge import EDGE
from tests.sandbox.aws.examples.login import LOGIN
from tests.sandbox.aws.examples.observability import OBSERVABILITY
from tests.sandbox.aws.examples.self_managed import SELF_MANAGED
from tests.sandbox.aws.examples.storage import STORAGE
from tests.sandbox.aws.world import ACCOUNT, ADMIN, Example, World, allow, trust


def rule(**more: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/16"], **more}


def fresh_vpc(world: World) -> str:
    return world.make("aws:ec2/vpc:Vpc", cidrBlock="10.9.0.0/16").id


def flow_log(world: World) -> dict[str, Any]:
    role = world.role("vpc-flow-logs.amazonaws.com")["arn"]
    return {
        "vpcId": world.vpc.id,
        "trafficType": "ALL",
        "iamRoleArn": role,
        "logDestination": world.log_group["arn"],
        "tags": {"a": "b"},
    }


def nat(world: World) -> dict[str, Any]:
    address = world.make("aws:ec2/eip:Eip", domain="vpc")
    assert world.gateway.id
    return {"allocationId": address.id, "subnetId": world.subnet_ids[0], "tags": {"a": "b"}}


def node_group(world: World) -> dict[str, Any]:
    return {
        "clusterName": world.cluster.id,
        "nodeRoleArn": world.role("ec2.amazonaws.com")["arn"],
        "subnetIds": world.subnet_ids,
        "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
        "amiType": "AL2023_x86_64_STANDARD",
        "instanceTypes": ["t3.large", "t3a.large"],
        "labels": {"role": "base", "old": "yes"},
        "taints": [{"key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"}],
        "launchTemplate": {"id": world.template.id, "version": "1"},
        "tags": {"a": "b"},
    }


def queue_policy(world: World) -> dict[str, Any]:
    return {"queueUrl": world.queue.id, "policy": allow("sqs:SendMessage", resource=world.queue["arn"], Principal="*")}


EXAMPLES: dict[str, Example] = {
    "aws:ec2/vpc:Vpc": Example(
        lambda world: {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "v"}},
        lambda world: {"enableDnsHostnames": False, "tags": {"Name": "w"}},
        lambda world: {"cidrBlock": "10.2.0.0/16"},
    ),
    "aws:ec2/subnet:Subnet": Example(
        lambda world: {
            "vpcId": world.vpc.id,
            "cidrBlock": "10.0.90.0/24",
            "availabilityZone": "eu-west-1a",
            "mapPublicIpOnLaunch": True,
        },
        lambda world: {"mapPublicIpOnLaunch": False, "tags": {"kubernetes.io/role/elb": "1"}},
        lambda world: {"availabilityZone": "eu-west-1b"},
    ),
    "aws:ec2/internetGateway:InternetGateway": Example(
        lambda world: {"vpcId": fresh_vpc(world), "tags": {"a": "b"}},
        lambda world: {"vpcId": fresh_vpc(world), "tags": None},
    ),
    "aws:ec2/eip:Eip": Example(
        lambda world: {
            "domain": "vpc",
            "tags": {"a": "b"},
        },
        lambda world: {"tags": {"a": "c"}},
    ),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": Example(
        lambda world: {"vpcId": world.vpc.id, "cidrBlock": "100.64.0.0/16"},
        replace=lambda world: {"cidrBlock": "100.65.0.0/16"},
    ),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": Example(
        lambda world: {
            "subnetId": world.subnet_ids[0],
            "cidrBlock": "10.0.0.128/25",
            "reservationType": "prefix",
            "description": "d",
        },
        replace=lambda world: {"cidrBlock": "10.0.0.64/26"},
    ),
    "aws:ec2/natGateway:NatGateway": Example(
        nat, lambda world: {"tags": {"a": "c"}}, lambda world: {"subnetId": world.subnet_ids[1]}
    ),
    "aws:ec2/routeTable:RouteTable": Example(
        lambda world: {"vpcId": world.vpc.id}, lambda world: {"tags": {"Name": "t"}}, lambda world: {"vpcId": "vpc-1"}
    ),
    "aws:ec2/route:Route": Example(
        lambda world: {
            "routeTableId": world.route_table.id,
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": world.gateway.id,
        },
        lambda world: {
            "gatewayId": None,
            "natGatewayId": world.make("aws:ec2/natGateway:NatGateway", **nat(world)).id,
        },
        lambda world: {"destinationCidrBlock": "10.99.0.0/16"},
        imported=lambda made: f"{made['routeTableId']}_{made['destinationCidrBlock']}",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Example(
        lambda world: {"routeTableId": world.route_table.id, "subnetId": world.subnet_ids[1]},
        replace=lambda world: {"subnetId": world.subnet_ids[0]},
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Example(
        lambda world: {
            "vpcId": world.vpc.id,
            "serviceName": "com.amazonaws.eu-west-1.s3",
            "routeTableIds": [world.route_table.id],
        },
        lambda world: {"routeTableIds": [world.vpc["mainRouteTableId"]], "tags": {"Name": "e"}},
        lambda world: {"serviceName": "com.amazonaws.eu-west-1.dynamodb"},
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Example(
        lambda world: {"vpcId": world.vpc.id},
        lambda world: {"ingress": [rule()], "tags": {"Name": "closed"}},
        lambda world: {"vpcId": "vpc-1"},
        stays=True,
    ),
    "aws:ec2/flowLog:FlowLog": Example(
        flow_log, lambda world: {"tags": {"a": "c"}}, lambda world: {"trafficType": "REJECT"}
    ),
    "aws:ec2/securityGroup:SecurityGroup": Example(
        lambda world: {
            "vpcId": world.vpc.id,
            "description": "d",
            "ingress": [rule()],
            "egress": [rule(protocol="-1", fromPort=0, toPort=0)],
        },
        lambda world: {"ingress": [rule(fromPort=80, toPort=80, self=True)], "egress": [], "tags": {"a": "b"}},
        lambda world: {"description": "other"},
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": Example(
        lambda world: {
            "securityGroupId": world.security_group.id,
            "type": "ingress",
            "description": "d",
            **rule(cidrBlocks=["10.1.0.0/16", "10.2.0.0/16"]),
        },
        lambda world: {"description": "e"},
        lambda world: {"toPort": 444},
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Example(
        lambda world: {
            "securityGroupId": world.security_group.id,
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "cidrIpv4": "10.3.0.0/16",
            "description": "d",
            "tags": {"a": "b"},
        },
        lambda world: {"toPort": 444, "cidrIpv4": "10.4.0.0/16", "description": "e", "tags": {"a": "c"}},
        lambda world: {"securityGroupId": "sg-0123456789abcdef0"},
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Example(
        lambda world: {
            "securityGroupId": world.security_group.id,
            "ipProtocol": "-1",
            "referencedSecurityGroupId": world.security_group.id,
            "description": "d",
        },
        lambda world: {"ipProtocol": "udp", "fromPort": 53, "toPort": 53, "description": "e"},
        lambda world: {"securityGroupId": "sg-0123456789abcdef0"},
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Example(
        lambda world: {
            "description": "d",
            "updateDefaultVersion": True,
            "blockDeviceMappings": [
                {"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 30, "volumeType": "gp3"}}
            ],
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            "tagSpecifications": [{"resourceType": "instance", "tags": {"Name": "node"}}],
            "tags": {"a": "b"},
        },
        lambda world: {
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
            "tags": {"a": "c"},
        },
        lambda world: {"name": "other"},
        unread=("updateDefaultVersion",),
    ),
    "aws:ec2/tag:Tag": Example(
        lambda world: {"resourceId": world.subnet_ids[0], "key": "extra", "value": "1"},
        lambda world: {"value": "2"},
        lambda world: {"key": "other"},
    ),
    "aws:cloudwatch/logGroup:LogGroup": Example(
        lambda world: {"retentionInDays": 30, "kmsKeyId": world.key["arn"], "tags": {"a": "b"}},
        lambda world: {"retentionInDays": None, "kmsKeyId": None, "tags": {"a": "c"}},
        lambda world: {"name": "other"},
    ),
    "aws:cloudwatch/eventRule:EventRule": Example(
        lambda world: {
            "eventPattern": json.dumps({"source": ["aws.ec2"], "detail-type": ["EC2 Spot"]}),
            "tags": {"a": "b"},
        },
        lambda world: {
            "description": "d",
            "eventPattern": json.dumps({"source": ["aws.health"]}),
            "state": "DISABLED",
        },
        lambda world: {"name": "other"},
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Example(
        lambda world: {"rule": world.rule.id, "arn": world.queue["arn"], "targetId": "queue"},
        lambda world: {"arn": world.make("aws:sqs/queue:Queue", "other")["arn"]},
        lambda world: {"targetId": "other"},
    ),
    "aws:kms/key:Key": Example(
        lambda world: {
            "description": "d",
            "enableKeyRotation": True,
            "deletionWindowInDays": 7,
            "policy": world.key_policy,
            "tags": {"a": "b"},
        },
        lambda world: {"description": "e", "enableKeyRotation": None, "deletionWindowInDays": 8, "tags": {"a": "c"}},
        lambda world: {"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "RSA_2048"},
        unread=("deletionWindowInDays",),
    ),
    "aws:kms/alias:Alias": Example(
        lambda world: {"name": "alias/example", "targetKeyId": world.key.id},
        lambda world: {"targetKeyId": world.make("aws:kms/key:Key").id},
        lambda world: {"name": "alias/other"},
    ),
    "aws:iam/role:Role": Example(
        lambda world: {
            "assumeRolePolicy": trust("ec2.amazonaws.com"),
            "description": "d",
            "permissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess",
            "tags": {"a": "b"},
        },
        lambda world: {
            "assumeRolePolicy": trust("eks.amazonaws.com"),
            "maxSessionDuration": 7200,
            "permissionsBoundary": None,
            "managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"],
            "inlinePolicies": [{"name": "own", "policy": allow("s3:Get*")}],
            "tags": {"c": "d"},
        },
        lambda world: {"path": "/other/"},
    ),
    "aws:iam/rolePolicy:RolePolicy": Example(
        lambda world: {"role": world.role("ec2.amazonaws.com").id, "policy": allow("s3:Get*")},
        lambda world: {"policy": allow("s3:List*")},
        lambda world: {"name": "other"},
    ),
    "aws:iam/policy:Policy": Example(
        lambda world: {"policy": allow("s3:Get*"), "tags": {"a": "b"}},
        lambda world: {"policy": allow("s3:List*"), "tags": {"a": "c"}},
        lambda world: {"description": "other"},
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Example(
        lambda world: {
            "role": world.role("eks.amazonaws.com").id,
            "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
        },
        replace=lambda world: {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSServicePolicy"},
    ),
    "aws:iam/instanceProfile:InstanceProfile": Example(
        lambda world: {"role": world.role("ec2.amazonaws.com").id, "tags": {"a": "b"}},
        lambda world: {"role": world.role("ec2.amazonaws.com").id, "tags": {"a": "c"}},
        lambda world: {"path": "/other/"},
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Example(
        lambda world: {"awsServiceName": "spot.amazonaws.com"},
        lambda world: {"description": "Default EC2 Spot Service Linked Role", "tags": {"a": "b"}},
        lambda world: {"awsServiceName": "spotfleet.amazonaws.com"},
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Example(
        lambda world: {
            "url": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC",
            "clientIdLists": ["sts.amazonaws.com"],
            "thumbprintLists": ["a" * 40],
        },
        lambda world: {
            "clientIdLists": ["sts.amazonaws.com", "other"],
            "thumbprintLists": ["b" * 40],
            "tags": {"a": "b"},
        },
        lambda world: {"url": "https://oidc.eks.eu-west-1.amazonaws.com/id/DEF"},
    ),
    "aws:eks/cluster:Cluster": Example(
        lambda world: world.cluster_inputs(
            enabledClusterLogTypes=["api", "audit"],
            encryptionConfig={"provider": {"keyArn": world.key["arn"]}, "resources": ["secrets"]},
            upgradePolicy={"supportType": "STANDARD"},
            bootstrapSelfManagedAddons=False,
            kubernetesNetworkConfig={"serviceIpv4Cidr": "172.21.0.0/16"},
            tags={"a": "b"},
        ),
        lambda world: {
            "version": "1.36",
            "enabledClusterLogTypes": ["api"],
            "upgradePolicy": {"supportType": "EXTENDED"},
            "vpcConfig": {
                "subnetIds": world.subnet_ids,
                "endpointPrivateAccess": True,
                "publicAccessCidrs": ["192.0.2.0/24"],
            },
            "zonalShiftConfig": {"enabled": True},
            "tags": {"a": "c"},
        },
        lambda world: {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.22.0.0/16"}},
        unread=("bootstrapSelfManagedAddons",),
    ),
    "aws:eks/accessEntry:AccessEntry": Example(
        lambda world: {
            "clusterName": world.cluster.id,
            "principalArn": world.role("ec2.amazonaws.com")["arn"],
            "kubernetesGroups": ["viewers"],
        },
        lambda world: {"kubernetesGroups": ["editors"], "tags": {"a": "b"}},
        lambda world: {"type": "EC2_LINUX"},
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Example(
        lambda world: {
            "clusterName": world.cluster.id,
            "principalArn": world.entry["principalArn"],
            "policyArn": ADMIN,
            "accessScope": {"type": "cluster"},
        },
        replace=lambda world: {"accessScope": {"type": "namespace", "namespaces": ["team"]}},
    ),
    "aws:eks/addon:Addon": Example(
        lambda world: {
            "clusterName": world.cluster.id,
            "addonName": "vpc-cni",
            "addonVersion": "v1.21.1-eksbuild.1",
            "configurationValues": json.dumps({"env": {"ENABLE_PREFIX_DELEGATION": "true"}}),
            "resolveConflictsOnCreate": "OVERWRITE",
            "tags": {"a": "b"},
        },
        lambda world: {
            "addonVersion": "v1.23.0-eksbuild.1",
            "podIdentityAssociations": [
                {"roleArn": world.role("pods.eks.amazonaws.com")["arn"], "serviceAccount": "aws-node"}
            ],
            "resolveConflictsOnUpdate": "PRESERVE",
            "tags": {"a": "c"},
        },
        lambda world: {"addonName": "coredns"},
        unread=("resolveConflictsOnCreate",),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Example(
        lambda world: {
            "clusterName": world.cluster.id,
            "namespace": "kube-system",
            "serviceAccount": "x",
            "roleArn": world.role("pods.eks.amazonaws.com")["arn"],
        },
        lambda world: {"roleArn": world.role("pods.eks.amazonaws.com")["arn"], "tags": {"a": "b"}},
        lambda world: {"namespace": "other"},
    ),
    "aws:eks/nodeGroup:NodeGroup": Example(
        node_group,
        lambda world: {
            "scalingConfig": {"minSize": 1, "desiredSize": 3, "maxSize": 4},
            "labels": {"role": "system"},
            "taints": [],
            "tags": {"a": "c"},
        },
        lambda world: {"instanceTypes": ["t3a.large", "t3.large"]},
    ),
    "aws:sqs/queue:Queue": Example(
        lambda world: {"messageRetentionSeconds": 300, "sqsManagedSseEnabled": True, "tags": {"a": "b"}},
        lambda world: {"messageRetentionSeconds": 600, "visibilityTimeoutSeconds": 60, "tags": {"a": "c"}},
        lambda world: {"name": "other"},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Example(
        queue_policy,
        lambda world: {
            "policy": allow("sqs:*", resource=world.queue["arn"], Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
        },
        lambda world: {"queueUrl": "http://127.0.0.1/other"},
    ),
    **EDGE,
    **LOGIN,
    **OBSERVABILITY,
    **SELF_MANAGED,
    **STORAGE,
}

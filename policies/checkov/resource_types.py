"""What Terraform calls the AWS provider's resource types, and which of their inputs are blocks.

Pulumi's provider is made from Terraform's: a token stands for one Terraform type, a property is the argument in camel
case. Two things are lost on the way and are said here: a block that may occur once is a plain object in Pulumi, like a
map, and the name of a block that may occur more often is put into the plural.
Names: https://registry.terraform.io/providers/hashicorp/aws/latest/docs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One resource type.

    Attributes:
        name: Terraform's name of it.
        blocks: Inputs that are blocks in Terraform, by their dotted path in Pulumi's spelling.
        maps: Inputs that are maps: their keys are the user's, and are left as they are.
        renamed: Terraform's name of an input where it is not Pulumi's in snake case.
    """

    name: str
    blocks: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset({"tags"})
    renamed: Mapping[str, str] = field(default_factory=dict)


def _type(
    name: str, *blocks: str, maps: tuple[str, ...] = (), renamed: Mapping[str, str] | None = None
) -> ResourceType:
    return ResourceType(
        name=name, blocks=frozenset(blocks), maps=frozenset({"tags", *maps}), renamed=dict(renamed or {})
    )


_LAUNCH_TEMPLATE: Final = _type(
    "aws_launch_template",
    "blockDeviceMappings",
    "blockDeviceMappings.ebs",
    "iamInstanceProfile",
    "metadataOptions",
    "monitoring",
    "networkInterfaces",
    "placement",
    "tagSpecifications",
    maps=("tagSpecifications.tags",),
)
_CLUSTER: Final = _type(
    "aws_eks_cluster",
    "accessConfig",
    "computeConfig",
    "controlPlaneScalingConfig",
    "encryptionConfig",
    "encryptionConfig.provider",
    "kubernetesNetworkConfig",
    "kubernetesNetworkConfig.elasticLoadBalancing",
    "remoteNetworkConfig",
    "remoteNetworkConfig.remoteNodeNetworks",
    "remoteNetworkConfig.remotePodNetworks",
    "storageConfig",
    "storageConfig.blockStorage",
    "upgradePolicy",
    "vpcConfig",
    "zonalShiftConfig",
)
_NODE_GROUP: Final = _type(
    "aws_eks_node_group",
    "launchTemplate",
    "nodeRepairConfig",
    "nodeRepairConfig.nodeRepairConfigOverrides",
    "remoteAccess",
    "scalingConfig",
    "taints",
    "updateConfig",
    maps=("labels",),
    renamed={"taints": "taint"},
)

TYPES: Final[Mapping[str, ResourceType]] = {
    "aws:cloudwatch/eventRule:EventRule": _type("aws_cloudwatch_event_rule"),
    "aws:cloudwatch/eventTarget:EventTarget": _type(
        "aws_cloudwatch_event_target", "deadLetterConfig", "retryPolicy", "sqsTarget"
    ),
    "aws:cloudwatch/logGroup:LogGroup": _type("aws_cloudwatch_log_group"),
    "aws:ebs/volume:Volume": _type("aws_ebs_volume"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _type("aws_default_security_group", "egress", "ingress"),
    "aws:ec2/eip:Eip": _type("aws_eip"),
    "aws:ec2/flowLog:FlowLog": _type("aws_flow_log", "destinationOptions"),
    "aws:ec2/internetGateway:InternetGateway": _type("aws_internet_gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _LAUNCH_TEMPLATE,
    "aws:ec2/natGateway:NatGateway": _type(
        "aws_nat_gateway",
        "availabilityZoneAddresses",
        renamed={"availabilityZoneAddresses": "availability_zone_address"},
    ),
    "aws:ec2/route:Route": _type("aws_route"),
    "aws:ec2/routeTable:RouteTable": _type("aws_route_table", "routes", renamed={"routes": "route"}),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _type("aws_route_table_association"),
    "aws:ec2/securityGroup:SecurityGroup": _type("aws_security_group", "egress", "ingress"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": _type("aws_security_group_rule"),
    "aws:ec2/subnet:Subnet": _type("aws_subnet"),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": _type("aws_ec2_subnet_cidr_reservation"),
    "aws:ec2/tag:Tag": _type("aws_ec2_tag"),
    "aws:ec2/vpc:Vpc": _type("aws_vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _type(
        "aws_vpc_endpoint",
        "dnsOptions",
        "subnetConfigurations",
        renamed={"subnetConfigurations": "subnet_configuration"},
    ),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": _type("aws_vpc_ipv4_cidr_block_association"),
    "aws:eks/accessEntry:AccessEntry": _type("aws_eks_access_entry"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _type(
        "aws_eks_access_policy_association", "accessScope"
    ),
    "aws:eks/addon:Addon": _type(
        "aws_eks_addon",
        "podIdentityAssociations",
        renamed={"podIdentityAssociations": "pod_identity_association"},
    ),
    "aws:eks/cluster:Cluster": _CLUSTER,
    "aws:eks/nodeGroup:NodeGroup": _NODE_GROUP,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _type("aws_eks_pod_identity_association"),
    "aws:iam/instanceProfile:InstanceProfile": _type("aws_iam_instance_profile"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _type("aws_iam_openid_connect_provider"),
    "aws:iam/policy:Policy": _type("aws_iam_policy"),
    "aws:iam/role:Role": _type("aws_iam_role", "inlinePolicies", renamed={"inlinePolicies": "inline_policy"}),
    "aws:iam/rolePolicy:RolePolicy": _type("aws_iam_role_policy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _type("aws_iam_role_policy_attachment"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": _type("aws_iam_service_linked_role"),
    "aws:kms/alias:Alias": _type("aws_kms_alias"),
    "aws:kms/key:Key": _type("aws_kms_key"),
    "aws:sqs/queue:Queue": _type("aws_sqs_queue"),
    "aws:sqs/queuePolicy:QueuePolicy": _type("aws_sqs_queue_policy"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _type("aws_vpc_security_group_egress_rule"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _type("aws_vpc_security_group_ingress_rule"),
}

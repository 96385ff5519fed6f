"""Network, cluster, nodes, roles and queues: the types of the cluster's own side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.checkov.resource_types.row import ResourceType, row

_LAUNCH_TEMPLATE: Final = row(
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
_CLUSTER: Final = row(
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
_NODE_GROUP: Final = row(
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

ROWS: Final[Mapping[str, ResourceType]] = {
    "aws:cloudwatch/eventRule:EventRule": row("aws_cloudwatch_event_rule"),
    "aws:cloudwatch/eventTarget:EventTarget": row(
        "aws_cloudwatch_event_target", "deadLetterConfig", "retryPolicy", "sqsTarget"
    ),
    "aws:cloudwatch/logGroup:LogGroup": row("aws_cloudwatch_log_group"),
    "aws:ebs/volume:Volume": row("aws_ebs_volume"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": row("aws_default_security_group", "egress", "ingress"),
    "aws:ec2/eip:Eip": row("aws_eip"),
    "aws:ec2/flowLog:FlowLog": row("aws_flow_log", "destinationOptions"),
    "aws:ec2/internetGateway:InternetGateway": row("aws_internet_gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _LAUNCH_TEMPLATE,
    "aws:ec2/natGateway:NatGateway": row(
        "aws_nat_gateway",
        "availabilityZoneAddresses",
        renamed={"availabilityZoneAddresses": "availability_zone_address"},
    ),
    "aws:ec2/route:Route": row("aws_route"),
    "aws:ec2/routeTable:RouteTable": row("aws_route_table", "routes", renamed={"routes": "route"}),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": row("aws_route_table_association"),
    "aws:ec2/securityGroup:SecurityGroup": row("aws_security_group", "egress", "ingress"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": row("aws_security_group_rule"),
    "aws:ec2/subnet:Subnet": row("aws_subnet"),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": row("aws_ec2_subnet_cidr_reservation"),
    "aws:ec2/tag:Tag": row("aws_ec2_tag"),
    "aws:ec2/vpc:Vpc": row("aws_vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": row(
        "aws_vpc_endpoint",
        "dnsOptions",
        "subnetConfigurations",
        renamed={"subnetConfigurations": "subnet_configuration"},
    ),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": row("aws_vpc_ipv4_cidr_block_association"),
    "aws:eks/accessEntry:AccessEntry": row("aws_eks_access_entry"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": row("aws_eks_access_policy_association", "accessScope"),
    "aws:eks/addon:Addon": row(
        "aws_eks_addon",
        "podIdentityAssociations",
        renamed={"podIdentityAssociations": "pod_identity_association"},
    ),
    "aws:eks/cluster:Cluster": _CLUSTER,
    "aws:eks/nodeGroup:NodeGroup": _NODE_GROUP,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": row("aws_eks_pod_identity_association"),
    "aws:iam/instanceProfile:InstanceProfile": row("aws_iam_instance_profile"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": row("aws_iam_openid_connect_provider"),
    "aws:iam/policy:Policy": row("aws_iam_policy"),
    "aws:iam/role:Role": row("aws_iam_role", "inlinePolicies", renamed={"inlinePolicies": "inline_policy"}),
    "aws:iam/rolePolicy:RolePolicy": row("aws_iam_role_policy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": row("aws_iam_role_policy_attachment"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": row("aws_iam_service_linked_role"),
    "aws:kms/alias:Alias": row("aws_kms_alias"),
    "aws:kms/key:Key": row("aws_kms_key"),
    "aws:sqs/queue:Queue": row("aws_sqs_queue"),
    "aws:sqs/queuePolicy:QueuePolicy": row("aws_sqs_queue_policy"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": row("aws_vpc_security_group_egress_rule"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": row("aws_vpc_security_group_ingress_rule"),
}

"""By resource type: how to find in AWS what a pending create may have made. A type more is a row more.

Expressions are JMESPath (https://jmespath.org). Those that look for a resource read the pending resource's inputs, and
`account`, `partition` and `region` beside them; what is found is called `it`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """One call of AWS.

    Attributes:
        operation: boto3's name of it.
        parameters: Expression over the inputs; empty values are left out.
        result: Expression over the answer: a resource, a list of them, or nothing.
    """

    operation: str
    parameters: str = "`{}`"
    result: str = "@"


@dataclass(frozen=True, kw_only=True)
class Finder:
    """How to find a resource of one type.

    Attributes:
        service: boto3's name of the service.
        look: Lists the candidates.
        more: Further calls per candidate; each answer is put into it under its name.
        match: Expression over a candidate → the input it has to equal. What either leaves open does not count.
        tags: Where a candidate's tags are; empty for a type that has none. They have to equal the program's.
        unique: The type's name is unique, so that one candidate with other tags stands in the create's way.
        id: Id in the form that the provider's `Read` takes, over the inputs and `it`.
        outputs: Outputs that `Read` needs besides id and inputs, over the same.
        ready: Waiter and its parameters, over the same: what follows in the program needs it complete.
    """

    service: str
    look: Call
    more: Mapping[str, Call] = field(default_factory=dict)
    match: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    unique: bool = False
    id: str
    outputs: str = "`{}`"
    ready: Call | None = None


@dataclass(frozen=True)
class Repeatable:
    """A type that can be created again: the second time changes nothing or finishes the first.

    Attributes:
        why: Why that is so.
        hint: What may still be in the way, with inputs in braces.
    """

    why: str
    hint: str = ""


# AWS spells these states with a capital in its reference and without in its answers.
_ENDPOINTS = (
    "VpcEndpoints[?contains(['pending', 'available', 'pendingAcceptance', 'Pending', 'Available', 'PendingAcceptance'],"
    " State)]"
)
_DESTINATION = "destinationCidrBlock || destinationIpv6CidrBlock || destinationPrefixListId"

NETWORK: dict[str, Finder | Repeatable] = {
    "aws:ec2/vpc:Vpc": Finder(
        service="ec2",
        look=Call("describe_vpcs", "{Filters: [{Name: 'cidr', Values: [cidrBlock]}]}", "Vpcs"),
        match={"CidrBlock": "cidrBlock"},
        tags="Tags",
        id="it.VpcId",
    ),
    "aws:ec2/subnet:Subnet": Finder(
        service="ec2",
        look=Call("describe_subnets", "{Filters: [{Name: 'vpc-id', Values: [vpcId]}]}", "Subnets"),
        match={"CidrBlock": "cidrBlock"},
        tags="Tags",
        id="it.SubnetId",
    ),
    "aws:ec2/internetGateway:InternetGateway": Finder(
        service="ec2",
        look=Call("describe_internet_gateways", result="InternetGateways"),
        # Not attached yet is what a create that was cut short leaves.
        match={"Attachments[0].VpcId": "vpcId"},
        tags="Tags",
        id="it.InternetGatewayId",
    ),
    "aws:ec2/eip:Eip": Finder(
        service="ec2", look=Call("describe_addresses", result="Addresses"), tags="Tags", id="it.AllocationId"
    ),
    "aws:ec2/natGateway:NatGateway": Finder(
        service="ec2",
        look=Call(
            "describe_nat_gateways",
            "{Filters: [{Name: 'subnet-id', Values: [subnetId]}, {Name: 'state', Values: ['pending', 'available']}]}",
            "NatGateways",
        ),
        match={"NatGatewayAddresses[0].AllocationId": "allocationId"},
        tags="Tags",
        id="it.NatGatewayId",
        ready=Call("nat_gateway_available", "{NatGatewayIds: [it.NatGatewayId]}"),
    ),
    "aws:ec2/routeTable:RouteTable": Finder(
        service="ec2",
        look=Call("describe_route_tables", "{Filters: [{Name: 'vpc-id', Values: [vpcId]}]}", "RouteTables"),
        tags="Tags",
        id="it.RouteTableId",
    ),
    "aws:ec2/route:Route": Finder(
        service="ec2",
        look=Call("describe_route_tables", "{RouteTableIds: [routeTableId]}", "RouteTables[].Routes[]"),
        match={"DestinationCidrBlock || DestinationIpv6CidrBlock || DestinationPrefixListId": _DESTINATION},
        # Read goes by table and destination; this is the form of an import.
        id=f"join('_', [routeTableId, {_DESTINATION}])",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Finder(
        service="ec2",
        look=Call(
            "describe_route_tables", "{RouteTableIds: [routeTableId]}", "RouteTables[].Associations[?SubnetId][]"
        ),
        match={"SubnetId": "subnetId"},
        id="it.RouteTableAssociationId",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Finder(
        service="ec2",
        look=Call("describe_vpc_endpoints", "{Filters: [{Name: 'vpc-id', Values: [vpcId]}]}", _ENDPOINTS),
        match={"ServiceName": "serviceName"},
        tags="Tags",
        id="it.VpcEndpointId",
    ),
    "aws:ec2/flowLog:FlowLog": Finder(
        service="ec2",
        look=Call(
            "describe_flow_logs",
            "{Filters: [{Name: 'resource-id', Values: [vpcId || subnetId || eniId]}]}",
            "FlowLogs",
        ),
        tags="Tags",
        id="it.FlowLogId",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Finder(
        service="ec2",
        look=Call("describe_launch_templates", "{LaunchTemplateNames: [name]}", "LaunchTemplates"),
        tags="Tags",
        unique=True,
        id="it.LaunchTemplateId",
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Repeatable("it takes over the group that the VPC has"),
    "aws:ec2/tag:Tag": Repeatable("setting a tag twice is setting it once"),
}

IDENTITY: dict[str, Finder | Repeatable] = {
    "aws:iam/role:Role": Finder(
        service="iam",
        look=Call("get_role", "{RoleName: name}", "Role"),
        tags="Tags",
        unique=True,
        id="name",
    ),
    "aws:iam/policy:Policy": Finder(
        service="iam",
        look=Call(
            "get_policy",
            "{PolicyArn: join('', ['arn:', partition, ':iam::', account, ':policy', path || '/', name])}",
            "Policy",
        ),
        tags="Tags",
        unique=True,
        id="it.Arn",
    ),
    "aws:iam/rolePolicy:RolePolicy": Repeatable("putting an inline policy twice is putting it once"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Repeatable("attaching a policy twice is attaching it once"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Repeatable(
        "the program looks for the account's role first and takes it over"
    ),
    "aws:kms/key:Key": Finder(
        service="kms",
        look=Call("list_keys", result="Keys"),
        more={
            "Key": Call("describe_key", "{KeyId: it.KeyId}", "KeyMetadata"),
            "Tags": Call("list_resource_tags", "{KeyId: it.KeyId}", "Tags"),
        },
        # Keys of AWS itself and keys whose deletion is scheduled are not ours to take.
        match={"Key.Description": "description", "Key.KeyManager": "'CUSTOMER'", "Key.KeyState": "'Enabled'"},
        tags="Tags",
        id="it.KeyId",
    ),
    "aws:kms/alias:Alias": Finder(
        service="kms",
        look=Call("list_aliases", "{KeyId: targetKeyId}", "Aliases"),
        match={"AliasName": "name"},
        id="it.AliasName",
    ),
}

CLUSTER: dict[str, Finder | Repeatable] = {
    "aws:eks/cluster:Cluster": Finder(
        service="eks",
        look=Call("describe_cluster", "{name: name}", "cluster"),
        tags="tags",
        unique=True,
        id="name",
        ready=Call("cluster_active", "{name: name}"),
    ),
    "aws:eks/nodeGroup:NodeGroup": Finder(
        service="eks",
        look=Call("describe_nodegroup", "{clusterName: clusterName, nodegroupName: nodeGroupName}", "nodegroup"),
        tags="tags",
        unique=True,
        id="join(':', [clusterName, nodeGroupName])",
        ready=Call("nodegroup_active", "{clusterName: clusterName, nodegroupName: nodeGroupName}"),
    ),
    "aws:eks/addon:Addon": Finder(
        service="eks",
        look=Call("describe_addon", "{clusterName: clusterName, addonName: addonName}", "addon"),
        tags="tags",
        unique=True,
        id="join(':', [clusterName, addonName])",
        ready=Call("addon_active", "{clusterName: clusterName, addonName: addonName}"),
    ),
    "aws:eks/accessEntry:AccessEntry": Finder(
        service="eks",
        look=Call("describe_access_entry", "{clusterName: clusterName, principalArn: principalArn}", "accessEntry"),
        tags="tags",
        unique=True,
        id="join(':', [clusterName, principalArn])",
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Finder(
        service="eks",
        look=Call(
            "list_associated_access_policies",
            "{clusterName: clusterName, principalArn: principalArn}",
            "associatedAccessPolicies",
        ),
        match={"policyArn": "policyArn"},
        id="join('#', [clusterName, principalArn, it.policyArn])",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Finder(
        service="eks",
        look=Call(
            "list_pod_identity_associations",
            "{clusterName: clusterName, namespace: namespace, serviceAccount: serviceAccount}",
            "associations",
        ),
        more={
            "tags": Call(
                "describe_pod_identity_association",
                "{clusterName: clusterName, associationId: it.associationId}",
                "association.tags",
            )
        },
        tags="tags",
        unique=True,
        id="it.associationId",
        outputs="{associationId: it.associationId}",
    ),
}

MESSAGING: dict[str, Finder | Repeatable] = {
    "aws:cloudwatch/logGroup:LogGroup": Finder(
        service="logs",
        look=Call("describe_log_groups", "{logGroupNamePrefix: name}", "logGroups"),
        more={
            "tags": Call(
                "list_tags_for_resource",
                "{resourceArn: join(':', ['arn', partition, 'logs', region, account, 'log-group', it.logGroupName])}",
                "tags",
            )
        },
        match={"logGroupName": "name"},
        tags="tags",
        unique=True,
        id="it.logGroupName",
    ),
    "aws:cloudwatch/eventRule:EventRule": Repeatable("putting a rule twice is putting it once"),
    "aws:cloudwatch/eventTarget:EventTarget": Repeatable("putting a target twice is putting it once"),
    "aws:sqs/queue:Queue": Finder(
        service="sqs",
        look=Call("get_queue_url", "{QueueName: name}"),
        more={"Tags": Call("list_queue_tags", "{QueueUrl: it.QueueUrl}", "Tags")},
        tags="Tags",
        unique=True,
        id="it.QueueUrl",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Repeatable("setting the policy twice is setting it once"),
}

# A name that ends in a colon stands for all types that begin with it.
OTHERS: dict[str, Finder | Repeatable] = {
    "kubernetes:": Repeatable("server-side apply takes over what is there"),
    "kubernetes:helm.sh/v3:Release": Repeatable(
        "Helm takes over the objects of a release of the same name",
        "if `up` ends with 'cannot re-use a name that is still in use', remove Helm's record of the broken install:"
        " kubectl -n {namespace} delete secret -l owner=helm,name={name}",
    ),
    "pulumi:providers:": Repeatable("a provider is made anew by every run"),
}

ROWS: Mapping[str, Finder | Repeatable] = {**NETWORK, **IDENTITY, **CLUSTER, **MESSAGING, **OTHERS}


def row_of(type_: str) -> Finder | Repeatable | None:
    """Return the row of a type: its own, or that of all types with its beginning."""
    families = (row for name, row in ROWS.items() if name.endswith(":") and type_.startswith(name))
    return ROWS.get(type_) or next(families, None)

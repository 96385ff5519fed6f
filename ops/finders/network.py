"""Rows of the VPC and what lies in it."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

# AWS spells these states with a capital in its reference and without in its answers.
_ENDPOINTS = (
    "VpcEndpoints[?contains(['pending', 'available', 'pendingAcceptance', 'Pending', 'Available', 'PendingAcceptance'],"
    " State)]"
)
_ASSOCIATED = "[?contains(['associating', 'associated'], CidrBlockState.State)]"
_DESTINATION = "destinationCidrBlock || destinationIpv6CidrBlock || destinationPrefixListId"


def _security_group_rule(direction: str) -> Finder:
    return Finder(
        service="ec2",
        look=Call(
            "describe_security_group_rules",
            "{Filters: [{Name: 'group-id', Values: [securityGroupId]}]}",
            f"SecurityGroupRules[?{direction}]",
        ),
        match={
            "IpProtocol": "ipProtocol",
            # AWS has -1 where the program leaves a port out.
            "FromPort": "fromPort || `-1`",
            "ToPort": "toPort || `-1`",
            "CidrIpv4": "cidrIpv4",
            "CidrIpv6": "cidrIpv6",
            "PrefixListId": "prefixListId",
            "ReferencedGroupInfo.GroupId": "referencedSecurityGroupId",
        },
        tags="Tags",
        id="it.SecurityGroupRuleId",
    )


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
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": Finder(
        service="ec2",
        look=Call("describe_vpcs", "{VpcIds: [vpcId]}", f"Vpcs[].CidrBlockAssociationSet{_ASSOCIATED}[]"),
        match={"CidrBlock": "cidrBlock"},
        id="it.AssociationId",
    ),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": Finder(
        service="ec2",
        look=Call(
            "get_subnet_cidr_reservations",
            "{SubnetId: subnetId}",
            "[SubnetIpv4CidrReservations, SubnetIpv6CidrReservations][]",
        ),
        match={"Cidr": "cidrBlock"},
        id="it.SubnetCidrReservationId",
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
            # A regional gateway lies in no subnet.
            "{Filters: [{Name: subnetId && 'subnet-id' || 'vpc-id', Values: [subnetId || vpcId]},"
            " {Name: 'state', Values: ['pending', 'available']}]}",
            "NatGateways",
        ),
        match={
            "NatGatewayAddresses[0].AllocationId": "allocationId",
            "AvailabilityMode": "availabilityMode || 'zonal'",
        },
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
        # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/id.go
        # (An import takes another form: table, underscore, destination.)
        id=f"join('', ['r-', routeTableId, to_string(crc32({_DESTINATION}))])",
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
    "aws:ec2/securityGroup:SecurityGroup": Finder(
        service="ec2",
        look=Call(
            "describe_security_groups",
            "{Filters: [{Name: 'vpc-id', Values: [vpcId]}, {Name: 'group-name', Values: [name]}]}",
            "SecurityGroups",
        ),
        tags="Tags",
        unique=True,
        id="it.GroupId",
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _security_group_rule("!IsEgress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _security_group_rule("IsEgress"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Repeatable("it takes over the group that the VPC has"),
    "aws:ec2/tag:Tag": Repeatable("setting a tag twice is setting it once"),
}

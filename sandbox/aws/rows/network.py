"""Rows of the network: VPC, subnets, gateways, routes, endpoints, flow logs."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import gateways

# The route's destination, whichever of the three kinds it is.
DESTINATION = "destinationCidrBlock || destinationIpv6CidrBlock || destinationPrefixListId"
TARGETS = (
    "egressOnlyGatewayId gatewayId localGatewayId natGatewayId networkInterfaceId transitGatewayId vpcEndpointId"
    " vpcPeeringConnectionId"
)

ROWS = (
    Row(
        token="aws:ec2/vpc:Vpc",
        service="ec2",
        create="create_vpc *",
        id="Vpc.VpcId",
        read=(
            "describe_vpcs {VpcIds: [id]} -> Vpcs[0]",
            "describe_vpc_attribute {VpcId: id, Attribute: 'enableDnsSupport'}"
            " -> {enableDnsSupport: EnableDnsSupport.Value}",
            "describe_vpc_attribute {VpcId: id, Attribute: 'enableDnsHostnames'}"
            " -> {enableDnsHostnames: EnableDnsHostnames.Value}",
            "describe_vpc_attribute {VpcId: id, Attribute: 'enableNetworkAddressUsageMetrics'}"
            " -> {enableNetworkAddressUsageMetrics: EnableNetworkAddressUsageMetrics.Value}",
            "describe_security_groups {Filters: [where('vpc-id', id), where('group-name', 'default')]}"
            " -> {defaultSecurityGroupId: SecurityGroups[0].GroupId}",
            "describe_route_tables {Filters: [where('vpc-id', id), {Name: 'association.main', Values: ['true']}]}"
            " -> {mainRouteTableId: RouteTables[0].RouteTableId, defaultRouteTableId: RouteTables[0].RouteTableId}",
            "describe_network_acls {Filters: [where('vpc-id', id), where('default', 'true')]}"
            " -> {defaultNetworkAclId: NetworkAcls[0].NetworkAclId}",
        ),
        set={
            "enableDnsSupport": "modify_vpc_attribute {VpcId: id, EnableDnsSupport: {Value: enableDnsSupport}}",
            "enableDnsHostnames": "modify_vpc_attribute {VpcId: id, EnableDnsHostnames: {Value: enableDnsHostnames}}",
            "enableNetworkAddressUsageMetrics": "modify_vpc_attribute"
            " {VpcId: id, EnableNetworkAddressUsageMetrics: {Value: enableNetworkAddressUsageMetrics}}",
        },
        delete=("delete_vpc {VpcId: id}",),
        rename={"assignGeneratedIpv6CidrBlock": "AmazonProvidedIpv6CidrBlock"},
        out={"arn": "join('', [prefix, 'vpc/', id])"},
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
        computed=("enableDnsHostnames", "enableNetworkAddressUsageMetrics", "cidrBlock"),
        tags="ec2",
        tag_type="vpc",
    ),
    Row(
        token="aws:ec2/subnet:Subnet",
        service="ec2",
        create="create_subnet *",
        id="Subnet.SubnetId",
        read=("describe_subnets {SubnetIds: [id]} -> Subnets[0]",),
        set={
            "mapPublicIpOnLaunch": "modify_subnet_attribute"
            " {SubnetId: id, MapPublicIpOnLaunch: {Value: mapPublicIpOnLaunch}}",
            "assignIpv6AddressOnCreation": "modify_subnet_attribute"
            " {SubnetId: id, AssignIpv6AddressOnCreation: {Value: assignIpv6AddressOnCreation}}",
            "enableResourceNameDnsARecordOnLaunch": "modify_subnet_attribute"
            " {SubnetId: id, EnableResourceNameDnsARecordOnLaunch: {Value: enableResourceNameDnsARecordOnLaunch}}",
        },
        delete=("delete_subnet {SubnetId: id}",),
        out={
            "arn": "join('', [prefix, 'subnet/', id])",
            "enableResourceNameDnsARecordOnLaunch": "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord",
            "privateDnsHostnameTypeOnLaunch": "PrivateDnsNameOptionsOnLaunch.HostnameType",
        },
        defaults={
            "mapPublicIpOnLaunch": False,
            "assignIpv6AddressOnCreation": False,
            "enableResourceNameDnsARecordOnLaunch": False,
        },
        computed=("availabilityZone", "availabilityZoneId", "privateDnsHostnameTypeOnLaunch", "ipv6Native"),
        tags="ec2",
        tag_type="subnet",
    ),
    Row(
        token="aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        service="ec2",
        create="associate_vpc_cidr_block {VpcId: vpcId, CidrBlock: cidrBlock}",
        id="CidrBlockAssociation.AssociationId",
        read=(gateways.find_cidr_association,),
        delete=("disassociate_vpc_cidr_block {AssociationId: id}",),
    ),
    Row(
        token="aws:ec2/subnetCidrReservation:SubnetCidrReservation",
        service="ec2",
        create="create_subnet_cidr_reservation"
        " {SubnetId: subnetId, Cidr: cidrBlock, ReservationType: reservationType, Description: description}",
        id="SubnetCidrReservation.SubnetCidrReservationId",
        read=(gateways.find_reservation,),
        delete=("delete_subnet_cidr_reservation {SubnetCidrReservationId: id}",),
        rename={"cidrBlock": "Cidr"},
    ),
    Row(
        token="aws:ec2/internetGateway:InternetGateway",
        service="ec2",
        create="create_internet_gateway",
        id="InternetGateway.InternetGatewayId",
        read=("describe_internet_gateways {InternetGatewayIds: [id]} -> InternetGateways[0]",),
        set={"vpcId": gateways.attach_internet_gateway},
        delete=(
            "if vpcId: detach_internet_gateway {InternetGatewayId: id, VpcId: vpcId}",
            "delete_internet_gateway {InternetGatewayId: id}",
        ),
        out={
            "vpcId": "Attachments[0].VpcId",
            "arn": "join('', [prefix, 'internet-gateway/', id])",
            "ownerId": "account",
        },
        tags="ec2",
        tag_type="internet-gateway",
    ),
    Row(
        token="aws:ec2/eip:Eip",
        service="ec2",
        create="allocate_address *",
        id="AllocationId",
        read=("describe_addresses {AllocationIds: [id]} -> Addresses[0]",),
        delete=("release_address {AllocationId: id}",),
        out={
            "arn": "join('', [prefix, 'elastic-ip/', id])",
            "publicDns": "join('', ['ec2-', join('-', split(PublicIp, '.')), '.', region, '.compute.amazonaws.com'])",
        },
        defaults={"domain": "vpc"},
        computed=("networkBorderGroup", "publicIpv4Pool"),
        volatile=("associationId", "networkInterface", "privateIp", "privateDns", "instance"),
        tags="ec2",
        tag_type="elastic-ip",
    ),
    Row(
        token="aws:ec2/natGateway:NatGateway",
        service="ec2",
        create="create_nat_gateway *",
        id="NatGateway.NatGatewayId",
        read=("describe_nat_gateways {NatGatewayIds: [id]} -> NatGateways[?State!='deleted'] | [0]",),
        delete=(gateways.delete_nat_gateway,),
        # The provider tells the first address of a zonal gateway only.
        out={
            **{
                name: f"AvailabilityMode != 'regional' && NatGatewayAddresses[0].{name[0].upper()}{name[1:]} || `null`"
                for name in ("allocationId", "associationId", "networkInterfaceId", "privateIp", "publicIp")
            },
            "regionalNatGatewayAddresses": "(NatGatewayAddresses || `[]`)[?!PrivateIp]",
            "regionalNatGatewayAutoMode": "AutoProvisionZones",
        },
        defaults={"connectivityType": "public"},
        computed=("privateIp", "availabilityMode", "vpcId"),
        tags="ec2",
        tag_type="natgateway",
    ),
    Row(
        token="aws:ec2/routeTable:RouteTable",
        service="ec2",
        create="create_route_table *",
        id="RouteTable.RouteTableId",
        read=("describe_route_tables {RouteTableIds: [id]} -> RouteTables[0]",),
        delete=("delete_route_table {RouteTableId: id}",),
        out={
            "arn": "join('', [prefix, 'route-table/', id])",
            "propagatingVgws": "`null`",
        },
        volatile=("routes",),
        tags="ec2",
        tag_type="route-table",
    ),
    Row(
        token="aws:ec2/route:Route",
        service="ec2",
        create="create_route *",
        id="join('', ['r-', $routeTableId, to_string(crc32($destination))])",
        imported="{routeTableId}_{destination}",
        derive={"destination": DESTINATION},
        read=(
            "describe_route_tables {RouteTableIds: [routeTableId]} -> RouteTables[0].Routes["
            "?DestinationCidrBlock==$destination || DestinationIpv6CidrBlock==$destination"
            " || DestinationPrefixListId==$destination] | [0]",
        ),
        set={TARGETS: "replace_route *"},
        delete=(
            "delete_route {RouteTableId: routeTableId, DestinationCidrBlock: destinationCidrBlock,"
            " DestinationIpv6CidrBlock: destinationIpv6CidrBlock, DestinationPrefixListId: destinationPrefixListId}",
        ),
        rename={"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"},
        out={"routeTableId": "routeTableId"},
    ),
    Row(
        token="aws:ec2/routeTableAssociation:RouteTableAssociation",
        service="ec2",
        create="associate_route_table *",
        id="AssociationId",
        read=(
            "describe_route_tables {Filters: [{Name: 'association.route-table-association-id', Values: [id]}]}"
            " -> RouteTables[].Associations[] | [?RouteTableAssociationId==$id] | [0]",
        ),
        delete=("disassociate_route_table {AssociationId: id}",),
        name="subnetId",
    ),
    Row(
        token="aws:ec2/vpcEndpoint:VpcEndpoint",
        service="ec2",
        create="create_vpc_endpoint * {PrivateDnsEnabled: privateDnsEnabled || `false`}",
        id="VpcEndpoint.VpcEndpointId",
        read=(
            "describe_vpc_endpoints {VpcEndpointIds: [id]} -> VpcEndpoints[?State!='deleted'] | [0]",
            "if serviceName: describe_prefix_lists {Filters: [where('prefix-list-name', serviceName)]}"
            " -> {prefixListId: PrefixLists[0].PrefixListId, cidrBlocks: PrefixLists[0].Cidrs}",
        ),
        set={"routeTableIds subnetIds securityGroupIds policy privateDnsEnabled": gateways.modify_endpoint},
        delete=("delete_vpc_endpoints {VpcEndpointIds: [id]}",),
        rename={"policy": "PolicyDocument"},
        out={
            "arn": "join('', [prefix, 'vpc-endpoint/', id])",
            "securityGroupIds": "Groups[].GroupId",
            "dnsEntries": "DnsEntries",
            "vpcEndpointType": "VpcEndpointType || 'Gateway'",
        },
        defaults={"vpcEndpointType": "Gateway"},
        computed=(
            "policy",
            "privateDnsEnabled",
            "routeTableIds",
            "subnetIds",
            "securityGroupIds",
            "ipAddressType",
            "dnsOptions",
            "serviceRegion",
        ),
        tags="ec2",
        tag_type="vpc-endpoint",
    ),
    Row(
        token="aws:ec2/flowLog:FlowLog",
        service="ec2",
        create="create_flow_logs * {ResourceIds: [resource], ResourceType: resourceType, LogGroupName: logGroupName}",
        id="FlowLogIds[0]",
        derive={
            "resource": "vpcId || subnetId || eniId",
            "resourceType": "vpcId && 'VPC' || subnetId && 'Subnet' || 'NetworkInterface'",
            "logGroupName": "logDestinationType == 'cloud-watch-logs'"
            " && after(logDestination, ':log-group:') || `null`",
        },
        read=("describe_flow_logs {FlowLogIds: [id]} -> FlowLogs[0]",),
        delete=("delete_flow_logs {FlowLogIds: [id]}",),
        rename={"iamRoleArn": "DeliverLogsPermissionArn"},
        out={
            "arn": "join('', [prefix, 'vpc-flow-log/', id])",
            "vpcId": "starts_with(ResourceId, 'vpc-') && ResourceId || `null`",
            "subnetId": "starts_with(ResourceId, 'subnet-') && ResourceId || `null`",
            "eniId": "starts_with(ResourceId, 'eni-') && ResourceId || `null`",
            "logDestination": "LogDestination"
            " || join('', [replace(prefix, ':ec2:', ':logs:'), 'log-group:', LogGroupName])",
        },
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
        computed=("logFormat",),
        tags="ec2",
        tag_type="vpc-flow-log",
    ),
    Row(
        token="aws:ec2/tag:Tag",
        service="ec2",
        create="create_tags {Resources: [resourceId], Tags: [{Key: key, Value: value}]}",
        id="{resourceId},{key}",
        read=("describe_tags {Filters: [where('resource-id', resourceId), where('key', key)]} -> Tags[0]",),
        set={"value": "create_tags {Resources: [resourceId], Tags: [{Key: key, Value: value}]}"},
        delete=("delete_tags {Resources: [resourceId], Tags: [{Key: key}]}",),
    ),
    Row(
        token="aws:ec2/launchTemplate:LaunchTemplate",
        service="ec2",
        create="create_launch_template * {VersionDescription: description}",
        id="LaunchTemplate.LaunchTemplateId",
        read=(
            "describe_launch_templates {LaunchTemplateIds: [id]} -> LaunchTemplates[0]",
            "describe_launch_template_versions {LaunchTemplateId: id, Versions: ['$Latest']}"
            " -> LaunchTemplateVersions[0].merge(LaunchTemplateData, {description: VersionDescription,"
            " TagSpecifications: LaunchTemplateData.TagSpecifications[?ResourceType!='launch-template']})",
        ),
        set={"defaultVersion updateDefaultVersion": gateways.set_default_version, "*": gateways.new_template_version},
        delete=("delete_launch_template {LaunchTemplateId: id}",),
        nest="LaunchTemplateData",
        rename={
            "name": "LaunchTemplateName",
            "vpcSecurityGroupIds": "SecurityGroupIds",
            "securityGroupNames": "SecurityGroups",
            "defaultVersion": "DefaultVersionNumber",
            "latestVersion": "LatestVersionNumber",
            "networkInterfaces.securityGroups": "Groups",
            "networkInterfaces.ipv4AddressCount": "SecondaryPrivateIpAddressCount",
        },
        out={"arn": "join('', [prefix, 'launch-template/', id])"},
        computed=("defaultVersion",),
        moves=("latestVersion", "defaultVersion"),
        name="name",
        auto=AutoName(limit=128),
        tags="ec2",
        tag_type="launch-template",
    ),
)

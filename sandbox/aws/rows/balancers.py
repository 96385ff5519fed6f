"""Rows of load balancers: the balancer, its listeners, target groups and targets."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import balancers

LISTENER = {
    "defaultActions.forward": "ForwardConfig",
    "defaultActions.redirect": "RedirectConfig",
    "defaultActions.fixedResponse": "FixedResponseConfig",
}
# Groups come and go in place, but a network load balancer has them from the start or never.
GROUPS = (
    "new.loadBalancerType == 'network'"
    " && (length(old.securityGroups || `[]`) == `0` || length(new.securityGroups || `[]`) == `0`)"
)

ROWS = (
    Row(
        token="aws:lb/loadBalancer:LoadBalancer",
        service="elbv2",
        create=balancers.create_balancer,
        id="LoadBalancers[0].LoadBalancerArn",
        read=(
            "describe_load_balancers {LoadBalancerArns: [id]} -> LoadBalancers[0]",
            balancers.read_balancer_attributes,
        ),
        set={
            "securityGroups": "set_security_groups {LoadBalancerArn: id, SecurityGroups: securityGroups}",
            "*": balancers.set_balancer_attributes,
        },
        delete=("delete_load_balancer {LoadBalancerArn: id}",),
        rename={"name": "LoadBalancerName", "loadBalancerType": "Type"},
        out={
            "arn": "id",
            "arnSuffix": "after(id, ':loadbalancer/')",
            "dnsName": "DNSName",
            "internal": "Scheme == 'internal'",
            "subnets": "AvailabilityZones[].SubnetId",
            "zoneId": "CanonicalHostedZoneId",
        },
        takes=("internal", "ipAddressType", "loadBalancerType", "name", "securityGroups", "subnetMappings", "subnets"),
        renewed={
            **dict.fromkeys(("internal", "ipAddressType", "loadBalancerType", "subnetMappings", "subnets"), "`true`"),
            "securityGroups": GROUPS,
        },
        defaults={
            "enableDeletionProtection": False,
            "loadBalancerType": "application",
        },
        computed=(
            "dnsRecordClientRoutingPolicy",
            "enableCrossZoneLoadBalancing",
            "enableZonalShift",
            "idleTimeout",
            "internal",
            "ipAddressType",
            "securityGroups",
            "subnetMappings",
            "subnets",
        ),
        name="name",
        auto=AutoName(limit=32),
        tags="elbv2",
    ),
    Row(
        token="aws:lb/targetGroup:TargetGroup",
        service="elbv2",
        create=balancers.create_group,
        id="TargetGroups[0].TargetGroupArn",
        read=(balancers.read_group,),
        set={
            "healthCheck": balancers.set_health_check,
            "connectionTermination deregistrationDelay loadBalancingCrossZoneEnabled preserveClientIp"
            " proxyProtocolV2": balancers.set_group_attributes,
        },
        delete=("delete_target_group {TargetGroupArn: id}",),
        takes=("healthCheck", "ipAddressType", "name", "port", "protocol", "protocolVersion", "targetType", "vpcId"),
        defaults={"deregistrationDelay": 300, "proxyProtocolV2": False, "targetType": "instance"},
        computed=(
            "connectionTermination",
            "healthCheck",
            *(
                f"healthCheck.{name}"
                for name in (
                    "enabled",
                    "healthyThreshold",
                    "interval",
                    "matcher",
                    "path",
                    "port",
                    "protocol",
                    "timeout",
                )
            ),
            "healthCheck.unhealthyThreshold",
            "ipAddressType",
            "loadBalancingCrossZoneEnabled",
            "preserveClientIp",
            "protocolVersion",
        ),
        volatile=("loadBalancerArns",),
        name="name",
        auto=AutoName(limit=32),
        tags="elbv2",
    ),
    Row(
        token="aws:lb/listener:Listener",
        service="elbv2",
        create="create_listener *",
        id="Listeners[0].ListenerArn",
        read=(
            "describe_listeners {ListenerArns: [id]} -> Listeners[0]",
            "describe_tags {ResourceArns: [id]} -> {Tags: TagDescriptions[0].Tags}",
        ),
        set={"defaultActions port protocol": "modify_listener * {ListenerArn: id}"},
        delete=("delete_listener {ListenerArn: id}",),
        rename=LISTENER,
        out={"arn": "id"},
        computed=("protocol", "sslPolicy", "tcpIdleTimeoutSeconds"),
        tags="elbv2",
    ),
    Row(
        token="aws:lb/targetGroupAttachment:TargetGroupAttachment",
        service="elbv2",
        create=balancers.register,
        id="Id",
        read=(balancers.read_target,),
        delete=(balancers.deregister,),
        takes=("availabilityZone", "port", "targetGroupArn", "targetId"),
    ),
)

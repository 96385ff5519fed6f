"""Instances, load balancers and parameters of a cluster that runs itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.checkov.resource_types.row import ResourceType, row

_INSTANCE: Final = row(
    "aws_instance",
    "capacityReservationSpecification",
    "capacityReservationSpecification.capacityReservationTarget",
    "cpuOptions",
    "creditSpecification",
    "ebsBlockDevices",
    "enclaveOptions",
    "ephemeralBlockDevices",
    "instanceMarketOptions",
    "instanceMarketOptions.spotOptions",
    "launchTemplate",
    "maintenanceOptions",
    "metadataOptions",
    "networkInterfaces",
    "primaryNetworkInterface",
    "privateDnsNameOptions",
    "rootBlockDevice",
    "secondaryNetworkInterfaces",
    maps=("ebsBlockDevices.tags", "rootBlockDevice.tags", "volumeTags"),
    renamed={
        "ebsBlockDevices": "ebs_block_device",
        "ephemeralBlockDevices": "ephemeral_block_device",
        "networkInterfaces": "network_interface",
        "secondaryNetworkInterfaces": "secondary_network_interface",
    },
)
_BALANCER: Final = row(
    "aws_lb",
    "accessLogs",
    "connectionLogs",
    "healthCheckLogs",
    "ipamPools",
    "minimumLoadBalancerCapacity",
    "subnetMappings",
    renamed={"subnetMappings": "subnet_mapping"},
)
_TARGET_GROUP: Final = row(
    "aws_lb_target_group",
    "healthCheck",
    "stickiness",
    "targetFailovers",
    "targetGroupHealth",
    "targetGroupHealth.dnsFailover",
    "targetGroupHealth.unhealthyStateRouting",
    "targetHealthStates",
    renamed={"targetFailovers": "target_failover", "targetHealthStates": "target_health_state"},
)
_ACTION: Final = "defaultActions"
_LISTENER: Final = row(
    "aws_lb_listener",
    _ACTION,
    f"{_ACTION}.authenticateCognito",
    f"{_ACTION}.authenticateOidc",
    f"{_ACTION}.fixedResponse",
    f"{_ACTION}.forward",
    f"{_ACTION}.forward.stickiness",
    f"{_ACTION}.forward.targetGroups",
    f"{_ACTION}.jwtValidation",
    f"{_ACTION}.jwtValidation.additionalClaims",
    f"{_ACTION}.redirect",
    "mutualAuthentication",
    maps=(
        f"{_ACTION}.authenticateCognito.authenticationRequestExtraParams",
        f"{_ACTION}.authenticateOidc.authenticationRequestExtraParams",
    ),
    renamed={
        _ACTION: "default_action",
        f"{_ACTION}.forward.targetGroups": "target_group",
        f"{_ACTION}.jwtValidation.additionalClaims": "additional_claim",
    },
)

ROWS: Final[Mapping[str, ResourceType]] = {
    "aws:ec2/instance:Instance": _INSTANCE,
    "aws:ec2/volumeAttachment:VolumeAttachment": row("aws_volume_attachment"),
    "aws:lb/listener:Listener": _LISTENER,
    "aws:lb/loadBalancer:LoadBalancer": _BALANCER,
    "aws:lb/targetGroup:TargetGroup": _TARGET_GROUP,
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": row("aws_lb_target_group_attachment"),
    "aws:s3/bucketObjectv2:BucketObjectv2": row(
        "aws_s3_object",
        "overrideProvider",
        "overrideProvider.defaultTags",
        maps=("metadata", "overrideProvider.defaultTags.tags"),
        files=("source",),
    ),
    "aws:ssm/parameter:Parameter": row("aws_ssm_parameter"),
}

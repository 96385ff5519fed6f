"""Rows of instances, volumes, load balancers, parameters and issuers, and of what lives in the state alone."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

_THERE = "Reservations[].Instances[?contains(['pending', 'running', 'stopping', 'stopped'], State.Name)][]"


def _named_balancing(operation: str, kind: str, ready: Call | None = None) -> Finder:
    arn = f"it.{kind}Arn"
    return Finder(
        service="elbv2",
        look=Call(operation, "{Names: [name]}", f"{kind}s"),
        more={"Tags": Call("describe_tags", f"{{ResourceArns: [{arn}]}}", "TagDescriptions[0].Tags")},
        tags="Tags",
        unique=True,
        id=arn,
        ready=ready,
    )


MACHINES: dict[str, Finder | Repeatable] = {
    "aws:ec2/instance:Instance": Finder(
        service="ec2",
        look=Call("describe_instances", "{Filters: [{Name: 'subnet-id', Values: [subnetId]}]}", _THERE),
        match={"PrivateIpAddress": "privateIp", "ImageId": "ami", "InstanceType": "instanceType"},
        tags="Tags",
        id="it.InstanceId",
        ready=Call("instance_running", "{InstanceIds: [it.InstanceId]}"),
    ),
    "aws:ebs/volume:Volume": Finder(
        service="ec2",
        look=Call(
            "describe_volumes",
            "{Filters: [{Name: 'availability-zone', Values: [availabilityZone]}]}",
            "Volumes[?contains(['creating', 'available'], State)]",
        ),
        match={"Size": "size"},
        tags="Tags",
        id="it.VolumeId",
        ready=Call("volume_available", "{VolumeIds: [it.VolumeId]}"),
    ),
    "aws:ec2/volumeAttachment:VolumeAttachment": Finder(
        service="ec2",
        look=Call("describe_volumes", "{VolumeIds: [volumeId]}", "Volumes[].Attachments[]"),
        match={"InstanceId": "instanceId", "Device": "deviceName"},
        # https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/ebs_volume_attachment.go
        id="join('', ['vai-', to_string(crc32(join('-', [deviceName, instanceId, volumeId, ''])))])",
        ready=Call("volume_in_use", "{VolumeIds: [volumeId]}"),
    ),
    "aws:lb/loadBalancer:LoadBalancer": _named_balancing(
        "describe_load_balancers",
        "LoadBalancer",
        Call("load_balancer_available", "{LoadBalancerArns: [it.LoadBalancerArn]}"),
    ),
    "aws:lb/targetGroup:TargetGroup": _named_balancing("describe_target_groups", "TargetGroup"),
    "aws:lb/listener:Listener": Finder(
        service="elbv2",
        look=Call("describe_listeners", "{LoadBalancerArn: loadBalancerArn}", "Listeners"),
        more={"Tags": Call("describe_tags", "{ResourceArns: [it.ListenerArn]}", "TagDescriptions[0].Tags")},
        match={"Port": "port", "Protocol": "protocol"},
        tags="Tags",
        id="it.ListenerArn",
    ),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": Repeatable(
        "registering a target twice is registering it once"
    ),
    "aws:ssm/parameter:Parameter": Finder(
        service="ssm",
        look=Call(
            "describe_parameters", "{ParameterFilters: [{Key: 'Name', Option: 'Equals', Values: [name]}]}", "Parameters"
        ),
        more={"Tags": Call("list_tags_for_resource", "{ResourceType: 'Parameter', ResourceId: it.Name}", "TagList")},
        tags="Tags",
        unique=True,
        id="it.Name",
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Repeatable("writing an object twice is writing it once"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Finder(
        service="iam",
        look=Call("list_open_id_connect_providers", result="OpenIDConnectProviderList"),
        more={"Provider": Call("get_open_id_connect_provider", "{OpenIDConnectProviderArn: it.Arn}")},
        # IAM tells the URL without what every one begins with.
        match={"Provider.Url && join('', ['https://', Provider.Url])": "url"},
        tags="Provider.Tags",
        unique=True,
        id="it.Arn",
    ),
    "tls:": Repeatable("a key or certificate that is not in the state is nowhere"),
    "random:": Repeatable("a value that is not in the state is nowhere"),
}

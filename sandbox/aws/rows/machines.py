"""Rows of EC2 instances and the volumes beside them."""

from sandbox.aws.row import Row
from sandbox.aws.steps import machines

CREDITS = (
    "modify_instance_credit_specification"
    " {InstanceCreditSpecifications: [{InstanceId: id, CpuCredits: creditSpecification.cpuCredits}]}"
)
METADATA = (
    "modify_instance_metadata_options {InstanceId: id, HttpEndpoint: metadataOptions.httpEndpoint,"
    " HttpTokens: metadataOptions.httpTokens, HttpProtocolIpv6: metadataOptions.httpProtocolIpv6,"
    " HttpPutResponseHopLimit: metadataOptions.httpPutResponseHopLimit,"
    " InstanceMetadataTags: metadataOptions.instanceMetadataTags}"
)
MAINTENANCE = "modify_instance_maintenance_options {InstanceId: id, AutoRecovery: maintenanceOptions.autoRecovery}"
ROOT = (
    "deleteOnTermination",
    "deviceName",
    "encrypted",
    "iops",
    "kmsKeyId",
    "throughput",
    "volumeId",
    "volumeSize",
    "volumeType",
)

ROWS = (
    Row(
        token="aws:ec2/instance:Instance",
        service="ec2",
        create=machines.run_instance,
        id="InstanceId",
        read=(machines.read_instance,),
        set={
            "instanceType userData userDataBase64": machines.restarted,
            "iamInstanceProfile": machines.set_profile,
            "vpcSecurityGroupIds": machines.set_groups,
            "disableApiTermination": machines.attribute("disableApiTermination"),
            "disableApiStop": machines.attribute("disableApiStop"),
            "sourceDestCheck": machines.attribute("sourceDestCheck"),
            "monitoring": machines.set_monitoring,
            "creditSpecification": CREDITS,
            "metadataOptions": METADATA,
            "maintenanceOptions": MAINTENANCE,
            "rootBlockDevice": machines.modify_root,
        },
        delete=(machines.terminate,),
        takes=(
            "ami",
            "associatePublicIpAddress",
            "availabilityZone",
            "creditSpecification",
            "disableApiStop",
            "disableApiTermination",
            "ebsOptimized",
            "iamInstanceProfile",
            "instanceInitiatedShutdownBehavior",
            "instanceType",
            "keyName",
            "maintenanceOptions",
            "metadataOptions",
            "monitoring",
            "privateIp",
            "rootBlockDevice",
            "subnetId",
            "userData",
            "userDataBase64",
            "volumeTags",
            "vpcSecurityGroupIds",
        ),
        fixed=("rootBlockDevice.encrypted", "rootBlockDevice.kmsKeyId"),
        renewed={
            "userData": "new.userDataReplaceOnChange",
            "userDataBase64": "new.userDataReplaceOnChange",
        },
        local=("forceDestroy", "getPasswordData", "userDataReplaceOnChange"),
        defaults={
            "forceDestroy": False,
            "getPasswordData": False,
            "sourceDestCheck": True,
            "userDataReplaceOnChange": False,
        },
        computed=(
            "associatePublicIpAddress",
            "availabilityZone",
            "creditSpecification",
            "disableApiStop",
            "disableApiTermination",
            "ebsOptimized",
            "iamInstanceProfile",
            "instanceInitiatedShutdownBehavior",
            "maintenanceOptions",
            "metadataOptions",
            *(
                f"metadataOptions.{name}"
                for name in (
                    "httpEndpoint",
                    "httpProtocolIpv6",
                    "httpPutResponseHopLimit",
                    "httpTokens",
                    "instanceMetadataTags",
                )
            ),
            "monitoring",
            "privateIp",
            "rootBlockDevice",
            *(f"rootBlockDevice.{name}" for name in ROOT),
            "subnetId",
            "tenancy",
            "vpcSecurityGroupIds",
        ),
        # Attachments of their own add to it.
        volatile=("ebsBlockDevices",),
        tags="ec2",
        tag_type="instance",
    ),
    Row(
        token="aws:ebs/volume:Volume",
        service="ec2",
        create="create_volume *",
        id="VolumeId",
        read=("describe_volumes {VolumeIds: [id]} -> Volumes[0]",),
        set={
            "iops size throughput type": "modify_volume"
            " {VolumeId: id, Size: size, VolumeType: type, Iops: iops, Throughput: throughput}",
        },
        delete=("delete_volume {VolumeId: id}",),
        rename={"type": "VolumeType"},
        out={
            "arn": "join('', [prefix, 'volume/', id])",
            "throughput": "Throughput || (VolumeType == 'gp3' && `125` || `null`)",
        },
        local=("finalSnapshot",),
        defaults={"finalSnapshot": False},
        computed=("encrypted", "iops", "kmsKeyId", "size", "snapshotId", "throughput", "type"),
        tags="ec2",
        tag_type="volume",
    ),
    Row(
        token="aws:ec2/volumeAttachment:VolumeAttachment",
        service="ec2",
        create=machines.attach_volume,
        id="join('', ['vai-', to_string(crc32(join('-', [$deviceName, $instanceId, $volumeId, ''])))])",
        imported="{deviceName}:{volumeId}:{instanceId}",
        read=(machines.read_attachment,),
        delete=(machines.detach_volume,),
        takes=("deviceName", "instanceId", "volumeId"),
        local=("forceDetach", "skipDestroy", "stopInstanceBeforeDetaching"),
    ),
)

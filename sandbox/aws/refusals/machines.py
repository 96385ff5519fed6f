"""Rules of instances and volumes."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Any

from sandbox.aws.addresses import held_back
from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule

INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
ATTACHMENT = "aws:ec2/volumeAttachment:VolumeAttachment"
RUN = "RunInstances"

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html: raw, before base64.
USER_DATA_BYTES = 16_384
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html, HVM: what may be attached.
DEVICE = re.compile(r"/dev/(sd[a-z]([1-9]|1[0-5])?|xvd[a-z]|xvd[b-d][a-z])")
# Size in GiB, and most IOPS; https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
GP3_SIZE, GP3_IOPS, GP3_THROUGHPUT = (1, 65_536), (3_000, 80_000), (125, 2_000)


@rule(INSTANCE, at="check")
def user_data(case: Case) -> None:
    """User data is given once, is base64 where it has to be, and is small."""
    text, encoded = case["userData"], case["userDataBase64"]
    if case.inputs.get("userData") is not None and case.inputs.get("userDataBase64") is not None:
        raise error("InvalidParameterCombination", RUN, '"user_data" conflicts with "user_data_base64"')
    try:
        raw = base64.b64decode(encoded, validate=True) if encoded else (text or "").encode()
    except (binascii.Error, ValueError):
        raise error("InvalidUserData.Malformed", RUN, "Invalid BASE64 encoding of user data.") from None
    if len(raw) > USER_DATA_BYTES:
        raise error("InvalidParameterValue", RUN, f"User data is limited to {USER_DATA_BYTES} bytes")


@rule(INSTANCE, at="check")
def metadata_options(case: Case) -> None:
    """The metadata service's answers travel 1 to 64 hops."""
    hops = (case["metadataOptions"] or {}).get("httpPutResponseHopLimit")
    if isinstance(hops, int) and not 1 <= hops <= 64:
        raise error("InvalidParameterValue", RUN, f"HttpPutResponseHopLimit has to be between 1 and 64, not {hops}")


@rule(INSTANCE, at="create")
def image(case: Case) -> None:
    """An image exists and starts on the instance's processor."""
    try:
        found = case.call("ec2", "describe_images", ImageIds=[case["ami"]])["Images"]
    except AwsError as failure:
        if failure.code not in ("InvalidAMIID.NotFound", "InvalidAMIID.Malformed"):
            raise
        found = []
    if not found:
        raise error("InvalidAMIID.NotFound", RUN, f"The image id '[{case['ami']}]' does not exist")
    kind = _instance_type(case)
    wanted, offered = found[0]["Architecture"], kind["ProcessorInfo"]["SupportedArchitectures"]
    if wanted not in offered:
        reason = (
            f"The architecture '{','.join(offered)}' of the specified instance type does not match the architecture "
            f"'{wanted}' of the specified AMI. Specify an instance type and an AMI that have matching architectures."
        )
        raise error("InvalidParameterValue", RUN, reason)


def _instance_type(case: Case) -> dict[str, Any]:
    try:
        return dict(
            case.call("ec2", "describe_instance_types", InstanceTypes=[case["instanceType"]])["InstanceTypes"][0]
        )
    except (AwsError, IndexError):
        raise error("InvalidParameterValue", RUN, f"Invalid value '{case['instanceType']}' for InstanceType.") from None


@rule(INSTANCE, at="update")
def same_processor(case: Case) -> None:
    """Another instance type has to take the image that the instance runs."""
    image(case)


@rule(INSTANCE, at="create")
def zone_of_subnet(case: Case) -> None:
    """A zone that is given is the subnet's."""
    if not case["subnetId"] or not case["availabilityZone"]:
        return
    subnet = _subnet(case)
    if subnet["AvailabilityZone"] != case["availabilityZone"]:
        reason = (
            f"Invalid availability zone: the subnet '{case['subnetId']}' lies in {subnet['AvailabilityZone']}, "
            f"not in {case['availabilityZone']}"
        )
        raise error("InvalidParameterValue", RUN, reason)


@rule(INSTANCE, at="create")
def private_address(case: Case) -> None:
    """A fixed address lies in the subnet, is none of AWS's, of no prefix reservation, and nobody has it."""
    address = case["privateIp"]
    if not address or not case["subnetId"]:
        return
    subnet = _subnet(case)
    if ipaddress.IPv4Address(address) not in ipaddress.IPv4Network(subnet["CidrBlock"]):
        raise error("InvalidParameterValue", RUN, f"Address {address} does not fall within the subnet's address range")
    if address in held_back(subnet["CidrBlock"]):
        raise error("InvalidParameterValue", RUN, f"Address {address} is in subnet's reserved address range")
    filters = [{"Name": "subnet-id", "Values": [case["subnetId"]]}]
    interfaces = case.call("ec2", "describe_network_interfaces", Filters=filters)["NetworkInterfaces"]
    if any(address in [one["PrivateIpAddress"] for one in there["PrivateIpAddresses"]] for there in interfaces):
        raise error("InvalidIPAddress.InUse", RUN, f"Address {address} is in use.")
    found = case.call("ec2", "get_subnet_cidr_reservations", SubnetId=case["subnetId"])
    for one in found["SubnetIpv4CidrReservations"]:
        inside = ipaddress.IPv4Address(address) in ipaddress.IPv4Network(one["Cidr"])
        if inside and one["ReservationType"] == "prefix":
            raise error("InvalidParameterValue", RUN, f"Address {address} is reserved for prefixes by {one['Cidr']}")


@rule(INSTANCE, at="create")
@rule(INSTANCE, at="update")
def groups_of_vpc(case: Case) -> None:
    """Security groups exist and are of the subnet's VPC."""
    wanted = case["vpcSecurityGroupIds"] or []
    if not wanted or not case["subnetId"]:
        return
    vpc = _subnet(case)["VpcId"]
    filters = [{"Name": "group-id", "Values": wanted}]
    found = {
        one["GroupId"]: one for one in case.call("ec2", "describe_security_groups", Filters=filters)["SecurityGroups"]
    }
    for group in wanted:
        if group not in found:
            raise error("InvalidGroup.NotFound", RUN, f"The security group '{group}' does not exist in VPC '{vpc}'")
        if found[group]["VpcId"] != vpc:
            raise error(
                "InvalidParameter",
                RUN,
                f"Security group {group} and subnet {case['subnetId']} belong to different networks.",
            )


@rule(INSTANCE, at="create")
@rule(INSTANCE, at="update")
def instance_profile(case: Case) -> None:
    """An instance profile exists and holds a role."""
    name = case["iamInstanceProfile"]
    if not name:
        return
    reason = f"Value ({name}) for parameter iamInstanceProfile.name is invalid. "
    try:
        roles = case.call("iam", "get_instance_profile", InstanceProfileName=name)["InstanceProfile"]["Roles"]
    except AwsError as failure:
        if not failure.gone:
            raise
        raise error("InvalidParameterValue", RUN, reason + "Invalid IAM Instance Profile name") from None
    if not roles:
        raise error("InvalidParameterValue", RUN, reason + "IAM Instance Profile has no associated IAM Roles")


@rule(INSTANCE, at="create")
def root_key(case: Case) -> None:
    """The root volume's key exists, is enabled, and is named for an encrypted volume only."""
    device = case["rootBlockDevice"] or {}
    if device.get("kmsKeyId") and not device.get("encrypted"):
        raise error("InvalidParameterDependency", RUN, "The parameter KmsKeyId requires the parameter Encrypted")
    _usable(case, device.get("kmsKeyId"), RUN)


@rule(VOLUME, at="check")
def volume_shape(case: Case) -> None:
    """A gp3 volume has a size, IOPS and throughput within its limits; others have no throughput."""
    limits = {"size": GP3_SIZE, "iops": GP3_IOPS, "throughput": GP3_THROUGHPUT}
    if case["type"] != "gp3":
        if case["throughput"] and case["type"]:
            reason = f"The parameter throughput is not supported for {case['type']} volumes."
            raise error("InvalidParameterCombination", "CreateVolume", reason)
        return
    for name, (low, high) in limits.items():
        if isinstance(case[name], int) and not low <= case[name] <= high:
            reason = f"Volume {name} of {case[name]} is invalid; must be between {low} and {high}."
            raise error("InvalidParameterValue", "CreateVolume", reason)


@rule(VOLUME, at="create")
def volume_zone_and_key(case: Case) -> None:
    """A volume's zone is the region's; its key exists and is enabled."""
    zones = case.call("ec2", "describe_availability_zones")["AvailabilityZones"]
    if case["availabilityZone"] not in [zone["ZoneName"] for zone in zones]:
        reason = f"The zone '{case['availabilityZone']}' does not exist."
        raise error("InvalidZone.NotFound", "CreateVolume", reason)
    _usable(case, case["kmsKeyId"], "CreateVolume")


@rule(VOLUME, at="update")
def volume_grows(case: Case) -> None:
    """A volume does not shrink."""
    old = case.call("ec2", "describe_volumes", VolumeIds=[case.id])["Volumes"][0]["Size"]
    if case["size"] is not None and case["size"] < old:
        reason = f"New size cannot be smaller than existing size: {case['size']} < {old}"
        raise error("InvalidParameterValue", "ModifyVolume", reason)


@rule(ATTACHMENT, at="check")
def device_name(case: Case) -> None:
    """A device is named as EC2 names those of HVM instances."""
    name = case["deviceName"]
    if isinstance(name, str) and not DEVICE.fullmatch(name):
        reason = f"Value ({name}) for parameter device is invalid. {name} is not a valid EBS device name."
        raise error("InvalidParameterValue", "AttachVolume", reason)


@rule(ATTACHMENT, at="create")
def attachable(case: Case) -> None:
    """A volume that is free goes to a running or stopped instance of its zone, under a name that is free there."""
    volume = case.call("ec2", "describe_volumes", VolumeIds=[case["volumeId"]])["Volumes"][0]
    answer = case.call("ec2", "describe_instances", InstanceIds=[case["instanceId"]])["Reservations"]
    instance = answer[0]["Instances"][0]
    if volume["Attachments"]:
        other = volume["Attachments"][0]["InstanceId"]
        raise error("VolumeInUse", "AttachVolume", f"{case['volumeId']} is already attached to an instance ({other})")
    if instance["State"]["Name"] not in ("running", "stopped"):
        reason = f"Instance '{case['instanceId']}' is not 'running'."
        raise error("IncorrectState", "AttachVolume", reason)
    zone = instance["Placement"]["AvailabilityZone"]
    if volume["AvailabilityZone"] != zone:
        reason = (
            f"The volume '{case['volumeId']}' is not in the same availability zone as instance '{case['instanceId']}'"
        )
        raise error("InvalidVolume.ZoneMismatch", "AttachVolume", reason)
    if case["deviceName"] in [one["DeviceName"] for one in instance["BlockDeviceMappings"]]:
        name = case["deviceName"]
        reason = f"Invalid value '{name}' for unixDevice. Attachment point {name} is already in use"
        raise error("InvalidParameterValue", "AttachVolume", reason)


def _subnet(case: Case) -> dict[str, Any]:
    return dict(case.call("ec2", "describe_subnets", SubnetIds=[case["subnetId"]])["Subnets"][0])


def _usable(case: Case, key: Any, operation: str) -> None:
    """Refuse a key that is not there or not enabled. AWS says so later: the volume fails to come."""
    if not key:
        return
    try:
        state = case.call("kms", "describe_key", KeyId=key)["KeyMetadata"]["KeyState"]
    except AwsError as failure:
        if not failure.gone:
            raise
        state = "gone"
    if state != "Enabled":
        raise error("InvalidKmsKeyId", operation, f"The specified KMS key {key} is {state}.")

"""Steps of instances and their volumes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from sandbox.aws.codec import encode, tag_map
from sandbox.aws.session import Scope, Session
from sandbox.protocol import HostError, Properties

__all__ = [
    "attach_volume",
    "attribute",
    "detach_volume",
    "modify_root",
    "read_attachment",
    "read_instance",
    "restarted",
    "run_instance",
    "set_groups",
    "set_monitoring",
    "set_profile",
    "terminate",
]

# Inputs that are parameters of RunInstances under another roof.
_NESTED = {
    "creditSpecification": "CreditSpecification",
    "maintenanceOptions": "MaintenanceOptions",
    "metadataOptions": "MetadataOptions",
}
_PLAIN = {
    "ami": "ImageId",
    "disableApiStop": "DisableApiStop",
    "disableApiTermination": "DisableApiTermination",
    "ebsOptimized": "EbsOptimized",
    "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
    "instanceType": "InstanceType",
    "keyName": "KeyName",
}


def run_instance(session: Session, scope: Scope) -> dict[str, Any]:
    """Start an instance and return it.

    Raises:
        HostError: The provider would not take these inputs together.
    """
    inputs = scope.inputs
    if not inputs.get("ami") or not inputs.get("instanceType"):
        raise HostError("one of `ami,launch_template` and one of `instance_type,launch_template` must be specified")
    shape = session.caller.shape("ec2", session.region, "run_instances")
    params: dict[str, Any] = {"MinCount": 1, "MaxCount": 1, "UserData": _user_data(inputs)}
    params |= {parameter: inputs[name] for name, parameter in _PLAIN.items() if inputs.get(name) is not None}
    for name, parameter in _NESTED.items():
        if inputs.get(name):
            params[parameter] = encode(inputs[name], shape.members[parameter], name)
    if inputs.get("iamInstanceProfile"):
        params["IamInstanceProfile"] = {"Name": inputs["iamInstanceProfile"]}
    if inputs.get("monitoring") is not None:
        params["Monitoring"] = {"Enabled": inputs["monitoring"]}
    if inputs.get("availabilityZone"):
        params["Placement"] = {"AvailabilityZone": inputs["availabilityZone"]}
    if inputs.get("rootBlockDevice"):
        params["BlockDeviceMappings"] = [_root(session, inputs, shape)]
    params |= _network(inputs)
    params["TagSpecifications"] = _tags(scope)
    given = {name: value for name, value in params.items() if value not in (None, [], {})}
    return dict(session.call("run_instances", **given)["Instances"][0])


def read_instance(session: Session, scope: Scope) -> Properties | None:
    """Return an instance under the names of the provider's properties; none once it is terminated."""
    answer = session.call("describe_instances", InstanceIds=[scope["id"]])["Reservations"]
    found = [one for reservation in answer for one in reservation["Instances"]]
    if not found or found[0]["State"]["Name"] == "terminated":
        return None
    return {**_described(scope, found[0]), **_attributes(session, scope), "rootBlockDevice": _volume(session, found[0])}


def attribute(name: str) -> Any:
    """Return a step that sets one attribute of an instance, named as the input is."""
    parameter = name[0].upper() + name[1:]

    def step(session: Session, scope: Scope) -> None:
        value = {"Value": scope[name]}
        session.call("modify_instance_attribute", InstanceId=scope["id"], **{parameter: value})

    return step


def restarted(session: Session, scope: Scope) -> None:
    """Change what only a stopped instance lets be changed: its type and its user data."""
    session.call("stop_instances", InstanceIds=[scope["id"]])
    if scope.olds.get("instanceType") != scope["instanceType"]:
        value = {"Value": scope["instanceType"]}
        session.call("modify_instance_attribute", InstanceId=scope["id"], InstanceType=value)
    if _user_data(scope.olds) != _user_data(scope.inputs):
        data = {"Value": _user_data(scope.inputs) or b""}
        session.call("modify_instance_attribute", InstanceId=scope["id"], UserData=data)
    session.call("start_instances", InstanceIds=[scope["id"]])


def set_groups(session: Session, scope: Scope) -> None:
    """Bring the security groups of an instance to the program's list."""
    session.call("modify_instance_attribute", InstanceId=scope["id"], Groups=scope["vpcSecurityGroupIds"])


def set_monitoring(session: Session, scope: Scope) -> None:
    """Switch detailed monitoring."""
    session.call("monitor_instances" if scope["monitoring"] else "unmonitor_instances", InstanceIds=[scope["id"]])


def set_profile(session: Session, scope: Scope) -> None:
    """Give an instance another instance profile, or none."""
    filters = [{"Name": "instance-id", "Values": [scope["id"]]}]
    found = session.call("describe_iam_instance_profile_associations", Filters=filters)
    associations = found["IamInstanceProfileAssociations"]
    profile = {"Name": scope["iamInstanceProfile"]} if scope["iamInstanceProfile"] else None
    if associations and profile:
        unique = associations[0]["AssociationId"]
        session.call("replace_iam_instance_profile_association", AssociationId=unique, IamInstanceProfile=profile)
    elif associations:
        session.call("disassociate_iam_instance_profile", AssociationId=associations[0]["AssociationId"])
    elif profile:
        session.call("associate_iam_instance_profile", InstanceId=scope["id"], IamInstanceProfile=profile)


def modify_root(session: Session, scope: Scope) -> None:
    """Change size, type and speed of the root volume, whether it goes with the instance, and its tags."""
    old, new = scope.olds.get("rootBlockDevice") or {}, scope["rootBlockDevice"] or {}
    instance = session.call("describe_instances", InstanceIds=[scope["id"]])["Reservations"][0]["Instances"][0]
    volume = _volume(session, instance)
    names = {"volumeSize": "Size", "volumeType": "VolumeType", "iops": "Iops", "throughput": "Throughput"}
    changes = {parameter: new[name] for name, parameter in names.items() if name in new and new[name] != old.get(name)}
    if changes:
        session.call("modify_volume", VolumeId=volume["volumeId"], **changes)
    if "deleteOnTermination" in new and new["deleteOnTermination"] != old.get("deleteOnTermination"):
        device = {"DeviceName": volume["deviceName"], "Ebs": {"DeleteOnTermination": new["deleteOnTermination"]}}
        session.call("modify_instance_attribute", InstanceId=scope["id"], BlockDeviceMappings=[device])
    before, after = old.get("tags") or {}, new.get("tags") or {}
    if gone := [{"Key": key} for key in before.keys() - after.keys()]:
        session.call("delete_tags", Resources=[volume["volumeId"]], Tags=gone)
    if after != before and after:
        tags = [{"Key": key, "Value": value} for key, value in after.items()]
        session.call("create_tags", Resources=[volume["volumeId"]], Tags=tags)


def terminate(session: Session, scope: Scope) -> None:
    """Terminate an instance; its protection goes first only when the program says so."""
    if scope["forceDestroy"]:
        for parameter in ("DisableApiTermination", "DisableApiStop"):
            session.call("modify_instance_attribute", InstanceId=scope["id"], **{parameter: {"Value": False}})
    session.call("terminate_instances", InstanceIds=[scope["id"]])


# Volumes -----------------------------------------------------------------------------------------------------------


def attach_volume(session: Session, scope: Scope) -> dict[str, Any]:
    """Attach a volume."""
    names = {"Device": "deviceName", "InstanceId": "instanceId", "VolumeId": "volumeId"}
    return session.call("attach_volume", **{parameter: scope[name] for parameter, name in names.items()})


def read_attachment(session: Session, scope: Scope) -> Properties | None:
    """Return the attachment of a volume to an instance; none when it is not attached there."""
    for one in session.call("describe_volumes", VolumeIds=[scope["volumeId"]])["Volumes"][0]["Attachments"]:
        if (one["InstanceId"], one["Device"]) == (scope["instanceId"], scope["deviceName"]):
            return {"deviceName": one["Device"], "instanceId": one["InstanceId"], "volumeId": one["VolumeId"]}
    return None


def detach_volume(session: Session, scope: Scope) -> None:
    """Detach a volume, from a stopped instance when the program says so; what is detached already is no error."""
    if scope["skipDestroy"] or read_attachment(session, scope) is None:
        return
    if scope["stopInstanceBeforeDetaching"]:
        session.call("stop_instances", InstanceIds=[scope["instanceId"]])
    names = {"Device": "deviceName", "InstanceId": "instanceId", "VolumeId": "volumeId", "Force": "forceDetach"}
    session.call("detach_volume", **{parameter: scope[name] for parameter, name in names.items()})


# Parts -------------------------------------------------------------------------------------------------------------


def _user_data(inputs: Mapping[str, Any]) -> bytes | None:
    if inputs.get("userDataBase64"):
        return base64.b64decode(inputs["userDataBase64"])
    return inputs["userData"].encode() if inputs.get("userData") else None


def _network(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the instance lies: on the interface when a public address is asked for or refused."""
    groups = inputs.get("vpcSecurityGroupIds")
    public = inputs.get("associatePublicIpAddress")
    if public is None:
        names = {"SubnetId": "subnetId", "PrivateIpAddress": "privateIp"}
        return {**{parameter: inputs.get(name) for parameter, name in names.items()}, "SecurityGroupIds": groups}
    interface = {
        "AssociatePublicIpAddress": public,
        "DeleteOnTermination": True,
        "Description": "Primary network interface",
        "DeviceIndex": 0,
        "Groups": groups,
        "PrivateIpAddress": inputs.get("privateIp"),
        "SubnetId": inputs.get("subnetId"),
    }
    return {"NetworkInterfaces": [{name: value for name, value in interface.items() if value is not None}]}


def _root(session: Session, inputs: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    """Return the mapping of the root volume, under the name that the image gives it."""
    image = session.call("describe_images", ImageIds=[inputs["ami"]])["Images"][0]
    members = shape.members["BlockDeviceMappings"].member.members["Ebs"]
    given = {name: value for name, value in inputs["rootBlockDevice"].items() if name not in ("tags", "tagsAll")}
    ebs = encode({"deleteOnTermination": True, **given}, members, "rootBlockDevice")
    ebs.setdefault("VolumeSize", image["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"])
    return {"DeviceName": image["RootDeviceName"], "Ebs": ebs}


def _tags(scope: Scope) -> list[dict[str, Any]]:
    own = (scope.inputs.get("rootBlockDevice") or {}).get("tags") or scope.inputs.get("volumeTags") or {}
    kinds = {"instance": scope["tagList"], "volume": [{"Key": key, "Value": value} for key, value in own.items()]}
    return [{"ResourceType": kind, "Tags": tags} for kind, tags in kinds.items() if tags]


def _described(scope: Scope, found: Mapping[str, Any]) -> Properties:
    interfaces = found.get("NetworkInterfaces") or [{}]
    options = found.get("MetadataOptions") or {}
    return {
        "ami": found["ImageId"],
        "arn": f"{scope['prefix']}instance/{found['InstanceId']}",
        "associatePublicIpAddress": bool(found.get("PublicIpAddress")),
        "availabilityZone": found["Placement"]["AvailabilityZone"],
        "ebsOptimized": found.get("EbsOptimized", False),
        "iamInstanceProfile": found.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2] or None,
        "instanceState": found["State"]["Name"],
        "instanceType": found["InstanceType"],
        "keyName": found.get("KeyName"),
        "maintenanceOptions": {"autoRecovery": found.get("MaintenanceOptions", {}).get("AutoRecovery", "default")},
        "metadataOptions": {name[0].lower() + name[1:]: value for name, value in options.items() if name != "State"},
        "monitoring": found["Monitoring"]["State"] in ("enabled", "pending"),
        "primaryNetworkInterfaceId": interfaces[0].get("NetworkInterfaceId"),
        "privateDns": found.get("PrivateDnsName"),
        "privateIp": found.get("PrivateIpAddress"),
        "publicDns": found.get("PublicDnsName") or "",
        "publicIp": found.get("PublicIpAddress") or "",
        "sourceDestCheck": found.get("SourceDestCheck", True),
        "subnetId": found.get("SubnetId"),
        "tenancy": found["Placement"].get("Tenancy", "default"),
        "vpcSecurityGroupIds": [group["GroupId"] for group in found.get("SecurityGroups", [])],
        "Tags": found.get("Tags", []),
    }


def _attributes(session: Session, scope: Scope) -> Properties:
    def ask(name: str) -> Any:
        answer = session.call("describe_instance_attribute", InstanceId=scope["id"], Attribute=name)
        return answer.get(name[0].upper() + name[1:], {}).get("Value")

    names = ("disableApiStop", "disableApiTermination", "instanceInitiatedShutdownBehavior")
    found = session.call("describe_instance_credit_specifications", InstanceIds=[scope["id"]])
    return {
        **{name: ask(name) for name in names},
        "creditSpecification": {"cpuCredits": found["InstanceCreditSpecifications"][0]["CpuCredits"]},
        **_told_user_data(scope, ask("userData")),
    }


def _told_user_data(scope: Scope, encoded: str | None) -> Properties:
    """Return user data in the form in which the program gave it; an import tells text only."""
    if not encoded:
        return {}
    if scope["userDataBase64"]:
        return {"userDataBase64": encoded}
    try:
        return {"userData": base64.b64decode(encoded).decode()}
    except UnicodeDecodeError:
        return {}


def _volume(session: Session, instance: Mapping[str, Any]) -> Properties:
    device = instance["RootDeviceName"]
    mapping = next(one for one in instance["BlockDeviceMappings"] if one["DeviceName"] == device)
    volume = session.call("describe_volumes", VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"][0]
    return {
        "deleteOnTermination": mapping["Ebs"]["DeleteOnTermination"],
        "deviceName": device,
        "encrypted": volume["Encrypted"],
        "iops": volume.get("Iops"),
        "kmsKeyId": volume.get("KmsKeyId"),
        "tags": tag_map(volume.get("Tags")),
        "throughput": volume.get("Throughput") or (125 if volume["VolumeType"] == "gp3" else None),
        "volumeId": volume["VolumeId"],
        "volumeSize": volume["Size"],
        "volumeType": volume["VolumeType"],
    }

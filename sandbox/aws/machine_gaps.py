"""What moto's EC2 lacks of instances: addresses that respect reservations, images of ours, and forgotten settings.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociationBackend
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.monitoring import Monitoring

from sandbox.aws.addresses import first_free
from sandbox.aws.images import IMAGES

__all__ = ["MACHINE_GAPS"]

_DESCRIBE_IMAGES = AmiBackend.describe_images
_INTERFACE = NetworkInterface.__init__
_MODIFY = InstanceResponse.modify_instance_attribute
_REPLACE_PROFILE = IamInstanceProfileAssociationBackend.replace_iam_instance_profile_association
_RUN = InstanceResponse.run_instances
_SET_GROUPS = InstanceBackend.modify_instance_security_groups
_TERMINATE = Instance.terminate

# moto looks for a free address and takes it in two steps.
_TAKING = threading.Lock()


def _addresses(subnet: Any) -> set[str]:
    """Return the addresses that network interfaces of a subnet have, and those that moto notes beside them."""
    found = {
        str(one["PrivateIpAddress"])
        for interface in subnet.ec2_backend.enis.values()
        if interface.subnet.id == subnet.id
        for one in interface.private_ip_addresses
    }
    return found | {str(one) for one in subnet._subnet_ips}  # noqa: SLF001 - moto's only list of them


def _free_address(subnet: Any, instance: Any = None) -> str:
    reserved = [str(one.cidr) for one in subnet._cidr_reservations]  # noqa: SLF001 - as above
    found = first_free(subnet.cidr_block, _addresses(subnet), reserved)
    if found is None:
        raise EC2ClientError(
            "InsufficientFreeAddressesInSubnet",
            f"There are not enough free addresses in subnet '{subnet.id}' for the requested number of instances.",
        )
    subnet._subnet_ips[found] = instance  # noqa: SLF001 - as above
    return found


def _make_interface(
    interface: Any, ec2_backend: Any, subnet: Any, private_ip_address: Any, *args: Any, **kw: Any
) -> None:
    """Give an interface without an address a free one; moto's own is random, and may be taken or reserved."""
    place = ec2_backend.get_subnet(subnet) if isinstance(subnet, str) else subnet
    if place is not None and not private_ip_address and not (args and args[0]) and not kw.get("private_ip_addresses"):
        with _TAKING:
            private_ip_address = _free_address(place)
    _INTERFACE(interface, ec2_backend, subnet, private_ip_address, *args, **kw)


def _describe_images(backend: Any, ami_ids: Any = None, *args: Any, **kw: Any) -> Any:
    for unique, image in IMAGES.items():
        if unique not in backend.amis:
            backend.amis[unique] = Ami(
                backend,
                unique,
                name=image.name,
                owner_id=image.owner,
                public=True,
                virtualization_type="hvm",
                architecture=image.architecture,
                hypervisor="xen",
                root_device_type="ebs",
                root_device_name=image.root_device,
                region_name=f"{backend.region_name}a",
            )
    return _DESCRIBE_IMAGES(backend, ami_ids, *args, **kw)


def _run_instances(response: Any) -> Any:
    answer: Any = _RUN(response)
    get = response._get_param  # noqa: SLF001 - moto's own way for its responses, inherited by none of ours
    for instance in answer.result.instances:
        if not instance.security_groups and instance.nics:
            # Groups given with the interface are the instance's.
            instance.security_groups = list(instance.nics[0]._group_set)  # noqa: SLF001 - moto's only list of them
        instance.disable_api_termination = bool(get("DisableApiTermination"))
        instance.credits = get("CreditSpecification.CpuCredits")
        instance.auto_recovery = get("MaintenanceOptions.AutoRecovery") or "default"
        for mapping in get("BlockDeviceMappings", []):
            _complete_volume(instance, mapping)
    return answer


def _modify_attribute(response: Any) -> Any:
    data = response._get_param("UserData.Value")  # noqa: SLF001 - as above
    if data is None:
        return _MODIFY(response)
    # moto decodes what comes and then takes it for encoded once more.
    raw = data if isinstance(data, bytes) else str(data).encode()
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))  # noqa: SLF001 - as above
    instance.user_data = Base64EncodedString(base64.b64encode(raw).decode())
    return EmptyResult()


def _complete_volume(instance: Any, mapping: dict[str, Any]) -> None:
    """Note what moto forgets of a volume that comes with an instance."""
    volume = instance.ec2_backend.volumes[instance.block_device_mapping[mapping["DeviceName"]].volume_id]
    given = mapping.get("Ebs") or {}
    volume.iops = int(given["Iops"]) if given.get("Iops") else volume.iops
    volume.throughput = int(given["Throughput"]) if given.get("Throughput") else volume.throughput


def _set_groups(backend: Any, instance_id: str, new_group_id_list: list[str]) -> Any:
    instance = _SET_GROUPS(backend, instance_id, new_group_id_list)
    # moto leaves the interface as it was.
    instance.nics[0]._group_set = list(instance.security_groups)  # noqa: SLF001 - moto's only list of them
    return instance


def _replace_profile(backend: Any, *args: Any, **kw: Any) -> Any:
    found = _REPLACE_PROFILE(backend, *args, **kw)
    # moto leaves the instance with the old one.
    found.instance.iam_instance_profile = {"Arn": found.iam_instance_profile.arn, "Id": found.association_id}
    return found


def _terminate(instance: Any) -> Any:
    """Let an instance's own network interfaces go with it, as AWS does by default; moto keeps them."""
    made_with = [one for one in instance.nics.values() if one.description == "Primary network interface"]
    previous = _TERMINATE(instance)
    for interface in made_with:
        if interface.id in instance.ec2_backend.enis:
            interface.delete()
    return previous


def _modify_credits(response: Any) -> Any:
    for one in response._get_param("InstanceCreditSpecifications", []):  # noqa: SLF001 - as above
        response.ec2_backend.get_instance(one["InstanceId"]).credits = one["CpuCredits"]
    return ActionResult({"SuccessfulInstanceCreditSpecifications": [], "UnsuccessfulInstanceCreditSpecifications": []})


def _describe_credits(response: Any) -> Any:
    ids = response._get_param("InstanceIds", [])  # noqa: SLF001 - as above
    found = [response.ec2_backend.get_instance(one) for one in ids]
    told = [
        {"InstanceId": one.id, "CpuCredits": getattr(one, "credits", None) or _default_credits(one.instance_type)}
        for one in found
    ]
    return ActionResult({"InstanceCreditSpecifications": told})


def _default_credits(instance_type: str) -> str:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode.html
    return "unlimited" if instance_type.startswith(("t3", "t4g")) else "standard"


def _modify_maintenance(response: Any) -> Any:
    get = response._get_param  # noqa: SLF001 - as above
    instance = response.ec2_backend.get_instance(get("InstanceId"))
    instance.auto_recovery = get("AutoRecovery") or instance.auto_recovery
    return ActionResult({"InstanceId": instance.id, "AutoRecovery": instance.auto_recovery})


def _maintenance_options(instance: Any) -> dict[str, str]:
    return {"AutoRecovery": getattr(instance, "auto_recovery", "default")}


def _switch_monitoring(state: str) -> Callable[[Any], Any]:
    def switch(response: Any) -> Any:
        for unique in response._get_param("InstanceIds", []):  # noqa: SLF001 - as above
            response.ec2_backend.get_instance(unique).monitoring_state = state
        return EmptyResult()

    return switch


MACHINE_GAPS: tuple[tuple[type, str, Callable[..., Any] | property], ...] = (
    (AmiBackend, "describe_images", _describe_images),
    (IamInstanceProfileAssociationBackend, "replace_iam_instance_profile_association", _replace_profile),
    (Instance, "maintenance_options", property(_maintenance_options)),
    (Instance, "terminate", _terminate),
    (InstanceBackend, "modify_instance_security_groups", _set_groups),
    (InstanceResponse, "describe_instance_credit_specifications", _describe_credits),
    (InstanceResponse, "modify_instance_attribute", _modify_attribute),
    (InstanceResponse, "modify_instance_credit_specification", _modify_credits),
    (InstanceResponse, "modify_instance_maintenance_options", _modify_maintenance),
    (InstanceResponse, "run_instances", _run_instances),
    (Monitoring, "monitor_instances", _switch_monitoring("enabled")),
    (Monitoring, "unmonitor_instances", _switch_monitoring("disabled")),
    (NetworkInterface, "__init__", _make_interface),
    (Subnet, "get_available_subnet_ip", _free_address),
)

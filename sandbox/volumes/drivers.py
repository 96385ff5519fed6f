"""What the two drivers make in AWS, and how they read a StorageClass."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.provisioning.amounts import number

_GIB: Final = 1024**3


class RefusedError(Exception):
    """What the driver says of a claim that it cannot serve."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be made.

    Attributes:
        name: Of the PersistentVolume.
        namespace: Of the claim.
        claim: Its name.
        cluster: Name of the cluster.
        parameters: Of the StorageClass.
        size: Bytes.
        zone: Where; empty when it does not matter.
        tags: Those that the driver was told to put on all volumes.
    """

    name: str
    namespace: str
    claim: str
    cluster: str
    parameters: Mapping[str, str]
    size: int
    zone: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Driver:
    """One CSI driver.

    Attributes:
        name: The provisioner of its StorageClasses.
        deployment: Name of its controller's Deployment.
        addon: EKS add-on that brings it in the Deployment's place; empty when there is none.
        account: Service account of the controller.
        client: Name of the AWS service.
        zonal: Whether its volumes are in one zone.
        make: Makes what a wish says and returns its handle.
        remove: Removes what a handle says, which may have gone.
    """

    name: str
    deployment: str
    addon: str
    account: str
    client: str
    zonal: bool
    make: Callable[[Any, Wish], str]
    remove: Callable[[Any, str], None]


# https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md
_EBS_PARAMETERS: Final = {
    *("type", "iopspergb", "allowautoiopspergbincrease", "iops", "throughput", "encrypted", "kmskeyid"),
    *("blockexpress", "blocksize", "inodesize", "bytesperinode", "numberofinodes", "ext4bigalloc", "ext4clustersize"),
    *("allowautoiopsincrease", "volumeinitializationrate", "csi.storage.k8s.io/fstype", "fstype"),
}


def make_ebs(ec2: Any, wish: Wish) -> str:
    """Make an EBS volume. Raise `RefusedError` for a parameter that the driver does not know."""
    given = {key.lower(): value for key, value in wish.parameters.items()}
    tags = {key: value for key, value in given.items() if key.startswith("tagspecification_")}
    if unknown := sorted(given.keys() - _EBS_PARAMETERS - tags.keys()):
        raise RefusedError(f"rpc error: Invalid parameter key {unknown[0]} for CreateVolume")
    asked: dict[str, Any] = {"VolumeType": given.get("type", "gp3"), "Size": max(1, math.ceil(wish.size / _GIB))}
    asked |= {name: int(given[key]) for key, name in (("iops", "Iops"), ("throughput", "Throughput")) if key in given}
    asked |= {"Encrypted": given.get("encrypted", "false") == "true"}
    asked |= {"KmsKeyId": given["kmskeyid"]} if "kmskeyid" in given else {}
    found = {
        **wish.tags,
        **dict(value.partition("=")[::2] for value in tags.values()),
        "CSIVolumeName": wish.name,
        "Name": f"{wish.cluster}-dynamic-{wish.name}",
        "KubernetesCluster": wish.cluster,
        f"kubernetes.io/cluster/{wish.cluster}": "owned",
        "ebs.csi.aws.com/cluster": "true",
        "ebs.csi.aws.com/cluster-name": wish.cluster,
        "kubernetes.io/created-for/pv/name": wish.name,
        "kubernetes.io/created-for/pvc/name": wish.claim,
        "kubernetes.io/created-for/pvc/namespace": wish.namespace,
    }
    specification = {"ResourceType": "volume", "Tags": [{"Key": key, "Value": found[key]} for key in sorted(found)]}
    made = ec2.create_volume(AvailabilityZone=wish.zone, TagSpecifications=[specification], **asked)
    return str(made["VolumeId"])


def remove_ebs(ec2: Any, handle: str) -> None:
    """Delete an EBS volume."""
    _without(("InvalidVolume.NotFound",), lambda: ec2.delete_volume(VolumeId=handle))


def make_efs(efs: Any, wish: Wish) -> str:
    """Make an access point of a file system that is there and that the nodes can mount."""
    given = wish.parameters
    system = given.get("fileSystemId", "")
    if given.get("provisioningMode") != "efs-ap" or not system:
        raise RefusedError("rpc error: provisioningMode has to be efs-ap, and fileSystemId has to be there")
    if not efs.describe_mount_targets(FileSystemId=system)["MountTargets"]:
        raise RefusedError(f"rpc error: {system} has no mount target")
    person = int(given.get("gid") or given.get("gidRangeStart") or 50000)
    owner = int(given.get("uid") or person)
    permissions = given.get("directoryPerms", "700")
    created = {"OwnerUid": owner, "OwnerGid": person, "Permissions": permissions}
    made = efs.create_access_point(
        ClientToken=wish.name,
        FileSystemId=system,
        PosixUser={"Uid": owner, "Gid": person},
        RootDirectory={"Path": f"{given.get('basePath', '').rstrip('/')}/{wish.name}", "CreationInfo": created},
        Tags=[{"Key": key, "Value": value} for key, value in {**wish.tags, "efs.csi.aws.com/cluster": "true"}.items()],
    )
    return f"{system}::{made['AccessPointId']}"


def remove_efs(efs: Any, handle: str) -> None:
    """Delete an access point."""
    point = handle.rpartition(":")[2]
    _without(("AccessPointNotFound",), lambda: efs.delete_access_point(AccessPointId=point))


def _without(codes: tuple[str, ...], call: Callable[[], Any]) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def extra_tags(values: str) -> dict[str, str]:
    """Return the tags for all volumes out of the driver's settings as JSON: chart values, or the add-on's."""
    controller = (json.loads(values or "{}") or {}).get("controller") or {}
    tags = controller.get("extraVolumeTags") or controller.get("tags") or {}
    return {str(key): str(value) for key, value in tags.items()}


def bytes_of(claim: Mapping[str, Any]) -> int:
    """Return how much a claim asks for."""
    return round(number(claim["spec"]["resources"]["requests"]["storage"]))


DRIVERS: Final = (
    Driver(
        name="ebs.csi.aws.com",
        deployment="ebs-csi-controller",
        addon="aws-ebs-csi-driver",
        account="ebs-csi-controller-sa",
        client="ec2",
        zonal=True,
        make=make_ebs,
        remove=remove_ebs,
    ),
    Driver(
        name="efs.csi.aws.com",
        deployment="efs-csi-controller",
        addon="aws-efs-csi-driver",
        account="efs-csi-controller-sa",
        client="efs",
        zonal=False,
        make=make_efs,
        remove=remove_efs,
    ),
)

"""How the drivers' stand-ins read StorageClasses and their own settings."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.volumes.drivers import RefusedError, Wish, extra_tags, make_ebs, make_efs


class FakeAws:
    """EC2 and EFS: notes what is to be made."""

    def __init__(self, targets: int = 1) -> None:
        self.targets = targets
        self.asked: dict[str, Any] = {}

    def create_volume(self, **given: Any) -> dict[str, str]:
        self.asked = given
        return {"VolumeId": "vol-1"}

    def describe_mount_targets(self, FileSystemId: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        return {"MountTargets": [{}] * self.targets}

    def create_access_point(self, **given: Any) -> dict[str, str]:
        self.asked = given
        return {"AccessPointId": "fsap-1"}


def wish(size: int = 1, **parameters: Any) -> Wish:
    return Wish(
        name="pvc-1",
        namespace="shop",
        claim="data",
        cluster="demo",
        parameters=parameters,
        size=size,
        zone="eu-west-1a",
    )


@pytest.mark.parametrize(("size", "gib"), [(1, 1), (1024**3, 1), (1024**3 + 1, 2), (80 * 1024**3, 80)])
def test_sizes_are_rounded_up(size: int, gib: int) -> None:
    """EBS sells whole GiB."""
    aws = FakeAws()
    assert make_ebs(aws, wish(size)) == "vol-1"
    assert aws.asked["Size"] == gib


def test_parameters_reach_ec2_whatever_their_case() -> None:
    """Type, throughput, encryption with its key, tags of the class."""
    aws = FakeAws()
    make_ebs(
        aws,
        wish(type="gp3", Encrypted="true", kmsKeyId="key", throughput="250", tagSpecification_1="tier=data"),
    )
    tags = {tag["Key"]: tag["Value"] for tag in aws.asked["TagSpecifications"][0]["Tags"]}
    assert (aws.asked["Encrypted"], aws.asked["KmsKeyId"], aws.asked["Throughput"]) == (True, "key", 250)
    assert tags["tier"] == "data"
    assert tags["kubernetes.io/created-for/pvc/namespace"] == "shop"


def test_a_volume_is_not_encrypted_by_itself() -> None:
    """The sandbox is no kinder than a driver without the parameter."""
    aws = FakeAws()
    make_ebs(aws, wish())
    assert aws.asked["Encrypted"] is False


def test_an_unknown_parameter_is_refused() -> None:
    """In the driver's words."""
    with pytest.raises(RefusedError, match="Invalid parameter key tpye"):
        make_ebs(FakeAws(), wish(tpye="gp3"))


@pytest.mark.parametrize(
    ("targets", "parameters", "error"),
    [
        (1, {"fileSystemId": "fs-1"}, "provisioningMode"),
        (1, {"provisioningMode": "efs-ap"}, "fileSystemId"),
        (0, {"provisioningMode": "efs-ap", "fileSystemId": "fs-1"}, "no mount target"),
    ],
    ids=["mode", "file system", "mount target"],
)
def test_efs_wants_a_file_system_that_can_be_mounted(targets: int, parameters: dict[str, Any], error: str) -> None:
    """Else the claim stays Pending, with the reason."""
    with pytest.raises(RefusedError, match=error):
        make_efs(FakeAws(targets), wish(**parameters))


def test_an_access_point_is_its_volumes_own() -> None:
    """Below the base path, owned by the class's group; the handle names file system and access point."""
    aws = FakeAws()
    parameters: dict[str, Any] = {
        "provisioningMode": "efs-ap",
        "fileSystemId": "fs-1",
        "basePath": "/claims/",
        "gid": "1000",
    }
    assert make_efs(aws, wish(**parameters)) == "fs-1::fsap-1"
    assert aws.asked["RootDirectory"]["Path"] == "/claims/pvc-1"
    assert aws.asked["PosixUser"] == {"Uid": 1000, "Gid": 1000}


@pytest.mark.parametrize(
    ("settings", "tags"),
    [("", {}), ("{}", {}), ('{"controller": {"extraVolumeTags": {"team": "a"}}}', {"team": "a"})],
    ids=["none", "empty", "tags"],
)
def test_tags_for_all_volumes(settings: str, tags: dict[str, str]) -> None:
    """Out of chart values or an add-on's settings, both as JSON."""
    assert extra_tags(settings) == tags

"""One EC2 instance as AWS describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance at the moment when it was looked at.

    Attributes:
        described: AWS's description.
        region: Where it is.
    """

    described: Mapping[str, Any]
    region: str

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.described["InstanceId"])

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return str(self.described["State"]["Name"]) in ("pending", "running")

    @property
    def vpc(self) -> str:
        """Its VPC."""
        return str(self.described.get("VpcId", ""))

    @property
    def zone(self) -> str:
        """Its availability zone."""
        return str(self.described["Placement"]["AvailabilityZone"])

    @property
    def address(self) -> str:
        """Its private address."""
        return str(self.described.get("PrivateIpAddress", ""))

    @property
    def type(self) -> str:
        """Its instance type."""
        return str(self.described["InstanceType"])

    @property
    def profile(self) -> str:
        """ARN of its instance profile; empty without one."""
        return str(self.described.get("IamInstanceProfile", {}).get("Arn", ""))

    @property
    def provider_id(self) -> str:
        """How Kubernetes names it."""
        return f"aws:///{self.zone}/{self.id}"

    @property
    def groups(self) -> list[str]:
        """Ids of its security groups."""
        return [str(group["GroupId"]) for group in self.described.get("SecurityGroups", [])]

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return {tag["Key"]: tag["Value"] for tag in self.described.get("Tags", [])}

    @property
    def hostname(self) -> str:
        """The name that its operating system gets."""
        return str(self.described.get("PrivateDnsName", "")).partition(".")[0] or self.id

    def volumes(self) -> tuple[str, list[str]]:
        """Return the root volume and the other ones that are attached."""
        root = str(self.described.get("RootDeviceName", ""))
        by_device = {
            str(one["DeviceName"]): str(one["Ebs"]["VolumeId"]) for one in self.described.get("BlockDeviceMappings", [])
        }
        return by_device.pop(root, ""), sorted(by_device.values())

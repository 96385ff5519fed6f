"""EFS CSI driver: access points of the cluster's file systems.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEFSCSIDriverPolicy.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.identity.policies.scope import Document, Scope, allow, document

_DRIVER: Final = "efs.csi.aws.com/cluster"


def required_values(scope: Scope) -> Mapping[str, Any]:
    """Return the chart's values without which access points cannot be made: the cluster's tag is put on each."""
    return {"controller": {"tags": {scope.owner: "owned"}}}


def efs_csi(scope: Scope) -> Document:
    """Let the driver make access points on file systems that carry the cluster's tag, and delete its own.

    AWS's policy tells driver-made access points from others, but not one cluster's from another's.
    """
    created: dict[str, Any] = {f"aws:RequestTag/{_DRIVER}": "true", f"aws:RequestTag/{scope.owner}": "owned"}
    owned: dict[str, Any] = {f"aws:ResourceTag/{scope.owner}": "owned"}
    keys: dict[str, Any] = {"aws:TagKeys": [_DRIVER, scope.owner]}
    reads = [f"elasticfilesystem:Describe{kind}" for kind in ("AccessPoints", "FileSystems", "MountTargets")]
    systems = scope.arn("elasticfilesystem", "file-system/*")
    points = scope.arn("elasticfilesystem", "access-point/*")
    return document(
        allow("AllowDescribe", [*reads, "ec2:DescribeAvailabilityZones"], "*"),
        allow(
            "AllowCreateAccessPoint",
            ["elasticfilesystem:CreateAccessPoint"],
            systems,
            **{"StringEquals": created | owned, "ForAllValues:StringEquals": keys},
        ),
        allow(
            "AllowTagNewAccessPoints",
            ["elasticfilesystem:TagResource"],
            [systems, points],
            **{
                "StringEquals": created | {"elasticfilesystem:CreateAction": "CreateAccessPoint"},
                "ForAllValues:StringEquals": keys,
            },
        ),
        allow(
            "AllowDeleteAccessPoint",
            ["elasticfilesystem:DeleteAccessPoint"],
            points,
            StringEquals={f"aws:ResourceTag/{_DRIVER}": "true"} | owned,
        ),
    )

"""EBS CSI driver: volumes and snapshots that carry the cluster's name.

AWS's cluster-scoped policy compares with the session tag that Pod Identity brings; this one has the name itself.
Source:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEBSCSIDriverEKSClusterScopedPolicy.html.
"""

from __future__ import annotations

from typing import Any, Final

from components.identity.policies.scope import Document, Scope, Statement, allow, document

_TAG: Final = "ebs.csi.aws.com/cluster-name"
# The keys by which volumes are told apart; nobody changes them on a volume that exists.
_KEPT: Final = ("ebs.csi.aws.com/cluster", _TAG, "kubernetes.io/created-for/pvc/name")
# Who tags an instance with the cluster's name: a managed node group, Karpenter, or its owner by hand.
_INSTANCE_TAGS: Final = {"Cluster": "eks:cluster-name", "EKSStandardTagged": "eks:eks-cluster-name", "Tagged": _TAG}
_READS: Final = (
    "AvailabilityZones",
    "Instances",
    "InstanceTypes",
    "Snapshots",
    "Volumes",
    "VolumesModifications",
    "VolumeStatus",
)


def ebs_csi(scope: Scope, *, key_arn: str | None = None) -> Document:
    """Let the driver make, attach and delete the cluster's volumes.

    Args:
        scope: The cluster, whose name the driver has to put on its volumes (`controller.k8sTagClusterId`; the EKS
            add-on sets it).
        key_arn: The customer's key that storage classes name, or none: EBS's own key needs no right.
    """
    return document(*_volumes(scope), *_instances(scope), *_tagging(scope), *_key(scope, key_arn))


def _owned(scope: Scope, tag: str = _TAG) -> dict[str, Any]:
    return {f"ec2:ResourceTag/{tag}": scope.cluster_name}


def _volumes(scope: Scope) -> list[Statement]:
    requested = {f"aws:RequestTag/{_TAG}": scope.cluster_name}
    owned = _owned(scope)
    volumes, snapshots = scope.ec2("volume/*"), scope.ec2("snapshot/*")
    changes = ["ec2:ModifyVolume", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume"]
    copied = scope.ec2("volume/vol-*")
    restores = ["ec2:CreateVolume", "ec2:EnableFastSnapshotRestores"]
    deletes = ["ec2:DeleteSnapshot", "ec2:LockSnapshot"]
    return [
        allow("AllowReading", [f"ec2:Describe{kind}" for kind in _READS], "*"),
        allow("AllowCreatingVolumes", ["ec2:CreateVolume", "ec2:CopyVolumes"], volumes, StringEquals=requested),
        allow("AllowCopyingVolumes", ["ec2:CopyVolumes"], copied, StringEquals=owned),
        allow("AllowCreatingSnapshots", ["ec2:CreateSnapshot"], snapshots, StringEquals=requested),
        allow("AllowSnapshotsOfVolumes", ["ec2:CreateSnapshot"], volumes, StringEquals=owned),
        allow("AllowChangingVolumes", changes, volumes, StringEquals=owned),
        allow("AllowVolumesFromSnapshots", restores, snapshots, StringEquals=owned),
        allow("AllowDeletingSnapshots", deletes, snapshots, StringEquals=owned),
    ]


def _instances(scope: Scope) -> list[Statement]:
    """Attach to the cluster's instances: each tag in a statement of its own, for one of them is enough."""
    return [
        allow(
            f"AllowAttachingTo{kind}Instances",
            ["ec2:AttachVolume", "ec2:DetachVolume"],
            scope.ec2("instance/*"),
            StringEquals=_owned(scope, tag),
        )
        for kind, tag in _INSTANCE_TAGS.items()
    ]


def _tagging(scope: Scope) -> list[Statement]:
    volumes = scope.ec2("volume/*")
    creating = {"ec2:CreateAction": ["CreateVolume", "CreateSnapshot", "CopyVolumes"]}
    return [
        allow("AllowTaggingNew", ["ec2:CreateTags"], [volumes, scope.ec2("snapshot/*")], StringEquals=creating),
        allow(
            "AllowTaggingVolumes",
            ["ec2:CreateTags", "ec2:DeleteTags"],
            volumes,
            **{
                "StringEquals": _owned(scope),
                "Null": {"aws:TagKeys": "false"},
                "ForAllValues:StringNotEquals": {"aws:TagKeys": list(_KEPT)},
            },
        ),
    ]


def _key(scope: Scope, key_arn: str | None) -> list[Statement]:
    if key_arn is None:
        return []
    used = ["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey"]
    via = scope.via("ec2")
    granted = {"kms:GrantIsForAWSResource": "true"}
    return [
        allow("AllowUsingTheKey", used, key_arn, StringEquals=via),
        allow("AllowGrantingTheKey", ["kms:CreateGrant"], key_arn, Bool=granted, StringEquals=via),
    ]

"""Who may do what with buckets, file system, repositories and backups: plain dicts, which a preview shows whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

Document = dict[str, Any]
Statement = dict[str, Any]

# Prefixes of the logs bucket, by what they are the access logs of; CloudFront's begin with `AWSLogs/`.
S3_LOGS: Final = "s3"
LOAD_BALANCER_LOGS: Final = "elb"
# What a push is made of (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html).
_PUSH: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
# The EBS CSI driver puts it on every volume it makes (`k8sTagClusterId`, which the EKS add-on sets); nodes' own volumes
# lack it (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEBSCSIDriverEKSClusterScopedPolicy.html).
VOLUME_TAG: Final = "ebs.csi.aws.com/cluster-name"


def render(document: Mapping[str, Any]) -> str:
    """Write the document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))


def bucket_arn(partition: str, bucket: str) -> str:
    """Return the ARN that a bucket has or will have."""
    return f"arn:{partition}:s3:::{bucket}"


def bucket_policy(arn: str, statements: Sequence[Mapping[str, Any]] = ()) -> Document:
    """Return a bucket's policy: no request without TLS 1.2, and the statements.

    AWS's endpoints have taken nothing older since 2024
    (https://aws.amazon.com/blogs/storage/enforcing-encryption-in-transit-with-tls1-2-or-higher-with-amazon-s3/); that
    the policy says it too costs nothing, and plain HTTP is still answered without it.
    """
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "DenyPlainText", **denied, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Sid": "DenyOldTls", **denied, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
            *map(dict, statements),
        ],
    }


def everybody_reads(arn: str, keys: Sequence[str]) -> Statement:
    """Let everybody fetch these objects of a bucket, by their full keys, and list nothing."""
    return {
        "Sid": "AllowReadingPublished",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": [f"{arn}/{key}" for key in keys],
    }


def log_delivery(bucket: str, *, region: str, partition: str, account_id: str) -> list[Statement]:
    """Let the services of AWS that write access logs write this account's to the bucket, each under its prefix.

    Application load balancers write as the service in every region; the regions' own accounts, which older ones needed,
    are no longer asked for (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
    """
    arn = bucket_arn(partition, bucket)
    under = f"AWSLogs/{account_id}/*"
    ours = {"aws:SourceAccount": account_id}
    balancers = f"arn:{partition}:elasticloadbalancing:{region}:{account_id}:loadbalancer/*"
    deliveries = [f"arn:{partition}:logs:{region}:{account_id}:*"]
    if partition == "aws":
        # CloudFront's deliveries are made there, wherever the bucket is.
        deliveries.append(f"arn:{partition}:logs:us-east-1:{account_id}:delivery-source:*")
    delivered = {"StringEquals": ours, "ArnLike": {"aws:SourceArn": deliveries}}
    owned = {**delivered, "StringEquals": {**ours, "s3:x-amz-acl": "bucket-owner-full-control"}}
    of_buckets = {"StringEquals": ours, "ArnLike": {"aws:SourceArn": f"arn:{partition}:s3:::*"}}
    prefixed = f"{arn}/{LOAD_BALANCER_LOGS}/{under}"
    return [
        _writes("AllowBuckets", "logging.s3.amazonaws.com", [f"{arn}/{S3_LOGS}/*"], of_buckets),
        _writes(
            "AllowLoadBalancers",
            "logdelivery.elasticloadbalancing.amazonaws.com",
            [prefixed],
            {"ArnLike": {"aws:SourceArn": balancers}},
        ),
        _writes("AllowDelivery", "delivery.logs.amazonaws.com", [prefixed, f"{arn}/{under}"], owned),
        {
            **_writes("AllowDeliveryToLook", "delivery.logs.amazonaws.com", [arn], delivered),
            "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
        },
    ]


def _writes(sid: str, service: str, resources: Sequence[str], condition: Mapping[str, Any]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "s3:PutObject",
        "Resource": list(resources),
        "Condition": dict(condition),
    }


def file_system_policy(file_system_arn: str, *, region: str, partition: str, account_id: str) -> Document:
    """Let whoever reaches a mount target come in by an access point and over TLS, as the user that it names.

    Pods do not sign their mounts, so it is the security group that says who reaches a mount target. Without a policy
    EFS lets them in at the root, as root (https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html).
    """
    points = f"arn:{partition}:elasticfilesystem:{region}:{account_id}:access-point/*"
    everybody = {"Principal": {"AWS": "*"}, "Resource": file_system_arn}
    mounts = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyPlainText",
                "Effect": "Deny",
                **everybody,
                "Action": [*mounts, "elasticfilesystem:ClientRootAccess"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "AllowAccessPoints",
                "Effect": "Allow",
                **everybody,
                "Action": mounts,
                "Condition": {
                    "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
                    "ArnLike": {"elasticfilesystem:AccessPointArn": points},
                },
            },
        ],
    }


def push_trust(pushers: Sequence[str]) -> Document:
    """Let these roles take the push role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowPushers",
                "Effect": "Allow",
                "Principal": {"AWS": sorted(pushers)},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def push(repositories: Sequence[str], *, region: str, partition: str, account_id: str) -> Document:
    """Let the push role add images to these repositories, and do nothing else.

    A login has no repository: AWS takes no other resource than `*` for it.
    """
    arns = [f"arn:{partition}:ecr:{region}:{account_id}:repository/{repository}" for repository in repositories]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "AllowLogin", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {"Sid": "AllowPush", "Effect": "Allow", "Action": list(_PUSH), "Resource": arns},
        ],
    }


def image_lifecycle() -> Document:
    """Return which images go: those without a tag after 14 days, and of those with one all but the last 100."""
    rules = [
        {
            "rulePriority": 1,
            "description": "Untagged images after 14 days",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 14,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "All but the last 100 tagged images",
            "selection": {
                "tagStatus": "tagged",
                "tagPatternList": ["*"],
                "countType": "imageCountMoreThan",
                "countNumber": 100,
            },
            "action": {"type": "expire"},
        },
    ]
    return {"rules": rules}

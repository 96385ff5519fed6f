"""What the machines may do in the account: plain dicts, which a preview shows whole.

There is no right on a pattern of parameters anywhere: whoever could read `/kubernetes/*` could sign certificates of the
cluster. AWS's own `AmazonSSMManagedInstanceCore` has such a right, so that machines carry a policy of their own instead
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from components.identity.policies.scope import Document, Scope, Statement, allow, document
from components.identity.policy import oidc_provider_arn
from components.self_managed.names import AUDIT_PREFIX, METRICS_NAMESPACE, SNAPSHOTS_PREFIX, plan_names

# What the cloud controller manager's node controllers ask, found in pkg/providers/v1/{aws,zones,topology}.go of
# https://github.com/kubernetes/cloud-provider-aws; its controllers of load balancers, routes and tags do not run.
_NODE_CONTROLLERS: Final = (
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstanceTopology",
    "ec2:DescribeInstances",
    "ec2:DescribeRegions",
)
# https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
_SESSIONS: Final = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
# What reveals what a key has encrypted, or lets somebody else do so.
_REVEALING: Final = ("kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom")


def control_plane_secrets(scope: Scope, *, key_arn: str, join_key_arn: str) -> Document:
    """Let control planes read their secrets, and the token, which they put into the cluster.

    Args:
        scope: Whose machines.
        key_arn: Encrypts the control planes' secrets.
        join_key_arn: Encrypts the join token.
    """
    names = plan_names(scope.cluster_name)
    return document(
        *_parameters(scope, "ControlPlane", names.control_plane_parameters, key_arn),
        *_parameters(scope, "Join", [names.join_token_parameter], join_key_arn),
    )


def worker_secrets(scope: Scope, *, join_key_arn: str) -> Document:
    """Let all other machines read the join token and nothing else."""
    return document(*_parameters(scope, "Join", [plan_names(scope.cluster_name).join_token_parameter], join_key_arn))


def control_plane_documents(scope: Scope, *, backups_bucket: str, logs_bucket: str) -> Mapping[str, Document]:
    """Return what else control planes may do, by purpose.

    Args:
        scope: Whose machines.
        backups_bucket: Takes etcd's snapshots.
        logs_bucket: Takes audit logs.
    """
    own = {"cloudwatch:namespace": METRICS_NAMESPACE}
    return {
        "cloud-controller": document(allow("AllowReadingInstances", list(_NODE_CONTROLLERS), "*")),
        "snapshots": _snapshots(scope, backups_bucket),
        "audit": _audit(scope, logs_bucket),
        "metrics": document(allow("AllowOwnMetrics", ["cloudwatch:PutMetricData"], "*", StringEquals=own)),
        "sessions": _sessions(),
    }


def worker_documents() -> Mapping[str, Document]:
    """Return what else all other machines may do, by purpose."""
    return {"sessions": _sessions()}


def control_plane_key_denials(scope: Scope, *, issuer: str) -> list[Statement]:
    """Keep workers and the cluster's service accounts from the control planes' secrets, whatever else they may do.

    Args:
        scope: Whose key.
        issuer: Of the service accounts' tokens.
    """
    workers = scope.iam(f"role/{plan_names(scope.cluster_name).worker_role}")
    return [
        _never("DenyWorkers", ArnEquals={"aws:PrincipalArn": workers}),
        *join_key_denials(scope, issuer=issuer),
    ]


def join_key_denials(scope: Scope, *, issuer: str) -> list[Statement]:
    """Keep the cluster's service accounts from the join token, whatever else they may do."""
    provider = oidc_provider_arn(partition=scope.partition, account_id=scope.account_id, issuer=issuer)
    return [_never("DenyServiceAccounts", StringEquals={"aws:FederatedProvider": provider})]


def role_arn(scope: Scope, role_name: str) -> str:
    """Return the ARN that a role has or will have."""
    return scope.iam(f"role/{role_name}")


def render(document: Mapping[str, Any]) -> str:
    """Write the document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))


def _never(sid: str, **conditions: Mapping[str, Any]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": list(_REVEALING),
        "Resource": "*",
        "Condition": conditions,
    }


def _parameters(scope: Scope, whose: str, names: Sequence[str], key_arn: str) -> list[Statement]:
    """Let the holder read these parameters, and nothing else that their key has encrypted.

    SSM gives KMS the parameter's ARN as context (https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html).
    """
    arns = [scope.arn("ssm", f"parameter{name}") for name in names]
    return [
        allow(f"AllowReading{whose}Parameters", ["ssm:GetParameter", "ssm:GetParameters"], arns),
        allow(
            f"AllowDecrypting{whose}Parameters",
            ["kms:Decrypt"],
            [key_arn],
            StringEquals={**scope.via("ssm"), "kms:EncryptionContext:PARAMETER_ARN": arns},
        ),
    ]


def _snapshots(scope: Scope, bucket: str) -> Document:
    """Let control planes add snapshots and read the cluster's own for a restore, and remove none.

    The bucket's key takes the bucket's ARN as context, for it has a bucket key; `kms:Decrypt` is what an upload in
    parts needs, too (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html).
    """
    arn = f"arn:{scope.partition}:s3:::{bucket}"
    own = f"{SNAPSHOTS_PREFIX}/{scope.cluster_name}/"
    return document(
        allow("AllowSnapshots", ["s3:GetObject", "s3:PutObject"], [f"{arn}/{own}*"]),
        allow("AllowListingSnapshots", ["s3:ListBucket"], [arn], StringLike={"s3:prefix": f"{own}*"}),
        allow(
            "AllowEncryptingSnapshots",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [scope.arn("kms", "key/*")],
            StringEquals={**scope.via("s3"), "kms:EncryptionContext:aws:s3:arn": arn},
        ),
    )


def _audit(scope: Scope, bucket: str) -> Document:
    """Let control planes add audit logs, but neither read nor remove one: who breaks in leaves a trace."""
    below = f"arn:{scope.partition}:s3:::{bucket}/{AUDIT_PREFIX}/{scope.cluster_name}/*"
    return document(allow("AllowAuditLogs", ["s3:PutObject"], [below]))


def _sessions() -> Document:
    """Let Session Manager reach the machine; none of these takes a resource that would narrow it further."""
    return document(allow("AllowSessionManager", list(_SESSIONS), "*"))

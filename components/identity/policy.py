"""Trust policies and the policies of nodes, as plain dicts that a preview shows whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.partitions import dns_suffix

Document = dict[str, Any]

# Of the tokens that pods give to STS, in every partition.
STS_AUDIENCE: Final = "sts.amazonaws.com"

# What a node needs to join, to pull images and to be reached by Session Manager. The CNI's rights belong to the VPC
# CNI's own identity, not to every pod's node (https://docs.aws.amazon.com/eks/latest/userguide/cni-iam-role.html).
NODE_POLICIES: Final[Mapping[str, str]] = {
    "worker": "AmazonEKSWorkerNodePolicy",
    "images": "AmazonEC2ContainerRegistryPullOnly",
    "session-manager": "AmazonSSMManagedInstanceCore",
}


def managed_policy_arn(partition: str, name: str) -> str:
    """Return the ARN of a policy that AWS manages; some lie under `service-role/`."""
    return f"arn:{partition}:iam::aws:policy/{name}"


def cluster_arn(*, partition: str, region: str, account_id: str, cluster_name: str) -> str:
    """Return the ARN that an EKS cluster has or will have."""
    return f"arn:{partition}:eks:{region}:{account_id}:cluster/{cluster_name}"


def control_plane_trust() -> Document:
    """Let EKS take a cluster's role."""
    return _trust({"Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"})


def node_trust(partition: str) -> Document:
    """Let EC2 instances take a node's role."""
    return _trust({"Principal": {"Service": f"ec2.{dns_suffix(partition)}"}, "Action": "sts:AssumeRole"})


def pod_identity_trust(*, account_id: str, cluster: str, namespace: str, service_account: str) -> Document:
    """Let one service account of one cluster take a role, through EKS Pod Identity.

    The conditions keep every other cluster and service account of the AWS account out
    (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html).

    Args:
        account_id: AWS account.
        cluster: The cluster's ARN.
        namespace: The service account's namespace.
        service_account: Its name.
    """
    return _trust(
        {
            "Sid": "AllowEksAuthToAssumeRoleForPodIdentity",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": account_id,
                    "aws:RequestTag/eks-cluster-arn": cluster,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                }
            },
        }
    )


def oidc_provider_arn(*, partition: str, account_id: str, issuer: str) -> str:
    """Return the ARN that IAM's provider for the issuer's URL has or will have."""
    return f"arn:{partition}:iam::{account_id}:oidc-provider/{issuer.removeprefix('https://')}"


def irsa_trust(*, provider_arn: str, issuer: str, namespace: str, service_account: str) -> Document:
    """Let one service account of the issuer's cluster take a role, by its token for STS.

    Without `aud` a token for another service would do, without `sub` one of any service account
    (https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html).

    Args:
        provider_arn: IAM's provider for the issuer.
        issuer: URL, as the cluster's tokens name it.
        namespace: The service account's namespace.
        service_account: Its name.
    """
    claims = issuer.removeprefix("https://")
    return _trust(
        {
            "Sid": "AllowServiceAccount",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{claims}:aud": STS_AUDIENCE,
                    f"{claims}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                }
            },
        }
    )


def _trust(statement: dict[str, Any]) -> Document:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}

"""IAM and KMS documents, add-on configuration and node configuration of the cluster, as plain values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

# Least set for a node that joins, pulls images and is reached by Session Manager. The CNI's rights belong to the
# vpc-cni add-on's own identity (https://docs.aws.amazon.com/eks/latest/userguide/cni-iam-role.html).
NODE_POLICIES: Mapping[str, str] = {
    "worker": "AmazonEKSWorkerNodePolicy",
    "registry": "AmazonEC2ContainerRegistryPullOnly",
    "ssm": "AmazonSSMManagedInstanceCore",
}


def service_trust(service: str) -> str:
    """Return a trust policy that lets one AWS service assume the role."""
    return _document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def pod_identity_trust(*, account_id: str, cluster_arn: str, namespace: str, service_account: str) -> str:
    """Return a trust policy for one service account of one cluster.

    The conditions keep another cluster or service account of the same AWS account from using the role
    (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html).
    """
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": account_id,
                    "aws:RequestTag/eks-cluster-arn": cluster_arn,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                }
            },
        }
    )


def cluster_arn(*, partition: str, region: str, account_id: str, cluster_name: str) -> str:
    """Return the ARN that the cluster has or will have."""
    return f"arn:{partition}:eks:{region}:{account_id}:cluster/{cluster_name}"


def managed_policy_arn(partition: str, name: str) -> str:
    """Return the ARN of a policy that AWS manages; some lie under `service-role/`."""
    return f"arn:{partition}:iam::aws:policy/{name}"


def secrets_key_policy(*, partition: str, account_id: str) -> str:
    """Return the key policy of the cluster's envelope key: the account decides by IAM, nobody else is named."""
    return _document(_account_administers(partition, account_id))


def logs_key_policy(*, partition: str, region: str, account_id: str, log_group: str) -> str:
    """Return the key policy of a log group's key: CloudWatch Logs may use it for that one log group.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.
    """
    arn = f"arn:{partition}:logs:{region}:{account_id}:log-group:{log_group}"
    return _document(
        _account_administers(partition, account_id),
        {
            "Sid": "LogGroup",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
        },
    )


def vpc_cni_configuration() -> str:
    """Return the vpc-cni add-on's configuration: /28 prefixes instead of single addresses, network policies enforced.

    A warm prefix takes under a second where a new network interface takes up to ten
    (https://docs.aws.amazon.com/eks/latest/best-practices/prefix-mode-linux.html).
    """
    values = {"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}}
    return json.dumps(values, sort_keys=True)


def node_user_data(max_pods: int) -> str:
    """Return base64 user data that sets the kubelet's pod limit; EKS merges it with its own part.

    Source: https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/.
    """
    text = f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: {max_pods}

--//--
"""
    return base64.b64encode(text.encode()).decode()


def _account_administers(partition: str, account_id: str) -> dict[str, Any]:
    return {
        "Sid": "AccountAdministers",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account_id}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

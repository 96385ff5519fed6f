"""The envelope key's policy, add-on configuration and node configuration of the cluster, as plain values."""

from __future__ import annotations

import base64
import json

from components.observability.policy import account_administers


def secrets_key_policy(*, partition: str, account_id: str) -> str:
    """Return the key policy of the cluster's envelope key: the account decides by IAM, nobody else is named."""
    statement = account_administers(partition=partition, account_id=account_id)
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


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

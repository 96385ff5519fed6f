"""The envelope key's policy, add-on configuration and node configuration of the cluster, as plain values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from components.eks import kubelet
from components.encryption.policy import account_administers

# EC2 refuses more, counted before base64 (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html).
USER_DATA_BYTES: Final = 16 * 1024
_BASE_NODES: Final = {"node-type": "base"}


def secrets_key_policy(*, partition: str, account_id: str) -> str:
    """Return the key policy of the cluster's envelope key: the account decides by IAM, nobody else is named."""
    statement = account_administers(partition=partition, account_id=account_id)
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def vpc_cni_configuration(
    *, region: str = "", pod_subnet_ids: Mapping[str, str] | None = None, security_group_id: str = ""
) -> str:
    """Return the vpc-cni add-on's configuration: /28 prefixes instead of single addresses, network policies enforced.

    A warm prefix takes under a second where a new network interface takes up to ten
    (https://docs.aws.amazon.com/eks/latest/best-practices/prefix-mode-linux.html).

    Pods get addresses of their node's subnet, or of a subnet of their own in the node's zone (custom networking): the
    node's zone label names the ENIConfig, of which the add-on makes one per entry of `eniConfig.subnets`
    (https://docs.aws.amazon.com/eks/latest/userguide/cni-custom-network-tutorial.html).

    Args:
        region: Of the cluster; needed with pod subnets.
        pod_subnet_ids: The pods' subnet by the name of its zone.
        security_group_id: The cluster's own, for the pods' interfaces.
    """
    environment = {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}
    values: dict[str, Any] = {"enableNetworkPolicy": "true", "env": environment}
    if pod_subnet_ids:
        environment["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"] = "true"
        environment["ENI_CONFIG_LABEL_DEF"] = "topology.kubernetes.io/zone"
        values["eniConfig"] = {
            "create": True,
            "region": region,
            "subnets": {
                zone: {"id": subnet_id, "securityGroups": [security_group_id]}
                for zone, subnet_id in pod_subnet_ids.items()
            },
        }
    return json.dumps(values, sort_keys=True)


def coredns_configuration() -> str:
    """Return the coredns add-on's configuration: two on base nodes, in two zones, and never both taken away at once.

    The spread is hard as long as the zones have nodes; a zone whose nodes are gone no longer counts.
    """
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        # A dead node, tainted as unreachable, does not keep its zone in the count.
        "nodeTaintsPolicy": "Honor",
        # EKS labels the pods so; without a selector the rule would count none.
        "labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    values = {
        "replicaCount": 2,
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "nodeSelector": _BASE_NODES,
        "topologySpreadConstraints": [spread],
    }
    return json.dumps(values, sort_keys=True)


def ebs_csi_configuration(tags: Mapping[str, str] | None = None) -> str:
    """Return the aws-ebs-csi-driver add-on's configuration: its controllers run on base nodes.

    The instance metadata service answers within one hop only, so no pod reaches it; the driver then takes region and
    zone from its Node object (https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/install.md). The
    add-on knows fewer keys than the chart, and refuses others. The cluster's id in volume tags is set by EKS.

    Args:
        tags: Put on every volume and snapshot made from then on, so that bills are split by them.
    """
    controller: dict[str, Any] = {"nodeSelector": _BASE_NODES}
    if tags:
        controller["extraVolumeTags"] = dict(tags)
    return json.dumps({"controller": controller}, sort_keys=True)


def node_config(max_pods: int) -> str:
    """Return user data for nodes of image Amazon Linux 2023: a MIME text with a NodeConfig, which is JSON and so YAML.

    The image merges every NodeConfig of the user data, the later one over the earlier. Karpenter 1.14 puts its own
    part first and so does not change what stands here; EKS adds its part for a managed node group
    (https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/).
    """
    config = {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"kubelet": {"config": kubelet.configuration(max_pods)}},
    }
    return f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

{json.dumps(config, indent=2)}

--//--
"""


def node_user_data(max_pods: int) -> str:
    """Return `node_config` as a launch template takes it, in base64."""
    return base64.b64encode(node_config(max_pods).encode()).decode()

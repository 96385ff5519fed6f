"""Who may take Karpenter's roles and send to its queue.

Plain dicts of plain text: a preview shows each document whole, and its size is known before anything is created.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from components.identity import policy as identity
from components.karpenter.names import KarpenterNames, plan_names

Document = dict[str, Any]
Statement = dict[str, Any]

NAMESPACE: Final = "kube-system"
SERVICE_ACCOUNT: Final = "karpenter"
# The EC2NodeClass of gitops/platform/karpenter-config.
NODE_CLASS: Final = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The cluster whose documents are made, and where it is."""

    cluster_name: str
    region: str
    partition: str
    account_id: str

    @property
    def names(self) -> KarpenterNames:
        """The physical names."""
        return plan_names(self.cluster_name)

    @property
    def owner(self) -> str:
        """Key of the tag that says whose a resource is."""
        return f"kubernetes.io/cluster/{self.cluster_name}"

    @property
    def cluster_arn(self) -> str:
        """The EKS cluster's ARN."""
        return self._regional("eks", f"cluster/{self.cluster_name}")

    @property
    def queue_arn(self) -> str:
        """The interruption queue's ARN."""
        return self._regional("sqs", self.names.queue)

    @property
    def node_role_arn(self) -> str:
        """The ARN of the nodes' role."""
        return self.iam(f"role/{self.names.node_role}")

    @property
    def rule_arns(self) -> list[str]:
        """The ARNs of the five rules on the default bus."""
        return [self._regional("events", f"rule/{name}") for name in self.names.rules.values()]

    def ec2(self, resource: str, owner: str = "*") -> str:
        """ARN pattern of EC2 resources in the region; AMIs and snapshots have no owner in theirs."""
        return f"arn:{self.partition}:ec2:{self.region}:{owner}:{resource}"

    def iam(self, resource: str) -> str:
        """ARN of an IAM resource of the account."""
        return f"arn:{self.partition}:iam::{self.account_id}:{resource}"

    def managed_policy(self, name: str) -> str:
        """ARN of a policy that AWS manages."""
        return identity.managed_policy_arn(self.partition, name)

    def _regional(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"


def node_trust(scope: Scope) -> Document:
    """Let EC2 instances take the node role."""
    return identity.node_trust(scope.partition)


def instance_profile_tags(scope: Scope) -> dict[str, str]:
    """Tags of the nodes' instance profile: those that Karpenter gives the ones that it makes itself."""
    return {
        scope.owner: "owned",
        "eks:eks-cluster-name": scope.cluster_name,
        "topology.kubernetes.io/region": scope.region,
        "karpenter.k8s.aws/ec2nodeclass": NODE_CLASS,
    }


def queue_policy(scope: Scope) -> Document:
    """Let the five rules, and nothing else, send to the queue; refuse everyone who comes without TLS.

    Upstream lets events.amazonaws.com and sqs.amazonaws.com send without a condition.
    """
    return {
        "Version": "2012-10-17",
        "Id": "EC2InterruptionPolicy",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": scope.queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": scope.rule_arns}},
            },
            {
                "Sid": "DenyHTTP",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": scope.queue_arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def render(document: Document) -> str:
    """Write the document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))


def document(*statements: Statement) -> Document:
    """Put the statements into a document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}

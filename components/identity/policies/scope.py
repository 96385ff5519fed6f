"""The cluster whose controllers' documents are made, and the words of their ARNs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Statement = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The cluster, and where it is.

    Attributes:
        cluster_name: Literal in the documents: conditions on it hold for Pod Identity and for IRSA, which brings no
            session tags.
    """

    cluster_name: str
    region: str
    partition: str
    account_id: str

    @property
    def owner(self) -> str:
        """Key of the tag that EKS and this platform put on the cluster's own resources, with the value `owned`."""
        return f"kubernetes.io/cluster/{self.cluster_name}"

    def arn(self, service: str, resource: str) -> str:
        """ARN, or pattern of ARNs, of the account in the region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def ec2(self, resource: str) -> str:
        """Pattern of EC2 resources of the region; snapshots have no account in their ARN."""
        return f"arn:{self.partition}:ec2:{self.region}:*:{resource}"

    def iam(self, resource: str) -> str:
        """ARN of an IAM resource of the account."""
        return f"arn:{self.partition}:iam::{self.account_id}:{resource}"

    def via(self, service: str) -> dict[str, str]:
        """Condition that a KMS key is used by the service on the caller's behalf.

        The name ends in `.amazonaws.com` in every partition
        (https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html).
        """
        return {"kms:ViaService": f"{service}.{self.region}.amazonaws.com"}


def allow(sid: str, actions: list[str], resources: list[str] | str, **conditions: Mapping[str, Any]) -> Statement:
    """Make a statement that allows."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": conditions} if conditions else {})


def document(*statements: Statement) -> Document:
    """Put the statements into a document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}

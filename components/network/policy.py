"""IAM documents of the flow logs: plain dicts, so that a preview shows them whole."""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]


def flow_log_group_name(cluster_name: str) -> str:
    """Name the log group; documents have to know the name before the group exists."""
    return f"/aws/vpc/{cluster_name}/flow-logs"


def flow_log_trust(*, region: str, partition: str, account_id: str) -> Document:
    """Let the flow logs of this account and region, and nobody else's, take the delivery role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowFlowLogs",
                "Effect": "Allow",
                "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account_id},
                    "ArnLike": {"aws:SourceArn": f"arn:{partition}:ec2:{region}:{account_id}:vpc-flow-log/*"},
                },
            }
        ],
    }


def flow_log_delivery(group_arn: str) -> Document:
    """Let the delivery role write to the group. Without CreateLogGroup: late records must not bring it back."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowDelivery",
                "Effect": "Allow",
                "Action": [
                    "logs:CreateLogStream",
                    "logs:DescribeLogGroups",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                "Resource": [group_arn, f"{group_arn}:*"],
            }
        ],
    }


def render(document: Document) -> str:
    """Write the document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))

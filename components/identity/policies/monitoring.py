"""CloudWatch agent and Fluent Bit, under the one service account that the CloudWatch add-on gives both.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html.
"""

from __future__ import annotations

from typing import Final

from components.identity.policies.scope import Document, Scope, allow, document

NAMESPACES: Final = ("ContainerInsights", "CWAgent")


def monitoring(scope: Scope) -> Document:
    """Let the agents write metrics of their namespaces and the cluster's logs.

    Without CreateLogGroup and PutRetentionPolicy: groups are made beforehand, with retention and key, and what is
    written late must not bring one back. Fluent Bit's `auto_create_group` stays off.
    """
    groups = scope.arn("logs", f"log-group:/aws/containerinsights/{scope.cluster_name}/*")
    return document(
        allow(
            "AllowMetrics",
            ["cloudwatch:PutMetricData"],
            "*",
            StringEquals={"cloudwatch:namespace": list(NAMESPACES)},
        ),
        # The pattern's end takes in the groups' streams too.
        allow("AllowLogs", ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], groups),
        allow("AllowReadingDimensions", ["ec2:DescribeTags", "ec2:DescribeVolumes"], "*"),
    )

"""Documents of log groups, topics and the function: plain dicts, so that a preview shows them whole."""

from __future__ import annotations

import json
from typing import Any

from components.encryption.policy import account_administers
from components.partitions import dns_suffix

Document = dict[str, Any]


def log_group_arn(*, region: str, partition: str, account_id: str, log_group: str) -> str:
    """Return the ARN that a log group has or will have, without the `:*` for its streams."""
    return f"arn:{partition}:logs:{region}:{account_id}:log-group:{log_group}"


def log_group_key(group_arn: str, *, region: str, partition: str, account_id: str) -> Document:
    """Let CloudWatch Logs use the key for that one log group; the account keeps the administration.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            account_administers(partition=partition, account_id=account_id),
            {
                "Sid": "AllowLogGroup",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{region}.{dns_suffix(partition)}"},
                "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                "Resource": "*",
                "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group_arn}},
            },
        ],
    }


def topic_arn(*, region: str, partition: str, account_id: str, topic: str) -> str:
    """Return the ARN that a topic has or will have."""
    return f"arn:{partition}:sns:{region}:{account_id}:{topic}"


def alarm_arn(name: str, *, region: str, partition: str, account_id: str) -> str:
    """Return the ARN, or a pattern of ARNs, that alarms have or will have."""
    return f"arn:{partition}:cloudwatch:{region}:{account_id}:alarm:{name}"


def publishers(*, region: str, partition: str, account_id: str, budgets: bool) -> dict[str, Document]:
    """Return the services that may publish, each with the condition that it does so for this account.

    EventBridge is not among them: KMS sees no source account or ARN from it, so its right would hold for everybody's
    rules (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html). What comes as an event is watched
    through the rule's metric instead.

    Args:
        region: Of the alarms and the topic.
        partition: The first word of the ARNs.
        account_id: Whose alarms and budgets.
        budgets: Whether AWS Budgets is one; it has no region
            (https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html).
    """
    where = {"region": region, "partition": partition, "account_id": account_id}
    sources = {"cloudwatch.amazonaws.com": alarm_arn("*", **where)}
    if budgets:
        sources["budgets.amazonaws.com"] = f"arn:{partition}:budgets::{account_id}:*"
    return {
        service: {"StringEquals": {"aws:SourceAccount": account_id}, "ArnLike": {"aws:SourceArn": source}}
        for service, source in sources.items()
    }


def topic_policy(topic: str, *, region: str, partition: str, account_id: str, budgets: bool) -> Document:
    """Let alarms and budgets of this account publish, and nobody without TLS."""
    where = {"region": region, "partition": partition, "account_id": account_id}
    arn = topic_arn(**where, topic=topic)
    allowed = [
        {
            "Sid": f"Allow{_word(service)}",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sns:Publish",
            "Resource": arn,
            "Condition": condition,
        }
        for service, condition in publishers(**where, budgets=budgets).items()
    ]
    refused = {
        "Sid": "DenyHTTP",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [*allowed, refused]}


def topic_key_statements(*, region: str, partition: str, account_id: str, budgets: bool) -> list[Document]:
    """Let those who publish use the topic's key; else what they publish is lost without an error."""
    services = publishers(region=region, partition=partition, account_id=account_id, budgets=budgets)
    return [
        {
            "Sid": f"Allow{_word(service)}",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": condition,
        }
        for service, condition in services.items()
    ]


def function_trust() -> Document:
    """Let Lambda take the function's role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowLambda",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def function_rights(group_arn: str, *, namespace: str) -> Document:
    """Let the function read subnets, write metrics to its namespace and lines to its log group.

    Neither of the first two calls takes a resource. Without CreateLogGroup: a late line must not bring the group back.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "AllowReadingSubnets", "Effect": "Allow", "Action": "ec2:DescribeSubnets", "Resource": "*"},
            {
                "Sid": "AllowWritingMetrics",
                "Effect": "Allow",
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": namespace}},
            },
            {
                "Sid": "AllowLogging",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": [group_arn, f"{group_arn}:*"],
            },
        ],
    }


def render(document: Document) -> str:
    """Write the document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))


def _word(service: str) -> str:
    return service.partition(".")[0].capitalize()

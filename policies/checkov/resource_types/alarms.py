"""Alarms, topics, budgets and the function that measures free addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.checkov.resource_types.row import ResourceType, row

ROWS: Final[Mapping[str, ResourceType]] = {
    "aws:budgets/budget:Budget": row(
        "aws_budgets_budget",
        "costFilters",
        "costTypes",
        "filterExpression",
        "filterExpression.ands",
        "filterExpression.ands.tags",
        "filterExpression.tags",
        "notifications",
        renamed={
            "costFilters": "cost_filter",
            "filterExpression.ands": "and",
            "notifications": "notification",
        },
    ),
    "aws:cloudwatch/dashboard:Dashboard": row("aws_cloudwatch_dashboard"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": row(
        "aws_cloudwatch_metric_alarm",
        "metricQueries",
        "metricQueries.metric",
        maps=("dimensions", "metricQueries.metric.dimensions"),
        renamed={"metricQueries": "metric_query", "name": "alarm_name"},
    ),
    "aws:costexplorer/costAllocationTag:CostAllocationTag": row("aws_ce_cost_allocation_tag"),
    "aws:lambda/function:Function": row(
        "aws_lambda_function",
        "deadLetterConfig",
        "environment",
        "ephemeralStorage",
        "loggingConfig",
        "tracingConfig",
        "vpcConfig",
        maps=("environment.variables",),
        files=("code",),
        renamed={"name": "function_name"},
    ),
    "aws:lambda/permission:Permission": row("aws_lambda_permission", renamed={"function": "function_name"}),
    "aws:sns/topic:Topic": row("aws_sns_topic"),
    "aws:sns/topicPolicy:TopicPolicy": row("aws_sns_topic_policy"),
    "aws:sns/topicSubscription:TopicSubscription": row("aws_sns_topic_subscription", renamed={"topic": "topic_arn"}),
}

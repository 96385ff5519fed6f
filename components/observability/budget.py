"""What the stack may cost a month, and by which tags bills are split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws.budgets import (
    Budget,
    BudgetFilterExpressionAndArgs,
    BudgetFilterExpressionAndTagsArgs,
    BudgetFilterExpressionArgs,
    BudgetFilterExpressionTagsArgs,
    BudgetNotificationArgs,
)
from pulumi_aws.costexplorer import CostAllocationTag

from components.observability import names
from components.place import Place

# The other partitions have no AWS Budgets (us-gov) or count in another currency (cn).
PARTITIONS: Final = ("aws",)
# Percent of the budget by kind: what is spent, and what will be by the end of the month.
_THRESHOLDS: Final = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))


@dataclass(frozen=True, kw_only=True, slots=True)
class CostWatchArgs:
    """What the budget needs to know.

    Attributes:
        monthly_budget: USD.
        emails: Hear of it from AWS Budgets itself, without having confirmed anything.
        topic_arn: Hears of it too.
        cost_allocation_tags: Keys that bills are split by. The account's setting: a destroy leaves it. The budget
            counts what carries the stack's values of them; with none of them on the stack it counts the whole account,
            since a filter by a tag that bills do not know would never count anything.
    """

    cluster_name: str
    monthly_budget: int
    emails: Sequence[str]
    topic_arn: pulumi.Input[str]
    cost_allocation_tags: Sequence[str]
    place: Place


class CostWatch(pulumi.ComponentResource):
    """A monthly budget with warnings at 80 % and 100 %, and active cost allocation tags."""

    def __init__(self, name: str, args: CostWatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the tags and the budget."""
        super().__init__("platform:observability:CostWatch", name, None, opts)
        tags = [
            CostAllocationTag(
                f"{name}-{key}",
                tag_key=key,
                status="Active",
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
            for key in args.cost_allocation_tags
        ]
        counted = {key: args.place.tags[key] for key in args.cost_allocation_tags if key in args.place.tags}
        Budget(
            name,
            name=names.budget(args.cluster_name),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(args.monthly_budget),
            limit_unit="USD",
            filter_expression=_filter(counted),
            metrics="UnblendedCost" if counted else None,
            notifications=[
                BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(args.emails),
                    subscriber_sns_topic_arns=[args.topic_arn],
                )
                for kind, percent in _THRESHOLDS
            ],
            tags=dict(args.place.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=tags),
        )
        self.register_outputs({})


def _filter(tags: Mapping[str, str]) -> BudgetFilterExpressionArgs | None:
    """Count what carries all of the tags; AWS takes one condition by itself and several below an `and`."""
    if not tags:
        return None
    if len(tags) == 1:
        ((key, value),) = tags.items()
        return BudgetFilterExpressionArgs(tags=BudgetFilterExpressionTagsArgs(key=key, values=[value]))
    return BudgetFilterExpressionArgs(
        ands=[
            BudgetFilterExpressionAndArgs(tags=BudgetFilterExpressionAndTagsArgs(key=key, values=[value]))
            for key, value in tags.items()
        ]
    )

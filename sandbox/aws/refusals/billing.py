"""Rules of Budgets and Cost Explorer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.aws.calls import AwsError
from sandbox.aws.refusals.registry import Case, error, rule
from sandbox.aws.refusals.topics import reaches

BUDGET = "aws:budgets/budget:Budget"
COST_TAG = "aws:costexplorer/costAllocationTag:CostAllocationTag"

# https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html
MOST_NOTIFICATIONS = 10
MOST_ADDRESSES = 10
CHOICES = {
    "budgetType": (
        "COST",
        "RI_COVERAGE",
        "RI_UTILIZATION",
        "SAVINGS_PLANS_COVERAGE",
        "SAVINGS_PLANS_UTILIZATION",
        "USAGE",
    ),
    "timeUnit": ("ANNUALLY", "CUSTOM", "DAILY", "MONTHLY", "QUARTERLY"),
}
NOTIFICATION_CHOICES = {
    "comparisonOperator": ("EQUAL_TO", "GREATER_THAN", "LESS_THAN"),
    "notificationType": ("ACTUAL", "FORECASTED"),
    "thresholdType": ("ABSOLUTE_VALUE", "PERCENTAGE"),
}


@rule(BUDGET, at="check")
def budget(case: Case) -> None:
    """A budget has a plain name, an amount above zero, and one way of saying what it counts."""
    name, amount = case["name"], case["limitAmount"]
    if isinstance(name, str) and (not 1 <= len(name) <= 100 or re.search(r"[:\\]|/action/", name)):
        raise _invalid(f"budget name {name}: 1 to 100 characters without ':' and '\\'")
    for setting, known in CHOICES.items():
        if case[setting] is not None and case[setting] not in known:
            raise _invalid(f"Value '{case[setting]}' at '{setting}' must satisfy enum value set: {list(known)}")
    if not {"limitAmount", "plannedLimits", "autoAdjustData"} & {*case.inputs}:
        raise _invalid(
            "Unable to create/update budget - please provide one of the followings: "
            "Budget Limit/ Planned Budget Limit/ Auto Adjust Data"
        )
    if isinstance(amount, str) and not _positive(amount):
        raise _invalid(f"Unable to create/update budget - the budget limit {amount} should be greater than 0")
    if case.inputs.get("costFilters") and case.inputs.get("filterExpression"):
        raise _invalid("Unable to create/update budget - CostFilters and FilterExpression are mutually exclusive")
    if case.inputs.get("filterExpression") and not case.inputs.get("metrics"):
        raise _invalid("Unable to create/update budget - FilterExpression needs Metrics")


@rule(BUDGET, at="check")
def notifications(case: Case) -> None:
    """A notification is told once, to somebody, and to no more than Budgets allows."""
    found = [one for one in case["notifications"] or [] if isinstance(one, dict)]
    if len(found) > MOST_NOTIFICATIONS:
        raise error(
            "CreationLimitExceededException",
            "CreateNotification",
            f"Unable to create notification - a budget has at most {MOST_NOTIFICATIONS}",
        )
    seen = []
    for one in found:
        for setting, known in NOTIFICATION_CHOICES.items():
            if isinstance(one.get(setting), str) and one[setting] not in known:
                raise _invalid(f"Value '{one[setting]}' at '{setting}' must satisfy enum value set: {list(known)}")
        emails, topics = one.get("subscriberEmailAddresses") or [], one.get("subscriberSnsTopicArns") or []
        if not emails and not topics:
            raise _invalid("Budget notification must have at least one subscriber")
        if len(emails) > MOST_ADDRESSES or len(topics) > 1:
            raise _invalid(f"a notification has at most {MOST_ADDRESSES} addresses and one topic")
        key = [one.get(setting) for setting in (*NOTIFICATION_CHOICES, "threshold")]
        if key in seen:
            raise error("DuplicateRecordException", "CreateNotification", "the notification already exists.")
        seen.append(key)


@rule(BUDGET, at="create")
@rule(BUDGET, at="update")
def budget_is_heard(case: Case) -> None:
    """Budgets may publish to the topics that are told, and use their keys."""
    for arn in sorted({*_topics(case["notifications"])}):
        reaches(case, arn, "budgets.amazonaws.com", f"budget {case['name']}")


@rule(COST_TAG, at="check")
def cost_tag(case: Case) -> None:
    """A tag is active or not; its key has at most 1024 characters."""
    if case["status"] not in (None, "Active", "Inactive"):
        reason = f"Value '{case['status']}' at 'status' must satisfy enum value set: [Active, Inactive]"
        raise error("ValidationException", "UpdateCostAllocationTagsStatus", reason)
    if isinstance(case["tagKey"], str) and not 1 <= len(case["tagKey"]) <= 1024:
        raise error("ValidationException", "UpdateCostAllocationTagsStatus", "tagKey: 1 to 1024 characters")


def _topics(listed: Any) -> Iterator[str]:
    for one in listed or []:
        yield from one.get("subscriberSnsTopicArns") or []


def _positive(amount: str) -> bool:
    try:
        return Decimal(amount) > 0
    except InvalidOperation:
        return False


def _invalid(message: str) -> AwsError:
    return error("InvalidParameterException", "CreateBudget", message)

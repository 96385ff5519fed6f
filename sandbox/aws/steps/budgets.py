"""Steps of Budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.aws.codec import encode, tag_list
from sandbox.aws.compare import same
from sandbox.aws.session import Scope, Session

__all__ = ["SETTINGS", "create", "read", "set_notifications", "update"]

SETTINGS = (
    "budgetType",
    "costFilters",
    "costTypes",
    "filterExpression",
    "limitAmount",
    "limitUnit",
    "metrics",
    "name",
    "timePeriodEnd",
    "timePeriodStart",
    "timeUnit",
)
# How the provider writes a moment.
MOMENT = "%Y-%m-%d_%H:%M"
SUBSCRIBERS = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}


def create(session: Session, scope: Scope) -> dict[str, Any]:
    """Create a budget; its notifications follow one by one."""
    tags = tag_list(scope["tags"])
    return session.call("create_budget", AccountId=_account(scope), Budget=_budget(session, scope), ResourceTags=tags)


def update(session: Session, scope: Scope) -> None:
    """Write a budget's new settings."""
    session.call("update_budget", AccountId=_account(scope), NewBudget=_budget(session, scope))


def set_notifications(session: Session, scope: Scope) -> None:
    """Remove the notifications that the program gave up and add its new ones."""
    old, new = scope.olds.get("notifications") or [], scope["notifications"] or []
    place = {"AccountId": _account(scope), "BudgetName": scope["name"]}
    for one in old:
        if not any(same(one, other) for other in new):
            session.call("delete_notification", **place, Notification=_notification(one))
    for one in new:
        if not any(same(one, other) for other in old):
            session.call("create_notification", **place, Notification=_notification(one), Subscribers=_addresses(one))


def read(session: Session, scope: Scope) -> dict[str, Any]:
    """Return a budget with its notifications and tags, in the provider's words."""
    account, name = _account(scope), scope["name"]
    budget = session.call("describe_budget", AccountId=account, BudgetName=name)["Budget"]
    arn = f"arn:{scope['partition']}:budgets::{account}:budget/{name}"
    tags = session.call("list_tags_for_resource", ResourceARN=arn)["ResourceTags"]
    limit, period = budget.get("BudgetLimit", {}), budget.get("TimePeriod", {})
    return {
        "accountId": account,
        "arn": arn,
        "name": name,
        "budgetType": budget["BudgetType"],
        "timeUnit": budget["TimeUnit"],
        "limitAmount": limit.get("Amount"),
        "limitUnit": limit.get("Unit"),
        "timePeriodStart": _moment(period.get("Start")),
        "timePeriodEnd": _moment(period.get("End")),
        # Either of the two; moto makes up the older one.
        "Metrics": budget.get("Metrics"),
        "CostTypes": None if budget.get("Metrics") else budget.get("CostTypes"),
        "FilterExpression": budget.get("FilterExpression"),
        "costFilters": [{"name": key, "values": values} for key, values in budget.get("CostFilters", {}).items()],
        "notifications": _told(session, account, name),
        "Tags": tags,
    }


def _account(scope: Scope) -> str:
    return str(scope["accountId"] or scope["account"])


def _budget(session: Session, scope: Scope) -> dict[str, Any]:
    shape = session.caller.shape("budgets", session.region, "create_budget").members["Budget"]
    amount = scope["limitAmount"]
    moments = {"Start": scope["timePeriodStart"], "End": scope["timePeriodEnd"]}
    return {
        "BudgetName": scope["name"],
        "BudgetType": scope["budgetType"],
        "TimeUnit": scope["timeUnit"],
        "BudgetLimit": {"Amount": amount, "Unit": scope["limitUnit"] or "USD"} if amount else None,
        "CostFilters": {one["name"]: one["values"] for one in scope["costFilters"] or []},
        "CostTypes": encode(scope["costTypes"], shape.members["CostTypes"], "costTypes"),
        "FilterExpression": encode(scope["filterExpression"], shape.members["FilterExpression"], "filterExpression"),
        "Metrics": [scope["metrics"]] if scope["metrics"] else None,
        "TimePeriod": {
            name: datetime.strptime(text, MOMENT).replace(tzinfo=UTC) for name, text in moments.items() if text
        },
    }


def _notification(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "NotificationType": one.get("notificationType"),
        "ComparisonOperator": one.get("comparisonOperator"),
        "Threshold": one.get("threshold"),
        "ThresholdType": one.get("thresholdType"),
    }


def _addresses(one: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"SubscriptionType": kind, "Address": address}
        for name, kind in SUBSCRIBERS.items()
        for address in one.get(name) or []
    ]


def _told(session: Session, account: str, name: str) -> Sequence[Mapping[str, Any]]:
    place = {"AccountId": account, "BudgetName": name}
    found = []
    for one in session.call("describe_notifications_for_budget", **place)["Notifications"]:
        told = session.call("describe_subscribers_for_notification", **place, Notification=one)["Subscribers"]
        addresses = {
            name: [entry["Address"] for entry in told if entry["SubscriptionType"] == kind]
            for name, kind in SUBSCRIBERS.items()
        }
        found.append({**one, **{name: listed for name, listed in addresses.items() if listed}})
    return found


def _moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).strftime(MOMENT) if value else None

"""What moto's Budgets and Cost Explorer lack: changes, subscribers and tags of budgets, and cost allocation tags.

Each function stands in for a method of moto's under the same name; what moto does rightly is left to moto's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.budgets.exceptions import DuplicateRecordException, NotFoundException
from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse
from moto.ce.models import CostExplorerBackend, ce_backends
from moto.ce.responses import CostExplorerResponse
from moto.core.exceptions import JsonRESTError
from moto.core.utils import unix_time, utcnow

from sandbox.aws.session import ACCOUNT, PARTITION

__all__ = ["BILLING_GAPS", "bill"]

_CREATE = BudgetsResponse.create_budget
_ADD_NOTIFICATION = Budget.add_notification


def bill(keys: Iterable[str]) -> None:
    """Let the account's bills have seen these tag keys: before that Cost Explorer does not know them."""
    backend = ce_backends[ACCOUNT][PARTITION]
    for key in keys:
        backend.billed.setdefault(key, "Inactive")  # type: ignore[attr-defined] # given to it below


# Budgets -------------------------------------------------------------------------------------------------------------


def _budget(response: Any, name: str) -> Any:
    held = response.backend.budgets[response._get_param("AccountId")]  # noqa: SLF001 - moto's own way
    if name not in held:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return held[name]


def _create(response: Any) -> str:
    answer: str = _CREATE(response)
    given = json.loads(response.body)
    budget = _budget(response, given["Budget"]["BudgetName"])
    budget.tags = {tag["Key"]: tag["Value"] for tag in given.get("ResourceTags", [])}
    # AWS begins with the month that runs.
    month = utcnow().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    budget.budget["TimePeriod"].setdefault("Start", unix_time(month))
    return answer


def _update(response: Any) -> str:
    given = json.loads(response.body)["NewBudget"]
    held = _budget(response, given["BudgetName"])
    period = {**held.budget["TimePeriod"], **given.get("TimePeriod", {})}
    held.budget = {**held.budget, **given, "TimePeriod": period}
    return "{}"


def _add_notification(budget: Any, details: dict[str, Any], subscribers: Any) -> None:
    if details in budget.get_notifications():
        raise DuplicateRecordException("notification", details["NotificationType"])
    _ADD_NOTIFICATION(budget, details, subscribers)


def _subscribers(response: Any) -> str:
    given = json.loads(response.body)
    for one in _budget(response, given["BudgetName"]).notifications:
        if one.details == given["Notification"]:
            return json.dumps({"Subscribers": one.subscribers})
    raise NotFoundException("Unable to get subscribers - the notification doesn't exist.")


def _tagged(response: Any) -> dict[str, str]:
    account, _, name = json.loads(response.body)["ResourceARN"].split("::", 1)[1].partition(":budget/")
    held = response.backend.budgets[account].get(name)
    if held is None:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    if not hasattr(held, "tags"):
        held.tags = {}
    tags: dict[str, str] = held.tags
    return tags


def _list_tags(response: Any) -> str:
    return json.dumps({"ResourceTags": [{"Key": key, "Value": text} for key, text in _tagged(response).items()]})


def _tag(response: Any) -> str:
    _tagged(response).update({tag["Key"]: tag["Value"] for tag in json.loads(response.body)["ResourceTags"]})
    return "{}"


def _untag(response: Any) -> str:
    for key in json.loads(response.body)["ResourceTagKeys"]:
        _tagged(response).pop(key, None)
    return "{}"


# Cost Explorer -------------------------------------------------------------------------------------------------------


def _billed(backend: Any) -> dict[str, str]:
    if "_billed" not in vars(backend):
        backend._billed = {}  # noqa: SLF001 - the gap's own, on moto's object so that its reset forgets it
    held: dict[str, str] = vars(backend)["_billed"]
    return held


def _list_allocation_tags(response: Any) -> str:
    wanted = json.loads(response.body)
    found = [
        {"TagKey": key, "Type": "AWSGenerated" if key.startswith("aws:") else "UserDefined", "Status": status}
        for key, status in response.ce_backend.billed.items()
        if key in wanted.get("TagKeys", [key]) and status == wanted.get("Status", status)
    ]
    return json.dumps({"CostAllocationTags": found})


def _update_allocation_tags(response: Any) -> str:
    entries = json.loads(response.body)["CostAllocationTagsStatus"]
    billed = response.ce_backend.billed
    if unseen := [entry["TagKey"] for entry in entries if entry["TagKey"] not in billed]:
        message = f"Failed to update Cost Allocation Tag: Tag keys not found: {','.join(unseen)}"
        raise JsonRESTError("ValidationException", message)
    billed.update({entry["TagKey"]: entry["Status"] for entry in entries})
    return json.dumps({"Errors": []})


BILLING_GAPS: tuple[tuple[type, str, Callable[..., Any] | property], ...] = (
    (Budget, "add_notification", _add_notification),
    (BudgetsResponse, "create_budget", _create),
    (BudgetsResponse, "describe_subscribers_for_notification", _subscribers),
    (BudgetsResponse, "list_tags_for_resource", _list_tags),
    (BudgetsResponse, "tag_resource", _tag),
    (BudgetsResponse, "untag_resource", _untag),
    (BudgetsResponse, "update_budget", _update),
    (CostExplorerBackend, "billed", property(_billed)),
    (CostExplorerResponse, "list_cost_allocation_tags", _list_allocation_tags),
    (CostExplorerResponse, "update_cost_allocation_tags_status", _update_allocation_tags),
)

"""Rows of Budgets and Cost Explorer."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import budgets

STATUS = "update_cost_allocation_tags_status {CostAllocationTagsStatus: [{TagKey: tagKey, Status: status}]}"

ROWS = (
    Row(
        token="aws:budgets/budget:Budget",
        service="budgets",
        create=budgets.create,
        id="join(':', [$owner, $name])",
        imported="{accountId}:{name}",
        derive={"owner": "accountId || account"},
        read=(budgets.read,),
        set={
            "notifications": budgets.set_notifications,
            " ".join(name for name in budgets.SETTINGS if name != "name"): budgets.update,
        },
        delete=("delete_budget {AccountId: accountId || account, BudgetName: name}",),
        takes=("accountId", *budgets.SETTINGS),
        defaults={"timePeriodEnd": "2087-06-15_00:00"},
        computed=("accountId", "costFilters", "costTypes", "limitAmount", "limitUnit", "timePeriodStart"),
        name="name",
        auto=AutoName(limit=100),
        tags="budgets",
    ),
    Row(
        token="aws:costexplorer/costAllocationTag:CostAllocationTag",
        service="ce",
        create=STATUS,
        id="{tagKey}",
        read=("list_cost_allocation_tags {TagKeys: [tagKey]} -> CostAllocationTags[0]",),
        set={"status": STATUS},
        # The key itself stays known to the bills.
        delete=(
            "update_cost_allocation_tags_status {CostAllocationTagsStatus: [{TagKey: tagKey, Status: 'Inactive'}]}",
        ),
    ),
)

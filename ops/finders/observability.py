"""Rows of alarms and where they go, of dashboards, budgets, functions, and of log-in."""

from __future__ import annotations

from ops.finders.row import Call, Finder, Repeatable

_BUDGET = "join('', ['arn:', partition, ':budgets::', accountId || account, ':budget/', it.BudgetName])"

OBSERVABILITY: dict[str, Finder | Repeatable] = {
    "aws:sns/topic:Topic": Repeatable("a topic of the same name and tags is handed out again"),
    "aws:sns/topicPolicy:TopicPolicy": Repeatable("setting the policy twice is setting it once"),
    "aws:sns/topicSubscription:TopicSubscription": Repeatable("subscribing an address twice is subscribing it once"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Finder(
        service="cloudwatch",
        look=Call("describe_alarms", "{AlarmNames: [name]}", "MetricAlarms"),
        more={"Tags": Call("list_tags_for_resource", "{ResourceARN: it.AlarmArn}", "Tags")},
        tags="Tags",
        unique=True,
        id="it.AlarmName",
    ),
    "aws:cloudwatch/dashboard:Dashboard": Repeatable("putting a dashboard twice is putting it once"),
    "aws:budgets/budget:Budget": Finder(
        service="budgets",
        look=Call("describe_budget", "{AccountId: accountId || account, BudgetName: name}", "Budget"),
        more={"Tags": Call("list_tags_for_resource", f"{{ResourceARN: {_BUDGET}}}", "ResourceTags")},
        tags="Tags",
        unique=True,
        id="join(':', [accountId || account, it.BudgetName])",
    ),
    "aws:costexplorer/costAllocationTag:CostAllocationTag": Repeatable("a tag is set to the same status again"),
    "aws:lambda/function:Function": Finder(
        service="lambda",
        look=Call("get_function", "{FunctionName: name}", "{FunctionName: Configuration.FunctionName, Tags: Tags}"),
        tags="Tags",
        unique=True,
        id="it.FunctionName",
        ready=Call("function_active_v2", "{FunctionName: name}"),
    ),
    "aws:lambda/permission:Permission": Finder(
        service="lambda",
        look=Call("get_policy", "{FunctionName: function}", "parsed(Policy).Statement"),
        match={"Sid": "statementId"},
        id="it.Sid",
    ),
    "aws:cognito/userPool:UserPool": Finder(
        service="cognito-idp",
        # Names are not unique.
        look=Call("list_user_pools", "{MaxResults: `60`}", "UserPools"),
        more={"Tags": Call("describe_user_pool", "{UserPoolId: it.Id}", "UserPool.UserPoolTags")},
        match={"Name": "name"},
        tags="Tags",
        id="it.Id",
    ),
    "aws:cognito/userPoolClient:UserPoolClient": Finder(
        service="cognito-idp",
        look=Call("list_user_pool_clients", "{UserPoolId: userPoolId, MaxResults: `60`}", "UserPoolClients"),
        match={"ClientName": "name"},
        id="it.ClientId",
    ),
    "aws:cognito/userPoolDomain:UserPoolDomain": Finder(
        service="cognito-idp",
        # Without the domain the answer is an empty description.
        look=Call("describe_user_pool_domain", "{Domain: domain}", "[DomainDescription][?Domain]"),
        match={"UserPoolId": "userPoolId"},
        id="it.Domain",
    ),
    "aws:cognito/userGroup:UserGroup": Finder(
        service="cognito-idp",
        look=Call("get_group", "{UserPoolId: userPoolId, GroupName: name}", "Group"),
        id="join('/', [userPoolId, it.GroupName])",
    ),
}

"""Alarms, topics, dashboards and budgets in the emulated AWS: what it refuses, and what it would lose in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.aws.billing_gaps import bill
from sandbox.aws.calls import AwsError
from tests.sandbox.aws.examples import EXAMPLES
from tests.sandbox.aws.examples.observability import alarm, budget, notification, sum_of_two, topic, widgets
from tests.sandbox.aws.world import ACCOUNT, DEFAULT_TAGS, Made, World, allow

TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
BUDGET = "aws:budgets/budget:Budget"
COST_TAG = "aws:costexplorer/costAllocationTag:CostAllocationTag"
KEY = "aws:kms/key:Key"
CLOUDWATCH = "cloudwatch.amazonaws.com"
Change = dict[str, Any]


def arn(region: str) -> str:
    return f"arn:aws:sns:{region}:{ACCOUNT}:topic"


TEXT = {"type": "text", "x": 0, "y": 6, "width": 24, "height": 2, "properties": {"markdown": "m"}}


def widget(**more: Any) -> Change:
    return {"dashboardBody": widgets({**TEXT, **more})}


# What is changed in the type's example, the refusal, and a change near to it that passes.
CASES: dict[str, tuple[str, Change, str, Change]] = {
    "topic of another region": (
        ALARM,
        {"alarmActions": [arn("us-east-1")]},
        "Invalid region us-east-1 specified. Only eu-west-1 is supported",
        {},
    ),
    "six actions": (ALARM, {"okActions": [arn("eu-west-1")] * 6}, "less than or equal to 5: okActions", {}),
    "period of 90": (ALARM, {"period": 90}, "multiple of 60", {"period": 30}),
    "more than a day": (
        ALARM,
        {"period": 300, "evaluationPeriods": 289},
        "more than a day",
        {"period": 300, "evaluationPeriods": 288},
    ),
    "more than a week": (
        ALARM,
        {"period": 86400, "evaluationPeriods": 8},
        "more than a week",
        {"period": 86400, "evaluationPeriods": 7},
    ),
    "more points than periods": (ALARM, {"datapointsToAlarm": 6}, "DatapointsToAlarm must be", {}),
    "no statistic": (ALARM, {"statistic": None}, "one of Statistic", {"statistic": None, "extendedStatistic": "p99"}),
    "no threshold": (ALARM, {"threshold": None}, "Threshold or ThresholdMetricId", {"threshold": 0}),
    "no comparison": (ALARM, {"comparisonOperator": None}, "needs comparisonOperator", {}),
    "no namespace": (ALARM, {"namespace": None}, "needs namespace", {}),
    "no metric": (ALARM, {"metricName": None}, "MetricName and Metrics", {}),
    "body without widgets": (
        DASHBOARD,
        {"dashboardBody": "{}"},
        "list of widgets",
        {"dashboardBody": '{"widgets": []}'},
    ),
    "body that is no JSON": (DASHBOARD, {"dashboardBody": "{"}, "list of widgets", {}),
    "501 widgets": (
        DASHBOARD,
        {"dashboardBody": json.dumps({"widgets": [TEXT] * 501})},
        "more than 500 items",
        {"dashboardBody": json.dumps({"widgets": [TEXT] * 500})},
    ),
    "widget of no height": (DASHBOARD, widget(height=0), "a height of 1 to 1000", widget(height=1)),
    "widget without properties": (DASHBOARD, widget(properties=None), "required property 'properties'", widget()),
    "widget of no kind": (DASHBOARD, widget(type="graph"), "/widgets/1/type Should be", widget()),
    "widget beyond the grid": (DASHBOARD, widget(x=1), "within the 24 columns", widget(x=1, width=23)),
    "text without text": (DASHBOARD, widget(properties={}), "required property 'markdown'", widget()),
    "dashboard with a dot": (DASHBOARD, {"dashboardName": "a.b"}, "DashboardName is invalid", {"dashboardName": "a-b"}),
    "topic with a dot": (TOPIC, {"name": "a.b"}, "Topic Name", {"name": "a_b"}),
    "key that is not there": (
        TOPIC,
        {"kmsMasterKeyId": "none"},
        "KMS key none does not exist",
        {"kmsMasterKeyId": None},
    ),
    "deduplication of a standard topic": (TOPIC, {"contentBasedDeduplication": True}, "only be set for FIFO", {}),
    "address without host": (
        SUBSCRIPTION,
        {"protocol": "email", "endpoint": "team"},
        "Email address",
        {"protocol": "email", "endpoint": "team@example.com"},
    ),
    "bogus protocol": (SUBSCRIPTION, {"protocol": "pigeon"}, "does not support this protocol", {}),
    "plain endpoint": (
        SUBSCRIPTION,
        {"protocol": "https", "endpoint": "http://example.com"},
        "must match the specified protocol",
        {"protocol": "https", "endpoint": "https://example.com"},
    ),
    "subscription to another region": (SUBSCRIPTION, {"topic": arn("us-east-1")}, "TopicArn", {}),
    "policy that is no JSON": (TOPIC_POLICY, {"policy": "{"}, "Policy Error", {}),
    "policy of another service": (
        TOPIC_POLICY,
        {"policy": allow("sqs:SendMessage", resource=arn("eu-west-1"), Principal="*")},
        "out of service scope",
        {},
    ),
    "policy of another topic": (
        TOPIC_POLICY,
        {"policy": allow("sns:Publish", resource=arn("eu-west-1"), Principal="*")},
        "another resource than the topic",
        {},
    ),
    "budget of nothing": (BUDGET, {"limitAmount": "0"}, "should be greater than 0", {"limitAmount": "0.01"}),
    "budget of a word": (BUDGET, {"limitAmount": "much"}, "should be greater than 0", {}),
    "notification of no kind": (
        BUDGET,
        {"notifications": [notification(notificationType="GUESSED")]},
        "at 'notificationType' must satisfy",
        {},
    ),
    "budget without limit": (BUDGET, {"limitAmount": None}, "please provide one of", {}),
    "budget with a colon": (BUDGET, {"name": "a:b"}, "budget name", {"name": "a b"}),
    "budget of no period": (BUDGET, {"timeUnit": "WEEKLY"}, "enum value set", {"timeUnit": "QUARTERLY"}),
    "notification to nobody": (
        BUDGET,
        {"notifications": [notification(subscriberEmailAddresses=[])]},
        "at least one subscriber",
        {},
    ),
    "notification to eleven": (
        BUDGET,
        {"notifications": [notification(subscriberEmailAddresses=[f"{at}@example.com" for at in range(11)])]},
        "at most 10 addresses",
        {"notifications": [notification(subscriberEmailAddresses=[f"{at}@example.com" for at in range(10)])]},
    ),
    "notification told twice": (
        BUDGET,
        {"notifications": [notification(), notification()]},
        "DuplicateRecord",
        {"notifications": [notification(80), notification(90)]},
    ),
    "eleven notifications": (
        BUDGET,
        {"notifications": [notification(at) for at in range(1, 12)]},
        "CreationLimitExceeded",
        {"notifications": [notification(at) for at in range(1, 11)]},
    ),
    "tag that no bill has seen": (COST_TAG, {"tagKey": "Unseen"}, "Tag keys not found: Unseen", {}),
    "tag of 1025": (COST_TAG, {"tagKey": "k" * 1025}, "1 to 1024 characters", {}),
    "tag of no status": (COST_TAG, {"status": "On"}, "enum value set", {}),
}


@pytest.mark.parametrize("name", CASES)
def test_aws_refuses_and_its_twin_passes(world: World, name: str) -> None:
    """One change away from a resource that is made, AWS refuses."""
    token, change, words, twin = CASES[name]
    inputs = EXAMPLES[token].inputs(world)
    with pytest.raises(AwsError, match=words):
        world.make(token, **{**inputs, **change})
    world.delete(world.make(token, **{**inputs, **twin}))


# Alarms that nobody would hear ---------------------------------------------------------------------------------------


def key_for(world: World, *services: str) -> str:
    """Return the ARN of a key that services may use."""
    base = json.loads(world.key_policy)["Statement"]
    more = [json.loads(allow("kms:Decrypt", "kms:GenerateDataKey*", Principal={"Service": services}))["Statement"][0]]
    policy = {"Version": "2012-10-17", "Statement": [*base, *(more if services else [])]}
    return str(world.make(KEY, policy=json.dumps(policy))["arn"])


def policed(world: World, service: str, **more: Any) -> Made:
    """Return a topic that one service may publish to."""
    made = topic(world, **more)
    policy = allow("sns:Publish", resource=made["arn"], Principal={"Service": service})
    world.make(TOPIC_POLICY, arn=made["arn"], policy=policy)
    return made


UNHEARD: dict[str, tuple[Callable[[World], Made], str]] = {
    "AWS's own key": (lambda world: topic(world, kmsMasterKeyId="alias/aws/sns"), "may not use AWS's own key"),
    "a key without CloudWatch": (
        lambda world: topic(world, kmsMasterKeyId=key_for(world)),
        "does not let cloudwatch.amazonaws.com use it",
    ),
    "a key for another service": (
        lambda world: topic(world, kmsMasterKeyId=key_for(world, "budgets.amazonaws.com")),
        "does not let cloudwatch.amazonaws.com use it",
    ),
    "a policy without CloudWatch": (
        lambda world: policed(world, "budgets.amazonaws.com"),
        "does not let cloudwatch.amazonaws.com publish",
    ),
}


@pytest.mark.parametrize("name", UNHEARD)
def test_an_alarm_that_nobody_would_hear_is_refused(world: World, name: str) -> None:
    """AWS takes it and says nothing when messages are lost; the sandbox says it."""
    make, words = UNHEARD[name]
    inputs = alarm(world, alarmActions=[make(world)["arn"]])
    with pytest.raises(AwsError, match=f"AlarmLost.*{words}"):
        world.make(ALARM, **inputs)
    heard = policed(world, CLOUDWATCH, kmsMasterKeyId=key_for(world, CLOUDWATCH))
    world.delete(world.make(ALARM, **{**inputs, "okActions": [heard["arn"]], "alarmActions": [heard["arn"]]}))


def test_an_alarm_that_comes_to_an_unheard_topic_by_an_update_is_refused(world: World) -> None:
    """What a create refuses an update refuses."""
    made = world.make(ALARM, **alarm(world))
    with pytest.raises(AwsError, match="AlarmLost"):
        world.update(made, okActions=[topic(world, kmsMasterKeyId=key_for(world))["arn"]])


def test_an_alarm_to_a_topic_that_is_gone_is_refused(world: World) -> None:
    """CloudWatch does not look."""
    gone = topic(world)
    world.delete(gone)
    with pytest.raises(AwsError, match="does not exist"):
        world.make(ALARM, **alarm(world, alarmActions=[gone["arn"]]))


def test_a_policy_that_shuts_alarms_out_is_refused(world: World) -> None:
    """The order in which alarm and policy come does not matter."""
    made = topic(world)
    world.make(ALARM, **alarm(world, alarmActions=[made["arn"]]))
    policy = allow("sns:Publish", resource=made["arn"], Principal={"Service": "budgets.amazonaws.com"})
    with pytest.raises(AwsError, match="AlarmLost"):
        world.make(TOPIC_POLICY, arn=made["arn"], policy=policy)
    world.make(TOPIC_POLICY, arn=made["arn"], policy=policy.replace("budgets", "cloudwatch"))


def test_a_budget_that_nobody_would_hear_is_refused(world: World) -> None:
    """Budgets publishes under its own name."""
    told = notification(subscriberSnsTopicArns=[policed(world, CLOUDWATCH)["arn"]])
    with pytest.raises(AwsError, match=r"AlarmLost.*budgets\.amazonaws\.com publish"):
        world.make(BUDGET, **budget(world, notifications=[told]))
    told = notification(subscriberSnsTopicArns=[topic(world)["arn"]])
    with pytest.raises(AwsError, match=r"AlarmLost.*it has to come first"):
        world.make(BUDGET, **budget(world, notifications=[told]))
    told = notification(subscriberSnsTopicArns=[policed(world, "budgets.amazonaws.com")["arn"]])
    world.delete(world.make(BUDGET, **budget(world, notifications=[told])))


def test_a_rule_that_nobody_would_hear_is_refused(world: World) -> None:
    """EventBridge is let in by a policy alone."""
    token = "aws:cloudwatch/eventTarget:EventTarget"
    with pytest.raises(AwsError, match=r"AlarmLost.*events\.amazonaws\.com publish"):
        world.make(token, rule=world.rule.id, arn=topic(world)["arn"])
    world.delete(world.make(token, rule=world.rule.id, arn=policed(world, "events.amazonaws.com")["arn"]))


# What is kept --------------------------------------------------------------------------------------------------------


def test_an_e_mail_subscription_waits_for_its_confirmation(world: World) -> None:
    """It has an ARN at once. Nobody can end it before: the provider lets it go, and it goes with its topic."""
    made = topic(world)
    address = {"protocol": "email", "endpoint": "team@example.com"}
    mail = world.make(SUBSCRIPTION, topic=made["arn"], **address)
    assert (mail["pendingConfirmation"], mail["confirmationWasAuthenticated"]) == (True, False)
    assert mail["arn"].startswith(made["arn"])
    sns = world.client("sns")
    listed = sns.list_subscriptions_by_topic(TopicArn=made["arn"])["Subscriptions"]
    assert [one["SubscriptionArn"] for one in listed] == ["PendingConfirmation"]
    assert sns.subscribe(TopicArn=made["arn"], Protocol="email", Endpoint="a@b.org")["SubscriptionArn"] == (
        "pending confirmation"
    )
    world.delete(mail)
    assert world.host.read(SUBSCRIPTION, world.urn(SUBSCRIPTION, "t"), mail.id, mail.inputs, mail.outputs)[0] == mail.id
    again = world.make(SUBSCRIPTION, topic=made["arn"], **address)
    assert again.id == mail.id
    world.delete(made)
    assert world.host.read(SUBSCRIPTION, world.urn(SUBSCRIPTION, "t"), mail.id, mail.inputs, mail.outputs)[0] == ""


def test_a_topic_of_the_same_name_is_handed_out_to_its_owner_alone(world: World) -> None:
    """CreateTopic returns what is there; other tags are refused."""
    first = world.make(TOPIC, name="shared", tags={"stack": "one"})
    assert world.make(TOPIC, name="shared", tags={"stack": "one"}).id == first.id
    with pytest.raises(AwsError, match="already exists with different tags"):
        world.make(TOPIC, name="shared", tags={"stack": "two"})


def test_an_alarm_of_the_same_name_is_not_replaced(world: World) -> None:
    """PutMetricAlarm would write over it."""
    made = world.make(ALARM, **alarm(world, name="age"))
    with pytest.raises(AwsError, match="already exists"):
        world.make(ALARM, **alarm(world, name="age"))
    world.delete(made)


def test_an_alarm_on_several_metrics(world: World) -> None:
    """Its metrics and what is computed of them come back as they were given."""
    inputs = sum_of_two(world)
    made = world.make(ALARM, **inputs)
    rid, read, outputs = world.host.read(ALARM, world.urn(ALARM, "thing"), made.id, {}, {})
    assert (rid, outputs["metricQueries"][0]["metric"]["dimensions"]) == (made.id, {"NatGatewayId": "nat-1"})
    assert set(world.host.diff(ALARM, world.urn(ALARM, "thing"), outputs, read, made.inputs).changed) == set()
    world.delete(made)


QUERY = {"id": "m1", "expression": "SUM(METRICS())", "returnData": True}
QUERIES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no result": ([{**QUERY, "returnData": False}], "exactly one metric matching"),
    "two results": ([QUERY, {**QUERY, "id": "m2"}], "exactly one metric matching"),
    "a search": ([{**QUERY, "expression": "SUM(SEARCH('x', 'Sum'))"}], "SEARCH is not supported"),
    "a capital": ([{**QUERY, "id": "M1"}], "begins with a lowercase letter"),
    "eleven metrics": (
        [QUERY, *({"id": f"x{at}", "metric": {"metricName": "m", "period": 60, "stat": "Sum"}} for at in range(11))],
        "more than 10 metrics",
    ),
    "both": (
        [{**QUERY, "metric": {"metricName": "m", "period": 60, "stat": "Sum"}}],
        "either a metric or an expression",
    ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_computation_that_cloudwatch_refuses(world: World, name: str) -> None:
    """One result, from metrics that are named."""
    queries, words = QUERIES[name]
    with pytest.raises(AwsError, match=words):
        world.make(ALARM, **{**sum_of_two(world), "metricQueries": queries})


def test_a_budget_of_the_same_name_is_refused(world: World) -> None:
    """Names are unique in an account."""
    made = world.make(BUDGET, **budget(world, name="monthly"))
    with pytest.raises(AwsError, match="DuplicateRecord"):
        world.make(BUDGET, **budget(world, name="monthly"))
    world.delete(made)


def test_a_notification_that_is_given_up_goes(world: World) -> None:
    """The others stay, and tags can go as well."""
    made = world.make(BUDGET, **budget(world, notifications=[notification(80), notification(90)]))
    changed = world.update(made, notifications=[notification(90)], tags=None)
    assert [one["threshold"] for one in changed["notifications"]] == [90]
    assert changed["tagsAll"] == DEFAULT_TAGS
    world.delete(changed)


def test_a_budget_counts_what_carries_tags(world: World) -> None:
    """By a filter, in the newer form, which the older one excludes."""
    tags = [{"tags": {"key": key, "values": ["platform"]}} for key in ("Project", "Environment")]
    inputs = budget(world, costFilters=None, filterExpression={"ands": tags}, metrics="UnblendedCost")
    made = world.make(BUDGET, **inputs)
    rid, read, outputs = world.host.read(BUDGET, world.urn(BUDGET, "thing"), made.id, {}, {})
    assert rid == made.id
    assert set(world.host.diff(BUDGET, world.urn(BUDGET, "thing"), outputs, read, made.inputs).changed) == set()
    world.delete(made)
    with pytest.raises(AwsError, match="mutually exclusive"):
        world.make(BUDGET, **{**inputs, "costFilters": [{"name": "Service", "values": ["x"]}]})
    with pytest.raises(AwsError, match="needs Metrics"):
        world.make(BUDGET, **{**inputs, "metrics": None})


def test_a_cost_allocation_tag_stays_known_and_goes_out_of_use(world: World) -> None:
    """Deleting it makes it inactive; it is nothing that is left behind."""
    bill(["Team"])
    before = world.inventory("ce")
    made = world.make(COST_TAG, tagKey="Team", status="Active")
    assert made["type"] == "UserDefined"
    assert world.inventory("ce") != before
    world.delete(made)
    assert world.inventory("ce") == before

"""What Observability registers for different stacks."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from components.observability.alarms import Watched, certificate, plan
from tests.captures import Capture
from tests.components.conftest import (
    ALARM,
    BOUNDARY,
    BUDGET,
    CLUSTER,
    DASHBOARD,
    FUNCTION,
    RULE,
    SUBSCRIPTION,
    TOPIC,
    TOPIC_POLICY,
    WATCHED,
    Builder,
    is_global,
)
from tests.conftest import ACCOUNT

REGION: Final = "ap-northeast-2"
# A value that a component is given and that may stand only where it is meant to.
CANARY: Final = "canary-7f3a"


@pytest.fixture(scope="session")
def example(observability: Builder) -> Capture:
    return observability()


def test_each_planned_alarm_is_registered(example: Capture) -> None:
    """What the planner says reaches AWS under a stable name; one alarm fewer is seen."""
    names = {alarm.inputs["name"] for alarm in example.of_type(ALARM)}
    assert names == {
        f"{CLUSTER}-{key}"
        for key in (
            *("unschedulable-pods", "interruption-queue-age", "spot-interruption"),
            *("undelivered-spot-interruption", "undelivered-rebalance", "undelivered-free-addresses-schedule"),
            *("nat-ports-a", "nat-drops-a", "nat-ports-b", "nat-drops-b"),
            *("free-addresses-private-a", "free-addresses-private-b", "free-addresses-function"),
            *("certificate-domain", "certificate-global-images", "failed-backups"),
        )
    }
    assert {alarm.name for alarm in example.of_type(ALARM)} == {f"watch-{n.removeprefix(f'{CLUSTER}-')}" for n in names}


def test_a_registered_alarm_is_the_planned_one(example: Capture) -> None:
    """Nothing is lost or turned round between the planner's row and AWS; every value in a row has to be beyond."""
    watched = Watched(
        cluster_name=CLUSTER,
        queue_name=WATCHED["queue_name"],
        rules=WATCHED["rule_names"],
        nat_gateways=WATCHED["nat_gateway_ids"],
        subnets=list(WATCHED["subnet_ids"]),
        free_addresses=WATCHED["free_addresses"],
        certificates=WATCHED["certificate_arns"],
        vault=WATCHED["vault_name"],
        function=f"{CLUSTER}-free-addresses",
    )
    for row in [*plan(watched), certificate("global-images", WATCHED["global_certificate_arns"]["images"])]:
        inputs = example.one(ALARM, f"watch-{row.key}").inputs
        assert {key: inputs[key] for key in inputs if key not in {"name", "tags", "alarmActions", "okActions"}} == {
            "alarmDescription": row.description,
            "namespace": row.namespace,
            "metricName": row.metric,
            "dimensions": row.dimensions,
            "statistic": row.statistic,
            "period": row.period,
            "evaluationPeriods": row.periods,
            "datapointsToAlarm": row.periods,
            "threshold": row.threshold,
            "comparisonOperator": row.comparison,
            "treatMissingData": row.missing,
        }


def test_in_us_east_1_one_topic_is_enough(observability: Builder) -> None:
    """There CloudFront's certificates are at home: no second topic, and no second confirmation."""
    captured = observability(region="us-east-1", apart=False)
    assert [topic.name for topic in captured.of_type(TOPIC)] == ["watch-alarms"]
    assert "watch-certificate-global-images" in {alarm.name for alarm in captured.of_type(ALARM)}


def test_without_global_certificates_there_is_no_second_topic(observability: Builder) -> None:
    """Nothing is made in a region where nothing is."""
    captured = observability(global_certificate_arns={})
    assert [r.name for r in captured.resources if r.custom and is_global(r)] == []


def test_certificates_that_nobody_could_watch_are_refused(observability: Builder) -> None:
    """Without a provider for us-east-1 they would be unwatched without a word."""
    failed = observability(apart=False, expect=ValueError)
    assert str(failed.error).startswith("global_provider: ")


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_other_partitions_have_no_budget(observability: Builder, partition: str) -> None:
    """There is no AWS Budgets in USD there, and then nobody but CloudWatch publishes."""
    region = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition]
    captured = observability(
        partition=partition, region=region, global_certificate_arns={}, cost_allocation_tags=(), apart=False
    )
    assert captured.of_type(BUDGET) == []
    (policy,) = captured.of_type(TOPIC_POLICY)
    assert "budgets" not in policy.inputs["policy"]
    assert "arn:aws:" not in json.dumps([r.inputs for r in captured.resources if r.type != DASHBOARD]).replace(
        BOUNDARY, ""
    ).replace(WATCHED["certificate_arns"]["domain"], "")


def test_us_gov_has_no_cost_allocation_tags(observability: Builder) -> None:
    """Its Cost Explorer has no API; the account that pays sets them."""
    failed = observability(
        partition="aws-us-gov", region="us-gov-west-1", global_certificate_arns={}, expect=ValueError
    )
    assert str(failed.error).startswith("cost_allocation_tags: ")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), None),
        (("stage",), None),
        (("project",), {"tags": {"key": "project", "values": ["demo"]}}),
        (
            ("owner", "project"),
            {
                "ands": [
                    {"tags": {"key": "owner", "values": ["platform"]}},
                    {"tags": {"key": "project", "values": ["demo"]}},
                ]
            },
        ),
    ],
)
def test_budget_counts_what_bills_can_tell_apart(
    observability: Builder, keys: tuple[str, ...], expected: dict[str, Any] | None
) -> None:
    """Without a tag that the stack carries and bills know, it counts the whole account instead of nothing."""
    (budget,) = observability(cost_allocation_tags=keys).of_type(BUDGET)
    assert budget.inputs.get("filterExpression") == expected
    assert ("metrics" in budget.inputs) == (expected is not None)


def test_long_names_fit(observability: Builder) -> None:
    """The longest name of a cluster stays within Lambda's, EventBridge's and Budgets' limits."""
    captured = observability(cluster_name="c" * 100)
    (function,), (rule,), (budget,) = (captured.of_type(type_) for type_ in (FUNCTION, RULE, BUDGET))
    assert max(len(function.inputs["name"]), len(rule.inputs["name"])) <= 64
    assert len(budget.inputs["name"]) <= 100
    assert max(len(alarm.inputs["name"]) for alarm in captured.of_type(ALARM)) <= 255


def test_addresses_stand_only_where_they_are_needed(observability: Builder) -> None:
    """An address of e-mail is in subscriptions and the budget: not in tags, names of other things, texts or outputs."""
    address = f"{CANARY}@example.com"
    captured = observability(emails=(address,))
    holders = {r.type for r in captured.resources if CANARY in json.dumps([r.name, dict(r.inputs)], default=str)}
    assert holders == {SUBSCRIPTION, BUDGET}
    assert CANARY not in json.dumps(captured.outputs, default=str)


def test_outputs_are_the_topic_and_the_dashboard(example: Capture) -> None:
    """What others attach alarms to, and what people look for."""
    (outputs,) = [
        out for urn, out in example.outputs.items() if urn.endswith("platform:observability:Observability::watch")
    ]
    assert outputs == {
        "topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{CLUSTER}-alarms",
        "dashboard_name": f"Karpenter-{CLUSTER}",
    }


def test_alarms_are_known_at_preview(observability: Builder) -> None:
    """Names, thresholds and reasons need nothing that AWS chooses."""
    previewed = observability(preview=True)
    alarm = previewed.one(ALARM, "watch-unschedulable-pods")
    assert (alarm.inputs["threshold"], alarm.inputs["dimensions"]) == (1, {"ClusterName": CLUSTER})

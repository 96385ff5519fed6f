"""Controls on what watches the stack, each with a mutation that the control catches.

A control returns what is wrong with a capture: nothing for the component as it is, something for each mutation.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pytest

from components.observability.free_addresses import RUNTIME
from tests.captures import Capture, Registration
from tests.components import Control, Mutation, changed, without
from tests.components.conftest import (
    ALARM,
    ALIAS,
    BOUNDARY,
    BUDGET,
    CLUSTER,
    COST_TAG,
    DASHBOARD,
    EMAILS,
    FUNCTION,
    KEY,
    LOG_GROUP,
    PERMISSION,
    ROLE,
    ROLE_POLICY,
    RULE,
    SUBSCRIPTION,
    TAGS,
    TARGET,
    TOPIC,
    TOPIC_POLICY,
    WATCHED,
    Builder,
    is_global,
)
from tests.conftest import ACCOUNT
from tests.iam import Call, Target, allowed

REGION: Final = "ap-northeast-2"
UNTAGGED: Final = {TOPIC_POLICY, SUBSCRIPTION, DASHBOARD, PERMISSION, TARGET, COST_TAG, ALIAS, ROLE_POLICY}


@pytest.fixture(scope="session")
def example(observability: Builder) -> Capture:
    return observability()


def unheard(captured: Capture) -> list[str]:
    """Alarms that do not go, and end, at the topic of their own region after its policy lets them."""
    faults = []
    policies = {is_global(policy): policy for policy in captured.of_type(TOPIC_POLICY)}
    for alarm in captured.of_type(ALARM):
        policy = policies[is_global(alarm)]
        faults += [
            f"{alarm.name}: {actions}"
            for actions in ("alarmActions", "okActions")
            if policy.urn not in alarm.property_dependencies.get(actions, ())
        ]
        if alarm.inputs.get("actionsEnabled") is False:
            faults.append(f"{alarm.name}: off")
    return faults


def unsubscribed(captured: Capture) -> list[str]:
    """Addresses that do not hear of one of the topics."""
    heard = {
        (s.source("topicArn" if "topicArn" in s.property_dependencies else "topic"), s.inputs["endpoint"])
        for s in captured.of_type(SUBSCRIPTION)
        if s.inputs["protocol"] == "email"
    }
    return [
        f"{topic.name}: {email}"
        for topic in captured.of_type(TOPIC)
        for email in EMAILS
        if (topic.urn, email) not in heard
    ]


def _publish(captured: Capture, topic: Registration, service: str, source: str, account: str, tls: str) -> bool:
    arn = f"arn:aws:sns:{'us-east-1' if is_global(topic) else REGION}:{ACCOUNT}:{topic.inputs['name']}"
    (policy,) = [p for p in captured.of_type(TOPIC_POLICY) if p.source("arn") == topic.urn]
    context = {"aws:SourceAccount": account, "aws:SourceArn": source, "aws:SecureTransport": tls}
    call = Call(action="sns:Publish", targets=[Target(arn=arn)], principal=f"Service:{service}", context=context)
    (key,) = [k for k in captured.of_type(KEY) if k.urn in topic.property_dependencies["kmsMasterKeyId"]]
    encrypt = replace(call, action="kms:GenerateDataKey", targets=[Target(arn="arn:aws:kms:::key/1")])
    decrypt = replace(encrypt, action="kms:Decrypt")
    statements = json.loads(policy.inputs["policy"])["Statement"]
    key_statements = json.loads(key.inputs["policy"])["Statement"]
    return allowed(statements, call) and allowed(key_statements, encrypt) and allowed(key_statements, decrypt)


def open_topics(captured: Capture) -> list[str]:
    """Who may publish and should not, or may not and should; with the key's policy, over TLS only."""
    faults = []
    for topic in captured.of_type(TOPIC):
        region = "us-east-1" if is_global(topic) else REGION
        alarm = f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{CLUSTER}-x"
        foreign = alarm.replace(ACCOUNT, "999999999999")
        budgets = f"arn:aws:budgets::{ACCOUNT}:budget/x"
        cases = [
            ("cloudwatch.amazonaws.com", alarm, ACCOUNT, "true", True),
            ("cloudwatch.amazonaws.com", alarm, ACCOUNT, "false", False),
            ("cloudwatch.amazonaws.com", foreign, "999999999999", "true", False),
            ("cloudwatch.amazonaws.com", foreign, ACCOUNT, "true", False),
            ("budgets.amazonaws.com", budgets, ACCOUNT, "true", not is_global(topic)),
            ("budgets.amazonaws.com", budgets, "999999999999", "true", False),
            ("events.amazonaws.com", f"arn:aws:events:{region}:{ACCOUNT}:rule/x", ACCOUNT, "true", False),
        ]
        faults += [
            f"{topic.name}: {service} {source} {tls}"
            for service, source, account, tls, expected in cases
            if _publish(captured, topic, service, source, account, tls) != expected
        ]
    return faults


def unencrypted(captured: Capture) -> list[str]:
    """Topics and log groups without a rotating key of their own, log groups without an end."""
    keys = {key.urn: key for key in captured.of_type(KEY)}
    faults = [key.name for key in keys.values() if not key.inputs.get("enableKeyRotation")]
    holders = [(topic, "kmsMasterKeyId") for topic in captured.of_type(TOPIC)]
    groups = captured.of_type(LOG_GROUP)
    holders += [(group, "kmsKeyId") for group in groups]
    faults += [r.name for r, key in holders if not set(r.property_dependencies.get(key, ())) & set(keys)]
    faults += [group.name for group in groups if group.inputs.get("retentionInDays") != 90]
    # Whoever writes lines has a group that is there before it.
    for function in captured.of_type(FUNCTION):
        named = [g for g in groups if g.inputs["name"] == f"/aws/lambda/{function.inputs['name']}"]
        if not named or named[0].urn not in captured.needs(function):
            faults.append(function.name)
    return faults


def _rights(captured: Capture, action: str, arn: str, **context: str) -> bool:
    (policy,) = captured.of_type(ROLE_POLICY)
    call = Call(action=action, targets=[Target(arn=arn)], context=context)
    return allowed(json.loads(policy.inputs["policy"])["Statement"], call)


def function_rights(captured: Capture) -> list[str]:
    """What the function may and should not, or should and may not."""
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{CLUSTER}-free-addresses"
    cases = [
        ("ec2:DescribeSubnets", "*", {}, True),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Platform/Network"}, True),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/EC2"}, False),
        ("logs:PutLogEvents", f"{group}:log-stream:x", {}, True),
        ("logs:CreateLogStream", f"{group}:log-stream:x", {}, True),
        ("logs:PutLogEvents", f"{group}-2:log-stream:x", {}, False),
        ("logs:CreateLogGroup", group, {}, False),
        ("ec2:DescribeInstances", "*", {}, False),
        ("ec2:DeleteSubnet", f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/subnet-1", {}, False),
    ]
    faults = [
        f"{action} on {arn}"
        for action, arn, context, expected in cases
        if _rights(captured, action, arn, **context) != expected
    ]
    (role,) = captured.of_type(ROLE)
    if role.inputs.get("permissionsBoundary") != BOUNDARY:
        faults.append("no boundary")
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    return faults + [str(s["Principal"]) for s in trust if s["Principal"] != {"Service": "lambda.amazonaws.com"}]


def uncounted(captured: Capture) -> list[str]:
    """Reasons why the function would not run, or not count all subnets."""
    (function,) = captured.of_type(FUNCTION)
    (rule,) = captured.of_type(RULE)
    (target,) = captured.of_type(TARGET)
    faults = []
    if target.source("arn") != function.urn or target.inputs["rule"] != rule.inputs["name"]:
        faults.append("target")
    event = json.loads(target.inputs["input"])
    if event != {
        "namespace": "Platform/Network",
        "metric": "FreeAddresses",
        "cluster": CLUSTER,
        "subnets": WATCHED["subnet_ids"],
    }:
        faults.append(f"event {event}")
    if rule.inputs.get("scheduleExpression") != "rate(5 minutes)":
        faults.append("schedule")
    permitted = [p for p in captured.of_type(PERMISSION) if p.inputs["principal"] == "events.amazonaws.com"]
    if not permitted or permitted[0].property_dependencies.get("sourceArn") != (rule.urn,):
        faults.append("permission")
    elif permitted[0].urn not in captured.needs(target):
        faults.append("the first event comes before it may")
    if (function.inputs["runtime"], function.inputs["architectures"]) != (RUNTIME, ["arm64"]):
        faults.append("runtime")
    return faults


def unseen(captured: Capture) -> list[str]:
    """A dashboard of another name, or without what the alarms look at."""
    (board,) = captured.of_type(DASHBOARD)
    body = board.inputs["dashboardBody"]
    wanted = ["nat-1", "nat-2", "demo-karpenter", "demo-spot", "demo-rebalance", "certificate/1", "certificate/2"]
    faults = [word for word in wanted if word not in body]
    drawn = [
        metric for widget in json.loads(body).get("widgets", []) for metric in widget["properties"].get("metrics", [])
    ]
    regions = {metric[-1]["label"]: metric[-1]["region"] for metric in drawn if metric[1] == "DaysToExpiry"}
    faults += [] if regions == {"domain": REGION, "global-images": "us-east-1"} else [f"certificates in {regions}"]
    return faults + ([] if board.inputs["dashboardName"] == f"Karpenter-{CLUSTER}" else ["name"])


def unwarned(captured: Capture) -> list[str]:
    """Ways to spend more than the budget without a warning."""
    budgets = captured.of_type(BUDGET)
    if len(budgets) != 1:
        return [f"{len(budgets)} budgets"]
    (budget,) = budgets
    got = {
        (n["notificationType"], n["threshold"])
        for n in budget.inputs.get("notifications", [])
        if tuple(n["subscriberEmailAddresses"]) == EMAILS
        and n["subscriberSnsTopicArns"] == [f"arn:aws:sns:{REGION}:{ACCOUNT}:{CLUSTER}-alarms"]
        and (n["comparisonOperator"], n["thresholdType"]) == ("GREATER_THAN", "PERCENTAGE")
    }
    faults = [str(one) for one in {("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)} - got]
    limit = (budget.inputs["limitAmount"], budget.inputs["limitUnit"], budget.inputs["timeUnit"])
    if limit != ("400", "USD", "MONTHLY"):
        faults.append(f"limit {limit}")
    # Only `project` is on the stack; `stage` would count nothing.
    if budget.inputs.get("filterExpression") != {"tags": {"key": "project", "values": ["demo"]}}:
        faults.append("filter")
    if "metrics" not in budget.inputs:
        faults.append("a filter needs metrics")
    tags = {tag.inputs["tagKey"]: (tag.inputs["status"], tag.retain_on_delete) for tag in captured.of_type(COST_TAG)}
    return faults if tags == dict.fromkeys(("project", "stage"), ("Active", True)) else [*faults, f"tags {tags}"]


def untagged(captured: Capture) -> list[str]:
    """What can carry tags and does not carry the stack's."""
    custom = [r for r in captured.resources if r.custom and not r.type.startswith("pulumi:providers:")]
    return [r.urn for r in custom if r.type not in UNTAGGED and r.inputs.get("tags") != TAGS]


def misplaced(captured: Capture) -> list[str]:
    """Certificates of CloudFront are watched in us-east-1 with a topic there; everything else in the stack's region."""
    there = {(r.type, r.name) for r in captured.resources if r.custom and is_global(r)}
    topic = {(type_, "watch-global-alarms") for type_ in (TOPIC, TOPIC_POLICY, KEY, ALIAS)}
    mail = {(SUBSCRIPTION, f"watch-global-alarms-{email}") for email in EMAILS}
    wanted = {*topic, *mail, (ALARM, "watch-certificate-global-images")}
    return [f"{type_} {name}" for type_, name in sorted(there ^ wanted)]


def pathful(captured: Capture) -> list[str]:
    """The function's code stands in the state as text: no path of the machine that ran the program."""
    (function,) = captured.of_type(FUNCTION)
    (asset,) = function.inputs["code"]["assets"].values()
    return [key for key in asset if key in ("path", "uri")] + (
        [] if "def handler(" in asset["text"] else ["no handler"]
    )


def orphans(captured: Capture) -> list[str]:
    """Every child hangs under a component."""
    components = {r.urn for r in captured.resources if not r.custom}
    return [
        r.urn for r in captured.resources if r.parent not in components and r.name not in ("watch", "aws", "aws-global")
    ]


CASES: Final[list[tuple[Control, Mutation]]] = [
    (unheard, changed(ALARM, "watch-unschedulable-pods", property_dependencies={})),
    (unheard, changed(ALARM, "watch-unschedulable-pods", {"actionsEnabled": False})),
    (unsubscribed, without(SUBSCRIPTION, f"watch-alarms-{EMAILS[0]}")),
    (unsubscribed, without(SUBSCRIPTION, f"watch-global-alarms-{EMAILS[1]}")),
    (unsubscribed, changed(SUBSCRIPTION, f"watch-alarms-{EMAILS[0]}", {"protocol": "sms"})),
    *(
        (open_topics, changed(TOPIC_POLICY, "watch-alarms", {"policy": json.dumps({"Statement": statements})}))
        for statements in (
            [],
            [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}],
            [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudwatch.amazonaws.com"},
                    "Action": "sns:Publish",
                    "Resource": "*",
                }
            ],
        )
    ),
    (open_topics, changed(KEY, "watch-alarms", {"policy": json.dumps({"Statement": []})})),
    (unencrypted, changed(TOPIC, "watch-alarms", property_dependencies={})),
    (unencrypted, changed(KEY, "watch-alarms", {"enableKeyRotation": False})),
    (unencrypted, changed(LOG_GROUP, "watch-free-addresses", {"retentionInDays": None})),
    (unencrypted, changed(LOG_GROUP, "watch-free-addresses", property_dependencies={})),
    (unencrypted, changed(FUNCTION, "watch-free-addresses", {"name": "other"})),
    (unencrypted, changed(FUNCTION, "watch-free-addresses", dependencies=())),
    *(
        (
            function_rights,
            changed(ROLE_POLICY, "watch-free-addresses", {"policy": json.dumps({"Statement": statements})}),
        )
        for statements in ([], [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    ),
    (function_rights, changed(ROLE, "watch-free-addresses", {"permissionsBoundary": None})),
    (
        function_rights,
        changed(
            ROLE,
            "watch-free-addresses",
            {"assumeRolePolicy": json.dumps({"Statement": [{"Principal": {"AWS": "*"}}]})},
        ),
    ),
    (uncounted, changed(TARGET, "watch-free-addresses", {"input": "{}"})),
    (uncounted, changed(TARGET, "watch-free-addresses", {"rule": "other"})),
    (uncounted, changed(RULE, "watch-free-addresses", {"scheduleExpression": None})),
    (uncounted, changed(TARGET, "watch-free-addresses", dependencies=())),
    (uncounted, without(PERMISSION, "watch-free-addresses")),
    (uncounted, changed(PERMISSION, "watch-free-addresses", property_dependencies={})),
    (uncounted, changed(FUNCTION, "watch-free-addresses", {"runtime": "python3.9"})),
    (unseen, changed(DASHBOARD, "watch", {"dashboardName": "other"})),
    (unseen, changed(DASHBOARD, "watch", {"dashboardBody": "{}"})),
    (unwarned, without(BUDGET, "watch-cost")),
    (unwarned, changed(BUDGET, "watch-cost", {"notifications": []})),
    (unwarned, changed(BUDGET, "watch-cost", {"limitUnit": "GB"})),
    (unwarned, changed(BUDGET, "watch-cost", {"filterExpression": {"tags": {"key": "stage", "values": ["x"]}}})),
    (unwarned, changed(BUDGET, "watch-cost", {"metrics": None})),
    (unwarned, changed(COST_TAG, "watch-cost-project", retain_on_delete=False)),
    (untagged, changed(TOPIC, "watch-alarms", {"tags": None})),
    (untagged, changed(ALARM, "watch-nat-ports-a", {"tags": {"project": "demo"}})),
    (misplaced, changed(ALARM, "watch-certificate-global-images", provider="")),
    (misplaced, changed(TOPIC, "watch-global-alarms", provider="")),
    (
        pathful,
        changed(FUNCTION, "watch-free-addresses", {"code": {"assets": {"a": {"path": "/x", "text": "def handler("}}}}),
    ),
    (orphans, changed(ALARM, "watch-nat-ports-a", parent="")),
]
CONTROLS: Final = list(dict.fromkeys(control for control, _ in CASES))


@pytest.mark.parametrize("control", CONTROLS)
def test_control_holds(example: Capture, control: Control) -> None:
    """What the component registers breaks no control."""
    assert control(example) == []


@pytest.mark.parametrize(("control", "mutation"), CASES, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(example: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports a stack in which one thing was changed."""
    assert control(mutation(example)) != []

"""What is registered, statement by statement against upstream's template of the pinned Karpenter.

Two named deviations: the nodes' role has no CNI policy, and the queue takes messages from the five rules only.
In an isolated network four statements are left out; test_karpenter_isolated.py names them.
Names differ as the platform's documents want them (queue, rules). Each deviation has its test.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import versions
from tests.captures import Capture
from tests.components.conftest import CLUSTER, Builder
from tests.conftest import ACCOUNT

CONTRACT: dict[str, Any] = json.loads(Path(__file__).with_name("karpenter_contract.json").read_text())
RULES = {
    "ScheduledChangeRule": "scheduled-change",
    "SpotInterruptionRule": "spot-interruption",
    "RebalanceRule": "rebalance",
    "InstanceStateChangeRule": "instance-state-change",
    "CapacityReservationInterruptionRule": "capacity-reservation-interruption",
}
QUEUE_ARN = f"arn:aws:sqs:ap-northeast-2:{ACCOUNT}:{CLUSTER}-karpenter"
Document = dict[str, Any]


def rendered(value: Any, **words: str) -> Any:
    """Fill in upstream's substitutions, as CloudFormation would."""
    words = {
        "AWS::Partition": "aws",
        "AWS::Region": "ap-northeast-2",
        "AWS::AccountId": ACCOUNT,
        "AWS::URLSuffix": "amazonaws.com",
        "ClusterName": CLUSTER,
        "KarpenterNodeRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/KarpenterNodeRole-{CLUSTER}",
        "KarpenterInterruptionQueue.Arn": QUEUE_ARN,
        **words,
    }
    text = json.dumps(value)
    for word, replacement in words.items():
        text = text.replace(f"${{{word}}}", replacement)
    return json.loads(text)


def normal(statement: Any) -> Any:
    """One text or a list of one mean the same to IAM, and order means nothing."""
    if isinstance(statement, dict):
        return {key: normal(value) for key, value in statement.items()}
    if isinstance(statement, list):
        return sorted(statement)
    return statement if statement in ("Allow", "Deny") else [statement]


def differences(expected: list[Document], actual: list[Document]) -> list[str]:
    """Say statement by statement what was lost, added or changed."""
    wanted = {statement.get("Sid", "(none)"): normal({**statement, "Sid": ""}) for statement in expected}
    found = {statement.get("Sid", "(none)"): normal({**statement, "Sid": ""}) for statement in actual}
    said = [f"{sid} is missing" for sid in wanted.keys() - found.keys()]
    said += [f"{sid} is not upstream's" for sid in found.keys() - wanted.keys()]
    for sid in wanted.keys() & found.keys():
        parts = wanted[sid].keys() | found[sid].keys()
        said += [f"{sid}: {part} differs" for part in parts if wanted[sid].get(part) != found[sid].get(part)]
    return said + (["a Sid appears twice"] if len(found) < len(actual) else [])


def policies(captured: Capture) -> dict[str, list[Document]]:
    """The registered controller policies' statements, by upstream's name of the policy."""
    found = {}
    for registration in captured.of_type("aws:iam/policy:Policy"):
        document = json.loads(registration.inputs["policy"])
        assert document["Version"] == "2012-10-17"
        kind = registration.inputs["name"].removeprefix("KarpenterController").removesuffix(f"Policy-{CLUSTER}")
        found[kind] = document["Statement"]
    return found


def mutations(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every copy in which one text is another, one list entry is missing or doubled, or one key is gone."""
    if isinstance(value, dict):
        for key in value:
            yield f"{path}/{key} gone", {k: v for k, v in value.items() if k != key}
            for name, changed in mutations(value[key], f"{path}/{key}"):
                yield name, {**value, key: changed}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{path}[{index}] gone", value[:index] + value[index + 1 :]
            for name, changed in mutations(item, f"{path}[{index}]"):
                yield name, [*value[:index], changed, *value[index + 1 :]]
    else:
        yield f"{path} widened", "?" if value == "*" else "*"


def test_contract_is_of_the_pinned_version() -> None:
    """Another Karpenter needs another contract, read and transcribed by a person."""
    assert CONTRACT["version"] == versions.KARPENTER
    assert sum(len(statements) for statements in CONTRACT["policies"].values()) == 18


@pytest.mark.parametrize("kind", sorted(CONTRACT["policies"]))
def test_controller_policy_is_upstreams(karpenter: Builder, kind: str) -> None:
    """Each statement of the policy has upstream's actions, resources and conditions."""
    assert differences(rendered(CONTRACT["policies"][kind]), policies(karpenter())[kind]) == []


def test_there_are_no_other_policies(karpenter: Builder) -> None:
    """The six are all that the controller gets."""
    assert policies(karpenter()).keys() == CONTRACT["policies"].keys()


@pytest.mark.parametrize("kind", sorted(CONTRACT["policies"]))
def test_every_change_of_a_statement_is_noticed(karpenter: Builder, kind: str) -> None:
    """Losing or widening any action, resource, condition key or condition value is reported."""
    expected, actual = rendered(CONTRACT["policies"][kind]), policies(karpenter())[kind]
    tried = list(mutations(actual))
    assert len(tried) > 5
    assert [name for name, changed in tried if not differences(expected, changed)] == []


def test_merging_statements_is_noticed(karpenter: Builder) -> None:
    """Two statements made one would AND what upstream ORs."""
    expected = rendered(CONTRACT["policies"]["NodeLifecycle"])
    merged = copy.deepcopy(policies(karpenter())["NodeLifecycle"])
    merged[1]["Action"] = [*merged[1]["Action"], *merged.pop(2)["Action"]]
    assert differences(expected, merged) == [
        "AllowScopedEC2InstanceActionsWithTags is missing",
        "AllowScopedEC2LaunchTemplateAccessActions: Action differs",
    ]


def test_node_role_is_upstreams_less_the_cni_policy(karpenter: Builder) -> None:
    """The CNI policy goes to the VPC CNI's own identity, so that pods on the node cannot use it."""
    captured = karpenter()
    role = captured.one("aws:iam/role:Role", "karpenter-node")
    upstream = rendered(CONTRACT["node_role"])
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    attached = {
        r.inputs["policyArn"]
        for r in captured.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if r.source("role") == role.urn
    }
    assert role.inputs["name"] == upstream["name"]
    assert trust == {"Effect": "Allow", "Principal": {"Service": upstream["trusted"]}, "Action": "sts:AssumeRole"}
    assert attached == {
        f"arn:aws:iam::aws:policy/{name}" for name in upstream["policies"] if name != "AmazonEKS_CNI_Policy"
    }


def test_queue_is_upstreams_under_the_platforms_name(karpenter: Builder) -> None:
    """Retention and encryption are upstream's; the name says what the queue is for."""
    inputs = karpenter().one("aws:sqs/queue:Queue", "karpenter-interruption").inputs
    upstream = CONTRACT["queue"]
    assert inputs["messageRetentionSeconds"] == upstream["message_retention_seconds"]
    assert inputs["sqsManagedSseEnabled"] is upstream["sqs_managed_sse_enabled"]
    assert (inputs["name"], rendered(upstream["name"])) == (f"{CLUSTER}-karpenter", CLUSTER)


def test_queue_policy_is_upstreams_narrowed_to_the_rules(karpenter: Builder) -> None:
    """Only EventBridge may send, only for the five rules; the rest, and the refusal of plain HTTP, is upstream's."""
    captured = karpenter()
    document = json.loads(captured.one("aws:sqs/queuePolicy:QueuePolicy", "karpenter-interruption").inputs["policy"])
    narrowed = rendered(CONTRACT["queue_policy"])
    rule_arns = [
        f"arn:aws:events:ap-northeast-2:{ACCOUNT}:rule/{rule.inputs['name']}"
        for rule in captured.of_type("aws:cloudwatch/eventRule:EventRule")
    ]
    narrowed["Statement"][0]["Principal"] = {"Service": "events.amazonaws.com"}
    narrowed["Statement"][0]["Condition"] = {"ArnEquals": {"aws:SourceArn": rule_arns}}
    assert len(rule_arns) == 5
    assert (document["Version"], document["Id"]) == ("2012-10-17", narrowed["Id"])
    assert differences(narrowed["Statement"], document["Statement"]) == []
    assert differences(rendered(CONTRACT["queue_policy"])["Statement"], document["Statement"]) != []
    assert all(differences(narrowed["Statement"], changed) for _, changed in mutations(document["Statement"]))


def test_rules_are_upstreams_under_one_prefix(karpenter: Builder) -> None:
    """The five patterns are exact, and each rule has the queue as its one target."""
    captured = karpenter()
    rules = {r.inputs["name"]: r for r in captured.of_type("aws:cloudwatch/eventRule:EventRule")}
    wanted = {f"{CLUSTER}-karpenter-{RULES[name]}": pattern for name, pattern in CONTRACT["rules"].items()}
    assert {name: json.loads(rule.inputs["eventPattern"]) for name, rule in rules.items()} == wanted

    queue = captured.one("aws:sqs/queue:Queue", "karpenter-interruption").urn
    targets = captured.of_type("aws:cloudwatch/eventTarget:EventTarget")
    assert {t.source("rule") for t in targets} == {rule.urn for rule in rules.values()}
    assert {(t.source("arn"), t.inputs["targetId"]) for t in targets} == {(queue, CONTRACT["target_id"])}
    assert len(targets) == 5

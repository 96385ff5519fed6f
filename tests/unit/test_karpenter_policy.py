"""Names and sizes of Karpenter's documents at the limits of AWS."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.karpenter import policy
from components.karpenter.controller import controller_policies
from components.karpenter.names import (
    POLICY_LIMIT,
    PROFILE_LIMIT,
    QUEUE_LIMIT,
    ROLE_LIMIT,
    RULE_LIMIT,
    KarpenterNames,
    plan_names,
)
from components.karpenter.policy import Scope
from components.partitions import dns_suffix

ACCOUNT = "123456789012"
MANAGED_POLICY_LIMIT = 6_144
TRUST_LIMIT = 2_048
LONGEST_REGIONS = [
    ("aws", "ap-northeast-1"),
    ("aws", "ap-southeast-1"),
    ("aws-cn", "cn-northwest-1"),
    ("aws-us-gov", "us-gov-east-1"),
    ("aws-us-gov", "us-gov-west-1"),
]
# What EKS takes as a cluster's name.
CLUSTER_NAMES = st.from_regex(r"\A[0-9A-Za-z][A-Za-z0-9_-]{0,99}\Z")
# Names that differ at their end only, where cutting would make them equal.
LONG_TWINS = st.tuples(
    st.text(string.ascii_lowercase, min_size=40, max_size=92),
    st.lists(st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8), min_size=2, unique=True),
)


def scope(cluster_name: str, partition: str, region: str) -> Scope:
    return Scope(cluster_name=cluster_name, region=region, partition=partition, account_id=ACCOUNT)


def limited(names: KarpenterNames) -> Iterator[tuple[str, int, str]]:
    """Every name with its limit and the characters that AWS takes."""
    iam = r"[\w+=,.@-]+"
    for role in (names.node_role, names.controller_role):
        yield role, ROLE_LIMIT, iam
    for name in names.policies.values():
        yield name, POLICY_LIMIT, iam
    yield names.instance_profile, PROFILE_LIMIT, iam
    for name in names.rules.values():
        yield name, RULE_LIMIT, r"[.\-_A-Za-z0-9]+"
    yield names.queue, QUEUE_LIMIT, r"[A-Za-z0-9_-]+"


def size(document: dict[str, Any]) -> int:
    """Characters as IAM counts them: without white space."""
    return len(re.sub(r"\s", "", policy.render(document)))


@given(CLUSTER_NAMES)
def test_every_name_is_within_its_limit(cluster_name: str) -> None:
    """Whatever EKS takes as a cluster's name makes names that IAM, EventBridge and SQS take."""
    for name, limit, allowed in limited(plan_names(cluster_name)):
        assert len(name) <= limit
        assert re.fullmatch(allowed, name, re.ASCII)


@given(CLUSTER_NAMES, CLUSTER_NAMES)
def test_distinct_clusters_have_distinct_names(one: str, other: str) -> None:
    """No two clusters share a role, policy, rule or queue."""
    shared = {n for n, _, _ in limited(plan_names(one))} & {n for n, _, _ in limited(plan_names(other))}
    assert not shared or one == other


@given(LONG_TWINS)
def test_long_names_with_one_beginning_stay_distinct(twins: tuple[str, list[str]]) -> None:
    """The hash keeps apart what cutting would make equal."""
    beginning, ends = twins
    planned = [{n for n, _, _ in limited(plan_names(beginning + end))} for end in ends]
    assert len(set.union(*planned)) == sum(len(names) for names in planned)


@given(CLUSTER_NAMES)
def test_rules_share_one_prefix(cluster_name: str) -> None:
    """One prefix lists all five rules, also where the longest of them had to be shortened."""
    rules = plan_names(cluster_name).rules
    prefixes = {name.removesuffix(f"-{kind}") for kind, name in rules.items()}
    assert len(prefixes) == 1
    assert prefixes.pop().endswith("-karpenter")
    assert len(rules) == 5


def test_names_of_a_short_cluster_are_the_documented_ones() -> None:
    """Up to 20 characters every name holds the cluster's name in full."""
    names = plan_names("a-cluster-of-20-char")
    assert names.node_role == "KarpenterNodeRole-a-cluster-of-20-char"
    assert names.controller_role == "a-cluster-of-20-char-karpenter-controller"
    assert names.queue == "a-cluster-of-20-char-karpenter"
    assert names.instance_profile == "KarpenterNodeInstanceProfile-a-cluster-of-20-char"
    assert names.rules["spot-interruption"] == "a-cluster-of-20-char-karpenter-spot-interruption"
    assert names.rules["capacity-reservation-interruption"] == (
        "a-cluster-of-20-char-karpenter-capacity-reservation-interruption"
    )
    assert names.policies["ZonalShift"] == "KarpenterControllerZonalShiftPolicy-a-cluster-of-20-char"


def test_shortened_names_never_change() -> None:
    """A running cluster's names stay as they are, hash and all: another name would replace its roles."""
    names = plan_names("c" * 100)
    assert names.node_role == f"KarpenterNodeRole-{'c' * 37}-bdcdc9e9"
    assert names.rules["rebalance"] == f"{'c' * 11}-bdcdc9e9-karpenter-rebalance"
    assert names.queue == f"{'c' * 61}-bdcdc9e9-karpenter"


@pytest.mark.parametrize(("partition", "region"), LONGEST_REGIONS)
def test_documents_fit_at_the_longest_name(partition: str, region: str) -> None:
    """With 100 characters in the longest region each policy and trust is within IAM's quota."""
    longest = scope("n" * 100, partition, region)
    sizes = {kind: size(document) for kind, document in controller_policies(longest).items()}
    trust = size(policy.node_trust(longest))
    kind = max(sizes, key=lambda name: sizes[name])
    print(f"{partition} {region}: largest policy {kind} {sizes[kind]} of {MANAGED_POLICY_LIMIT}, ", end="")
    print(f"node trust {trust} of {TRUST_LIMIT}; {sizes}")
    assert max(sizes.values()) <= MANAGED_POLICY_LIMIT
    assert trust <= TRUST_LIMIT


def test_one_policy_for_all_would_not_fit() -> None:
    """Six policies are needed: the same statements in one are over the quota, which the size check would say."""
    documents = controller_policies(scope("n" * 100, "aws-us-gov", "us-gov-east-1")).values()
    merged = policy.document(*[statement for document in documents for statement in document["Statement"]])
    assert size(merged) > MANAGED_POLICY_LIMIT


@given(CLUSTER_NAMES)
def test_documents_are_json_without_leftovers(cluster_name: str) -> None:
    """No document holds a brace of an unfilled template: a condition that names `{cluster}` matches nothing."""
    example = scope(cluster_name, "aws", "ap-northeast-2")
    documents = [
        *controller_policies(example).values(),
        policy.node_trust(example),
        policy.queue_policy(example),
    ]
    for document in documents:
        assert json.loads(policy.render(document)) == document
        texts = re.findall(r'"([^"]*)"', policy.render(document))
        assert not [text for text in texts if "{" in text or "}" in text]


def test_unknown_partition_is_refused() -> None:
    """The error names the value and the choices."""
    with pytest.raises(ValueError, match=r"^partition='aws-mars': unknown; use one of aws, aws-cn, aws-us-gov$"):
        dns_suffix("aws-mars")

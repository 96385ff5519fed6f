"""The evaluator itself: it decides as IAM's documentation says, and refuses what it does not know."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.iam import Call, NotEvaluatedError, Target, allowed, arn_like, wildcard

ARN = "arn:aws:ec2:ap-northeast-2:123456789012:instance/i-1"
ALLOW = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "ec2:Terminate*", "Resource": "*"}


def allow(**condition: Any) -> dict[str, Any]:
    return {**ALLOW, "Condition": {key.replace("__", ":"): value for key, value in condition.items()}}


def call(action: str = "ec2:TerminateInstances", *arns: str, **rest: Any) -> Call:
    return Call(action=action, targets=[Target(arn=arn) for arn in arns or (ARN,)], **rest)


def test_nothing_is_allowed_by_silence() -> None:
    """Without a statement that allows, and without a resource, a call is denied."""
    assert not allowed([], call())
    assert not allowed([DENY], call())
    assert not allowed([ALLOW], Call(action="ec2:RunInstances", targets=[]))
    assert allowed([ALLOW], call())


STATEMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Deny"]),
            "Action": st.sampled_from(["*", "ec2:*", "ec2:RunInstances", "s3:*", ["ec2:Run*", "ec2:Term*"]]),
            "Resource": st.sampled_from(["*", ARN, "arn:aws:ec2:*:*:volume/*"]),
        }
    ),
    max_size=5,
)


@given(STATEMENTS)
def test_an_explicit_deny_wins(statements: list[dict[str, Any]]) -> None:
    """Whatever else is said, a statement that denies the call decides."""
    assert not allowed([*statements, DENY], call())
    assert not allowed([DENY, *statements], call())


@given(STATEMENTS)
def test_order_means_nothing(statements: list[dict[str, Any]]) -> None:
    """Every order of the statements gives the same answer."""
    answers = {allowed(list(order), call()) for order in itertools.permutations(statements)}
    assert len(answers) == 1


@given(STATEMENTS, st.sampled_from([ALLOW, {**ALLOW, "Action": "ec2:Run*"}]))
def test_an_allow_takes_nothing_away(statements: list[dict[str, Any]], more: dict[str, Any]) -> None:
    """Adding a statement that allows never denies what was allowed."""
    assert allowed([*statements, more], call()) >= allowed(statements, call())


def test_actions_and_resources_can_be_named_by_what_they_are_not() -> None:
    """NotAction and NotResource take everything else."""
    not_s3 = {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}
    not_here = {"Effect": "Allow", "Action": "*", "NotResource": ARN}
    assert allowed([not_s3], call())
    assert not allowed([not_s3], call("s3:GetObject"))
    assert not allowed([not_here], call())
    assert allowed([not_here], call("ec2:RunInstances", ARN.replace("i-1", "i-2")))


def test_every_resource_of_a_call_is_checked() -> None:
    """One resource that nobody allows denies the whole call."""
    volumes = {**ALLOW, "Resource": "arn:aws:ec2:*:*:volume/*"}
    instances = {**ALLOW, "Resource": "arn:aws:ec2:*:*:instance/*"}
    attach = call("ec2:AttachVolume", ARN, ARN.replace("instance/i-1", "volume/vol-1"))
    assert not allowed([volumes], attach)
    assert not allowed([instances], attach)
    assert allowed([volumes, instances], attach)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("ec2:Describe*", "ec2:DescribeVpcs", True),
        ("i-?", "i-1", True),
        ("i-?", "i-12", False),
        ("a.c", "abc", False),
        ("[*]", "*", True),
        ("[*]", "x", False),
    ],
)
def test_wildcards(pattern: str, text: str, matches: bool) -> None:
    """Only `*` and `?` are signs."""
    assert wildcard(pattern, text) is matches


def test_a_wildcard_stays_in_its_part_of_the_arn() -> None:
    """A wildcard of the region does not swallow the account."""
    assert arn_like("arn:aws:ec2:*:*:instance/*", ARN)
    assert not arn_like("arn:aws:ec2:*:instance/*", ARN)
    assert not arn_like("arn:aws:ec2:us-*:*:instance/*", ARN)
    assert arn_like("arn:aws:logs:r:1:log-group:/a/*", "arn:aws:logs:r:1:log-group:/a/b:log-stream:c")


def test_variables_take_the_callers_values() -> None:
    """A variable is the caller's own value; without one the statement says nothing."""
    mine = allow(StringEquals={"aws:ResourceTag/cluster": "${aws:PrincipalTag/cluster}"})
    tagged = [Target(arn=ARN, tags={"cluster": "demo"})]
    assert allowed([mine], Call(action="ec2:StopInstances", targets=tagged, principal_tags={"cluster": "demo"}))
    assert not allowed([mine], Call(action="ec2:StopInstances", targets=tagged, principal_tags={"cluster": "other"}))
    assert not allowed([mine], Call(action="ec2:StopInstances", targets=tagged))
    defaulted = {**ALLOW, "Resource": "arn:aws:ec2:*:*:${aws:PrincipalTag/kind, 'instance'}/*"}
    starred = allow(StringLike={"ec2:Name": "a${*}b"})
    assert allowed([defaulted], call())
    assert allowed([starred], call(context={"ec2:Name": "a*b"}))
    assert not allowed([starred], call(context={"ec2:Name": "axb"}))


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, "b", True),
        ({"StringEquals": {"k": "a"}}, "A", False),
        ({"StringEquals": {"k": "a*"}}, "ab", False),
        ({"StringEquals": {"k": "a"}}, None, False),
        ({"StringEqualsIgnoreCase": {"k": "a"}}, "A", True),
        ({"StringEqualsIfExists": {"k": "a"}}, None, True),
        ({"StringEqualsIfExists": {"k": "a"}}, "b", False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, "b", False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, "c", True),
        ({"StringNotEquals": {"k": "a"}}, None, True),
        ({"StringLike": {"k": "a*"}}, "ab", True),
        ({"StringNotLike": {"k": "a*"}}, "ab", False),
        ({"ArnEquals": {"k": "arn:aws:sqs:*:*:q"}}, "arn:aws:sqs:r:1:q", True),
        ({"ArnLike": {"k": "arn:aws:sqs:*:q"}}, "arn:aws:sqs:r:1:q", False),
        ({"ArnNotLike": {"k": "arn:aws:sqs:*:*:q"}}, "arn:aws:sqs:r:1:p", True),
        ({"Bool": {"k": "false"}}, "False", True),
        ({"Bool": {"k": "false"}}, None, False),
        ({"Null": {"k": "true"}}, None, True),
        ({"Null": {"k": "true"}}, "a", False),
        ({"Null": {"k": "false"}}, "a", True),
        ({"NumericEquals": {"k": "1"}}, "1.0", True),
        ({"NumericNotEquals": {"k": "1"}}, "2", True),
        ({"NumericLessThan": {"k": "5"}}, "5", False),
        ({"NumericLessThanEquals": {"k": "5"}}, "5", True),
        ({"NumericGreaterThan": {"k": "5"}}, "6", True),
        ({"NumericGreaterThanEquals": {"k": "5"}}, "4", False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, ["a", "b"], True),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, ["a", "c"], False),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, None, True),
        ({"ForAllValues:StringNotEquals": {"k": ["a"]}}, ["a", "b"], False),
        ({"ForAllValues:StringNotEquals": {"k": ["a"]}}, ["b", "c"], True),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, ["a", "c"], True),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, ["c"], False),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, None, False),
        ({"StringEquals": {"k": "a"}, "StringLike": {"j": "*"}}, "a", False),
    ],
)
def test_conditions(condition: dict[str, Any], value: Any, expected: bool) -> None:
    """Each operator compares as documented, also where the key is missing."""
    context = {} if value is None else {"K": value}
    assert allowed([{**ALLOW, "Condition": condition}], call(context=context)) is expected


def test_tags_are_keys_of_their_resource_and_their_request() -> None:
    """A resource's tags hold for that resource only; a request's tags hold for all of its resources."""
    owned = allow(StringEquals={"aws:ResourceTag/owner": "me"})
    by_service = allow(StringEquals={"ec2:ResourceTag/owner": "me"})
    requested = allow(StringEquals={"aws:RequestTag/owner": "me"}, ForAllValues__StringEquals={"aws:TagKeys": "owner"})
    mine, other = Target(arn=ARN, tags={"owner": "me"}), Target(arn=ARN)
    assert allowed([owned], Call(action="ec2:StopInstances", targets=[mine]))
    assert allowed([by_service], Call(action="ec2:StopInstances", targets=[mine]))
    assert not allowed([owned], Call(action="ec2:StopInstances", targets=[mine, other]))
    assert allowed([requested], call("ec2:CreateTags", ARN, ARN, request_tags={"owner": "me"}))
    assert not allowed([requested], call("ec2:CreateTags", request_tags={"owner": "me", "more": "x"}))
    assert not allowed([requested], call("ec2:CreateTags"))
    copied = Target(arn=ARN, read=True)
    assert not allowed([requested], Call(action="ec2:CopyVolumes", targets=[copied], request_tags={"owner": "me"}))


def test_principals_of_resource_policies() -> None:
    """A resource policy holds for the principals that it names."""
    events = {**ALLOW, "Principal": {"Service": ["events.amazonaws.com"]}}
    assert allowed([events], call(principal="Service:events.amazonaws.com"))
    assert not allowed([events], call(principal="Service:sqs.amazonaws.com"))
    assert allowed([{**ALLOW, "Principal": "*"}], call())
    assert allowed([{**ALLOW, "Principal": {"AWS": "*"}}], call(principal="AWS:arn:aws:iam::1:root"))


@pytest.mark.parametrize(
    "statement",
    [
        {**ALLOW, "Condition": {"StringSounds": {"k": "a"}}},
        {**ALLOW, "Condition": {"ForSome:StringEquals": {"k": "a"}}},
        {**ALLOW, "Condition": {"NullIfExists": {"k": "true"}}},
        {**ALLOW, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {**ALLOW, "NotPrincipal": "*"},
        {**ALLOW, "Effect": "Maybe"},
        {**ALLOW, "NotAction": "s3:*"},
    ],
)
def test_the_unknown_is_refused(statement: dict[str, Any]) -> None:
    """An unknown part raises even where another statement has denied the call already."""
    with pytest.raises(NotEvaluatedError):
        allowed([DENY, statement], call())


def test_several_values_need_a_quantifier() -> None:
    """IAM says nothing certain about a plain operator on several values, so neither does the evaluator."""
    with pytest.raises(NotEvaluatedError, match="several values"):
        allowed([allow(StringEquals={"k": "a"})], call(context={"k": ["a", "b"]}))

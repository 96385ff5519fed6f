"""Calls that controllers make, or must not be able to make, decided over the documents that the platform writes.

The calls lie in cases/, by principal, each with its reason. Dropping any condition, or widening any resource, of a
statement lets at least one forbidden call through, so every case is needed and nothing is wider than it was thought.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.iam import Call, Target, allowed, many
from tests.iam.catalog import FOLDER, principals

LEAST = {"karpenter": 40}
WORDS = {
    "{ec2}": "arn:aws:ec2:ap-northeast-2:123456789012",
    "{ec2x}": "arn:aws:ec2:ap-northeast-2:",  # images and snapshots have no account in their ARN
    "{far}": "arn:aws:ec2:us-east-1:123456789012",
    "{elb}": "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012",
    "{efs}": "arn:aws:elasticfilesystem:ap-northeast-2:123456789012",
    "{iam}": "arn:aws:iam::123456789012",
    "{sqs}": "arn:aws:sqs:ap-northeast-2:123456789012",
    "{logs}": "arn:aws:logs:ap-northeast-2:123456789012:log-group",
    "{ssm}": "arn:aws:ssm:ap-northeast-2:123456789012",
    "{secret}": "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret",
}
FILES = sorted(path.stem for path in (FOLDER / "cases").glob("*.yaml"))
PRINCIPALS = principals()
Case = Mapping[str, Any]


def arn(text: str) -> str:
    """Put the words in."""
    for word, meaning in WORDS.items():
        text = text.replace(word, meaning)
    return text


def targets(entries: list[Any]) -> Iterator[Target]:
    """Resources of a case: an ARN, an ARN with tags, or a named list of them."""
    for entry in entries:
        if isinstance(entry, str):
            yield Target(arn=arn(entry))
        elif "all" in entry:
            yield from targets(entry["all"])
        else:
            yield Target(**{**entry, "arn": arn(entry["arn"])})


def load(name: str) -> tuple[str, list[Case]]:
    """The principal of a file, and its cases."""
    content = yaml.safe_load((FOLDER / "cases" / f"{name}.yaml").read_text())
    return content["principal"], content["cases"]


def call(case: Case) -> Call:
    context = {key: arn(value) if isinstance(value, str) else value for key, value in case.get("context", {}).items()}
    return Call(
        action=case["action"],
        targets=list(targets(case["to"])),
        request_tags=case.get("tagged", {}),
        principal=case.get("by", ""),
        context=context,
    )


CASES = [(load(name)[0], case) for name in FILES for case in load(name)[1]]


@pytest.mark.parametrize(("principal", "case"), CASES, ids=lambda item: item if isinstance(item, str) else item["why"])
def test_call_is_decided_as_it_should_be(principal: str, case: Case) -> None:
    """The documents allow what the controller needs and deny what it must not do."""
    assert case["expect"] in ("allow", "deny")
    assert allowed(PRINCIPALS[principal], call(case)) is (case["expect"] == "allow")


def test_there_are_enough_cases() -> None:
    """Every principal has its number of cases, of both kinds, and no reason is given twice."""
    for name in FILES:
        principal, cases = load(name)
        expected = [case["expect"] for case in cases]
        assert len(cases) >= LEAST.get(principal, 10), name
        assert min(expected.count("allow"), expected.count("deny")) >= 3, name
        assert len({case["why"] for case in cases}) == len(cases), name


def mutants(statement: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every wider copy of the statement: a condition key less, or any resource, or any principal."""
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            wider = copy.deepcopy(dict(statement))
            del wider["Condition"][operator][key]
            yield f"without {operator} {key}", wider
    if statement.get("Resource", "*") != "*":
        for index, resource in enumerate(many(statement["Resource"])):
            others = [*many(statement["Resource"])[:index], *many(statement["Resource"])[index + 1 :]]
            yield f"{resource} widened", {**statement, "Resource": [*others, "*"]}
    if statement.get("Principal", "*") not in ("*", {"AWS": "*"}):
        yield "any principal", {**statement, "Principal": "*"}


def survivors(principal: str) -> tuple[int, list[str]]:
    """Mutants of the principal's statements, and those that let no forbidden call through."""
    statements = PRINCIPALS[principal]
    forbidden = [call(case) for whose, case in CASES if whose == principal and case["expect"] == "deny"]
    tried, alive = 0, []
    for index, statement in enumerate(statements):
        if statement["Effect"] == "Deny":
            continue
        for what, wider in mutants(statement):
            tried += 1
            mutated = [*statements[:index], wider, *statements[index + 1 :]]
            if not any(allowed(mutated, one) for one in forbidden):
                alive.append(f"{statement.get('Sid', index)} {what}")
    return tried, alive


def test_every_condition_and_resource_is_needed_by_a_case() -> None:
    """Of all wider copies of the statements, each lets a forbidden call through."""
    total, alive = 0, []
    for principal in dict.fromkeys(principal for principal, _ in CASES):
        tried, names = survivors(principal)
        total += tried
        alive += [f"{principal}: {name}" for name in names]
    print(f"IAM mutants: {total - len(alive)} of {total} caught by {len(CASES)} cases; survivors: {alive or 'none'}")
    assert total > 150
    assert alive == []


def test_denying_statements_are_needed_by_a_case() -> None:
    """Without its Deny, a document lets a forbidden call through."""
    for principal, statements in PRINCIPALS.items():
        forbidden = [call(case) for whose, case in CASES if whose == principal and case["expect"] == "deny"]
        for index, statement in enumerate(statements):
            if statement["Effect"] == "Deny":
                rest = statements[:index] + statements[index + 1 :]
                assert any(allowed(rest, one) for one in forbidden), (principal, statement)

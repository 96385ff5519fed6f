"""Quotas and partitions: every document fits and belongs where it goes, at the longest names (controls I7, I10)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.identity.policies.scope import Scope
from rules.regions import PARTITIONS
from tests.iam.catalog import (
    ACCOUNT,
    FOLDER,
    LARGE_REACH,
    identity_documents,
    resource_documents,
    size,
    trust_documents,
)

Documents = Mapping[str, dict[str, Any]]


def foreign_partitions(documents: Documents) -> list[str]:
    """I10: no ARN of the commercial partition in a document for another."""
    return [name for name, document in documents.items() if "arn:aws:" in json.dumps(document)]


@pytest.mark.parametrize(("partition", "regions"), PARTITIONS.items())
def test_documents_belong_to_their_partition(partition: str, regions: tuple[str, ...]) -> None:
    """I10: a document for another partition names none of the commercial one's ARNs; the check would see one."""
    scope = Scope(cluster_name="demo", region=regions[0], partition=partition, account_id=ACCOUNT)
    trusts = {f"trust of {name}": document for name, document in trust_documents(scope).items()}
    own = identity_documents(scope) | resource_documents(scope) | trusts
    assert bool(foreign_partitions(own)) == (partition == "aws")
    named = [d for d in identity_documents(scope).values() if any(s["Resource"] != "*" for s in d["Statement"])]
    assert len(named) > 20
    assert all(f"arn:{partition}:" in json.dumps(document) for document in named)


def test_code_has_no_arn_of_one_partition() -> None:
    """I10: whatever makes an ARN takes the partition from its caller."""
    sources = [path for folder in ("components", "stacks") for path in (FOLDER.parents[1] / folder).rglob("*.py")]
    assert len(sources) > 20
    assert [str(path) for path in sources if "arn:aws:" in path.read_text(encoding="utf-8")] == []


def largest_sizes(catalogs: Iterable[Documents]) -> dict[str, int]:
    """Characters of the largest document of each name."""
    sizes: dict[str, int] = {}
    for catalog in catalogs:
        for name, document in catalog.items():
            sizes[name] = max(size(document), sizes.get(name, 0))
    return sizes


@pytest.mark.parametrize(("partition", "regions"), PARTITIONS.items())
def test_documents_fit_at_the_longest_names(partition: str, regions: tuple[str, ...]) -> None:
    """I7: with a name of 100 characters, in whichever region, every document is within IAM's quota."""
    scopes = [Scope(cluster_name="n" * 100, region=r, partition=partition, account_id=ACCOUNT) for r in regions]
    policies = largest_sizes(identity_documents(scope, LARGE_REACH) for scope in scopes)
    trusts = largest_sizes(trust_documents(scope) for scope in scopes)
    region = max(regions, key=len)
    largest, trust = (max(sizes.items(), key=lambda item: item[1]) for sizes in (policies, trusts))
    inline = policies["flow-logs/delivery"]
    print(f"{partition} {region}: largest managed policy {largest[0]} {largest[1]} of 6144, ", end="")
    print(f"inline {inline} of 10240, largest trust {trust[0]} {trust[1]} of 2048")
    assert largest[1] <= 6_144
    assert trust[1] <= 2_048
    assert inline <= 10_240


@given(st.from_regex(r"\A[0-9A-Za-z][A-Za-z0-9_-]{0,99}\Z"))
def test_documents_have_no_leftovers_of_a_template(cluster_name: str) -> None:
    """A brace left in a name or an ARN would match nothing, and IAM refuses a Sid that appears twice."""
    scope = Scope(cluster_name=cluster_name, region="ap-northeast-2", partition="aws", account_id=ACCOUNT)
    for name, document in {**identity_documents(scope), **trust_documents(scope)}.items():
        texts = re.findall(r'"([^"]*)"', json.dumps(document))
        assert [text for text in texts if "{" in text or "}" in text] == [], name
        named = [statement.get("Sid", index) for index, statement in enumerate(document["Statement"])]
        assert len(set(named)) == len(named), name


def test_one_policy_for_the_load_balancer_controller_would_not_fit() -> None:
    """I7: three documents are needed: the same statements in one are over the quota, which the check would say."""
    scope = Scope(cluster_name="n" * 100, region="us-gov-east-1", partition="aws-us-gov", account_id=ACCOUNT)
    documents = [d for name, d in identity_documents(scope).items() if name.startswith("aws-load-balancer-controller/")]
    assert len(documents) == 3
    assert size({"Version": "2012-10-17", "Statement": [s for d in documents for s in d["Statement"]]}) > 6_144


def test_a_role_has_room_for_its_policies() -> None:
    """I7: IAM attaches at most ten managed policies to a role."""
    names = [name.partition("/")[0] for name in identity_documents(reach=LARGE_REACH)]
    assert max(names.count(name) for name in names) <= 10

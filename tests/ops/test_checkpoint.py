"""Exported deployments, settled without an engine."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ops import checkpoint
from ops.checkpoint import Adoption
from ops.errors import OpsError

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
AWS = "urn:pulumi:dev::p::pulumi:providers:aws::aws"
VPC = "urn:pulumi:dev::p::aws:ec2/vpc:Vpc::vpc"
SUBNET = "urn:pulumi:dev::p::aws:ec2/subnet:Subnet::subnet"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


def _resource(urn: str, **more: Any) -> dict[str, Any]:
    type_ = urn.split("::")[2].rpartition("$")[2]
    return {"urn": urn, "type": type_, "custom": True, "parent": STACK, "provider": f"{AWS}::abc", **more}


def _deployment(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    tags = '{"tags": {"Project": "p"}}'
    settings = {"region": "eu-west-1", "defaultTags": tags, "allowedAccountIds": '["123456789012"]'}
    provider = {"urn": AWS, "type": "pulumi:providers:aws", "id": "abc", "parent": STACK, "inputs": settings}
    return {
        "manifest": {"time": "2026-11-21T06:28:41.013681691Z"},
        "resources": [{"urn": STACK, "type": "pulumi:pulumi:Stack"}, provider, *resources],
        "pending_operations": [{"type": "creating", "resource": resource} for resource in pending],
    }


def _adopt(deployment: dict[str, Any], id_: str) -> dict[str, Any]:
    (pending,) = checkpoint.pending_creates(deployment)
    return checkpoint.settled(deployment, [Adoption(pending=pending, id=id_)])


def test_an_adopted_create_becomes_what_the_engine_would_have_recorded() -> None:
    """The resource keeps inputs, parent, provider and options, gets the id, and is marked to be read."""
    inputs = {"cidrBlock": "10.0.0.0/16", "secret": SECRET, "__defaults": ["enableDnsSupport"]}
    pending = _resource(VPC, inputs=inputs, protect=True)
    before = _deployment(pending=(pending,))
    untouched = copy.deepcopy(before)
    after = _adopt(before, "vpc-1")
    vpc = after["resources"][-1]
    assert {key: vpc[key] for key in pending} == pending
    assert vpc["outputs"] == {"cidrBlock": "10.0.0.0/16", "secret": SECRET, "id": "vpc-1"}
    assert (vpc["id"], vpc["refreshBeforeUpdate"]) == ("vpc-1", True)
    assert "pending_operations" not in after
    assert before == untouched


def test_a_dropped_create_leaves_only_the_list() -> None:
    """Resources stay as they are."""
    before = _deployment(pending=(_resource(VPC),))
    after = checkpoint.settled(before, [])
    assert after["resources"] == before["resources"]
    assert "pending_operations" not in after


def test_other_pending_operations_are_no_creates() -> None:
    """Updates and deletes concern recorded resources, which the engine handles itself."""
    deployment = _deployment()
    deployment["pending_operations"] = [{"type": "deleting", "resource": _resource(VPC)}]
    assert checkpoint.pending_creates(deployment) == []


def test_a_replacement_that_was_cut_short_leaves_the_old_one_to_be_deleted() -> None:
    """The new resource takes the URN, the old one is deleted by the next `up`, dependents stay."""
    dependent = _resource(SUBNET, id="subnet-1", dependencies=[VPC])
    after = _adopt(_deployment(_resource(VPC, id="vpc-1"), dependent, pending=(_resource(VPC),)), "vpc-2")
    assert [(r["urn"], r.get("id"), r.get("delete", False)) for r in after["resources"][2:]] == [
        (VPC, "vpc-1", True),
        (SUBNET, "subnet-1", False),
        (VPC, "vpc-2", False),
    ]


def test_a_resource_deleted_to_be_replaced_makes_room() -> None:
    """The record of the deleted one goes, and the new one comes before what depends on it; it may have the same id."""
    deleted = _resource(VPC, id="same", pendingReplacement=True)
    deployment = _deployment(deleted, _resource(SUBNET, id="s", dependencies=[VPC]), pending=(_resource(VPC),))
    assert checkpoint.ids_in_state(deployment, checkpoint.pending_creates(deployment)[0]) == set()
    after = _adopt(deployment, "same")
    assert [(r["urn"], r["id"], "pendingReplacement" in r) for r in after["resources"][2:]] == [
        (VPC, "same", False),
        (SUBNET, "s", False),
    ]


@pytest.mark.parametrize(
    "reference",
    [
        {"parent": SUBNET},
        {"dependencies": [SUBNET]},
        {"propertyDependencies": {"a": [SUBNET]}},
        {"provider": f"{SUBNET}::x"},
        {"deletedWith": SUBNET},
    ],
    ids=["parent", "dependency", "property", "provider", "deletedWith"],
)
def test_a_reference_to_nowhere_is_an_error(reference: dict[str, Any]) -> None:
    """The engine would refuse such a state; the message names what is missing."""
    with pytest.raises(OpsError, match="which the state lacks"):
        _adopt(_deployment(pending=(_resource(VPC, **reference),)), "vpc-1")


def test_region_account_and_tags_come_from_the_resources_own_provider() -> None:
    """A resource's own region and tags win over the provider's."""
    deployment = _deployment(pending=(_resource(VPC, inputs={"tags": {"Name": "x"}, "tagsAll": {"Project": "q"}}),))
    (pending,) = checkpoint.pending_creates(deployment)
    settings = checkpoint.aws_settings(deployment, pending)
    assert (settings.region, settings.accounts) == ("eu-west-1", ("123456789012",))
    assert checkpoint.expected_tags(pending, settings) == {"Project": "q", "Name": "x"}
    (pending,) = checkpoint.pending_creates(_deployment(pending=(_resource(VPC, inputs={"region": "us-east-1"}),)))
    assert checkpoint.aws_settings(deployment, pending).region == "us-east-1"


def test_a_provider_that_is_not_in_the_state_is_an_error() -> None:
    """Without a region nothing can be looked for, and what is not found would be made again."""
    deployment = _deployment(pending=(_resource(VPC, provider=f"{AWS}::other"),))
    with pytest.raises(OpsError, match="in which region"):
        checkpoint.aws_settings(deployment, checkpoint.pending_creates(deployment)[0])


def test_what_the_stack_has_already_is_not_what_a_create_made() -> None:
    """Ids of the same type are taken, those of others are not."""
    deployment = _deployment(_resource(VPC + "2", id="vpc-2"), _resource(SUBNET, id="s"), pending=(_resource(VPC),))
    assert checkpoint.ids_in_state(deployment, checkpoint.pending_creates(deployment)[0]) == {"vpc-2"}

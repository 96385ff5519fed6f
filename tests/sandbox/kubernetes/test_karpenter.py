"""How the stand-in judges EC2NodeClasses and NodePools."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.kubernetes.api import Kind, Manifest
from sandbox.kubernetes.controllers import Surroundings, Verdict
from sandbox.kubernetes.karpenter import judge_node_class, judge_node_pool


class _Aws:
    """An AWS with one subnet, one security group and one role."""

    def describe_subnets(self, **given: Any) -> dict[str, Any]:
        return {"Subnets": [_SUBNET] if _good(given["Filters"], "subnet-id", "subnet-1") else []}

    def describe_security_groups(self, **given: Any) -> dict[str, Any]:
        return {
            "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "g"}]
            if _good(given["Filters"], "group-id", "sg-1")
            else []
        }

    def describe_images(self, **given: Any) -> dict[str, Any]:
        return {"Images": [{"ImageId": "ami-1"}] if _good(given["Filters"], "image-id", "ami-1") else []}

    def get_role(self, **given: Any) -> dict[str, Any]:
        if given["RoleName"] == "node":
            return {}
        raise ClientError(
            {"Error": {"Code": "NoSuchEntity", "Message": f"Role {given['RoleName']} not found"}}, "GetRole"
        )


_SUBNET = {"SubnetId": "subnet-1", "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az1"}


def _good(filters: list[dict[str, Any]], id_filter: str, identity: str) -> bool:
    known = ({"Name": id_filter, "Values": [identity]}, {"Name": "tag:discovery", "Values": ["demo"]})
    return all(one in (*known, {"Name": "tag-key", "Values": ["discovery"]}) for one in filters)


class _Api:
    """An API that serves EC2NodeClasses, one of which may exist."""

    def __init__(self, node_class: Manifest | None = None) -> None:
        self.node_class = node_class

    def kind(self, api_version: str, name: str) -> Kind:
        return Kind(api_version=api_version, name=name, plural="ec2nodeclasses", namespaced=False)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Manifest | None:
        return self.node_class


_CLASS = {
    "role": "node",
    "amiSelectorTerms": [{"alias": "al2023@v20260714"}],
    "subnetSelectorTerms": [{"tags": {"discovery": "demo"}}],
    "securityGroupSelectorTerms": [{"tags": {"discovery": "*"}}],
}


def _around(node_class: Manifest | None = None) -> Surroundings:
    api: Any = _Api(node_class)
    return Surroundings(api=api, aws=lambda service: _Aws())


def _said(verdict: Verdict) -> dict[str, str]:
    return {one.type: one.reason or one.word for one in verdict.conditions if not one.status}


def test_a_class_whose_references_resolve_is_ready() -> None:
    """All conditions hold when selectors match and the role exists, and the status names what was found."""
    verdict = judge_node_class(_around(), {"spec": _CLASS})
    assert _said(verdict) == {}
    assert verdict.status["subnets"] == [{"id": "subnet-1", "zone": "eu-west-1a", "zoneID": "euw1-az1"}]
    assert verdict.status["securityGroups"] == [{"id": "sg-1", "name": "g"}]


@pytest.mark.parametrize(
    ("change", "condition", "reason"),
    [
        ({"subnetSelectorTerms": [{"tags": {"discovery": "other"}}]}, "SubnetsReady", "SubnetsNotFound"),
        ({"securityGroupSelectorTerms": [{"id": "sg-2"}]}, "SecurityGroupsReady", "SecurityGroupsNotFound"),
        ({"role": "gone"}, "InstanceProfileReady", "InstanceProfileNotReady"),
        ({"amiSelectorTerms": [{"alias": "ubuntu@latest"}]}, "AMIsReady", "UnsupportedAlias"),
        ({"amiSelectorTerms": [{"id": "ami-2"}]}, "AMIsReady", "AMINotFound"),
    ],
)
def test_a_reference_that_does_not_resolve_is_said(change: dict[str, Any], condition: str, reason: str) -> None:
    """The condition of the unresolved reference is False with its reason, and validation waits."""
    verdict = judge_node_class(_around(), {"spec": _CLASS | change})
    assert _said(verdict) == {condition: reason, "ValidationSucceeded": "DependenciesNotReady"}


def _pool(node_class: Manifest | None) -> dict[str, str]:
    pool = {"spec": {"template": {"spec": {"nodeClassRef": {"name": "default"}}}}}
    return _said(judge_node_pool(_around(node_class), pool))


def test_a_pool_follows_its_class() -> None:
    """A pool is ready when its class is, and says why when it is not."""
    metadata = {"generation": 1}
    ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": ""}
    bad = {"type": "Ready", "status": "False", "reason": "UnhealthyDependents", "message": "no subnets"}
    assert _pool({"metadata": metadata, "status": {"conditions": [ready]}}) == {}
    assert _pool({"metadata": metadata, "status": {"conditions": [bad]}}) == {"NodeClassReady": "UnhealthyDependents"}
    assert _pool({"metadata": metadata}) == {"NodeClassReady": "NodeClassReadinessUnknown"}
    assert _pool({"metadata": metadata | {"deletionTimestamp": "now"}}) == {"NodeClassReady": "NodeClassTerminating"}
    assert _pool(None) == {"NodeClassReady": "NodeClassNotFound"}

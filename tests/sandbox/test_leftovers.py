"""What counts as left after a destroy, and what is there on purpose."""

from __future__ import annotations

from sandbox.leftovers import Leftover, leftovers

ROLE = "arn:aws:iam::123456789012:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"


def test_equal_inventories_leave_nothing() -> None:
    """What was there before is nobody's leftover."""
    assert leftovers({"ec2": {"vpcs": ["vpc-1"]}}, {"ec2": {"vpcs": ["vpc-1"]}}) == []


def test_new_and_missing_things_are_both_named() -> None:
    """A thing that stayed counts, and so does a thing of before that is gone."""
    found = leftovers({"ec2": {"vpcs": ["vpc-1"]}}, {"ec2": {"vpcs": ["vpc-2"]}})
    assert [(left.name, left.gone, left.reason) for left in found] == [("vpc-1", True, ""), ("vpc-2", False, "")]


def test_only_the_role_that_the_program_retains_is_excused() -> None:
    """A retained resource is kept on purpose; another one of its kind is left."""
    after = {"iam": {"roles": ["us-east-1/AWSServiceRoleForEC2Spot", "us-east-1/other"]}}
    reasons = {left.name: bool(left.reason) for left in leftovers({}, after, frozenset({ROLE}))}
    assert reasons == {"us-east-1/AWSServiceRoleForEC2Spot": True, "us-east-1/other": False}
    assert all(not left.reason for left in leftovers({}, after))


def test_keys_in_their_deletion_window_are_excused_and_living_ones_are_not() -> None:
    """AWS deletes keys late; a key that nobody has scheduled for deletion is left."""
    found = leftovers({}, {"pending deletion": {"kms keys": ["a"]}, "kms": {"keys": ["b"]}})
    assert {left.name: bool(left.reason) for left in found} == {"a": True, "b": False}


def test_in_kubernetes_only_crds_are_excused() -> None:
    """Charts keep CRDs; a Deployment that stayed is left."""
    assert Leftover(place="Kubernetes", kind="CustomResourceDefinition", name="x").reason
    assert not Leftover(place="Kubernetes", kind="Deployment", name="x").reason

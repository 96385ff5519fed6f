"""IAM: instance profiles, and the quotas of roles and policies."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.calls import AwsError
from tests.sandbox.aws.world import REGION, World, allow, trust

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def iam(world: World) -> Any:
    return boto3.client(
        "iam", region_name=REGION, endpoint_url=world.endpoint, aws_access_key_id="x", aws_secret_access_key="x"
    )


def test_a_profile_holds_one_role(world: World) -> None:
    """A second role is refused; another one in its place is taken, and none too."""
    first, second = world.role("ec2.amazonaws.com"), world.role("ec2.amazonaws.com")
    profile = world.make(PROFILE, role=first.id)
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam(world).add_role_to_instance_profile(InstanceProfileName=profile.id, RoleName=second.id)
    profile = world.update(profile, role=second.id)
    assert profile["role"] == second.id
    profile = world.update(profile, role=None)
    assert "role" not in profile.outputs
    world.delete(profile)


def test_a_profile_with_a_role_stays(world: World) -> None:
    """AWS refuses to delete a profile that holds a role; the provider takes the role out first."""
    profile = world.make(PROFILE, role=world.role("ec2.amazonaws.com").id)
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam(world).delete_instance_profile(InstanceProfileName=profile.id)
    world.delete(profile)


def test_a_role_in_a_profile_stays(world: World) -> None:
    """AWS refuses to delete a role that a profile holds; the provider takes it out first."""
    role = world.role("ec2.amazonaws.com")
    profile = world.make(PROFILE, role=role.id)
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam(world).delete_role(RoleName=role.id)
    world.delete(role)
    found = iam(world).get_instance_profile(InstanceProfileName=profile.id)["InstanceProfile"]
    assert found["Roles"] == []
    world.delete(profile)


def test_a_profile_that_changed_outside_is_seen(world: World) -> None:
    """A role that somebody took out shows as drift."""
    role = world.role("ec2.amazonaws.com")
    profile = world.make(PROFILE, role=role.id)
    iam(world).remove_role_from_instance_profile(InstanceProfileName=profile.id, RoleName=role.id)
    urn = world.urn(PROFILE, "thing")
    _, inputs, _ = world.host.read(PROFILE, urn, profile.id, profile.inputs, profile.outputs)
    assert "role" not in inputs
    world.delete(profile)


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"role": "nobody"}, "NoSuchEntity"),
        ({"name": "p" * 129}, "ValidationError"),
        ({"name": "a/b"}, "ValidationError"),
    ],
)
def test_a_profile_of_the_wrong_shape_is_refused(world: World, inputs: dict[str, Any], code: str) -> None:
    """The role exists, the name is plain; nothing half-made stays."""
    before = world.inventory("iam")
    with pytest.raises(AwsError) as caught:
        world.make(PROFILE, **inputs)
    assert caught.value.code == code
    assert world.inventory("iam") == before


def test_profiles_have_names_of_their_own(world: World) -> None:
    """A name that is taken is refused."""
    profile = world.make(PROFILE, name="taken")
    with pytest.raises(AwsError, match="EntityAlreadyExists"):
        world.make(PROFILE, name="taken")
    world.delete(profile)


def big(size: int) -> str:
    """Return a permissions policy of about so many characters that count."""
    return allow("s3:GetObject", resource="arn:aws:s3:::b/" + "x" * (size - 120))


@pytest.mark.parametrize(
    ("inputs", "quota"),
    [
        ({"inlinePolicies": [{"name": name, "policy": big(5200)} for name in "ab"]}, "Maximum policy size of 10240"),
        ({"inlinePolicies": [{"name": "a", "policy": big(10400)}]}, "Maximum policy size of 10240"),
        ({"managedPolicyArns": [f"arn:aws:iam::aws:policy/P{n}" for n in range(11)]}, "PoliciesPerRole: 10"),
    ],
)
def test_what_a_role_carries_fits_the_quotas(world: World, inputs: dict[str, Any], quota: str) -> None:
    """Policies inside of a role count like those beside it."""
    with pytest.raises(AwsError, match=quota):
        world.make(ROLE, assumeRolePolicy=trust("ec2.amazonaws.com"), **inputs)
    fitting = [{"name": name, "policy": big(4000)} for name in "ab"]
    world.delete(world.make(ROLE, assumeRolePolicy=trust("ec2.amazonaws.com"), inlinePolicies=fitting))


def test_a_role_has_ten_managed_policies(world: World) -> None:
    """The eleventh attachment is refused."""
    role = world.role("ec2.amazonaws.com")
    policies = [world.make(POLICY, policy=allow("s3:Get*")) for _ in range(11)]
    attachments = [world.make(ATTACHMENT, role=role.id, policyArn=policy.id) for policy in policies[:10]]
    with pytest.raises(AwsError, match="PoliciesPerRole: 10"):
        world.make(ATTACHMENT, role=role.id, policyArn=policies[10].id)
    for made in (*attachments, *policies, role):
        world.delete(made)


def test_a_policy_that_is_attached_twice_is_attached_once(world: World) -> None:
    """As after a create that was cut short and made again: one detachment, and the policy can go."""
    role, policy = world.role("ec2.amazonaws.com"), world.make(POLICY, policy=allow("s3:Get*"))
    attachment = world.make(ATTACHMENT, role=role.id, policyArn=policy.id)
    world.make(ATTACHMENT, role=role.id, policyArn=policy.id)
    assert iam(world).get_policy(PolicyArn=policy.id)["Policy"]["AttachmentCount"] == 1
    for made in (attachment, policy, role):
        world.delete(made)


def test_a_policy_has_five_versions(world: World) -> None:
    """AWS refuses the sixth version; the provider drops the oldest before it writes one."""
    policy = world.make(POLICY, policy=allow("s3:Get*"))
    for number in range(6):
        policy = world.update(policy, policy=allow(f"s3:Get{number}*"))
    versions = iam(world).list_policy_versions(PolicyArn=policy.id)["Versions"]
    assert len(versions) == 5
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam(world).create_policy_version(PolicyArn=policy.id, PolicyDocument=allow("s3:*"))
    assert json.loads(policy["policy"])["Statement"][0]["Action"] == ["s3:Get5*"]
    world.delete(policy)

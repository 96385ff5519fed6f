"""What a machine's role may read and where its packets go, as policies, routes and groups say at the moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox.machines.instance import Instance
from sandbox.machines.network import Network, NetworkError
from sandbox.machines.rights import MissingError, Rights, RightsError
from tests.sandbox.machines import ACCOUNT, NAME, REGION, TOKEN, Lab, Wanted

pytestmark = pytest.mark.cluster

_TOKEN = "/lab/join/token"
_ARN = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{_TOKEN}"


def _profile(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:instance-profile/{NAME}-{role}"


def _rights(lab: Lab) -> Rights:
    return Rights(lab.aws, REGION)


@contextmanager
def _policy(lab: Lab, *statements: dict[str, Any]) -> Iterator[None]:
    """Give the role without rights these statements, for a while."""
    role, document = f"{NAME}-nothing", json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    lab.aws("iam").put_role_policy(RoleName=role, PolicyName="tried", PolicyDocument=document)
    yield
    lab.aws("iam").delete_role_policy(RoleName=role, PolicyName="tried")


def _allow(action: str, resource: str, **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def test_worker_reads_its_token_and_no_secret_of_the_control_plane(lab: Lab) -> None:
    """The worker's role has the token's ARN and key only."""
    assert _rights(lab).read(_profile("worker"), _TOKEN) == TOKEN
    with pytest.raises(RightsError, match=f"role {NAME}-worker is not authorized to perform ssm:GetParameter"):
        _rights(lab).read(_profile("worker"), "/lab/control-plane/ca-key")
    assert _rights(lab).read(_profile("control-plane"), "/lab/control-plane/ca-key").startswith("-----BEGIN")


def test_missing_parameter_is_told_apart(lab: Lab) -> None:
    """What does not exist yet is no missing right."""
    with pytest.raises(MissingError, match="does not exist"):
        _rights(lab).read(_profile("worker"), "/lab/join/other")


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({}, True),
        ({"StringEquals": {"kms:ViaService": f"ssm.{REGION}.amazonaws.com"}}, True),
        ({"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com"}}, False),
        ({"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": _ARN}}, True),
        ({"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": f"{_ARN}s"}}, False),
        ({"StringEquals": {"kms:EncryptionContext:OTHER": _ARN}}, False),
        ({"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": f"{_ARN[:-2]}*"}}, True),
    ],
)
def test_conditions_of_decryption_are_evaluated(lab: Lab, condition: dict[str, Any], allowed: bool) -> None:
    """The service that asks and the encryption context have to be those of the condition."""
    with _policy(lab, _allow("ssm:GetParameter", _ARN), _allow("kms:Decrypt", lab.keys["join"], **condition)):
        if allowed:
            assert _rights(lab).read(_profile("nothing"), _TOKEN) == TOKEN
        else:
            with pytest.raises(RightsError, match="not authorized to perform kms:Decrypt"):
                _rights(lab).read(_profile("nothing"), _TOKEN)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (_allow("ssm:GetParameters", _ARN), "not authorized to perform ssm:GetParameter"),
        (_allow("ssm:GetParameter", _ARN.removesuffix("token")), "not authorized to perform ssm:GetParameter"),
        ({**_allow("ssm:*", "*"), "Effect": "Deny"}, "not authorized to perform ssm:GetParameter"),
        (_allow("ssm:GetParameter", "*", IpAddress={"aws:SourceIp": "10.0.0.0/8"}), "IpAddress: not evaluated"),
        (
            _allow("ssm:GetParameter", "*", StringEquals={"aws:PrincipalTag/a": "b"}),
            "aws:PrincipalTag/a: not evaluated",
        ),
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, "NotAction: not evaluated"),
    ],
)
def test_what_is_not_allowed_or_not_known_is_an_error(lab: Lab, statement: dict[str, Any], said: str) -> None:
    """Only the exact action and resource count, a denial outweighs, and what is not evaluated is never guessed."""
    with _policy(lab, statement), pytest.raises(RightsError, match=said):
        _rights(lab).read(_profile("nothing"), _TOKEN)


def test_key_policy_has_to_let_the_account_decide(lab: Lab) -> None:
    """A key whose policy names another role only is closed to this one; a disabled key to everybody."""
    kms, key = lab.aws("kms"), lab.keys["join"].rpartition("/")[2]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    other = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{NAME}-control-plane"}
    statement = {"Effect": "Allow", "Principal": other, "Action": "kms:Decrypt", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document)
    with pytest.raises(RightsError, match="not authorized to perform kms:Decrypt"):
        _rights(lab).read(_profile("worker"), _TOKEN)
    assert _rights(lab).read(_profile("control-plane"), _TOKEN) == TOKEN
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)
    kms.disable_key(KeyId=key)
    with pytest.raises(RightsError, match="is Disabled"):
        _rights(lab).read(_profile("worker"), _TOKEN)
    kms.enable_key(KeyId=key)


# Network -----------------------------------------------------------------------------------------------------------


def _instance(lab: Lab, subnet: str = "", group: str = "") -> Instance:
    identity = lab.run(Wanted(name="looked-at"), subnet=subnet, group=group)
    found = lab.aws("ec2").describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"][0]
    lab.terminate(identity)
    return Instance(described=found, region=REGION)


def test_way_out_leads_through_a_gateway_and_a_group(lab: Lab) -> None:
    """A route to a NAT gateway that works and a group that lets HTTPS out; each missing one is named."""
    network, instance = Network(lab.aws), _instance(lab)
    network.reaches_internet(instance)
    with pytest.raises(NetworkError, match="no active route"):
        network.reaches_internet(_instance(lab, subnet=lab.subnet_without_route()))
    with pytest.raises(NetworkError, match="without public address"):
        network.reaches_internet(_instance(lab, subnet=lab.public))
    group = lab.stranger()
    lab.aws("ec2").revoke_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    with pytest.raises(NetworkError, match="lets TCP 443 out"):
        network.reaches_internet(_instance(lab, group=group))


def test_private_name_needs_the_zone_and_the_vpcs_settings(lab: Lab) -> None:
    """The name resolves inside the VPC of its zone, while the VPC resolves private names."""
    network, ec2 = Network(lab.aws), lab.aws("ec2")
    assert network.resolve(lab.vpc, f"api.{NAME}.internal") == (["10.0.1.20"], "")
    with pytest.raises(NetworkError, match="has no A other"):
        network.resolve(lab.vpc, f"other.{NAME}.internal")
    with pytest.raises(NetworkError, match="no private zone of vpc-other"):
        network._private_zone("vpc-other", f"api.{NAME}.internal.")
    ec2.modify_vpc_attribute(VpcId=lab.vpc, EnableDnsHostnames={"Value": False})
    with pytest.raises(NetworkError, match="enableDnsHostnames is off"):
        network.resolve(lab.vpc, f"api.{NAME}.internal")
    ec2.modify_vpc_attribute(VpcId=lab.vpc, EnableDnsHostnames={"Value": True})

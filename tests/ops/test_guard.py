"""What is refused before the engine changes anything, each in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from ops.changes import Change, Loss
from ops.errors import OpsError
from ops.guard import access_warnings, check, identity, refusal, settings_faults

ACCOUNT = "123456789012"
CONFIG = {
    "platform:aws": {"accountId": ACCOUNT, "region": "eu-west-1"},
    "platform:cluster": {"name": "platform-dev", "version": "1.35"},
}
PROVIDER = {
    "urn": "urn:pulumi:dev::platform::pulumi:providers:aws::aws",
    "type": "pulumi:providers:aws",
    "id": "p-1",
    "inputs": {"region": "eu-west-1", "allowedAccountIds": f'["{ACCOUNT}"]'},
}
CLUSTER = {
    "urn": "urn:pulumi:dev::platform::aws:eks/cluster:Cluster::cluster",
    "type": "aws:eks/cluster:Cluster",
    "provider": f"{PROVIDER['urn']}::p-1",
    "inputs": {"version": "1.34"},
    "outputs": {"version": "1.35"},
}
VPC_URN = "urn:pulumi:dev::platform::aws:ec2/vpc:Vpc::vpc"
STATE: dict[str, Any] = {"resources": [PROVIDER, CLUSTER]}


def config(section: str, **values: str) -> dict[str, Any]:
    return {**CONFIG, f"platform:{section}": {**CONFIG[f"platform:{section}"], **values}}


class Sts:
    """Says whose credentials these are."""

    def __init__(self, account: str | None) -> None:
        self.account = account

    def get_caller_identity(self) -> dict[str, str]:
        if self.account is None:
            raise NoCredentialsError
        return {"Account": self.account, "Arn": f"arn:aws:sts::{self.account}:assumed-role/platform-admin/me"}


class Stack:
    """A stack whose engine answers from memory."""

    def __init__(self, preview: dict[str, Any], state: dict[str, Any] = STATE, last: dict[str, Any] | None = None):
        self.answer, self.state, self.last = preview, state, last
        self.previews = 0

    def config(self) -> dict[str, Any]:
        return {key: {"objectValue": value} for key, value in CONFIG.items()}

    def export(self) -> dict[str, Any]:
        return {"deployment": self.state}

    def last_config(self) -> dict[str, Any] | None:
        return self.last

    def preview_steps(self, arguments: list[str]) -> dict[str, Any]:
        self.previews += 1
        return self.answer


def run(stack: Stack, *allowed: str, account: str = ACCOUNT) -> None:
    check(stack, [], allowed, lambda *_: Sts(account))  # type: ignore[arg-type]


def step(protect: bool = False) -> dict[str, Any]:
    old = {"type": "aws:ec2/vpc:Vpc", "protect": protect, "inputs": {"cidrBlock": "a"}}
    new = {"inputs": {"cidrBlock": "b"}}
    return {"op": "replace", "urn": VPC_URN, "oldState": old, "newState": new, "replaceReasons": ["cidrBlock"]}


def test_nothing_to_say_about_a_stack_that_stays_as_it_is() -> None:
    """The same version, account and region, and no step."""
    run(Stack({"steps": [], "config": {key: json.dumps(value) for key, value in CONFIG.items()}}))


def test_a_loss_is_refused_unless_it_is_allowed() -> None:
    """By its URN; what is protected is not let go by any option."""
    run(Stack({"steps": [step()]}), VPC_URN)
    with pytest.raises(OpsError, match=r"^aws:ec2/vpc:Vpc vpc would be replaced: .* --allow-loss 'urn:"):
        run(Stack({"steps": [step()]}))
    with pytest.raises(OpsError, match="it is protected; if it is really to go, see docs/runbooks/"):
        run(Stack({"steps": [step(protect=True)]}), VPC_URN)


def test_without_state_there_is_no_preview() -> None:
    """A first `up` has nothing to lose and takes no longer."""
    stack = Stack({"steps": [step()]}, {"resources": [PROVIDER]})
    run(stack)
    assert stack.previews == 0


def test_what_the_program_says_against_it_is_told() -> None:
    """A bad value ends here as it would end in the engine."""
    with pytest.raises(OpsError, match=r"^platform:x = 1: bad$"):
        run(Stack({"diagnostics": [{"severity": "error", "message": "error: platform:x = 1: bad\n"}]}))


def test_configuration_given_as_an_option_counts() -> None:
    """`--config` changes it for the run; the preview says what it was given."""
    with pytest.raises(OpsError, match=r"^platform:cluster\.version = \"1\.34\": "):
        run(Stack({"config": {"platform:cluster": '{"version": "1.34"}'}}))


def test_credentials_of_another_account_are_refused() -> None:
    """In one line, before the engine runs."""
    stack = Stack({"steps": []})
    with pytest.raises(OpsError) as refused:
        run(stack, account="999999999999")
    assert str(refused.value) == (
        f'platform:aws.accountId = "{ACCOUNT}": the credentials are those of account 999999999999;'
        f" set AWS_PROFILE to a profile of {ACCOUNT}"
    )
    assert stack.previews == 0


def test_without_credentials_it_says_so() -> None:
    """Botocore's own words name what was looked for."""
    with pytest.raises(OpsError, match="whose credentials these are: Unable to locate credentials"):
        identity(CONFIG, lambda *_: Sts(None))


def test_a_project_without_these_settings_is_not_compared() -> None:
    """Nothing is known, so nothing is asked."""
    assert identity({}, lambda *_: Sts(None)) == {}
    assert identity(config("aws", region="eu-west-9"), lambda *_: Sts(None)) == {}
    assert list(settings_faults({}, STATE)) == []


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        ("1.34", 'the cluster is at 1.35, and a control plane does not go back; write "1.35"'),
        ("1.35", None),
        ("1.36", None),
        (
            "1.38",
            "the cluster is at 1.35, and EKS goes up one minor at a time;"
            ' write "1.36", then "1.37", then "1.38", an `up` each',
        ),
        ("new", None),
    ],
)
def test_the_version_goes_up_one_minor_at_a_time(version: str, rule: str | None) -> None:
    """Compared with what AWS last said, not with what was last asked for; the allowed path is named."""
    line = [] if rule is None else [f'platform:cluster.version = "{version}": {rule}']
    assert list(settings_faults(config("cluster", version=version), STATE)) == line


def test_a_stack_stays_in_its_region_and_account() -> None:
    """The engine would look for everything in the new place, find nothing, and make it all again."""
    (line,) = settings_faults(config("aws", region="us-east-1"), STATE)
    assert line.startswith('platform:aws.region = "us-east-1": the stack lies in eu-west-1, ')
    (line,) = settings_faults(config("aws", accountId="999999999999"), STATE)
    assert line.startswith(f'platform:aws.accountId = "999999999999": the stack lies in account {ACCOUNT}; ')


def test_what_cloudfront_takes_does_not_move_the_stack() -> None:
    """Certificates in us-east-1 leave the stack where its cluster is: nobody may move it there by the setting."""
    everywhere = {**PROVIDER, "urn": f"{PROVIDER['urn']}-global", "id": "p-2", "inputs": {"region": "us-east-1"}}
    certificate = {
        "urn": "urn:pulumi:dev::platform::aws:acm/certificate:Certificate::images",
        "type": "aws:acm/certificate:Certificate",
        "provider": f"{everywhere['urn']}::p-2",
    }
    state = {"resources": [PROVIDER, everywhere, CLUSTER, certificate]}
    (line,) = settings_faults(config("aws", region="us-east-1"), state)
    assert line.startswith('platform:aws.region = "us-east-1": the stack lies in eu-west-1, ')
    assert list(settings_faults(config("aws", region="eu-west-1"), state)) == []


def test_a_provider_without_resources_says_nothing_about_the_place() -> None:
    """After a destroy a stack can go anywhere."""
    assert list(settings_faults(config("aws", region="us-east-1"), {"resources": [PROVIDER]})) == []


LOSS = Loss(
    urn=VPC_URN,
    type="aws:ec2/vpc:Vpc",
    verb="replaced",
    protected=False,
    changes=(Change(path="cidrBlock", old="a", new="b"),),
)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ([Change(path="p:x", old="1", new="2"), Change(path="p:cidr", old="a", new="b")], '"b" (from p:cidr);'),
        ([Change(path="p:x", old="1", new="2")], "(settings changed since the last `up`: p:x);"),
        ([Change(path=f"p:{n}", old=0, new=n) for n in range(1, 8)], "p:1, p:2, p:3, p:4, p:5 and 2 more);"),
        ([], "(no setting has changed since the last `up`: it comes from the program or a provider);"),
        (None, 'cidrBlock from "a" to "b"; cluster, nodes'),
    ],
)
def test_the_setting_is_named_as_far_as_it_is_known(changed: list[Change] | None, told: str) -> None:
    """With the same values it is it; else what changed is listed; without a history nothing is claimed."""
    assert told in refusal(LOSS, changed)


def test_a_loss_without_a_reason_of_its_own_says_so() -> None:
    """Removed from the program, or replaced with what it depends on."""
    gone = Loss(urn=VPC_URN, type=LOSS.type, verb="deleted", protected=False, changes=())
    follows = Loss(urn=VPC_URN, type=LOSS.type, verb="replaced", protected=False, changes=())
    assert "would be deleted: the program no longer has it;" in refusal(gone, None)
    assert "would be replaced: what it depends on is replaced;" in refusal(follows, None)
    assert "\n" not in refusal(LOSS, [])


ADMIN = "arn:aws:iam::123456789012:role/teams/platform-admin"


@pytest.mark.parametrize("kind", ["administrators", "breakGlass", "ciApply"])
def test_who_may_install_is_not_warned(kind: str) -> None:
    """A session of a role that the cluster lets install is fine, wherever the role's path leads."""
    caller = {"Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/platform-admin/me"}
    assert list(access_warnings({"platform:cluster": {"access": {kind: {"us": ADMIN}}}}, caller)) == []


@pytest.mark.parametrize(
    ("kind", "arn", "who"),
    [
        ("ciRead", "sts::123456789012:assumed-role/platform-admin/me", "assumed-role platform-admin/me"),
        ("administrators", "sts::123456789012:assumed-role/admin/me", "assumed-role admin/me"),
        ("administrators", "iam::123456789012:user/platform-admin", "user platform-admin"),
        ("administrators", "iam::123456789012:root", "root arn:aws:iam::123456789012:root"),
    ],
)
def test_who_may_not_install_is_warned(kind: str, arn: str, who: str) -> None:
    """Whoever the cluster will not let in reads it before a quarter of an hour is spent on the cluster."""
    config = {"platform:cluster": {"access": {kind: {"us": ADMIN}}}}
    (line,) = access_warnings(config, {"Account": ACCOUNT, "Arn": f"arn:aws:{arn}"})
    assert line == (
        f"warning: platform:cluster.access: you act as {who}, which is no role of administrators, breakGlass, ciApply; "
        "the cluster will refuse the installation of Argo CD to it: take such a role, or add yours"
    )

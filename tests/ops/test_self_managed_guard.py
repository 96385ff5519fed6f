"""What the guard refuses of a self-managed stack: by the state that the real program leaves, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from ops.errors import OpsError
from ops.guard import access_warnings, check, settings_faults
from tests.captures import Capture, Registration
from tests.conftest import CaptureProgram
from tests.self_managed.stack import INSTANCE, STACK
from tests.whole_stacks import WholeStack, capture_stack, stack_sections

ACCOUNT: Final = "123456789012"
HOME: Final = "ap-northeast-2"
PRIVATE: Final = "tls:index/privateKey:PrivateKey"
AUTHORITY: Final = "tls:index/selfSignedCert:SelfSignedCert"
PASSWORD: Final = "random:index/randomPassword:RandomPassword"
# What of this variant is not had again, by type and logical name, with what the line says goes with it.
LOSSES: Final = (
    (PRIVATE, "pki-ca", "nodes and people are shut out"),
    (PRIVATE, "pki-etcd-ca", "nodes and people are shut out"),
    (PRIVATE, "pki-front-proxy-ca", "nodes and people are shut out"),
    (PRIVATE, "pki-service-accounts", "service accounts' tokens end"),
    (AUTHORITY, "pki-ca", "shut out until each has it"),
    (PASSWORD, "pki-encryption-key", "no control plane that boots afterwards reads a Secret"),
    ("aws:ebs/volume:Volume", "machines-k8s-master-etcd", "its blocks go with it"),
    ("aws:kms/key:Key", "parameters-control-plane", "what it encrypted can never be read again"),
    ("aws:s3/bucket:Bucket", "issuer", "its objects go with it"),
    ("aws:ec2/vpc:Vpc", "network-vpc", "lie in it"),
)
# What a rollout or another shape makes anew, with nothing lost.
AGAIN: Final = (
    (PASSWORD, "pki-token-secret"),
    ("random:index/randomString:RandomString", "pki-token-id"),
    ("tls:index/locallySignedCert:LocallySignedCert", "pki-admin"),
    (INSTANCE, "machines-k8s-redis"),
    ("aws:lb/loadBalancer:LoadBalancer", "endpoint-public"),
)


def config(**aws: str) -> dict[str, Any]:
    sections = stack_sections(STACK)
    sections["aws"] = {**sections["aws"], **aws}
    return {f"platform:{name}": value for name, value in sections.items()}


def state(captured: Capture) -> dict[str, Any]:
    """Return the deployment that an `up` of the program leaves."""
    return {"resources": [_recorded(r) for r in captured.resources]}


def _recorded(one: Registration) -> dict[str, Any]:
    recorded = {"urn": one.urn, "type": one.type, "provider": one.provider, "inputs": dict(one.inputs), "outputs": {}}
    # The engine keeps a provider under the id that its resources name.
    return {**recorded, "id": one.provider.rpartition("::")[2], "custom": one.custom, "protect": one.protect}


def replaced(one: Registration, protect: bool = False) -> dict[str, Any]:
    old = {"type": one.type, "protect": protect, "inputs": {"forced": "a"}}
    new = {"inputs": {"forced": "b"}}
    return {"op": "replace", "urn": one.urn, "oldState": old, "newState": new, "replaceReasons": ["forced"]}


class Stack:
    """A stack whose engine answers from memory."""

    def __init__(self, captured: Capture, *steps: Mapping[str, Any]) -> None:
        self._state, self._steps = state(captured), list(steps)

    def config(self) -> dict[str, Any]:
        return {key: {"objectValue": value} for key, value in config().items()}

    def export(self) -> dict[str, Any]:
        return {"deployment": self._state}

    def last_config(self) -> None:
        return None

    def preview_steps(self, arguments: list[str]) -> dict[str, Any]:
        return {"steps": self._steps}


class Sts:
    """Says whose credentials these are."""

    def __init__(self, account: str) -> None:
        self._account = account

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self._account, "Arn": f"arn:aws:sts::{self._account}:assumed-role/platform-admin/me"}


def run(stack: Stack, *allowed: str, account: str = ACCOUNT) -> list[str]:
    """Ask the guard; return what it says without refusing."""
    told: list[str] = []
    check(stack, [], allowed, lambda *_: Sts(account), told.append)  # type: ignore[arg-type]
    return told


def test_a_stack_that_stays_as_it_is_passes_in_silence(whole_stack: WholeStack) -> None:
    """Its kubeconfig is a key of its own, so that nobody is warned of a role that the cluster would not let in."""
    assert run(Stack(whole_stack(STACK))) == []
    assert list(access_warnings(config(), Sts(ACCOUNT).get_caller_identity())) == []


def test_it_stays_in_its_region_and_account(whole_stack: WholeStack) -> None:
    """Its network says where it lies, for it has no cluster of AWS's; CloudFront's region is not it."""
    deployment = state(whole_stack(STACK))
    assert list(settings_faults(config(), deployment)) == []
    for region in ("us-east-1", "eu-west-1"):
        (line,) = settings_faults(config(region=region), deployment)
        assert line.startswith(f'platform:aws.region = "{region}": the stack lies in {HOME}, ')
    (line,) = settings_faults(config(accountId="999999999999"), deployment)
    assert line.startswith(f'platform:aws.accountId = "999999999999": the stack lies in account {ACCOUNT}; ')


def test_credentials_of_another_account_are_refused(whole_stack: WholeStack) -> None:
    """As for EKS, before the engine runs."""
    with pytest.raises(
        OpsError, match=r'^platform:aws\.accountId = "123456789012": the credentials are those of account 9'
    ):
        run(Stack(whole_stack(STACK)), account="999999999999")


@pytest.mark.parametrize(("type_", "name", "told"), LOSSES)
def test_what_is_not_had_again_is_refused(whole_stack: WholeStack, type_: str, name: str, told: str) -> None:
    """By one line that says what goes with it; by its URN it may go, unless it is protected."""
    captured = whole_stack(STACK)
    one = captured.one(type_, name)
    with pytest.raises(OpsError) as refused:
        run(Stack(captured, replaced(one)))
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f'{type_} {name} would be replaced: forced from "a" to "b"; ')
    assert told in line
    assert line.endswith(f"--allow-loss '{one.urn}'")
    assert run(Stack(captured, replaced(one)), one.urn) == []
    with pytest.raises(OpsError, match="it is protected; if it is really to go, see docs/runbooks/"):
        run(Stack(captured, replaced(one, protect=True)), one.urn)


@pytest.mark.parametrize(("type_", "name"), AGAIN)
def test_what_a_rollout_makes_anew_passes(whole_stack: WholeStack, type_: str, name: str) -> None:
    """A token is made for one rollout, a machine leaves by its hooks: neither is a loss."""
    captured = whole_stack(STACK)
    assert run(Stack(captured, replaced(captured.one(type_, name)))) == []


def test_production_protects_what_cannot_be_had_again(capture: CaptureProgram) -> None:
    """There no option lets it go: the engine itself refuses, and the guard says so before it runs."""
    captured = capture_stack(capture, STACK, {"cluster": {"deletionProtection": True}})
    assert [name for type_, name, _ in LOSSES if not captured.one(type_, name).protect] == []

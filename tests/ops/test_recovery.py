"""What a recovery decides, and what it leaves to the operator: without an engine."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops.engine import Holder, Pulumi
from ops.errors import OpsError
from ops.finders import row_of
from ops.recovery import Choices, Report, recover

PROJECT = "urn:pulumi:dev::p::"
STACK = f"{PROJECT}pulumi:pulumi:Stack::p-dev"
AWS = f"{PROJECT}pulumi:providers:aws::aws"
VPC = f"{PROJECT}aws:ec2/vpc:Vpc::vpc"
TAGS = {"Name": "p"}


class FakePulumi(Pulumi):
    """A state in memory."""

    def __init__(
        self, *pending: dict[str, Any], account: str = "123456789012", holders: tuple[Holder, ...] = ()
    ) -> None:
        super().__init__(Path(), "dev")
        settings = {"region": "eu-west-1", "allowedAccountIds": json.dumps([account])}
        provider = {"urn": AWS, "type": "pulumi:providers:aws", "id": "abc", "parent": STACK, "inputs": settings}
        self.state: dict[str, Any] = {
            "deployment": {
                "manifest": {"time": "2026-01-01T00:00:00Z"},
                "resources": [{"urn": STACK, "type": "pulumi:pulumi:Stack"}, provider],
                "pending_operations": [{"type": "creating", "resource": resource} for resource in pending],
            }
        }
        self.before = copy.deepcopy(self.state)
        self.holders = list(holders)
        self.refreshed: list[str] = []

    def export(self) -> dict[str, Any]:
        return copy.deepcopy(self.state)

    def import_(self, state: dict[str, Any]) -> None:
        self.state = state

    def refresh(self, urns: Any) -> None:
        self.refreshed += urns

    def cancel(self) -> None:
        self.holders = []

    def lock_holders(self) -> list[Holder]:
        return self.holders


def _pending(urn: str, **inputs: Any) -> dict[str, Any]:
    type_ = urn.split("::")[2]
    return {"urn": urn, "type": type_, "custom": True, "parent": STACK, "provider": f"{AWS}::abc", "inputs": inputs}


def _vpc() -> dict[str, Any]:
    return _pending(VPC, cidrBlock="10.0.0.0/16", tags=TAGS)


def _make_vpc() -> str:
    specifications = [{"ResourceType": "vpc", "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()]}]
    made = boto3.client("ec2", "eu-west-1").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specifications)
    return str(made["Vpc"]["VpcId"])


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty AWS in this process."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def test_found_is_adopted_and_the_rest_dropped() -> None:
    """One line each; what was adopted is read, and only that."""
    made = _make_vpc()
    alias = f"{PROJECT}aws:kms/alias:Alias::a"
    attachment = f"{PROJECT}aws:iam/rolePolicyAttachment:RolePolicyAttachment::r"
    pulumi = FakePulumi(_vpc(), _pending(alias, name="alias/a"), _pending(attachment))
    said: list[str] = []
    report = recover(pulumi, Choices(), said.append)
    assert report.adopted == [{"urn": VPC, "id": made}]
    assert report.dropped == [
        {"urn": alias, "reason": "not in AWS"},
        {"urn": attachment, "reason": "attaching a policy twice is attaching it once"},
    ]
    assert [line.split()[0] for line in said] == ["adopted", "dropped", "dropped"]
    assert pulumi.refreshed == [VPC]
    assert recover(pulumi, Choices(), said.append) == Report()
    assert len(said) == 3


def test_two_that_could_be_it_are_left_to_the_operator() -> None:
    """Nothing is guessed and nothing is written; the operator's word then decides."""
    ids = sorted((_make_vpc(), _make_vpc()))
    pulumi = FakePulumi(_vpc())
    with pytest.raises(OpsError, match=f"2 resources in AWS could be it: {ids[0]}, {ids[1]}"):
        recover(pulumi, Choices())
    assert pulumi.state == pulumi.before
    assert recover(pulumi, Choices(adopt={VPC: ids[0]})).adopted == [{"urn": VPC, "id": ids[0]}]


def test_what_the_stack_has_is_not_adopted_twice() -> None:
    """Two resources of the program may look alike; one that is in the state is not the other."""
    ids = [_make_vpc(), _make_vpc()]
    pulumi = FakePulumi(_vpc())
    pulumi.state["deployment"]["resources"].append({**_pending(f"{VPC}-2"), "id": ids[0]})
    assert recover(pulumi, Choices()).adopted == [{"urn": VPC, "id": ids[1]}]


def test_one_resource_is_not_adopted_for_two_creates() -> None:
    """Two that look alike were under way and AWS has one: nobody can tell whose it is."""
    made = _make_vpc()
    pulumi = FakePulumi(_vpc(), {**_vpc(), "urn": f"{VPC}-2"})
    with pytest.raises(OpsError, match=f"vpc-2: {made} could be it, and aws:ec2/vpc:Vpc vpc as well"):
        recover(pulumi, Choices())
    assert recover(pulumi, Choices(drop=(VPC,))).adopted == [{"urn": f"{VPC}-2", "id": made}]


def test_dropping_by_hand_looks_for_nothing() -> None:
    """What the operator forgets is not adopted, although it exists."""
    _make_vpc()
    assert recover(FakePulumi(_vpc()), Choices(drop=(VPC,))).adopted == []


def test_a_type_without_a_row_is_an_error() -> None:
    """It is never dropped silently: the message names type and file."""
    pulumi = FakePulumi(_pending(f"{PROJECT}aws:dax/cluster:Cluster::b"), _vpc())
    with pytest.raises(OpsError, match=r"aws:dax/cluster:Cluster: add a row for it in ops/finders"):
        recover(pulumi, Choices())
    assert pulumi.state == pulumi.before


def test_credentials_of_another_account_are_refused() -> None:
    """There everything would seem to be missing, and the next `up` would make it again."""
    with pytest.raises(OpsError, match="account 123456789012, the stack is in 210987654321"):
        recover(FakePulumi(_vpc(), account="210987654321"), Choices())


def test_what_a_secret_names_is_left_to_the_operator() -> None:
    """Secrets are never decrypted."""
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    pulumi = FakePulumi(_pending(f"{PROJECT}aws:iam/role:Role::r", name=secret))
    with pytest.raises(OpsError, match="is a secret in the state"):
        recover(pulumi, Choices())


def test_a_broken_release_comes_with_the_command_that_clears_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Helm's record of an install that was cut short is in the cluster, where this command does not reach."""
    release = _pending(f"{PROJECT}kubernetes:helm.sh/v3:Release::r", name="argocd", namespace="argo")
    recover(FakePulumi(release), Choices())
    assert "kubectl -n argo delete secret -l owner=helm,name=argocd" in capsys.readouterr().out
    assert row_of("kubernetes:core/v1:Namespace") == row_of("kubernetes:")


def _holder(pid: int, host: str | None = None) -> Holder:
    return Holder(pid=pid, user="u", host=host or socket.gethostname(), since="2026-11-21T06:28:39")


def _gone() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_locks_of_the_dead_are_taken_off() -> None:
    """A process that is gone, or whose number another program has now, holds nothing."""
    pulumi = FakePulumi(holders=(_holder(_gone()), _holder(os.getpid())))
    assert len(recover(pulumi, Choices()).unlocked) == 2
    assert pulumi.holders == []


def test_a_lock_is_kept_while_its_engine_runs(tmp_path: Path) -> None:
    """Until the process has ended; that its parent has not asked for it yet, a zombie, makes no difference."""
    engine = tmp_path / "pulumi"
    engine.symlink_to("/bin/sh")
    with subprocess.Popen([str(engine), "-c", "read word"], stdin=subprocess.PIPE) as process:
        assert not _holder(process.pid).dead
        with pytest.raises(OpsError, match=f"process {process.pid}"):
            recover(FakePulumi(holders=(_holder(process.pid),)), Choices())
        assert process.stdin is not None
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert _holder(process.pid).dead


def test_a_lock_of_another_host_is_kept_unless_told() -> None:
    """Nobody here can know whether its holder lives."""
    pulumi = FakePulumi(holders=(_holder(_gone(), "elsewhere"),))
    with pytest.raises(OpsError, match=r"locked by u@elsewhere, process \d+, since 2026-11-21T06:28:39Z"):
        recover(pulumi, Choices())
    assert pulumi.holders
    assert recover(pulumi, Choices(force_unlock=True)).unlocked


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_holders_are_read_from_the_backend(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder and bucket hold the same files in the same places; another stack's lock is not looked at."""
    text = json.dumps({"pid": 7, "username": "u", "hostname": "h", "timestamp": "2026-11-21T06:28:39.79Z"})
    places = [f".pulumi/locks/organization/p/{stack}/x.json" for stack in ("dev", "prod")]
    (tmp_path / "Pulumi.yaml").write_text("name: p\n")
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket="states")
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(text)
        s3.put_object(Bucket="states", Key=f"team/{place}", Body=text.encode())
    url = f"file://{tmp_path}" if kind == "file" else "s3://states/team?region=us-east-1"
    monkeypatch.setattr(Pulumi, "_run", lambda *words: json.dumps({"url": url}))
    assert Pulumi(tmp_path, "dev").lock_holders() == [Holder(pid=7, user="u", host="h", since="2026-11-21T06:28:39")]
    assert len(Pulumi(tmp_path, "organization/p/dev").lock_holders()) == 1

"""The engine killed in the middle of `up`, then `ops up`: the real engine on the emulated AWS."""

from __future__ import annotations

import json

import pytest

from tests.ops.conftest import Stage

pytestmark = pytest.mark.engine

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"
ROLE, QUEUE = "aws:iam/role:Role", "aws:sqs/queue:Queue"
AGAIN = ("up", "--yes", "--skip-preview", "--settle", "4")


def _same_as_clean(stage: Stage) -> None:
    """Compare with a clean run of the same program on the same AWS, after taking the recovered one down."""
    unchanged = stage.pulumi("preview", "--expect-no-changes")
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    counts, outputs = stage.counts(), stage.outputs()
    assert not stage.state().get("pending_operations")
    down = stage.pulumi("destroy", "--yes", "--skip-preview")
    assert down.returncode == 0, down.stdout + down.stderr
    assert not stage.counts().get("sqs")
    clean = stage.pulumi("up", "--yes", "--skip-preview")
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert (stage.counts(), stage.outputs()) == (counts, outputs)


@pytest.mark.parametrize(
    "held",
    [
        {VPC: "made", ROLE: "made", QUEUE: "made"},
        {VPC: "lost", ROLE: "lost", QUEUE: "made"},
        {SUBNET: "made"},
    ],
    ids=["all made", "some made", "second wave"],
)
def test_up_after_a_kill_ends_like_a_clean_up(stage: Stage, held: dict[str, str]) -> None:
    """What AWS made is adopted, what it did not make is created, and nothing is there twice."""
    stage.kill_up(held)
    again = stage.ops(*AGAIN)
    assert again.returncode == 0, again.stdout + again.stderr
    for type_, how in held.items():
        assert f"{'adopted' if how == 'made' else 'dropped'}   {type_} " in again.stdout
    assert again.stdout.startswith("unlocked")
    _same_as_clean(stage)


def test_what_reaches_aws_after_the_kill_is_adopted_too(stage: Stage) -> None:
    """A provider that outlives the engine may still create; the recovery waits before it forgets a create."""
    stage.kill_up({VPC: "late"}, release_after=3)
    again = stage.ops("up", "--yes", "--skip-preview", "--settle", "8")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"adopted   {VPC} vpc" in again.stdout
    _same_as_clean(stage)


def test_a_recovery_that_was_cut_short_needs_no_care(stage: Stage) -> None:
    """Killed before it has read what it adopted, it leaves that to the `up` that follows."""
    stage.kill_up({VPC: "made"})
    broken = stage.folder / "pulumi"
    broken.write_text('#!/bin/sh\ntest "$1" = refresh && exit 9\nexec "$REAL" "$@"\n')
    broken.chmod(0o755)
    path = stage.environment["PATH"]
    stage.environment |= {"PATH": f"{stage.folder}:{path}", "REAL": f"{path.partition(':')[0]}/pulumi"}
    assert "`pulumi refresh --stack` failed" in stage.ops("recover", "--settle", "4").stderr
    stage.environment["PATH"] = path
    assert json.loads(stage.ops("recover", "--json").stdout) == {"unlocked": [], "adopted": [], "dropped": []}
    again = stage.pulumi("up", "--yes", "--skip-preview")
    assert again.returncode == 0, again.stdout + again.stderr
    _same_as_clean(stage)


def test_recover_alone_completes_the_state(stage: Stage) -> None:
    """After it the state holds what a finished create would have left there, and a second one has nothing to say."""
    stage.kill_up({VPC: "made"})
    report = json.loads(stage.ops("recover", "--json", "--settle", "4").stdout)
    assert [adopted["urn"].rpartition("::")[2] for adopted in report["adopted"]] == ["vpc"]
    vpc = next(resource for resource in stage.state()["resources"] if resource["type"] == VPC)
    assert vpc["outputs"]["arn"].endswith(report["adopted"][0]["id"])
    assert "refreshBeforeUpdate" not in vpc
    nothing = stage.ops("recover")
    assert (nothing.returncode, nothing.stdout) == (0, "")


def test_a_lock_whose_holder_lives_is_kept(stage: Stage) -> None:
    """While the engine runs, the recovery names it and leaves it alone."""
    process = stage.start_up({VPC: "made"})
    refused = stage.ops("recover")
    assert refused.returncode == 1
    assert f"process {process.pid}, since " in refused.stderr
    stage.host.release.set()
    assert process.wait(60) == 0

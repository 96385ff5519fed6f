"""`ops up` and `ops preview` on the real engine: what would be lost is refused, and nothing is changed."""

from __future__ import annotations

import pytest

from tests.ops.conftest import PROGRAM, Stage

pytestmark = pytest.mark.engine

UP = ("up", "--yes", "--skip-preview")
URN = "urn:pulumi:dev::ops::aws:ec2/vpc:Vpc::vpc"


def write(stage: Stage, cidr: str, protect: bool = False) -> None:
    """Write the program with another range."""
    program = PROGRAM.replace("10.0.0.0/16", cidr).replace("10.0.1.0/24", cidr.replace("0.0/16", "1.0/24"))
    program = program.replace('"ops"}, opts=opts)\nSubnet', '"ops"}, opts=vpc_opts)\nSubnet')
    program = program.replace("vpc = ", f"vpc_opts = pulumi.ResourceOptions(provider=aws, protect={protect})\nvpc = ")
    (stage.folder / "__main__.py").write_text(program, encoding="utf-8")


def test_a_replacement_is_refused_and_then_allowed(stage: Stage) -> None:
    """Refused with the property and its values; with the URN named it is done."""
    write(stage, "10.0.0.0/16")
    assert stage.ops(*UP).returncode == 0
    write(stage, "10.9.0.0/16")
    before = stage.state()
    for command in (UP, ("preview",)):
        refused = stage.ops(*command)
        assert refused.returncode == 1
        line = 'error: aws:ec2/vpc:Vpc vpc would be replaced: cidrBlock from "10.0.0.0/16" to "10.9.0.0/16" ('
        assert refused.stderr.startswith(line)
        assert len(refused.stderr.splitlines()) == 1
    assert stage.state() == before
    allowed = stage.ops(*UP, "--allow-loss", URN)
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr
    (vpc,) = [resource for resource in stage.state()["resources"] if resource["urn"] == URN]
    assert vpc["inputs"]["cidrBlock"] == "10.9.0.0/16"


def test_what_is_protected_goes_by_no_option(stage: Stage) -> None:
    """Replaced or removed; the engine's own refusal says neither the property nor the values."""
    write(stage, "10.0.0.0/16", protect=True)
    assert stage.ops(*UP).returncode == 0
    before = stage.state()
    write(stage, "10.9.0.0/16", protect=True)
    refused = stage.ops(*UP, "--allow-loss", URN)
    assert refused.returncode == 1
    assert 'cidrBlock from "10.0.0.0/16" to "10.9.0.0/16"' in refused.stderr
    assert "it is protected" in refused.stderr
    (stage.folder / "__main__.py").write_text("import pulumi\n", encoding="utf-8")
    removed = stage.ops(*UP)
    assert "would be deleted: the program no longer has it" in removed.stderr
    assert stage.state() == before


def test_a_program_that_fails_is_told_in_its_own_words(stage: Stage) -> None:
    """What the guard's preview hears is not lost."""
    write(stage, "10.0.0.0/16")
    assert stage.ops(*UP).returncode == 0
    (stage.folder / "__main__.py").write_text("import pulumi\nraise pulumi.RunError('no such zone')\n")
    failed = stage.ops("preview")
    assert (failed.returncode, failed.stderr.splitlines()[-1]) == (1, "error: no such zone")

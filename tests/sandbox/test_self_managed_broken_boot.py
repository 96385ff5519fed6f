"""What a machine lacks to become a node ends `up` in words that say which machine, which step and where to read on.

The program is a copy that waits for seconds where the real one waits for twenty minutes; the faults are edits of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.engine import EngineError
from sandbox.world import World
from tests.sandbox.self_managed import Platform, with_workers, worker

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.life]

SECONDS = 25
WORKERS = {"k8s-worker-a": worker("a")}
SMALL = with_workers(WORKERS)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An edit of the program.

    Attributes:
        file: In the program's folder.
        right: What stands there.
        wrong: What stands there instead.
    """

    file: str
    right: str
    wrong: str


@contextmanager
def _edited(folder: Path, fault: Fault) -> Iterator[None]:
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    assert text.count(fault.right) == 1, f"{fault.file} does not say {fault.right!r} once"
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


PATIENCE = Fault(
    file="components/self_managed/readiness.py", right="limit: float = 20 * 60", wrong=f"limit: float = {SECONDS}"
)


@pytest.fixture(scope="module")
def platform(start_world: Callable[[Path], World], checkout_copy: Path) -> Iterator[Platform]:
    """A sandbox on an impatient program."""
    with _edited(checkout_copy, PATIENCE):
        yield Platform(start_world(checkout_copy))


def _fails(platform: Platform) -> str:
    with pytest.raises(EngineError) as raised:
        platform.up(SMALL)
    return str(raised.value)


def test_without_a_way_out(platform: Platform, checkout_copy: Path) -> None:
    """The control plane says that it got no packages, for want of a route; then the stack goes without a trace."""
    fault = Fault(
        file="components/network/component.py",
        right='destination_cidr_block="0.0.0.0/0"',
        wrong='destination_cidr_block="203.0.113.0/24"',
    )
    with _edited(checkout_copy, fault):
        said = _fails(platform)
        machine = platform.instances()["k8s-master"]["InstanceId"]
        assert f"the API of platform-nodes14 is not ready after {SECONDS} s" in said
        assert f"k8s-master ({machine}): platform-boot: failed phase=packages" in said
        assert (
            f"aws ec2 get-console-output --region ap-northeast-2 --latest --output text --instance-id {machine}" in said
        )
        assert "Traceback" not in said
        assert platform.destroy() == []


def test_without_its_parameter(platform: Platform, checkout_copy: Path) -> None:
    """The control plane says which one it does not find; then the stack goes without a trace."""
    fault = Fault(
        file="components/self_managed/parameters.py",
        right="names.join_token_parameter, args.token, join",
        wrong='names.join_token_parameter + "-elsewhere", args.token, join',
    )
    with _edited(checkout_copy, fault):
        said = _fails(platform)
        assert "platform-boot: failed phase=parameters" in said
        assert "/kubernetes/platform-nodes14/join/token" in said
        assert "Traceback" not in said
        assert platform.destroy() == []


def test_with_another_image(platform: Platform) -> None:
    """An image that the region does not have is EC2's to refuse, by its id; nobody waits for the API then."""
    platform.write({**SMALL, "machines/image": "ami-00000000000000000"})
    with pytest.raises(EngineError) as raised:
        platform.engine.up()
    said = str(raised.value)
    assert "InvalidAMIID.NotFound" in said
    assert "ami-00000000000000000" in said
    assert "is not ready after" not in said
    assert platform.destroy() == []

"""The modelled critical path of whole stacks, without an engine: tests/sandbox/test_durations.py has it with one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any, Final

import pytest

from sandbox.durations.model import Model
from sandbox.durations.stack import Stack
from sandbox.durations.table import load_table
from tests.captures import Capture, Registration
from tests.whole_stacks import CHECKOUT, STACKS, WholeStack, capture_stack, stack_sections

SANDBOX: Final = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["sandbox"]
ROOT: Final = "kubernetes:argoproj.io/v1alpha1:Application::argocd-root"


def state(registration: Registration) -> dict[str, Any]:
    """Return what the engine's state would say of it."""
    return {
        "urn": registration.urn,
        "type": registration.type,
        "custom": registration.custom,
        "inputs": registration.inputs,
        "parent": registration.parent,
        "provider": registration.provider,
        "dependencies": registration.dependencies,
        "propertyDependencies": registration.property_dependencies,
        "retainOnDelete": registration.retain_on_delete,
        "deletedWith": registration.deleted_with,
    }


def model(captured: Capture) -> Model:
    """Put the table's durations on what a stack registers."""
    return Model(Stack(map(state, captured.resources)), load_table(), SANDBOX["reasons"])


def urn(captured: Capture, wanted: str) -> str:
    """Return the URN that a limit is for."""
    type_, _, name = wanted.partition("::")
    return captured.one(type_, name).urn


def test_dev_is_up_after_the_control_plane_and_four_minutes(whole_stack: WholeStack) -> None:
    """In the model; where time is lost the path says."""
    captured, limit = whole_stack("dev"), SANDBOX["limits"]["dev"][ROOT]
    assert limit == load_table().row("aws:eks/cluster:Cluster", {}).create.model + 4 * 60
    course = model(captured).up(urn(captured, ROOT))
    told = [f"{part.sum:.0f} {part.resource.name} {part.until or part.reason}" for part in course.parts]
    assert course.seconds <= limit, told


def ready_nodes(captured: Capture) -> float:
    """Return when the last node of a self-managed stack is Ready."""
    told = model(captured)
    return max(told.up_seconds(one.urn) for one in captured.resources if one.type == "kubernetes:core/v1:NodePatch")


def test_fourteen_nodes_are_ready_after_six_and_a_half_minutes(whole_stack: WholeStack) -> None:
    """In the model, by the promise in pyproject.toml."""
    limits = SANDBOX["limits"]["nodes14"]
    assert limits == {"kubernetes:core/v1:NodePatch::node-roles-*": 6.5 * 60}
    assert ready_nodes(whole_stack("nodes14")) <= 6.5 * 60


def test_nodes_come_as_fast_however_many_there_are(capture: Callable[..., Capture]) -> None:
    """Four machines take as long as fourteen: none waits for another."""
    machines = stack_sections("nodes14")["machines"]
    some = {name: machines["workers"][name] for name in ("k8s-api-auth", "k8s-redis", "k8s-monitoring")}
    few = capture_stack(capture, "nodes14", {"machines": {"workers": some, "total": 4}})
    assert ready_nodes(few) == ready_nodes(capture_stack(capture, "nodes14"))


def test_machines_that_wait_for_the_public_load_balancer_break_the_promise(whole_stack: WholeStack) -> None:
    """So the promise stands on what machines wait for, and not on a generous limit."""
    captured = whole_stack("nodes14")
    balancer = captured.one("aws:lb/listener:Listener", "endpoint-public")
    master = captured.one("aws:ec2/instance:Instance", "machines-k8s-master")
    late = captured.changed(master.type, master.name, dependencies=(*master.dependencies, balancer.urn))
    assert ready_nodes(late) > 6.5 * 60


@pytest.mark.parametrize("stack", STACKS)
def test_every_order_on_the_way_has_its_reason(whole_stack: WholeStack, stack: str) -> None:
    """Up to what is there last, up to the root Application, and in each wave of a destroy; else this raises."""
    captured = whole_stack(stack)
    told = model(captured)
    first, *others = told.up().parts
    assert first.reason == ""
    assert all(part.reason for part in (*others, *told.up(urn(captured, ROOT)).parts[1:], *told.destroy().parts))


def test_a_release_that_waits_for_the_whole_node_group_breaks_the_promise(whole_stack: WholeStack) -> None:
    """So the promise stands on the release's place in the order, and not on a generous limit."""
    captured = whole_stack("dev")
    namespace = captured.one("kubernetes:core/v1:Namespace", "argocd-namespace")
    last = captured.one("aws:eks/addon:Addon", "node-addons-aws-ebs-csi-driver")
    late = captured.changed(namespace.type, namespace.name, dependencies=(*namespace.dependencies, last.urn))
    assert model(late).up_seconds(urn(captured, ROOT)) > SANDBOX["limits"]["dev"][ROOT]


def test_the_page_says_what_the_model_says(whole_stack: WholeStack) -> None:
    """Each sum of its table, the range, few steps at once, and destroy with waves and without."""
    told = model(whole_stack("dev"))
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## How long `up` takes")[2]
    course, waves, alone = told.up(), told.destroy().seconds, told.destroy_without_waves()
    sums = [int(number) for number in re.findall(r"^\| .+ \| \d+ \| (\d+) \|", page, re.MULTILINE)]
    # Project and root Application are one line.
    assert sums == [round(part.sum) for part in course.parts if part.resource.name != "argocd-project"]
    for said in (
        f"{course.least:.0f} to {course.most:.0f}",
        f"Destroy takes {waves:.0f} in the model, although {alone:.0f} would do",
    ):
        assert said in page
    # The order in which the program registers what may come together differs from run to run.
    eight = re.search(r"with two cores\s+the model says\s+about (\d+)", page)
    assert eight is not None
    assert told.up_with(8) == pytest.approx(float(eight[1]), abs=10)
    assert told.up_with(24) == pytest.approx(course.seconds, abs=2)

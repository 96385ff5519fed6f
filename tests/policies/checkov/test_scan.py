"""checkov's second opinion on the stacks, and proof that it sees what it is shown. Run by `make checkov`."""

from __future__ import annotations

import copy
import functools
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from policies.checkov.plan import Plan
from policies.checkov.resource_types import TYPES
from policies.checkov.scan import Report, ScanError, scan
from policies.checkov.verdict import judge, unused
from policies.waivers import load
from tests.conftest import CaptureProgram
from tests.policies.checkov import CARELESS, careless, closed, plan_of
from tests.policies.checkov.edits import EDITS, SELF_MANAGED_EDITS, Edits
from tests.whole_stacks import STACKS, WholeStack
from tools import checkov_env

pytestmark = pytest.mark.checkov

# Prints every resource type that one of checkov's checks for Terraform looks at.
_KNOWN_TYPES = """
from checkov.common.checks_infra.registry import get_graph_checks_registry
from checkov.terraform.plan_runner import resource_registry
graph = get_graph_checks_registry("terraform")
graph.load_checks()
print(*resource_registry.checks, *(type_ for check in graph.checks for type_ in check.resource_types or ()))
"""


@pytest.fixture(scope="session")
def checkov() -> Path:
    """The program; without it the tests fail and say what to do."""
    # Made here when nobody has asked for it yet; what does not work then, the next line says with its remedy.
    checkov_env.main()
    return checkov_env.program()


@pytest.fixture(scope="session")
def report_of(whole_stack: WholeStack, checkov: Path) -> Callable[[str], Report]:
    """What checkov says of a stack; it is asked once."""
    return functools.cache(lambda stack: scan(checkov, plan_of(whole_stack(stack))))


def ids(report: Report, name: str) -> set[str]:
    """Return the checks that fail for a resource."""
    return {finding.id for finding in report.failed if finding.resource.name == name}


@pytest.mark.parametrize("stack", STACKS)
def test_each_finding_is_waived(
    whole_stack: WholeStack, report_of: Callable[[str], Report], stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What checkov finds in a stack is mended, or waived with a reason and a day on which that ends."""
    report = report_of(stack)
    verdict = judge(report, load(), stack, date.today())
    found = (*report.passed, *report.failed)
    checks, seen = len({finding.id for finding in found}), len({finding.resource.urn for finding in found})
    with capsys.disabled():
        print(
            f"\ncheckov, {stack}: {checks} checks on {seen} of {len(plan_of(whole_stack(stack)).resources)} resources:"
            f" {verdict.passed} passed, {len(verdict.waived)} waived, {len(verdict.open)} open"
            f" ({report.seconds:.1f} s)"
        )
    assert verdict.lines == []


def test_no_waiver_is_unused(report_of: Callable[[str], Report]) -> None:
    """A waiver whose finding is gone goes, too."""
    assert unused(load(), {stack: report_of(stack) for stack in STACKS}) == []


def test_what_no_stack_has_at_present_needs_no_waiver(capture: CaptureProgram, checkov: Path) -> None:
    """A network without NAT, with endpoints and a range for pods, and Karpenter in it: checkov finds nothing."""
    report = scan(checkov, plan_of(capture(closed)))
    assert judge(report, [], "", date.today()).lines == []
    kinds = {finding.resource.type for finding in report.passed}
    assert {"aws:ec2/securityGroup:SecurityGroup", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"} <= kinds


def test_careless_program_is_caught(capture: CaptureProgram, checkov: Path) -> None:
    """Every fault of the careless program is found, through the adapter, at the resource that has it."""
    report = scan(checkov, plan_of(capture(careless)))
    assert {name: wanted - ids(report, name) for name, wanted in CARELESS.items()} == {name: set() for name in CARELESS}


@pytest.mark.parametrize(
    ("stack", "edits"), [("prod", EDITS), ("nodes14", SELF_MANAGED_EDITS)], ids=["prod", "nodes14"]
)
def test_careless_edits_are_caught(whole_stack: WholeStack, checkov: Path, stack: str, edits: Edits) -> None:
    """What passes passes because it is right: edited, the same resources fail, past all waivers."""
    captured = whole_stack(stack)
    for type_, name, inputs, _ in edits:
        captured = captured.changed(type_, name, inputs)
    left = judge(scan(checkov, plan_of(captured)), load(), stack, date.today()).open
    found = {(finding.resource.type, finding.resource.name, finding.id) for finding in left}
    assert {(type_, name, id_) for type_, name, _, ids_ in edits for id_ in ids_} - found == set()


def test_references_matter(whole_stack: WholeStack, report_of: Callable[[str], Report], checkov: Path) -> None:
    """With the references the VPC has its flow log and its closed default group; without them checkov sees neither."""
    whole = plan_of(whole_stack("prod"))
    blind = copy.deepcopy(dict(whole.document))
    for resource in blind["configuration"]["root_module"]["resources"]:
        resource["expressions"] = {}
    compared = {"CKV2_AWS_11", "CKV2_AWS_12"}
    assert not compared & ids(report_of("prod"), "network-vpc")
    assert compared <= ids(scan(checkov, Plan(document=blind, resources=whole.resources)), "network-vpc")


def test_each_terraform_type_is_one_that_checkov_knows(checkov: Path) -> None:
    """A misspelt type would be looked at by no check, and pass."""
    command = (str(checkov.parent / "python"), "-c", _KNOWN_TYPES)
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {row.name for row in TYPES.values()} - set(known) == set()


def test_partial_look_is_an_error(whole_stack: WholeStack, checkov: Path) -> None:
    """A plan of which checkov sees only a part, or nothing, has not been looked at."""
    whole = plan_of(whole_stack("dev"))
    (_, *rest) = whole.document["planned_values"]["root_module"]["resources"]
    thinned = {**whole.document, "planned_values": {"root_module": {"resources": rest}}}
    with pytest.raises(ScanError, match=f"saw {len(rest)} of {len(rest) + 1} resources"):
        scan(checkov, replace(whole, document=thinned))
    with pytest.raises(ScanError, match="no report"):
        scan(checkov, replace(whole, document={}))

"""The rules on the real programs: nothing is wrong with a stack but what is waived."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policies import tokens, topology
from policies.catalog import all_rules
from policies.resources import NotKnownError, Stack
from tests.captures import Capture
from tests.conftest import CaptureProgram
from tests.policies import PROGRAMS, Findings, Program, Variant, program
from tests.whole_stacks import stack_sections


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_wrong(findings: Callable[[str], Findings], name: str) -> None:
    """A stack, or a variant of one, breaks no rule that no waiver names."""
    assert [f"{violation.rule.id}: {violation.message}" for violation in findings(name).open] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_rules_see_every_value(programs: Callable[[str], Program], name: str) -> None:
    """Nothing that a rule reads is unknown in a capture, so that no rule passes because it could not look."""
    program = programs(name)
    stack = Stack(program.resources, program.options)
    unseen = []
    for rule in all_rules():
        for resource in stack.of(*rule.types):
            try:
                list(rule.check(resource, stack) if rule.takes_stack else rule.check(resource))
            except NotKnownError:
                unseen.append(f"{rule.id} on {resource.name}")
    assert unseen == []


# Drift of these is left alone, by variant: what somebody scales by hand, what AWS may not change in place, what the
# account's role had before the program took it over. Anything else that drifts is to be seen.
LEFT_ALONE = {
    "eks": {
        ("aws:eks/cluster:Cluster", ("vpcConfig.subnetIds",)),
        ("aws:eks/nodeGroup:NodeGroup", ("scalingConfig.desiredSize",)),
        ("aws:iam/serviceLinkedRole:ServiceLinkedRole", ("customSuffix", "description", "tags")),
    },
    # Control planes, which are replaced by their runbook only.
    "self-managed": {("aws:ec2/instance:Instance", ("ami", "userDataBase64"))},
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_other_drift_is_left_alone(programs: Callable[[str], Program], name: str) -> None:
    """A property that is ignored could be opened by hand, and no preview would say so."""
    found = programs(name)
    ignoring = [resource for resource in found.resources if resource.ignore_changes]
    wanted = LEFT_ALONE[stack_sections(found.stack)["variant"]]
    assert {(resource.type, tuple(sorted(resource.ignore_changes))) for resource in ignoring} == wanted
    planes = {plane.urn for plane in topology.control_planes(Stack(found.resources, found.options))}
    assert {resource.urn for resource in ignoring if resource.type == tokens.INSTANCE} == planes


PROTECTED = {
    tokens.BUCKET,
    tokens.CLUSTER,
    tokens.FILE_SYSTEM,
    tokens.KEY,
    tokens.REPOSITORY,
    tokens.SUBNET,
    tokens.USER_POOL,
    tokens.VAULT,
    tokens.VPC,
}
KEPT = {
    tokens.ALIAS,
    tokens.BUCKET,
    tokens.BUCKET_ENCRYPTION,
    tokens.BUCKET_LIFECYCLE,
    tokens.BUCKET_LOGGING,
    tokens.BUCKET_OWNERSHIP,
    tokens.BUCKET_POLICY,
    tokens.BUCKET_VERSIONING,
    tokens.EFS_BACKUP_POLICY,
    tokens.FILE_SYSTEM,
    tokens.FILE_SYSTEM_POLICY,
    tokens.IMAGE_LIFECYCLE,
    tokens.KEY,
    tokens.PUBLIC_ACCESS_BLOCK,
    tokens.REPOSITORY,
    tokens.VAULT,
    tokens.VAULT_POLICY,
}


@pytest.mark.parametrize("decommission", [False, True])
def test_decommissioning_takes_every_protection_off(capture: CaptureProgram, decommission: bool) -> None:
    """One setting lets production go, and only that one: what holds state is protected until then."""
    policy = {**stack_sections("prod")["policy"], "decommission": decommission}
    resources = program(capture, Variant(stack="prod", changes={"policy": policy})).resources
    protected = {resource.type for resource in resources if resource.protect and resource.type.startswith("aws:")}
    assert protected == (set() if decommission else PROTECTED)
    assert [r.get("deletionProtection") for r in resources if r.type == tokens.CLUSTER] == [not decommission]
    pools = [r.get("deletionProtection") for r in resources if r.type == tokens.USER_POOL]
    assert pools == ["INACTIVE" if decommission else "ACTIVE"]


def test_production_keeps_its_data(whole_stack: Callable[[str], Capture]) -> None:
    """A destroy leaves production's data with their settings, keys and the keys' names, and nothing of development's.

    The engine tells no policy of retainOnDelete, so no rule can ask for it.
    """
    kept = {stack: [r for r in whole_stack(stack).resources if r.retain_on_delete] for stack in ("dev", "prod")}
    # The account's own role, which no stack may take away.
    assert {r.type for r in kept["dev"]} == {tokens.SERVICE_LINKED_ROLE}
    assert {r.type for r in kept["prod"]} == {tokens.SERVICE_LINKED_ROLE, *KEPT}
    for type_ in (tokens.KEY, tokens.ALIAS):
        assert [r.name for r in kept["prod"] if r.type == type_] == ["storage-data", "secrets"]
    everything = {r.urn for r in whole_stack("prod").resources if r.type in KEPT - {tokens.KEY, tokens.ALIAS}}
    assert everything <= {r.urn for r in kept["prod"]}


def test_rules_are_named_once_and_say_what_they_ask_for() -> None:
    """An id is one rule's, and its text is a sentence: both end in messages and in docs/controls.md."""
    rules = all_rules()
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.text.endswith(".") and rule.controls and rule.types for rule in rules)

"""The URNs of every stack: a rename without an alias would replace what it names.

`make golden` writes the lists anew; the diff then belongs to the review, with an alias and a line in CHANGELOG.md.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.whole_stacks import STACKS, WholeStack

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.mark.parametrize("stack", STACKS)
def test_urns_are_those_of_the_golden_list(whole_stack: WholeStack, stack: str) -> None:
    """Each stack registers the URNs it is known to have, no more and no fewer."""
    path = GOLDEN / f"{stack}.txt"
    found = "".join(f"{urn}\n" for urn in whole_stack(stack).urns)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


# What a value decides to have or not: gateways, who has access, a zone of one's own, firewalls with their logs.
BY_VALUE = ("nat-", "accessEntry:", "accessPolicyAssociation:", "edge-zone", "edge-delegation", "irewall")


def test_no_urn_holds_a_stack_specific_name(whole_stack: WholeStack) -> None:
    """Dev's URNs are, but for what values decide, those of prod: the environment is in values only."""
    strip = "urn:pulumi:{}::"
    dev = {urn.removeprefix(strip.format("dev")) for urn in whole_stack("dev").urns}
    prod = {urn.removeprefix(strip.format("prod")) for urn in whole_stack("prod").urns}
    assert [urn for urn in sorted(dev ^ prod) if not any(word in urn for word in BY_VALUE)] == []

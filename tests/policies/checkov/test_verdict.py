"""Which findings of checkov stay, and which waivers nobody needs any longer."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from policies.checkov.scan import Finding, Report
from policies.checkov.verdict import Verdict, judge, unused
from policies.resources import Resource
from policies.waivers import Waiver

TODAY = date(2026, 11, 20)
URN = "urn:pulumi:dev::platform::platform:eks:Cluster$aws:eks/cluster:Cluster::cluster"
CLUSTER = Resource(type="aws:eks/cluster:Cluster", name="cluster", urn=URN, props={}, sources={})
FINDING = Finding(id="CKV_AWS_39", title="no public endpoint", resource=CLUSTER)
REPORT = Report(passed=(), failed=(FINDING,), seconds=1.0)
REASON = "The office's addresses only; production has none of it."


def waiver(**fields: Any) -> Waiver:
    """A waiver that covers the finding, with some of its fields changed."""
    return Waiver(
        **{"id": "CKV_AWS_39", "resource": "cluster", "reason": REASON, "expires": date(2027, 5, 1), **fields}
    )


def verdict(*waivers: Waiver, stack: str = "dev") -> Verdict:
    return judge(REPORT, waivers, stack, TODAY)


@pytest.mark.parametrize("fields", [{}, {"resource": "*$aws:eks/cluster:Cluster::cl*"}, {"stack": "dev"}])
def test_waived_findings_stay(fields: dict[str, str]) -> None:
    """A waiver covers a finding by its check, by name or URN, and by its stack."""
    assert verdict(waiver(**fields)).waived == (FINDING,)
    assert verdict(waiver(**fields)).open == ()


@pytest.mark.parametrize(
    "fields",
    [{"id": "CKV_AWS_38"}, {"resource": "clust"}, {"stack": "prod"}, {"expires": TODAY}],
)
def test_other_waivers_change_nothing(fields: dict[str, Any]) -> None:
    """A waiver of another check, resource or stack, or one that has expired, leaves the finding open."""
    assert verdict(waiver(**fields)).open == (FINDING,)


def test_open_findings_say_what_to_do() -> None:
    """The line has check, resource and both ways out."""
    (line,) = verdict().lines
    assert line.startswith("CKV_AWS_39 cluster (aws:eks/cluster:Cluster): no public endpoint; mend it, or waive it")


def test_unused_waivers_are_named() -> None:
    """A waiver of checkov's that covers nothing in any stack goes; the pack's own are not checkov's business."""
    used, stale, packs = waiver(), waiver(stack="prod"), waiver(id="no-public-endpoint")
    assert unused([used, stale, packs], {"dev": REPORT, "prod": REPORT}) == []
    assert unused([used, stale, packs], {"dev": REPORT}) == [stale]

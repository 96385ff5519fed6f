"""What of checkov's findings is waived, and what is left to mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from policies.checkov.scan import Finding, Report
from policies.waivers import Waiver

# The ids of all of checkov's checks begin so, those that compare resources too; the pack's rules have no such names.
PREFIX = "CKV"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A report after the waivers.

    Attributes:
        passed: How many checks hold, counted per resource.
        waived: Findings that stay.
        open: Findings to mend.
    """

    passed: int
    waived: tuple[Finding, ...]
    open: tuple[Finding, ...]

    @property
    def lines(self) -> list[str]:
        """One line for each open finding."""
        return [
            f"{finding.id} {finding.resource.name} ({finding.resource.type}): {finding.title};"
            " mend it, or waive it with its reason in policies/waivers.yaml"
            for finding in self.open
        ]


def judge(report: Report, waivers: Iterable[Waiver], stack: str, today: date) -> Verdict:
    """Sort the findings of a stack; an expired waiver no longer counts."""
    valid = [waiver for waiver in waivers if waiver.expires > today]
    waived = tuple(found for found in report.failed if any(_covers(waiver, found, stack) for waiver in valid))
    left = tuple(found for found in report.failed if found not in waived)
    return Verdict(passed=len(report.passed), waived=waived, open=left)


def unused(waivers: Iterable[Waiver], reports: Mapping[str, Report]) -> Sequence[Waiver]:
    """Return checkov's waivers that match no finding of any stack."""
    found = [(finding, stack) for stack, report in reports.items() for finding in report.failed]
    return [
        waiver
        for waiver in waivers
        if waiver.id.startswith(PREFIX) and not any(_covers(waiver, finding, stack) for finding, stack in found)
    ]


def _covers(waiver: Waiver, finding: Finding, stack: str) -> bool:
    return waiver.covers(finding.id, name=finding.resource.name, urn=finding.resource.urn, stack=stack)

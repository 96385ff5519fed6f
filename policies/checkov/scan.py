"""Runs checkov, in its own environment and without a network, over a plan and says what it found."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies.checkov.plan import Plan
from policies.resources import Resource

_ARGUMENTS: Final = ("--framework", "terraform_plan", "--skip-download", "--soft-fail", "--compact", "-o", "json")
# Nothing listens there: whatever would ask the network gets an error at once.
_NOWHERE: Final = "http://127.0.0.1:9"


class ScanError(Exception):
    """checkov did not look at the whole plan; the message has what it said."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check says about one resource.

    Attributes:
        id: The check's, such as CKV_AWS_38.
        title: What the check asks for.
        resource: What it looked at.
    """

    id: str
    title: str
    resource: Resource


@dataclass(frozen=True, kw_only=True)
class Report:
    """What checkov said.

    Attributes:
        passed: The checks that hold, one entry per resource.
        failed: Those that do not.
        seconds: How long it took, start of Python included.
    """

    passed: tuple[Finding, ...]
    failed: tuple[Finding, ...]
    seconds: float


def scan(checkov: Path, plan: Plan) -> Report:
    """Run checkov over the plan.

    Args:
        checkov: The program.
        plan: What it is to look at.

    Raises:
        ScanError: It did not run, could not read the plan, or saw fewer resources than there are.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="checkov-") as folder:
        file = Path(folder) / "plan.json"
        file.write_text(json.dumps(plan.document, indent=1), encoding="utf-8")
        command = (str(checkov), "-f", str(file), *_ARGUMENTS)
        result = subprocess.run(
            command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
        )
    seconds = time.monotonic() - started
    said = _read(result)
    summary = said["summary"]
    if summary["parsing_errors"] or summary["resource_count"] != len(plan.resources):
        raise ScanError(f"checkov saw {summary['resource_count']} of {len(plan.resources)} resources: {summary}")
    passed, failed = (
        tuple(_finding(check, plan) for check in said["results"][kind]) for kind in ("passed_checks", "failed_checks")
    )
    return Report(passed=passed, failed=failed, seconds=seconds)


def _environment(home: str) -> dict[str, str]:
    """Neither the user's own checkov configuration nor the network."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LANG": "C.UTF-8", **proxies}


def _read(result: subprocess.CompletedProcess[str]) -> Mapping[str, Any]:
    try:
        said = json.loads(result.stdout) if result.returncode == 0 else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or "results" not in said:
        shown = (result.stderr or result.stdout)[-2000:]
        raise ScanError(f"checkov ended with {result.returncode} and no report: {shown}")
    return said


def _finding(check: Mapping[str, Any], plan: Plan) -> Finding:
    return Finding(id=check["check_id"], title=check["check_name"], resource=plan.resources[check["resource"]])

"""Who may do what in Argo CD, judged by Argo CD itself (requirements G-47 to G-50, corrected; control A2)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.argocd.chart_values import argocd_values, login_values
from tests.gitops.argocd_admin import argocd_admin
from tests.gitops.tree import Tool

# What a cluster with a login is told.
CONFIGS: dict[str, Any] = argocd_values(login=login_values("https://argocd.example.com", "{}"))["configs"]


def _argocd(tool: Tool, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    data = {key: value for key, value in CONFIGS["rbac"].items() if isinstance(value, str)}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-rbac-cm"}, "data": data}
    policy = folder / "rbac.yaml"
    policy.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return argocd_admin(tool, folder, "settings", "rbac", *command, "--policy-file", str(policy))


def test_the_policy_is_one(tool: Tool, tmp_path: Path) -> None:
    """Argo CD would ignore a line that it cannot read, and say so in a log."""
    done = _argocd(tool, tmp_path, "validate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Policy is valid" in done.stdout


@pytest.mark.parametrize(
    ("subject", "action", "resource", "target", "allowed"),
    [
        ("argocd-admins", "delete", "applications", "platform/karpenter", True),
        ("argocd-admins", "create", "repositories", "https://git.example.com/a.git", True),
        ("argocd-admins", "get", "logs", "workloads/bubblepool", True),
        ("argocd-admins", "create", "exec", "workloads/bubblepool", False),
        ("argocd-admins", "update", "accounts", "admin", False),
        ("developers", "get", "applications", "workloads/bubblepool", True),
        ("developers", "sync", "applications", "workloads/bubblepool", True),
        ("developers", "get", "logs", "workloads/bubblepool", True),
        ("developers", "delete", "applications", "workloads/bubblepool", False),
        ("developers", "update", "clusters", "https://kubernetes.default.svc", False),
        ("anybody", "get", "applications", "workloads/bubblepool", True),
        ("anybody", "sync", "applications", "workloads/bubblepool", False),
    ],
)
def test_groups_may_what_the_documents_say(
    tool: Tool, tmp_path: Path, subject: str, action: str, resource: str, target: str, allowed: bool
) -> None:
    """Administrators have what G-48 names, without a shell in pods; developers see and sync; the others look."""
    done = _argocd(tool, tmp_path, "can", subject, action, resource, target)
    assert done.stdout.strip() == ("Yes" if allowed else "No"), done.stderr


def test_there_are_no_other_ways_in() -> None:
    """Control A2: with a login no local administrator, nobody unnamed, no shell; without one no role by default."""
    assert CONFIGS["cm"]["admin.enabled"] == CONFIGS["cm"]["exec.enabled"] == "false"
    assert "users.anonymous.enabled" not in CONFIGS["cm"]
    assert argocd_values()["configs"]["rbac"]["policy.default"] == ""
    assert argocd_values()["configs"]["cm"]["admin.enabled"] == "true"

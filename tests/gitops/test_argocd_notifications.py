"""What Argo CD tells Slack, judged by Argo CD itself: its own program runs the triggers and fills the templates in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from components.argocd.notifications import notification_values
from tests.gitops.argocd_admin import argocd_admin
from tests.gitops.tree import Tool

_URL: Final = "https://argocd.example.com"
_SEVERAL: Final = {"revisions": ["1.14.1", "0123abcd"], "revision": ""}


def _application(phase: str, health: str, sync: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "bubblepool", "namespace": "argocd"},
        "spec": {"project": "workloads", "destination": {"namespace": "bubblepool"}},
        "status": {
            "sync": sync or {"revision": "0123abcd"},
            "health": {"status": health},
            "operationState": {"phase": phase, "message": "the reason", "finishedAt": "2026-11-20T00:00:00Z"},
        },
    }


def _run(tool: Tool, folder: Path, application: dict[str, Any], *command: str) -> str:
    """Run a command of `argocd admin notifications` on an Application, with the ConfigMap that the chart makes."""
    values = notification_values(_URL)
    data = {
        "context": yaml.safe_dump({"argocdUrl": values["argocdUrl"]}),
        **values["notifiers"],
        **values["templates"],
        **values["triggers"],
    }
    metadata = {"name": "argocd-notifications-cm", "namespace": "argocd"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    for name, content in (("app", application), ("settings", settings)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    files = ("./app.yaml", "--config-map", "./settings.yaml", "--secret", ":empty")
    done = argocd_admin(tool, folder, "notifications", *command, *files)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("trigger", "phase", "health", "fires"),
    [
        ("on-deployed", "Succeeded", "Healthy", True),
        ("on-deployed", "Succeeded", "Progressing", False),
        ("on-deployed", "Failed", "Healthy", False),
        ("on-sync-failed", "Failed", "Healthy", True),
        ("on-sync-failed", "Error", "Missing", True),
        ("on-sync-failed", "Succeeded", "Degraded", False),
        ("on-sync-failed", "Running", "Progressing", False),
    ],
)
def test_trigger_fires_when_it_should(
    tool: Tool, tmp_path: Path, trigger: str, phase: str, health: str, fires: bool
) -> None:
    """Requirement G-57: deployed is synced and healthy; failed is a sync that ended in an error."""
    output = _run(tool, tmp_path, _application(phase, health), "trigger", "run", trigger)
    assert output.split()[-1] == str(fires).lower()


@pytest.mark.parametrize(
    ("template", "sync", "message"),
    [
        pytest.param(
            "app-deployed",
            None,
            f"Application bubblepool is deployed to namespace bubblepool at 0123abcd: {_URL}/applications/bubblepool",
            id="deployed",
        ),
        pytest.param(
            "app-deployed",
            _SEVERAL,
            "Application bubblepool is deployed to namespace bubblepool at 1.14.1, 0123abcd: "
            f"{_URL}/applications/bubblepool",
            id="deployed from several sources",
        ),
        pytest.param(
            "app-sync-failed",
            None,
            f"The sync of application bubblepool failed: {_URL}/applications/bubblepool\nthe reason",
            id="failed",
        ),
    ],
)
def test_message_says_what_the_documents_ask_for(
    tool: Tool, tmp_path: Path, template: str, sync: dict[str, Any] | None, message: str
) -> None:
    """Requirement G-56: name, namespace, revision, a link that leads somewhere; of a failure the reason."""
    application = _application("Succeeded", "Healthy", sync)
    output = _run(tool, tmp_path, application, "template", "notify", template)
    assert yaml.safe_load(output) == {"message": message}


def test_everything_is_sent_to_one_channel() -> None:
    """Requirement G-55, corrected: the channel is a recipient, and without a subscription nothing is sent."""
    values = notification_values(_URL)
    (subscription,) = values["subscriptions"]
    assert subscription["recipients"] == ["slack:gitops-alerts"]
    assert {f"trigger.{name}" for name in subscription["triggers"]} == values["triggers"].keys()
    assert yaml.safe_load(values["notifiers"]["service.slack"]) == {"token": "$slack-token"}


def test_triggers_send_templates_that_there_are_once_for_each_sync() -> None:
    """What a trigger asks for lasts; the time at which the sync ended does not."""
    values = notification_values(_URL)
    for text in values["triggers"].values():
        (row,) = yaml.safe_load(text)
        assert {f"template.{name}" for name in row["send"]} <= values["templates"].keys()
        assert row["oncePer"] == "app.status.operationState.finishedAt"

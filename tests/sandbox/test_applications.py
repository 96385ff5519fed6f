"""What the sandbox says of an Application that does not become what it should."""

from __future__ import annotations

from sandbox.applications import _application


def test_an_application_out_of_sync_names_what_differs() -> None:
    """The status says which object it is; without it nobody could tell."""
    resources = [
        {"kind": "Secret", "name": "tls", "status": "OutOfSync"},
        {"kind": "Deployment", "name": "web", "status": "Synced"},
    ]
    found = _application(
        {
            "metadata": {"name": "web", "annotations": {"argocd.argoproj.io/sync-wave": "5"}},
            "status": {
                "sync": {"status": "OutOfSync"},
                "health": {"status": "Healthy"},
                "resources": resources,
                "operationState": {"phase": "Succeeded", "message": "synced"},
            },
        }
    )
    assert (found.sync, found.health, found.wave) == ("OutOfSync", "Healthy", 5)
    assert found.message == "Secret tls is OutOfSync"

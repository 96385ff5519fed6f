"""What Argo CD tells Slack, and when: values of the argo-cd chart below `notifications`.

Templates and triggers are the documents' (requirements G-55 to G-57). What they lack: a service has no channel, the
recipient of a subscription has; without a subscription nothing is ever sent; and a link needs the address of Argo CD,
which is in the context (https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/).
"""

from __future__ import annotations

import json
from typing import Any, Final

_CHANNEL: Final = "gitops-alerts"
_LINK: Final = "{{.context.argocdUrl}}/applications/{{.app.metadata.name}}"
# An Application of several sources has as many revisions.
_REVISION: Final = '{{with .app.status.sync.revisions}}{{join ", " .}}{{else}}{{.app.status.sync.revision}}{{end}}'
_TEMPLATES: Final = {
    "app-deployed": (
        "Application {{.app.metadata.name}} is deployed to namespace {{.app.spec.destination.namespace}}"
        f" at {_REVISION}: {_LINK}"
    ),
    "app-sync-failed": (
        f"The sync of application {{{{.app.metadata.name}}}} failed: {_LINK}"
        "\n{{.app.status.operationState.message}}"
    ),
}
_TRIGGERS: Final = {
    "on-deployed": (
        "app.status?.operationState?.phase in ['Succeeded'] and app.status?.health?.status == 'Healthy'",
        "app-deployed",
    ),
    "on-sync-failed": ("app.status?.operationState?.phase in ['Error', 'Failed']", "app-sync-failed"),
}
# What the triggers ask for lasts; each sync is to be told of once.
_ONCE: Final = "app.status.operationState.finishedAt"


def notification_values(url: str) -> dict[str, Any]:
    """Return the values.

    The token is in a Secret that the tree makes, `argocd-notifications-secret`; without it nothing is sent.

    Args:
        url: Where people find Argo CD.
    """
    return {
        "enabled": True,
        "secret": {"create": False},
        "argocdUrl": url,
        "notifiers": {"service.slack": "token: $slack-token\n"},
        "templates": {f"template.{name}": f"message: {json.dumps(text)}\n" for name, text in _TEMPLATES.items()},
        "triggers": {
            # JSON is YAML.
            f"trigger.{name}": json.dumps([{"when": when, "oncePer": _ONCE, "send": [template]}])
            for name, (when, template) in _TRIGGERS.items()
        },
        "subscriptions": [{"recipients": [f"slack:{_CHANNEL}"], "triggers": list(_TRIGGERS)}],
    }

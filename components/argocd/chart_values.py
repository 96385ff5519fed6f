"""Values of the argo-cd chart, as a plain dict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from components.argocd.notifications import notification_values

# Requests are what the scheduler counts: they must fit the base nodes with one of them gone.
_RESOURCES: dict[str, tuple[str, str]] = {
    "controller": ("100m", "512Mi"),
    "server": ("50m", "128Mi"),
    "repoServer": ("50m", "256Mi"),
    "applicationSet": ("25m", "128Mi"),
    "redis": ("25m", "64Mi"),
    "notifications": ("10m", "64Mi"),
}
# Of these the chart makes a Service for metrics, and opens its policies to whoever asks for them.
_MEASURED: Final = ("controller", "server", "repoServer", "applicationSet", "notifications")
# Where `kubectl port-forward -n argocd svc/argocd-server 8080:80` ends.
_FORWARDED: Final = "http://localhost:8080"
# Roles of our own: `role:admin` is built in and may do more than is asked for here, such as open a shell in a pod.
# A role per environment is bound to nobody and left out: an environment is a cluster with an Argo CD of its own, whose
# groups come from a user pool of its own. Logs are granted apart since Argo CD 3
# (https://argo-cd.readthedocs.io/en/stable/operator-manual/upgrading/2.14-3.0/).
_POLICY: Final = """\
p, role:platform-admin, applications, *, */*, allow
p, role:platform-admin, clusters, *, *, allow
p, role:platform-admin, repositories, *, *, allow
p, role:platform-admin, logs, get, */*, allow
p, role:platform-developer, applications, get, */*, allow
p, role:platform-developer, applications, sync, */*, allow
p, role:platform-developer, logs, get, */*, allow
g, argocd-admins, role:platform-admin
g, developers, role:platform-developer
"""
# Cognito sends a user's groups under this name, unasked.
_GROUPS_CLAIM: Final = "cognito:groups"


def oidc_config(issuer: str, client_id: str, logout_url: str) -> str:
    """Return how Argo CD asks Cognito who somebody is.

    The client's secret stays where it is: Argo CD reads it from the Secret `argocd-oidc`, which the tree makes with the
    label `app.kubernetes.io/part-of: argocd`. By itself Argo CD would ask for the scope `groups`, too, which Cognito
    refuses (https://github.com/argoproj/argo-cd/issues/1471).
    """
    config = {
        "name": "AWS Cognito",
        "issuer": issuer,
        "clientID": client_id,
        "clientSecret": "$argocd-oidc:clientSecret",
        "requestedScopes": ["openid", "profile", "email"],
        "requestedIDTokenClaims": {_GROUPS_CLAIM: {"essential": True}},
        "logoutURL": logout_url,
    }
    # JSON is YAML.
    return json.dumps(config, indent=2)


def login_values(url: str, oidc: Any) -> dict[str, Any]:
    """Return the values below `configs` that let the groups of a user pool in.

    Whoever is in none of them may look: nobody gets into the pool but by an administrator. The initial administrator is
    off, whose password knows neither a second factor nor an end. Until the tree has made the Secret, and whenever
    Cognito is out of reach, who has rights in the cluster looks with them: `argocd admin dashboard -n argocd`.

    Args:
        url: Where people find Argo CD.
        oidc: Text of `oidc_config`; it may be an output.
    """
    return {
        "cm": {"url": url, "oidc.config": oidc, "admin.enabled": "false"},
        "rbac": {"policy.default": "role:readonly", "policy.csv": _POLICY, "scopes": f"[{_GROUPS_CLAIM}]"},
    }


def argocd_values(
    registry: str | None = None,
    login: Mapping[str, Any] | None = None,
    node_selector: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the values of chart argo-cd 10.x.

    With a registry, images are taken from there, under the paths that they have at their publishers'. With a login,
    made by `login_values`, people come in by it; without, nobody but the initial administrator. With a node selector
    every pod runs on such nodes; without, wherever no taint forbids it.

    Waves gate only with a health check for Applications, which Argo CD dropped from its defaults in 1.8
    (https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#argocd-app): it must be there before the root
    Application is. What publishes the server, and lets the load balancer at it, is the tree's.
    """
    values: dict[str, Any] = {
        "configs": {
            "cm": {
                "admin.enabled": "true",
                "exec.enabled": "false",
                "application.resourceTrackingMethod": "annotation+label",
                "resource.customizations.health.argoproj.io_Application": _health("health.lua"),
                "resource.customizations.health.apiextensions.k8s.io_CustomResourceDefinition": _health(
                    "crd_health.lua"
                ),
                "resource.customizations.health.redis.redis.opstreelabs.in_Redis": _health("redis_health.lua"),
            },
            "params": {
                # TLS ends at the load balancer; inside the cluster network policies guard the server.
                "server.insecure": "true",
                "controller.status.processors": "20",
                "controller.operation.processors": "20",
                # The default is 60 s, too short for a first render of a large chart.
                "controller.repo.server.timeout.seconds": "180",
                # A sync that waits for health blocks every newer commit; after this it gives way.
                "controller.sync.timeout.seconds": "1800",
            },
            # No role for whoever is authenticated but not named.
            "rbac": {"policy.default": "", "scopes": "[groups]"},
        },
        "dex": {"enabled": False},
        "global": {"networkPolicy": {"create": True, "defaultDenyIngress": True}},
    }
    for component, (cpu, memory) in _RESOURCES.items():
        values[component] = {
            "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
            **({"nodeSelector": dict(node_selector)} if node_selector else {}),
            **({"metrics": {"enabled": True}} if component in _MEASURED else {}),
        }
    # The chart's lets everybody at the server; the tree has one for the load balancer and one for Prometheus.
    values["server"]["networkPolicy"] = {"create": False}
    for section, changes in (login or {}).items():
        values["configs"][section] |= changes
    values["notifications"] |= notification_values(values["configs"]["cm"].get("url", _FORWARDED))
    if registry is not None:
        values["global"]["image"] = {"repository": f"{registry}/argoproj/argocd"}
        values["redis"]["image"] = {"repository": f"{registry}/docker/library/redis"}
    return values


def _health(script: str) -> str:
    return (Path(__file__).parent / script).read_text(encoding="utf-8")

"""Values of the argo-cd chart, as a plain dict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Requests are what the scheduler counts: they must fit the base nodes with one of them gone.
_RESOURCES: dict[str, tuple[str, str]] = {
    "controller": ("100m", "512Mi"),
    "server": ("50m", "128Mi"),
    "repoServer": ("50m", "256Mi"),
    "applicationSet": ("25m", "128Mi"),
    "redis": ("25m", "64Mi"),
}


def argocd_values(registry: str | None = None) -> dict[str, Any]:
    """Return the values of chart argo-cd 10.x.

    With a registry, images are taken from there, under the paths that they have at their publishers'.

    Waves gate only with a health check for Applications, which Argo CD dropped from its defaults in 1.8
    (https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#argocd-app): it must be there before the root
    Application is. Nobody but the initial administrator may log in yet, and nothing is published.
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
        "notifications": {"enabled": False},
    }
    for component, (cpu, memory) in _RESOURCES.items():
        values[component] = {
            "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
            # Argo CD must not live on nodes that Karpenter may take away.
            "nodeSelector": {"node-type": "base"},
        }
    if registry is not None:
        values["global"] = {"image": {"repository": f"{registry}/argoproj/argocd"}}
        values["redis"]["image"] = {"repository": f"{registry}/docker/library/redis"}
    return values


def _health(script: str) -> str:
    return (Path(__file__).parent / script).read_text(encoding="utf-8")

"""What a Kubernetes API holds: names by kind."""

from __future__ import annotations

from typing import Final

from sandbox.kubernetes.api import Api, Manifest

Inventory = dict[str, list[str]]

# Come and go by themselves with other objects, or belong to the server.
_TRANSIENT: Final = {
    "Event",
    "Lease",
    "Endpoints",
    "EndpointSlice",
    "APIService",
    "ComponentStatus",
    "CSINode",
    "ControllerRevision",
}
# Made by the controller manager in each namespace, at its own time.
_PER_NAMESPACE: Final = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}


def inventory(api: Api) -> Inventory:
    """Return every object of every kind that can be listed, as `namespace/name` or `name`, sorted."""
    found: Inventory = {}
    for root, resource in _resources(api):
        kind = resource["kind"]
        if kind in _TRANSIENT:
            continue
        items = api.request("GET", f"{root}/{resource['name']}").get("items") or []
        names = [_name(item["metadata"]) for item in items if (kind, item["metadata"]["name"]) not in _PER_NAMESPACE]
        if names:
            # The same kind may be served by several groups.
            found[kind] = sorted({*found.get(kind, []), *names})
    return found


def _resources(api: Api) -> list[tuple[str, Manifest]]:
    groups = api.request("GET", "/apis")["groups"]
    roots = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    resources = [(root, resource) for root in roots for resource in api.request("GET", root).get("resources", [])]
    return [
        (root, resource)
        for root, resource in resources
        if "/" not in resource["name"] and "list" in resource.get("verbs", [])
    ]


def _name(metadata: Manifest) -> str:
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])

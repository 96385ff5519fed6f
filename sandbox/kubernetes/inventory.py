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
    "PodMetrics",
}
# In a cluster of machines: what comes and goes with them.
_OF_MACHINES: Final = {"Node", "CertificateSigningRequest"}
_TOKENS: Final = "bootstrap.kubernetes.io/token"
_HELM: Final = "helm.sh/release.v1"
_RELEASE: Final = "meta.helm.sh/release-"
# Made by the controller manager in each namespace, at its own time.
_PER_NAMESPACE: Final = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
# Made by the API server, at its own time.
_OF_SERVER: Final = {
    ("ConfigMap", "kube-system/extension-apiserver-authentication"),
    ("ConfigMap", "kube-system/kube-apiserver-legacy-service-account-token-tracking"),
}
_BINDINGS: Final = ("clusterrolebindings", "rolebindings")
_OWN_BINDINGS: Final = "kubernetes.io/bootstrapping=rbac-defaults"


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


def inventory_of_machines(api: Api) -> Inventory:
    """Return what somebody put into a cluster of machines, in the form of `inventory`.

    What the machines and other objects brought along goes with them and is left out. What Helm installed is told as one
    `HelmRelease` of the release's name.
    """
    own = _OF_SERVER | {("ServiceAccount", name) for name in _accounts_of_controllers(api)}
    found: dict[str, set[str]] = {}
    for root, resource in _resources(api):
        kind = resource["kind"]
        if kind in _TRANSIENT | _OF_MACHINES:
            continue
        for item in api.request("GET", f"{root}/{resource['name']}").get("items") or []:
            metadata = item["metadata"]
            if metadata.get("ownerReferences") or (kind, metadata["name"]) in _PER_NAMESPACE:
                continue
            if (kind, _name(metadata)) not in own and item.get("type") != _TOKENS:
                told, name = _release(item) or (kind, _name(metadata))
                found.setdefault(told, set()).add(name)
    return {kind: sorted(names) for kind, names in found.items()}


def _accounts_of_controllers(api: Api) -> set[str]:
    """Return the service accounts of the controller manager's controllers, made when each begins, however late.

    The API server's own bindings name them.
    """
    return {
        f"{subject['namespace']}/{subject['name']}"
        for plural in _BINDINGS
        for binding in api.request(
            "GET", f"/apis/rbac.authorization.k8s.io/v1/{plural}", query={"labelSelector": _OWN_BINDINGS}
        )["items"]
        for subject in binding.get("subjects") or []
        if subject["kind"] == "ServiceAccount"
    }


def _release(item: Manifest) -> tuple[str, str] | None:
    """Return the release that an object belongs to, or None."""
    metadata = item["metadata"]
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    if item.get("type") == _HELM:
        return "HelmRelease", f"{metadata['namespace']}/{labels['name']}"
    # What a chart keeps outlives its release.
    if annotations.get("helm.sh/resource-policy") == "keep":
        return None
    if name := annotations.get(f"{_RELEASE}name"):
        return "HelmRelease", f"{annotations[f'{_RELEASE}namespace']}/{name}"
    return None


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

"""What a cluster says of itself: asked once, then plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ops.errors import OpsError

_SECONDS: Final = 30
_ROLE: Final = "node-role.kubernetes.io/"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenNode:
    """A node.

    Attributes:
        version: The kubelet's, with `v`.
        taints: As `key=value:effect`, less those that Kubernetes itself puts on ill nodes.
    """

    name: str
    ready: bool
    version: str
    provider_id: str
    labels: Mapping[str, str]
    taints: frozenset[str]

    @property
    def roles(self) -> frozenset[str]:
        """What `kubectl get nodes` shows under ROLES."""
        return frozenset(key.removeprefix(_ROLE) for key in self.labels if key.startswith(_ROLE))


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenPod:
    """A pod that has not ended."""

    namespace: str
    name: str
    node: str | None
    phase: str
    selector: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenWorkload:
    """A Deployment or DaemonSet, and how many of its pods are ready."""

    kind: str
    namespace: str
    name: str
    ready: int
    wanted: int
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What was seen.

    Attributes:
        service: Address and port of the API inside the cluster.
        applications: Names of Argo CD's Applications.
        crds: Names of the custom resource definitions.
    """

    nodes: tuple[SeenNode, ...]
    pods: tuple[SeenPod, ...] = ()
    workloads: tuple[SeenWorkload, ...] = ()
    namespaces: frozenset[str] = frozenset()
    service: str = ""
    applications: frozenset[str] = frozenset()
    crds: frozenset[str] = field(default_factory=frozenset)

    def workload(self, kind: str, name: str) -> SeenWorkload | None:
        """Return the workload of that kind and name, in whichever namespace."""
        return next((one for one in self.workloads if (one.kind, one.name) == (kind, name)), None)


def observe(kubeconfig: Path | None, context: str | None) -> Observed:
    """Ask the cluster.

    Args:
        kubeconfig: None for the one that kubectl would take.
        context: None for the current one.

    Raises:
        OpsError: It cannot be asked, or does not answer within 30 s.
    """
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        file = None if kubeconfig is None else str(kubeconfig)
        api = config.new_client_from_config(config_file=file, context=context)
        return _observe(client, api)
    except (config.ConfigException, OSError) as error:
        raise OpsError(f"no kubeconfig to ask the cluster with: {error}; name one with --kubeconfig") from error
    except ApiException as error:
        raise OpsError(f"the cluster refuses: {error.status} {error.reason}; who asks must see everything") from error
    except HTTPError as error:
        raise OpsError(f"the cluster does not answer: {error}; see docs/runbooks/self-managed-access.md") from error


def _observe(client: Any, api: Any) -> Observed:
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    patience = {"_request_timeout": _SECONDS}
    service = core.read_namespaced_service("kubernetes", "default", **patience)
    crds = client.ApiextensionsV1Api(api).list_custom_resource_definition(**patience).items
    names = frozenset(crd.metadata.name for crd in crds)
    return Observed(
        nodes=tuple(_node(item) for item in core.list_node(**patience).items),
        pods=tuple(_pod(item) for item in core.list_pod_for_all_namespaces(**patience).items if _lives(item)),
        workloads=(
            *(_deployment(item) for item in apps.list_deployment_for_all_namespaces(**patience).items),
            *(_daemon_set(item) for item in apps.list_daemon_set_for_all_namespaces(**patience).items),
        ),
        namespaces=frozenset(item.metadata.name for item in core.list_namespace(**patience).items),
        service=f"{service.spec.cluster_ip}:{service.spec.ports[0].port}",
        applications=frozenset(_applications(client, api)) if "applications.argoproj.io" in names else frozenset(),
        crds=names,
    )


def _node(item: Any) -> SeenNode:
    conditions = item.status.conditions or []
    return SeenNode(
        name=item.metadata.name,
        ready=any((one.type, one.status) == ("Ready", "True") for one in conditions),
        version=item.status.node_info.kubelet_version,
        provider_id=item.spec.provider_id or "",
        labels=dict(item.metadata.labels or {}),
        taints=frozenset(
            f"{taint.key}={taint.value or ''}:{taint.effect}"
            for taint in item.spec.taints or []
            if not taint.key.startswith("node.kubernetes.io/")
        ),
    )


def _pod(item: Any) -> SeenPod:
    return SeenPod(
        namespace=item.metadata.namespace,
        name=item.metadata.name,
        node=item.spec.node_name,
        phase=item.status.phase,
        selector=dict(item.spec.node_selector or {}),
    )


def _lives(item: Any) -> bool:
    return item.status.phase not in ("Succeeded", "Failed") and item.metadata.deletion_timestamp is None


def _deployment(item: Any) -> SeenWorkload:
    return SeenWorkload(
        kind="Deployment",
        namespace=item.metadata.namespace,
        name=item.metadata.name,
        ready=item.status.ready_replicas or 0,
        wanted=item.spec.replicas,
        labels=dict(item.metadata.labels or {}),
    )


def _daemon_set(item: Any) -> SeenWorkload:
    return SeenWorkload(
        kind="DaemonSet",
        namespace=item.metadata.namespace,
        name=item.metadata.name,
        ready=item.status.number_ready or 0,
        wanted=item.status.desired_number_scheduled or 0,
        labels=dict(item.metadata.labels or {}),
    )


def _applications(client: Any, api: Any) -> Iterator[str]:
    found = client.CustomObjectsApi(api).list_cluster_custom_object(
        "argoproj.io", "v1alpha1", "applications", _request_timeout=_SECONDS
    )
    for item in found["items"]:
        yield item["metadata"]["name"]

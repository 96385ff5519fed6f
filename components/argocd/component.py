"""Argo CD's release and the root Application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.argocd.chart_values import argocd_values, login_values, oidc_config
from components.argocd.handover import ChartHandover, Handover

_API = "argoproj.io/v1alpha1"
_NAMESPACE = "argocd"
_TREE = "gitops/bootstrap"
_POD_SECURITY = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "restricted"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginClient:
    """Argo CD as the client of a user pool.

    Attributes:
        url: Where people find Argo CD; the pool lets `<url>/auth/callback` in.
        issuer: URL that the pool's tokens name.
        client_id: Not a secret; the client's secret never comes this way.
        logout_url: Where the pool's own session ends.
    """

    url: str
    issuer: pulumi.Input[str]
    client_id: pulumi.Input[str]
    logout_url: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArgoCDArgs:
    """What Argo CD needs to know.

    Attributes:
        chart: Repository and version of the argo-cd chart.
        handover: What the root Application passes on.
        ready: What the release needs to begin: the way into the cluster's API, and the add-ons that come before nodes.
            Not the nodes: the release comes beside them, and its pods wait for them.
        after: What must live as long as the tree does: network, nodes, add-ons, the controllers' AWS side.
        protect: Whether Pulumi refuses to delete the root Application. It is what a destroy begins with, so a destroy
            that was not meant ends before it has taken anything away.
        login: How people come in; without it nobody does but the initial administrator.
        node_selector: Labels of the nodes that Argo CD's pods run on; without, wherever no taint forbids it.
    """

    chart: ChartHandover
    handover: Handover
    ready: Sequence[pulumi.Resource]
    after: Sequence[pulumi.Resource]
    protect: bool = False
    login: LoginClient | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)


class ArgoCD(pulumi.ComponentResource):
    """Argo CD, which comes beside the nodes, and over it the root Application, which comes after everything.

    Destroy runs backwards: the root goes first, and its finalizer makes Argo CD take the tree down in reverse wave
    order while the nodes and the controllers that the tree needs still live. The release and its namespace then go
    beside the nodes, before the way into the API does.

    Attributes:
        namespace: Where Argo CD and the Applications live.
        root: The root Application, as `namespace/name`.
    """

    namespace: pulumi.Output[str]
    root: pulumi.Output[str]

    def __init__(self, name: str, args: ArgoCDArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:argocd:ArgoCD", name, None, opts)
        release = self._create_release(name, args)
        root = self._create_root(name, args, release)
        self.namespace = release.status.namespace
        self.root = root.id
        self.register_outputs({"namespace": self.namespace, "root": self.root})

    def _create_release(self, name: str, args: ArgoCDArgs) -> Release:
        # The SDK's class for it lies in a module that takes a quarter of a second to import, in every run.
        namespace = pulumi.CustomResource(
            "kubernetes:core/v1:Namespace",
            f"{name}-namespace",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE, "labels": _POD_SECURITY}},
            # Everything else follows the namespace, so on destroy nobody has to delete it without access to the API.
            pulumi.ResourceOptions(parent=self, depends_on=list(args.ready)),
        )
        return Release(
            f"{name}-release",
            name="argocd",
            namespace=namespace.id,
            chart="argo-cd",
            version=args.chart.version,
            repository_opts=RepositoryOptsArgs(repo=args.chart.repository),
            values=argocd_values(args.handover.registry, _login(args.login), args.node_selector),
            # A release that failed half-way is rolled on by the next `up`, not hidden.
            atomic=False,
            # The nodes' coming is in it: three minutes at most, and 204 s are the longest that the release itself was
            # seen to take (sandbox/durations/table.yaml).
            timeout=600,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_root(self, name: str, args: ArgoCDArgs, release: Release) -> CustomResource:
        project = CustomResource(
            f"{name}-project",
            api_version=_API,
            kind="AppProject",
            metadata=ObjectMetaArgs(name="bootstrap", namespace=_NAMESPACE),
            spec=_bootstrap_project(args.handover),
            # On destroy the root, which follows this, and the tree are gone before anything that the tree needs.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[release, *args.after]),
        )
        return CustomResource(
            f"{name}-root",
            api_version=_API,
            kind="Application",
            metadata=ObjectMetaArgs(
                name="root", namespace=_NAMESPACE, finalizers=["resources-finalizer.argocd.argoproj.io"]
            ),
            spec=_root_spec(args.handover),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect or None,
                depends_on=[project],
                # Load balancers and nodes have to go before their controllers do: minutes, not seconds.
                custom_timeouts=pulumi.CustomTimeouts(delete="45m"),
            ),
        )


def _login(client: LoginClient | None) -> dict[str, Any] | None:
    if client is None:
        return None
    known = pulumi.Output.all(client.issuer, client.client_id, client.logout_url)
    return login_values(client.url, known.apply(lambda values: oidc_config(*values)))


def _bootstrap_project(handover: Handover) -> dict[str, Any]:
    """Return the project that may hold projects, Applications and sets of them of this one repository, nothing else."""
    return {
        "description": "The root Application: projects, Applications and sets of them, nothing else.",
        "sourceRepos": [handover.repository.url],
        "destinations": [{"server": "https://kubernetes.default.svc", "namespace": _NAMESPACE}],
        "clusterResourceWhitelist": [],
        "namespaceResourceWhitelist": [
            {"group": "argoproj.io", "kind": "AppProject"},
            {"group": "argoproj.io", "kind": "Application"},
            {"group": "argoproj.io", "kind": "ApplicationSet"},
        ],
    }


def _root_spec(handover: Handover) -> dict[str, Any]:
    return {
        "project": "bootstrap",
        "source": {
            "repoURL": handover.repository.url,
            "targetRevision": handover.repository.revision,
            "path": _TREE,
            "helm": {"valuesObject": handover.values()},
        },
        "destination": {"server": "https://kubernetes.default.svc", "namespace": _NAMESPACE},
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            # About 22 minutes, to outlast a slow start. Not for ever: a sync keeps the values it began with through all
            # its retries, so an endless one would never take a corrected hand-over.
            "retry": {"limit": 25, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1m"}, "refresh": True},
        },
    }

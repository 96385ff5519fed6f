"""What a self-managed cluster needs inside before GitOps can begin: pod network, cloud controller, CSR approver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import pulumi
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.argocd.handover import ChartHandover
from components.self_managed.addon_values import calico_values, cloud_controller_values, csr_approver_values
from components.self_managed.spec import ClusterSpec

_CALICO = "tigera-operator"
_SYSTEM = "kube-system"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterAddonsArgs:
    """What the add-ons need to know.

    Attributes:
        spec: The cluster.
        vpc_cidr: Where its nodes have their addresses.
        charts: Repository and version by the chart's name.
        registry: Holds copies of the images under their publishers' paths; none if nodes reach those.
        api_ready: Returns once the API answers; runs before the first object is made.
        after: What the API needs to come up, so that a failure of it ends the run before anybody waits for that.
    """

    spec: ClusterSpec
    vpc_cidr: IPv4Network
    charts: Mapping[str, ChartHandover]
    registry: str | None = None
    api_ready: pulumi.ResourceHook
    after: Sequence[pulumi.Resource] = ()


class ClusterAddons(pulumi.ComponentResource):
    """The add-ons without which no pod can run; the program owns them for good, Argo CD none of them.

    All come at once, but Calico's CRDs before its operator. They are forgotten rather than deleted, and go with the
    machines: a node is drained over its pod network, and a cluster whose API is dead can still be destroyed.

    Attributes:
        network: Complete when Calico's operator runs; nodes become Ready soon after.
        ready: Everything, complete when the add-ons run on nodes.
    """

    network: pulumi.Resource
    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: ClusterAddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the add-ons."""
        super().__init__("platform:self_managed:ClusterAddons", name, None, opts)
        self._args = args
        # The SDK's class for it lies in a module that takes a quarter of a second to import, in every run.
        namespace = pulumi.CustomResource(
            "kubernetes:core/v1:Namespace",
            f"{name}-calico-namespace",
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                # The operator runs in its node's network.
                "metadata": {"name": _CALICO, "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
            },
            pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                retain_on_delete=True,
                hooks=pulumi.ResourceHookBinding(before_create=[args.api_ready]),
            ),
        )
        crds = self._release(f"{name}-calico-crds", "crd.projectcalico.org.v1", _CALICO, {}, [namespace], "calico-crds")
        calico = calico_values(args.spec, args.registry)
        self.network = self._release(f"{name}-calico", _CALICO, _CALICO, calico, [crds])
        cloud = cloud_controller_values(args.spec, args.registry)
        approver = csr_approver_values(args.spec, args.vpc_cidr, args.registry)
        self.ready = [
            self.network,
            self._release(f"{name}-cloud-controller", "aws-cloud-controller-manager", _SYSTEM, cloud, [namespace]),
            self._release(f"{name}-csr-approver", "kubelet-csr-approver", _SYSTEM, approver, [namespace]),
        ]
        self.register_outputs({})

    def _release(
        self,
        name: str,
        chart: str,
        namespace: str,
        values: Mapping[str, Any],
        after: Sequence[pulumi.Resource],
        release: str | None = None,
    ) -> Release:
        return Release(
            name,
            name=release or chart,
            namespace=namespace,
            chart=chart,
            version=self._args.charts[chart].version,
            repository_opts=RepositoryOptsArgs(repo=self._args.charts[chart].repository),
            values=dict(values),
            # A release that failed half-way is rolled on by the next `up`, not hidden.
            atomic=False,
            # Workers may still be booting when it begins: their packages alone take minutes.
            timeout=600,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after), retain_on_delete=True),
        )

"""What a kubelet may not say of its own node: its role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from components.self_managed.spec import ClusterSpec, NodeSpec, Role

INSTANCE_ID: Final = "platform/instance-id"
# A control plane's role is kubeadm's to give, and an infrastructure node shows none.
_SHOWN: Final[frozenset[Role]] = frozenset({"api", "worker"})


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeRolesArgs:
    """What the nodes' roles need to know.

    Attributes:
        spec: The cluster.
        instance_ids: Machine by node.
        node_ready: Returns once the node named in the inputs is what the cluster's spec asks for; runs before each
            node is written to.
        after: What nodes need to become Ready, so that a failure of it ends the run before anybody waits for them.
    """

    spec: ClusterSpec
    instance_ids: Mapping[str, pulumi.Input[str]]
    node_ready: pulumi.ResourceHook
    after: Sequence[pulumi.Resource] = ()


class NodeRoles(pulumi.ComponentResource):
    """One patch per node, made once the node is there and as it should be.

    The API server refuses a kubelet that gives itself a label of kubernetes.io's
    (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction). The machine's id
    stands beside the label: another machine under the same name is another node, which gets its label again.

    Attributes:
        ready: Complete when every node is Ready and has its role.
    """

    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: NodeRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the patches."""
        super().__init__("platform:self_managed:NodeRoles", name, None, opts)
        hooks = pulumi.ResourceHookBinding(before_create=[args.node_ready], before_update=[args.node_ready])
        self.ready = [
            # The SDK's class for it lies in a module that takes a quarter of a second to import, in every run.
            pulumi.CustomResource(
                "kubernetes:core/v1:NodePatch",
                f"{name}-{node.name}",
                _patch(node, args.instance_ids[node.name]),
                # Labels go with their node. A delete would apply a patch without them, and so make an empty node anew
                # where the real one has gone.
                pulumi.ResourceOptions(parent=self, depends_on=list(args.after), hooks=hooks, retain_on_delete=True),
            )
            for node in args.spec.nodes
        ]
        self.register_outputs({})


def _patch(node: NodeSpec, instance_id: pulumi.Input[str]) -> dict[str, Any]:
    labels = {f"node-role.kubernetes.io/{node.role}": ""} if node.role in _SHOWN else {}
    # A label that somebody put there by hand is taken over, not a conflict.
    annotations = {INSTANCE_ID: instance_id, "pulumi.com/patchForce": "true"}
    metadata = {"name": node.name, "annotations": annotations, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}

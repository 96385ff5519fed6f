"""What the cluster that pulumi-eks makes gets beyond the component's inputs (pulumi-eks 4.4.0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pulumi

_CLUSTER: Final = "aws:eks/cluster:Cluster"

Transform = Callable[[pulumi.ResourceTransformArgs], pulumi.ResourceTransformResult | None]


def complete_cluster(*, protect: bool, zonal_shift: bool = True) -> Transform:
    """Return a transform for the remote component, which says of its cluster what the component has no input for.

    - Zonal shift, where the partition has it: AWS may move traffic out of a failing zone.
    - Whoever creates the cluster gets no access by that; only access entries open it. EKS fixes this at creation.
    - Its subnets stay those of its beginning: EKS takes no others' zones
      (https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html), and a zone that comes later is for nodes.
    - Pulumi's protection, if wanted, holds the cluster alone. On the component it would hold the access entries as
      well, and nobody's access could be taken away any more.

    The engine calls it for each child, with inputs as they go over the wire: in camelCase
    (https://www.pulumi.com/docs/iac/concepts/resources/options/transforms/).
    """
    own = pulumi.ResourceOptions(protect=protect or None, ignore_changes=["vpcConfig.subnetIds"])

    def complete(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != _CLUSTER:
            return None
        return pulumi.ResourceTransformResult(
            props=_completed(args.props, zonal_shift),
            opts=pulumi.ResourceOptions.merge(args.opts, own),
        )

    return complete


def _completed(props: pulumi.Inputs, zonal_shift: bool) -> dict[str, Any]:
    inputs: dict[str, Any] = dict(props)
    access = {**inputs.get("accessConfig", {}), "bootstrapClusterCreatorAdminPermissions": False}
    shift = {"zonalShiftConfig": {"enabled": True}} if zonal_shift else {}
    return {**inputs, "accessConfig": access, **shift}

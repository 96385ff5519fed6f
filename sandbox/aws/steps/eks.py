"""Steps of EKS."""

from __future__ import annotations

from typing import Any

from sandbox.aws.codec import encode
from sandbox.aws.compare import same
from sandbox.aws.session import Scope, Session

__all__ = ["addon_associations", "find_association", "update_config", "update_vpc_config"]

# The API changes one kind of these in a call.
VPC_PARTS = (
    ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs"),
    ("subnetIds",),
    ("securityGroupIds",),
    ("controlPlaneEgressMode",),
)


def update_config(session: Session, scope: Scope) -> None:
    """Change labels and taints by difference and the rest by value, as the API wants it."""
    shape = session.caller.shape("eks", session.region, "update_nodegroup_config")
    params: dict[str, Any] = {"clusterName": scope["clusterName"], "nodegroupName": scope["nodeGroupName"]}
    old, new = scope.olds.get("labels") or {}, scope["labels"] or {}
    params["labels"] = {
        "addOrUpdateLabels": {name: text for name, text in new.items() if old.get(name) != text},
        "removeLabels": sorted(old.keys() - new.keys()),
    }
    before, after = scope.olds.get("taints") or [], scope["taints"] or []
    params["taints"] = {
        "addOrUpdateTaints": [taint for taint in after if not any(same(taint, other) for other in before)],
        "removeTaints": [taint for taint in before if not any(same(taint, other) for other in after)],
    }
    for name in ("scalingConfig", "updateConfig", "nodeRepairConfig"):
        if not same(scope.olds.get(name), scope[name]):
            params[name] = encode(scope[name], shape.members[name], name)
    session.call(
        "update_nodegroup_config",
        **{
            name: value
            for name, value in params.items()
            if value and any([value] if isinstance(value, str) else value.values())
        },
    )


def update_vpc_config(session: Session, scope: Scope) -> None:
    """Change how the control plane sits in the VPC, one kind of change after the other."""
    old, new = scope.olds.get("vpcConfig") or {}, scope["vpcConfig"] or {}
    for names in VPC_PARTS:
        if all(same(old.get(name), new.get(name)) for name in names):
            continue
        part = {name: new[name] for name in names if new.get(name) is not None}
        session.call("update_cluster_config", name=scope["name"], resourcesVpcConfig=part or {names[0]: []})


def find_association(session: Session, scope: Scope) -> dict[str, Any] | None:
    """Return a Pod Identity association by its id alone: an imported one comes without its cluster."""
    clusters = [scope["clusterName"]] if scope["clusterName"] else session.call("list_clusters")["clusters"]
    for cluster in clusters:
        found = session.call("list_pod_identity_associations", clusterName=cluster)["associations"]
        if scope["id"] in [one["associationId"] for one in found]:
            answer = session.call("describe_pod_identity_association", clusterName=cluster, associationId=scope["id"])
            return dict(answer["association"])
    return None


def addon_associations(session: Session, scope: Scope) -> dict[str, Any]:
    """Return an add-on's Pod Identity associations by role and service account; the add-on itself knows their ARNs."""
    addon = session.call("describe_addon", clusterName=scope["clusterName"], addonName=scope["addonName"])["addon"]
    found = []
    for arn in addon.get("podIdentityAssociations", []):
        unique = arn.rpartition("/")[2]
        params = {"clusterName": scope["clusterName"], "associationId": unique}
        one = session.call("describe_pod_identity_association", **params)["association"]
        found.append({"roleArn": one["roleArn"], "serviceAccount": one["serviceAccount"]})
    return {"podIdentityAssociations": found}

"""Managed node groups of the EKS API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.aws.effects import NodeGroupSpec
from sandbox.aws.eks_api import surroundings
from sandbox.aws.eks_api.catalog import VERSIONS
from sandbox.aws.eks_api.node_config import kubelet_configuration
from sandbox.aws.eks_api.refusal import EksError, in_use, invalid, rejected
from sandbox.aws.eks_api.state import Record, State, arn, new_update, now

__all__ = ["NodeGroups"]

Params = Mapping[str, Any]

# A pinned release stands for the newest one, which a real account looks up.
RELEASE_DATE = "20261110"
# EKS puts labels of its own under this prefix.
RESERVED_LABELS = ("eks.amazonaws.com/",)


class NodeGroups:
    """Operations on managed node groups."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create_nodegroup(self, region: str, params: Params) -> Record:
        """Create a node group and bring its nodes up."""
        cluster, name = params["clusterName"], params["nodegroupName"]
        with self.state.lock:
            owner = self.state.get("cluster", region, cluster)
            if owner["status"] != "ACTIVE":
                raise rejected(f"Cluster '{cluster}' is not in ACTIVE status")
            if (cluster, name) in self.state.kind("nodegroup", region):
                raise in_use(f"NodeGroup already exists with name {name} and cluster name {cluster}")
            record, data = _record(region, owner, params)
            self.state.kind("nodegroup", region)[cluster, name] = record
        try:
            self._nodes(region, record, data)
        except Exception as error:
            del self.state.kind("nodegroup", region)[cluster, name]
            raise EksError("ServerException", 500, f"nodes of {name} could not be created: {error}") from error
        record["status"] = "ACTIVE"
        return {"nodegroup": record}

    def describe_nodegroup(self, region: str, params: Params) -> Record:
        """Return a node group."""
        return {"nodegroup": self.state.get("nodegroup", region, params["clusterName"], params["nodegroupName"])}

    def list_nodegroups(self, region: str, params: Params) -> Record:
        """Return the names of a cluster's node groups."""
        self.state.get("cluster", region, params["clusterName"])
        return {
            "nodegroups": sorted(
                record["nodegroupName"] for record in self.state.of("nodegroup", region, params["clusterName"])
            )
        }

    def delete_nodegroup(self, region: str, params: Params) -> Record:
        """Delete a node group and its nodes."""
        cluster, name = params["clusterName"], params["nodegroupName"]
        record = self.state.get("nodegroup", region, cluster, name)
        record["status"] = "DELETING"
        if self.state.effects:
            self.state.effects.node_group_deleted(cluster, name)
        with self.state.lock:
            self.state.kind("nodegroup", region).pop((cluster, name), None)
        return {"nodegroup": record}

    def update_nodegroup_config(self, region: str, params: Params) -> Record:
        """Change labels, taints and sizes."""
        with self.state.lock:
            record = self.state.get("nodegroup", region, params["clusterName"], params["nodegroupName"])
            scaling = {**record["scalingConfig"], **(params.get("scalingConfig") or {})}
            _check_scaling(scaling)
            labels = params.get("labels") or {}
            _check_labels(labels.get("addOrUpdateLabels") or {})
            kept = {
                name: text for name, text in record["labels"].items() if name not in (labels.get("removeLabels") or [])
            }
            record["labels"] = {**kept, **(labels.get("addOrUpdateLabels") or {})}
            record["taints"] = _taints(record["taints"], params.get("taints") or {})
            record.update(scalingConfig=scaling, modifiedAt=now())
            record.update({name: params[name] for name in ("updateConfig", "nodeRepairConfig") if params.get(name)})
        self._nodes(region, record, _data(region, record))
        return new_update("ConfigUpdate")

    def update_nodegroup_version(self, region: str, params: Params) -> Record:
        """Move a node group to another Kubernetes version or launch template version."""
        with self.state.lock:
            record = self.state.get("nodegroup", region, params["clusterName"], params["nodegroupName"])
            owner = self.state.get("cluster", region, params["clusterName"])
            version = params.get("version") or record["version"]
            _check_version(owner, version)
            if params.get("launchTemplate"):
                record["launchTemplate"], _ = surroundings.template(region, params["launchTemplate"])
            _check_release(version, params.get("releaseVersion"))
            release = params.get("releaseVersion") or f"{version}.0-{RELEASE_DATE}"
            record.update(version=version, releaseVersion=release, modifiedAt=now())
        return new_update("VersionUpdate")

    def _nodes(self, region: str, record: Record, data: Params) -> None:
        _, zones = surroundings.zones(region, record["subnets"])
        spec = NodeGroupSpec(
            cluster=record["clusterName"],
            name=record["nodegroupName"],
            instance_type=surroundings.instance_type_of(record.get("instanceTypes") or [], data),
            desired=record["scalingConfig"]["desiredSize"],
            labels=dict(record["labels"]),
            taints=tuple(record["taints"]),
            zones=tuple(zones),
            capacity_type=record["capacityType"],
            region=region,
            kubelet=kubelet_configuration(str(data.get("UserData") or "")),
            prefix_delegation=self._prefixes(region, record["clusterName"]),
        )
        if self.state.effects:
            self.state.effects.node_group_created(spec)

    def _prefixes(self, region: str, cluster: str) -> bool:
        found = self.state.kind("addon", region).get((cluster, "vpc-cni"), {})
        environment = json.loads(found.get("configurationValues") or "{}").get("env") or {}
        return str(environment.get("ENABLE_PREFIX_DELEGATION")) == "true"


def _record(region: str, owner: Record, params: Params) -> tuple[Record, Params]:
    data = _check_new(region, owner, params)
    version = params.get("version") or owner["version"]
    custom_image = bool(data.get("ImageId"))
    unique = str(uuid.uuid4())
    record: Record = {
        "nodegroupName": params["nodegroupName"],
        "nodegroupArn": arn(region, f"nodegroup/{params['clusterName']}/{params['nodegroupName']}/{unique}"),
        "clusterName": params["clusterName"],
        "version": version,
        "releaseVersion": params.get("releaseVersion") or ("" if custom_image else f"{version}.0-{RELEASE_DATE}"),
        "createdAt": now(),
        "modifiedAt": now(),
        "status": "CREATING",
        "capacityType": params.get("capacityType") or "ON_DEMAND",
        "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 2, **(params.get("scalingConfig") or {})},
        "instanceTypes": params.get("instanceTypes") or ([] if data.get("InstanceType") else ["t3.medium"]),
        "subnets": params["subnets"],
        "amiType": params.get("amiType") or ("CUSTOM" if custom_image else "AL2023_x86_64_STANDARD"),
        "nodeRole": params["nodeRole"],
        "labels": dict(params.get("labels") or {}),
        "taints": list(params.get("taints") or []),
        "resources": {"autoScalingGroups": [{"name": f"eks-{params['nodegroupName']}-{unique}"}]},
        "health": {"issues": []},
        "updateConfig": params.get("updateConfig") or {"maxUnavailable": 1},
        "tags": dict(params.get("tags") or {}),
    }
    for name in ("remoteAccess", "nodeRepairConfig", "warmPoolConfig"):
        if params.get(name):
            record[name] = params[name]
    if params.get("launchTemplate"):
        record["launchTemplate"], _ = surroundings.template(region, params["launchTemplate"])
    else:
        record["diskSize"] = params.get("diskSize") or 20
    return record, data


def _check_new(region: str, owner: Record, params: Params) -> Params:
    surroundings.require_role(params["nodeRole"], "nodeRole", "ec2.amazonaws.com")
    vpc_id, _ = surroundings.zones(region, params["subnets"])
    expected = owner["resourcesVpcConfig"]["vpcId"]
    if vpc_id != expected:
        raise invalid(f"Subnets are not in the same VPC as the cluster. Please specify subnets from {expected}.")
    version = params.get("version") or owner["version"]
    _check_version(owner, version)
    _check_release(version, params.get("releaseVersion"))
    _check_scaling({"minSize": 1, "maxSize": 2, "desiredSize": 2, **(params.get("scalingConfig") or {})})
    _check_labels(params.get("labels") or {})
    data = surroundings.template(region, params["launchTemplate"])[1] if params.get("launchTemplate") else {}
    if params.get("launchTemplate"):
        _check_template(params, data)
    types = params.get("instanceTypes") or [data.get("InstanceType") or "t3.medium"]
    unknown = sorted(set(types) - surroundings.instance_types(region))
    if unknown:
        raise invalid(f"The following supplied instance types do not exist: {unknown}")
    return data


def _check_template(params: Params, data: Params) -> None:
    if params.get("diskSize"):
        raise invalid("Disk size must be specified within the launch template.")
    if params.get("remoteAccess"):
        raise invalid("Remote access configuration cannot be specified with a launch template.")
    if params.get("instanceTypes") and data.get("InstanceType"):
        raise invalid(
            "Instance types must be specified in either the launch template or in the API request, not in both."
        )
    if data.get("IamInstanceProfile"):
        raise invalid(
            "Launch template should not specify an instance profile. "
            "The noderole in your request will be used to construct an instance profile."
        )
    if data.get("ImageId") and (params.get("version") or params.get("releaseVersion")):
        raise invalid(
            "You cannot specify an image id within the launch template and specify a Kubernetes or AMI version."
        )


def _check_version(owner: Record, version: str) -> None:
    if version not in VERSIONS or VERSIONS.index(version) > VERSIONS.index(owner["version"]):
        raise invalid(
            f"Requested Nodegroup kubernetes version {version} is not supported by cluster version {owner['version']}"
        )


def _check_release(version: str, release: str | None) -> None:
    """Refuse the image of another minor (https://github.com/eksctl-io/eksctl/issues/7976)."""
    if release and not release.startswith(f"{version}."):
        raise invalid(f"Requested release version {release} is not valid for kubernetes version {version}.")


def _check_scaling(scaling: Params) -> None:
    low, wanted, high = scaling["minSize"], scaling["desiredSize"], scaling["maxSize"]
    if low > high:
        raise invalid(f"Minimum capacity {low} can't be greater than the maximum size {high}")
    if low > wanted:
        raise invalid(f"Minimum capacity {low} can't be greater than desired size {wanted}")
    if wanted > high:
        raise invalid(f"desired capacity {wanted} can't be greater than max size {high}")
    if high < 1:
        raise invalid("Maximum capacity must be at least 1")


def _check_labels(labels: Mapping[str, str]) -> None:
    wrong = [name for name in labels if name.startswith(RESERVED_LABELS)]
    if wrong:
        raise invalid(f"Label cannot contain reserved prefixes [eks.amazonaws.com]: {wrong}")


def _data(region: str, record: Record) -> Params:
    return surroundings.template(region, record["launchTemplate"])[1] if record.get("launchTemplate") else {}


def _taints(old: list[Record], change: Params) -> list[Record]:
    def key(taint: Params) -> tuple[Any, Any]:
        return taint.get("key"), taint.get("effect")

    gone = {key(taint) for taint in [*(change.get("removeTaints") or []), *(change.get("addOrUpdateTaints") or [])]}
    return [*(taint for taint in old if key(taint) not in gone), *(change.get("addOrUpdateTaints") or [])]

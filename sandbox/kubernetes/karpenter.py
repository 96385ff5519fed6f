"""How Karpenter judges its EC2NodeClasses and NodePools, as rows for `controllers`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.kubernetes.api import Manifest
from sandbox.kubernetes.controllers import Condition, Row, Surroundings, Verdict

_AWS_API: Final = "karpenter.k8s.aws/v1"
_API: Final = "karpenter.sh/v1"
_ALIAS: Final = re.compile(
    r"(al2|al2023|bottlerocket|windows2019|windows2022|windows2025)@(latest|v?[0-9]+([.-][0-9a-z]+)*)"
)


def judge_node_class(around: Surroundings, manifest: Manifest) -> Verdict:
    """Judge an EC2NodeClass: what its selectors find in AWS, and whether its role exists."""
    spec = manifest["spec"]
    ec2 = around.aws("ec2")
    subnets = _found(ec2.describe_subnets, "Subnets", "SubnetId", "subnet-id", spec.get("subnetSelectorTerms", []))
    terms = spec.get("securityGroupSelectorTerms", [])
    groups = _found(ec2.describe_security_groups, "SecurityGroups", "GroupId", "group-id", terms)
    conditions = (
        _matched("SubnetsReady", "SubnetsNotFound", "SubnetSelector did not match any Subnets", subnets),
        _matched(
            "SecurityGroupsReady",
            "SecurityGroupsNotFound",
            "SecurityGroupSelector did not match any SecurityGroups",
            groups,
        ),
        _images(ec2, spec.get("amiSelectorTerms", [])),
        _profile(around.aws("iam"), spec),
        Condition("PlacementGroupReady", True),
    )
    met = all(condition.status for condition in conditions)
    validated = Condition("ValidationSucceeded", True)
    if not met:
        validated = Condition("ValidationSucceeded", None, "DependenciesNotReady", "Awaiting the other conditions")
    status = {
        "subnets": [
            {"id": item["SubnetId"], "zone": item["AvailabilityZone"], "zoneID": item.get("AvailabilityZoneId", "")}
            for item in subnets
        ],
        "securityGroups": [{"id": item["GroupId"], "name": item["GroupName"]} for item in groups],
    }
    return Verdict(conditions=(*conditions, validated), status=status)


def judge_node_pool(around: Surroundings, manifest: Manifest) -> Verdict:
    """Judge a NodePool: whether the node class that it names is Ready."""
    name = manifest["spec"]["template"]["spec"]["nodeClassRef"]["name"]
    kind = around.api.kind(_AWS_API, "EC2NodeClass")
    node_class = around.api.get(kind, None, name) if kind else None
    ready = Condition("NodeClassReady", True)
    if node_class is None:
        ready = Condition("NodeClassReady", False, "NodeClassNotFound", f"EC2NodeClass {name} not found on cluster")
    elif "deletionTimestamp" in node_class["metadata"]:
        ready = Condition("NodeClassReady", False, "NodeClassTerminating", f"EC2NodeClass {name} is terminating")
    else:
        said = next(
            (one for one in (node_class.get("status") or {}).get("conditions", []) if one["type"] == "Ready"), None
        )
        if said is None or said["status"] == "Unknown":
            ready = Condition(
                "NodeClassReady", None, "NodeClassReadinessUnknown", f"EC2NodeClass {name} has not been judged"
            )
        elif said["status"] == "False":
            ready = Condition("NodeClassReady", False, said["reason"], said["message"])
    status = {"nodeClassObservedGeneration": node_class["metadata"]["generation"]} if node_class else {}
    return Verdict(conditions=(Condition("ValidationSucceeded", True), ready), status=status)


def _matched(kind: str, reason: str, message: str, found: Sequence[Any]) -> Condition:
    return Condition(kind, True) if found else Condition(kind, False, reason, message)


def _found(
    describe: Any, member: str, key: str, id_filter: str, terms: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return what any of the selector terms matches; within a term all of it must match."""
    found: dict[str, Mapping[str, Any]] = {}
    for term in terms:
        filters = [{"Name": id_filter, "Values": [term["id"]]}] if "id" in term else []
        filters += [{"Name": "group-name", "Values": [term["name"]]}] if "name" in term else []
        for name, value in (term.get("tags") or {}).items():
            filters.append(
                {"Name": "tag-key", "Values": [name]} if value == "*" else {"Name": f"tag:{name}", "Values": [value]}
            )
        found |= {item[key]: item for item in describe(Filters=filters)[member]}
    return [found[name] for name in sorted(found)]


def _images(ec2: Any, terms: Sequence[Mapping[str, Any]]) -> Condition:
    for term in terms:
        if "alias" in term:
            # Which images an alias means is published by AWS; the emulated one has none of them.
            if _ALIAS.fullmatch(term["alias"]):
                return Condition("AMIsReady", True)
            return Condition("AMIsReady", False, "UnsupportedAlias", f"alias {term['alias']} is not supported")
        wanted = {name: term[name] for name in ("id", "tags") if name in term}
        if _found(ec2.describe_images, "Images", "ImageId", "image-id", [wanted]):
            return Condition("AMIsReady", True)
    return Condition("AMIsReady", False, "AMINotFound", "AMISelector did not match any AMIs")


def _profile(iam: Any, spec: Mapping[str, Any]) -> Condition:
    try:
        if "instanceProfile" in spec:
            iam.get_instance_profile(InstanceProfileName=spec["instanceProfile"])
        else:
            iam.get_role(RoleName=spec["role"])
    except ClientError as error:
        said = str(error.response["Error"].get("Message", error))
        return Condition("InstanceProfileReady", False, "InstanceProfileNotReady", said)
    return Condition("InstanceProfileReady", True)


ROWS: Final = (
    Row(
        api_version=_AWS_API,
        kind="EC2NodeClass",
        controller="karpenter",
        namespace="kube-system",
        # The one that Karpenter adds goes once no NodeClaim refers to the class: `sandbox.provisioning.claims`.
        finalizers=(),
        judge=judge_node_class,
    ),
    Row(
        api_version=_API,
        kind="NodePool",
        controller="karpenter",
        namespace="kube-system",
        finalizers=("karpenter.sh/termination",),
        judge=judge_node_pool,
    ),
)

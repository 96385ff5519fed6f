"""NodeClaims from their launch to their end: an instance in EC2, a Node, and both gone again before the claim goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.kubernetes.api import Api, ApiError, Kind, Manifest
from sandbox.kubernetes.instance_types import allocatable, capacity, instance_type
from sandbox.provisioning.drain import Drain
from sandbox.provisioning.offers import HOSTNAME, POOL, TYPE, ZONE
from sandbox.provisioning.sight import NODE_CLASS, Sight, holds, leaves

FINALIZER: Final = "karpenter.sh/termination"
_CLASS_FINALIZER: Final = "karpenter.k8s.aws/termination"
# One of moto's images: those that an alias means are AWS's own, and the emulated one has none of them.
_IMAGE: Final = "ami-12c6146b"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose nodes they are.

    Attributes:
        cluster: Its name, as the controller is told.
        aws: Returns a client by the name of a service.
    """

    cluster: str
    aws: Any


class Claims:
    """Tends NodeClaims, one step further each round.

    Args:
        sight: The cluster.
        owner: Whose nodes they are.
    """

    def __init__(self, sight: Sight, owner: Owner) -> None:
        self._sight = sight
        self._api: Api = sight.api
        self._owner = owner
        self._drain = Drain(sight)

    def tend(self) -> None:
        """Bring every NodeClaim one step further, and let EC2NodeClasses go that none needs."""
        kind = self._api.kind("karpenter.sh/v1", "NodeClaim")
        if kind is None:
            return
        for node in self._sight.nodes:
            if leaves(node) and FINALIZER in (node["metadata"].get("finalizers") or []):
                self._delete_claim_of(kind, node["metadata"]["name"])
        for claim in self._sight.claims:
            self._step(kind, claim)
        self._classes()

    def _step(self, kind: Kind, claim: Manifest) -> None:
        node = self._node(claim)
        if leaves(claim):
            self._end(kind, claim, node)
        elif claim["spec"]["nodeClassRef"]["name"] not in self._sight.classes:
            return
        elif "providerID" not in claim.get("status", {}):
            self._launch(kind, claim)
        elif node is None and not holds(claim, "Registered"):
            self._register(kind, claim)
        elif node is None:
            # Somebody took the node away by force.
            self._api.delete(kind, None, claim["metadata"]["name"])
        elif holds(node, "Ready") and not holds(claim, "Ready"):
            self._say(kind, claim, {}, "Launched", "Registered", "Initialized", "Ready")

    # Launch --------------------------------------------------------------------------------------------------------

    def _launch(self, kind: Kind, claim: Manifest) -> None:
        labels, node_class = claim["metadata"]["labels"], self._class(claim)
        ec2 = self._owner.aws("ec2")
        zone, status, name = labels[ZONE], node_class["status"], claim["metadata"]["name"]
        ids = [one["id"] for one in status["subnets"] if one["zone"] == zone]
        if not ids:
            return
        subnets = ec2.describe_subnets(SubnetIds=ids)["Subnets"]
        roomiest = max(subnets, key=lambda one: int(one["AvailableIpAddressCount"]))
        tags = {
            **(node_class["spec"].get("tags") or {}),
            "Name": name,
            POOL: labels[POOL],
            "karpenter.sh/nodeclaim": name,
            NODE_CLASS: node_class["metadata"]["name"],
            f"kubernetes.io/cluster/{self._owner.cluster}": "owned",
            "eks:eks-cluster-name": self._owner.cluster,
        }
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = ec2.run_instances(
            ImageId=_IMAGE,
            InstanceType=labels[TYPE],
            MinCount=1,
            MaxCount=1,
            SubnetId=roomiest["SubnetId"],
            SecurityGroupIds=[one["id"] for one in status["securityGroups"]],
            TagSpecifications=[{"ResourceType": what, "Tags": listed} for what in ("instance", "volume")],
        )["Instances"][0]
        kubelet = node_class["spec"].get("kubelet") or {}
        machine = instance_type(labels[TYPE])
        change = {
            "providerID": f"aws:///{zone}/{made['InstanceId']}",
            "imageID": _IMAGE,
            "capacity": capacity(machine, kubelet).quantities(),
            "allocatable": allocatable(machine, kubelet).quantities(),
        }
        self._say(kind, claim, change, "Launched")

    def _register(self, kind: Kind, claim: Manifest) -> None:
        """Have the machine join, if EKS knows its role; else it never does."""
        if not self._may_join(self._class(claim)):
            return
        instance = self._instance(claim)
        if instance is None:
            self._api.delete(kind, None, claim["metadata"]["name"])
            return
        node = self._new_node(claim, instance)
        try:
            self._api.request("POST", "/api/v1/nodes", node)
        except ApiError as error:
            if error.status != 409:
                raise
        self._say(kind, claim, {"nodeName": node["metadata"]["name"]}, "Launched", "Registered")

    def _new_node(self, claim: Manifest, instance: Mapping[str, Any]) -> Manifest:
        metadata, status, address = claim["metadata"], claim["status"], instance["PrivateIpAddress"]
        region = metadata["labels"]["topology.kubernetes.io/region"]
        name = f"ip-{address.replace('.', '-')}.{region}.compute.internal"
        owner = {"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "name": metadata["name"], "uid": metadata["uid"]}
        machine = instance_type(metadata["labels"][TYPE])
        taints = [*(claim["spec"].get("taints") or []), *(claim["spec"].get("startupTaints") or [])]
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {**metadata["labels"], HOSTNAME: name, "karpenter.sh/registered": "true"},
                "finalizers": [FINALIZER],
                "ownerReferences": [{**owner, "blockOwnerDeletion": True}],
            },
            "spec": {"providerID": status["providerID"], "taints": taints},
            "status": {
                "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
                "capacity": {**status["capacity"], "ephemeral-storage": "20Gi"},
                "allocatable": {**status["allocatable"], "ephemeral-storage": "18Gi"},
                "nodeInfo": {
                    "architecture": machine.architecture,
                    "bootID": instance["InstanceId"],
                    "containerRuntimeVersion": "containerd://2.2.0",
                    "kernelVersion": "6.12.0",
                    "kubeProxyVersion": "",
                    "kubeletVersion": str(self._api.request("GET", "/version")["gitVersion"]),
                    "machineID": instance["InstanceId"],
                    "operatingSystem": "linux",
                    "osImage": "Amazon Linux 2023",
                    "systemUUID": instance["InstanceId"],
                },
            },
        }

    def _may_join(self, node_class: Manifest) -> bool:
        iam, eks = self._owner.aws("iam"), self._owner.aws("eks")
        spec = node_class["spec"]
        if "instanceProfile" in spec:
            profile = iam.get_instance_profile(InstanceProfileName=spec["instanceProfile"])["InstanceProfile"]
            role = profile["Roles"][0]["Arn"]
        else:
            role = iam.get_role(RoleName=spec["role"])["Role"]["Arn"]
        try:
            entry = eks.describe_access_entry(clusterName=self._owner.cluster, principalArn=role)["accessEntry"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return str(entry.get("type")) == "EC2_LINUX"

    # End -----------------------------------------------------------------------------------------------------------

    def _end(self, kind: Kind, claim: Manifest, node: Manifest | None) -> None:
        """Drain, then terminate, then let go: https://karpenter.sh/docs/concepts/disruption/#termination-controller."""
        if node is not None and not self._drain.empty(node):
            return
        if "providerID" in claim.get("status", {}) and (instance := self._instance(claim)):
            self._owner.aws("ec2").terminate_instances(InstanceIds=[instance["InstanceId"]])
        if node is not None:
            self._drain.remove(node["metadata"]["name"])
        kept = [one for one in claim["metadata"].get("finalizers") or [] if one != FINALIZER]
        self._api.patch(kind, None, claim["metadata"]["name"], {"metadata": {"finalizers": kept or None}})

    def _delete_claim_of(self, kind: Kind, node: str) -> None:
        for claim in self._sight.claims:
            if claim.get("status", {}).get("nodeName") == node and not leaves(claim):
                self._api.delete(kind, None, claim["metadata"]["name"])

    def _classes(self) -> None:
        """Hold every EC2NodeClass until no NodeClaim refers to it."""
        kind = self._api.kind("karpenter.k8s.aws/v1", "EC2NodeClass")
        used = {claim["spec"]["nodeClassRef"]["name"] for claim in self._sight.claims}
        for name, one in self._sight.classes.items():
            finalizers = one["metadata"].get("finalizers") or []
            others = [finalizer for finalizer in finalizers if finalizer != _CLASS_FINALIZER]
            wanted = others if leaves(one) and name not in used else [*others, _CLASS_FINALIZER]
            # A finalizer cannot be added any more to what is being deleted.
            if kind and sorted(wanted) != sorted(finalizers) and not (leaves(one) and len(wanted) > len(finalizers)):
                self._api.patch(kind, None, name, {"metadata": {"finalizers": wanted or None}})

    # Around --------------------------------------------------------------------------------------------------------

    def _class(self, claim: Manifest) -> Manifest:
        return self._sight.classes[claim["spec"]["nodeClassRef"]["name"]]

    def _node(self, claim: Manifest) -> Manifest | None:
        wanted = claim.get("status", {}).get("providerID")
        return next((one for one in self._sight.nodes if wanted and one["spec"].get("providerID") == wanted), None)

    def _instance(self, claim: Manifest) -> Mapping[str, Any] | None:
        identity = claim["status"]["providerID"].rpartition("/")[2]
        try:
            found = self._owner.aws("ec2").describe_instances(InstanceIds=[identity])["Reservations"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidInstanceID.NotFound":
                return None
            raise
        living = [one for reservation in found for one in reservation["Instances"]]
        return next((one for one in living if one["State"]["Name"] == "running"), None)

    def _say(self, kind: Kind, claim: Manifest, change: Mapping[str, Any], *conditions: str) -> None:
        before = {one["type"]: one for one in claim.get("status", {}).get("conditions") or []}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = {
            name: {"type": name, "status": "True", "reason": name, "message": "", "lastTransitionTime": now}
            for name in conditions
        }
        status = {**change, "conditions": [*{**said, **before}.values()]}
        self._api.patch(kind, None, claim["metadata"]["name"], {"status": status}, subresource="status")

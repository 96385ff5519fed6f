"""What Karpenter looks at: pods that wait, nodes, NodePools with what they may make, and volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sandbox.kubernetes.api import Api, Manifest
from sandbox.kubernetes.instance_types import allocatable, capacity
from sandbox.provisioning.amounts import Amount, number
from sandbox.provisioning.needs import Needs, Term, needs
from sandbox.provisioning.offers import HOSTNAME, POOL, Offer, offers
from sandbox.provisioning.packing import Machine, Pool, Room
from sandbox.provisioning.selection import Labels, all_match, lasting, tolerated

NODE_CLASS: Final = "karpenter.k8s.aws/ec2nodeclass"
_KARPENTER: Final = "karpenter.sh/v1"
_AWS: Final = "karpenter.k8s.aws/v1"
_NO_LIMIT: Final = 2**62


def holds(manifest: Mapping[str, Any], condition: str, status: str = "True") -> bool:
    """Say whether a condition of an object has this status."""
    found = (manifest.get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == (condition, status) for one in found)


def leaves(manifest: Mapping[str, Any]) -> bool:
    """Say whether an object is being deleted."""
    return "deletionTimestamp" in manifest["metadata"]


@dataclass(frozen=True)
class Sight:
    """The cluster at the beginning of a round; each kind is read when it is first asked for."""

    api: Api

    @cached_property
    def nodes(self) -> list[Manifest]:
        """All nodes."""
        return self._list("v1", "Node")

    @cached_property
    def pods(self) -> list[Manifest]:
        """All pods that have not ended."""
        return [
            pod
            for pod in self._list("v1", "Pod")
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        ]

    @cached_property
    def claims(self) -> list[Manifest]:
        """All NodeClaims."""
        return self._list(_KARPENTER, "NodeClaim")

    @cached_property
    def classes(self) -> dict[str, Manifest]:
        """All EC2NodeClasses by name."""
        return {one["metadata"]["name"]: one for one in self._list(_AWS, "EC2NodeClass")}

    @cached_property
    def waiting(self) -> list[Manifest]:
        """Pods for which the scheduler found no node, and a new one might help."""
        return [
            pod
            for pod in self.pods
            if not leaves(pod)
            and "nodeName" not in pod["spec"]
            and any(
                (one["type"], one["status"], one.get("reason")) == ("PodScheduled", "False", "Unschedulable")
                for one in (pod.get("status") or {}).get("conditions") or []
            )
            and not any(one["kind"] in ("DaemonSet", "Node") for one in pod["metadata"].get("ownerReferences") or [])
        ]

    def needs(self, pod: Manifest) -> Needs:
        """Read a pod with what its volumes ask for."""
        return needs(pod, list(self._volumes(pod)))

    def machines(self) -> list[Machine]:
        """Return the nodes that take pods, with what is on them."""
        ending = {one.get("status", {}).get("nodeName") for one in self.claims if leaves(one)}
        starting = {
            one.get("status", {}).get("nodeName"): one["spec"].get("startupTaints") or [] for one in self.claims
        }
        found = []
        for node in self.nodes:
            name, labels = node["metadata"]["name"], node["metadata"].get("labels") or {}
            if leaves(node) or name in ending or node["spec"].get("unschedulable"):
                continue
            taints = lasting(node["spec"].get("taints") or [], starting.get(name, []))
            pods = [pod for pod in self.pods if pod["spec"].get("nodeName") == name]
            labels = {**labels, "metadata.name": name}
            coming = self._daemons(labels, taints, {_owner(pod) for pod in pods})
            inside = [needs(pod) for pod in pods]
            used = sum((one.amount for one in (*inside, *coming)), Amount())
            room = Room(labels=labels, free=Amount.of(node["status"].get("allocatable") or {}))
            found.append(Machine(name=labels.get(HOSTNAME, name), rooms=(room,), pods=inside, taints=taints, used=used))
        return found

    def pools(self) -> list[Pool]:
        """Return the Ready NodePools, those of the highest weight first."""
        ready = [
            one
            for one in self._list(_KARPENTER, "NodePool")
            if holds(one, "Ready")
            and not leaves(one)
            and one["spec"]["template"]["spec"]["nodeClassRef"]["name"] in self.classes
        ]
        ready.sort(key=lambda one: (-int(one["spec"].get("weight") or 0), one["metadata"]["name"]))
        return [self._pool(one) for one in ready]

    def pool_manifest(self, name: str) -> Manifest:
        """Return a NodePool."""
        return next(one for one in self._list(_KARPENTER, "NodePool") if one["metadata"]["name"] == name)

    def _pool(self, manifest: Manifest) -> Pool:
        name, spec = manifest["metadata"]["name"], manifest["spec"]
        template = spec["template"]
        taints: Sequence[Mapping[str, Any]] = template["spec"].get("taints") or []
        node_class = self.classes[template["spec"]["nodeClassRef"]["name"]]
        zones = [subnet["zone"] for subnet in node_class.get("status", {}).get("subnets") or []]
        rooms = []
        for offer in offers(zones[0][:-1] if zones else "", zones):
            labels = pool_labels(manifest, offer)
            if all_match(labels, template["spec"].get("requirements") or []):
                rooms.append(self._room(offer, labels, taints, node_class["spec"].get("kubelet") or {}))
        return Pool(name=name, rooms=tuple(rooms), taints=taints, left=self._left(name, spec.get("limits") or {}))

    def _room(
        self, offer: Offer, labels: Labels, taints: Sequence[Mapping[str, Any]], kubelet: Mapping[str, Any]
    ) -> Room:
        taken = sum((one.amount for one in self._daemons(labels, taints, frozenset())), Amount())
        whole = capacity(offer.kind, kubelet)
        return Room(
            labels=labels,
            free=allocatable(offer.kind, kubelet, planning=True) - taken,
            whole=Amount(cpu=whole.cpu, memory=whole.memory, pods=1),
            offer=offer,
        )

    def _left(self, pool: str, limits: Mapping[str, Any]) -> Amount:
        """Return what the limits of a NodePool still allow; the number of nodes stands under `pods`."""
        most = Amount(
            cpu=round(number(limits["cpu"]) * 1000) if "cpu" in limits else _NO_LIMIT,
            memory=round(number(limits["memory"])) if "memory" in limits else _NO_LIMIT,
            pods=round(number(limits["nodes"])) if "nodes" in limits else _NO_LIMIT,
        )
        for claim in self.claims:
            if claim["metadata"].get("labels", {}).get(POOL) == pool:
                there = Amount.of(claim.get("status", {}).get("capacity") or {})
                most -= Amount(cpu=there.cpu, memory=there.memory, pods=1)
        return most

    def _daemons(
        self, labels: Labels, taints: Sequence[Mapping[str, Any]], there: frozenset[str] | set[str]
    ) -> Iterator[Needs]:
        """Yield the pods of DaemonSets that come to such a node, less those that are there."""
        for uid, needed in self._daemon_needs:
            fits = any(all_match(labels, term) for term in needed.node_terms)
            if uid not in there and fits and tolerated(taints, needed.tolerations):
                yield needed

    @cached_property
    def _daemon_needs(self) -> list[tuple[str, Needs]]:
        found = []
        for one in self._list("apps/v1", "DaemonSet"):
            template = one["spec"]["template"]
            metadata = {**one["metadata"], "labels": (template.get("metadata") or {}).get("labels") or {}}
            found.append((one["metadata"]["uid"], needs({"metadata": metadata, "spec": template["spec"]})))
        return found

    def _volumes(self, pod: Manifest) -> Iterator[Sequence[Term]]:
        for volume in pod["spec"].get("volumes") or []:
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if "ephemeral" in volume:
                name = f"{pod['metadata']['name']}-{volume['name']}"
            claim = self._claims_of_volumes.get((pod["metadata"]["namespace"], str(name)))
            bound = self._volumes_by_name.get((claim or {}).get("spec", {}).get("volumeName", ""))
            required = ((bound or {}).get("spec", {}).get("nodeAffinity") or {}).get("required")
            if required:
                yield [tuple(term.get("matchExpressions") or []) for term in required["nodeSelectorTerms"]]

    @cached_property
    def _claims_of_volumes(self) -> dict[tuple[str, str], Manifest]:
        found = self._list("v1", "PersistentVolumeClaim")
        return {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in found}

    @cached_property
    def _volumes_by_name(self) -> dict[str, Manifest]:
        return {one["metadata"]["name"]: one for one in self._list("v1", "PersistentVolume")}

    def _list(self, api_version: str, kind: str) -> list[Manifest]:
        found = self.api.kind(api_version, kind)
        return self.api.list(found) if found else []


def pool_labels(pool: Manifest, offer: Offer) -> Labels:
    """Return the labels of a node that a NodePool makes from an offer."""
    template = pool["spec"]["template"]
    fixed = {
        one["key"]: str(one["values"][0])
        for one in template["spec"].get("requirements") or []
        if one["operator"] == "In" and len(one["values"]) == 1
    }
    own = (template.get("metadata") or {}).get("labels") or {}
    named = {POOL: pool["metadata"]["name"], NODE_CLASS: template["spec"]["nodeClassRef"]["name"]}
    # What a machine is stands above what is asked of it: else every offer would fulfil a requirement of one value.
    return {**fixed, **own, **offer.labels, **named}


def _owner(pod: Manifest) -> str:
    return next((str(one["uid"]) for one in pod["metadata"].get("ownerReferences") or []), "")

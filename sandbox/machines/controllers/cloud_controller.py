"""The AWS cloud controller manager: introduces nodes by their instances, and removes those whose instance has gone.

https://github.com/kubernetes/cloud-provider-aws
"""

from __future__ import annotations

from typing import Final

from sandbox.kubernetes.api import MERGE, Manifest
from sandbox.machines.controllers.view import View, holds
from sandbox.machines.instance import Instance
from sandbox.machines.rights import Rights

_UNINITIALIZED: Final = "node.cloudprovider.kubernetes.io/uninitialized"
_OWNER: Final = "kubernetes.io/cluster/"
_NEEDED: Final = ("ec2:DescribeInstances", "ec2:DescribeRegions")


class CloudControllerError(Exception):
    """The controller ends at once; the message is what its log would say."""


def introduce(view: View) -> None:
    """Do the controller's work, if it runs. Raise `CloudControllerError` where the real one would end."""
    pods = view.running(k8s_app="aws-cloud-controller-manager")
    pod, own = next(((pod, one) for pod in pods if (one := view.instance_under(pod))), (None, None))
    if pod is None or own is None:
        return
    hops = int(own.described.get("MetadataOptions", {}).get("HttpPutResponseHopLimit", 1))
    if not pod["spec"].get("hostNetwork") and hops < 2:
        raise CloudControllerError(
            f"unable to read the instance metadata of {own.id}: off its network, hop limit {hops}"
        )
    cluster = _cluster(own)
    rights = Rights(view.aws(own.region), own.region)
    for action in _NEEDED:
        if not rights.allow(own.profile, action):
            raise CloudControllerError(f"the role of {own.id} is not authorized to perform {action}")
    for node in view.nodes:
        instance = view.instance_of(node)
        if instance is None:
            if not holds(node, "Ready"):
                _remove(view, node)
        # What belongs to another cluster is not found: the controller filters by the tag.
        elif _new(node) and f"{_OWNER}{cluster}" in instance.tags:
            _initialise(view, node, instance)


def _new(node: Manifest) -> bool:
    return any(taint["key"] == _UNINITIALIZED for taint in node["spec"].get("taints") or [])


def _cluster(own: Instance) -> str:
    named = [tag.removeprefix(_OWNER) for tag in own.tags if tag.startswith(_OWNER)]
    if len(named) != 1:
        found = "several cluster tags" if named else "no cluster tag"
        raise CloudControllerError(f"AWS cloud failed to find ClusterID: {found} on {own.id}")
    return named[0]


def _initialise(view: View, node: Manifest, instance: Instance) -> None:
    path = f"/api/v1/nodes/{node['metadata']['name']}"
    status = {"status": {"addresses": _addresses(instance)}}
    now = view.api.request("PATCH", f"{path}/status", status, content_type=MERGE)
    labels = {
        "node.kubernetes.io/instance-type": instance.type,
        "topology.kubernetes.io/region": instance.region,
        "topology.kubernetes.io/zone": instance.zone,
    }
    taints = [taint for taint in now["spec"].get("taints") or [] if taint["key"] != _UNINITIALIZED]
    # With the version that was just answered: a taint that comes in between is not lost.
    metadata = {"labels": labels, "resourceVersion": now["metadata"]["resourceVersion"]}
    view.api.request("PATCH", path, {"metadata": metadata, "spec": {"taints": taints}}, content_type=MERGE)


def _addresses(instance: Instance) -> list[Manifest]:
    dns = str(instance.described.get("PrivateDnsName", ""))
    found = [{"type": "InternalIP", "address": instance.address}]
    if public := instance.described.get("PublicIpAddress"):
        found.append({"type": "ExternalIP", "address": str(public)})
    return [*found, {"type": "InternalDNS", "address": dns}, {"type": "Hostname", "address": dns}]


def _remove(view: View, node: Manifest) -> None:
    if node["spec"].get("providerID"):
        view.api.request("DELETE", f"/api/v1/nodes/{node['metadata']['name']}")

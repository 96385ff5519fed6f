"""What outlives a machine: etcd's volume, and a cluster whose join token changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.machines import SETTINGS, ZONE, Lab, Wanted, until

pytestmark = pytest.mark.cluster

_MOUNT = {"/etc/systemd/system/kubelet.service.d/etcd.conf": "[Unit]\nRequiresMountsFor=/var/lib/etcd\n"}
_LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/later"
_TIMER = {SETTINGS.renewal: "[Timer]\nOnUnitInactiveSec=1min\n"}
MASTER = Wanted(name="master", control_plane=True, units=_MOUNT | _TIMER)


@pytest.fixture(scope="module")
def volume(lab: Lab) -> str:
    """A volume that outlives instances."""
    return str(lab.aws("ec2").create_volume(AvailabilityZone=ZONE, Size=8)["VolumeId"])


@pytest.fixture(scope="module")
def master(lab: Lab, volume: str) -> str:
    """A control plane with that volume."""
    identity = lab.run(MASTER)
    lab.wait_for_console(identity, "no volume is attached for /var/lib/etcd")
    lab.aws("ec2").attach_volume(VolumeId=volume, InstanceId=identity, Device="/dev/sdf")
    lab.wait_for_console(identity, "phase=done", timeout=180)
    return identity


def test_new_token_is_made_known_by_the_control_plane(lab: Lab, master: str) -> None:
    """A token that is only in the parameter joins nobody until the control plane has read it."""
    lab.put("/lab/join/token", "newone.0123456789abcdef", "join")
    worker = lab.run(Wanted(name="later"))
    lab.wait_for_console(worker, "phase=done")
    secret = lab.api.request("GET", "/api/v1/namespaces/kube-system/secrets/bootstrap-token-newone")
    assert {"expiration", "usage-bootstrap-authentication", "usage-bootstrap-signing"} <= secret["data"].keys()


def test_cluster_goes_on_where_its_volume_is(lab: Lab, master: str, volume: str) -> None:
    """A new control plane with the volume of the old one has the old cluster, and registers its own node."""
    lab.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}})
    lab.terminate(master)
    until(lambda: lab.control_plane.cluster is None, 60, lambda: "the cluster is still there")
    successor = lab.run(MASTER)
    lab.aws("ec2").attach_volume(VolumeId=volume, InstanceId=successor, Device="/dev/sdf")
    lab.wait_for_console(successor, "phase=done", timeout=180)
    assert lab.api.request("GET", "/api/v1/namespaces/kept")
    node: Any = lab.node("master")
    assert node["spec"]["providerID"].endswith(successor)
    before = _lease(lab)
    until(lambda: _lease(lab) > before, 60, lambda: "the worker's kubelet does not find its cluster again")


def _lease(lab: Lab) -> str:
    """Return when the worker's kubelet spoke last."""
    return str(lab.api.request("GET", _LEASE)["spec"]["renewTime"])

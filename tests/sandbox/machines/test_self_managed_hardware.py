"""What a node offers follows from its instance type and the cluster's KubeletConfiguration."""

from __future__ import annotations

import pytest

from sandbox.kubernetes.instance_types import instance_type
from sandbox.machines.hardware import Hardware
from sandbox.machines.kubelet import registration
from sandbox.machines.tls_bootstrap import JoinError

_SMALL = Hardware(kind=instance_type("t3.small"), disk_gib=30, instance="i-1", version="1.36.4")


def test_reservations_and_evictions_are_taken_off() -> None:
    """What system, Kubernetes and evictions keep is not allocatable; without a word the default eviction counts."""
    kubelet = {
        "systemReserved": {"cpu": "100m", "memory": "200Mi"},
        "kubeReserved": {"cpu": "0.1", "memory": "1Gi"},
        "evictionHard": {"memory.available": "10%"},
        "maxPods": 50,
    }
    capacity = _SMALL.kind.usable_mib
    assert _SMALL.capacity(kubelet) == {
        "cpu": "2",
        "memory": f"{capacity}Mi",
        "pods": "50",
        "ephemeral-storage": "30Gi",
    }
    found = _SMALL.allocatable(kubelet)
    assert found["cpu"] == "1800m"
    assert int(found["memory"].removesuffix("Mi")) == pytest.approx(capacity * 0.9 - 1224, abs=1)
    assert _SMALL.allocatable({})["memory"] == f"{capacity - 100}Mi"


def test_unreadable_quantity_is_refused() -> None:
    """A quantity that Kubernetes would not read stops the join."""
    with pytest.raises(JoinError, match="'lots' is not a quantity"):
        _SMALL.allocatable({"kubeReserved": {"memory": "lots"}})


def test_registration_reads_the_kubelets_flags() -> None:
    """Labels, provider id and address come from the flags, name and taints from kubeadm's section."""
    flags = {
        "node-labels": "a=b,c=",
        "provider-id": "aws:///z/i-1",
        "node-ip": "10.0.0.4",
        "cloud-provider": "external",
    }
    found = registration({"name": "one", "taints": [{"key": "k", "effect": "NoSchedule"}]}, flags, "host", "10.0.0.4")
    assert (found.name, found.labels, found.external_cloud) == ("one", {"a": "b", "c": ""}, True)
    assert registration({}, {"hostname-override": "over"}, "host", "10.0.0.4").name == "over"
    with pytest.raises(JoinError, match=r"node-ip 10\.0\.0\.4 is not an address of the machine"):
        registration({}, flags, "host", "10.0.0.5")

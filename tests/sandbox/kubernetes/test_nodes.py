"""Nodes of a managed node group, as their kubelets would register them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubernetes.instance_types import UnknownInstanceTypeError, instance_type
from sandbox.kubernetes.nodes import nodes
from tests.sandbox.kubernetes.conftest import ZONES, group


@pytest.mark.parametrize(
    ("name", "pods", "with_prefixes"),
    [
        ("t3.medium", 17, 110),
        ("t3.large", 35, 110),
        ("m6i.large", 29, 110),
        ("t3.micro", 4, 34),
        ("c7g.4xlarge", 234, 110),
    ],
)
def test_pods_follow_from_network_interfaces(name: str, pods: int, with_prefixes: int) -> None:
    """A node takes as many pods as its interfaces have addresses, up to 110 with prefixes."""
    kind = instance_type(name)
    assert kind.pods(prefix_delegation=False) == pods
    assert kind.pods(prefix_delegation=True) == with_prefixes


def test_an_unknown_type_names_the_table() -> None:
    """An instance type that the tables lack is an error that says where to add it."""
    with pytest.raises(UnknownInstanceTypeError, match=r"x9\.huge.*sandbox/kubernetes/instance_types\.py"):
        instance_type("x9.huge")


def test_a_node_has_the_labels_and_room_of_a_real_one() -> None:
    """A node carries EKS's labels, the group's own, its taints, and less room than its capacity."""
    taint = {"key": "dedicated", "value": "base", "effect": "NO_SCHEDULE"}
    node = next(nodes(group(taints=(taint,)), prefix_delegation=False, version="v1.36.4"))
    labels, status = node["metadata"]["labels"], node["status"]
    assert labels["eks.amazonaws.com/nodegroup"] == "base"
    assert labels["eks.amazonaws.com/capacityType"] == "ON_DEMAND"
    assert labels["node.kubernetes.io/instance-type"] == "t3.medium"
    assert labels["topology.kubernetes.io/region"] == "eu-west-1"
    assert labels["kubernetes.io/hostname"] == node["metadata"]["name"]
    assert labels["role"] == "base"
    assert node["spec"]["taints"] == [{"key": "dedicated", "value": "base", "effect": "NoSchedule"}]
    assert status["allocatable"]["cpu"] == "1930m"
    assert int(status["allocatable"]["memory"][:-2]) < int(status["capacity"]["memory"][:-2]) < 4096


def test_what_the_kubelet_is_told_decides_how_much_room_there_is() -> None:
    """Reserved and kept memory count, and `maxPods` as far as there are addresses."""
    kubelet = {
        "maxPods": 58,
        "kubeReserved": {"memory": "893Mi"},
        "systemReserved": {"cpu": "200m", "memory": "200Mi"},
        "evictionHard": {"memory.available": "5%"},
    }
    prefixes = group(kubelet=kubelet, prefix_delegation=True)
    status = next(nodes(prefixes, prefix_delegation=False, version="v1"))["status"]
    assert status["allocatable"] == {"cpu": "1730m", "memory": "2505Mi", "pods": "58", "ephemeral-storage": "18Gi"}
    single = next(nodes(group(kubelet=kubelet), prefix_delegation=False, version="v1"))["status"]
    assert single["allocatable"]["pods"] == "17"


@given(st.integers(1, 20))
def test_zones_are_used_evenly_and_growth_changes_no_node(desired: int) -> None:
    """Zones differ by one node at most, and one node more leaves the others as they are."""
    made = list(nodes(group(desired=desired), prefix_delegation=False, version="v1"))
    counts = [sum(node["metadata"]["labels"]["topology.kubernetes.io/zone"] == zone for node in made) for zone in ZONES]
    assert max(counts) - min(counts) <= 1
    assert len({node["metadata"]["name"] for node in made}) == desired
    assert list(nodes(group(desired=desired + 1), prefix_delegation=False, version="v1"))[:desired] == made

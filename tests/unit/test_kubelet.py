"""What nodes are told: the arithmetic, the consistency of the kubelet's values, and the user data as it goes out."""

from __future__ import annotations

import base64
import json
import os
from email import message_from_string
from pathlib import Path

import pytest

from components.eks import documents, kubelet

GOLDEN = Path(__file__).parent.parent / "golden" / "node-config.mime"


@pytest.mark.parametrize(("pods", "memory"), [(17, 442), (110, 1465), (250, 3005)])
def test_memory_is_reserved_for_the_pods_announced(pods: int, memory: int) -> None:
    """255 MiB and 11 more for each pod, as AWS reckons."""
    assert kubelet.reserved_memory_mib(pods) == memory
    assert kubelet.configuration(pods)["kubeReserved"] == {"memory": f"{memory}Mi"}


@pytest.mark.parametrize(("vcpus", "millicores"), [(1, 60), (2, 70), (4, 80), (8, 90), (16, 110), (96, 310)])
def test_cpu_is_reserved_by_bands(vcpus: int, millicores: int) -> None:
    """6 % of the first, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest."""
    assert kubelet.reserved_cpu_millicores(vcpus) == millicores


@pytest.mark.parametrize(("pod_range", "pods"), [(False, 242), (True, 162)])
def test_a_pod_range_costs_an_interface(pod_range: bool, pods: int) -> None:
    """A t3.medium has three interfaces of six addresses; with subnets of their own pods use two of them."""
    assert kubelet.pods_with_addresses(interfaces=3, addresses=6, pod_range=pod_range) == pods


def test_advice_changes_above_thirty_vcpus() -> None:
    """AWS draws the line there."""
    assert [kubelet.advised_pods(vcpus) for vcpus in (2, 30, 32, 96)] == [110, 110, 250, 250]


def test_every_soft_threshold_has_its_grace_period_and_lies_above_the_hard_one() -> None:
    """The kubelet refuses the first and acts on neither in the second case."""
    values = kubelet.configuration(110)
    assert values["evictionSoft"].keys() == values["evictionSoftGracePeriod"].keys()
    for signal, soft in values["evictionSoft"].items():
        assert int(soft.rstrip("%")) > int(values["evictionHard"][signal].rstrip("%"))


def test_one_hard_threshold_does_not_drop_the_others() -> None:
    """The kubelet's own thresholds are all restated, and images go before nodes come under pressure."""
    values = kubelet.configuration(110)
    assert set(values["evictionHard"]) == {
        "memory.available",
        "nodefs.available",
        "nodefs.inodesFree",
        "imagefs.available",
    }
    assert values["imageGCLowThresholdPercent"] < values["imageGCHighThresholdPercent"] <= 85


def test_karpenter_hears_what_the_kubelet_hears() -> None:
    """What an EC2NodeClass may say of the kubelet is the same as in the user data."""
    values, scheduling = kubelet.configuration(58), kubelet.scheduling(58)
    assert {key: values[key] for key in scheduling} == scheduling


def test_user_data_is_one_node_config() -> None:
    """A MIME text with one part that nodeadm reads; the launch template takes it in base64."""
    text = documents.node_config(58)
    assert base64.b64decode(documents.node_user_data(58)).decode() == text
    (part,) = (part for part in message_from_string(text).walk() if not part.is_multipart())
    assert part.get_content_type() == "application/node.eks.aws"
    config = json.loads(str(part.get_payload()))
    assert (config["apiVersion"], config["kind"]) == ("node.eks.aws/v1alpha1", "NodeConfig")
    assert config["spec"] == {"kubelet": {"config": kubelet.configuration(58)}}


def test_user_data_is_the_golden_text() -> None:
    """A change of what nodes are told replaces every node: it is to be seen in review."""
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(documents.node_config(110), encoding="utf-8")
    assert documents.node_config(110) == GOLDEN.read_text(encoding="utf-8")


def test_user_data_is_small_enough() -> None:
    """EC2 takes 16 KiB."""
    assert len(documents.node_config(250).encode()) < documents.USER_DATA_BYTES / 8


def test_pods_stay_in_the_nodes_subnets_without_a_range_of_their_own() -> None:
    """Custom networking costs a network interface per node: it is on only where pods have subnets."""
    values = json.loads(documents.vpc_cni_configuration())
    assert values == {
        "enableNetworkPolicy": "true",
        "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"},
    }

"""What a self-managed cluster is refused for, and that nothing else is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from components.self_managed.registration import (
    CONTROL_PLANE_TAINT,
    check_label,
    check_name,
    check_taint,
    registered_taints,
)
from components.self_managed.rules import spec_faults, validate_spec
from components.self_managed.spec import ClusterSpec, Taint
from tests.self_managed import (
    VPC,
    control_plane,
    node,
    nodes14,
    three_control_planes,
    with_node,
)

BAD_EFFECT: Any = "NoSchedul"


def keys(spec: ClusterSpec, vpc_cidr: IPv4Network | None = VPC) -> list[str]:
    return [".".join(fault.path) for fault in spec_faults(spec, vpc_cidr)]


@pytest.mark.parametrize("spec", [nodes14(), three_control_planes()], ids=["one", "three"])
def test_the_documents_cluster_is_accepted(spec: ClusterSpec) -> None:
    """Its fourteen nodes break no rule, with one control plane or three."""
    validate_spec(spec, VPC)
    assert len(nodes14().nodes) == 14


@pytest.mark.parametrize(
    "key",
    [
        "domain",
        "workload",
        "example.com/team",
        "node.kubernetes.io/pool",
        "kubelet.kubernetes.io/x",
        "a.node.kubernetes.io/b",
    ],
)
def test_labels_that_a_kubelet_may_set_are_accepted(key: str) -> None:
    """Keys without a domain, of one's own, and of the two domains that are left to kubelets."""
    check_label(key, "value")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("node-role.kubernetes.io/api", "role"),
        ("node-restriction.kubernetes.io/x", "kubernetes.io"),
        ("k8s.io/domain", "k8s.io"),
        ("kubernetes.io/x", "kubernetes.io"),
        ("app.kubernetes.io/name", "kubernetes.io"),
        ("kubernetes.io/hostname", "set it"),
        ("topology.kubernetes.io/zone", "set it"),
        ("node.kubernetes.io/instance-type", "set it"),
        ("Domain.com/x", "no key"),
        ("a//b", "no key"),
        ("-x", "no key"),
        ("x" * 64, "no key"),
        (f"{'.'.join(['x' * 60] * 5)}/x", "no key"),
        ("", "no key"),
    ],
)
def test_labels_with_which_a_kubelet_would_end_are_refused(key: str, reason: str) -> None:
    """A key of Kubernetes' own domains, a fact, or no key at all: each says which."""
    with pytest.raises(ValueError, match=reason):
        check_label(key, "value")
    assert keys(with_node("k8s-redis", labels={key: "value"})) == [f"workers.k8s-redis.labels.{key}"]


@pytest.mark.parametrize("value", ["a b", "a,b=c", "x" * 64, "-x", "é"])
def test_label_values_that_end_the_argument_are_refused(value: str) -> None:
    """A comma would begin the next label, a blank the next argument."""
    with pytest.raises(ValueError, match="value"):
        check_label("workload", value)


@pytest.mark.parametrize(
    ("taint", "reason"),
    [
        (Taint(key="workload", value="x", effect=BAD_EFFECT), "effect"),
        (Taint(key="workload", value="x y", effect="NoSchedule"), "value"),
        (Taint(key="work load", value="x", effect="NoSchedule"), "no key"),
        (Taint(key="node.kubernetes.io/not-ready", value="", effect="NoSchedule"), "own domains"),
        (CONTROL_PLANE_TAINT, "own domains"),
    ],
)
def test_taints_that_kubeadm_passes_on_unread_are_refused(taint: Taint, reason: str) -> None:
    """`kubeadm config validate` takes a misspelt effect; the kubelet then ends, and the node never comes."""
    with pytest.raises(ValueError, match=reason):
        check_taint(taint.key, taint.value, taint.effect)
    assert keys(with_node("k8s-redis", taints=(taint,))) == [f"workers.k8s-redis.taints.{taint.key}"]


def test_only_control_planes_have_their_taint() -> None:
    """Named or not, it is on each of them from the first moment; a control plane's other taints stay."""
    check_taint(CONTROL_PLANE_TAINT.key, "", "NoSchedule", control_plane=True)
    with pytest.raises(ValueError, match="own domains"):
        check_taint(CONTROL_PLANE_TAINT.key, "", "NoExecute", control_plane=True)
    other = Taint(key="example.com/x", value="", effect="NoSchedule")
    bare = replace(control_plane(), taints=(other,))
    assert registered_taints(bare) == (CONTROL_PLANE_TAINT, other)
    assert registered_taints(control_plane()) == (CONTROL_PLANE_TAINT,)
    assert registered_taints(node("k8s-monitoring")) == ()


@pytest.mark.parametrize("name", ["i-0123", "K8s", "a_b", "a.b", "-a", "a-", "a" * 64, ""])
def test_names_that_are_no_nodes_are_refused(name: str) -> None:
    """A label of DNS, at most 63 long, that the cloud controller does not take for an instance id."""
    with pytest.raises(ValueError, match=";"):
        check_name(name)
    assert keys(with_node("k8s-redis", name=name)) == [f"workers.{name}.name"]


def test_long_and_short_names_are_accepted() -> None:
    """63 letters and one, and an i that no hyphen follows."""
    for name in ("a" * 63, "a", "i2", "ix-1"):
        check_name(name)


CIDR = IPv4Network
THREE = three_control_planes()
API = "k8s-api-auth"
_SCAN = {"domain": "scan", "workload": "worker-storage"}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (replace(nodes14(), control_planes=()), ["control_planes"]),
        (replace(nodes14(), control_planes=THREE.control_planes[:2]), ["control_planes"]),
        (
            replace(THREE, control_planes=tuple(replace(one, zone="ap-northeast-2a") for one in THREE.control_planes)),
            ["control_planes"],
        ),
        (replace(nodes14(), version="1.36"), ["version"]),
        (replace(nodes14(), version="stable-1"), ["version"]),
        (replace(nodes14(), version="v1.36.4"), ["version"]),
        (replace(nodes14(), issuer="http://x.example.com"), ["issuer"]),
        (replace(nodes14(), issuer="https://x.example.com/"), ["issuer"]),
        (replace(nodes14(), pod_cidr=CIDR("10.0.128.0/17")), ["pod_cidr"]),
        (replace(nodes14(), service_cidr=CIDR("10.0.0.0/14")), ["service_cidr"]),
        (replace(nodes14(), pod_cidr=CIDR("172.20.0.0/16")), ["pod_cidr"]),
        (replace(nodes14(), service_cidr=CIDR("172.20.0.0/25")), ["service_cidr"]),
        (replace(nodes14(), service_cidr=CIDR("172.0.0.0/11")), ["service_cidr"]),
        (replace(nodes14(), pod_cidr=CIDR("100.64.0.0/22")), ["pod_cidr"]),
        (with_node("k8s-master", address=None), ["control_planes.k8s-master.address"]),
        (with_node("k8s-master", address=IPv4Address("10.1.0.20")), ["control_planes.k8s-master.address"]),
        (with_node("k8s-master", role="api"), ["control_planes.k8s-master.role"]),
        (with_node("k8s-master", instance_type="t3.micro"), ["control_planes.k8s-master.instance_type"]),
        (with_node("k8s-redis", role="control-plane"), ["workers.k8s-redis.role"]),
        (with_node("k8s-redis", name="k8s-master"), ["workers.k8s-master.name"]),
        (with_node("k8s-redis", address=IPv4Address("10.0.0.20")), ["workers.k8s-redis.address"]),
        (with_node("k8s-redis", zone="us-east-1a"), ["workers.k8s-redis.zone"]),
        (with_node("k8s-redis", zone="ap-northeast-2"), ["workers.k8s-redis.zone"]),
        (with_node("k8s-redis", taints=node("k8s-redis").taints * 2), ["workers.k8s-redis.taints.workload"]),
        (with_node(API, labels={"domain": "auth"}), [f"workers.{API}.labels.workload"]),
        (with_node(API, taints=()), [f"workers.{API}.taints"]),
        (
            with_node(API, taints=(*node(API).taints, Taint(key="workload", value="api", effect="NoSchedule"))),
            [f"workers.{API}.taints.workload"],
        ),
        (with_node("k8s-monitoring", taints=(Taint(key="a", value="", effect="NoExecute"),)), ["workers"]),
        (with_node("k8s-worker-storage", taints=()), ["workers.k8s-worker-storage.labels.domain"]),
        (
            with_node("k8s-worker-storage", taints=(Taint(key="domain", value="scan", effect="NoSchedule"),)),
            ["workers.k8s-worker-storage.labels.domain"],
        ),
        (
            with_node("k8s-worker-storage", taints=(Taint(key="workload", value="x", effect="PreferNoSchedule"),)),
            ["workers.k8s-worker-storage.labels.domain"],
        ),
    ],
)
def test_each_rule_refuses_what_breaks_it_and_nothing_else(spec: ClusterSpec, found: list[str]) -> None:
    """One thing wrong is one line, which names where it stands."""
    assert keys(spec) == found
    with pytest.raises(ValueError, match=found[0]):
        validate_spec(spec, VPC)


def test_an_api_without_a_domain_names_both_of_its_labels() -> None:
    """Without labels nothing says whose node it is; its taint is then one that its pods would not tolerate."""
    assert keys(with_node(API, labels={}, taints=())) == [
        f"workers.{API}.labels.domain",
        f"workers.{API}.labels.workload",
    ]


def test_the_vpcs_range_counts_only_when_it_is_given() -> None:
    """Without it, the cluster is judged by itself."""
    spec = replace(nodes14(), pod_cidr=CIDR("10.0.128.0/17"))
    assert keys(spec, None) == []


def test_a_fault_is_one_line_with_key_value_rule_and_fix() -> None:
    """As every fault of the configuration reads; several are a line each."""
    wrong = with_node("k8s-redis", labels={"k8s.io/domain": "x"}, zone="us-east-1a")
    with pytest.raises(ValueError, match="; ") as caught:
        validate_spec(wrong, VPC)
    first, second = str(caught.value).splitlines()
    assert first.startswith("workers.k8s-redis.labels.k8s.io/domain=x: a kubelet may set no such key")
    assert second == "workers.k8s-redis.zone=us-east-1a: no zone of ap-northeast-2; take one of it"

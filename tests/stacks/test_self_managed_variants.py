"""The other shapes of a self-managed stack: three control planes, no way in from outside, Git over SSH."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

import pytest

from tests.captures import Capture, Registration
from tests.components import Control, Mutation, changed, without
from tests.conftest import CaptureProgram
from tests.self_managed.stack import (
    ATTACHMENT,
    ENDPOINT,
    INSTANCE,
    RECORD,
    STACK,
    THREE,
    VOLUME,
    described,
    kubeadm,
    machine,
    node_of,
    nodes,
)
from tests.whole_stacks import WholeStack, capture_stack

BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
TARGET: Final = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
TARGET_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
SUBNET: Final = "aws:ec2/subnet:Subnet"
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
MASTERS: Final = {"k8s-master": "a", "k8s-master-2": "b", "k8s-master-3": "c"}
JOIN: Final = "/etc/platform/kubeadm-join.yaml"
PRIVATE: Final[Mapping[str, Mapping[str, Any]]] = {"cluster": {"publicAccessCidrs": []}}
SSH: Final = "ssh://git@git.example.com/platform/platform.git"


@pytest.fixture(scope="module")
def three(capture: CaptureProgram) -> Capture:
    return capture_stack(capture, STACK, THREE)


@pytest.fixture(scope="module")
def private(capture: CaptureProgram) -> Capture:
    return capture_stack(capture, STACK, PRIVATE)


def misplaced_control_planes(captured: Capture) -> list[str]:
    """Each has a zone of its own, a fixed address of its subnet, and etcd's volume in the same zone."""
    masters = {node_of(r) for r in captured.of_type(INSTANCE) if r.inputs.get("privateIp")}
    wrong = sorted(masters ^ MASTERS.keys())
    for node, zone in MASTERS.items() if not wrong else ():
        instance, name = machine(captured, node), f"machines-{node}-etcd"
        subnet, volume = captured.one(SUBNET, f"network-private-{zone}"), captured.one(VOLUME, name)
        attachment = captured.one(ATTACHMENT, name)
        right = (
            subnet.urn in instance.property_dependencies["subnetId"]
            and IPv4Address(instance.inputs["privateIp"]) in IPv4Network(subnet.inputs["cidrBlock"])
            and volume.inputs["availabilityZone"] == f"ap-northeast-2{zone}"
            and attachment.source("instanceId") == instance.urn
            and attachment.source("volumeId") == volume.urn
        )
        wrong += [] if right else [node]
    return wrong


def strange_boots(captured: Capture) -> list[str]:
    """The first may begin the cluster or join it again, the others join as control planes, all under one name."""
    wrong = []
    for node in MASTERS:
        instance, first = machine(captured, node), node == "k8s-master"
        found = kubeadm(instance)
        joins = kubeadm(instance, JOIN) if first else found
        told = joins["JoinConfiguration"]
        right = (
            described(instance)["first"] is first
            and ("InitConfiguration" in found) is first
            and told["nodeRegistration"]["name"] == node
            and told["controlPlane"]["localAPIEndpoint"]["advertiseAddress"] == instance.inputs["privateIp"]
            and told["discovery"]["bootstrapToken"]["apiServerEndpoint"] == ENDPOINT
        )
        if first:
            addresses = {machine(captured, other).inputs["privateIp"] for other in MASTERS}
            right = right and addresses <= set(found["ClusterConfiguration"]["apiServer"]["certSANs"])
        wrong += [] if right else [node]
    return wrong


def strange_balancers(captured: Capture) -> list[str]:
    """One inside, by whose name all find the API, and one outside; each sends to every control plane."""
    internal, public = (captured.one(BALANCER, f"endpoint-{role}") for role in ("internal", "public"))
    wrong = [r.name for r in (internal, public) if r.inputs.get("internal", False) is not (r is internal)]
    record = captured.one(RECORD, "endpoint-record")
    alias = record.property_dependencies.get("aliases") == (internal.urn,) and "records" not in record.inputs
    wrong += [] if alias else [record.name]
    for role in ("internal", "public"):
        group = captured.one(TARGET_GROUP, f"endpoint-{role}").urn
        targets = [r for r in captured.of_type(TARGET) if r.source("targetGroupArn") == group]
        found = sorted(r.source("targetId") for r in targets)
        wrong += [] if found == sorted(machine(captured, node).urn for node in MASTERS) else [group]
    # Who would learn its own address as the sender's never gets an answer.
    return wrong + [r.name for r in captured.of_type(TARGET_GROUP) if r.inputs["preserveClientIp"] != "false"]


def closed_members(captured: Capture) -> list[str]:
    """Etcd's members reach one another, and nobody else reaches them."""
    rules = [r for type_ in (INGRESS, EGRESS) for r in captured.of_type(type_) if _covers(r, 2380)]
    group = next(r.urn for r in captured.resources if r.name == "security-groups-control-planes")
    keys = ("securityGroupId", "referencedSecurityGroupId")
    wrong = [r.name for r in rules if any(r.property_dependencies.get(key) != (group,) for key in keys)]
    return wrong + ([] if {r.type for r in rules} == {INGRESS, EGRESS} else ["no rule"])


def _covers(rule: Registration, port: int) -> bool:
    return bool(rule.inputs["ipProtocol"] == "tcp" and rule.inputs["fromPort"] <= port <= rule.inputs["toPort"])


MUTATIONS: list[tuple[Control, Mutation]] = [
    (misplaced_control_planes, changed(VOLUME, "machines-k8s-master-2-etcd", {"availabilityZone": "ap-northeast-2a"})),
    (misplaced_control_planes, changed(INSTANCE, "machines-k8s-master-3", {"privateIp": "10.0.0.22"})),
    (misplaced_control_planes, changed(INSTANCE, "machines-k8s-master-3", {"privateIp": None})),
    (strange_boots, lambda c: c.changed(INSTANCE, "machines-k8s-master-2", _data(c, "k8s-master-3"))),
    (strange_boots, lambda c: c.changed(INSTANCE, "machines-k8s-master-2", {"privateIp": "10.0.32.9"})),
    (strange_balancers, changed(BALANCER, "endpoint-internal", {"internal": False})),
    (strange_balancers, changed(RECORD, "endpoint-record", property_dependencies={})),
    (strange_balancers, without(TARGET, "machines-k8s-master-3-internal")),
    (strange_balancers, changed(TARGET_GROUP, "endpoint-internal", {"preserveClientIp": "true"})),
    (closed_members, without(INGRESS, "security-groups-control-planes-etcd-from-control-planes")),
    (closed_members, changed(INGRESS, "security-groups-nodes-kubelet-from-nodes", {"toPort": 65535, "fromPort": 1})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


def _data(captured: Capture, node: str) -> dict[str, Any]:
    return {"userDataBase64": machine(captured, node).inputs["userDataBase64"]}


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_three_control_planes_hold(three: Capture, control: Control) -> None:
    """A cluster that survives the loss of a zone: members, volumes and ways to the API in each."""
    assert control(three) == []
    assert {node_of(r) for r in three.of_type(INSTANCE)} == {*MASTERS, *nodes()}


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_three_control_planes_are_controlled(three: Capture, control: Control, mutation: Mutation) -> None:
    """Each control reports three control planes of which one thing was changed."""
    assert control(mutation(three)) != []


def test_without_cidrs_nobody_comes_in(private: Capture) -> None:
    """No load balancer, no rule for anybody outside; the kubeconfig has the name in the VPC, for a tunnel."""
    assert [r.name for type_ in (BALANCER, TARGET_GROUP, TARGET) for r in private.of_type(type_)] == []
    assert [r.name for r in private.of_type(INGRESS) if "cidrIpv4" in r.inputs] == []
    cluster = json.loads(private.exports["kubeconfig"].value)["clusters"][0]["cluster"]
    assert (cluster["server"], cluster["tls-server-name"]) == (f"https://{ENDPOINT}", ENDPOINT.partition(":")[0])


def test_with_cidrs_these_come_in_and_no_others(whole_stack: WholeStack) -> None:
    """The one rule for an address outside is the public load balancer's: the control for the test above."""
    captured = whole_stack(STACK)
    assert [r.name for r in captured.of_type(BALANCER)] == ["endpoint-public"]
    open_to = {r.name: r.inputs["cidrIpv4"] for r in captured.of_type(INGRESS) if "cidrIpv4" in r.inputs}
    assert open_to == {"security-groups-public-balancer-api-from-203-0-113-0-24": "203.0.113.0/24"}


@pytest.mark.parametrize(("repository", "ports"), [(None, {80, 443}), (SSH, {22, 80, 443})])
def test_git_over_ssh_has_its_port(capture: CaptureProgram, repository: str | None, ports: set[int]) -> None:
    """Argo CD's pods leave with their node's address: port 22 is open where the tree comes by it, and only then."""
    captured = capture_stack(capture, STACK, {"gitops": {"repository": repository}} if repository else {})
    outside = [r for r in captured.of_type(EGRESS) if r.inputs.get("cidrIpv4") == "0.0.0.0/0"]
    assert {r.inputs["fromPort"] for r in outside} == {r.inputs["toPort"] for r in outside} == ports
    assert {r.source("securityGroupId").rpartition("::")[2] for r in outside} == {"security-groups-nodes"}

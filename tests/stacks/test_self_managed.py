"""The whole self-managed stack is wired as its settings say: each machine is the one that it is to become."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Final

import pytest

from components.self_managed.pki_math import ca_pin
from tests.captures import Capture, Secret
from tests.components import Control, Mutation, changed, without
from tests.self_managed import arguments
from tests.self_managed.stack import (
    ATTACHMENT,
    ENDPOINT,
    INSTANCE,
    NODE_PATCH,
    PARAMETER,
    RECORD,
    STACK,
    cloud_config,
    described,
    kubeadm,
    machine,
    node_of,
    nodes,
    registered,
    settings_of,
)
from tests.whole_stacks import WholeStack, stack_sections

ISSUER: Final = "https://platform-nodes14-issuer.s3.ap-northeast-2.amazonaws.com"
MASTER, AUTH = "machines-k8s-master", "machines-k8s-api-auth"
SUBNET: Final = "aws:ec2/subnet:Subnet"
LEAVING: Final = {
    "before_create": ("self-managed-succeed",),
    "after_create": ("self-managed-succeeded",),
    "before_delete": ("self-managed-leave",),
    "after_delete": ("self-managed-left",),
    "on_error": ("self-managed-failed",),
}
# What a machine needs when it boots, by the beginnings of type and name.
NEEDED: Final = (
    (PARAMETER, "parameters-"),
    (RECORD, "endpoint-record"),
    ("aws:ec2/route:Route", "network-private-"),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "network-private-"),
    ("aws:ec2/subnetCidrReservation:SubnetCidrReservation", "network-private-"),
    ("aws:vpc/securityGroup", "security-groups-"),
    ("aws:iam/rolePolicy", "machine-roles-"),
)


def missing_machines(captured: Capture) -> list[str]:
    """There is a machine and a patch for each node of the settings, and no other."""
    return [
        f"{type_}: {sorted(found ^ set(nodes()))}"
        for type_ in (INSTANCE, NODE_PATCH)
        if (found := {node_of(r) for r in captured.of_type(type_)}) != set(nodes())
    ]


def strangers_user_data(captured: Capture) -> list[str]:
    """Each machine has the user data of its own node: name, role, labels and taints are those of the settings."""
    wrong = []
    for instance in captured.of_type(INSTANCE):
        node, told, joins = node_of(instance), described(instance), registered(instance)
        wanted = settings_of(node)
        master = wanted["role"] == "control-plane"
        taints = [(taint["key"], taint["value"], taint["effect"]) for taint in wanted["taints"]]
        right = (
            cloud_config(instance)["hostname"] == told["node"] == joins["name"] == node
            and told["role"] == ("control-plane" if master else "worker")
            and told["first"] is master
            and (told["cluster"], told["region"]) == ("platform-nodes14", "ap-northeast-2")
            and (joins["labels"], joins["taints"]) == (wanted["labels"], taints)
        )
        wrong += [] if right else [node]
    return wrong


def strange_clusters(captured: Capture) -> list[str]:
    """All look for the API under its name in the VPC; who joins knows the authority, who signs tokens the issuer."""
    authority: Secret = captured.one(PARAMETER, "parameters-ca-crt").inputs["value"]
    wrong = []
    for instance in captured.of_type(INSTANCE):
        found, right = kubeadm(instance), registered(instance)["endpoint"] == ENDPOINT
        if "JoinConfiguration" in found:
            told = found["JoinConfiguration"]["discovery"]["bootstrapToken"]
            right = right and told["caCertHashes"] == [ca_pin(authority.value)]
        else:
            told = arguments(found["ClusterConfiguration"]["apiServer"])
            right = right and told["service-account-issuer"][0] == captured.exports["issuer"] == ISSUER
        wrong += [] if right else [node_of(instance)]
    return wrong


def misplaced_machines(captured: Capture) -> list[str]:
    """Each lies in its zone's private subnet, with its role's profile and groups, type and disk of the settings."""
    sections, wrong = stack_sections(STACK), []
    for instance in captured.of_type(INSTANCE):
        wanted, inputs = settings_of(node_of(instance)), instance.inputs
        subnet = captured.one(SUBNET, f"network-private-{wanted['zone'][-1]}")
        master = wanted["role"] == "control-plane"
        groups = {"security-groups-nodes", *(["security-groups-control-planes"] if master else [])}
        right = (
            subnet.urn in instance.property_dependencies["subnetId"]
            and subnet.inputs["availabilityZone"] == wanted["zone"]
            and inputs["iamInstanceProfile"] == f"platform-nodes14-{'control-plane' if master else 'worker'}"
            and {urn.rpartition("::")[2] for urn in instance.property_dependencies["vpcSecurityGroupIds"]} == groups
            and len(inputs["vpcSecurityGroupIds"]) == len(groups)
            and inputs["instanceType"] == wanted["instanceType"]
            and inputs["rootBlockDevice"]["volumeSize"] == wanted["diskGiB"]
            and inputs["ami"] == sections["machines"]["image"]
            and inputs["associatePublicIpAddress"] is False
            and _address(inputs.get("privateIp"), subnet.inputs["cidrBlock"], master)
        )
        wrong += [] if right else [node_of(instance)]
    return wrong


def _address(address: str | None, cidr: str, master: bool) -> bool:
    """Control planes have a fixed address of the 16 that their subnet keeps for them, others what comes."""
    if address is None:
        return not master
    return master and 16 <= int(IPv4Address(address)) - int(IPv4Network(cidr).network_address) < 32


def early_machines(captured: Capture) -> list[str]:
    """No machine boots before what it asks for is there: a "no such name" would be remembered for a day."""
    needed = {
        (type_, begins): [r.urn for r in captured.resources if r.type.startswith(type_) and r.name.startswith(begins)]
        for type_, begins in NEEDED
    }
    wrong = [f"no {begins}" for (_, begins), urns in needed.items() if not urns]
    for instance in captured.of_type(INSTANCE):
        before = captured.needs(instance)
        wrong += [f"{node_of(instance)}: {urn}" for urns in needed.values() for urn in urns if urn not in before]
    return wrong


def unwatched_machines(captured: Capture) -> list[str]:
    """Every machine's pods leave before it does, and an etcd volume is not taken from under a running one."""
    wrong = [r.name for r in captured.of_type(INSTANCE) if r.hooks != LEAVING]
    volumes = captured.of_type(ATTACHMENT)
    return wrong + [r.name for r in volumes if r.hooks != {"before_delete": ("self-managed-detach",)}]


def _other_data(edit: Callable[[str], str]) -> Mutation:
    """Change the text of one machine's user data."""

    def mutate(captured: Capture) -> Capture:
        text = gzip.decompress(base64.b64decode(captured.one(INSTANCE, AUTH).inputs["userDataBase64"])).decode()
        assert edit(text) != text
        packed = base64.b64encode(gzip.compress(edit(text).encode())).decode()
        return captured.changed(INSTANCE, AUTH, {"userDataBase64": packed})

    return mutate


def _neighbours_data(captured: Capture) -> Capture:
    return captured.changed(
        INSTANCE, AUTH, {"userDataBase64": machine(captured, "k8s-api-my").inputs["userDataBase64"]}
    )


def _linked(name: str, key: str, urns: tuple[str, ...]) -> Mutation:
    def mutate(captured: Capture) -> Capture:
        links = {**captured.one(INSTANCE, name).property_dependencies, key: urns}
        return captured.changed(INSTANCE, name, property_dependencies=links)

    return mutate


MUTATIONS: list[tuple[Control, Mutation]] = [
    (missing_machines, without(INSTANCE, AUTH)),
    (missing_machines, without(NODE_PATCH, "node-roles-k8s-redis")),
    (strangers_user_data, _neighbours_data),
    (strangers_user_data, _other_data(lambda text: text.replace("domain=auth", "domain=my"))),
    (strangers_user_data, _other_data(lambda text: text.replace('"value": "auth"', '"value": "my"'))),
    (strangers_user_data, _other_data(lambda text: text.replace('"role": "worker"', '"role": "control-plane"'))),
    (strange_clusters, _other_data(lambda text: text.replace(ENDPOINT, "api.other.internal:6443"))),
    (strange_clusters, _other_data(lambda text: text.replace('"sha256:', '"sha256:00'))),
    (strange_clusters, lambda captured: replace(captured, exports={**captured.exports, "issuer": "https://other"})),
    (misplaced_machines, _linked(AUTH, "subnetId", ("::network-private-b",))),
    (misplaced_machines, _linked(AUTH, "vpcSecurityGroupIds", ("::security-groups-control-planes",))),
    (misplaced_machines, changed(INSTANCE, AUTH, {"iamInstanceProfile": "platform-nodes14-control-plane"})),
    (misplaced_machines, changed(INSTANCE, AUTH, {"instanceType": "t3.large"})),
    (misplaced_machines, changed(INSTANCE, AUTH, {"privateIp": "10.0.0.21"})),
    (misplaced_machines, changed(INSTANCE, MASTER, {"privateIp": "10.0.0.40"})),
    (misplaced_machines, changed(INSTANCE, MASTER, {"privateIp": None})),
    (misplaced_machines, changed(INSTANCE, MASTER, {"associatePublicIpAddress": True})),
    (early_machines, changed(INSTANCE, AUTH, dependencies=())),
    (early_machines, changed("aws:iam/instanceProfile:InstanceProfile", "machine-roles-worker", dependencies=())),
    (unwatched_machines, changed(INSTANCE, AUTH, hooks={})),
    (unwatched_machines, changed(ATTACHMENT, f"{MASTER}-etcd", hooks={})),
]
CONTROLS = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control_holds(whole_stack: WholeStack, control: Control) -> None:
    """The stack's machines and what is around them fit together."""
    assert control(whole_stack(STACK)) == []


@pytest.mark.parametrize(("control", "mutation"), MUTATIONS, ids=lambda item: getattr(item, "__name__", ""))
def test_control_catches_its_mutation(whole_stack: WholeStack, control: Control, mutation: Mutation) -> None:
    """Each control reports a stack of which one thing was changed."""
    assert control(mutation(whole_stack(STACK))) != []


def test_nobody_is_told_of_another(whole_stack: WholeStack) -> None:
    """No worker's user data names another node: one more or fewer changes no machine."""
    captured = whole_stack(STACK)
    others = set(nodes())
    for instance in captured.of_type(INSTANCE):
        text = json.dumps(cloud_config(instance))
        assert not [name for name in others - {node_of(instance)} if name in text], instance.name

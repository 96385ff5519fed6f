"""The machines of a self-managed cluster, as registered: closed, encrypted, named, and none the business of another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from pulumi_aws.ec2.eip import Eip

from components.place import Place
from components.self_managed.leaving import Standing, StandingArgs, Succession
from components.self_managed.machines import Machines, MachinesArgs
from components.self_managed.spec import ClusterSpec
from tests.captures import Capture, Registration
from tests.components import Mutation, changed, shown
from tests.components.conftest import EIP
from tests.conftest import ACCOUNT, CaptureProgram
from tests.self_managed import NODES14, THREE

INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
ATTACHMENT = "aws:ec2/volumeAttachment:VolumeAttachment"
TARGET = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
MARK = "random:index/randomString:RandomString"


def machines(capture: CaptureProgram, spec: ClusterSpec = NODES14, **changes: Any) -> Capture:
    """Register the machines of a cluster after something that stands for what they need."""
    example: dict[str, Any] = {
        "image": "ami-0123456789abcdef0",
        "subnet_ids": {f"ap-northeast-2{letter}": f"subnet-{letter}" for letter in "abc"},
        "user_data": {node.name: f"user data of {node.name}" for node in spec.nodes},
        "control_plane_profile": "demo-control-plane",
        "worker_profile": "demo-worker",
        "node_group_id": "sg-nodes",
        "control_plane_group_id": "sg-control-planes",
        "target_group_arns": {"public": "arn:public"},
        "place": Place(region="ap-northeast-2", partition="aws", account_id=ACCOUNT, tags={"project": "demo"}),
        **changes,
    }

    def program() -> None:
        need = Eip("need")
        succession = Succession(
            kubeconfig="{}", machines=[f"machines-{node.name}" for node in spec.nodes], version=spec.version
        )
        made = Machines(
            "machines",
            MachinesArgs(
                spec=spec, after=[need], hooks=succession.hooks, volume_hooks=succession.volume_hooks, **example
            ),
        )
        Standing("standing", StandingArgs(succession=succession, after=made.ready))

    return capture(program)


def _workers(captured: Capture) -> list[Registration]:
    planes = {node.name for node in THREE.control_planes}
    return [r for r in captured.of_type(INSTANCE) if r.name.removeprefix("machines-") not in planes]


def control_imds(captured: Capture) -> list[str]:
    """W1: version 2 only, one hop, no tags in the metadata."""
    asked = {"httpTokens": "required", "httpPutResponseHopLimit": 1, "instanceMetadataTags": "disabled"}
    return [r.name for r in captured.of_type(INSTANCE) if asked.items() - r.inputs["metadataOptions"].items()]


def control_encrypted(captured: Capture) -> list[str]:
    """D1: every volume, of the machines and of etcd, is encrypted."""
    roots = [r.name for r in captured.of_type(INSTANCE) if r.inputs["rootBlockDevice"]["encrypted"] is not True]
    return roots + [r.name for r in captured.of_type(VOLUME) if r.inputs["encrypted"] is not True]


def control_private(captured: Capture) -> list[str]:
    """N2, W2: no public address, a private subnet of its zone, no key for SSH."""
    return [
        r.name
        for r in captured.of_type(INSTANCE)
        if r.inputs["associatePublicIpAddress"] is not False
        or not str(r.inputs["subnetId"]).startswith("subnet-")
        or "keyName" in r.inputs
    ]


def control_owned(captured: Capture) -> list[str]:
    """The cloud controller wants exactly one cluster's tag, and EBS CSI its own."""
    return [
        r.name
        for r in captured.of_type(INSTANCE)
        if [key for key in r.inputs["tags"] if key.startswith("kubernetes.io/cluster/")]
        != ["kubernetes.io/cluster/nodes14"]
        or r.inputs["tags"].get("ebs.csi.aws.com/cluster-name") != "nodes14"
    ]


def control_groups(captured: Capture) -> list[str]:
    """P3, P10: only control planes are in their group and have their profile."""
    planes = {f"machines-{node.name}" for node in THREE.control_planes}
    wanted = {
        True: (["sg-nodes", "sg-control-planes"], "demo-control-plane"),
        False: (["sg-nodes"], "demo-worker"),
    }
    return [
        r.name
        for r in captured.of_type(INSTANCE)
        if (r.inputs["vpcSecurityGroupIds"], r.inputs["iamInstanceProfile"]) != wanted[r.name in planes]
    ]


Control = Callable[[Capture], list[str]]
_MASTER, _WORKER = "machines-k8s-master", "machines-k8s-redis"
_OPEN: Final = {"httpTokens": "required", "httpPutResponseHopLimit": 2, "instanceMetadataTags": "disabled"}
BOTH: Final = {"kubernetes.io/cluster/nodes14": "owned", "kubernetes.io/cluster/other": "owned"}
MUTATIONS: Final[list[tuple[Control, Mutation]]] = [
    (control_imds, changed(INSTANCE, _WORKER, {"metadataOptions": _OPEN})),
    (control_encrypted, changed(INSTANCE, _WORKER, {"rootBlockDevice": {"encrypted": False}})),
    (control_encrypted, changed(VOLUME, f"{_MASTER}-etcd", {"encrypted": False})),
    (control_private, changed(INSTANCE, _WORKER, {"associatePublicIpAddress": True})),
    (control_private, changed(INSTANCE, _MASTER, {"keyName": "somebody"})),
    (control_owned, changed(INSTANCE, _WORKER, {"tags": BOTH})),
    (control_owned, changed(INSTANCE, _WORKER, {"tags": {"kubernetes.io/cluster/nodes14": "owned"}})),
    (control_groups, changed(INSTANCE, _WORKER, {"iamInstanceProfile": "demo-control-plane"})),
    (control_groups, changed(INSTANCE, _WORKER, {"vpcSecurityGroupIds": ["sg-nodes", "sg-control-planes"]})),
]
CONTROLS: Final = list(dict.fromkeys(control for control, _ in MUTATIONS))


@pytest.mark.parametrize("spec", [NODES14, THREE], ids=["one", "three"])
@pytest.mark.parametrize("control", CONTROLS, ids=shown)
def test_controls_hold(capture: CaptureProgram, control: Control, spec: ClusterSpec) -> None:
    """Every control finds nothing, whatever the number of control planes."""
    assert control(machines(capture, spec)) == []


@pytest.mark.parametrize(("control", "mutate"), MUTATIONS, ids=shown)
def test_controls_can_fail(capture: CaptureProgram, control: Control, mutate: Mutation) -> None:
    """Every control finds what it is there for."""
    assert control(mutate(machines(capture)))


def test_a_machine_is_what_its_spec_says(capture: CaptureProgram) -> None:
    """Name, type, zone, address, size and user data are each node's own; the image is the pinned one."""
    captured = machines(capture, THREE)
    for node in THREE.nodes:
        inputs = captured.one(INSTANCE, f"machines-{node.name}").inputs
        assert inputs["tags"]["Name"] == f"nodes14-{node.name}"
        assert (inputs["instanceType"], inputs["subnetId"]) == (node.instance_type, f"subnet-{node.zone[-1]}")
        assert inputs.get("privateIp") == (str(node.address) if node.address else None)
        assert inputs["rootBlockDevice"]["volumeSize"] == node.disk_gib
        assert inputs["userDataBase64"] == f"user data of {node.name}"
        assert inputs["ami"] == "ami-0123456789abcdef0"
    assert len(captured.of_type(INSTANCE)) == 16


def test_workers_are_replaced_and_control_planes_are_not(capture: CaptureProgram) -> None:
    """New user data, image or rollout is another worker, the old one gone before; a control plane keeps what it has."""
    captured = machines(capture, replace(THREE, rollout=7))
    workers = _workers(captured)
    assert len(workers) == 13
    assert all(r.inputs["userDataReplaceOnChange"] and r.delete_before_replace for r in workers)
    assert {(r.ignore_changes, r.replacement_trigger) for r in workers} == {((), 7.0)}
    for node in THREE.control_planes:
        plane = captured.one(INSTANCE, f"machines-{node.name}")
        assert plane.ignore_changes == ("ami", "userDataBase64")
        assert (plane.inputs["userDataReplaceOnChange"], plane.delete_before_replace) == (False, True)
        assert plane.replacement_trigger is None


def test_control_planes_that_are_to_be_renewed_are_replaced_like_workers(capture: CaptureProgram) -> None:
    """Else one that is replaced would come back with the packages of its first boot, older than its own data."""
    captured = machines(capture, THREE, renew=True)
    for node in THREE.control_planes:
        plane = captured.one(INSTANCE, f"machines-{node.name}")
        assert (plane.ignore_changes, plane.delete_before_replace) == ((), True)
        assert plane.inputs["userDataReplaceOnChange"] is True


def test_hooks_are_around_every_machine(capture: CaptureProgram) -> None:
    """Their names are the same in every run and for every machine: the engine looks them up by what the state says."""
    captured = machines(capture, THREE)
    hooks = {tuple(sorted(r.hooks.items())) for r in captured.of_type(INSTANCE)}
    assert hooks == {
        (
            ("after_create", ("self-managed-succeeded",)),
            ("after_delete", ("self-managed-left",)),
            ("before_create", ("self-managed-succeed",)),
            ("before_delete", ("self-managed-leave",)),
            ("on_error", ("self-managed-failed",)),
        )
    }
    assert {tuple(r.hooks.items()) for r in captured.of_type(ATTACHMENT)} == {
        (("before_delete", ("self-managed-detach",)),)
    }
    assert captured.one(MARK, "standing").hooks == {"before_delete": ("self-managed-ending",)}


def test_the_mark_goes_before_any_machine(capture: CaptureProgram) -> None:
    """It depends on every machine and on its volume, so that a destroy takes it first."""
    captured = machines(capture, THREE)
    needed = captured.needs(captured.one(MARK, "standing"))
    assert {r.urn for kind in (INSTANCE, ATTACHMENT, TARGET) for r in captured.of_type(kind)} <= needed


def test_etcd_has_a_volume_that_stays(capture: CaptureProgram) -> None:
    """Its own volume in the machine's zone, protected and kept as told; it leaves a machine that stands still."""
    captured = machines(capture, THREE, protect=True, keep=True, volume_key_arn="arn:key")
    for node in THREE.control_planes:
        name = f"machines-{node.name}"
        volume, attachment = captured.one(VOLUME, f"{name}-etcd"), captured.one(ATTACHMENT, f"{name}-etcd")
        assert (volume.protect, volume.retain_on_delete) == (True, True)
        assert (volume.inputs["availabilityZone"], volume.inputs["size"]) == (node.zone, THREE.etcd_gib)
        assert (volume.inputs["type"], volume.inputs["kmsKeyId"]) == ("gp3", "arn:key")
        assert attachment.inputs["stopInstanceBeforeDetaching"] is True
        assert attachment.source("volumeId") == volume.urn
        assert attachment.source("instanceId") == captured.one(INSTANCE, name).urn
        plane = captured.one(INSTANCE, name)
        assert (plane.protect, plane.inputs["disableApiTermination"]) == (True, True)
    assert not [r.name for r in _workers(captured) if r.protect or r.inputs["disableApiTermination"]]
    kept = [r.name for r in machines(capture).resources if r.protect or r.retain_on_delete]
    assert kept == []


def test_control_planes_stand_behind_every_balancer(capture: CaptureProgram) -> None:
    """Each of them is a target of each group, and no worker is."""
    captured = machines(capture, THREE, target_group_arns={"internal": "arn:internal", "public": "arn:public"})
    found = {
        (r.source("targetId").rpartition("-k8s-")[2], r.inputs["targetGroupArn"]) for r in captured.of_type(TARGET)
    }
    names = ("master", "master-2", "master-3")
    assert found == {(name, arn) for name in names for arn in ("arn:internal", "arn:public")}


def test_an_only_control_plane_can_be_reached_until_it_has_left(capture: CaptureProgram) -> None:
    """Its volume goes before its place behind the balancers: pods are moved before that, through the API."""
    captured = machines(capture, target_group_arns={"internal": "arn:internal", "public": "arn:public"})
    (attachment,) = captured.of_type(ATTACHMENT)
    targets = {r.urn for r in captured.of_type(TARGET)}
    assert len(targets) == 2
    assert targets <= captured.needs(attachment)


def test_every_machine_waits_for_what_it_needs_and_for_no_other(capture: CaptureProgram) -> None:
    """All fourteen start at once."""
    captured = machines(capture)
    need = captured.one(EIP, "need").urn
    assert {captured.needs(r) - {need} for r in captured.of_type(INSTANCE)} == {frozenset()}
    assert all(need in r.dependencies for r in captured.of_type(INSTANCE))


def test_one_more_or_one_less_changes_no_other(capture: CaptureProgram) -> None:
    """Registrations of the other nodes are the same to the letter, wherever in the list the new one stands."""

    def by_urn(spec: ClusterSpec) -> dict[str, Registration]:
        return {r.urn: r for r in machines(capture, spec).resources if r.type != MARK}

    new = replace(NODES14.workers[3], name="k8s-api-new")
    before = by_urn(NODES14)
    after = by_urn(replace(NODES14, workers=(new, *NODES14.workers)))
    assert {urn for urn in after if after[urn] != before.get(urn)} == {
        urn for urn in after if urn.endswith("-k8s-api-new")
    }
    assert set(before) < set(after)
    less = by_urn(replace(NODES14, workers=NODES14.workers[1:]))
    assert all(less[urn] == before[urn] for urn in less)
    assert {urn.rpartition("::")[2] for urn in set(before) - set(less)} == {"machines-k8s-api-auth"}


@pytest.mark.parametrize(
    ("type_", "credits_"), [("t3.small", True), ("t4g.large", True), ("m7i.large", False), ("trn1.2xlarge", False)]
)
def test_burstable_types_are_never_throttled(capture: CaptureProgram, type_: str, credits_: bool) -> None:
    """A node that misses its leases loses its pods; other families refuse the setting."""
    spec = replace(NODES14, workers=(replace(NODES14.workers[0], instance_type=type_),))
    inputs = machines(capture, spec).one(INSTANCE, "machines-k8s-api-auth").inputs
    assert (inputs.get("creditSpecification") == {"cpuCredits": "unlimited"}) is credits_


def test_many_machines_cost_no_more_each(capture: CaptureProgram) -> None:
    """Eight times as many take about eight times the processor's time; `bench` looks at a thousand."""

    def each(count: int) -> float:
        nodes = tuple(replace(NODES14.workers[0], name=f"worker-{index}") for index in range(count))
        started = time.process_time()
        captured = machines(capture, replace(NODES14, workers=nodes))
        assert len(captured.of_type(INSTANCE)) == count + 1
        return (time.process_time() - started) / count

    each(5)
    assert each(160) < 3 * each(20)
